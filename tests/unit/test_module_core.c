/* SPDX-License-Identifier: ISC */
/* test_module_core.c: the hypercalls that every guest has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/console.h"
#include "rig.h"
#include "slack.h"
#include "expect.h"

#define NS_PER_S 1000000000ull
#define MS 1000000ull
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)	/* where arguments lie unless it matters */
#define TEXT (HVT_GUEST_MIN_BASE + 0x1000u)

/* ---- host calls that are made to fail ---- */

static struct {
	bool no_memory;
	int ppoll_error, ppoll_times;	/* it fails so many times */
	uint64_t ppoll_ns;		/* the timeout that it was given last */
} host;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);

void *__wrap_calloc(size_t n, size_t size)
{
	return host.no_memory ? NULL : __real_calloc(n, size);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	host.ppoll_ns = (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec;
	if (host.ppoll_times == 0)
		return __real_ppoll(fds, n, ts, mask);
	host.ppoll_times--;
	errno = host.ppoll_error;
	return -1;
}

/* ---- a guest ---- */

struct fixture {
	struct rig rig;
	int out[2];		/* the console is a pipe: [0] to read, [1] the console */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	*state = &f;
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(f.out, O_CLOEXEC) == -1 || rig_make(&f.rig, RIG_MEMORY) == -1)
		return -1;
	fcntl(f.out[0], F_SETFL, O_NONBLOCK);
	f.rig.core.console_fd = f.out[1];
	memset(rig_at(&f.rig, 0), FILLER, RIG_MEMORY);
	return rig_attach(&f.rig, &module_core);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	close(f->out[0]);
	close(f->out[1]);
	return 0;
}

static void put(struct fixture *f, uint64_t gpa, const void *bytes, size_t len)
{
	memcpy(rig_at(&f->rig, gpa), bytes, len);
}

static void protect(struct fixture *f, uint64_t start, uint64_t last)
{
	assert_int_equal(memory_declare(&f->rig.core.memory, start, last, MEMORY_R, "segment",
					&f->rig.e), 0);
}

/*
 * Every hypercall's structure of the given size: it may end at the last byte of memory and not
 * one further, and a call has either no result or one that has to be writable.
 */
static void assert_edges(struct fixture *f, int nr, const void *rq, size_t size)
{
	put(f, RIG_MEMORY - size, rq, size);
	assert_int_equal(rig_call(&f->rig, (unsigned)nr, RIG_MEMORY - size), RIG_RESUMED);
	assert_guest_error(&f->rig, rig_call(&f->rig, (unsigned)nr, RIG_MEMORY - size + 1),
			   "Invalid guest access: gpa=0x");
	assert_guest_error(&f->rig, rig_call(&f->rig, (unsigned)nr, RIG_MEMORY),
			   "Invalid guest access");
	assert_guest_error(&f->rig, rig_call(&f->rig, (unsigned)nr, 0xffffffff),
			   "Invalid guest access");
	assert_guest_error(&f->rig, rig_call(&f->rig, (unsigned)nr, 0xffffffff - size + 1),
			   "Invalid guest access");
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- walltime ---- */

static uint64_t walltime(struct fixture *f, uint64_t gpa)
{
	uint64_t ns;

	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, gpa), RIG_RESUMED);
	memcpy(&ns, rig_at(&f->rig, gpa), sizeof ns);
	return ns;
}

static void walltime_is_the_hosts(void **state)
{
	uint64_t before = now(CLOCK_REALTIME), ns = walltime(*state, ARG);

	assert_in_range(ns, before, now(CLOCK_REALTIME));
}

static void walltime_writes_its_8_bytes_and_no_more(void **state)
{
	struct fixture *f = *state;

	walltime(f, ARG + 1);
	assert_filler(rig_at(&f->rig, 0), 0, ARG + 1);
	assert_filler(rig_at(&f->rig, 0), ARG + 9, RIG_MEMORY);
}

static void walltime_at_the_edges_of_memory(void **state)
{
	static const struct hvt_walltime rq;

	assert_edges(*state, HVT_HYPERCALL_WALLTIME, &rq, sizeof rq);
}

