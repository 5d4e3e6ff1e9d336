/* SPDX-License-Identifier: ISC */
/* test_hypercall.c: the hypercall window and the table behind it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "expect.h"

#define WINDOW (&cpu_hypercall_window)

/* A handler that writes down what it is called with. */
struct witness {
	unsigned calls;
	uint64_t args[8];
	unsigned end_at;		/* the call that has another result, 0: none */
	enum vmexit_result end;
};

static enum vmexit_result record(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct witness *w = ctx;

	w->args[w->calls++ % 8] = arg.v;
	if (w->calls != w->end_at)
		return VMEXIT_RESUME;
	if (w->end == VMEXIT_FAIL)
		husk_fail(e, HUSK_E_GUEST, "refused");
	return w->end;
}

struct fixture {
	struct rig rig;
	struct witness w;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	*state = &f;
	return rig_make(&f.rig, RIG_MEMORY);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	return 0;
}

static void serve(struct fixture *f, int nr)
{
	assert_int_equal(core_register_hypercall(&f->rig.core, nr, "witness", record, &f->w,
						 &f->rig.e), 0);
}

/* The guest is ended, with this in the message, and no handler saw anything. */
static void assert_not_served(struct fixture *f, enum rig_end end, const char *message)
{
	assert_guest_error(&f->rig, end, message);
	assert_int_equal(f->w.calls, 0);
}

static enum rig_end access_window(struct fixture *f, uint64_t offset, unsigned width,
				  uint32_t count, bool write, const uint32_t *args)
{
	union { const uint32_t *in; uint32_t *out; } data = {args};
	const struct bus_access a = {
		.addr = WINDOW->base + offset, .count = count, .width = (uint8_t)width,
		.write = write, .data = data.out,
	};

	hv_fake_access(f->rig.core.hv, &a, WINDOW->kind);
	return rig_run(&f->rig);
}

/* ---- numbers ---- */

static void a_registered_number_is_called_with_its_argument(void **state)
{
	struct fixture *f = *state;

	serve(f, 1);
	assert_int_equal(rig_call(&f->rig, 1, 0x12345678), RIG_RESUMED);
	assert_int_equal(f->w.calls, 1);
	assert_true(f->w.args[0] == 0x12345678);
}

static void the_last_number_is_served(void **state)
{
	struct fixture *f = *state;

	serve(f, HVT_HYPERCALL_MAX - 1);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_MAX - 1, 4), RIG_RESUMED);
	assert_int_equal(f->w.calls, 1);
}

static void number_0_ends_the_guest(void **state)
{
	assert_not_served(*state, rig_call(*state, 0, 4), "Invalid guest hypercall: num=0");
}

static void an_unregistered_number_ends_the_guest(void **state)
{
	struct fixture *f = *state;

	serve(f, 1);
	for (int nr = 2; nr < HVT_HYPERCALL_MAX; nr++) {
		char text[64];

		snprintf(text, sizeof text, "Invalid guest hypercall: num=%d", nr);
		assert_not_served(f, rig_call(&f->rig, (unsigned)nr, 4), text);
	}
}

static void the_number_behind_the_last_is_outside_the_window(void **state)
{
	assert_not_served(*state, rig_call(*state, HVT_HYPERCALL_MAX, 4), "Invalid guest");
	assert_not_served(*state, rig_call(*state, HVT_HYPERCALL_MAX + 1, 4), "Invalid guest");
	assert_not_served(*state, rig_call(*state, HUSK_HYPERCALL_FIRST - 1, 4),
			  "no device is there");
	assert_not_served(*state, rig_call(*state, HUSK_HYPERCALL_LAST + 4, 4),
			  "no device is there");
}

static void husks_own_numbers_are_served_from_the_first_to_the_last(void **state)
{
	const int first = (int)HUSK_HYPERCALL_FIRST, last = (int)HUSK_HYPERCALL_LAST;
	struct fixture *f = *state;

	assert_not_served(f, rig_call(&f->rig, HUSK_HYPERCALL_FIRST, 4),
			  "no module serves a hypercall there");
	serve(f, first);
	serve(f, last);
	assert_int_equal(rig_call(&f->rig, HUSK_HYPERCALL_FIRST, 4), RIG_RESUMED);
	assert_int_equal(rig_call(&f->rig, HUSK_HYPERCALL_LAST, 4), RIG_RESUMED);
	assert_int_equal(f->w.calls, 2);
	assert_true(f->rig.core.hypercalls.table[last].count == 1);
	core_unregister_hypercall(&f->rig.core, last);
	f->w.calls = 0;
	assert_not_served(f, rig_call(&f->rig, HUSK_HYPERCALL_LAST, 4),
			  "no module serves a hypercall there");
}

static void an_argument_is_not_sign_extended(void **state)
{
	struct fixture *f = *state;

	serve(f, 3);
	assert_int_equal(rig_call(&f->rig, 3, 0xffffffff), RIG_RESUMED);
	assert_true(f->w.args[0] == 0xffffffff);
}

