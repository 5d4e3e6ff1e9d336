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
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/console.h"
#include "rig.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define MANY (1u << 20)
#define FOREVER_S 8	/* nothing here takes that long unless it blocks */

/* ---- host calls: watched, and made to fail ---- */

static struct {
	unsigned polls, writes;
	int patience[64];	/* timeouts of the polls */
	int slack;		/* polls wait that many times as long; 0: once */
	size_t longest;		/* write asked for */
	unsigned eintr;		/* so many calls of either are interrupted first */
	size_t most;		/* bytes that one write takes, 0: no limit */
	int poll_error, write_error, open_error;	/* they fail with it, 0: not */
	bool takes_nothing;	/* write returns 0 */
	int *then_stop;		/* set to 1 by the last call that is interrupted */
	int *crowd;		/* others fill the pipe before a write; the signal of a stop, this */
	bool own_clock;		/* time stands still, but for what polls and writes take */
	unsigned clock_ms, call_ms;
} host;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	assert_int_equal(flags & O_CREAT, 0);
	errno = host.open_error;
	return host.open_error != 0 ? -1 : __real_open(path, flags);
}

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
	if (host.then_stop != NULL && host.eintr == 1)
		*host.then_stop = 1;
	errno = EINTR;
	return host.eintr > 0 && host.eintr-- > 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	host.patience[host.polls++ % COUNT(host.patience)] = ms;
	if (interrupted())
		return -1;
	errno = host.poll_error;
	if (host.poll_error != 0)
		return -1;
	return __real_poll(fds, n, host.slack != 0 ? ms * host.slack : ms);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room)
{
	assert_true(n * sizeof *fds <= room);
	return __wrap_poll(fds, n, ms);
}

/* Whoever writes now waits, and but for the signal without end. */
static bool crowded(int fd)
{
	static const uint8_t page[PIPE_BUF];

	if (host.crowd == NULL)
		return false;
	if (*host.crowd == 0)
		assert_int_equal(__real_write(fd, page, sizeof page), sizeof page);
	*host.crowd = 1;
	errno = EINTR;
	return true;
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	host.writes++;
	if (len > host.longest)
		host.longest = len;
	if (interrupted() || crowded(fd))
		return -1;
	errno = host.write_error;
	if (host.write_error != 0)
		return -1;
	if (host.takes_nothing)
		return 0;
	return __real_write(fd, buf, host.most != 0 && len > host.most ? host.most : len);
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

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

struct fixture {
	struct console c;
	int in, out;		/* to read from, and to write to; -1: none */
	int files;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&host, 0, sizeof host);
	f = (struct fixture){.in = -1, .out = -1, .files = open_descriptors()};
	alarm(FOREVER_S);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarm(0);
	console_fini(&f->c);
	if (f->in != -1)
		close(f->in);
	if (f->out != -1)
		close(f->out);
	assert_int_equal(open_descriptors(), f->files);
	return 0;
}

static void use(struct fixture *f, int in, int out)
{
	assert_int_not_equal(out, -1);
	f->in = in;
	f->out = out;
	console_init(&f->c, out, NULL);
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
static int temporary_file(void)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	return fd;
}

