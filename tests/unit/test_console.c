/* SPDX-License-Identifier: ISC */
/* test_console.c: a console whose reader is quick, slow, full, gone, or was never there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/console.h"
#include "emulated.h"
#include "rig.h"
#include "expect.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define MANY (1u << 20)
#define MS CLOCK_NS_PER_MS
#define FOREVER_S 8	/* nothing here takes that long unless it blocks */

/* ---- host calls: watched, and made to fail ---- */

static struct {
	unsigned waits, pauses, writes;
	uint64_t patience[64];	/* of the waits, in ns */
	size_t longest;		/* write asked for */
	unsigned eintr;		/* so many calls of any kind are interrupted first */
	unsigned refusals;	/* so many writes find no room, whatever poll said */
	size_t most;		/* bytes that one write takes, 0: no limit */
	int wait_error, write_error;	/* they fail with it, 0: not */
	bool takes_nothing;	/* write returns 0 */
	struct mailbox *then_post;	/* the last call that is interrupted posts to it */
	bool own_clock;		/* time stands still, but for what calls take */
	unsigned clock_ms, call_ms;
} host;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (!host.own_clock)
		return __real_clock_gettime(clock, ts);
	*ts = (struct timespec){.tv_sec = 1000000 + host.clock_ms / 1000,
				.tv_nsec = host.clock_ms % 1000 * 1000000};
	return 0;
}

static bool interrupted(void)
{
	host.clock_ms += host.call_ms;
	if (host.then_post != NULL && host.eintr == 1)
		mailbox_post(host.then_post, 1);
	errno = EINTR;
	return host.eintr > 0 && host.eintr-- > 0;
}

static uint64_t ns_of(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * CLOCK_NS_PER_S + (uint64_t)ts->tv_nsec;
}

/* A wait has the mailbox's descriptor behind those that it is for; one that has no other pauses. */
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	if (n == 1)
		host.pauses++;
	else
		host.patience[host.waits++ % COUNT(host.patience)] = ns_of(ts);
	if (interrupted())
		return -1;
	errno = host.wait_error;
	return host.wait_error != 0 ? -1 : __real_ppoll(fds, n, ts, mask);
}

/* What a stop leaves is waited for with this; with a clock of our own, nothing takes any time. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	if (host.own_clock)
		host.clock_ms += (unsigned)ms;
	return __real_poll(fds, n, host.own_clock ? 0 : ms);
}

/* How many bytes a write may take: 0 if it may not be made, and then *result is what comes of it. */
static size_t before_write(size_t len, ssize_t *result)
{
	host.writes++;
	if (len > host.longest)
		host.longest = len;
	*result = -1;
	if (interrupted())
		return 0;
	errno = host.write_error;
	if (host.write_error != 0)
		return 0;
	errno = EAGAIN;
	if (host.refusals > 0 && host.refusals-- > 0)
		return 0;
	*result = 0;
	if (host.takes_nothing)
		return 0;
	return host.most != 0 && len > host.most ? host.most : len;
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	ssize_t result;

	/* Only the mailbox writes eight bytes, and it is not watched. */
	if (len == sizeof(uint64_t))
		return __real_write(fd, buf, len);
	len = before_write(len, &result);
	return len == 0 ? result : __real_write(fd, buf, len);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct iovec part = *iov;
	ssize_t result;

	assert_int_equal(n, 1);
	part.iov_len = before_write(part.iov_len, &result);
	return part.iov_len == 0 ? result : __real_pwritev2(fd, &part, 1, offset, flags);
}

/* ---- text, and descriptors to write it to ---- */

static uint8_t text[MANY];

static int make_text(void **state)
{
	uint32_t x = 2463534242u;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < MANY; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		text[i] = (uint8_t)x;
	}
	return 0;
}

struct fixture {
	struct console c;
	struct mailbox mailbox;
	struct waiter waiter;
	uint64_t patience_ns;
	int in, out;		/* to read from, and to write to; -1: none */
	int files;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct husk_error e;

