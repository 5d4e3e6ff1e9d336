/* SPDX-License-Identifier: ISC */
/* test_memory.c: what may be touched in guest memory, and what not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/memory.h"

#define SIZE 4096u

/* ---- a guest of exactly SIZE bytes, in which each byte holds its own address ---- */

static int set_up(void **state)
{
	struct memory *m = malloc(sizeof *m);
	uint8_t *base = malloc(SIZE);
	size_t k;

	assert_non_null(m);
	assert_non_null(base);
	for (k = 0; k < SIZE; k++)
		base[k] = (uint8_t)(k ^ k >> 8);
	memory_init(m, base, SIZE);
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct memory *m = *state;

	free(m->base);
	free(m);
	return 0;
}

static gpa_t gpa(uint64_t v)
{
	return (gpa_t){v};
}

/* ---- copying ---- */

static void a_read_brings_what_is_there(void **state)
{
	const struct memory *m = *state;
	struct husk_error e = {0};
	uint8_t buf[16];

	assert_int_equal(memory_read(m, gpa(0x123), buf, sizeof buf, &e), 0);
	assert_memory_equal(buf, m->base + 0x123, sizeof buf);
	assert_int_equal(e.kind, HUSK_E_NONE);
}

static void a_write_changes_only_its_range(void **state)
{
	const struct memory *m = *state;
	struct husk_error e = {0};
	uint8_t before[SIZE];

	memcpy(before, m->base, SIZE);
	assert_int_equal(memory_write(m, gpa(100), "abc", 3, &e), 0);
	assert_memory_equal(m->base + 100, "abc", 3);
	assert_memory_equal(m->base, before, 100);
	assert_memory_equal(m->base + 103, before + 103, SIZE - 103);
}

static void placing_ignores_declared_ranges(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};
	struct iovec iov;

	assert_int_equal(memory_declare(m, 0, SIZE - 1, MEMORY_R, "x", &e), 0);
	assert_int_equal(memory_place(m, 8, "abc", 3, &e), 0);
	assert_memory_equal(m->base + 8, "abc", 3);
	assert_int_equal(memory_place_span(m, 8, 3, &iov, &e), 0);
	assert_ptr_equal(iov.iov_base, m->base + 8);
	assert_int_equal(iov.iov_len, 3);
}

static void spans_point_where_a_copy_would_go(void **state)
{
	const struct memory *m = *state;
	struct husk_error e = {0};
	struct iovec source, sink;

	assert_int_equal(memory_source(m, gpa(7), 9, &source, &e), 0);
	assert_int_equal(memory_sink(m, gpa(7), 9, &sink, &e), 0);
	assert_ptr_equal(source.iov_base, m->base + 7);
	assert_ptr_equal(sink.iov_base, m->base + 7);
	assert_int_equal(source.iov_len, 9);
	assert_int_equal(sink.iov_len, 9);
}

static void a_structure_is_fetched_and_a_field_answered(void **state)
{
	struct request { uint32_t in; uint64_t out; } rq, back;
	const struct memory *m = *state;
	struct husk_error e = {0};
	gpa_t at = {0x201};

	assert_int_equal(MEMORY_GET(m, at, &rq, &e), 0);
	back = rq;
	rq.in = ~rq.in;
	rq.out = 42;
	assert_int_equal(MEMORY_PUT_FIELD(m, at, struct request, out, &rq, &e), 0);
	assert_int_equal(MEMORY_GET(m, at, &rq, &e), 0);
	assert_int_equal(rq.in, back.in);
	assert_int_equal(rq.out, 42);
}

/* ---- the edges of memory: one table for all six ways to touch it ---- */

enum way { READ, WRITE, SOURCE, SINK, PLACE, PLACE_SPAN, WAYS };

static int touch(const struct memory *m, enum way way, uint64_t at, uint64_t len, uint8_t *buf,
		 struct husk_error *e)
{
	struct iovec iov = {.iov_base = buf, .iov_len = 77};

	switch (way) {
	case READ:
		return memory_read(m, gpa(at), buf, len, e);
	case WRITE:
		return memory_write(m, gpa(at), buf, len, e);
	case SOURCE:
		return memory_source(m, gpa(at), len, &iov, e);
	case SINK:
		return memory_sink(m, gpa(at), len, &iov, e);
	case PLACE:
		return memory_place(m, at, buf, len, e);
	default:
		return memory_place_span(m, at, len, &iov, e);
	}
}