static void use_file(struct fixture *f)
{
	use(f, -1, temporary_file());
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

static void assert_counted(const struct fixture *f, uint64_t written, uint64_t dropped)
{
	if (f->c.written != written || f->c.dropped != dropped)
		fail_msg("written %llu, dropped %llu", (unsigned long long)f->c.written,
			 (unsigned long long)f->c.dropped);
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

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- files ---- */

static void a_file_gets_everything_in_one_call(void **state)
{
	static uint8_t got[MANY];
	struct fixture *f = *state;

	use_file(f);
	console_write(&f->c, text, 100);
	console_write(&f->c, text + 100, MANY - 100);
	assert_int_equal(pread(f->out, got, MANY, 0), MANY);
	assert_memory_equal(got, text, MANY);
	assert_counted(f, MANY, 0);
	assert_int_equal(host.writes, 2);
	assert_int_equal(host.polls, 0);
	assert_int_equal(f->c.calls, 2);
}

/* However much a guest says at once: a file's write is not interrupted by the signal of a stop. */
static void a_long_text_goes_to_a_file_in_pieces(void **state)
{
	static const uint8_t long_text[5 * MANY / 2];
	struct fixture *f = *state;

	use_file(f);
	console_write(&f->c, long_text, sizeof long_text);
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
	console_write(&f->c, text, 1000);
	assert_counted(f, 1000, 0);
	host.write_error = ENOSPC;
	console_write(&f->c, text, 10);
	assert_counted(f, 1000, 10);
	host.write_error = 0;
	console_write(&f->c, text, 10);
	assert_counted(f, 1010, 10);
}

static void a_device_that_is_full_drops_everything(void **state)
{
	struct fixture *f = *state;

	use(f, -1, open("/dev/full", O_WRONLY | O_CLOEXEC));
	console_write(&f->c, text, 5);
	console_write(&f->c, text, 7000);
	assert_counted(f, 0, 7005);
	assert_int_equal(host.writes, 2);
}

static void a_device_that_takes_everything_gets_it(void **state)
{
	struct fixture *f = *state;

	use(f, -1, open("/dev/null", O_WRONLY | O_CLOEXEC));
	console_write(&f->c, text, MANY);
	assert_counted(f, MANY, 0);
	assert_false(f->c.own);
}

/* ---- no console ---- */

static void without_a_console_all_is_dropped(void **state)
{
	struct fixture *f = *state;

	console_init(&f->c, -1, NULL);
	console_write(&f->c, text, 5);
	console_write(&f->c, text, 6);
	assert_counted(f, 0, 11);
	assert_int_equal(f->c.calls, 0);
}

static void a_closed_descriptor_is_no_console(void **state)
{
	struct fixture *f = *state;
	int closed = dup(0);

	close(closed);
	console_init(&f->c, closed, NULL);
	console_write(&f->c, text, 5);
	console_write(&f->c, text, 6);
	assert_counted(f, 0, 11);
	assert_int_equal(host.writes + host.polls, 0);
	assert_int_equal(f->c.calls, 0);
}

static void descriptor_0_is_one_like_any_other(void **state)
{
	struct fixture *f = *state;
	int stdin_before = dup(0);

	use_pipe(f, 4);
	assert_int_equal(dup2(f->out, 0), 0);
	console_init(&f->c, 0, NULL);
	console_write(&f->c, text, 5);
	assert_int_equal(dup2(stdin_before, 0), 0);
	close(stdin_before);
	assert_counted(f, 5, 0);
	assert_readable(f, 0, 5);
}

static void a_descriptor_may_be_closed_later(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	console_write(&f->c, text, 5);
	close(f->out);
	f->out = -1;
	console_write(&f->c, text, 6);
	assert_counted(f, 5, 6);
}

static void a_descriptor_to_read_from_is_no_console(void **state)
{
	struct fixture *f = *state;

	use(f, -1, open("/dev/null", O_RDONLY | O_CLOEXEC));
	console_write(&f->c, text, 5);
	assert_counted(f, 0, 5);
}

static void a_guest_that_says_nothing_costs_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	assert_int_equal(f->c.calls, 0);
	host.poll_error = host.write_error = EIO;
	console_write(&f->c, text, 0);
	console_write(&f->c, NULL, 0);
	assert_int_equal(host.polls + host.writes, 0);
	assert_counted(f, 0, 0);
}

/* ---- pipes ---- */

static void a_line_costs_a_poll_and_a_write(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	console_write(&f->c, text, 80);
	assert_int_equal(f->c.calls, 2);
	console_write(&f->c, text + 80, 20);
	assert_int_equal(f->c.calls, 4);
	assert_int_equal(host.polls, 2);
	assert_int_equal(host.writes, 2);
	assert_int_equal(host.patience[0], CONSOLE_PATIENCE_MS);
	assert_counted(f, 100, 0);
	assert_readable(f, 0, 100);
}

/* POSIX promises no more than PIPE_BUF to one who asked before. */
static void a_pipe_is_written_to_in_pieces_that_cannot_block(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	console_write(&f->c, text, PIPE_BUF);
	assert_int_equal(host.writes, 1);
	console_write(&f->c, text + PIPE_BUF, 2 * PIPE_BUF + 1);
	assert_int_equal(host.writes, 4);
	assert_int_equal(host.polls, 4);
	assert_int_equal(host.longest, PIPE_BUF);
	assert_readable(f, 0, 3 * PIPE_BUF + 1);
}

struct reader {
	int fd, stop;
	unsigned pause_us;
	uint8_t got[MANY + 1];
	size_t n;
};

static void *read_slowly(void *ctx)
{
	struct reader *r = ctx;
	ssize_t n;

	while ((n = read(r->fd, r->got + r->n, sizeof r->got - r->n)) > 0) {
		r->n += (size_t)n;
		usleep(r->pause_us);
	}
	return NULL;
}

/* The whole text, to a reader that pauses after each piece, and that a busy host may delay. */
static void assert_nothing_is_lost(struct fixture *f, unsigned pause_us)
{
	static struct reader r;
	pthread_t thread;

	host.slack = 50;
	r = (struct reader){.fd = f->in, .pause_us = pause_us};
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
	console_write(&f->c, text, MANY);
	close(f->out);
	f->out = -1;
	console_fini(&f->c);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_counted(f, MANY, 0);
	assert_int_equal(r.n, MANY);
	assert_memory_equal(r.got, text, MANY);
}

static void a_live_reader_loses_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	assert_nothing_is_lost(f, 0);
}

