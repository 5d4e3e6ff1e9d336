/* SPDX-License-Identifier: ISC */
/* test_resource_ids.c: numbers given out singly, by request and in bulk, against a bool array. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "resource.h"

static struct resource_ids ids_of(uint32_t first, uint32_t last, enum resource_reuse reuse)
{
	struct resource_ids s;

	assert_int_equal(resource_ids_init(&s, first, last, reuse), RESOURCE_OK);
	return s;
}

/* The call fails like that and changes nothing. */
#define REFUSED(s, call, status) \
	do { \
		struct resource_ids before_; \
		memcpy(&before_, (s), sizeof before_); \
		assert_int_equal((call), (status)); \
		assert_memory_equal(&before_, (s), sizeof before_); \
	} while (0)

#define NEXT_IS(s, want) \
	do { \
		uint32_t id_ = 0; \
		assert_int_equal(resource_ids_alloc((s), &id_), RESOURCE_OK); \
		assert_int_equal(id_, (want)); \
	} while (0)

#define EXHAUSTED(s) \
	do { \
		uint32_t id_ = 0x5eed; \
		REFUSED((s), resource_ids_alloc((s), &id_), RESOURCE_NO_SPACE); \
		assert_int_equal(id_, 0x5eed); \
	} while (0)

static void nineteen_ids_come_in_order_and_the_twentieth_does_not(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	for (uint32_t id = 5; id <= 23; id++)
		NEXT_IS(&s, id);
	EXHAUSTED(&s);
}

static void a_range_that_ends_before_it_starts_is_refused(void **state)
{
	struct resource_ids s = ids_of(1, 1, RESOURCE_LOWEST);

	(void)state;
	REFUSED(&s, resource_ids_init(&s, 23, 5, RESOURCE_LOWEST), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_init(&s, 0, RESOURCE_IDS_MAX, RESOURCE_LOWEST),
		RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_init(&s, 0, UINT32_MAX, RESOURCE_LOWEST), RESOURCE_BAD_RANGE);
	assert_int_equal(resource_ids_init(&s, 1, RESOURCE_IDS_MAX, RESOURCE_LOWEST), RESOURCE_OK);
}

static void a_range_of_one_gives_one_id(void **state)
{
	struct resource_ids s = ids_of(7, 7, RESOURCE_LOWEST);
	struct resource_ids turn = ids_of(7, 7, RESOURCE_ROUND_ROBIN);

	(void)state;
	NEXT_IS(&s, 7);
	EXHAUSTED(&s);
	NEXT_IS(&turn, 7);
	EXHAUSTED(&turn);
}

static void the_largest_id_is_usable_and_then_it_is_no_space(void **state)
{
	struct resource_ids s = ids_of(UINT32_MAX, UINT32_MAX, RESOURCE_LOWEST);
	struct resource_ids turn = ids_of(UINT32_MAX - 1, UINT32_MAX, RESOURCE_ROUND_ROBIN);

	(void)state;
	NEXT_IS(&s, UINT32_MAX);
	EXHAUSTED(&s);
	NEXT_IS(&turn, UINT32_MAX - 1);
	NEXT_IS(&turn, UINT32_MAX);
	EXHAUSTED(&turn);
	assert_int_equal(resource_ids_free(&turn, UINT32_MAX), RESOURCE_OK);
	NEXT_IS(&turn, UINT32_MAX);
}

static void freeing_outside_the_range_is_refused(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	REFUSED(&s, resource_ids_free(&s, 4), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_free(&s, 24), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_free(&s, 0), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_free(&s, UINT32_MAX), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_free(&s, 5), RESOURCE_NEVER_ALLOCATED);
	REFUSED(&s, resource_ids_free(&s, 23), RESOURCE_NEVER_ALLOCATED);
}

static void freeing_the_next_id_to_come_is_refused(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	NEXT_IS(&s, 5);
	REFUSED(&s, resource_ids_free(&s, 6), RESOURCE_NEVER_ALLOCATED);
	NEXT_IS(&s, 6);
	NEXT_IS(&s, 7);
}