static void a_result_is_not_written_where_the_guest_may_not_write(void **state)
{
	struct fixture *f = *state;

	protect(f, TEXT, TEXT + 0xfff);
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, TEXT),
			   "inside read-only segment");
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, TEXT - 1),
			   "read-only segment");
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, TEXT + 0xfff),
			   "read-only segment");
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, 0),
			   "read-only low memory");
	assert_guest_error(&f->rig,
			   rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, HVT_GUEST_MIN_BASE - 1),
			   "read-only low memory");
	assert_filler(rig_at(&f->rig, 0), 0, RIG_MEMORY);
	walltime(f, TEXT - 8);
	walltime(f, TEXT + 0x1000);
}

/* ---- puts ---- */

static enum rig_end call_puts(struct fixture *f, uint64_t data, uint64_t len)
{
	const struct hvt_puts rq = {data, len};

	put(f, ARG, &rq, sizeof rq);
	return rig_call(&f->rig, HVT_HYPERCALL_PUTS, ARG);
}

static void assert_console(struct fixture *f, const void *bytes, size_t len)
{
	char got[4096];
	ssize_t n = read(f->out[0], got, sizeof got);

	assert_int_equal(n == -1 ? 0 : n, len);
	if (len > 0)
		assert_memory_equal(got, bytes, len);
}

static void puts_writes_the_bytes_as_they_are(void **state)
{
	static const char text[] = "one\n\0two\r\n\xff";
	struct fixture *f = *state;

	put(f, TEXT, text, sizeof text);
	assert_int_equal(call_puts(f, TEXT, sizeof text), RIG_RESUMED);
	assert_console(f, text, sizeof text);
}

static void puts_of_nothing_is_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(call_puts(f, TEXT, 0), RIG_RESUMED);
	assert_int_equal(call_puts(f, RIG_MEMORY, 0), RIG_RESUMED);
	assert_console(f, "", 0);
	assert_guest_error(&f->rig, call_puts(f, RIG_MEMORY + 1, 0), "Invalid guest access");
	assert_guest_error(&f->rig, call_puts(f, UINT64_MAX, 0), "Invalid guest access");
}

static void the_last_byte_of_memory_can_be_printed(void **state)
{
	struct fixture *f = *state;

	put(f, RIG_MEMORY - 2, "ok", 2);
	assert_int_equal(call_puts(f, RIG_MEMORY - 2, 2), RIG_RESUMED);
	assert_console(f, "ok", 2);
	assert_int_equal(call_puts(f, RIG_MEMORY - 1, 1), RIG_RESUMED);
	assert_console(f, "k", 1);
}

static void text_outside_memory_ends_the_guest(void **state)
{
	static const struct { uint64_t data, len; } bad[] = {
		{RIG_MEMORY - 1, 2}, {RIG_MEMORY, 1}, {RIG_MEMORY + 1, 1}, {0, RIG_MEMORY + 1},
		{UINT64_MAX, 1}, {UINT64_MAX, 2}, {UINT64_MAX - 1, 4}, {1, UINT64_MAX},
		{TEXT, UINT64_MAX - TEXT + 1}, {UINT64_MAX, UINT64_MAX}, {0x100000000 + TEXT, 1},
		{TEXT, 0x100000000}, {1ull << 63, 1}, {0, 1ull << 63},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[100];

		snprintf(text, sizeof text, "Invalid guest access: gpa=0x%llx, sz=%llu",
			 (unsigned long long)bad[i].data, (unsigned long long)bad[i].len);
		assert_guest_error(&f->rig, call_puts(f, bad[i].data, bad[i].len), text);
	}
	assert_console(f, "", 0);
}

static void puts_at_the_edges_of_memory(void **state)
{
	static const struct hvt_puts rq = {TEXT, 1};

	assert_edges(*state, HVT_HYPERCALL_PUTS, &rq, sizeof rq);
}

static void puts_may_read_what_the_guest_may_not_write(void **state)
{
	struct fixture *f = *state;
	const struct hvt_puts rq = {0x10000, 3};

	protect(f, TEXT, TEXT + 0xfff);
	put(f, 0x10000, "low", 3);
	put(f, TEXT, "text", 4);
	assert_int_equal(call_puts(f, TEXT, 4), RIG_RESUMED);
	assert_console(f, "text", 4);
	put(f, TEXT + 8, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_PUTS, TEXT + 8), RIG_RESUMED);
	assert_console(f, "low", 3);
}

static void puts_changes_nothing_in_memory(void **state)
{
	struct fixture *f = *state;
	const struct hvt_puts rq = {TEXT, 5};

	call_puts(f, TEXT, 5);
	assert_filler(rig_at(&f->rig, 0), 0, ARG);
	assert_memory_equal(rig_at(&f->rig, ARG), &rq, sizeof rq);
	assert_filler(rig_at(&f->rig, 0), ARG + sizeof rq, RIG_MEMORY);
}

