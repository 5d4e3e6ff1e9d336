/* SPDX-License-Identifier: ISC */
/* test_core.c: exits and who serves them, stopping, and the parts of a machine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rig.h"

static bool no_eventfd;
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_eventfd(unsigned count, int flags)
{
	errno = EMFILE;
	return no_eventfd ? -1 : __real_eventfd(count, flags);
}

struct fixture {
	struct rig rig;
	unsigned seen[HV_EXIT_KINDS];	/* by the handlers below */
	enum husk_error_class fail;	/* what they fail with */
	int stop;			/* the reason they stop with */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&hv_fake_faults, 0, sizeof hv_fake_faults);
	*state = &f;
	return rig_make(&f.rig, RIG_MEMORY);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	return 0;
}

static struct hv *hv_of(struct fixture *f)
{
	return f->rig.core.hv;
}

static void play_kind(struct fixture *f, enum hv_exit_kind kind)
{
	hv_fake_exit(hv_of(f), &(struct hv_exit){.kind = kind});
}

static void assert_fails(struct fixture *f, enum husk_error_class kind, const char *message)
{
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, kind);
	if (strcmp(f->rig.e.message, message) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->rig.e.message, message);
}

static void assert_ends(struct fixture *f, const char *message)
{
	assert_fails(f, HUSK_E_GUEST, message);
}

/* ---- what the core does with each kind by itself ---- */

#define IP_TEXT "=0x100abc"

static const char *with_ip(const char *text)
{
	static char all[200];

	snprintf(all, sizeof all, "%s: %s%s", text, cpu_ip_name, IP_TEXT);
	return all;
}

static void a_halt_ends_the_guest_and_says_where(void **state)
{
	play_kind(*state, HV_EXIT_HALT);
	assert_ends(*state,
		    with_ip("guest halted its processor, and no interrupt can wake it"));
}

static void a_triple_fault_ends_the_guest_and_says_where(void **state)
{
	play_kind(*state, HV_EXIT_SHUTDOWN);
	assert_ends(*state, with_ip("guest triple fault"));
}

static void play_error(struct fixture *f, const char *what, uint64_t code)
{
	hv_fake_exit(hv_of(f), &(struct hv_exit){.kind = HV_EXIT_ERROR, .error = {what, code, NULL}});
}

static void a_triple_fault_that_took_the_registers_with_it_says_so(void **state)
{
	hv_of(*state)->ip = 0;
	play_kind(*state, HV_EXIT_SHUTDOWN);
	assert_ends(*state, "guest triple fault: its registers are lost");
	play_kind(*state, HV_EXIT_HALT);
	assert_ends(*state, "guest halted its processor, and no interrupt can wake it");
}

static void errors_of_the_hypervisor_end_the_guest_each_in_its_words(void **state)
{
	play_error(*state, "internal error exit: suberror", 1);
	assert_fails(*state, HUSK_E_HOST, with_ip("Fake: internal error exit: suberror=0x1"));
	play_error(*state, "entry failure: hw_entry_failure_reason", 0x80000021);
	assert_fails(*state, HUSK_E_HOST, with_ip("Fake: entry failure: hw_entry_failure_reason=0x80000021"));
	hv_fake_exit(hv_of(*state), &(struct hv_exit){
		.kind = HV_EXIT_ERROR, .error = {"it broke: why", 7, "mend it"}});
	assert_fails(*state, HUSK_E_HOST, with_ip("Fake: it broke: why=0x7 (mend it)"));
}

static void an_unknown_reason_is_told_with_its_number(void **state)
{
	play_error(*state, "unhandled exit: exit_reason", 0x7f);
	assert_fails(*state, HUSK_E_HOST, with_ip("Fake: unhandled exit: exit_reason=0x7f"));
}

static void a_kind_that_nobody_serves_ends_the_guest(void **state)
{
	play_kind(*state, HV_EXIT_DEBUG);
	assert_ends(*state, with_ip("Fake: exit of kind debug, which has no handler"));
}

static void play_fault(struct fixture *f, bool known, uint64_t gpa)
{
	hv_fake_exit(hv_of(f), &(struct hv_exit){.kind = HV_EXIT_FAULT, .fault = {known, gpa}});
}

static void a_fault_names_the_range_if_the_place_is_known(void **state)
{
	play_fault(*state, true, HVT_GUEST_MIN_BASE - 1);
	assert_ends(*state, with_ip("Fake: host/guest translation fault: access to 0xfffff, "
				    "low memory"));
	play_fault(*state, true, HVT_GUEST_MIN_BASE);
	assert_ends(*state, with_ip("Fake: host/guest translation fault: access to 0x100000, "
				    "which is not protected"));
	play_fault(*state, false, 0x5000);
	assert_ends(*state, with_ip("Fake: host/guest translation fault"));
}

static void the_place_is_left_out_of_what_is_not_the_guests_fault(void **state)
{
	struct fixture *f = *state;

	hv_fake_refuse(hv_of(f), EBADF);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_int_equal(f->rig.e.sys, EBADF);
	assert_string_equal(f->rig.e.message, "fake run: Bad file descriptor");
}

/* ---- the table ---- */