static void an_id_is_freed_once(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	NEXT_IS(&s, 5);
	assert_int_equal(resource_ids_free(&s, 5), RESOURCE_OK);
	REFUSED(&s, resource_ids_free(&s, 5), RESOURCE_ALREADY_FREE);
}

static void the_lowest_freed_id_comes_first(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	for (uint32_t id = 5; id <= 7; id++)
		NEXT_IS(&s, id);
	assert_int_equal(resource_ids_free(&s, 6), RESOURCE_OK);
	assert_int_equal(resource_ids_free(&s, 5), RESOURCE_OK);
	NEXT_IS(&s, 5);
	NEXT_IS(&s, 6);
	NEXT_IS(&s, 8);
}

static void round_robin_gives_freed_ids_only_after_a_turn(void **state)
{
	struct resource_ids s = ids_of(5, 10, RESOURCE_ROUND_ROBIN);

	(void)state;
	for (uint32_t id = 5; id <= 7; id++)
		NEXT_IS(&s, id);
	assert_int_equal(resource_ids_free(&s, 6), RESOURCE_OK);
	assert_int_equal(resource_ids_free(&s, 5), RESOURCE_OK);
	for (uint32_t id = 8; id <= 10; id++)
		NEXT_IS(&s, id);
	NEXT_IS(&s, 5);
	NEXT_IS(&s, 6);
	EXHAUSTED(&s);
}

static void one_particular_id_can_be_asked_for(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);

	(void)state;
	assert_int_equal(resource_ids_alloc_at(&s, 6), RESOURCE_OK);
	REFUSED(&s, resource_ids_alloc_at(&s, 6), RESOURCE_BUSY);
	REFUSED(&s, resource_ids_alloc_at(&s, 4), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_alloc_at(&s, 24), RESOURCE_BAD_RANGE);
	assert_int_equal(resource_ids_alloc_at(&s, 23), RESOURCE_OK);
	NEXT_IS(&s, 5);
	NEXT_IS(&s, 7);
	assert_int_equal(resource_ids_free(&s, 6), RESOURCE_OK);
	assert_int_equal(resource_ids_alloc_at(&s, 6), RESOURCE_OK);
}

static void round_robin_steps_over_an_id_that_was_asked_for(void **state)
{
	struct resource_ids s = ids_of(5, 8, RESOURCE_ROUND_ROBIN);

	(void)state;
	NEXT_IS(&s, 5);
	assert_int_equal(resource_ids_alloc_at(&s, 6), RESOURCE_OK);
	assert_int_equal(resource_ids_alloc_at(&s, 8), RESOURCE_OK);
	NEXT_IS(&s, 7);
	EXHAUSTED(&s);
}

static void many_are_given_all_or_none(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);
	uint32_t ids[20] = {0};

	(void)state;
	REFUSED(&s, resource_ids_alloc_many(&s, ids, 20), RESOURCE_NO_SPACE);
	REFUSED(&s, resource_ids_alloc_many(&s, ids, SIZE_MAX), RESOURCE_NO_SPACE);
	assert_int_equal(ids[0], 0);
	assert_int_equal(resource_ids_alloc_many(&s, ids, 0), RESOURCE_OK);
	assert_int_equal(ids[0], 0);
	assert_int_equal(resource_ids_alloc_many(&s, ids, 19), RESOURCE_OK);
	for (uint32_t i = 0; i < 19; i++)
		assert_int_equal(ids[i], 5 + i);
	assert_int_equal(ids[19], 0);
	REFUSED(&s, resource_ids_alloc_many(&s, ids, 1), RESOURCE_NO_SPACE);
	assert_int_equal(resource_ids_alloc_many(&s, ids, 0), RESOURCE_OK);
}