static uint64_t figure_of(const struct fixture *f, const char *name)
{
	return rig_figure(&f->rig, 0, "console", name);
}

/* Another console, which the module learns of when it attaches. */
static void attach_console(struct fixture *f, int fd)
{
	void *s = f->rig.state[0];

	module_detach(&module_core, s, &f->rig.core, f->rig.mft);
	f->rig.core.console_fd = fd;
	assert_int_equal(module_attach(&module_core, s, &f->rig.core, f->rig.mft, &f->rig.e), 0);
}

/* What a pipe takes depends on the host. */
static void puts_is_counted(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	attach_console(f, ends[1]);
	call_puts(f, TEXT, 5);
	call_puts(f, TEXT, 7);
	assert_true(figure_of(f, "bytes") == 12);
	assert_true(figure_of(f, "bytes_dropped") == 0);
	assert_true(figure_of(f, "system_calls") == 2);
	attach_console(f, -1);
	close(ends[0]);
	close(ends[1]);
}

static void a_guest_without_a_console_goes_on(void **state)
{
	struct fixture *f = *state;
	int closed = dup(f->out[1]);

	close(closed);
	attach_console(f, -1);
	assert_int_equal(call_puts(f, TEXT, 5), RIG_RESUMED);
	assert_true(figure_of(f, "bytes_dropped") == 5);
	attach_console(f, closed);
	assert_int_equal(call_puts(f, TEXT, 5), RIG_RESUMED);
	assert_true(figure_of(f, "bytes") == 0);
	assert_true(figure_of(f, "bytes_dropped") == 5);
}

static void a_guest_whose_reader_is_gone_goes_on(void **state)
{
	struct fixture *f = *state;
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	attach_console(f, pipe_fds[1]);
	close(pipe_fds[0]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(call_puts(f, TEXT, 5), RIG_RESUMED);
	assert_true(figure_of(f, "bytes_dropped") == 15);
	close(pipe_fds[1]);
}

static void a_guest_on_a_full_disk_goes_on(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	attach_console(f, full);
	assert_int_equal(call_puts(f, TEXT, 5), RIG_RESUMED);
	assert_true(figure_of(f, "bytes_dropped") == 5);
	close(full);
}

/* ---- readers that take their time ---- */

#define LONG 0x80000u		/* more than a pipe holds */

/* What the pipe holds is read by a thread, from a moment on. */
struct reader {
	int fd;
	unsigned first_us;
	uint8_t got[LONG + 1];
	size_t n;
};

static void *read_later(void *ctx)
{
	struct reader *r = ctx;
	ssize_t n;

	usleep(r->first_us);
	fcntl(r->fd, F_SETFL, 0);
	/* Not up to the end: the console may have a description of its own. */
	while (r->n < LONG && (n = read(r->fd, r->got + r->n, sizeof r->got - r->n)) > 0)
		r->n += (size_t)n;
	return NULL;
}

/* In pieces that differ. */
static void make_long_text(struct fixture *f)
{
	uint8_t *at = rig_at(&f->rig, HVT_GUEST_MIN_BASE);

	for (size_t i = 0; i < LONG; i++)
		at[i] = (uint8_t)(i ^ i >> 8);
}

static void a_reader_that_pauses_gets_everything(void **state)
{
	static struct reader r;
	struct fixture *f = *state;
	pthread_t thread;

	make_long_text(f);
	r = (struct reader){.fd = f->out[0], .first_us = 300000};
	assert_int_equal(pthread_create(&thread, NULL, read_later, &r), 0);
	assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_RESUMED);
	close(f->out[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	f->out[1] = dup(f->out[0]);
	assert_int_equal(r.n, LONG);
	assert_memory_equal(r.got, rig_at(&f->rig, HVT_GUEST_MIN_BASE), LONG);
	assert_true(figure_of(f, "bytes_dropped") == 0);
	assert_int_equal(f->rig.n_notices, 0);
}

static void use_patience(struct fixture *f, const char *word)
{
	static const struct option patience = {
		.name = "console-patience", .form = OPTION_VALUE, .value = "TIME",
	};
	static const struct option_group group = {"core", &patience, 1};
	void **s = &f->rig.state[0];

	assert_int_equal(settings_add(&f->rig.settings, &group, 1, word, &f->rig.e), 0);
	module_detach(&module_core, *s, &f->rig.core, f->rig.mft);
	module_core.close(*s);
	assert_int_equal(module_core.open(s, &f->rig.settings, f->rig.mft, &f->rig.e), 0);
	assert_int_equal(module_attach(&module_core, *s, &f->rig.core, f->rig.mft, &f->rig.e), 0);
}

static void patience_has_a_limit_if_one_is_given(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now(CLOCK_MONOTONIC);

	use_patience(f, "--console-patience=100ms");
	assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_RESUMED);
	assert_true(now(CLOCK_MONOTONIC) - start >= 100 * MS);
	start = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 100; i++)
		assert_int_equal(call_puts(f, TEXT, 100), RIG_RESUMED);
	assert_true(now(CLOCK_MONOTONIC) - start < 2000 * MS);
	assert_true(figure_of(f, "bytes") + figure_of(f, "bytes_dropped") == LONG + 100 * 100);
	assert_int_equal(f->rig.n_notices, 1);
	assert_non_null(strstr(f->rig.notices[0], "console: its reader has taken nothing"));
	assert_non_null(strstr(f->rig.notices[0], "--console-patience"));
}