static const struct edge {
	uint64_t at, len;
	bool inside;
} edges[] = {
	{0, 0, true}, {0, 1, true}, {0, SIZE, true}, {0, SIZE + 1, false},
	{1, SIZE - 1, true}, {1, SIZE, false},
	{SIZE - 1, 1, true}, {SIZE - 1, 2, false}, {SIZE - 1, 0, true},
	{SIZE, 0, true}, {SIZE, 1, false}, {SIZE + 1, 0, false},
	{UINT64_MAX, 0, false}, {UINT64_MAX, 1, false}, {UINT64_MAX, 2, false},
	{UINT64_MAX - 7, 16, false}, {8, UINT64_MAX - 7, false}, {8, UINT64_MAX, false},
	{0, UINT64_MAX, false}, {UINT64_MAX, UINT64_MAX, false},
	{0x100000000, 1, false}, {0, 0x100000000, false}, {0x100000001, 0, false},
};

static void nothing_outside_memory_can_be_touched(void **state)
{
	const struct memory *m = *state;
	char message[200];
	uint8_t buf[SIZE];
	unsigned way;
	size_t k;

	memset(buf, 0x5a, sizeof buf);
	for (k = 0; k < sizeof edges / sizeof edges[0]; k++) {
		const struct edge *edge = &edges[k];

		for (way = 0; way < WAYS; way++) {
			struct husk_error e = {0};
			int rc = touch(m, way, edge->at, edge->len, buf, &e);

			assert_int_equal(rc, edge->inside ? 0 : -1);
			if (edge->inside) {
				assert_int_equal(e.kind, HUSK_E_NONE);
				continue;
			}
			assert_int_equal(e.kind, way < PLACE ? HUSK_E_GUEST : HUSK_E_IMAGE);
			snprintf(message, sizeof message, "Invalid %s access: gpa=0x%llx, sz=%llu: "
				 "outside guest memory of 4096 bytes",
				 way < PLACE ? "guest" : "image",
				 (unsigned long long)edge->at, (unsigned long long)edge->len);
			assert_string_equal(e.message, message);
		}
	}
}

static void the_last_byte_is_usable(void **state)
{
	const struct memory *m = *state;
	struct husk_error e = {0};
	uint8_t byte = 0xee, back = 0;

	assert_int_equal(memory_write(m, gpa(SIZE - 1), &byte, 1, &e), 0);
	assert_int_equal(memory_read(m, gpa(SIZE - 1), &back, 1, &e), 0);
	assert_int_equal(back, 0xee);
}

static void a_failed_access_touches_nothing(void **state)
{
	const struct memory *m = *state;
	struct husk_error e = {0};
	uint8_t before[SIZE], buf[4] = {1, 2, 3, 4};
	struct iovec iov = {.iov_base = buf, .iov_len = 4};

	memcpy(before, m->base, SIZE);
	assert_int_equal(memory_read(m, gpa(SIZE - 2), buf, 4, &e), -1);
	assert_int_equal(memory_write(m, gpa(SIZE - 2), buf, 4, &e), -1);
	assert_int_equal(memory_place(m, SIZE - 2, buf, 4, &e), -1);
	assert_int_equal(memory_sink(m, gpa(SIZE - 2), 4, &iov, &e), -1);
	assert_memory_equal(buf, ((uint8_t[]){1, 2, 3, 4}), 4);
	assert_memory_equal(m->base, before, SIZE);
	assert_ptr_equal(iov.iov_base, buf);
}

static void memory_of_no_size_has_no_base(void **state)
{
	struct husk_error e = {0};
	struct memory m;
	uint8_t byte = 1;
	unsigned way;

	(void)state;
	memory_init(&m, NULL, 0);
	for (way = 0; way < WAYS; way++) {
		assert_int_equal(touch(&m, way, 0, 0, &byte, &e), 0);
		assert_int_equal(touch(&m, way, 0, 1, &byte, &e), -1);
	}
	assert_null(memory_range_at(&m, 0));
	assert_int_equal(memory_declare(&m, 0, 0, MEMORY_R, "x", &e), -1);
}

/* ---- declared ranges ---- */