static enum vmexit_result witness(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	struct fixture *f = ctx;

	f->seen[exit->kind]++;
	if (f->stop != 0)
		core_stop(&f->rig.core, f->stop);
	if (f->fail == HUSK_E_NONE)
		return VMEXIT_RESUME;
	husk_fail(e, f->fail, "witness");
	return VMEXIT_FAIL;
}

static void take_over(struct fixture *f, enum hv_exit_kind kind)
{
	core_unregister_vmexit(&f->rig.core, kind);
	assert_int_equal(core_register_vmexit(&f->rig.core, kind, witness, f, &f->rig.e), 0);
}

static void every_kind_reaches_its_own_handler(void **state)
{
	struct fixture *f = *state;

	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++)
		take_over(f, k);
	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++) {
		for (unsigned n = 0; n <= k; n++)
			play_kind(f, k);
		assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
		for (enum hv_exit_kind other = 0; other < HV_EXIT_KINDS; other++) {
			unsigned expected = other <= k ? (unsigned)other + 1 : 0;

			if (other == HV_EXIT_INTERRUPTED)
				expected = 0;	/* nobody asked for them */
			assert_int_equal(f->seen[other], expected);
			assert_true(f->rig.core.exits[other] == expected);
		}
	}
}

static void every_kind_has_a_name_of_its_own(void **state)
{
	static const char *const names[HV_EXIT_KINDS] = {
		[HV_EXIT_PIO] = "pio", [HV_EXIT_MMIO] = "mmio", [HV_EXIT_HALT] = "halt",
		[HV_EXIT_SHUTDOWN] = "shutdown", [HV_EXIT_INTERRUPTED] = "interrupted",
		[HV_EXIT_DEBUG] = "debug", [HV_EXIT_FAULT] = "fault", [HV_EXIT_ERROR] = "error",
	};

	(void)state;
	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++)
		assert_string_equal(hv_exit_name(k), names[k]);
}

static void a_kind_has_one_handler(void **state)
{
	struct fixture *f = *state;

	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++) {
		char text[80];

		if (k == HV_EXIT_DEBUG)
			take_over(f, k);
		snprintf(text, sizeof text, "exits of kind %s have a handler already",
			 hv_exit_name(k));
		assert_int_equal(core_register_vmexit(&f->rig.core, k, witness, f, &f->rig.e), -1);
		assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
		assert_string_equal(f->rig.e.message, text);
	}
}

static void an_unregistered_kind_is_served_by_nobody(void **state)
{
	struct fixture *f = *state;

	take_over(f, HV_EXIT_DEBUG);
	core_unregister_vmexit(&f->rig.core, HV_EXIT_DEBUG);
	play_kind(f, HV_EXIT_DEBUG);
	assert_ends(f, with_ip("Fake: exit of kind debug, which has no handler"));
	assert_int_equal(f->seen[HV_EXIT_DEBUG], 0);
}

static void a_handlers_failure_ends_the_run(void **state)
{
	struct fixture *f = *state;

	take_over(f, HV_EXIT_DEBUG);
	f->fail = HUSK_E_GUEST;
	play_kind(f, HV_EXIT_DEBUG);
	assert_ends(f, with_ip("witness"));
	f->fail = HUSK_E_HOST;
	play_kind(f, HV_EXIT_DEBUG);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_string_equal(f->rig.e.message, "witness");
}

/* ---- interruptions ---- */

static void interruptions_do_not_disturb(void **state)
{
	struct fixture *f = *state;

	take_over(f, HV_EXIT_DEBUG);
	for (int i = 0; i < 1000; i++)
		play_kind(f, HV_EXIT_INTERRUPTED);
	play_kind(f, HV_EXIT_DEBUG);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(f->seen[HV_EXIT_DEBUG], 1);
	assert_true(f->rig.core.exits[HV_EXIT_INTERRUPTED] == 0);
	assert_int_equal(hv_of(f)->runs, 1002);
}

static enum core_end run(struct fixture *f, int *reason)
{
	*reason = -1;
	f->rig.e = (struct husk_error){0};
	return core_run(&f->rig.core, reason, &f->rig.e);
}

static void a_stop_before_the_run_ends_it_at_once(void **state)
{
	struct fixture *f = *state;
	int reason;

	play_kind(f, HV_EXIT_SHUTDOWN);
	core_stop(&f->rig.core, 15);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 15);
	assert_int_equal(hv_of(f)->runs, 0);
	assert_int_equal(f->rig.e.kind, HUSK_E_NONE);
}

static void stop_with_2(void *ctx)
{
	core_stop(ctx, 2);
}

static void a_stop_during_the_run_ends_it(void **state)
{
	struct fixture *f = *state;
	int reason;

	hv_fake_hook(hv_of(f), stop_with_2, &f->rig.core);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 2);
	assert_int_equal(hv_of(f)->runs, 1);
	assert_true(f->rig.core.exits[HV_EXIT_SHUTDOWN] == 0);
}

static void a_stop_while_an_exit_is_served_ends_the_run_after_it(void **state)
{
	struct fixture *f = *state;
	int reason;

	take_over(f, HV_EXIT_DEBUG);
	f->stop = 9;
	play_kind(f, HV_EXIT_DEBUG);
	play_kind(f, HV_EXIT_DEBUG);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 9);
	assert_int_equal(f->seen[HV_EXIT_DEBUG], 1);
	assert_int_equal(hv_of(f)->runs, 1);
}