static void a_slow_reader_loses_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	assert_nothing_is_lost(f, 500);
	assert_true(host.polls >= MANY / PIPE_BUF);
}

static void a_reader_that_takes_nothing_costs_little_and_once(void **state)
{
	struct fixture *f = *state;
	double start = seconds();

	use_pipe(f, 1);
	console_write(&f->c, text, 3 * PIPE_BUF);
	assert_true(seconds() - start >= 0.9 * CONSOLE_PATIENCE_MS / 1000.0);
	assert_counted(f, PIPE_BUF, 2 * PIPE_BUF);
	assert_int_equal(host.polls, 2);	/* room for one piece, then none */
	assert_int_equal(host.patience[1], CONSOLE_PATIENCE_MS);
	for (unsigned i = 2; i < 50; i++) {
		console_write(&f->c, text, 10);
		assert_int_equal(host.polls, i + 1);
		assert_int_equal(host.patience[i], 0);
	}
	assert_int_equal(host.writes, 1);
	assert_counted(f, PIPE_BUF, 2 * PIPE_BUF + 480);
	assert_readable(f, 0, PIPE_BUF);
}

static void a_reader_that_comes_back_is_served_and_waited_for_again(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	console_write(&f->c, text, 2 * PIPE_BUF);
	assert_true(f->c.stalled);
	assert_readable(f, 0, PIPE_BUF);
	console_write(&f->c, text + 7, 2 * PIPE_BUF);
	assert_readable(f, 7, PIPE_BUF);
	/* One without patience, that there was room; with patience again, as there was. */
	assert_int_equal(host.polls, 4);
	assert_int_equal(host.patience[2], 0);
	assert_int_equal(host.patience[3], CONSOLE_PATIENCE_MS);
	assert_counted(f, 2 * PIPE_BUF, 2 * PIPE_BUF);
}

static void a_reader_that_is_gone_costs_its_output(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	console_write(&f->c, text, 5);
	close(f->in);
	f->in = -1;
	console_write(&f->c, text, 6);
	console_write(&f->c, text, 7 * PIPE_BUF);
	assert_counted(f, 5, 6 + 7 * PIPE_BUF);
	assert_int_equal(host.writes, 3);
	assert_int_equal(host.patience[2], CONSOLE_PATIENCE_MS);	/* gone, not stalled */
}

/* ---- sockets ---- */

static void a_socket_loses_nothing(void **state)
{
	struct fixture *f = *state;

	use_socket(f, SOCK_STREAM);
	assert_nothing_is_lost(f, 100);
}

static void a_socket_that_nobody_reads_does_not_block(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct fixture *f = *state;

		use_socket(f, types[i]);
		console_write(&f->c, text, MANY);
		assert_true(f->c.stalled);
		assert_true(f->c.written > 0);
		assert_true(f->c.written + f->c.dropped == MANY);
		close(f->in);
		close(f->out);
		f->in = f->out = -1;
	}
}

/* ---- terminals ---- */

static void a_terminal_loses_nothing(void **state)
{
	struct fixture *f = *state;

	use_terminal(f, false);
	assert_nothing_is_lost(f, 0);
}