	memset(&host, 0, sizeof host);
	f = (struct fixture){
		.in = -1, .out = -1, .files = open_descriptors(), .patience_ns = CLOCK_NEVER,
	};
	if (mailbox_init(&f.mailbox, &e) == -1)
		return -1;
	waiter_init(&f.waiter, &f.mailbox);
	f.waiter.sharp = true;		/* whose clock is sharp is test_event's affair */
	console_init(&f.c, -1, &f.waiter, CLOCK_NEVER);
	alarm(FOREVER_S);
	*state = &f;
	return 0;
}

static void close_both(struct fixture *f)
{
	console_fini(&f->c);
	if (f->in != -1)
		close(f->in);
	if (f->out != -1)
		close(f->out);
	f->in = f->out = -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarm(0);
	close_both(f);
	mailbox_fini(&f->mailbox);
	assert_int_equal(open_descriptors(), f->files);
	return 0;
}

static void use(struct fixture *f, int in, int out)
{
	assert_int_not_equal(out, -1);
	f->in = in;
	f->out = out;
	console_init(&f->c, out, &f->waiter, f->patience_ns);
}

/* One with a single page takes a single write, however short, until that is read. */
static void use_pipe(struct fixture *f, int pages)
{
	int ends[2], size = pages * (int)sysconf(_SC_PAGESIZE);

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, size), size);
	use(f, ends[0], ends[1]);
}

/* Without a name, so that it is gone when it is closed. */
static void use_file(struct fixture *f)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	use(f, -1, dup(fileno(file)));
	fclose(file);
}

static void use_socket(struct fixture *f, int type)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	use(f, ends[0], ends[1]);
}

/* Without line editing or output processing, unless that is what is tried. */
static void use_terminal(struct fixture *f, bool cooked)
{
	struct termios t;
	int in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), out;
	char name[64];

	if (in == -1) {
		print_message("# a host without terminals\n");
		skip();
	}
	assert_int_equal(grantpt(in), 0);
	assert_int_equal(unlockpt(in), 0);
	assert_int_equal(ptsname_r(in, name, sizeof name), 0);
	out = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(out, &t), 0);
	if (!cooked) {
		cfmakeraw(&t);
		assert_int_equal(tcsetattr(out, TCSANOW, &t), 0);
	}
	use(f, in, out);
}

/* All of it, at once. */
static void put(struct fixture *f, const void *what, size_t len)
{
	assert_true(console_write(&f->c, what, len) == len);
}

static void assert_counted(const struct fixture *f, uint64_t written, uint64_t lost)
{
	if (f->c.written != written || f->c.lost != lost)
		fail_msg("written %llu, lost %llu", (unsigned long long)f->c.written,
			 (unsigned long long)f->c.lost);
}

static void assert_outage(const struct fixture *f, uint64_t outages, int error)
{
	assert_true(f->c.outages == outages);
	assert_int_equal(f->c.outage, error);
}

/* What can be read at once, which is the text from offset on. */
static void assert_readable(const struct fixture *f, size_t offset, size_t len)
{
	static uint8_t got[MANY];
	size_t n = 0;
	ssize_t more;

	assert_int_not_equal(fcntl(f->in, F_SETFL, O_NONBLOCK), -1);
	while (n < sizeof got && (more = read(f->in, got + n, sizeof got - n)) > 0)
		n += (size_t)more;
	assert_int_equal(n, len);
	assert_memory_equal(got, text + offset, len);
}

static uint64_t now(void)
{
	struct timespec t;

	__real_clock_gettime(CLOCK_MONOTONIC, &t);
	return ns_of(&t);
}

/* ---- files ---- */