static void a_failure_goes_before_a_stop(void **state)
{
	struct fixture *f = *state;
	int reason;

	take_over(f, HV_EXIT_DEBUG);
	f->stop = 9;
	f->fail = HUSK_E_HOST;
	play_kind(f, HV_EXIT_DEBUG);
	assert_int_equal(run(f, &reason), CORE_FAILED);
}

static void a_stopped_run_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	int reason;

	take_over(f, HV_EXIT_DEBUG);
	for (int i = 0; i < 3; i++) {
		play_kind(f, HV_EXIT_DEBUG);
		hv_fake_hook(hv_of(f), stop_with_2, &f->rig.core);
	}
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(run(f, &reason), CORE_STOPPED);
		assert_int_equal(reason, 2);
		assert_int_equal(f->seen[HV_EXIT_DEBUG], i);
	}
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
}

static void every_reason_but_0_is_one(void **state)
{
	static const int reasons[] = {1, 2, 15, -1, INT32_MAX, INT32_MIN};
	struct fixture *f = *state;
	int reason;

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		core_stop(&f->rig.core, reasons[i]);
		assert_int_equal(run(f, &reason), CORE_STOPPED);
		assert_int_equal(reason, reasons[i]);
	}
}

static void the_last_reason_counts_and_counts_once(void **state)
{
	struct fixture *f = *state;
	int reason;

	core_stop(&f->rig.core, 1);
	core_stop(&f->rig.core, 3);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 3);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_int_equal(reason, 0);
}

static int reason_after(struct fixture *f, bool stop_first)
{
	int reason;

	if (stop_first)
		core_stop(&f->rig.core, 5);
	core_time_out(&f->rig.core);
	if (!stop_first)
		core_stop(&f->rig.core, 5);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	return reason;
}

static void a_stop_goes_before_time_that_is_over(void **state)
{
	struct fixture *f = *state;
	int reason;

	assert_int_equal(reason_after(f, true), 5);
	assert_int_equal(reason_after(f, false), 5);
	core_time_out(&f->rig.core);
	assert_true(core_stopping(&f->rig.core));
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, CORE_TIMED_OUT);
	core_stop(&f->rig.core, 6);
	core_time_out(&f->rig.core);
	core_forget_time(&f->rig.core);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 6);
	core_time_out(&f->rig.core);
	core_forget_time(&f->rig.core);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(run(f, &reason), CORE_FAILED);
}

static enum vmexit_result quit(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	struct core *c = ctx;

	(void)exit, (void)e;
	c->exit_status = 300;
	return VMEXIT_HALT;
}

static void a_handler_can_end_the_run_in_peace(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(core_register_vmexit(&f->rig.core, HV_EXIT_DEBUG, quit, &f->rig.core,
					      &f->rig.e), 0);
	play_kind(f, HV_EXIT_DEBUG);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(rig_run(&f->rig), RIG_HALTED);
	assert_int_equal(f->rig.core.exit_status, 300);
	assert_true(f->rig.core.exits[HV_EXIT_SHUTDOWN] == 0);
}

/* ---- the thread that runs ---- */

static void an_interruption_that_was_asked_for_has_a_handler(void **state)
{
	struct fixture *f = *state;
	int reason;

	take_over(f, HV_EXIT_INTERRUPTED);
	hv_fake_hook(hv_of(f), stop_with_2, &f->rig.core);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(f->seen[HV_EXIT_INTERRUPTED], 1);
	assert_true(f->rig.core.exits[HV_EXIT_INTERRUPTED] == 1);
}

static void each_run_is_owned_and_given_back(void **state)
{
	struct fixture *f = *state;
	int reason;

	for (unsigned i = 1; i <= 3; i++) {
		core_stop(&f->rig.core, 1);
		assert_int_equal(run(f, &reason), CORE_STOPPED);
		assert_int_equal(hv_of(f)->owns, i);
		assert_int_equal(hv_of(f)->state, HV_FAKE_MADE);
	}
	hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_OWN, .fail_at = 1};
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_string_equal(f->rig.e.message, "fake own: Input/output error");
}

static void a_stop_is_to_be_seen_until_the_run_has_ended(void **state)
{
	struct fixture *f = *state;
	int reason;

	assert_false(core_stopping(&f->rig.core));
	core_stop(&f->rig.core, 1);
	assert_true(core_stopping(&f->rig.core));
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_false(core_stopping(&f->rig.core));
}

/* ---- accesses that a stop finds half done ---- */

static enum vmexit_result stop_and_resume(void *ctx, uint64_t offset, const struct bus_access *a,
					  struct husk_error *e)
{
	struct fixture *f = ctx;

	(void)offset, (void)a, (void)e;
	f->seen[HV_EXIT_PIO]++;
	core_stop(&f->rig.core, 7);
	return VMEXIT_RESUME;
}

static void add_port(struct fixture *f, bus_handler *handler)
{
	static struct device_resource port;
	const struct device_description what = {
		.name = "port", .resources = &port, .n_resources = 1, .ctx = f,
	};
	uint32_t id;

	port = (struct device_resource){DEVICE_PIO, 0x300, 0x303, handler, -1};
	assert_int_equal(devices_add(&f->rig.core.devices, &what, &id, &f->rig.e), 0);
}

