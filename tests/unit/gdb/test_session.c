/* SPDX-License-Identifier: ISC */
/* test_session.c: packets answered for a guest that has stopped, on the fake hypervisor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/gdb/session.h"
#include "../rig.h"

#define TEXT 0x100000ull

struct fixture {
	struct rig rig;
	struct gdb_session s;
	enum gdb_verdict verdict;
	char reply[GDB_PACKET_MAX + 1];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	if (f == NULL || rig_make(&f->rig, RIG_MEMORY) == -1 ||
	    memory_declare(&f->rig.core.memory, TEXT, TEXT + 0x1fff, MEMORY_R | MEMORY_X, "text",
			   &f->rig.e) == -1 || gdb_session_init(&f->s, &f->rig.e) == -1)
		return -1;
	f->rig.core.memory.host_page = 4096;
	gdb_session_attach(&f->s, &f->rig.core);
	gdb_session_begin(&f->s);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hv_fake_faults = (struct hv_fake_faults){0};
	gdb_session_fini(&f->s);
	gdb_session_fini(&f->s);
	rig_free(&f->rig);
	free(f);
	return 0;
}

/* The packet's reply, without its frame; "(none)" if there is none. */
static const char *ask(struct fixture *f, const char *packet)
{
	const size_t n = strlen(packet);

	memcpy(f->s.in.data, packet, n + 1);
	f->s.in.n = n;
	f->verdict = gdb_session_packet(&f->s);
	snprintf(f->reply, sizeof f->reply, "(none)");
	if (f->s.answered) {
		memcpy(f->reply, f->s.out.data + 1, f->s.out.n - 4);
		f->reply[f->s.out.n - 4] = '\0';
	}
	return f->reply;
}

#define ASSERT_REPLY(f, packet, wanted) assert_string_equal(ask(f, packet), wanted)

static uint8_t *text(struct fixture *f)
{
	return rig_at(&f->rig, TEXT);
}

static void what_is_not_known_is_answered_with_nothing(void **state)
{
	static const char *const packets[] = {
		"vMustReplyEmpty", "", "qSymbol::", "qTStatus", "vFile:setfs:0", "R",
		"vRun;x", "!", "Z9,0,1", "\xff\x80",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		ASSERT_REPLY(f, packets[i], "");
		assert_int_equal(f->verdict, GDB_STAY);
	}
}

static void g_is_as_long_as_the_description_says(void **state)
{
	struct fixture *f = *state;
	const char *at = f->s.description;
	size_t bits = 0;

	assert_true(f->s.description_size < GDB_DESCRIPTION_MAX);
	while ((at = strstr(at, "bitsize=\"")) != NULL)
		bits += strtoul(at += 9, NULL, 10);
	assert_int_equal(bits, 8 * gdb_registers_size());
	assert_int_equal(strlen(ask(f, "g")), 2 * gdb_registers_size());
}

static void the_description_comes_in_pieces(void **state)
{
	struct fixture *f = *state;
	char packet[80], all[2 * GDB_DESCRIPTION_MAX] = "";
	size_t at = 0;

	do {
		snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,100", at);
		ask(f, packet);
		strcat(all, f->reply + 1);
		at += 0x100;
	} while (f->reply[0] == 'm');
	assert_int_equal(f->reply[0], 'l');
	assert_string_equal(all, f->s.description);
	ASSERT_REPLY(f, "qXfer:features:read:target.xml:ffff,1", "E01");
	ASSERT_REPLY(f, "qXfer:features:read:other.xml:0,1", "");
	assert_non_null(strstr(ask(f, "qXfer:memory-map:read::0,1000"), "length=\"0x200000\""));
}

/* What lldb asks for before it sets a breakpoint or evaluates an expression. */
static void the_guest_is_one_region_at_its_place(void **state)
{
	struct fixture *f = *state;

	ASSERT_REPLY(f, "qOffsets", "Text=0;Data=0;Bss=0");
	ASSERT_REPLY(f, "qMemoryRegionInfo:1fffff", "start:0;size:200000;permissions:rwx;");
	ASSERT_REPLY(f, "qMemoryRegionInfo:200000", "start:200000;size:ffffffffffdff000;");
	ASSERT_REPLY(f, "qMemoryRegionInfo:", "E01");
}