/* That it polls writable does not mean that it has room for more than a byte. */
static void a_terminal_that_nobody_reads_does_not_block(void **state)
{
	static char lines[MANY];
	struct fixture *f = *state;

	memset(lines, '\n', sizeof lines);
	for (int cooked = 0; cooked < 2; cooked++) {
		use_terminal(f, cooked);
		console_write(&f->c, lines, MANY);
		console_write(&f->c, lines, MANY);
		assert_true(f->c.stalled);
		assert_true(f->c.written > 0 && f->c.dropped > MANY);
		console_fini(&f->c);
		close(f->in);
		close(f->out);
	}
	f->in = f->out = -1;
}

/* A shell and other programs share it: it is left as it was, and stays open. */
static void the_callers_terminal_is_not_touched(void **state)
{
	struct fixture *f = *state;
	int flags;

	use_terminal(f, true);
	flags = fcntl(f->out, F_GETFL);
	assert_int_equal(flags & O_NONBLOCK, 0);
	console_write(&f->c, "hello", 5);
	assert_int_equal(fcntl(f->out, F_GETFL), flags);
	assert_true(f->c.own);
	assert_int_equal(fcntl(f->c.fd, F_GETFD), FD_CLOEXEC);
	console_fini(&f->c);
	console_fini(&f->c);
	assert_int_equal(f->c.fd, -1);
	assert_int_equal(fcntl(f->out, F_GETFD), FD_CLOEXEC);
	console_write(&f->c, "nobody", 6);
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

/* Somebody else's terminal, or a host without /proc. */
static void a_terminal_that_cannot_be_opened_again_is_used_as_it_is(void **state)
{
	struct fixture *f = *state;

	use_terminal(f, false);
	console_fini(&f->c);
	host.open_error = EACCES;
	console_init(&f->c, f->out, NULL);
	assert_int_equal(f->c.fd, f->out);
	assert_false(f->c.own);
	console_write(&f->c, text, 100);
	assert_counted(f, 100, 0);
	assert_readable(f, 0, 100);
}

static void what_is_no_terminal_is_not_opened_again(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 1);
	assert_int_equal(f->c.fd, f->out);
	assert_false(f->c.own);
	console_fini(&f->c);
	assert_int_equal(fcntl(f->out, F_GETFD), FD_CLOEXEC);
}

/* Opened again, the master's end would be another pair of terminals. */
static void the_far_end_of_a_terminal_is_used_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct console far;
	char got[10];

	use_terminal(f, false);
	console_init(&far, f->in, NULL);
	assert_int_equal(far.fd, f->in);
	console_write(&far, "typed", 5);
	assert_int_equal(read(f->out, got, sizeof got), 5);
	assert_memory_equal(got, "typed", 5);
	console_fini(&far);
	assert_int_not_equal(fcntl(f->in, F_GETFD), -1);
}

/* ---- interruptions, and other things that a host may do ---- */

static void interruptions_lose_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	host.eintr = 5;		/* of the first poll */
	console_write(&f->c, text, 100);
	assert_int_equal(host.polls, 6);
	assert_counted(f, 100, 0);
	assert_int_equal(f->c.calls, 7);
	close(f->in);
	close(f->out);
	use_file(f);
	host.eintr = 5;		/* of the write: a file is not polled */
	host.writes = 0;
	console_write(&f->c, text, 100);
	assert_int_equal(host.writes, 6);
	assert_counted(f, 100, 0);
	assert_int_equal(f->c.calls, 6);
}

static void short_writes_lose_nothing(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	host.most = 7;
	console_write(&f->c, text, 1000);
	assert_int_equal(host.writes, 143);
	host.most = 1;
	console_write(&f->c, text + 1000, 10);
	assert_int_equal(host.writes, 153);
	assert_counted(f, 1010, 0);
	assert_readable(f, 0, 1010);
}

static void a_write_that_takes_nothing_is_not_tried_for_ever(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	host.takes_nothing = true;
	console_write(&f->c, text, 10);
	assert_counted(f, 0, 10);
	assert_int_equal(host.writes, 1);
}

static void a_poll_that_fails_drops_the_output(void **state)
{
	struct fixture *f = *state;

	use_pipe(f, 4);
	host.poll_error = ENOMEM;
	console_write(&f->c, text, 10);
	assert_counted(f, 0, 10);
	assert_int_equal(host.writes, 0);
	host.poll_error = 0;
	console_write(&f->c, text, 10);
	assert_counted(f, 10, 10);
}