static void a_stop_leaves_no_access_half_done(void **state)
{
	struct fixture *f = *state;
	int reason;

	add_port(f, stop_and_resume);
	hv_fake_store(hv_of(f), BUS_PIO, 0x300, 4, 1);
	hv_fake_store(hv_of(f), BUS_PIO, 0x300, 4, 1);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_false(hv_of(f)->pending);
	assert_int_equal(hv_of(f)->completions, 1);
	assert_int_equal(f->seen[HV_EXIT_PIO], 1);
	core_stop(&f->rig.core, 8);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(hv_of(f)->completions, 1);
	hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_COMPLETE, .fail_at = 1};
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_string_equal(f->rig.e.message, "fake complete: Input/output error");
}

/* The rest of string I/O comes as further exits of the same instruction. */
static void an_access_in_parts_is_done_to_its_end_unless_it_has_none(void **state)
{
	const uint32_t value = 1;
	const struct bus_access more = {
		.addr = 0x300, .count = 1, .width = 4, .write = true,
		.data = (void *)(uintptr_t)&value,
	};
	struct fixture *f = *state;
	int reason;

	add_port(f, stop_and_resume);
	hv_fake_store(hv_of(f), BUS_PIO, 0x300, 4, 1);
	for (int i = 0; i < 3; i++)
		hv_fake_more(hv_of(f), &more, BUS_PIO);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(f->seen[HV_EXIT_PIO], 4);
	assert_false(hv_of(f)->pending);
	for (int i = 0; i < 1000; i++)
		hv_fake_more(hv_of(f), &more, BUS_PIO);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_true(f->seen[HV_EXIT_PIO] < 50);
}

static enum vmexit_result time_out_then_stop(void *ctx, uint64_t offset, const struct bus_access *a,
					     struct husk_error *e)
{
	struct fixture *f = ctx;

	(void)offset, (void)a, (void)e;
	if (f->seen[HV_EXIT_PIO]++ == 0)
		core_time_out(&f->rig.core);
	else
		core_stop(&f->rig.core, 7);
	return VMEXIT_RESUME;
}

static void a_stop_while_an_access_is_completed_is_for_the_next_run(void **state)
{
	const uint32_t value = 1;
	const struct bus_access more = {
		.addr = 0x300, .count = 1, .width = 4, .write = true,
		.data = (void *)(uintptr_t)&value,
	};
	struct fixture *f = *state;
	int reason;

	add_port(f, time_out_then_stop);
	hv_fake_store(hv_of(f), BUS_PIO, 0x300, 4, 1);
	hv_fake_more(hv_of(f), &more, BUS_PIO);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, CORE_TIMED_OUT);
	assert_int_equal(f->seen[HV_EXIT_PIO], 2);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(reason, 7);
}

static enum vmexit_result retry_when_stopped(void *ctx, uint64_t offset, const struct bus_access *a,
					     struct husk_error *e)
{
	struct fixture *f = ctx;
	uint32_t value;

	(void)offset, (void)e;
	memcpy(&value, a->data, sizeof value);
	assert_int_equal(value, 0x1234);
	f->seen[HV_EXIT_PIO]++;
	if (f->stop == 0)
		return VMEXIT_RESUME;
	core_stop(&f->rig.core, f->stop--);
	return VMEXIT_RETRY;
}

static void settle(void *ctx, const struct core_ending *how)
{
	(void)how;
	core_settle(ctx);
}

static void what_a_stop_put_off_is_served_anew_in_the_next_run(void **state)
{
	static const struct core_client settles = {.end = settle};
	struct fixture *f = *state;
	unsigned id;
	int reason;

	add_port(f, retry_when_stopped);
	assert_int_equal(core_add_client(&f->rig.core, &settles, &f->rig.core, &id, &f->rig.e), 0);
	f->stop = 2;
	hv_fake_store(hv_of(f), BUS_PIO, 0x300, 4, 0x1234);
	for (int left = 2; left > 0; left--) {
		assert_int_equal(run(f, &reason), CORE_STOPPED);
		assert_int_equal(reason, left);
	}
	core_remove_client(&f->rig.core, id);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(f->seen[HV_EXIT_PIO], 3);
	assert_true(f->rig.core.exits[HV_EXIT_PIO] == 1);
	assert_int_equal(hv_of(f)->completions, 0);
}

/* ---- clients ---- */

struct client {
	struct fixture *f;
	unsigned resumed, attended, quiesced, exits, calls, ended, served, interrupted, noted;
	bool saw_stop;		/* as it quiesced */
	bool fails_to_attend, fails_to_quiesce;
	uint64_t nr, arg;
	enum vmexit_result result;
	struct core_ending how;
	enum hv_exit_kind kind;
};

static void client_resume(void *ctx)
{
	struct client *k = ctx;

	assert_int_equal(k->resumed, k->ended);
	k->resumed++;
}

static int client_attend(void *ctx, struct husk_error *e)
{
	struct client *k = ctx;

	assert_int_not_equal(hv_of(k->f)->state, HV_FAKE_IN_RUN);
	k->attended++;
	return k->fails_to_attend ? husk_fail(e, HUSK_E_GUEST, "attend") : 0;
}