static void a_file_gets_everything_in_one_call(void **state)
{
	static uint8_t got[MANY];
	struct fixture *f = *state;

	use_file(f);
	put(f, text, 100);
	put(f, text + 100, MANY - 100);
	assert_int_equal(pread(f->out, got, MANY, 0), MANY);
	assert_memory_equal(got, text, MANY);
	assert_counted(f, MANY, 0);
	assert_int_equal(host.writes, 2);
	assert_int_equal(f->c.out.calls, 2);
	assert_int_equal(f->c.calls, 0);
}

/* However much a guest says at once: a file's write is not interrupted by the signal of a stop. */
static void a_long_text_goes_to_a_file_in_pieces(void **state)
{
	static const uint8_t long_text[5 * MANY / 2];
	struct fixture *f = *state;

	use_file(f);
	put(f, long_text, sizeof long_text);
	assert_int_equal(host.longest, MANY);
	assert_int_equal(host.writes, 3);
	assert_counted(f, sizeof long_text, 0);
}

/* A file system that takes a part, and then nothing more. */
static void a_full_disk_costs_only_what_does_not_fit(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	host.most = 100;
	put(f, text, 1000);
	assert_counted(f, 1000, 0);
	host.write_error = ENOSPC;
	put(f, text, 10);
	put(f, text, 10);
	assert_counted(f, 1000, 20);
	assert_outage(f, 1, ENOSPC);
	host.write_error = 0;
	put(f, text, 10);
	assert_counted(f, 1010, 20);
	assert_outage(f, 1, 0);
	host.write_error = EDQUOT;
	put(f, text, 1);
	assert_outage(f, 2, EDQUOT);
}

static void a_device_that_is_full_loses_everything(void **state)
{
	struct fixture *f = *state;

	use(f, -1, open("/dev/full", O_WRONLY | O_CLOEXEC));
	put(f, text, 5);
	put(f, text, 7000);
	assert_counted(f, 0, 7005);
	assert_outage(f, 1, ENOSPC);
	assert_int_equal(host.waits, 0);
}

static void a_device_that_takes_everything_gets_it(void **state)
{
	struct fixture *f = *state;

	use(f, -1, open("/dev/null", O_WRONLY | O_CLOEXEC));
	put(f, text, MANY);
	assert_counted(f, MANY, 0);
}

/* ---- no console ---- */

static void without_a_console_everything_is_lost(void **state)
{
	struct fixture *f = *state;
	int closed = dup(0);

	close(closed);
	for (int i = 0; i < 2; i++) {
		console_init(&f->c, i == 0 ? -1 : closed, &f->waiter, CLOCK_NEVER);
		put(f, text, 5);
		put(f, text, 6);
		assert_counted(f, 0, 11);
		assert_outage(f, 1, EBADF);
		assert_int_equal(f->c.calls + f->c.out.calls, 0);
	}
}

static void descriptor_0_is_one_like_any_other(void **state)
{
	struct fixture *f = *state;
	int stdin_before = dup(0);

	use_pipe(f, 4);
	assert_int_equal(dup2(f->out, 0), 0);
	console_init(&f->c, 0, &f->waiter, CLOCK_NEVER);
	put(f, text, 5);
	assert_int_equal(dup2(stdin_before, 0), 0);
	close(stdin_before);
	assert_counted(f, 5, 0);
	assert_readable(f, 0, 5);
}

static void a_descriptor_may_be_closed_later(void **state)
{
	struct fixture *f = *state;

	if (emulated()) {
		print_message("# an emulator without pwritev2\n");
		skip();
	}
	use_pipe(f, 4);
	put(f, text, 5);
	close(f->out);
	f->out = -1;
	put(f, text, 6);
	assert_counted(f, 5, 6);
	assert_outage(f, 1, EBADF);
}

static void a_guest_that_says_nothing_costs_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	host.wait_error = host.write_error = EIO;
	put(f, text, 0);
	put(f, NULL, 0);
	assert_int_equal(host.waits + host.writes, 0);
	assert_counted(f, 0, 0);
}

/* ---- readers ---- */