static void registers_are_read_and_written(void **state)
{
	struct fixture *f = *state;
	char packet[4002], all[4000];

	snprintf(all, sizeof all, "%s", ask(f, "g"));
	memcpy(all, "efcdab8967452301", 16);
	snprintf(packet, sizeof packet, "G%s", all);
	ASSERT_REPLY(f, packet, "OK");
	assert_true(memcmp(&f->rig.core.hv->regs, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8) == 0);
	ASSERT_REPLY(f, "p0", "efcdab8967452301");
	ASSERT_REPLY(f, "P0=0100000000000000", "OK");
	ASSERT_REPLY(f, "p0", "0100000000000000");
	packet[strlen(packet) - 1] = '\0';
	ASSERT_REPLY(f, packet, "E01");
	ASSERT_REPLY(f, "P0=01", "E01");
	ASSERT_REPLY(f, "P0=01000000000000000", "E01");
	ASSERT_REPLY(f, "Pfff=01", "E01");
	ASSERT_REPLY(f, "pfff", "E01");
	ASSERT_REPLY(f, "p", "E01");
}

static void every_register_comes_back_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	char packet[80], value[40];

	for (unsigned i = 0; i < gdb_n_registers; i++) {
		const struct gdb_register *r = &gdb_registers[i];

		if (r->home != GDB_REGS && r->home != GDB_FP)
			continue;
		memset(value, '0', sizeof value);
		for (unsigned k = 0; k < r->width; k++)
			value[2 * k + 1] = (char)('1' + (i + k) % 9);
		value[2 * r->size] = '\0';
		snprintf(packet, sizeof packet, "P%x=%s", i, value);
		ASSERT_REPLY(f, packet, "OK");
		snprintf(packet, sizeof packet, "p%x", i);
		ASSERT_REPLY(f, packet, value);
	}
}

static void system_registers_are_only_told(void **state)
{
	struct fixture *f = *state;
	char packet[80];

	snprintf(packet, sizeof packet, "P%x=0000000000000001", gdb_n_registers - 1);
	ASSERT_REPLY(f, packet, "E01");
}

static void memory_is_read_and_written(void **state)
{
	struct fixture *f = *state;

	ASSERT_REPLY(f, "M1fffff,1:5a", "OK");
	ASSERT_REPLY(f, "m1ffffe,4", "005a");
	ASSERT_REPLY(f, "X100000,2:ab", "OK");
	ASSERT_REPLY(f, "m100000,2", "6162");
	ASSERT_REPLY(f, "X100000,0:", "OK");
	ASSERT_REPLY(f, "m0,0", "");
	ASSERT_REPLY(f, "m200000,1", "E14");
	ASSERT_REPLY(f, "mffffffffffffffff,10", "E14");
	assert_int_equal(strlen(ask(f, "m0,ffffffffffffffff")), GDB_PACKET_MAX);
	ASSERT_REPLY(f, "M1fffff,2:0102", "E14");
	ASSERT_REPLY(f, "M0,2:01", "E01");
	ASSERT_REPLY(f, "M0,ffffffffffffffff:01", "E01");
	ASSERT_REPLY(f, "X0,2:a", "E01");
	ASSERT_REPLY(f, "m", "E01");
	ASSERT_REPLY(f, "m0", "E01");
}

/* W^X holds: text is writable for as long as it is written to, and no longer. */
static void writing_to_text_lifts_its_protection_for_a_moment(void **state)
{
	struct fixture *f = *state;
	const struct hv *hv = f->rig.core.hv;

	ASSERT_REPLY(f, "M100ffe,4:01020304", "OK");
	assert_int_equal(hv->n_protected, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(hv->protected[i].start == TEXT + i / 2 * 0x1000);
		assert_int_equal(hv->protected[i].prot, i % 2 == 0 ? MEMORY_R | MEMORY_W : MEMORY_R);
	}
	ASSERT_REPLY(f, "M110000,1:01", "OK");
	assert_int_equal(hv->n_protected, 4);
}

static void breakpoints_are_in_memory_and_are_not_seen(void **state)
{
	struct fixture *f = *state;
	struct husk_error e;

	memset(text(f), 0x90, 16);
	ASSERT_REPLY(f, "Z0,100004,4", "OK");
	ASSERT_REPLY(f, "Z0,100004,4", "OK");
	assert_memory_equal(text(f) + 4, cpu_breakpoint, cpu_breakpoint_size);
	ASSERT_REPLY(f, "m100003,6", "909090909090");
	ASSERT_REPLY(f, "M100004,4:01020304", "OK");
	assert_memory_equal(text(f) + 4, cpu_breakpoint, cpu_breakpoint_size);
	ASSERT_REPLY(f, "m100003,6", "900102030490");
	assert_int_equal(gdb_breaks_lift(&f->s.breaks, &e), 0);
	assert_memory_equal(text(f) + 4, "\1\2\3\4", 4);
	ASSERT_REPLY(f, "m100004,4", "01020304");
	assert_int_equal(gdb_breaks_plant(&f->s.breaks, &e), 0);
	assert_memory_equal(text(f) + 4, cpu_breakpoint, cpu_breakpoint_size);
	ASSERT_REPLY(f, "z0,100004,4", "OK");
	ASSERT_REPLY(f, "z0,100004,4", "OK");
	assert_memory_equal(text(f) + 3, "\x90\1\2\3\4\x90", 6);
	ASSERT_REPLY(f, "Z0,200000,4", "E14");
	ASSERT_REPLY(f, "Z0,ffffffffffffffff,4", "E14");
}