static int client_quiesce(void *ctx, struct husk_error *e)
{
	struct client *k = ctx;

	assert_int_equal(k->quiesced, k->ended);	/* the end is told after that */
	k->quiesced++;
	assert_int_equal(k->quiesced, k->resumed);
	k->saw_stop = core_stopping(&k->f->rig.core);
	return k->fails_to_quiesce ? husk_fail(e, HUSK_E_GUEST, "quiesce") : 0;
}

static void client_exit(void *ctx, const struct hv_exit *exit)
{
	struct client *k = ctx;

	k->exits++;
	k->kind = exit->kind;
}

static void client_call(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result)
{
	struct client *k = ctx;

	k->calls++;
	k->nr = nr;
	k->arg = arg.v;
	k->result = result;
}

static void client_end(void *ctx, const struct core_ending *how)
{
	struct client *k = ctx;

	k->ended++;
	k->how = *how;
}

static void client_served(void *ctx, const struct hv_exit *exit, enum vmexit_result result)
{
	struct client *k = ctx;

	k->served++;
	assert_int_equal(k->served, k->exits);
	assert_int_equal(exit->kind, k->kind);
	k->result = result;
}

static void client_interrupted(void *ctx)
{
	struct client *k = ctx;

	k->interrupted++;
}

static void client_noted(void *ctx, const char *what, const struct facts *facts)
{
	struct client *k = ctx;

	k->noted++;
	assert_string_equal(what, "batch");
	assert_int_equal(facts->n, 0);
}

static const struct core_client all_entries = {
	client_resume, client_attend, client_quiesce, client_exit, client_call,
	client_end, client_served, client_interrupted, client_noted,
};
static const struct core_client no_entries;

static unsigned add_client(struct fixture *f, const struct core_client *is, struct client *k)
{
	unsigned id;

	*k = (struct client){.f = f};
	assert_int_equal(core_add_client(&f->rig.core, is, k, &id, &f->rig.e), 0);
	return id;
}

struct posting {
	struct core *core;
	unsigned id;
};

static void post(void *ctx)
{
	const struct posting *p = ctx;

	core_post(p->core, p->id);
	core_post(p->core, p->id);
}

static void a_client_is_attended_to_when_it_asks_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct client a, b, mute;
	struct posting of_a = {&f->rig.core, add_client(f, &all_entries, &a)};
	struct posting of_mute = {&f->rig.core, 0};

	add_client(f, &all_entries, &b);
	of_mute.id = add_client(f, &no_entries, &mute);
	hv_fake_hook(hv_of(f), post, &of_a);
	hv_fake_hook(hv_of(f), post, &of_mute);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.attended, 1);
	assert_int_equal(b.attended, 0);
	assert_true(f->rig.core.exits[HV_EXIT_INTERRUPTED] == 2);
	core_post(&f->rig.core, of_a.id);
	core_remove_client(&f->rig.core, of_a.id);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.attended, 1);
}

static void a_request_that_somebody_else_has_seen_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	struct client a;
	unsigned id = add_client(f, &all_entries, &a);

	core_post(&f->rig.core, id);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.attended, 1);
	assert_int_equal(hv_of(f)->runs, 2);
	assert_true(f->rig.core.exits[HV_EXIT_INTERRUPTED] == 0);
}

static void a_client_that_fails_ends_the_run(void **state)
{
	struct fixture *f = *state;
	struct client a;
	unsigned id = add_client(f, &all_entries, &a);
	int reason;

	a.fails_to_attend = true;
	core_post(&f->rig.core, id);
	core_stop(&f->rig.core, 1);
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_string_equal(f->rig.e.message, "attend");
	assert_int_equal(a.quiesced, 1);
	assert_ptr_equal(a.how.error, &f->rig.e);
}

static void every_client_quiesces_before_any_run_returns(void **state)
{
	struct fixture *f = *state;
	struct client a, b;
	int reason;

	add_client(f, &all_entries, &a);
	add_client(f, &all_entries, &b);
	core_stop(&f->rig.core, 1);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(a.quiesced + b.quiesced, 2);
	assert_true(a.saw_stop);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_int_equal(a.quiesced + b.quiesced, 4);
	assert_false(a.saw_stop);
	assert_int_equal(core_register_vmexit(&f->rig.core, HV_EXIT_DEBUG, quit, &f->rig.core,
					      &f->rig.e), 0);
	play_kind(f, HV_EXIT_DEBUG);
	assert_int_equal(run(f, &reason), CORE_HALTED);
	assert_int_equal(a.quiesced + b.quiesced, 6);
}

static void who_cannot_quiesce_turns_a_stop_into_a_failure(void **state)
{
	struct fixture *f = *state;
	struct client a, b;
	int reason;

	add_client(f, &all_entries, &a);
	add_client(f, &all_entries, &b);
	a.fails_to_quiesce = true;
	core_stop(&f->rig.core, 1);
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_string_equal(f->rig.e.message, "quiesce");
	assert_int_equal(b.quiesced, 1);
	assert_int_equal(b.how.end, CORE_FAILED);
	play_kind(f, HV_EXIT_SHUTDOWN);
	assert_int_equal(run(f, &reason), CORE_FAILED);
	assert_non_null(strstr(f->rig.e.message, "triple fault"));
}

static enum vmexit_result nothing(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	return VMEXIT_RESUME;
}

