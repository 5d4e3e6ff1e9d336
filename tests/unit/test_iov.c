/* SPDX-License-Identifier: ISC */
/* test_iov.c: lists of spans against one plain string of bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "iov.h"

#define BYTES 64u

/* The same bytes as one string and cut into spans, some of them empty. */
struct cut_up {
	uint8_t bytes[BYTES];
	struct iovec iov[BYTES];
	unsigned n;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static void cut_up(struct cut_up *c, uint32_t *seed)
{
	size_t at = 0;

	for (size_t i = 0; i < BYTES; i++)
		c->bytes[i] = (uint8_t)i;
	for (c->n = 0; at < BYTES && c->n < BYTES; c->n++) {
		size_t len = next_random(seed) % 9;

		len = len < BYTES - at ? len : BYTES - at;
		c->iov[c->n] = (struct iovec){c->bytes + at, len};
		at += len;
	}
}

static void the_length_is_the_sum(void **state)
{
	const struct iovec iov[] = {{NULL, 3}, {NULL, 0}, {NULL, UINT32_MAX}};

	(void)state;
	assert_int_equal(iov_length(iov, 0), 0);
	assert_int_equal(iov_length(iov, 2), 3);
	assert_int_equal(iov_length(iov, 3), 3 + (uint64_t)UINT32_MAX);
}

static void bytes_come_out_wherever_they_are_cut(void **state)
{
	uint32_t seed = 1;
	struct cut_up c;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t got[BYTES + 8];
		uint64_t offset = next_random(&seed) % (BYTES + 4);
		size_t len = next_random(&seed) % (BYTES + 4), there;

		cut_up(&c, &seed);
		there = offset >= iov_length(c.iov, c.n) ? 0 : iov_length(c.iov, c.n) - offset;
		there = there < len ? there : len;
		memset(got, 0xee, sizeof got);
		assert_int_equal(iov_gather(c.iov, c.n, offset, got, len), there);
		assert_memory_equal(got, c.bytes + (there > 0 ? offset : 0), there);
		for (size_t j = there; j < sizeof got; j++)
			assert_int_equal(got[j], 0xee);
	}
}

static void bytes_go_in_wherever_they_are_cut(void **state)
{
	uint32_t seed = 2;
	struct cut_up c;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t new[BYTES + 8];
		uint64_t offset = next_random(&seed) % (BYTES + 4), all;
		size_t len = next_random(&seed) % (BYTES + 4), put;

		cut_up(&c, &seed);
		all = iov_length(c.iov, c.n);
		memset(new, 0xee, sizeof new);
		put = iov_scatter(c.iov, c.n, offset, new, len);
		assert_int_equal(put, offset >= all ? 0 : all - offset < len ? all - offset : len);
		for (size_t j = 0; j < BYTES; j++)
			assert_int_equal(c.bytes[j], j >= offset && j - offset < put ? 0xee : j);
	}
}

static void a_piece_is_the_same_bytes(void **state)
{
	uint32_t seed = 3;
	struct cut_up c;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t a[BYTES], b[BYTES];
		struct iovec piece[BYTES];
		uint64_t offset = next_random(&seed) % (BYTES + 4);
		size_t len = next_random(&seed) % (BYTES + 1), n;
		unsigned parts;

		cut_up(&c, &seed);
		parts = iov_slice(c.iov, c.n, offset, len, piece);
		assert_true(parts <= c.n);
		for (unsigned j = 0; j < parts; j++)
			assert_true(piece[j].iov_len > 0);
		n = iov_gather(c.iov, c.n, offset, a, len);
		assert_int_equal(iov_length(piece, parts), n);
		assert_int_equal(iov_gather(piece, parts, 0, b, BYTES), n);
		assert_memory_equal(a, b, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_length_is_the_sum),
		cmocka_unit_test(bytes_come_out_wherever_they_are_cut),
		cmocka_unit_test(bytes_go_in_wherever_they_are_cut),
		cmocka_unit_test(a_piece_is_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