static void assert_write(const struct memory *m, uint64_t at, uint64_t len, const char *obstacle)
{
	struct husk_error e = {0};
	uint8_t buf[SIZE] = {0};
	struct iovec iov;
	char message[200];

	if (obstacle == NULL) {
		assert_int_equal(memory_write(m, gpa(at), buf, len, &e), 0);
		assert_int_equal(memory_sink(m, gpa(at), len, &iov, &e), 0);
		return;
	}
	snprintf(message, sizeof message, "Invalid guest access: gpa=0x%llx, sz=%llu: inside "
		 "read-only %s", (unsigned long long)at, (unsigned long long)len, obstacle);
	assert_int_equal(memory_write(m, gpa(at), buf, len, &e), -1);
	assert_int_equal(e.kind, HUSK_E_GUEST);
	assert_string_equal(e.message, message);
	e = (struct husk_error){0};
	assert_int_equal(memory_sink(m, gpa(at), len, &iov, &e), -1);
	assert_int_equal(e.kind, HUSK_E_GUEST);
	assert_string_equal(e.message, message);
}

static void read_only_ranges_are_not_written(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};
	uint8_t buf[64];

	assert_int_equal(memory_declare(m, 100, 199, MEMORY_R, "image segment", &e), 0);
	assert_int_equal(memory_declare(m, 300, 300, MEMORY_R | MEMORY_X, "code", &e), 0);
	assert_int_equal(memory_declare(m, 400, 499, MEMORY_R | MEMORY_W, "data", &e), 0);
	assert_write(m, 0, 100, NULL);
	assert_write(m, 99, 1, NULL);
	assert_write(m, 99, 2, "image segment");
	assert_write(m, 100, 1, "image segment");
	assert_write(m, 150, 10, "image segment");
	assert_write(m, 199, 1, "image segment");
	assert_write(m, 0, SIZE, "image segment");
	assert_write(m, 200, 100, NULL);
	assert_write(m, 200, 101, "code");
	assert_write(m, 300, 1, "code");
	assert_write(m, 301, SIZE - 301, NULL);
	assert_write(m, 400, 100, NULL);
	assert_write(m, 150, 0, NULL);
	assert_int_equal(memory_read(m, gpa(90), buf, sizeof buf, &e), 0);
}

/* ---- spans of many megabytes ---- */

#define MIB (1ull << 20)

/* Read-only from the first to the last byte; between them lies what may be written. */
static const struct { uint64_t start, last; } far_apart[] = {
	{0, MIB - 1}, {3 * MIB, 3 * MIB}, {5 * MIB + 4096, 7 * MIB + 8191},
	{0x7fffffff, 0x80000000}, {0xfffff000, 0xffffffff},
};
#define N_FAR (sizeof far_apart / sizeof far_apart[0])

/* Says the slow way which of them is the first in the way; N_FAR: none. */
static size_t first_in_the_way(uint64_t at, uint64_t len)
{
	size_t i = 0;

	while (i < N_FAR && (len == 0 || at > far_apart[i].last || at + len <= far_apart[i].start))
		i++;
	return i;
}

static void assert_sink(const struct memory *m, uint64_t at, uint64_t len)
{
	struct husk_error e = {0};
	struct iovec iov;
	size_t first = first_in_the_way(at, len);
	char message[200];
	int rc = memory_sink(m, gpa(at), len, &iov, &e);

	if (first == N_FAR) {
		assert_int_equal(rc, 0);
		assert_ptr_equal(iov.iov_base, m->base + at);
		assert_true(iov.iov_len == len);
		return;
	}
	snprintf(message, sizeof message, "Invalid guest access: gpa=0x%llx, sz=%llu: inside "
		 "read-only %c", (unsigned long long)at, (unsigned long long)len,
		 (char)('a' + first));
	assert_int_equal(rc, -1);
	assert_string_equal(e.message, message);
}

/*
 * Whatever it spans, the host is not asked to write a byte of read-only memory: each start and
 * length that lies at an end of a range, or a byte beside it. Nothing is touched, so that there need
 * be no such memory.
 */