static void many_that_fail_keep_the_holes_and_their_order(void **state)
{
	static const enum resource_reuse both[] = {RESOURCE_LOWEST, RESOURCE_ROUND_ROBIN};
	uint32_t ids[8];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct resource_ids s = ids_of(5, 10, both[i]);

		assert_int_equal(resource_ids_alloc_many(&s, ids, 5), RESOURCE_OK);
		assert_int_equal(resource_ids_free(&s, 8), RESOURCE_OK);
		assert_int_equal(resource_ids_free(&s, 6), RESOURCE_OK);
		REFUSED(&s, resource_ids_alloc_many(&s, ids, 4), RESOURCE_NO_SPACE);
		REFUSED(&s, resource_ids_free(&s, 10), RESOURCE_NEVER_ALLOCATED);
		assert_int_equal(resource_ids_alloc_many(&s, ids, 3), RESOURCE_OK);
		assert_int_equal(ids[0], both[i] == RESOURCE_LOWEST ? 6 : 10);
		assert_int_equal(ids[1], both[i] == RESOURCE_LOWEST ? 8 : 6);
		assert_int_equal(ids[2], both[i] == RESOURCE_LOWEST ? 10 : 8);
	}
}

/* The model of One bool per id. */
struct model {
	uint32_t first, n, next;
	bool round_robin;
	bool taken[300], ever[300];
};

static uint64_t random_next(uint64_t *x)	/* xorshift64 */
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 11;
}

static void step_alloc(struct resource_ids *s, struct model *m)
{
	uint32_t at = m->round_robin ? m->next : 0, id = 0;

	for (uint32_t tried = 0; tried < m->n; tried++, at = (at + 1) % m->n)
		if (!m->taken[at]) {
			assert_int_equal(resource_ids_alloc(s, &id), RESOURCE_OK);
			assert_int_equal(id, m->first + at);
			m->taken[at] = m->ever[at] = true;
			m->next = (at + 1) % m->n;
			return;
		}
	assert_int_equal(resource_ids_alloc(s, &id), RESOURCE_NO_SPACE);
}

static void step_alloc_at(struct resource_ids *s, struct model *m, uint32_t at)
{
	assert_int_equal(resource_ids_alloc_at(s, m->first + at),
			 m->taken[at] ? RESOURCE_BUSY : RESOURCE_OK);
	m->taken[at] = m->ever[at] = true;
}

static void step_free(struct resource_ids *s, struct model *m, uint32_t at)
{
	enum resource_status want = RESOURCE_OK;

	if (!m->taken[at])
		want = m->ever[at] ? RESOURCE_ALREADY_FREE : RESOURCE_NEVER_ALLOCATED;
	assert_int_equal(resource_ids_free(s, m->first + at), want);
	m->taken[at] = false;
}

static void assert_same(const struct resource_ids *s, const struct model *m)
{
	bool same = !resource_ids_taken(s, m->first - 1) &&
		    !resource_ids_taken(s, m->first + m->n);

	for (uint32_t i = 0; i < m->n; i++)
		same &= resource_ids_taken(s, m->first + i) == m->taken[i];
	assert_true(same);
}

static void random_walk(uint32_t first, uint32_t n, enum resource_reuse reuse)
{
	struct resource_ids s = ids_of(first, first + (n - 1), reuse);
	struct model m = {.first = first, .n = n, .round_robin = reuse == RESOURCE_ROUND_ROBIN};
	uint64_t x = 13;

	for (int step = 0; step < 100000; step++) {
		uint32_t at = (uint32_t)(random_next(&x) % n);
		uint64_t what = random_next(&x) % 8, frees = step / 4096 % 2 ? 2 : 5;

		if (what < frees)
			step_free(&s, &m, at);
		else if (what < 7)
			step_alloc(&s, &m);
		else
			step_alloc_at(&s, &m, at);
		if (step % 8 == 0)
			assert_same(&s, &m);
	}
	assert_same(&s, &m);
}

static void a_hundred_thousand_random_steps_agree_with_a_bool_array(void **state)
{
	(void)state;
	random_walk(5, 100, RESOURCE_LOWEST);
	random_walk(5, 100, RESOURCE_ROUND_ROBIN);
	random_walk(UINT32_MAX - 129, 129, RESOURCE_LOWEST);
	random_walk(UINT32_MAX - 129, 129, RESOURCE_ROUND_ROBIN);
}

