/* SPDX-License-Identifier: ISC */
/* test_io_thread.c: turns, events, deadlines, pauses and ends of the I/O thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io_poll.h"
#include "io_thread.h"
#include "under_asan.h"

#define LIMIT_S 10

struct client {
	unsigned turns, events;
	unsigned more;			/* turns that end with IO_MORE */
	uint64_t deadline, key;
	unsigned seen;			/* events, all together */
	bool fails;
	int stuck;			/* each turn waits for a byte of it; -1: no */
	sem_t told;			/* after each turn */
};

struct fixture {
	struct io_thread t;
	struct client a, b;
	struct husk_error e;
	sem_t alarmed;
	int bell;
};

static struct fixture f;
static int fail_create;			/* the next thread that is made */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	if (fail_create != 0)
		return fail_create;
	return __real_pthread_create(thread, attr, run, arg);
}

static int fail_nth;			/* of the calls below, if not 0 */

static bool fails_now(void)
{
	return fail_nth > 0 && --fail_nth == 0;
}

int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_io_poll_open(void);
int __wrap_io_poll_open(void);
int __real_io_poll_add(int poll_fd, int fd, uint64_t key);
int __wrap_io_poll_add(int poll_fd, int fd, uint64_t key);

int __wrap_eventfd(unsigned value, int flags)
{
	if (!fails_now())
		return __real_eventfd(value, flags);
	errno = EMFILE;
	return -1;
}

int __wrap_io_poll_open(void)
{
	return fails_now() ? -EMFILE : __real_io_poll_open();
}

int __wrap_io_poll_add(int poll_fd, int fd, uint64_t key)
{
	return fails_now() ? -ENOSPC : __real_io_poll_add(poll_fd, fd, key);
}

static enum io_turn turn(void *ctx, uint64_t now, struct husk_error *e)
{
	struct client *c = ctx;
	enum io_turn end = IO_IDLE;

	__atomic_add_fetch(&c->turns, 1, __ATOMIC_RELAXED);
	if (c->stuck != -1) {
		char byte;

		sem_post(&c->told);
		(void)!read(c->stuck, &byte, 1);
	}
	if (c->deadline <= now)
		c->deadline = CLOCK_NEVER;
	if (c->fails)
		end = (enum io_turn)husk_fail(e, HUSK_E_GUEST, "queue 3 is broken");
	else if (c->more > 0 && c->more-- > 0)
		end = IO_MORE;
	sem_post(&c->told);
	return end;
}

static void event(void *ctx, uint64_t key, unsigned events, uint64_t now)
{
	struct client *c = ctx;

	(void)now;
	c->key = key;
	__atomic_or_fetch(&c->seen, events, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->events, 1, __ATOMIC_RELAXED);
}

static uint64_t deadline(void *ctx)
{
	return ((struct client *)ctx)->deadline;
}

static const struct io_client kind = {.turn = turn, .event = event, .deadline = deadline};

static void alarm_owner(void *ctx)
{
	sem_post(ctx);
}

static void client_init(struct client *c)
{
	c->deadline = CLOCK_NEVER;
	c->stuck = -1;
	sem_init(&c->told, 0, 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	client_init(&f.a);
	client_init(&f.b);
	sem_init(&f.alarmed, 0, 0);
	f.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (f.bell == -1 || io_thread_init(&f.t, alarm_owner, &f.alarmed, &f.e) == -1)
		return -1;
	return io_thread_add(&f.t, &kind, &f.a) == 0 && io_thread_add(&f.t, &kind, &f.b) == 1 ?
	       0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	io_thread_stop(&f.t);
	io_thread_stop(&f.t);
	close(f.bell);
	return 0;
}

static void wait_for(sem_t *s)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += LIMIT_S;
	if (sem_timedwait(s, &limit) != 0)
		fail_msg("nothing has come");
}

static void start(void)
{
	if (io_thread_start(&f.t, &f.e) == -1)
		fail_msg("%s", f.e.message);
	wait_for(&f.a.told);
	wait_for(&f.b.told);
}

static void ring(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
}

static void everybody_has_a_turn_at_the_start(void **state)
{
	(void)state;
	start();
	io_thread_pause(&f.t);
	assert_int_equal(f.a.turns, 1);
	assert_int_equal(f.b.turns, 1);
	assert_int_equal(f.a.events + f.b.events, 0);
}

static void an_idle_thread_sleeps(void **state)
{
	struct timespec before, after;
	clockid_t cpu;

	(void)state;
	assert_int_equal(io_thread_watch(&f.t, 0, f.bell, 1), 0);
	start();
	assert_int_equal(pthread_getcpuclockid(f.t.thread, &cpu), 0);
	clock_gettime(cpu, &before);
	usleep(200000);
	clock_gettime(cpu, &after);
	assert_true(after.tv_sec == before.tv_sec && after.tv_nsec - before.tv_nsec < 20000000);
	assert_int_equal(__atomic_load_n(&f.b.turns, __ATOMIC_RELAXED), 1);
}