static void no_sink_spans_read_only_memory(void **state)
{
	static const char *const names[N_FAR] = {"a", "b", "c", "d", "e"};
	struct memory m;
	struct husk_error e = {0};
	uint64_t ends[6 * N_FAR];
	size_t n = 0;

	memory_init(&m, ((struct memory *)*state)->base, 1ull << 32);
	for (size_t i = 0; i < N_FAR; i++) {
		assert_int_equal(memory_declare(&m, far_apart[i].start, far_apart[i].last, MEMORY_R,
						names[i], &e), 0);
		for (unsigned k = 0; k < 3; k++) {
			ends[n++] = far_apart[i].start + k - (far_apart[i].start > 0);
			ends[n++] = far_apart[i].last + k - 1;
		}
	}
	assert_int_equal(memory_declare_rest(&m, 0, m.size - 1, MEMORY_R | MEMORY_W, "data", &e), 0);
	for (size_t i = 0; i < n * n; i++)
		if (ends[i / n] <= ends[i % n] && ends[i % n] <= m.size)
			assert_sink(&m, ends[i / n], ends[i % n] - ends[i / n]);
}

static void a_read_only_last_byte_is_kept(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};

	assert_int_equal(memory_declare(m, SIZE - 1, SIZE - 1, MEMORY_R, "end", &e), 0);
	assert_write(m, SIZE - 2, 1, NULL);
	assert_write(m, SIZE - 1, 1, "end");
	assert_write(m, SIZE - 2, 2, "end");
}

static void ranges_are_found(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};
	uint64_t at;

	assert_int_equal(memory_declare(m, 30, 39, MEMORY_R, "b", &e), 0);
	assert_int_equal(memory_declare(m, 10, 19, MEMORY_R, "a", &e), 0);
	assert_int_equal(memory_declare(m, 20, 29, MEMORY_R | MEMORY_X, "a", &e), 0);
	assert_int_equal(m->n_ranges, 3);
	for (at = 0; at < 50; at++) {
		const struct memory_range *r = memory_range_at(m, at);

		if (at < 10 || at > 39) {
			assert_null(r);
			continue;
		}
		assert_non_null(r);
		assert_int_equal(r->start, at / 10 * 10);
		assert_int_equal(r->last, at / 10 * 10 + 9);
	}
	assert_null(memory_range_at(m, UINT64_MAX));
}

static void neighbours_alike_are_merged(void **state)
{
	char other_name[] = "a";
	struct memory *m = *state;
	struct husk_error e = {0};

	assert_int_equal(memory_declare(m, 10, 19, MEMORY_R, "a", &e), 0);
	assert_int_equal(memory_declare(m, 20, 29, MEMORY_R, other_name, &e), 0);
	assert_int_equal(m->n_ranges, 1);
	assert_int_equal(memory_declare(m, 0, 9, MEMORY_R, "a", &e), 0);
	assert_int_equal(m->n_ranges, 1);
	assert_int_equal(memory_declare(m, 40, 49, MEMORY_R, "a", &e), 0);
	assert_int_equal(memory_declare(m, 60, 69, MEMORY_R, "a", &e), 0);
	assert_int_equal(m->n_ranges, 3);
	assert_int_equal(memory_declare(m, 30, 39, MEMORY_R, "a", &e), 0);
	assert_int_equal(m->n_ranges, 2);
	assert_int_equal(m->ranges[0].start, 0);
	assert_int_equal(m->ranges[0].last, 49);
	assert_int_equal(m->ranges[1].start, 60);
	assert_int_equal(m->ranges[1].last, 69);
}

static void neighbours_that_differ_stay_apart(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};

	assert_int_equal(memory_declare(m, 10, 19, MEMORY_R, "a", &e), 0);
	assert_int_equal(memory_declare(m, 20, 29, MEMORY_R, "b", &e), 0);
	assert_int_equal(memory_declare(m, 30, 39, MEMORY_R | MEMORY_X, "b", &e), 0);
	assert_int_equal(memory_declare(m, 41, 49, MEMORY_R | MEMORY_X, "b", &e), 0);
	assert_int_equal(m->n_ranges, 4);
}