static void a_bad_number_is_told_with_the_place_in_the_guest(void **state)
{
	assert_not_served(*state, rig_call(*state, 6, 4), "device hypercalls, offset 0x");
	assert_not_served(*state, rig_call(*state, 6, 4), "=0x100abc");
}

/* ---- the shape of the access ---- */

static void a_read_of_the_window_ends_the_guest(void **state)
{
	struct fixture *f = *state;

	serve(f, 2);
	assert_not_served(f, access_window(f, 2 * WINDOW->stride, 4, 1, false, NULL),
			  "a hypercall is one 32-bit store");
	assert_non_null(strstr(f->rig.e.message, WINDOW->kind == BUS_PIO ?
			       "Invalid guest port access: port=0x502, in of 4 bytes" :
			       "Invalid guest mmio access: mmio=0x100000010 len=4, read"));
}

static void other_widths_end_the_guest(void **state)
{
	static const unsigned widths[] = {1, 2, 8};
	static const uint32_t zero[2];
	struct fixture *f = *state;

	serve(f, 1);
	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
		assert_not_served(f, access_window(f, WINDOW->stride, widths[i], 1, true, zero),
				  "a hypercall is one 32-bit store");
}

static void several_items_in_one_access_are_calls_in_order(void **state)
{
	static const uint32_t args[] = {10, 20, 30, 40, 50};
	struct fixture *f = *state;

	serve(f, 5);
	assert_int_equal(access_window(f, 5 * WINDOW->stride, 4, 5, true, args), RIG_RESUMED);
	assert_int_equal(f->w.calls, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(f->w.args[i] == args[i]);
	assert_true(f->rig.core.hypercalls.table[5].count == 5);
}

static void the_first_call_that_fails_is_the_last_of_an_access(void **state)
{
	static const uint32_t args[] = {10, 20, 30, 40, 50};
	struct fixture *f = *state;

	serve(f, 5);
	f->w.end_at = 3;
	f->w.end = VMEXIT_FAIL;
	assert_int_equal(access_window(f, 5 * WINDOW->stride, 4, 5, true, args), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "refused"));
	assert_int_equal(f->w.calls, 3);
}

static void a_call_that_halts_is_the_last_of_an_access(void **state)
{
	static const uint32_t args[] = {10, 20, 30, 40, 50};
	struct fixture *f = *state;

	serve(f, 5);
	f->w.end_at = 2;
	f->w.end = VMEXIT_HALT;
	assert_int_equal(access_window(f, 5 * WINDOW->stride, 4, 5, true, args), RIG_HALTED);
	assert_int_equal(f->w.calls, 2);
}

static void no_item_at_all_ends_the_guest(void **state)
{
	struct fixture *f = *state;

	serve(f, 5);
	assert_not_served(f, access_window(f, 5 * WINDOW->stride, 4, 0, true, NULL),
			  "the count is 0");
}

/* What the bus lets through on one architecture it stops on the other: ask the window itself. */
static void the_window_checks_the_place_itself(void **state)
{
	struct fixture *f = *state;
	struct hypercalls *h = &f->rig.core.hypercalls;
	uint32_t arg = 4;
	const struct bus_access a = {
		.addr = WINDOW->base, .count = 1, .width = 4, .write = true, .data = &arg,
	};

	serve(f, HVT_HYPERCALL_MAX - 1);
	assert_int_equal(h->windows[0].handler(h, HVT_HYPERCALL_MAX * WINDOW->stride, &a, &f->rig.e),
			 VMEXIT_FAIL);
	assert_non_null(strstr(f->rig.e.message, "not the place of a hypercall"));
	assert_int_equal(h->windows[0].handler(h, (HVT_HYPERCALL_MAX - 1) * WINDOW->stride, &a,
					   &f->rig.e), VMEXIT_RESUME);
	assert_int_equal(f->w.calls, 1);
}

/* ---- registering ---- */

static void assert_not_registered(struct fixture *f, int nr, const char *message)
{
	struct hypercall before[HYPERCALLS_MAX];

	memcpy(before, f->rig.core.hypercalls.table, sizeof before);
	assert_int_equal(core_register_hypercall(&f->rig.core, nr, "other", record, f,
						 &f->rig.e), -1);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_non_null(strstr(f->rig.e.message, "hypercall other: number "));
	assert_non_null(strstr(f->rig.e.message, message));
	assert_memory_equal(before, f->rig.core.hypercalls.table, sizeof before);
}

static void numbers_out_of_range_are_not_registered(void **state)
{
	assert_not_registered(*state, 0, "0 is out of range");
	assert_not_registered(*state, -1, "-1 is out of range");
	assert_not_registered(*state, HVT_HYPERCALL_MAX, "9 is out of range");
	assert_not_registered(*state, HUSK_HYPERCALL_FIRST - 1, "63 is out of range");
	assert_not_registered(*state, HUSK_HYPERCALL_LAST + 1, "253 is out of range");
	assert_not_registered(*state, INT32_MAX, "out of range");
	assert_not_registered(*state, INT32_MIN, "out of range");
}

