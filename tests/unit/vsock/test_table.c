/* SPDX-License-Identifier: ISC */
/* test_table.c: places, ports, keys, turns and deadlines of connections that do nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../monitor/memory_host.h"
#include "../../../monitor/vsock/table.h"
#include "expect.h"

#define PLACES 5u

static struct vsock_table t;

/* ---- host calls that are made to fail ---- */

static bool no_memory, no_pages;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);

void *__wrap_calloc(size_t n, size_t size)
{
	errno = ENOMEM;
	return no_memory ? NULL : __real_calloc(n, size);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	errno = ENOMEM;
	return no_pages ? MAP_FAILED : __real_mmap(at, size, prot, flags, fd, offset);
}

/* What was asked of the host last. */
static struct { const void *at; size_t size; int advice; } advised;

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);

int __wrap_madvise(void *at, size_t size, int advice)
{
	advised.at = at;
	advised.size = size;
	advised.advice = advice;
	return __real_madvise(at, size, advice);
}

static int set_up(void **state)
{
	struct husk_error e;

	(void)state;
	return vsock_table_init(&t, PLACES, &e);
}

static int tear_down(void **state)
{
	(void)state;
	vsock_table_fini(&t);
	return 0;
}

static struct vsock_connection *add(void)
{
	return vsock_table_add(&t, VSOCK_OPEN, -1);
}

static void places_are_given_and_taken_back(void **state)
{
	struct vsock_connection *c[PLACES];

	(void)state;
	for (unsigned i = 0; i < PLACES; i++) {
		c[i] = add();
		assert_non_null(c[i]);
		c[i]->buffer[VSOCK_BUFFER_SIZE - 1] = (uint8_t)i;
	}
	assert_int_equal(t.n_used, PLACES);
	assert_null(add());
	for (unsigned i = 0; i < PLACES; i++)
		assert_int_equal(c[i]->buffer[VSOCK_BUFFER_SIZE - 1], i);
	vsock_table_remove(&t, c[3]);
	assert_ptr_equal(add(), c[3]);
}

/* The first of them have large ones; one that is free again is the next one's. */
static void large_buffers_are_for_the_first(void **state)
{
	struct vsock_table many;
	struct vsock_connection *c[VSOCK_LARGE + 1];
	struct husk_error e;
	uint8_t *freed;

	(void)state;
	assert_int_equal(vsock_table_init(&many, VSOCK_LARGE + 1, &e), 0);
	for (unsigned i = 0; i <= VSOCK_LARGE; i++) {
		c[i] = vsock_table_add(&many, VSOCK_OPEN, -1);
		assert_int_equal(c[i]->size, i < VSOCK_LARGE ? VSOCK_BUFFER_LARGE :
				 VSOCK_BUFFER_SIZE);
		c[i]->buffer[0] = c[i]->buffer[c[i]->size - 1] = (uint8_t)i;
	}
	for (unsigned i = 0; i <= VSOCK_LARGE; i++)
		assert_true(c[i]->buffer[0] == i && c[i]->buffer[c[i]->size - 1] == i);
	freed = c[5]->buffer;
	c[5]->kept = true;
	vsock_table_remove(&many, c[5]);
	assert_ptr_equal(advised.at, freed);
	assert_int_equal(advised.size, VSOCK_BUFFER_LARGE);
	assert_int_equal(advised.advice, memory_host_give_back);
	vsock_table_remove(&many, c[6]);
	vsock_table_remove(&many, c[VSOCK_LARGE]);
	c[0] = vsock_table_add(&many, VSOCK_OPEN, -1);
	assert_ptr_equal(c[0]->buffer, freed);
	assert_int_equal(c[0]->size, VSOCK_BUFFER_LARGE);
	c[1] = vsock_table_add(&many, VSOCK_OPEN, -1);
	assert_int_equal(c[1]->size, VSOCK_BUFFER_LARGE);
	c[2] = vsock_table_add(&many, VSOCK_OPEN, -1);
	assert_int_equal(c[2]->size, VSOCK_BUFFER_SIZE);
	vsock_table_fini(&many);
}

static void ports_find_who_has_them(void **state)
{
	struct vsock_connection *a = add(), *b = add(), *nameless = add();

	(void)state;
	vsock_table_name(&t, a, 80, 1024);
	vsock_table_name(&t, b, 80, 1025);
	assert_ptr_equal(vsock_table_find(&t, 80, 1024), a);
	assert_ptr_equal(vsock_table_find(&t, 80, 1025), b);
	assert_null(vsock_table_find(&t, 1024, 80));
	assert_null(vsock_table_find(&t, nameless->host_port, nameless->guest_port));
	assert_true(vsock_table_has_port(&t, 80));
	assert_false(vsock_table_has_port(&t, 0));
	vsock_table_remove(&t, a);
	assert_null(vsock_table_find(&t, 80, 1024));
	assert_true(vsock_table_has_port(&t, 80));
	vsock_table_remove(&t, b);
	assert_false(vsock_table_has_port(&t, 80));
}