static void breakpoints_have_an_end(void **state)
{
	struct fixture *f = *state;
	char packet[40];

	for (unsigned i = 0; i <= GDB_SOFT_MAX; i++) {
		snprintf(packet, sizeof packet, "Z0,%x,4", 0x110000 + 4 * i);
		ASSERT_REPLY(f, packet, i < GDB_SOFT_MAX ? "OK" : "E28");
	}
	gdb_breaks_clear(&f->s.breaks);
	for (unsigned i = 0; i < 4 * GDB_SOFT_MAX; i++)
		assert_int_equal(*(uint8_t *)rig_at(&f->rig, 0x110000 + i), 0);
}

static void points_are_the_processors(void **state)
{
	struct fixture *f = *state;
	const struct hv *hv = f->rig.core.hv;

	ASSERT_REPLY(f, "Z1,100000,4", "OK");
	ASSERT_REPLY(f, "Z2,110000,8", "OK");
	ASSERT_REPLY(f, "Z3,110001,1", "OK");
	ASSERT_REPLY(f, "Z4,110002,2", "OK");
	assert_int_equal(hv->debug.n, 4);
	assert_true(hv->debug.points[1].kind == HV_POINT_WRITE && hv->debug.points[1].len == 8);
	ASSERT_REPLY(f, "Z2,120000,1", "E28");
	ASSERT_REPLY(f, "Z2,120000,9", "E14");
	ASSERT_REPLY(f, "Z2,120000,0", "E14");
	ASSERT_REPLY(f, "z2,110000,8", "OK");
	ASSERT_REPLY(f, "Z2,120000,1", "OK");
	gdb_breaks_clear(&f->s.breaks);
	assert_int_equal(hv->debug.n, 0);
	f->s.breaks.exec_max = f->s.breaks.watch_max = 0;
	ASSERT_REPLY(f, "Z1,100000,4", "");
	ASSERT_REPLY(f, "Z2,100000,4", "");
}

static void stops_say_why(void **state)
{
	struct gdb_stop stop = {.signal = GDB_SIGTRAP, .why = GDB_STOP_SOFT};
	struct fixture *f = *state;

	gdb_session_stop(&f->s, &stop);
	assert_null(strstr(ask(f, "?"), "swbreak"));
	assert_true(strncmp(f->reply, "T05thread:1;", 12) == 0);
	assert_non_null(strstr(ask(f, "qSupported:swbreak+;hwbreak+"), "PacketSize=10000;"));
	assert_non_null(strstr(ask(f, "?"), "swbreak:;"));
	stop = (struct gdb_stop){.signal = GDB_SIGTRAP, .why = GDB_STOP_HARD,
				 .point = {HV_POINT_EXEC, TEXT, 1}};
	gdb_session_stop(&f->s, &stop);
	assert_non_null(strstr(ask(f, "?"), "hwbreak:;"));
	stop.point.kind = HV_POINT_READ;
	stop.addr = 0x12340;
	gdb_session_stop(&f->s, &stop);
	assert_non_null(strstr(ask(f, "?"), "rwatch:12340;"));
	stop = (struct gdb_stop){.signal = GDB_SIGINT};
	gdb_session_stop(&f->s, &stop);
	assert_true(strncmp(ask(f, "?"), "T02", 3) == 0);
}

static void assert_goes(struct fixture *f, const char *packet, enum gdb_verdict verdict)
{
	ASSERT_REPLY(f, packet, "(none)");
	assert_int_equal(f->verdict, verdict);
}

static void ways_to_go_on(void **state)
{
	struct fixture *f = *state;

	ASSERT_REPLY(f, "vCont?", "vCont;c;C;s;S");
	assert_goes(f, "vCont;c", GDB_CONTINUE);
	assert_goes(f, "vCont;C05", GDB_CONTINUE);
	assert_goes(f, "vCont;s:-1;c", GDB_STEP);
	assert_goes(f, "vCont;s:1;c:-1", GDB_STEP);
	assert_goes(f, "c", GDB_CONTINUE);
	assert_goes(f, "s", GDB_STEP);
	assert_goes(f, "C05", GDB_CONTINUE);
	assert_goes(f, "S05;100010", GDB_STEP);
	assert_goes(f, "c100020", GDB_CONTINUE);
	assert_true(gdb_ip(&f->s.values) == 0x100020);
	assert_goes(f, "k", GDB_KILL);
	ASSERT_REPLY(f, "vKill;a410", "OK");
	assert_int_equal(f->verdict, GDB_KILL);
	ASSERT_REPLY(f, "D", "OK");
	assert_int_equal(f->verdict, GDB_DETACH);
	ASSERT_REPLY(f, "vCont", "E01");
	ASSERT_REPLY(f, "vCont;", "E01");
	ASSERT_REPLY(f, "vCont;t", "E01");
	ASSERT_REPLY(f, "cx", "E01");
	ASSERT_REPLY(f, "C", "E01");
}