static void ids_outside_the_range_are_never_taken(void **state)
{
	struct resource_ids s = ids_of(64, 127, RESOURCE_LOWEST);

	(void)state;
	for (uint32_t id = 64; id <= 127; id++)
		NEXT_IS(&s, id);
	assert_false(resource_ids_taken(&s, 63));
	assert_true(resource_ids_taken(&s, 64));
	assert_true(resource_ids_taken(&s, 127));
	assert_false(resource_ids_taken(&s, 128));
	assert_false(resource_ids_taken(&s, 0));
	assert_false(resource_ids_taken(&s, UINT32_MAX));
}

static void word_boundaries_lose_no_id_and_add_none(void **state)
{
	static const uint32_t sizes[] = {1, 63, 64, 65, 127, 128, 129, RESOURCE_IDS_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct resource_ids s = ids_of(3, 3 + (sizes[i] - 1), RESOURCE_LOWEST);
		struct resource_ids turn = ids_of(3, 3 + (sizes[i] - 1), RESOURCE_ROUND_ROBIN);
		uint32_t one_more;

		for (uint32_t k = 0; k < sizes[i]; k++) {
			NEXT_IS(&s, 3 + k);
			NEXT_IS(&turn, 3 + k);
		}
		EXHAUSTED(&s);
		EXHAUSTED(&turn);
		REFUSED(&s, resource_ids_alloc_many(&s, &one_more, 1), RESOURCE_NO_SPACE);
	}
}

static void a_negative_number_is_refused(void **state)
{
	struct resource_ids s = ids_of(0, 127, RESOURCE_LOWEST);

	(void)state;
	REFUSED(&s, resource_ids_alloc_at(&s, (uint32_t)-1), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_ids_alloc_at(&s, (uint32_t)INT32_MIN), RESOURCE_BAD_RANGE);
}

static void sealed_numbers_change_no_more_but_answer(void **state)
{
	struct resource_ids s = ids_of(5, 23, RESOURCE_LOWEST);
	uint32_t ids[2] = {0};

	(void)state;
	NEXT_IS(&s, 5);
	resource_ids_seal(&s);
	REFUSED(&s, resource_ids_alloc(&s, ids), RESOURCE_SEALED);
	REFUSED(&s, resource_ids_alloc_at(&s, 7), RESOURCE_SEALED);
	REFUSED(&s, resource_ids_alloc_many(&s, ids, 2), RESOURCE_SEALED);
	REFUSED(&s, resource_ids_alloc_many(&s, ids, 0), RESOURCE_SEALED);
	REFUSED(&s, resource_ids_free(&s, 5), RESOURCE_SEALED);
	assert_int_equal(ids[0], 0);
	assert_true(resource_ids_taken(&s, 5));
	assert_false(resource_ids_taken(&s, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nineteen_ids_come_in_order_and_the_twentieth_does_not),
		cmocka_unit_test(a_range_that_ends_before_it_starts_is_refused),
		cmocka_unit_test(a_range_of_one_gives_one_id),
		cmocka_unit_test(the_largest_id_is_usable_and_then_it_is_no_space),
		cmocka_unit_test(freeing_outside_the_range_is_refused),
		cmocka_unit_test(freeing_the_next_id_to_come_is_refused),
		cmocka_unit_test(an_id_is_freed_once),
		cmocka_unit_test(the_lowest_freed_id_comes_first),
		cmocka_unit_test(round_robin_gives_freed_ids_only_after_a_turn),
		cmocka_unit_test(one_particular_id_can_be_asked_for),
		cmocka_unit_test(round_robin_steps_over_an_id_that_was_asked_for),
		cmocka_unit_test(many_are_given_all_or_none),
		cmocka_unit_test(many_that_fail_keep_the_holes_and_their_order),
		cmocka_unit_test(a_hundred_thousand_random_steps_agree_with_a_bool_array),
		cmocka_unit_test(ids_outside_the_range_are_never_taken),
		cmocka_unit_test(word_boundaries_lose_no_id_and_add_none),
		cmocka_unit_test(a_negative_number_is_refused),
		cmocka_unit_test(sealed_numbers_change_no_more_but_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