static unsigned empty(struct fixture *f)
{
	char got[4096];
	unsigned n = 0;

	while (read(f->out[0], got, sizeof got) > 0)
		n++;
	return n;
}

/* A guest could fill its user's logs: outages 1 to 4, 8 and 16 of 20 are told. */
static void outages_are_told_and_fewer_and_fewer(void **state)
{
	struct fixture *f = *state;

	use_patience(f, "--console-patience=0");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_RESUMED);
		assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_RESUMED);
		assert_true(empty(f) > 0);
	}
	assert_int_equal(f->rig.n_notices, 6);
}

static void *stop_soon(void *ctx)
{
	usleep(50000);
	core_stop(ctx, 15);
	return NULL;
}

/* The rest has been lost if that was all, and is written if the machine runs again. */
static void a_stop_does_not_wait_for_a_reader(void **state)
{
	static struct reader r;
	struct fixture *f = *state;
	uint64_t start = now(CLOCK_MONOTONIC);
	struct hvt_puts other = {TEXT, 1};
	pthread_t thread;

	make_long_text(f);
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, &f->rig.core), 0);
	assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_STOPPED);
	pthread_join(thread, NULL);
	assert_true(now(CLOCK_MONOTONIC) - start < 2000 * MS);
	assert_true(figure_of(f, "bytes") < LONG);
	assert_true(figure_of(f, "bytes") + figure_of(f, "bytes_dropped") == LONG);
	/* Somebody writes to the guest's memory meanwhile: what it asked for is what counts. */
	put(f, ARG, &other, sizeof other);
	r = (struct reader){.fd = f->out[0]};
	assert_int_equal(pthread_create(&thread, NULL, read_later, &r), 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	close(f->out[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	f->out[1] = dup(f->out[0]);
	assert_int_equal(r.n, LONG);
	assert_true(figure_of(f, "bytes_dropped") == 0);
}

struct poster {
	struct core *core;
	unsigned id;
};

static void *post_often(void *ctx)
{
	const struct poster *p = ctx;

	for (int i = 0; i < 100; i++) {
		usleep(1000);
		core_post(p->core, p->id);
	}
	return NULL;
}

static int attend(void *ctx, struct husk_error *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

/* A module's thread wants something of the vcpu's, which waits for a reader. */
static void requests_are_attended_to_while_a_reader_pauses(void **state)
{
	static const struct core_client client = {.attend = attend};
	static struct reader r;
	struct fixture *f = *state;
	struct poster p = {.core = &f->rig.core};
	pthread_t threads[2];
	unsigned attended = 0;

	make_long_text(f);
	assert_int_equal(core_add_client(p.core, &client, &attended, &p.id, &f->rig.e), 0);
	r = (struct reader){.fd = f->out[0], .first_us = 300000};
	assert_int_equal(pthread_create(&threads[0], NULL, read_later, &r), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, post_often, &p), 0);
	assert_int_equal(call_puts(f, HVT_GUEST_MIN_BASE, LONG), RIG_RESUMED);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	close(f->out[1]);
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	f->out[1] = dup(f->out[0]);
	assert_int_equal(r.n, LONG);
	assert_memory_equal(r.got, rig_at(&f->rig, HVT_GUEST_MIN_BASE), LONG);
	assert_true(attended >= 10);
}

/* ---- poll ---- */

struct answer {
	uint64_t ready;
	int32_t ret;
};

static struct answer poll_at(struct fixture *f, uint64_t gpa, uint64_t timeout)
{
	struct hvt_poll rq = {timeout, 0x7777777777777777, 0x77777777, 0x77777777};

	put(f, gpa, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, gpa), RIG_RESUMED);
	memcpy(&rq, rig_at(&f->rig, gpa), sizeof rq);
	assert_true(rq.timeout_nsecs == timeout);
	assert_int_equal(rq.pad, 0x77777777);
	return (struct answer){rq.ready_set, rq.ret};
}

static void assert_poll(struct fixture *f, uint64_t timeout, uint64_t ready, int ret)
{
	struct answer a = poll_at(f, ARG, timeout);

	if (a.ready != ready || a.ret != ret)
		fail_msg("0x%llx, %d, expected 0x%llx, %d", (unsigned long long)a.ready, a.ret,
			 (unsigned long long)ready, ret);
}

/* A pipe as a device with this handle; returns the end to write to. */
static int add_device(struct fixture *f, unsigned handle, int *reader)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(rig_add_device(&f->rig, ends[0], handle), 0);
	*reader = ends[0];
	return ends[1];
}