static void every_ring_is_a_turn_though_nobody_reads_the_bell(void **state)
{
	(void)state;
	assert_int_equal(io_thread_watch(&f.t, 1, f.bell, IO_KEY_MAX), 0);
	start();
	for (unsigned i = 0; i < 100; i++) {
		ring(f.bell);
		wait_for(&f.b.told);
	}
	io_thread_pause(&f.t);
	assert_true(f.b.key == IO_KEY_MAX);
	assert_true((f.b.seen & IO_READABLE) != 0 && (f.b.seen & IO_HUNG_UP) == 0);
	assert_int_equal(f.a.events, 0);
}

/* One call of the owner's, one of the thread's. */
static void a_wake_is_a_turn_for_everybody(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 100; i++) {
		io_thread_wake(&f.t);
		wait_for(&f.a.told);
		wait_for(&f.b.told);
	}
	io_thread_pause(&f.t);
	assert_int_equal(f.a.events + f.b.events, 0);
	assert_true(f.t.calls <= 100 + 2);
}

static void a_socket_tells_what_becomes_of_it(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(io_thread_watch(&f.t, 0, pair[0], 5), 0);
	start();
	io_thread_pause(&f.t);
	assert_int_equal(f.a.seen & ~(unsigned)IO_WRITABLE, 0);
	f.a.seen = 0;
	io_thread_resume(&f.t);
	while (sem_trywait(&f.a.told) == 0)
		;
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	do {
		wait_for(&f.a.told);
		io_thread_pause(&f.t);
		io_thread_resume(&f.t);
	} while ((__atomic_load_n(&f.a.seen, __ATOMIC_RELAXED) & IO_READABLE) == 0);
	assert_true((__atomic_load_n(&f.a.seen, __ATOMIC_RELAXED) & IO_ENDS) != 0);
	assert_int_equal(__atomic_load_n(&f.a.seen, __ATOMIC_RELAXED) & IO_HUNG_UP, 0);
	close(pair[1]);
	while ((__atomic_load_n(&f.a.seen, __ATOMIC_RELAXED) & IO_HUNG_UP) == 0)
		wait_for(&f.a.told);
	close(pair[0]);
}

static void a_deadline_brings_a_turn(void **state)
{
	const uint64_t begin = clock_now_ns();

	(void)state;
	f.a.deadline = begin + 30 * CLOCK_NS_PER_MS;
	start();
	while (__atomic_load_n(&f.a.turns, __ATOMIC_RELAXED) < 2)
		wait_for(&f.a.told);
	assert_true(clock_now_ns() - begin >= 30 * CLOCK_NS_PER_MS);
	io_thread_pause(&f.t);
	assert_int_equal(f.b.turns, 1);
}

/* Neither waits for the other to be done. */
static void those_with_more_to_do_take_turns(void **state)
{
	(void)state;
	f.a.more = 1000000000;
	f.b.more = 3;
	start();
	for (unsigned i = 0; i < 3; i++)
		wait_for(&f.b.told);
	io_thread_pause(&f.t);
	assert_true(f.a.turns >= 3 && f.a.more > 0);
	assert_int_equal(f.b.turns, 4);
}

static void paused_it_stands_still(void **state)
{
	unsigned turns;

	(void)state;
	f.a.more = 1000000000;
	start();
	for (unsigned i = 0; i < 50; i++) {
		io_thread_pause(&f.t);
		turns = f.a.turns;
		usleep(200);
		assert_int_equal(f.a.turns, turns);
		io_thread_resume(&f.t);
		wait_for(&f.a.told);
	}
	io_thread_pause(&f.t);
	io_thread_pause(&f.t);		/* twice is once */
	ring(f.bell);
}

static void what_rang_in_a_pause_is_heard(void **state)
{
	(void)state;
	assert_int_equal(io_thread_watch(&f.t, 1, f.bell, 9), 0);
	start();
	io_thread_pause(&f.t);
	f.b.key = 0;
	f.b.events = 0;
	ring(f.bell);
	io_thread_resume(&f.t);
	while (__atomic_load_n(&f.b.events, __ATOMIC_RELAXED) == 0)
		wait_for(&f.b.told);
	io_thread_pause(&f.t);
	assert_int_equal(f.b.key, 9);
}

static void everybody_has_a_turn_after_a_pause(void **state)
{
	(void)state;
	start();
	io_thread_pause(&f.t);
	io_thread_resume(&f.t);
	wait_for(&f.a.told);
	wait_for(&f.b.told);
}