/* ---- the machine is asked to stop ---- */

/* It comes between the guest's call and the write. */
static void what_was_said_before_a_stop_is_written(void **state)
{
	struct fixture *f = *state;
	int stop = 15;

	use_pipe(f, 4);
	console_init(&f->c, f->out, &stop);
	host.own_clock = true;
	console_write(&f->c, text, 2 * PIPE_BUF + 10);
	assert_counted(f, 2 * PIPE_BUF + 10, 0);
	assert_readable(f, 0, 2 * PIPE_BUF + 10);
}

static void a_slow_reader_gets_what_was_said_before_a_stop(void **state)
{
	struct fixture *f = *state;
	int stop = 15;

	use_pipe(f, 1);
	console_init(&f->c, f->out, &stop);
	host.own_clock = true;
	assert_nothing_is_lost(f, 100);
	for (size_t i = 0; i < COUNT(host.patience); i++)
		assert_int_equal(host.patience[i], CONSOLE_PATIENCE_MS);
}

/* Every poll and every write takes 15 ms. */
static void the_time_from_a_stop_on_is_for_the_whole_text(void **state)
{
	struct fixture *f = *state;
	int stop = 15;

	use(f, -1, open("/dev/null", O_WRONLY | O_CLOEXEC));
	console_init(&f->c, f->out, &stop);
	host.own_clock = true;
	host.call_ms = 15;
	for (unsigned i = 1; i < 3; i++) {
		console_write(&f->c, text, MANY);
		assert_counted(f, i * 4 * PIPE_BUF, i * (MANY - 4 * PIPE_BUF));
		assert_int_equal(host.polls, i * 4);
		for (int k = 0; k < 4; k++)
			assert_int_equal(host.patience[(i - 1) * 4 + (unsigned)k],
					 CONSOLE_PATIENCE_MS - 30 * k);
	}
}

static void the_time_begins_with_the_stop_not_with_the_text(void **state)
{
	struct fixture *f = *state;
	int stop = 0;

	use(f, -1, open("/dev/null", O_WRONLY | O_CLOEXEC));
	console_init(&f->c, f->out, &stop);
	host.own_clock = true;
	host.call_ms = 70;
	host.eintr = 3;
	host.then_stop = &stop;
	console_write(&f->c, text, MANY);
	assert_int_equal(host.polls, 4);
	assert_int_equal(host.patience[2], CONSOLE_PATIENCE_MS);
	assert_int_equal(host.patience[3], CONSOLE_PATIENCE_MS);
	assert_counted(f, PIPE_BUF, MANY - PIPE_BUF);
}

static void a_file_has_no_more_time_than_others(void **state)
{
	struct fixture *f = *state;
	int stop = 15;

	use_file(f);
	console_init(&f->c, f->out, &stop);
	host.own_clock = true;
	console_write(&f->c, text, MANY / 4);
	assert_counted(f, MANY / 4, 0);
	host.call_ms = 15;
	console_write(&f->c, text, MANY);
	assert_counted(f, MANY / 4 + 7 * PIPE_BUF, MANY - 7 * PIPE_BUF);
}

static void a_reader_that_takes_nothing_does_not_delay_a_stop(void **state)
{
	struct fixture *f = *state;
	int stop = 0;

	use_pipe(f, 1);
	console_init(&f->c, f->out, &stop);
	console_write(&f->c, text, 2 * PIPE_BUF);
	assert_true(f->c.stalled);
	stop = 15;
	console_write(&f->c, text, 10);
	assert_int_equal(host.patience[host.polls - 1], 0);
	assert_counted(f, PIPE_BUF, PIPE_BUF + 10);
	assert_readable(f, 0, PIPE_BUF);
	console_write(&f->c, text, 10);
	assert_counted(f, PIPE_BUF + 10, PIPE_BUF + 10);
}

static void a_write_that_a_stop_interrupts_goes_on_for_a_while(void **state)
{
	struct fixture *f = *state;
	int stop = 0;

	use_file(f);
	console_init(&f->c, f->out, &stop);
	host.eintr = 3;
	host.then_stop = &stop;
	console_write(&f->c, text, 10);
	assert_int_equal(host.writes, 4);
	assert_counted(f, 10, 0);
	host.eintr = UINT32_MAX;
	host.own_clock = true;
	host.call_ms = 15;
	console_write(&f->c, text, 10);
	assert_counted(f, 10, 10);
}