static void feed(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void poll_without_devices_is_a_sleep(void **state)
{
	uint64_t start = now(CLOCK_MONOTONIC), passed;

	assert_poll(*state, 20 * MS, 0, 0);
	passed = now(CLOCK_MONOTONIC) - start;
	assert_true(passed >= 20 * MS);
}

static void a_timeout_is_waited_for_to_the_nanosecond(void **state)
{
	const uint64_t start = now(CLOCK_MONOTONIC);

	assert_poll(*state, 1234567, 0, 0);
	assert_in_range(host.ppoll_ns, 1, 1234567);
	assert_true(now(CLOCK_MONOTONIC) - start >= 1234567);
	assert_poll(*state, 0, 0, 0);
	assert_true(host.ppoll_ns == 0);
}

static void *sleep_elsewhere(void *ctx)
{
	struct fixture *f = ctx;

	(void)slack_set(50000);
	(void)poll_at(f, ARG, MS);
	return (void *)(uintptr_t)slack_is(SLACK_LEAST);
}

/* Whichever thread runs the machine: precision is a thread's own. */
static void timers_are_as_precise_as_the_host_can(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		pthread_t thread;
		void *precise;

		assert_int_equal(pthread_create(&thread, NULL, sleep_elsewhere, f), 0);
		assert_int_equal(pthread_join(thread, &precise), 0);
		assert_non_null(precise);
	}
}

static void ready_devices_are_reported_all_at_once(void **state)
{
	static const unsigned handles[] = {1, 5, 32, 63};
	struct fixture *f = *state;
	int in[4], out[4];

	for (size_t i = 0; i < 4; i++)
		out[i] = add_device(f, handles[i], &in[i]);
	assert_poll(f, 0, 0, 0);
	feed(out[1]);
	assert_poll(f, 0, 1ull << 5, 1);
	feed(out[3]);
	assert_poll(f, UINT64_MAX, 1ull << 5 | 1ull << 63, 2);
	feed(out[0]);
	feed(out[2]);
	assert_poll(f, 0, 1ull << 1 | 1ull << 5 | 1ull << 32 | 1ull << 63, 4);
	for (size_t i = 0; i < 4; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static void a_device_stays_ready_until_it_is_read(void **state)
{
	struct fixture *f = *state;
	int in, out = add_device(f, 3, &in);
	char byte;

	feed(out);
	for (int i = 0; i < 3; i++)
		assert_poll(f, MS, 1ull << 3, 1);
	assert_int_equal(read(in, &byte, 1), 1);
	assert_poll(f, MS, 0, 0);
	close(in);
	close(out);
}

static void a_device_whose_other_end_is_gone_is_ready(void **state)
{
	struct fixture *f = *state;
	int in, out = add_device(f, 3, &in);

	close(out);
	assert_poll(f, UINT64_MAX, 1ull << 3, 1);
	close(in);
}

static void *feed_later(void *ctx)
{
	usleep(30000);
	feed(*(int *)ctx);
	return NULL;
}

static void a_device_that_becomes_ready_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	int in, out = add_device(f, 2, &in);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, feed_later, &out), 0);
	assert_poll(f, 60 * NS_PER_S, 1ull << 2, 1);
	pthread_join(thread, NULL);
	close(in);
	close(out);
}

