/* SPDX-License-Identifier: ISC */
/* test_output.c: descriptors of every kind and with every flag, none of which is waited for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "../../monitor/output.h"
#include "expect.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define MANY (1u << 20)
#define FOREVER_S 8	/* nothing here takes that long unless it blocks */

/* ---- host calls: watched, and made to fail ---- */

static struct {
	int open_error, nowait_error, poll_error, write_error, send_error;
	unsigned writes, nowaits, sends, polls, opens;
	size_t longest;
	int crowd;		/* others fill this pipe after it was asked whether there is room; -1 */
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);

int __wrap_open(const char *path, int flags, ...)
{
	assert_int_equal(flags & O_CREAT, 0);
	host.opens++;
	errno = host.open_error;
	return host.open_error != 0 ? -1 : __real_open(path, flags);
}

static void note(size_t len)
{
	if (len > host.longest)
		host.longest = len;
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	host.nowaits++;
	assert_int_equal(flags, RWF_NOWAIT);
	errno = host.nowait_error;
	return host.nowait_error != 0 ? -1 : __real_pwritev2(fd, iov, n, offset, flags);
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	host.writes++;
	note(len);
	errno = host.write_error;
	return host.write_error != 0 ? -1 : __real_write(fd, buf, len);
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
	host.sends++;
	note(len);
	assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	errno = host.send_error;
	return host.send_error != 0 ? -1 : __real_send(fd, buf, len, flags);
}

static void fill(int fd)
{
	static const uint8_t page[PIPE_BUF];
	int flags = fcntl(fd, F_GETFL);

	assert_int_not_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), -1);
	while (__real_write(fd, page, sizeof page) > 0)
		continue;
	while (__real_write(fd, page, 1) > 0)
		continue;
	assert_int_not_equal(fcntl(fd, F_SETFL, flags), -1);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	int ready;

	host.polls++;
	assert_int_equal(ms, 0);
	errno = host.poll_error;
	ready = host.poll_error != 0 ? -1 : __real_poll(fds, n, ms);
	if (host.crowd != -1)
		fill(host.crowd);
	return ready;
}

/* ---- descriptors ---- */

static uint8_t text[MANY];

struct pair {
	int in, out;		/* to read from, -1: that cannot be; to write to */
};

static struct pair make_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	return (struct pair){ends[0], ends[1]};
}

static struct pair make_fifo(void)
{
	char name[] = "/tmp/test_output.XXXXXX";
	struct pair p;

	assert_non_null(mkdtemp(name));
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(mkfifo(name, 0600), 0);
	p.in = __real_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	p.out = __real_open(name, O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(p.out, -1);
	unlink(name);
	return p;
}

static struct pair make_sockets(int type)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	return (struct pair){ends[0], ends[1]};
}

static struct pair make_stream(void) { return make_sockets(SOCK_STREAM); }
static struct pair make_packets(void) { return make_sockets(SOCK_SEQPACKET); }
static struct pair make_datagrams(void) { return make_sockets(SOCK_DGRAM); }

static struct pair make_terminal(void)
{
	struct termios t;
	struct pair p = {.in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
	char name[64];

	if (p.in == -1) {
		print_message("# a host without terminals\n");
		skip();
	}
	assert_int_equal(grantpt(p.in), 0);
	assert_int_equal(unlockpt(p.in), 0);
	assert_int_equal(ptsname_r(p.in, name, sizeof name), 0);
	p.out = __real_open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(p.out, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(p.out, TCSANOW, &t), 0);
	return p;
}

static struct pair make_file(void)
{
	FILE *file = tmpfile();
	struct pair p = {.in = -1};

	assert_non_null(file);
	p.out = dup(fileno(file));
	fclose(file);
	return p;
}

static struct pair make_null(void)
{
	return (struct pair){-1, __real_open("/dev/null", O_WRONLY | O_CLOEXEC)};
}

/* What each kind is, and in which way it is written to once that was tried. */
static const struct kind {
	const char *name;
	struct pair (*make)(void);
	enum output_way way;
	bool fills;		/* it has a reader, who may take nothing */
} kinds[] = {
	{"pipe", make_pipe, OUTPUT_NOWAIT, true},
	{"FIFO", make_fifo, OUTPUT_OWN, true},
	{"stream", make_stream, OUTPUT_SEND, true},
	{"packets", make_packets, OUTPUT_SEND, true},
	{"datagrams", make_datagrams, OUTPUT_SEND, true},
	{"terminal", make_terminal, OUTPUT_OWN, true},
	{"file", make_file, OUTPUT_FILE, false},
	{"null device", make_null, OUTPUT_NOWAIT, false},
};

static void give_back(struct output *o, const struct pair *p)
{
	output_fini(o);
	if (p->in != -1)
		close(p->in);
	close(p->out);
}

static int begin(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	host.crowd = -1;
	alarm(FOREVER_S);
	return 0;
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	return 0;
}

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

/* A kernel that is too old, or an emulator, does not know the flag; then it is as for FIFOs. */
static enum output_way way_of(const struct kind *k)
{
	struct pair p = make_pipe();
	bool known = __real_pwritev2(p.out, &(struct iovec){text, 1}, 1, -1, RWF_NOWAIT) == 1;