static void a_line_costs_one_call(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	put(f, text, 80);
	put(f, text + 80, 20);
	assert_int_equal(host.waits, 0);
	assert_counted(f, 100, 0);
	assert_readable(f, 0, 100);
}

struct reader {
	int fd;
	unsigned pause_us, first_us;
	uint8_t got[MANY + 1];
	size_t n;
};

static void *read_slowly(void *ctx)
{
	struct reader *r = ctx;
	ssize_t n;

	usleep(r->first_us);
	while ((n = read(r->fd, r->got + r->n, sizeof r->got - r->n)) > 0) {
		r->n += (size_t)n;
		usleep(r->pause_us);
	}
	return NULL;
}

/* The whole text, to a reader that pauses before and after each piece. */
static void assert_nothing_is_lost(struct fixture *f, unsigned first_us, unsigned pause_us)
{
	static struct reader r;
	pthread_t thread;

	r = (struct reader){.fd = f->in, .pause_us = pause_us, .first_us = first_us};
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
	put(f, text, MANY);
	close(f->out);
	f->out = -1;
	console_fini(&f->c);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_counted(f, MANY, 0);
	assert_outage(f, 0, 0);
	assert_int_equal(r.n, MANY);
	assert_memory_equal(r.got, text, MANY);
}

static void a_quick_reader_loses_nothing(void **state)
{
	use_pipe(*state, 1);
	assert_nothing_is_lost(*state, 0, 0);
}

static void a_slow_reader_loses_nothing(void **state)
{
	use_pipe(*state, 1);
	assert_nothing_is_lost(*state, 0, 500);
}

static void a_reader_that_pauses_loses_nothing(void **state)
{
	use_pipe(*state, 1);
	assert_nothing_is_lost(*state, 1200000, 0);
	assert_true(host.patience[0] == CLOCK_NEVER);
}

static void a_socket_loses_nothing(void **state)
{
	use_socket(*state, SOCK_STREAM);
	assert_nothing_is_lost(*state, 100000, 100);
}

static void a_terminal_loses_nothing(void **state)
{
	use_terminal(*state, false);
	assert_nothing_is_lost(*state, 100000, 0);
}

static void a_reader_that_is_gone_costs_its_output(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	put(f, text, 5);
	close(f->in);
	f->in = -1;
	put(f, text, 6);
	put(f, text, 7 * PIPE_BUF);
	assert_counted(f, 5, 6 + 7 * PIPE_BUF);
	assert_outage(f, 1, EPIPE);
	assert_int_equal(host.waits, 0);
}

static void *close_later(void *ctx)
{
	usleep(50000);
	close(*(int *)ctx);
	return NULL;
}

static void a_reader_that_goes_is_not_waited_for_any_more(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	use_pipe(f, 1);
	assert_int_equal(pthread_create(&thread, NULL, close_later, &f->in), 0);
	put(f, text, 3 * PIPE_BUF);
	assert_int_equal(pthread_join(thread, NULL), 0);
	f->in = -1;
	assert_counted(f, PIPE_BUF, 2 * PIPE_BUF);
	assert_outage(f, 1, EPIPE);
}

/* ---- readers, and a limit to what one waits for them ---- */

static void a_reader_that_takes_nothing_costs_its_patience_once(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now();

	f->patience_ns = 100 * MS;
	use_pipe(f, 1);
	put(f, text, 3 * PIPE_BUF);
	assert_true(now() - start >= 100 * MS);
	assert_counted(f, PIPE_BUF, 2 * PIPE_BUF);
	assert_outage(f, 1, EAGAIN);
	assert_true(host.patience[0] <= 100 * MS && host.patience[0] > 50 * MS);
	host.waits = 0;
	for (unsigned i = 0; i < 50; i++)
		put(f, text, 10);
	assert_int_equal(host.waits, 0);
	assert_counted(f, PIPE_BUF, 2 * PIPE_BUF + 500);
	assert_outage(f, 1, EAGAIN);
	assert_readable(f, 0, PIPE_BUF);
}