static void *stop_later(void *ctx)
{
	usleep(30000);
	core_stop(ctx, 15);
	return NULL;
}

static void a_stop_ends_the_wait_and_the_run(void **state)
{
	static const struct hvt_poll forever = {
		.timeout_nsecs = UINT64_MAX, .ready_set = 7, .ret = 7,
	};
	struct fixture *f = *state;
	const struct hvt_poll *rq = rig_at(&f->rig, ARG);
	pthread_t thread;

	put(f, ARG, &forever, sizeof forever);
	assert_int_equal(pthread_create(&thread, NULL, stop_later, &f->rig.core), 0);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG), RIG_STOPPED);
	pthread_join(thread, NULL);
	assert_true(rq->ready_set == 0);
	assert_int_equal(rq->ret, 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_poll(f, MS, 0, 0);
	assert_in_range(host.ppoll_ns, 1, MS);
}

static void poll_at_the_edges_of_memory(void **state)
{
	static const struct hvt_poll rq;

	assert_edges(*state, HVT_HYPERCALL_POLL, &rq, sizeof rq);
}

static void poll_writes_its_results_and_no_more(void **state)
{
	struct fixture *f = *state;
	int in, out = add_device(f, 1, &in);

	feed(out);
	poll_at(f, ARG + 3, 0);		/* looks at timeout and padding */
	assert_filler(rig_at(&f->rig, 0), 0, ARG + 3);
	assert_filler(rig_at(&f->rig, 0), ARG + 3 + sizeof(struct hvt_poll), RIG_MEMORY);
	close(in);
	close(out);
}

static void poll_needs_to_write_both_results(void **state)
{
	static const struct hvt_poll rq;
	struct fixture *f = *state;

	protect(f, TEXT, TEXT + 0xfff);
	put(f, TEXT - 16, &rq, sizeof rq);
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_POLL, TEXT - 16),
			   "read-only segment");
	put(f, TEXT + 0xff8, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, TEXT + 0xff8), RIG_RESUMED);
	put(f, TEXT + 0xff0, &rq, sizeof rq);
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_POLL, TEXT + 0xff0),
			   "read-only segment");
	put(f, TEXT - 24, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, TEXT - 24), RIG_RESUMED);
}

static void signals_do_not_end_the_wait(void **state)
{
	uint64_t start = now(CLOCK_MONOTONIC), passed;

	host.ppoll_error = EINTR;
	host.ppoll_times = 5;
	assert_poll(*state, 20 * MS, 0, 0);
	passed = now(CLOCK_MONOTONIC) - start;
	assert_true(passed >= 20 * MS);
	assert_true(host.ppoll_ns < 20 * MS);
	assert_int_equal(host.ppoll_times, 0);
}

static void a_host_that_cannot_wait_ends_the_run(void **state)
{
	static const struct hvt_poll rq;
	struct fixture *f = *state;

	put(f, ARG, &rq, sizeof rq);
	host.ppoll_error = ENOMEM;
	host.ppoll_times = 1;
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_int_equal(f->rig.e.sys, ENOMEM);
}

static void poll_counts_its_system_calls(void **state)
{
	struct fixture *f = *state;

	host.ppoll_error = EINTR;
	host.ppoll_times = 2;
	assert_poll(f, 0, 0, 0);
	assert_true(f->rig.core.calls == 3);
}

/* ---- halt ---- */

static enum rig_end call_halt(struct fixture *f, uint64_t cookie, int32_t status)
{
	const struct hvt_halt rq = {.cookie = cookie, .exit_status = status};

	f->rig.core.exit_status = 77;
	put(f, ARG, &rq, sizeof rq);
	return rig_call(&f->rig, HVT_HYPERCALL_HALT, ARG);
}

static void halt_ends_the_run_with_the_guests_status(void **state)
{
	static const int32_t statuses[] = {0, 1, 7, 255, 256, 263, -1, INT32_MIN, INT32_MAX};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		assert_int_equal(call_halt(f, 0, statuses[i]), RIG_HALTED);
		assert_int_equal(f->rig.core.exit_status, statuses[i]);
	}
}

static void a_cookie_needs_512_bytes_of_memory_behind_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(call_halt(f, 1, 3), RIG_HALTED);
	assert_int_equal(call_halt(f, RIG_MEMORY - 512, 3), RIG_HALTED);
	assert_int_equal(f->rig.core.exit_status, 3);
}