static void a_guest_that_has_ended_is_only_looked_at(void **state)
{
	struct fixture *f = *state;

	f->s.over = true;
	ASSERT_REPLY(f, "M100000,1:01", "E01");
	ASSERT_REPLY(f, "P0=0100000000000000", "E01");
	ASSERT_REPLY(f, "Z0,100000,4", "OK");
	assert_int_equal(f->s.breaks.n, 0);
	ASSERT_REPLY(f, "m100000,1", "00");
}

static void in_the_middle_of_a_call_registers_are_not_written(void **state)
{
	struct fixture *f = *state;

	f->rig.core.retry = true;
	ASSERT_REPLY(f, "P0=0100000000000000", "E01");
	f->rig.core.retry = false;
	ASSERT_REPLY(f, "p0", "0000000000000000");
}

static void failures_of_the_host_are_told(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i <= 2; i++) {
		hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_PROTECT, .fail_at = i};
		ASSERT_REPLY(f, "M100000,1:01", "E01");
		hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_PROTECT, .fail_at = i};
		ASSERT_REPLY(f, "Z0,100100,4", "E01");
	}
	hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_DEBUG, .fail_at = 1};
	ASSERT_REPLY(f, "Z1,100000,4", "E28");
	hv_fake_faults = (struct hv_fake_faults){0};
}

static void the_monitor_has_commands(void **state)
{
	struct fixture *f = *state;

	f->rig.core.exits[HV_EXIT_PIO] = 3;
	assert_non_null(strstr(ask(f, "qRcmd,7374617473"), "65786974732070696f20330a"));
	assert_non_null(strstr(ask(f, "qRcmd,68656c70"), "7374617473"));
	assert_non_null(strstr(ask(f, "qRcmd,78"), "6e6f207375636820636f6d6d616e64"));
	ASSERT_REPLY(f, "qRcmd,zz", "E01");
}

static void keep_words(void *ctx, const char *words, command_answer *answer, void *to)
{
	struct fixture *f = ctx;

	assert_string_equal(words, "on");
	assert_memory_equal(text(f), "\0\0\0\0", 4);	/* no breakpoint */
	answer(to, "A");
	answer(to, "B");
}

/* Without an option there is no such command, and that is told. */
static void modules_have_commands(void **state)
{
	static const struct command trace = {"trace", "help", keep_words};
	struct fixture *f = *state;

	assert_non_null(strstr(ask(f, "qRcmd,7472616365206f6e"), "2d2d74726163653d46494c45"));
	assert_non_null(strstr(ask(f, "qRcmd,68656c70"), "2d2d74726163653d46494c45"));
	assert_non_null(strstr(ask(f, "qRcmd,64756d70"), "2d2d64756d70636f72653d444952"));
	assert_int_equal(commands_add(&f->rig.core.commands, &trace, f, &f->rig.e), 0);
	ASSERT_REPLY(f, "Z0,100000,4", "OK");
	ASSERT_REPLY(f, "qRcmd,7472616365206f6e", "410a420a");
	assert_memory_equal(text(f), cpu_breakpoint, cpu_breakpoint_size);
	assert_null(strstr(ask(f, "qRcmd,68656c70"), "2d2d74726163653d46494c45"));
	assert_non_null(strstr(f->reply, "747261636520"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_known_is_answered_with_nothing),
		TEST(g_is_as_long_as_the_description_says),
		TEST(the_description_comes_in_pieces),
		TEST(the_guest_is_one_region_at_its_place),
		TEST(registers_are_read_and_written),
		TEST(every_register_comes_back_as_it_was_written),
		TEST(system_registers_are_only_told),
		TEST(memory_is_read_and_written),
		TEST(writing_to_text_lifts_its_protection_for_a_moment),
		TEST(breakpoints_are_in_memory_and_are_not_seen),
		TEST(breakpoints_have_an_end),
		TEST(points_are_the_processors),
		TEST(stops_say_why),
		TEST(ways_to_go_on),
		TEST(a_guest_that_has_ended_is_only_looked_at),
		TEST(in_the_middle_of_a_call_registers_are_not_written),
		TEST(failures_of_the_host_are_told),
		TEST(the_monitor_has_commands),
		TEST(modules_have_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