static void a_reader_that_comes_back_is_waited_for_again(void **state)
{
	struct fixture *f = *state;

	f->patience_ns = 20 * MS;
	use_pipe(f, 1);
	put(f, text, 2 * PIPE_BUF);
	assert_readable(f, 0, PIPE_BUF);
	host.waits = 0;
	put(f, text + 7, 2 * PIPE_BUF);
	assert_readable(f, 7, PIPE_BUF);
	assert_true(host.waits > 0);
	assert_counted(f, 2 * PIPE_BUF, 2 * PIPE_BUF);
	assert_outage(f, 2, EAGAIN);
}

/* What it takes in between gives it all of the time again. */
static void a_slow_reader_is_waited_for_each_time_anew(void **state)
{
	struct fixture *f = *state;

	f->patience_ns = 500 * MS;
	use_pipe(f, 1);
	assert_nothing_is_lost(f, 0, 4000);
}

static void no_patience_at_all(void **state)
{
	struct fixture *f = *state;

	f->patience_ns = 0;
	use_pipe(f, 1);
	put(f, text, 2 * PIPE_BUF);
	assert_counted(f, PIPE_BUF, PIPE_BUF);
	assert_outage(f, 1, EAGAIN);
	assert_int_equal(host.waits, 0);
}

static void what_nobody_reads_does_not_block(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	static char lines[MANY];
	struct fixture *f = *state;

	f->patience_ns = 20 * MS;
	for (size_t i = 0; i < COUNT(types); i++) {
		use_socket(f, types[i]);
		put(f, text, MANY);
		assert_outage(f, 1, EAGAIN);
		assert_true(f->c.written > 0 && f->c.written + f->c.lost == MANY);
		close_both(f);
	}
	memset(lines, '\n', sizeof lines);
	for (int cooked = 0; cooked < 2; cooked++) {
		use_terminal(f, cooked);
		put(f, lines, MANY);
		put(f, lines, MANY);
		assert_true(f->c.written > 0 && f->c.lost > MANY);
		close_both(f);
	}
}

/* ---- something is posted to the thread that writes ---- */

static void *post_later(void *ctx)
{
	usleep(50000);
	mailbox_post(ctx, 1);
	return NULL;
}

static void a_request_ends_the_wait_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	use_pipe(f, 1);
	assert_int_equal(pthread_create(&thread, NULL, post_later, &f->mailbox), 0);
	assert_true(console_write(&f->c, text, 2 * PIPE_BUF) == PIPE_BUF);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_counted(f, PIPE_BUF, 0);
	for (int i = 0; i < 3; i++)
		assert_true(console_write(&f->c, text + PIPE_BUF, PIPE_BUF) == 0);
	assert_true(mailbox_take(&f->mailbox) == 1);
	assert_readable(f, 0, PIPE_BUF);
	put(f, text + PIPE_BUF, PIPE_BUF);
	assert_readable(f, PIPE_BUF, PIPE_BUF);
	assert_counted(f, 2 * PIPE_BUF, 0);
	assert_outage(f, 0, 0);
}

/* A quick reader, or a file, would take all of a guest's memory before anybody looks. */
static void a_request_is_looked_for_between_pieces(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	mailbox_post(&f->mailbox, 1);
	host.most = 1000;
	assert_true(console_write(&f->c, text, MANY) == 1000);
	assert_true(console_write(&f->c, text + 1000, MANY - 1000) == 1000);
	assert_true(console_write(&f->c, text, 1000) == 1000);
	assert_counted(f, 3000, 0);
}

static void a_write_that_a_request_interrupts_is_left(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	host.eintr = 3;
	host.then_post = &f->mailbox;
	assert_true(console_write(&f->c, text, 10) == 0);
	assert_int_equal(host.writes, 3);
	assert_counted(f, 0, 0);
}

/* ---- the last of a text, when a stop has come ---- */