static void a_bad_cookie_is_an_error_and_not_a_status(void **state)
{
	static const uint64_t bad[] = {
		RIG_MEMORY - 511, RIG_MEMORY, UINT64_MAX, UINT64_MAX - 511, UINT64_MAX - 510,
		0x100000000, 1ull << 63,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_guest_error(&f->rig, call_halt(f, bad[i], 3),
				   "Invalid guest access: gpa=0x");
		assert_int_equal(f->rig.core.exit_status, 77);
	}
}

static void halt_at_the_edges_of_memory(void **state)
{
	static const struct hvt_halt rq = {.exit_status = 5};
	struct fixture *f = *state;

	put(f, RIG_MEMORY - sizeof rq, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_HALT, RIG_MEMORY - sizeof rq), RIG_HALTED);
	assert_int_equal(f->rig.core.exit_status, 5);
	assert_guest_error(&f->rig,
			   rig_call(&f->rig, HVT_HYPERCALL_HALT, RIG_MEMORY - sizeof rq + 1),
			   "Invalid guest access");
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_HALT, 0xfffffff1),
			   "Invalid guest access");
}

static void halt_may_be_asked_for_from_read_only_memory(void **state)
{
	static const struct hvt_halt rq = {.cookie = 0x10000, .exit_status = 6};
	struct fixture *f = *state;

	put(f, 0x10100, &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_HALT, 0x10100), RIG_HALTED);
	assert_int_equal(f->rig.core.exit_status, 6);
}

/* ---- attaching ---- */

static const int numbers[] = {
	HVT_HYPERCALL_WALLTIME, HVT_HYPERCALL_PUTS, HVT_HYPERCALL_POLL, HVT_HYPERCALL_HALT,
};

static enum vmexit_result other(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	return VMEXIT_RESUME;
}

static void it_takes_its_numbers_and_gives_them_back(void **state)
{
	static const char *const names[] = {"walltime", "puts", "poll", "halt"};
	struct fixture *f = *state;
	const struct hypercall *table = f->rig.core.hypercalls.table;
	unsigned n = 0;

	for (size_t i = 0; i < 4; i++)
		assert_string_equal(table[numbers[i]].name, names[i]);
	for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
		n += table[nr].handler != NULL;
	assert_int_equal(n, 4);
	module_detach(&module_core, f->rig.state[0], &f->rig.core, f->rig.mft);
	for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
		assert_null(table[nr].handler);
}

static void it_attaches_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	const struct hypercall *table = f->rig.core.hypercalls.table;
	void *s = f->rig.state[0];

	module_detach(&module_core, s, &f->rig.core, f->rig.mft);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(core_register_hypercall(&f->rig.core, numbers[i], "other", other,
							 NULL, &f->rig.e), 0);
		assert_int_equal(module_attach(&module_core, s, &f->rig.core, f->rig.mft, &f->rig.e), -1);
		assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
		assert_non_null(strstr(f->rig.e.message, "already serves other"));
		for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
			assert_int_equal(table[nr].handler != NULL, nr == numbers[i]);
		core_unregister_hypercall(&f->rig.core, numbers[i]);
	}
	assert_int_equal(module_attach(&module_core, s, &f->rig.core, f->rig.mft, &f->rig.e), 0);
}

/* The console opens a terminal again for itself. */
static void it_closes_what_it_opened(void **state)
{
	struct fixture *f = *state;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal, free_one;
	char path[64];

	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1 ||
	    ptsname_r(master, path, sizeof path) != 0) {
		print_message("# a host without terminals\n");
		skip();
	}
	terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	free_one = dup(terminal);
	close(free_one);
	attach_console(f, terminal);
	assert_int_equal(call_puts(f, TEXT, 1), RIG_RESUMED);
	module_detach(&module_core, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_int_equal(fcntl(free_one, F_GETFD), -1);
	assert_true(fcntl(terminal, F_GETFD) >= 0);
	assert_int_equal(read(master, path, sizeof path), 1);
	close(terminal);
	close(master);
}