static void a_failure_reaches_the_owner(void **state)
{
	(void)state;
	assert_int_equal(io_thread_check(&f.t, &f.e), 0);
	f.a.fails = true;
	assert_int_equal(io_thread_start(&f.t, &f.e), 0);
	wait_for(&f.alarmed);
	assert_int_equal(io_thread_check(&f.t, &f.e), -1);
	assert_int_equal(f.e.kind, HUSK_E_GUEST);
	assert_string_equal(f.e.message, "queue 3 is broken");
	io_thread_pause(&f.t);
	io_thread_resume(&f.t);
	usleep(1000);
	assert_int_equal(f.a.turns, 1);
	assert_int_equal(sem_trywait(&f.alarmed), -1);
}

static void it_ends_whatever_it_does(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		f.a.more = i % 3 == 0 ? 1000000000 : 0;
		start();
		if (i % 2 == 0)
			io_thread_pause(&f.t);
		(void)tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

static void a_turn_that_does_not_come_back_can_be_ended(void **state)
{
	int ends[2];

	(void)state;
	if (UNDER_ASAN) {
		print_message("# the address sanitizer takes what a cancelled thread leaves for errors\n");
		skip();
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f.b.stuck = ends[0];
	start();
	assert_false(io_thread_pause_within(&f.t, CLOCK_NS_PER_MS));
	io_thread_cancel(&f.t);
	assert_true(io_thread_pause_within(&f.t, CLOCK_NS_PER_MS));
	assert_false(f.t.running);
	io_thread_cancel(&f.t);
	io_thread_pause(&f.t);
	io_thread_wake(&f.t);
	(void)tear_down(state);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(set_up(state), 0);
}

/* Asleep, paused, or between two turns: nothing there is left half done. */
static void whatever_it_does_it_can_be_cancelled(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		f.a.more = i % 3 == 0 ? 1000000000 : 0;
		start();
		if (i % 2 == 0)
			io_thread_pause(&f.t);
		io_thread_cancel(&f.t);
		assert_false(f.t.running);
		(void)tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

static void what_the_host_refuses_is_told(void **state)
{
	(void)state;
	fail_create = EAGAIN;
	assert_int_equal(io_thread_start(&f.t, &f.e), -1);
	fail_create = 0;
	assert_int_equal(f.e.sys, EAGAIN);
	assert_non_null(strstr(f.e.message, "I/O thread: "));
	assert_int_equal(io_thread_watch(&f.t, 0, -1, 0), -EBADF);
	io_thread_pause(&f.t);		/* nothing runs */
	io_thread_resume(&f.t);
	start();
}

/* Each call that init makes of the host fails in turn. */
static void nothing_is_left_of_what_did_not_begin(void **state)
{
	struct io_thread t;

	(void)state;
	for (int nth = 1; nth <= 3; nth++) {
		fail_nth = nth;
		assert_int_equal(io_thread_init(&t, alarm_owner, &f.alarmed, &f.e), -1);
		assert_int_equal(f.e.kind, HUSK_E_HOST);
		assert_int_equal(t.poll_fd, -1);
		assert_int_equal(t.wake.fd, -1);
	}
	fail_nth = 4;
	assert_int_equal(io_thread_init(&t, alarm_owner, &f.alarmed, &f.e), 0);
	fail_nth = 0;
	io_thread_stop(&t);
}

static void there_are_so_many_clients(void **state)
{
	(void)state;
	for (unsigned i = 2; i < IO_CLIENTS_MAX; i++)
		assert_int_equal(io_thread_add(&f.t, &kind, &f.b), i);
	assert_int_equal(io_thread_add(&f.t, &kind, &f.b), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_zeroed_one_does_not_own_descriptor_0(void **state)
{
	struct io_thread zeroed = {0};
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 3), zero = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(dup2(zero, 0), 0);
	io_thread_stop(&zeroed);
	assert_int_not_equal(fcntl(0, F_GETFD), -1);
	if (saved != -1)
		assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_one_does_not_own_descriptor_0),
		TEST(everybody_has_a_turn_at_the_start),
		TEST(an_idle_thread_sleeps),
		TEST(every_ring_is_a_turn_though_nobody_reads_the_bell),
		TEST(a_wake_is_a_turn_for_everybody),
		TEST(a_socket_tells_what_becomes_of_it),
		TEST(a_deadline_brings_a_turn),
		TEST(those_with_more_to_do_take_turns),
		TEST(paused_it_stands_still),
		TEST(what_rang_in_a_pause_is_heard),
		TEST(everybody_has_a_turn_after_a_pause),
		TEST(a_failure_reaches_the_owner),
		TEST(it_ends_whatever_it_does),
		TEST(a_turn_that_does_not_come_back_can_be_ended),
		TEST(whatever_it_does_it_can_be_cancelled),
		TEST(what_the_host_refuses_is_told),
		TEST(nothing_is_left_of_what_did_not_begin),
		TEST(there_are_so_many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