static void the_last_text_is_written_whatever_is_posted(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	mailbox_post(&f->mailbox, ~0u);
	assert_true(console_write_last(&f->c, text, 2 * PIPE_BUF + 10) == 2 * PIPE_BUF + 10);
	assert_counted(f, 2 * PIPE_BUF + 10, 0);
	assert_readable(f, 0, 2 * PIPE_BUF + 10);
}

static void the_last_text_has_its_time_and_no_more(void **state)
{
	struct fixture *f = *state;
	uint64_t start;

	use_pipe(f, 1);
	start = now();
	assert_true(console_write_last(&f->c, text, 2 * PIPE_BUF) == PIPE_BUF);
	assert_true(now() - start >= CONSOLE_GRACE_MS * MS);
	assert_counted(f, PIPE_BUF, 0);
	assert_outage(f, 0, 0);
}

/* Every write takes 15 ms. */
static void the_time_is_for_all_of_the_last_text(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	host.own_clock = true;
	host.call_ms = 15;
	assert_true(console_write_last(&f->c, text, MANY) == 7 * PIPE_BUF);
	assert_int_equal(host.longest, PIPE_BUF);
	assert_counted(f, 7 * PIPE_BUF, 0);
}

static void the_last_text_of_a_reader_that_is_gone_is_lost(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	close(f->in);
	f->in = -1;
	assert_true(console_write_last(&f->c, text, 20) == 20);
	assert_counted(f, 0, 20);
	assert_outage(f, 1, EPIPE);
}

/* ---- what belongs to others ---- */

/* A shell and other programs share it: it is left as it was, and stays open. */
static void the_callers_terminal_is_not_touched(void **state)
{
	struct fixture *f = *state;
	int flags;

	use_terminal(f, true);
	flags = fcntl(f->out, F_GETFL);
	assert_int_equal(flags & O_NONBLOCK, 0);
	put(f, "hello", 5);
	assert_int_equal(fcntl(f->out, F_GETFL), flags);
	console_fini(&f->c);
	console_fini(&f->c);
	assert_int_equal(fcntl(f->out, F_GETFD), FD_CLOEXEC);
	put(f, "nobody", 6);
	assert_counted(f, 5, 6);
}

static enum vmexit_result nobody(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	return VMEXIT_RESUME;
}

static void a_machine_closes_its_terminal(void **state)
{
	struct fixture *f = *state;
	struct rig r;
	int before;

	use_terminal(f, false);
	before = open_descriptors();
	assert_int_equal(rig_make(&r, RIG_MEMORY), 0);
	r.core.console_fd = f->out;
	assert_int_equal(rig_attach(&r, &module_core), 0);
	rig_free(&r);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(rig_make(&r, RIG_MEMORY), 0);
	r.core.console_fd = f->out;
	assert_int_equal(core_register_hypercall(&r.core, HVT_HYPERCALL_HALT, "halt", nobody, NULL,
						 &r.e), 0);
	assert_int_equal(rig_attach(&r, &module_core), -1);
	rig_free(&r);
	assert_int_equal(open_descriptors(), before);
}

/* ---- interruptions, and other things that a host may do ---- */

static void interruptions_lose_nothing(void **state)
{
	struct fixture *f = *state;

	if (emulated()) {
		print_message("# an emulator without pwritev2\n");
		skip();
	}
	use_pipe(f, 4);
	host.eintr = 5;
	put(f, text, 100);
	assert_int_equal(host.writes, 6);
	host.refusals = 1;
	host.writes = 0;
	put(f, text, 100);
	assert_int_equal(host.writes, 2);
	assert_int_equal(host.waits, 1);
	assert_counted(f, 200, 0);
	assert_int_equal(f->c.calls, 1);
}