static void observers_see_exits_calls_and_the_end(void **state)
{
	struct fixture *f = *state;
	struct client a;
	unsigned id = add_client(f, &all_entries, &a);
	int reason;

	assert_int_equal(core_register_hypercall(&f->rig.core, 7, "seven", nothing, NULL,
						 &f->rig.e), 0);
	hv_fake_hypercall(hv_of(f), 7, 0x5000);
	hv_fake_hook(hv_of(f), stop_with_2, &f->rig.core);
	assert_int_equal(run(f, &reason), CORE_STOPPED);
	assert_int_equal(a.calls, 1);
	assert_true(a.nr == 7 && a.arg == 0x5000 && a.result == VMEXIT_RESUME);
	assert_int_equal(a.exits, 2);
	assert_int_equal(a.served, 2);
	assert_int_equal(a.interrupted, 1);
	assert_int_equal(a.kind, HV_EXIT_INTERRUPTED);
	assert_int_equal(a.ended, 1);
	assert_int_equal(a.how.end, CORE_STOPPED);
	assert_int_equal(a.how.reason, 2);
	assert_null(a.how.error);
	core_remove_client(&f->rig.core, id);
	hv_fake_hypercall(hv_of(f), 7, 0x5000);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.calls + a.exits + a.ended, 4);
	assert_int_equal(f->rig.core.exit_clients, 0);
	assert_null(f->rig.core.hypercalls.observer);
}

static void a_kick_without_a_request_interrupts_and_is_no_exit(void **state)
{
	struct fixture *f = *state;
	struct client a;
	unsigned id = add_client(f, &all_entries, &a);

	hv_of(f)->kicked = true;
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.interrupted, 1);
	assert_int_equal(a.exits + a.served, 0);
	core_remove_client(&f->rig.core, id);
	hv_of(f)->kicked = true;
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(a.interrupted, 1);
	assert_int_equal(f->rig.core.interrupted_clients, 0);
}

static void an_access_that_fails_has_been_served(void **state)
{
	struct fixture *f = *state;
	struct client a;

	add_client(f, &all_entries, &a);
	hv_fake_store(hv_of(f), BUS_PIO, 0x9999, 4, 1);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_int_equal(a.served, 1);
	assert_int_equal(a.result, VMEXIT_FAIL);
}

static void notes_reach_who_wants_them(void **state)
{
	struct fixture *f = *state;
	const struct facts none = {.n = 0};
	struct client a, mute;
	unsigned id;

	add_client(f, &no_entries, &mute);
	assert_false(core_is_noted(&f->rig.core));
	id = add_client(f, &all_entries, &a);
	assert_true(core_is_noted(&f->rig.core));
	core_note(&f->rig.core, "batch", &none);
	assert_int_equal(a.noted, 1);
	core_remove_client(&f->rig.core, id);
	assert_false(core_is_noted(&f->rig.core));
	core_note(&f->rig.core, "batch", &none);
	assert_int_equal(a.noted, 1);
}

static void there_is_room_for_16_clients(void **state)
{
	struct fixture *f = *state;
	struct client a;
	unsigned id;

	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		assert_int_equal(add_client(f, &no_entries, &a), i + 1);
	assert_int_equal(core_add_client(&f->rig.core, &no_entries, &a, &id, &f->rig.e), -1);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_string_equal(f->rig.e.message, "the run loop has 16 clients already");
	assert_int_equal(id, CORE_NO_CLIENT);
	core_remove_client(&f->rig.core, 5);
	core_remove_client(&f->rig.core, CORE_NO_CLIENT);
	assert_int_equal(add_client(f, &no_entries, &a), 5);
}

/* ---- buses and doorbells ---- */

static enum vmexit_result device(void *ctx, uint64_t offset, const struct bus_access *a,
			      struct husk_error *e)
{
	unsigned *calls = ctx;

	(void)offset, (void)e;
	++*calls;
	if (!a->write)
		memset(a->data, 0x5a, (size_t)a->width * a->count);
	return VMEXIT_RESUME;
}

static int add_device(struct fixture *f, const char *name, const struct device_resource *r,
		      void *ctx, uint32_t *id)
{
	const struct device_description what = {
		.name = name, .resources = r, .n_resources = 1, .ctx = ctx,
	};

	return devices_add(&f->rig.core.devices, &what, id, &f->rig.e);
}

static void ports_and_memory_are_different_buses(void **state)
{
	const uint64_t at = 0x5000;
	struct fixture *f = *state;
	static struct device_resource pio, mmio;
	unsigned on_pio = 0, on_mmio = 0;
	uint32_t id;

	pio = (struct device_resource){DEVICE_PIO, at, at + 3, device, -1};
	mmio = (struct device_resource){DEVICE_MMIO, RIG_MEMORY + at, RIG_MEMORY + at + 3, device,
					-1};
	assert_int_equal(add_device(f, "a", &pio, &on_pio, &id), 0);
	assert_int_equal(add_device(f, "b", &mmio, &on_mmio, &id), 0);
	hv_fake_load(hv_of(f), BUS_PIO, at, 4);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(on_pio, 1);
	hv_fake_load(hv_of(f), BUS_MMIO, RIG_MEMORY + at, 4);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(on_pio, 1);
	assert_int_equal(on_mmio, 1);
	hv_fake_load(hv_of(f), BUS_MMIO, at, 4);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "Invalid guest mmio access: mmio=0x5000"));
	hv_fake_load(hv_of(f), BUS_PIO, at + 4, 4);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "Invalid guest port access: port=0x5004"));
}