static void a_number_is_not_registered_twice(void **state)
{
	serve(*state, 7);
	assert_not_registered(*state, 7, "7 already serves witness");
}

static void an_unregistered_number_can_be_registered_again(void **state)
{
	struct fixture *f = *state;

	serve(f, 1);
	serve(f, HVT_HYPERCALL_MAX - 1);
	core_unregister_hypercall(&f->rig.core, 1);
	core_unregister_hypercall(&f->rig.core, HVT_HYPERCALL_MAX - 1);
	assert_not_served(f, rig_call(&f->rig, 1, 4), "Invalid guest hypercall: num=1");
	assert_not_served(f, rig_call(&f->rig, HVT_HYPERCALL_MAX - 1, 4),
			  "Invalid guest hypercall: num=8");
	serve(f, 1);
	serve(f, HVT_HYPERCALL_MAX - 1);
	assert_int_equal(rig_call(&f->rig, 1, 4), RIG_RESUMED);
}

static void unregistering_what_nobody_serves_does_nothing(void **state)
{
	static struct core before;
	struct fixture *f = *state;

	serve(f, 1);
	memcpy(&before, &f->rig.core, sizeof before);
	core_unregister_hypercall(&f->rig.core, 2);
	core_unregister_hypercall(&f->rig.core, 0);
	core_unregister_hypercall(&f->rig.core, -1);
	core_unregister_hypercall(&f->rig.core, HVT_HYPERCALL_MAX);
	assert_memory_equal(&before, &f->rig.core, sizeof before);
}

static void calls_are_counted_by_number(void **state)
{
	struct fixture *f = *state;

	serve(f, 1);
	serve(f, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_call(&f->rig, 1, 4), RIG_RESUMED);
	assert_int_equal(rig_call(&f->rig, 2, 4), RIG_RESUMED);
	assert_true(f->rig.core.hypercalls.table[1].count == 3);
	assert_true(f->rig.core.hypercalls.table[2].count == 1);
}

/* ---- the window as a device ---- */

static enum vmexit_result anything(void *ctx, uint64_t offset, const struct bus_access *a,
				struct husk_error *e)
{
	(void)ctx, (void)offset, (void)a, (void)e;
	return VMEXIT_RESUME;
}

static int add_device(struct devices *d, uint64_t start, uint64_t last, struct husk_error *e)
{
	const struct device_resource r = {
		.kind = WINDOW->kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = start, .last = last, .handler = anything,
	};
	const struct device_description what = {.name = "other", .resources = &r, .n_resources = 1};
	uint32_t id;

	return devices_add(d, &what, &id, e);
}

static void the_window_is_exactly_as_long_as_its_last_call(void **state)
{
	struct fixture *f = *state;
	uint64_t last = WINDOW->base + (HVT_HYPERCALL_MAX - 1) * WINDOW->stride + 3;

	assert_int_equal(add_device(&f->rig.core.devices, last, last, &f->rig.e), -1);
	assert_non_null(strstr(f->rig.e.message, "already taken by hypercalls"));
	assert_int_equal(add_device(&f->rig.core.devices, WINDOW->base, WINDOW->base, &f->rig.e),
			 -1);
	assert_int_equal(add_device(&f->rig.core.devices, last + 1, last + 1, &f->rig.e), 0);
}

static void a_window_that_is_taken_is_an_error(void **state)
{
	struct devices d;
	const struct mailbox mailbox = {0};
	struct hypercalls h;
	struct husk_error e = {0};

	(void)state;
	devices_init(&d, RIG_MEMORY, NULL, NULL);
	assert_int_equal(add_device(&d, WINDOW->base + 8, WINDOW->base + 8, &e), 0);
	assert_int_equal(hypercalls_init(&h, &d, &mailbox, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_non_null(strstr(e.message, "device hypercalls: "));
	assert_non_null(strstr(e.message, "already taken by other"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_registered_number_is_called_with_its_argument),
		TEST(the_last_number_is_served),
		TEST(number_0_ends_the_guest),
		TEST(an_unregistered_number_ends_the_guest),
		TEST(the_number_behind_the_last_is_outside_the_window),
		TEST(husks_own_numbers_are_served_from_the_first_to_the_last),
		TEST(an_argument_is_not_sign_extended),
		TEST(a_bad_number_is_told_with_the_place_in_the_guest),
		TEST(a_read_of_the_window_ends_the_guest),
		TEST(other_widths_end_the_guest),
		TEST(several_items_in_one_access_are_calls_in_order),
		TEST(the_first_call_that_fails_is_the_last_of_an_access),
		TEST(a_call_that_halts_is_the_last_of_an_access),
		TEST(no_item_at_all_ends_the_guest),
		TEST(the_window_checks_the_place_itself),
		TEST(numbers_out_of_range_are_not_registered),
		TEST(a_number_is_not_registered_twice),
		TEST(an_unregistered_number_can_be_registered_again),
		TEST(unregistering_what_nobody_serves_does_nothing),
		TEST(calls_are_counted_by_number),
		TEST(the_window_is_exactly_as_long_as_its_last_call),
		TEST(a_window_that_is_taken_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