static void short_writes_lose_nothing(void **state)
{
	struct fixture *f = *state;

	if (emulated()) {
		print_message("# an emulator without pwritev2\n");
		skip();
	}
	use_pipe(f, 4);
	host.most = 7;
	put(f, text, 1000);
	assert_int_equal(host.writes, 143);
	host.most = 1;
	put(f, text + 1000, 10);
	assert_int_equal(host.writes, 153);
	assert_counted(f, 1010, 0);
	assert_readable(f, 0, 1010);
}

/* Others take the room each time. It is asked for again, but not in a hurry, and not for ever. */
static void room_that_is_not_there_is_not_asked_for_in_a_hurry(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now();

	use_pipe(f, 4);
	host.refusals = 40;
	put(f, text, 100);
	assert_counted(f, 100, 0);
	assert_int_equal(host.waits, 40);
	assert_int_equal(host.pauses, 32);
	assert_true(now() - start >= 32 * MS);
	console_fini(&f->c);
	console_init(&f->c, f->out, &f->waiter, 50 * MS);
	host.refusals = UINT32_MAX;
	put(f, text, 100);
	assert_counted(f, 0, 100);
	assert_outage(f, 1, EAGAIN);
}

static void a_write_that_takes_nothing_is_not_tried_for_ever(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	host.takes_nothing = true;
	put(f, text, 10);
	assert_counted(f, 0, 10);
	assert_outage(f, 1, EIO);
	assert_int_equal(host.writes, 1);
}

static void a_wait_that_fails_loses_the_output(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	put(f, text, PIPE_BUF);
	host.wait_error = ENOMEM;
	put(f, text, 10);
	assert_counted(f, PIPE_BUF, 10);
	assert_outage(f, 1, ENOMEM);
	host.wait_error = 0;
	assert_readable(f, 0, PIPE_BUF);
	put(f, text, 10);
	assert_counted(f, PIPE_BUF + 10, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_gets_everything_in_one_call),
		TEST(a_long_text_goes_to_a_file_in_pieces),
		TEST(a_full_disk_costs_only_what_does_not_fit),
		TEST(a_device_that_is_full_loses_everything),
		TEST(a_device_that_takes_everything_gets_it),
		TEST(without_a_console_everything_is_lost),
		TEST(descriptor_0_is_one_like_any_other),
		TEST(a_descriptor_may_be_closed_later),
		TEST(a_guest_that_says_nothing_costs_nothing),
		TEST(a_line_costs_one_call),
		TEST(a_quick_reader_loses_nothing),
		TEST(a_slow_reader_loses_nothing),
		TEST(a_reader_that_pauses_loses_nothing),
		TEST(a_socket_loses_nothing),
		TEST(a_terminal_loses_nothing),
		TEST(a_reader_that_is_gone_costs_its_output),
		TEST(a_reader_that_goes_is_not_waited_for_any_more),
		TEST(a_reader_that_takes_nothing_costs_its_patience_once),
		TEST(a_reader_that_comes_back_is_waited_for_again),
		TEST(a_slow_reader_is_waited_for_each_time_anew),
		TEST(no_patience_at_all),
		TEST(what_nobody_reads_does_not_block),
		TEST(a_request_ends_the_wait_and_loses_nothing),
		TEST(a_request_is_looked_for_between_pieces),
		TEST(a_write_that_a_request_interrupts_is_left),
		TEST(the_last_text_is_written_whatever_is_posted),
		TEST(the_last_text_has_its_time_and_no_more),
		TEST(the_time_is_for_all_of_the_last_text),
		TEST(the_last_text_of_a_reader_that_is_gone_is_lost),
		TEST(the_callers_terminal_is_not_touched),
		TEST(a_machine_closes_its_terminal),
		TEST(interruptions_lose_nothing),
		TEST(short_writes_lose_nothing),
		TEST(room_that_is_not_there_is_not_asked_for_in_a_hurry),
		TEST(a_write_that_takes_nothing_is_not_tried_for_ever),
		TEST(a_wait_that_fails_loses_the_output),
	};

	return cmocka_run_group_tests(tests, make_text, NULL);
}