static uint64_t rung(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

static void a_doorbell_rings_without_an_exit(void **state)
{
	struct fixture *f = *state;
	static struct device_resource bell;
	int fd = __real_eventfd(0, EFD_NONBLOCK);
	uint32_t id;

	bell = (struct device_resource){DEVICE_PIO_DOORBELL, 0x700, 0x703, NULL, fd};
	assert_int_equal(add_device(f, "bell", &bell, NULL, &id), 0);
	hv_fake_store(hv_of(f), BUS_PIO, 0x700, 4, 1);
	hv_fake_store(hv_of(f), BUS_PIO, 0x700, 4, 2);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_true(f->rig.core.exits[HV_EXIT_PIO] == 0);
	assert_true(rung(fd) == 2);
	hv_fake_store(hv_of(f), BUS_PIO, 0x700, 2, 1);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "not what this doorbell takes"));
	assert_int_equal(devices_remove(&f->rig.core.devices, id, &f->rig.e), 0);
	assert_int_equal(hv_of(f)->n_bells, 0);
	close(fd);
}

static void a_hypervisor_without_doorbells_refuses_them_only(void **state)
{
	static const struct device_resource bell = {DEVICE_PIO_DOORBELL, 0x700, 0x703, NULL, 0};
	const struct device_description what = {
		.name = "bell", .resources = &bell, .n_resources = 1,
	};
	static struct core c;
	struct husk_error e = {0};
	uint32_t id;
	int reason;

	(void)state;
	assert_int_equal(core_init(&c, &hv_fake_plain_ops, RIG_MEMORY, &e), 0);
	assert_int_equal(devices_add(&c.devices, &what, &id, &e), -1);
	assert_non_null(strstr(e.message, "this hypervisor has no doorbells"));
	hv_fake_exit(c.hv, &(struct hv_exit){.kind = HV_EXIT_SHUTDOWN});
	assert_int_equal(core_run(&c, &reason, &e), CORE_FAILED);
	assert_non_null(strstr(e.message, "guest triple fault"));
	core_fini(&c);
}

static void nothing_can_be_added_after_the_seal(void **state)
{
	static const struct device_resource bell = {DEVICE_PIO_DOORBELL, 0x700, 0x703, NULL, 0};
	struct fixture *f = *state;
	uint32_t id;

	core_seal(&f->rig.core);
	assert_int_equal(add_device(f, "bell", &bell, NULL, &id), -1);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_non_null(strstr(f->rig.e.message, "sealed"));
	assert_int_equal(hv_of(f)->n_bells, 0);
	assert_int_equal(resource_reserve(&f->rig.core.gpas, 0, 1, "late"), RESOURCE_SEALED);
	play_kind(f, HV_EXIT_INTERRUPTED);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
}

/* ---- making and freeing ---- */

static void the_parts_agree_on_the_size_of_memory(void **state)
{
	static struct device_resource low, high;
	struct fixture *f = *state;
	struct core *c = &f->rig.core;
	uint32_t id;

	assert_true(c->memory.size == RIG_MEMORY);
	assert_ptr_equal(c->memory.base, hv_of(f)->ram);
	assert_int_equal(resource_reserve(&c->gpas, RIG_MEMORY - 1, RIG_MEMORY - 1, "x"),
			 RESOURCE_OK);
	assert_int_equal(resource_reserve(&c->gpas, RIG_MEMORY, RIG_MEMORY, "x"),
			 RESOURCE_BAD_RANGE);
	low = (struct device_resource){DEVICE_MMIO, RIG_MEMORY - 1, RIG_MEMORY, device, -1};
	high = (struct device_resource){DEVICE_MMIO, RIG_MEMORY, RIG_MEMORY, device, -1};
	assert_int_equal(add_device(f, "low", &low, NULL, &id), -1);
	assert_int_equal(add_device(f, "high", &high, NULL, &id), 0);
	assert_int_equal(c->console_fd, -1);
	assert_false(core_stopping(c));
}

static void assert_empty(const struct core *c)
{
	assert_null(c->ops);
	assert_null(c->hv);
	assert_int_equal(c->mailbox.wake.fd, -1);
}

static void a_core_is_freed_once_however_often_it_is_asked_for(void **state)
{
	static struct core c;
	struct husk_error e = {0};

	(void)state;
	assert_int_equal(core_init(&c, &hv_fake_ops, RIG_MEMORY, &e), 0);
	core_fini(&c);
	assert_empty(&c);
	core_fini(&c);
	assert_empty(&c);
}

static void a_core_that_cannot_be_made_leaves_nothing_behind(void **state)
{
	static struct core c;
	struct husk_error e = {0};

	(void)state;
	no_eventfd = true;
	memset(&c, 0x55, sizeof c);
	assert_int_equal(core_init(&c, &hv_fake_ops, RIG_MEMORY, &e), -1);
	no_eventfd = false;
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EMFILE);
	assert_empty(&c);

	hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_CREATE, .fail_at = 1};
	memset(&c, 0x55, sizeof c);
	assert_int_equal(core_init(&c, &hv_fake_ops, RIG_MEMORY, &e), -1);
	assert_string_equal(e.message, "fake create: Input/output error");
	assert_empty(&c);
}

static unsigned n_deleted;