	close(p.in);
	close(p.out);
	if (k->way != OUTPUT_NOWAIT || known)
		return k->way;
	return k->fills ? OUTPUT_OWN : OUTPUT_ASK;
}

/* ---- the table: kinds and flags ---- */

static void assert_read(const struct kind *k, int fd, size_t len)
{
	static uint8_t got[MANY];
	size_t n = 0;
	ssize_t more;

	if (fd == -1)
		return;
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	while (n < sizeof got && (more = read(fd, got + n, sizeof got - n)) > 0)
		n += (size_t)more;
	if (n != len || memcmp(got, text, len) != 0)
		fail_msg("%s: %zu bytes of %zu", k->name, n, len);
}

/* Until it is full, if it ever is; then the reader takes everything, and there is room again. */
static void try_kind(const struct kind *k, int flags, enum output_way way)
{
	struct pair p = k->make();
	size_t sum = 0;
	struct output o;
	ssize_t n;

	assert_int_not_equal(fcntl(p.out, F_SETFL, fcntl(p.out, F_GETFL) | flags), -1);
	flags = fcntl(p.out, F_GETFL);
	output_init(&o, p.out);
	while ((n = output_write(&o, text + sum, MANY - sum)) > 0 && sum < MANY - (size_t)n)
		sum += (size_t)n;
	if (n > 0)
		sum += (size_t)n;
	else if (errno != EAGAIN)
		fail_msg("%s: %s", k->name, strerror(errno));
	if (k->fills != (n == -1) || o.way != way)
		fail_msg("%s: way %d, and %zd at the end", k->name, o.way, n);
	if (fcntl(p.out, F_GETFL) != flags)
		fail_msg("%s: others see other flags", k->name);
	assert_read(k, p.in, sum);
	assert_true(output_write(&o, text, 1) == 1);
	give_back(&o, &p);
}

static void whatever_it_is_nobody_waits_for_it(void **state)
{
	static const int flags[] = {0, O_NONBLOCK, O_APPEND, O_NONBLOCK | O_APPEND};
	const int before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (size_t f = 0; f < COUNT(flags); f++)
			try_kind(&kinds[i], flags[f], way_of(&kinds[i]));
	assert_int_equal(open_descriptors(), before);
}

/* Linux before 5.10, and emulators. */
static void nor_where_the_host_knows_no_such_flag(void **state)
{
	static const int errors[] = {EOPNOTSUPP, ENOSYS, EINVAL};
	const int before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		host.nowait_error = errors[i];
		try_kind(&kinds[0], 0, OUTPUT_OWN);
		try_kind(&kinds[7], 0, OUTPUT_ASK);
	}
	assert_int_equal(open_descriptors(), before);
}

/* Nothing can be opened again: somebody else's, or there is no /proc. */
static void nor_where_nothing_can_be_opened_again(void **state)
{
	(void)state;
	host.nowait_error = EOPNOTSUPP;
	host.open_error = EACCES;
	try_kind(&kinds[0], 0, OUTPUT_ASK);
	try_kind(&kinds[1], 0, OUTPUT_ASK);
	assert_int_equal(host.longest, PIPE_BUF);
	assert_true(host.polls >= host.writes);
}

/* ---- the ways one by one ---- */

static void a_pipe_takes_one_call(void **state)
{
	struct pair p = make_pipe();
	struct output o;

	(void)state;
	if (way_of(&kinds[0]) != OUTPUT_NOWAIT)
		skip();
	host.nowaits = 0;
	output_init(&o, p.out);
	assert_int_equal(o.calls, 0);
	assert_int_equal(output_write(&o, text, 80), 80);
	assert_int_equal(host.nowaits, 1);
	assert_int_equal(host.polls + host.writes + host.opens, 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.fd, p.out);
	assert_false(o.own);
	give_back(&o, &p);
}

/* Another process writes to it as well: poll says that there is room, and then there is none. */
static void room_that_others_take_is_not_waited_for(void **state)
{
	struct pair p = make_pipe();
	struct output o;

	(void)state;
	if (way_of(&kinds[0]) != OUTPUT_NOWAIT)
		skip();
	output_init(&o, p.out);
	fill(p.out);
	assert_int_equal(output_write(&o, text, PIPE_BUF), -1);
	assert_int_equal(errno, EAGAIN);
	give_back(&o, &p);
}

/* A signal of a stop ends a write that waits all the same. */
static void on_signal(int signal)
{
	(void)signal;
}