/* Those of one bucket are found, and go, one by one. */
static void more_than_buckets_is_no_matter(void **state)
{
	(void)state;
	for (uint32_t port = 0; port < 3 * VSOCK_BUCKETS; port++) {
		struct vsock_connection *a = add(), *b = add(), *c = add();

		vsock_table_name(&t, a, 1, port);
		vsock_table_name(&t, b, 1, port + VSOCK_BUCKETS);
		vsock_table_name(&t, c, 1, port + 2 * VSOCK_BUCKETS);
		vsock_table_remove(&t, port % 2 == 0 ? a : b);
		assert_ptr_equal(vsock_table_find(&t, 1, port), port % 2 == 0 ? NULL : a);
		assert_ptr_equal(vsock_table_find(&t, 1, port + 2 * VSOCK_BUCKETS), c);
		vsock_table_remove(&t, port % 2 == 0 ? b : a);
		vsock_table_remove(&t, c);
	}
	assert_int_equal(t.n_used, 0);
}

static void keys_are_of_one_use_of_a_place(void **state)
{
	struct vsock_connection *c = add();
	const uint64_t key = vsock_table_key(&t, c);

	(void)state;
	assert_ptr_equal(vsock_table_by_key(&t, key), c);
	vsock_table_remove(&t, c);
	assert_null(vsock_table_by_key(&t, key));
	assert_ptr_equal(add(), c);
	assert_null(vsock_table_by_key(&t, key));
	assert_null(vsock_table_by_key(&t, PLACES));
	assert_null(vsock_table_by_key(&t, UINT64_MAX));
	c->generation = UINT32_MAX;
	assert_true(vsock_table_key(&t, c) < UINT64_C(1) << 56);
}

static void those_with_something_to_say_are_in_turn(void **state)
{
	struct vsock_connection *a = add(), *b = add(), *c = add();

	(void)state;
	vsock_table_schedule(&t, a);
	assert_null(vsock_table_next(&t));
	a->owes = b->owes = c->owes = VSOCK_OWES_RST;
	vsock_table_schedule(&t, b);
	vsock_table_schedule(&t, a);
	vsock_table_schedule(&t, b);
	vsock_table_schedule(&t, c);
	vsock_table_remove(&t, a);
	assert_ptr_equal(vsock_table_next(&t), b);
	assert_ptr_equal(vsock_table_next(&t), c);
	assert_null(vsock_table_next(&t));
}

static void the_first_to_expire_is_first(void **state)
{
	struct vsock_connection *a = add(), *b = add(), *c = add();

	(void)state;
	assert_null(vsock_table_first_timed(&t));
	vsock_table_set_timer(&t, a, 20);
	vsock_table_set_timer(&t, b, 30);
	vsock_table_set_timer(&t, c, 10);
	assert_ptr_equal(vsock_table_first_timed(&t), c);
	vsock_table_set_timer(&t, c, 25);
	assert_ptr_equal(vsock_table_first_timed(&t), a);
	vsock_table_clear_timer(&t, a);
	vsock_table_clear_timer(&t, a);
	assert_ptr_equal(vsock_table_first_timed(&t), c);
	vsock_table_remove(&t, c);
	assert_ptr_equal(vsock_table_first_timed(&t), b);
}

static void the_first_to_be_tried_again_is_first(void **state)
{
	struct vsock_connection *a = add(), *b = add(), *c = add();

	(void)state;
	assert_null(vsock_table_first_look(&t));
	vsock_table_look_at(&t, a, 10);
	vsock_table_look_at(&t, b, 20);
	vsock_table_look_at(&t, c, 20);
	vsock_table_look_at(&t, a, 30);
	assert_ptr_equal(vsock_table_first_look(&t), b);
	vsock_table_look_no_more(&t, b);
	vsock_table_look_no_more(&t, b);
	assert_ptr_equal(vsock_table_first_look(&t), c);
	vsock_table_remove(&t, c);
	assert_ptr_equal(vsock_table_first_look(&t), a);
	assert_true(a->look_at == 30);
}

static void what_the_host_refuses_is_told(void **state)
{
	struct vsock_table other;
	struct husk_error e;

	(void)state;
	no_memory = true;
	assert_int_equal(vsock_table_init(&other, PLACES, &e), -1);
	assert_error(&e, HUSK_E_HOST, "vsock connections: Cannot allocate memory");
	no_memory = false;
	no_pages = true;
	assert_int_equal(vsock_table_init(&other, PLACES, &e), -1);
	assert_error(&e, HUSK_E_HOST, "6553600 bytes for vsock connections: Cannot allocate memory");
	no_pages = false;
}

/* Like the guest's memory: it has passed, or will pass, through there. */
static void what_programs_say_is_in_no_core_file(void **state)
{
	(void)state;
	assert_ptr_equal(advised.at, t.buffers);
	assert_int_equal(advised.size, t.buffers_size);
	assert_int_equal(advised.advice, memory_host_no_core);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(places_are_given_and_taken_back),
		TEST(large_buffers_are_for_the_first),
		TEST(ports_find_who_has_them),
		TEST(more_than_buckets_is_no_matter),
		TEST(keys_are_of_one_use_of_a_place),
		TEST(those_with_something_to_say_are_in_turn),
		TEST(the_first_to_expire_is_first),
		TEST(the_first_to_be_tried_again_is_first),
		TEST(what_the_host_refuses_is_told),
		TEST(what_programs_say_is_in_no_core_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