static void count_deleted(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd)
{
	n_deleted++;
	hv_fake_ops.caps(hv)->doorbells->del(hv, kind, addr, width, fd);
}

static int add_bell(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
		    struct husk_error *e)
{
	return hv_fake_ops.caps(hv)->doorbells->add(hv, kind, addr, width, fd, e);
}

static const struct hv_caps *counting_caps(const struct hv *hv)
{
	static const struct hv_doorbell_ops doorbells = {.add = add_bell, .del = count_deleted};
	static const struct hv_caps caps = {.doorbells = &doorbells};

	(void)hv;
	return &caps;
}

/* The descriptor may live on elsewhere: nothing of the machine may ring it. */
static void doorbells_are_taken_back_at_the_end_even_after_the_seal(void **state)
{
	static const struct device_resource bell = {DEVICE_PIO_DOORBELL, 0x700, 0x703, NULL, 0};
	const struct device_description what = {
		.name = "bell", .resources = &bell, .n_resources = 1,
	};
	struct hv_ops ops = hv_fake_ops;
	static struct core c;
	struct husk_error e = {0};
	uint32_t id;

	(void)state;
	ops.caps = counting_caps;
	n_deleted = 0;
	assert_int_equal(core_init(&c, &ops, RIG_MEMORY, &e), 0);
	assert_int_equal(devices_add(&c.devices, &what, &id, &e), 0);
	core_seal(&c);
	core_fini(&c);
	assert_int_equal(n_deleted, 1);
}

static void what_is_said_reaches_the_user_in_one_line(void **state)
{
	struct fixture *f = *state;
	char text[2 * sizeof f->rig.notices[0]];

	core_say(&f->rig.core, "%d apples and %s", 5, "pears");
	assert_int_equal(f->rig.n_notices, 1);
	assert_string_equal(f->rig.notices[0], "5 apples and pears");
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	core_say(&f->rig.core, "%s", text);
	assert_int_equal(strlen(f->rig.notices[1]), sizeof f->rig.e.message - 1);
	f->rig.core.notice = NULL;
	core_say(&f->rig.core, "nobody listens");
	assert_int_equal(f->rig.n_notices, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_halt_ends_the_guest_and_says_where),
		TEST(a_triple_fault_ends_the_guest_and_says_where),
		TEST(a_triple_fault_that_took_the_registers_with_it_says_so),
		TEST(errors_of_the_hypervisor_end_the_guest_each_in_its_words),
		TEST(an_unknown_reason_is_told_with_its_number),
		TEST(a_kind_that_nobody_serves_ends_the_guest),
		TEST(a_fault_names_the_range_if_the_place_is_known),
		TEST(the_place_is_left_out_of_what_is_not_the_guests_fault),
		TEST(every_kind_reaches_its_own_handler),
		TEST(every_kind_has_a_name_of_its_own),
		TEST(a_kind_has_one_handler),
		TEST(an_unregistered_kind_is_served_by_nobody),
		TEST(a_handlers_failure_ends_the_run),
		TEST(interruptions_do_not_disturb),
		TEST(a_stop_before_the_run_ends_it_at_once),
		TEST(a_stop_during_the_run_ends_it),
		TEST(a_stop_while_an_exit_is_served_ends_the_run_after_it),
		TEST(a_failure_goes_before_a_stop),
		TEST(a_stopped_run_goes_on_where_it_was),
		TEST(every_reason_but_0_is_one),
		TEST(the_last_reason_counts_and_counts_once),
		TEST(a_stop_goes_before_time_that_is_over),
		TEST(a_stop_while_an_access_is_completed_is_for_the_next_run),
		TEST(a_handler_can_end_the_run_in_peace),
		TEST(an_interruption_that_was_asked_for_has_a_handler),
		TEST(each_run_is_owned_and_given_back),
		TEST(a_stop_is_to_be_seen_until_the_run_has_ended),
		TEST(a_stop_leaves_no_access_half_done),
		TEST(an_access_in_parts_is_done_to_its_end_unless_it_has_none),
		TEST(what_a_stop_put_off_is_served_anew_in_the_next_run),
		TEST(a_client_is_attended_to_when_it_asks_and_no_other),
		TEST(a_request_that_somebody_else_has_seen_leaves_no_trace),
		TEST(a_client_that_fails_ends_the_run),
		TEST(every_client_quiesces_before_any_run_returns),
		TEST(who_cannot_quiesce_turns_a_stop_into_a_failure),
		TEST(observers_see_exits_calls_and_the_end),
		TEST(a_kick_without_a_request_interrupts_and_is_no_exit),
		TEST(an_access_that_fails_has_been_served),
		TEST(notes_reach_who_wants_them),
		TEST(there_is_room_for_16_clients),
		TEST(ports_and_memory_are_different_buses),
		TEST(a_doorbell_rings_without_an_exit),
		TEST(a_hypervisor_without_doorbells_refuses_them_only),
		TEST(nothing_can_be_added_after_the_seal),
		TEST(the_parts_agree_on_the_size_of_memory),
		TEST(a_core_is_freed_once_however_often_it_is_asked_for),
		TEST(a_core_that_cannot_be_made_leaves_nothing_behind),
		TEST(doorbells_are_taken_back_at_the_end_even_after_the_seal),
		TEST(what_is_said_reaches_the_user_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