/* It was not to block, but another process filled the pipe after the poll. */
static void a_write_that_a_stop_interrupts_does_not_block_again(void **state)
{
	struct fixture *f = *state;
	int stop = 0;

	use_pipe(f, 1);
	console_init(&f->c, f->out, &stop);
	host.crowd = &stop;
	console_write(&f->c, text, 10);
	assert_int_equal(host.writes, 1);
	assert_int_equal(host.polls, 2);
	assert_int_equal(f->c.calls, 3);
	assert_counted(f, 0, 10);
}

/* Slow, but alive: nothing but the stop keeps it from getting all. */
static void *read_and_stop(void *ctx)
{
	struct reader *r = ctx;
	ssize_t n;

	for (unsigned i = 0; (n = read(r->fd, r->got, sizeof r->got)) > 0; i++) {
		r->n += (size_t)n;
		if (i == 3)
			__atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
		usleep(r->pause_us);
	}
	return NULL;
}

static void a_stop_ends_a_long_write_to_a_slow_reader(void **state)
{
	static struct reader r;
	struct fixture *f = *state;
	pthread_t thread;

	use_pipe(f, 1);
	r = (struct reader){.fd = f->in, .pause_us = 3000};
	console_init(&f->c, f->out, &r.stop);
	assert_int_equal(pthread_create(&thread, NULL, read_and_stop, &r), 0);
	console_write(&f->c, text, MANY);
	assert_true(f->c.written > 0 && f->c.written < MANY / 2);
	assert_true(f->c.written + f->c.dropped == MANY);
	close(f->out);
	f->out = -1;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(r.n == f->c.written);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_gets_everything_in_one_call),
		TEST(a_long_text_goes_to_a_file_in_pieces),
		TEST(a_full_disk_costs_only_what_does_not_fit),
		TEST(a_device_that_is_full_drops_everything),
		TEST(a_device_that_takes_everything_gets_it),
		TEST(without_a_console_all_is_dropped),
		TEST(a_closed_descriptor_is_no_console),
		TEST(descriptor_0_is_one_like_any_other),
		TEST(a_descriptor_may_be_closed_later),
		TEST(a_descriptor_to_read_from_is_no_console),
		TEST(a_guest_that_says_nothing_costs_nothing),
		TEST(a_line_costs_a_poll_and_a_write),
		TEST(a_pipe_is_written_to_in_pieces_that_cannot_block),
		TEST(a_live_reader_loses_nothing),
		TEST(a_slow_reader_loses_nothing),
		TEST(a_reader_that_takes_nothing_costs_little_and_once),
		TEST(a_reader_that_comes_back_is_served_and_waited_for_again),
		TEST(a_reader_that_is_gone_costs_its_output),
		TEST(a_socket_loses_nothing),
		TEST(a_socket_that_nobody_reads_does_not_block),
		TEST(a_terminal_loses_nothing),
		TEST(a_terminal_that_nobody_reads_does_not_block),
		TEST(the_callers_terminal_is_not_touched),
		TEST(a_machine_closes_its_terminal),
		TEST(a_terminal_that_cannot_be_opened_again_is_used_as_it_is),
		TEST(what_is_no_terminal_is_not_opened_again),
		TEST(the_far_end_of_a_terminal_is_used_as_it_is),
		TEST(interruptions_lose_nothing),
		TEST(short_writes_lose_nothing),
		TEST(a_write_that_takes_nothing_is_not_tried_for_ever),
		TEST(a_poll_that_fails_drops_the_output),
		TEST(what_was_said_before_a_stop_is_written),
		TEST(a_slow_reader_gets_what_was_said_before_a_stop),
		TEST(the_time_from_a_stop_on_is_for_the_whole_text),
		TEST(the_time_begins_with_the_stop_not_with_the_text),
		TEST(a_file_has_no_more_time_than_others),
		TEST(a_reader_that_takes_nothing_does_not_delay_a_stop),
		TEST(a_write_that_a_stop_interrupts_goes_on_for_a_while),
		TEST(a_write_that_a_stop_interrupts_does_not_block_again),
		TEST(a_stop_ends_a_long_write_to_a_slow_reader),
	};

	return cmocka_run_group_tests(tests, make_text, NULL);
}