static void it_needs_memory_for_its_state(void **state)
{
	struct fixture *f = *state;
	void *s = NULL;
	int rc;

	host.no_memory = true;
	rc = module_core.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e);
	host.no_memory = false;
	assert_int_equal(rc, -1);
	assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
	assert_int_equal(f->rig.e.sys, ENOMEM);
	assert_null(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A stop that comes just as one part of string I/O is done: the next part waits for nobody. */
static enum vmexit_result stop_and_resume(void *ctx, uint64_t offset, const struct bus_access *a,
					  struct husk_error *e)
{
	struct fixture *f = ctx;

	(void)offset, (void)a, (void)e;
	core_stop(&f->rig.core, 7);
	return VMEXIT_RESUME;
}

static void a_stop_between_two_parts_of_an_access_waits_for_no_reader(void **state)
{
	static const struct device_resource port = {
		DEVICE_PIO, 0x300, 0x303, stop_and_resume, -1,
	};
	struct fixture *f = *state;
	const struct device_description what = {
		.name = "port", .resources = &port, .n_resources = 1, .ctx = f,
	};
	const struct hvt_puts rq = {TEXT, 5};
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	uint32_t id, arg = ARG;
	const struct bus_access more = {
		.addr = w->base + HVT_HYPERCALL_PUTS * w->stride, .count = 1, .width = 4,
		.write = true, .data = (void *)&arg,
	};
	static const char page[4096];
	int reason;

	fcntl(f->out[1], F_SETFL, O_NONBLOCK);
	while (write(f->out[1], page, sizeof page) > 0)
		continue;
	assert_int_equal(devices_add(&f->rig.core.devices, &what, &id, &f->rig.e), 0);
	put(f, ARG, &rq, sizeof rq);
	hv_fake_store(f->rig.core.hv, BUS_PIO, 0x300, 4, 1);
	hv_fake_more(f->rig.core.hv, &more, w->kind);
	alarm(5);
	assert_int_equal(core_run(&f->rig.core, &reason, &f->rig.e), CORE_STOPPED);
	assert_int_equal(reason, 7);
	alarm(0);
	assert_int_equal(rig_figure(&f->rig, 0, "console", "bytes_dropped"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(walltime_is_the_hosts),
		TEST(walltime_writes_its_8_bytes_and_no_more),
		TEST(walltime_at_the_edges_of_memory),
		TEST(a_result_is_not_written_where_the_guest_may_not_write),
		TEST(puts_writes_the_bytes_as_they_are),
		TEST(puts_of_nothing_is_nothing),
		TEST(the_last_byte_of_memory_can_be_printed),
		TEST(text_outside_memory_ends_the_guest),
		TEST(puts_at_the_edges_of_memory),
		TEST(puts_may_read_what_the_guest_may_not_write),
		TEST(puts_changes_nothing_in_memory),
		TEST(puts_is_counted),
		TEST(a_guest_without_a_console_goes_on),
		TEST(a_guest_whose_reader_is_gone_goes_on),
		TEST(a_guest_on_a_full_disk_goes_on),
		TEST(a_reader_that_pauses_gets_everything),
		TEST(patience_has_a_limit_if_one_is_given),
		TEST(outages_are_told_and_fewer_and_fewer),
		TEST(a_stop_does_not_wait_for_a_reader),
		TEST(requests_are_attended_to_while_a_reader_pauses),
		TEST(poll_without_devices_is_a_sleep),
		TEST(a_timeout_is_waited_for_to_the_nanosecond),
		TEST(timers_are_as_precise_as_the_host_can),
		TEST(ready_devices_are_reported_all_at_once),
		TEST(a_device_stays_ready_until_it_is_read),
		TEST(a_device_whose_other_end_is_gone_is_ready),
		TEST(a_device_that_becomes_ready_ends_the_wait),
		TEST(a_stop_ends_the_wait_and_the_run),
		TEST(poll_at_the_edges_of_memory),
		TEST(poll_writes_its_results_and_no_more),
		TEST(poll_needs_to_write_both_results),
		TEST(signals_do_not_end_the_wait),
		TEST(a_host_that_cannot_wait_ends_the_run),
		TEST(poll_counts_its_system_calls),
		TEST(halt_ends_the_run_with_the_guests_status),
		TEST(a_cookie_needs_512_bytes_of_memory_behind_it),
		TEST(a_bad_cookie_is_an_error_and_not_a_status),
		TEST(halt_at_the_edges_of_memory),
		TEST(halt_may_be_asked_for_from_read_only_memory),
		TEST(a_stop_between_two_parts_of_an_access_waits_for_no_reader),
		TEST(it_takes_its_numbers_and_gives_them_back),
		TEST(it_attaches_all_or_nothing),
		TEST(it_closes_what_it_opened),
		TEST(it_needs_memory_for_its_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
