/* SPDX-License-Identifier: ISC */
/* test_packet.c: packets of gdb's protocol, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../../monitor/gdb/packet.h"

struct fixture {
	struct gdb_in in;
	struct gdb_out out;
	struct husk_error e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	return f == NULL || gdb_in_init(&f->in, &f->e) == -1 || gdb_out_init(&f->out, &f->e) == -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	gdb_in_fini(&f->in);
	gdb_in_fini(&f->in);
	gdb_out_fini(&f->out);
	free(f);
	return 0;
}

/* What the last byte leads to; the others lead to nothing. */
static enum gdb_event feed(struct fixture *f, const char *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		assert_int_equal(gdb_in_byte(&f->in, (uint8_t)bytes[i]), GDB_NOTHING);
	return gdb_in_byte(&f->in, (uint8_t)bytes[n - 1]);
}
#define FEED(f, text) feed(f, text, sizeof(text) - 1)

static void assert_packet(const struct fixture *f, const char *data, size_t n)
{
	assert_int_equal(f->in.n, n);
	assert_memory_equal(f->in.data, data, n);
	assert_int_equal(f->in.data[n], 0);
}

static void a_packet_is_what_lies_between_its_marks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(FEED(f, "+junk$m0,4#fd"), GDB_PACKET);
	assert_packet(f, "m0,4", 4);
	assert_int_equal(FEED(f, "$#00"), GDB_PACKET);
	assert_packet(f, "", 0);
	assert_int_equal(FEED(f, "$m0,4#FD"), GDB_PACKET);
}

static void a_wrong_sum_is_noticed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(FEED(f, "$m0,4#fe"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$m0,4#ed"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$m0,4#xx"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$m0,4#fx"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$m0,4#fd"), GDB_PACKET);
}

static void escapes_are_undone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(FEED(f, "$X}\x03}\x04}]}\x0a#dd"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$X}\x03}\x04#53"), GDB_BROKEN);
	assert_int_equal(FEED(f, "$X}\x03}\x04#59"), GDB_PACKET);
	assert_packet(f, "X#$", 3);
}

static void a_mark_in_a_packet_begins_another(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(FEED(f, "$garbage$?#3f"), GDB_PACKET);
	assert_packet(f, "?", 1);
}

static void an_interrupt_is_one_outside_of_packets_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(FEED(f, "\x03"), GDB_INTERRUPT);
	assert_int_equal(FEED(f, "-"), GDB_AGAIN);
	assert_int_equal(FEED(f, "$\x03-#30"), GDB_PACKET);
	assert_packet(f, "\x03-", 2);
}

static void the_longest_packet_is_taken_and_a_longer_one_skipped(void **state)
{
	struct fixture *f = *state;
	uint8_t sum = 0;

	for (unsigned extra = 0; extra < 2; extra++) {
		gdb_in_byte(&f->in, '$');
		sum = 0;
		for (size_t i = 0; i < GDB_PACKET_MAX + extra; i++) {
			assert_int_equal(gdb_in_byte(&f->in, 'a'), GDB_NOTHING);
			sum = (uint8_t)(sum + 'a');
		}
		gdb_in_byte(&f->in, '#');
		gdb_in_byte(&f->in, (uint8_t)"0123456789abcdef"[sum >> 4]);
		assert_int_equal(gdb_in_byte(&f->in, (uint8_t)"0123456789abcdef"[sum & 15]),
				 extra == 0 ? GDB_PACKET : GDB_TOO_LONG);
	}
	assert_int_equal(FEED(f, "$?#3f"), GDB_PACKET);
}

static void what_was_begun_is_forgotten(void **state)
{
	struct fixture *f = *state;

	FEED(f, "$abc");
	gdb_in_reset(&f->in);
	assert_int_equal(FEED(f, "\x03"), GDB_INTERRUPT);
}

static void assert_out(struct fixture *f, const char *text)
{
	gdb_out_end(&f->out);
	assert_int_equal(f->out.n, strlen(text));
	assert_memory_equal(f->out.data, text, f->out.n);
}

static void replies_are_framed(void **state)
{
	struct fixture *f = *state;

	gdb_out_begin(&f->out);
	assert_out(f, "$#00");
	gdb_out_begin(&f->out);
	gdb_out_text(&f->out, "OK");
	assert_out(f, "$OK#9a");
	gdb_out_begin(&f->out);
	gdb_out_hex(&f->out, "\x01\xfe", 2);
	gdb_out_number(&f->out, 0);
	gdb_out_number(&f->out, 0xabc0);
	assert_out(f, "$01fe0abc0#b2");
	gdb_out_begin(&f->out);
	gdb_out_binary(&f->out, "a#$*}", 5);
	assert_out(f, "$a}\x03}\x04}\x0a}]#c3");
}

static void a_reply_has_an_end(void **state)
{
	static uint8_t many[GDB_PACKET_MAX];
	struct fixture *f = *state;

	memset(many, '#', sizeof many);
	gdb_out_begin(&f->out);
	gdb_out_hex(&f->out, many, sizeof many);
	gdb_out_binary(&f->out, many, sizeof many);
	gdb_out_text(&f->out, "more");
	gdb_out_number(&f->out, UINT64_MAX);
	gdb_out_end(&f->out);
	assert_int_equal(f->out.n, GDB_PACKET_MAX + 4);
}

static struct gdb_words words(const char *text)
{
	return (struct gdb_words){(const uint8_t *)text, (const uint8_t *)text + strlen(text)};
}

static void words_are_taken_one_by_one(void **state)
{
	struct gdb_words w = words("Z0,fF,00a1zz");
	uint8_t bytes[2];
	uint64_t n;

	(void)state;
	assert_false(gdb_take(&w, "z"));
	assert_true(gdb_take(&w, "Z"));
	assert_true(gdb_take_number(&w, &n) && n == 0);
	assert_true(gdb_take(&w, ",") && gdb_take_number(&w, &n) && n == 0xff);
	assert_true(gdb_take(&w, ","));
	assert_false(gdb_take_hex(&w, bytes, 3));
	assert_true(gdb_take_hex(&w, bytes, 2));
	assert_memory_equal(bytes, "\0\xa1", 2);
	assert_false(gdb_take_hex(&w, bytes, 1));
	assert_int_equal(gdb_left(&w), 2);
	assert_false(gdb_take_number(&w, &n));
	assert_false(gdb_take(&w, "zzz"));
	w = words("12345678901234567");
	assert_false(gdb_take_number(&w, &n));
	w = words("ffffffffffffffff");
	assert_true(gdb_take_number(&w, &n) && n == UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_is_what_lies_between_its_marks),
		TEST(a_wrong_sum_is_noticed),
		TEST(escapes_are_undone),
		TEST(a_mark_in_a_packet_begins_another),
		TEST(an_interrupt_is_one_outside_of_packets_only),
		TEST(the_longest_packet_is_taken_and_a_longer_one_skipped),
		TEST(what_was_begun_is_forgotten),
		TEST(replies_are_framed),
		TEST(a_reply_has_an_end),
		TEST(words_are_taken_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