static void where_there_is_no_better_way_a_signal_ends_the_write(void **state)
{
	const struct sigaction interrupt = {.sa_handler = on_signal};
	struct sigaction before;
	struct pair p = make_pipe();
	struct output o;

	(void)state;
	host.nowait_error = EOPNOTSUPP;
	host.open_error = EACCES;
	host.crowd = p.out;
	assert_int_equal(sigaction(SIGALRM, &interrupt, &before), 0);
	alarm(1);
	output_init(&o, p.out);
	assert_int_equal(output_write(&o, text, PIPE_BUF), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	give_back(&o, &p);
}

static void a_fifo_that_nobody_reads_yet_is_tried_again(void **state)
{
	struct pair p = make_fifo();
	char path[64];
	struct output o;

	(void)state;
	snprintf(path, sizeof path, "/proc/self/fd/%d", p.out);
	close(p.in);
	p.in = -1;
	output_init(&o, p.out);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(output_write(&o, text, 5), -1);
		assert_int_equal(errno, EPIPE);
	}
	p.in = __real_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_not_equal(p.in, -1);
	assert_int_equal(output_write(&o, text, 5), 5);
	assert_int_equal(o.way, OUTPUT_OWN);
	give_back(&o, &p);
}

static void a_description_of_our_own_is_closed_and_the_callers_is_not(void **state)
{
	struct pair p = make_terminal();
	struct output o;

	(void)state;
	output_init(&o, p.out);
	assert_true(o.own);
	assert_int_not_equal(o.fd, p.out);
	assert_int_equal(fcntl(o.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(o.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	output_fini(&o);
	output_fini(&o);
	assert_int_equal(o.fd, -1);
	assert_int_equal(fcntl(p.out, F_GETFD), FD_CLOEXEC);
	assert_int_equal(output_write(&o, text, 1), -1);
	assert_int_equal(errno, EBADF);
	close(p.in);
	close(p.out);
}

/* Opened again, the master's end would be another pair of terminals. */
static void the_far_end_of_a_terminal_is_used_as_it_is(void **state)
{
	struct pair p = make_terminal();
	struct output o;
	char got[10];

	(void)state;
	output_init(&o, p.in);
	assert_int_equal(o.fd, p.in);
	assert_false(o.own);
	assert_int_equal(output_write(&o, "typed", 5), 5);
	assert_int_equal(read(p.out, got, sizeof got), 5);
	assert_memory_equal(got, "typed", 5);
	give_back(&o, &p);
}

static void what_is_closed_is_no_output(void **state)
{
	int closed = dup(0);
	struct output o;

	(void)state;
	close(closed);
	for (int i = 0; i < 2; i++) {
		output_init(&o, i == 0 ? closed : -1);
		assert_int_equal(o.fd, -1);
		assert_int_equal(output_write(&o, text, 5), -1);
		assert_int_equal(errno, EBADF);
		assert_int_equal(o.calls, 0);
		output_fini(&o);
	}
}

static void failures_are_the_hosts(void **state)
{
	struct pair p = make_file();
	struct output o;

	(void)state;
	output_init(&o, p.out);
	host.write_error = ENOSPC;
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, ENOSPC);
	host.write_error = 0;
	give_back(&o, &p);
	p.out = __real_open("/dev/full", O_WRONLY | O_CLOEXEC);
	p.in = -1;
	output_init(&o, p.out);
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, ENOSPC);
	host.poll_error = ENOMEM;
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, ENOMEM);
	give_back(&o, &p);
	p = make_stream();
	close(p.in);
	p.in = -1;
	output_init(&o, p.out);
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, EPIPE);
	give_back(&o, &p);
}

/* FreeBSD's datagram sockets, which poll writable all the while. */
static void a_socket_without_buffers_has_no_room(void **state)
{
	struct pair p = make_datagrams();
	struct output o;

	(void)state;
	output_init(&o, p.out);
	host.send_error = ENOBUFS;
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, EAGAIN);
	host.send_error = 0;
	assert_int_equal(output_write(&o, text, 5), 5);
	give_back(&o, &p);
}

/* Not even a stand-in for standard output is one. */
static void what_cannot_be_written_to_says_so(void **state)
{
	struct pair p = make_pipe();
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct output o;

	(void)state;
	for (int old_host = 0; old_host < 2; old_host++) {
		host.nowait_error = old_host ? ENOSYS : 0;
		output_init(&o, p.in);
		assert_int_equal(output_write(&o, text, 5), -1);
		assert_int_equal(errno, EBADF);
		output_fini(&o);
	}
	host.nowait_error = 0;
	output_init(&o, event);
	assert_int_equal(output_write(&o, text, 5), -1);
	assert_int_equal(errno, EINVAL);
	give_back(&o, &p);
	close(event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whatever_it_is_nobody_waits_for_it),
		TEST(nor_where_the_host_knows_no_such_flag),
		TEST(nor_where_nothing_can_be_opened_again),
		TEST(a_pipe_takes_one_call),
		TEST(room_that_others_take_is_not_waited_for),
		TEST(where_there_is_no_better_way_a_signal_ends_the_write),
		TEST(a_fifo_that_nobody_reads_yet_is_tried_again),
		TEST(a_description_of_our_own_is_closed_and_the_callers_is_not),
		TEST(the_far_end_of_a_terminal_is_used_as_it_is),
		TEST(what_is_closed_is_no_output),
		TEST(failures_are_the_hosts),
		TEST(a_socket_without_buffers_has_no_room),
		TEST(what_cannot_be_written_to_says_so),
	};

	return cmocka_run_group_tests(tests, make_text, NULL);
}