static void assert_not_declared(struct memory *m, uint64_t start, uint64_t last,
				const char *message)
{
	struct memory before = *m;
	struct husk_error e = {0};

	assert_int_equal(memory_declare(m, start, last, MEMORY_R, "new", &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_string_equal(e.message, message);
	assert_memory_equal(m, &before, sizeof *m);
}

static void overlaps_are_refused(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};

	assert_int_equal(memory_declare(m, 0x10, 0x1f, MEMORY_R, "old", &e), 0);
	assert_not_declared(m, 0x10, 0x1f, "new at 0x10-0x1f overlaps old");
	assert_not_declared(m, 0x8, 0x10, "new at 0x8-0x10 overlaps old");
	assert_not_declared(m, 0x1f, 0x28, "new at 0x1f-0x28 overlaps old");
	assert_not_declared(m, 0x18, 0x18, "new at 0x18-0x18 overlaps old");
	assert_not_declared(m, 0, SIZE - 1, "new at 0x0-0xfff overlaps old");
}

static void ranges_outside_memory_are_refused(void **state)
{
	struct memory *m = *state;

	assert_not_declared(m, 0, SIZE, "new at 0x0-0x1000 is outside guest memory");
	assert_not_declared(m, SIZE, SIZE, "new at 0x1000-0x1000 is outside guest memory");
	assert_not_declared(m, 8, 7, "new at 0x8-0x7 is outside guest memory");
	assert_not_declared(m, UINT64_MAX, UINT64_MAX, "new at 0xffffffffffffffff-"
			    "0xffffffffffffffff is outside guest memory");
	assert_not_declared(m, 0, UINT64_MAX, "new at 0x0-0xffffffffffffffff is outside guest "
			    "memory");
}

static void a_full_table_still_merges(void **state)
{
	struct memory *m = *state;
	struct husk_error e = {0};
	unsigned k;

	for (k = MEMORY_RANGES_MAX; k-- > 0;)
		assert_int_equal(memory_declare(m, 4 * k, 4 * k + 1, MEMORY_R, "old", &e), 0);
	assert_not_declared(m, 0x800, 0x800, "new at 0x800-0x800 is one protected range too many");
	assert_int_equal(memory_declare(m, 2, 2, MEMORY_R, "old", &e), 0);
	assert_int_equal(m->n_ranges, MEMORY_RANGES_MAX);
	assert_int_equal(memory_declare(m, 3, 3, MEMORY_R, "old", &e), 0);
	assert_int_equal(m->n_ranges, MEMORY_RANGES_MAX - 1);
	for (k = 1; k < m->n_ranges; k++)
		assert_true(m->ranges[k].start > m->ranges[k - 1].last);
}

/* A bit per byte, against the table: whatever was accepted is what is found. */
static void ranges_agree_with_a_bitmap(void **state)
{
	static const char *const names[] = {"a", "b"};
	struct memory *m = *state;
	bool taken[SIZE] = {false};
	unsigned seed = 1, round;
	uint64_t at;

	for (round = 0; round < 3000; round++) {
		struct husk_error e = {0};
		uint64_t start, last;
		bool free_range = true;

		seed = seed * 1103515245 + 12345;
		start = (seed >> 8) % SIZE;
		last = start + (seed >> 20) % 8;
		for (at = start; at <= last && at < SIZE; at++)
			free_range = free_range && !taken[at];
		free_range = free_range && last < SIZE;
		if (memory_declare(m, start, last, MEMORY_R, names[seed >> 30 & 1], &e) == 0) {
			assert_true(free_range);
			memset(taken + start, true, last - start + 1);
		} else {
			assert_true(!free_range || m->n_ranges == MEMORY_RANGES_MAX);
		}
	}
	for (at = 0; at < SIZE; at++)
		assert_int_equal(memory_range_at(m, at) != NULL, taken[at]);
}

#define GUEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(a_read_brings_what_is_there),
		GUEST(a_write_changes_only_its_range),
		GUEST(placing_ignores_declared_ranges),
		GUEST(spans_point_where_a_copy_would_go),
		GUEST(a_structure_is_fetched_and_a_field_answered),
		GUEST(nothing_outside_memory_can_be_touched),
		GUEST(the_last_byte_is_usable),
		GUEST(a_failed_access_touches_nothing),
		cmocka_unit_test(memory_of_no_size_has_no_base),
		GUEST(read_only_ranges_are_not_written),
		GUEST(no_sink_spans_read_only_memory),
		GUEST(a_read_only_last_byte_is_kept),
		GUEST(ranges_are_found),
		GUEST(neighbours_alike_are_merged),
		GUEST(neighbours_that_differ_stay_apart),
		GUEST(overlaps_are_refused),
		GUEST(ranges_outside_memory_are_refused),
		GUEST(a_full_table_still_merges),
		GUEST(ranges_agree_with_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
