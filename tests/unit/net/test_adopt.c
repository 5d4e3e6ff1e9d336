/* SPDX-License-Identifier: ISC */
/* test_adopt.c: inherited descriptors of every kind: which will do, what is said, what is left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* After net/if.h, whose names they would define again. */
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include "../../../monitor/net/uplink.h"
#include "own_network.h"

/* ---- calls that fail when told ---- */

static int dup_error, getfl_error;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);

static int wrapped_fcntl(int fd, int command, long arg)
{
	errno = command == F_DUPFD_CLOEXEC ? dup_error : command == F_GETFL ? getfl_error : 0;
	return errno != 0 ? -1 : __real_fcntl(fd, command, arg);
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return wrapped_fcntl(fd, command, arg);
}

int __wrap_fcntl64(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return wrapped_fcntl(fd, command, arg);
}

/* ---- descriptors of every kind ---- */

static int of_pair(int type)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	dup2(ends[1], 60);		/* its peer stays as long as the test */
	close(ends[1]);
	return ends[0];
}

static int make_dgram(void)
{
	return of_pair(SOCK_DGRAM);
}

static int make_seqpacket(void)
{
	return of_pair(SOCK_SEQPACKET);
}

static int make_stream(void)
{
	return of_pair(SOCK_STREAM);
}

static int make_udp(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)},
				 .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int make_tcp(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	socklen_t size = sizeof at;

	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, size), 0);
	dup2(listener, 60);
	close(listener);
	return fd;
}

static int make_unconnected(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int make_unconnected_stream(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int make_listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int make_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int make_fifo_with(int flags)
{
	char name[] = "/tmp/test_adopt.XXXXXX", path[40];
	int fd;

	assert_non_null(mkdtemp(name));
	snprintf(path, sizeof path, "%s/fifo", name);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(__real_fcntl(fd, F_SETFL, flags), 0);
	unlink(path);
	rmdir(name);
	return fd;
}

static int make_fifo(void)
{
	return make_fifo_with(0);
}

static int make_packet_fifo(void)
{
	return make_fifo_with(O_DIRECT);
}

static int make_pipe_end(int which)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
	close(ends[!which]);
	return ends[which];
}

static int make_read_end(void)
{
	return make_pipe_end(0);
}

static int make_write_end(void)
{
	return make_pipe_end(1);
}

static int make_file(void)
{
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	fclose(f);
	return fd;
}

static int make_directory(void)
{
	return open("/", O_RDONLY | O_CLOEXEC);
}

static int make_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int make_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static int make_tap(void)
{
	return own_network_queue("tap0", IFF_TAP | IFF_NO_PI);
}

static int make_tun(void)
{
	return own_network_queue("tun0", IFF_TUN | IFF_NO_PI);
}

static int make_clone_device(void)
{
	return open("/dev/net/tun", O_RDWR | O_CLOEXEC);
}

static int make_packet(int type, bool bound)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(3)};
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, bound ? htons(3) : 0);

	at.sll_ifindex = (int)own_network_index("lo");
	if (bound)
		assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int make_raw_packet(void)
{
	return make_packet(SOCK_RAW, true);
}

static int make_unbound_packet(void)
{
	return make_packet(SOCK_RAW, false);
}

static int make_cooked_packet(void)
{
	return make_packet(SOCK_DGRAM, true);
}

#define NEITHER "give a tap or a connected socket, open for reading and writing"
#define AS_IT_IS "give it as @"
#define BOUNDED "give a connected socket of SOCK_DGRAM or SOCK_SEQPACKET"
#define AS_STREAM "where its other end puts a length of 4 bytes in front of each frame"

/* What is said of each as @N and as stream:@N; NULL: it will do. */
static const struct kind {
	const char *name;
	int (*make)(void);
	bool interfaces;	/* it needs a network of its own */
	const char *frames, *stream;
} kinds[] = {
	{"dgram", make_dgram, false, NULL, AS_IT_IS},
	{"seqpacket", make_seqpacket, false, NULL, AS_IT_IS},
	{"udp", make_udp, true, NULL, AS_IT_IS},
	{"stream", make_stream, false, AS_STREAM, NULL},
	{"tcp", make_tcp, true, AS_STREAM, NULL},
	{"unconnected", make_unconnected, false, "a socket that is not connected: " NEITHER,
	 "a socket that is not connected"},
	{"unconnected stream", make_unconnected_stream, false, "a socket that is not connected",
	 "a socket that is not connected"},
	{"listener", make_listener, true, "a socket that listens", "a socket that listens"},
	{"netlink", make_netlink, false, "a kind that carries no frames", "carries no frames"},
	{"fifo", make_fifo, false, "a pipe, which does not keep frames apart: open it in packet mode "
	 "(O_DIRECT), or give a connected socket of SOCK_DGRAM or SOCK_SEQPACKET",
	 "a pipe, which does not keep frames apart: give a connected stream socket"},
	{"packet fifo", make_packet_fifo, false, NULL, AS_IT_IS},
	{"read end", make_read_end, false, "it is open for reading only: open it for reading and "
	 "writing, in a shell N<>PATH", "it is open for reading only"},
	{"write end", make_write_end, false, "it is open for writing only", AS_IT_IS},
	{"file", make_file, false, "it is a regular file: " NEITHER, "it is a regular file"},
	{"directory", make_directory, false, "it is a directory", "it is a directory"},
	{"null", make_null, false, "it is a device that is no tap: " NEITHER,
	 "a device that is no tap: give a connected stream socket"},
	{"epoll", make_epoll, false, "it is nothing that carries frames", "nothing that carries"},
	{"tap", make_tap, true, NULL, "it is a tap, which keeps frames apart by itself: " AS_IT_IS},
	{"tun", make_tun, true, "tun0 is a tun interface, not a tap; make it with IFF_TAP",
	 "tun0 is a tun interface, not a tap"},
	{"clone device", make_clone_device, true, "it is /dev/net/tun without an interface "
	 "(TUNSETIFF)", "/dev/net/tun without an interface"},
	{"packet", make_raw_packet, true, NULL, AS_IT_IS},
	{"unbound packet", make_unbound_packet, true, "a socket that is not connected",
	 "a socket that is not connected"},
	{"cooked packet", make_cooked_packet, true, "a kind that carries no frames",
	 "carries no frames"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

struct fixture {
	struct uplink *uplink;
	struct sealed sealed;
	struct husk_error e;
	int files;
};

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += __real_fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	dup_error = getfl_error = 0;
	f.files = open_descriptors();
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	uplink_close(f->uplink);
	close(60);
	return open_descriptors() == f->files ? 0 : -1;
}

static int open_word(struct fixture *f, const char *where, bool look)
{
	const struct uplink_request rq = {.where = where, .look = look, .sealed = &f->sealed};

	memset(&f->e, 0, sizeof f->e);
	return uplink_open(&f->uplink, &rq, &f->e);
}

static void detach(struct fixture *f)
{
	uplink_close(f->uplink);
	f->uplink = NULL;
}

static void assert_outcome(struct fixture *f, const char *name, const char *where, bool look,
			   const char *said)
{
	int files = open_descriptors(), rc = open_word(f, where, look);

	if (rc != (said == NULL ? 0 : -1))
		fail_msg("%s, %s: %s", name, where, rc == 0 ? "was taken" : f->e.message);
	if (said == NULL) {
		detach(f);
	} else {
		assert_int_equal(f->e.kind, HUSK_E_USAGE);
		if (strncmp(f->e.message, "Could not attach interface: ", 28) != 0 ||
		    strstr(f->e.message, said) == NULL)
			fail_msg("%s: \"%s\", expected \"%s\"", name, f->e.message, said);
		assert_null(f->uplink);
	}
	assert_int_equal(open_descriptors(), files);
}

static bool denied(const struct kind *k)
{
	return k->interfaces && own_network_denied() != NULL;
}

/* Every kind, both ways, run and look. */
static void each_kind_will_do_or_is_told(void **state)
{
	struct fixture *f = *state;
	char where[32];

	for (size_t i = 0; i < KINDS; i++) {
		int fd;

		if (denied(&kinds[i]))
			continue;
		fd = kinds[i].make();
		assert_int_not_equal(fd, -1);
		for (int look = 1; look >= 0; look--) {
			snprintf(where, sizeof where, "@%d", fd);
			assert_outcome(f, kinds[i].name, where, look == 1, kinds[i].frames);
			snprintf(where, sizeof where, "stream:@%d", fd);
			assert_outcome(f, kinds[i].name, where, look == 1, kinds[i].stream);
		}
		close(fd);
		close(60);
	}
}

/* Nothing to read is said at once, and so is a peer that takes no more. */
static void assert_never_waits(struct uplink *u, const char *name)
{
	static uint8_t frame[1514] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	enum uplink_result r = UPLINK_OK;
	size_t len;

	for (int n = 0; n < 300 && (r = u->ops->write(u, (struct iovec){frame, 1514})) == UPLINK_OK;
	     n++)
		;
	if (r == UPLINK_GONE)
		fail_msg("%s: gone while writing", name);
	for (int n = 0; n < 1000 && r != UPLINK_AGAIN && r != UPLINK_DOWN; n++)
		r = u->ops->read(u, (struct iovec){frame, 1514}, &len);
	alarm(0);
}

/*
 * Kind by inherited status flag by look or run, and a sharer who sets or clears the flag meanwhile:
 * the descriptor's flags are the sharer's affair, before, while and after.
 */
static void no_status_flag_is_changed_or_relied_on(void **state)
{
	static const int flags[] = {0, O_NONBLOCK, O_APPEND, O_NONBLOCK | O_APPEND, O_NOATIME, O_ASYNC};
	const int settable = O_NONBLOCK | O_APPEND | O_ASYNC | O_NOATIME;
	struct fixture *f = *state;
	char where[32];

	for (size_t i = 0; i < KINDS; i++)
		for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
			bool stream = kinds[i].stream == NULL;
			int fd, was;

			if (denied(&kinds[i]))
				continue;
			fd = kinds[i].make();
			was = __real_fcntl(fd, F_GETFL);
			(void)__real_fcntl(fd, F_SETFL, (was & ~settable) | flags[k]);
			was = __real_fcntl(fd, F_GETFL);
			snprintf(where, sizeof where, "%s@%d", stream ? "stream:" : "", fd);
			for (int look = 1; look >= 0; look--) {
				(void)open_word(f, where, look == 1);
				assert_int_equal(__real_fcntl(fd, F_GETFL), was);
				if (f->uplink != NULL && look == 0) {
					alarm(10);
					(void)__real_fcntl(fd, F_SETFL, was & ~O_NONBLOCK);
					assert_never_waits(f->uplink, kinds[i].name);
					(void)__real_fcntl(fd, F_SETFL, was);
				}
				detach(f);
				assert_int_equal(__real_fcntl(fd, F_GETFL), was);
			}
			close(fd);
			close(60);
		}
}

/* ---- two descriptors, one for each direction ---- */

/* What is said of each as either end; NULL: it will do. */
static const struct one_way {
	int (*make)(void);
	const char *in, *out;
} one_ways[] = {
	{make_dgram, NULL, NULL},
	{make_seqpacket, NULL, NULL},
	{make_packet_fifo, NULL, NULL},
	{make_read_end, NULL, "it is open for reading only: of @IN,@OUT frames for the guest are read from "
	 "the first"},
	{make_write_end, "it is open for writing only: of @IN,@OUT", NULL},
	{make_fifo, NULL,
	 "a pipe, which does not keep frames apart: open it in packet mode"},
	{make_stream, BOUNDED, BOUNDED},
	{make_unconnected, "a socket that is not connected: give a connected socket",
	 "a socket that is not connected: give a connected socket"},
	{make_file, "it is a regular file: give a connected socket", "it is a regular file"},
};
#define ONE_WAYS (sizeof one_ways / sizeof one_ways[0])

static void each_end_will_do_or_is_told(void **state)
{
	struct fixture *f = *state;
	char where[40];

	for (size_t i = 0; i < ONE_WAYS; i++) {
		int fd = one_ways[i].make(), other = make_packet_fifo();

		for (int look = 1; look >= 0; look--) {
			snprintf(where, sizeof where, "@%d,@%d", fd, other);
			assert_outcome(f, "in", where, look == 1, one_ways[i].in);
			snprintf(where, sizeof where, "@%d,@%d", other, fd);
			assert_outcome(f, "out", where, look == 1, one_ways[i].out);
		}
		close(fd);
		close(other);
		close(60);
	}
}

/* A word with the number of a good descriptor in place of each '#'. */
static void fill_in(char *where, size_t size, const char *pattern, int fd)
{
	size_t n = 0;

	for (; *pattern != '\0'; pattern++)
		n += (size_t)snprintf(where + n, size - n, *pattern == '#' ? "%d" : "%c",
				      *pattern == '#' ? fd : *pattern);
}

static void either_of_two_is_a_number_of_one_that_is_open(void **state)
{
	static const char *const bad[] = {
		"@,@#", "@#,", "@#,@", "@#,#", "@#,@x", "@x,@#", "@#,@#,@#", "@# ,@#", "@#, @#", "@#,@61",
		"@61,@#", "@000000000000000000000000#,@#", "@#,tap0", "@#,unix:/tmp/x",
	};
	struct fixture *f = *state;
	char where[80];
	int fd = make_dgram();

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		fill_in(where, sizeof where, bad[i], fd);
		assert_int_equal(open_word(f, where, false), -1);
		if (strncmp(f->e.message, "Could not attach interface: ", 28) != 0 ||
		    strstr(f->e.message, ": : ") != NULL)
			fail_msg("%s: %s", where, f->e.message);
		assert_null(f->uplink);
	}
	assert_int_equal(open_word(f, "@7,", false), -1);
	assert_string_equal(f->e.message, "Could not attach interface: @7,: it needs the numbers of two open "
			    "descriptors: @IN,@OUT");
	close(fd);
}

/* The guest's ends of two pipes, and the host's. */
struct two_pipes {
	int in, out, to_guest, from_guest;
	char where[40];
};

static void make_pipes(struct two_pipes *t)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	*t = (struct two_pipes){.in = in[0], .to_guest = in[1], .from_guest = out[0], .out = out[1]};
	snprintf(t->where, sizeof t->where, "@%d,@%d", t->in, t->out);
}

static void close_pipes(const struct two_pipes *t)
{
	close(t->in);
	close(t->out);
	close(t->to_guest);
	close(t->from_guest);
}

static void frames_come_from_the_first_and_go_to_the_second(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {1, 2, 3}, got[2000];
	struct two_pipes t;
	size_t len = 0;

	make_pipes(&t);
	assert_int_equal(open_word(f, t.where, false), 0);
	assert_int_equal(f->uplink->mtu, 0);
	assert_int_equal(f->uplink->mtu_max, 4096 - UPLINK_HEADER - UPLINK_TAGS);
	assert_int_equal(f->uplink->ops->read(f->uplink, (struct iovec){got, sizeof got}, &len), UPLINK_AGAIN);
	for (int i = 0; i < 2; i++)
		assert_int_equal(write(t.to_guest, frame, sizeof frame), sizeof frame);
	for (int i = 0; i < 2; i++) {
		struct pollfd p = {.fd = f->uplink->fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, 0), 1);
		assert_int_equal(f->uplink->ops->read(f->uplink, (struct iovec){got, sizeof got}, &len),
				 UPLINK_OK);
		assert_int_equal(len, sizeof frame);
		assert_memory_equal(got, frame, len);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(f->uplink->ops->write(f->uplink, (struct iovec){frame, sizeof frame}),
				 UPLINK_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(t.from_guest, got, sizeof got), sizeof frame);
	assert_int_equal(read(t.from_guest, got, sizeof got), -1);
	close_pipes(&t);
}

/* It is not asked again, so that no wait turns into a busy one; its own frames still go. */
static void a_first_one_at_its_end_leaves_the_second(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {1, 2, 3}, got[100];
	struct two_pipes t;
	char where[40];
	size_t len;
	int fd = make_seqpacket();

	make_pipes(&t);
	snprintf(where, sizeof where, "@%d,@%d", fd, t.out);
	assert_int_equal(open_word(f, where, false), 0);
	close(60);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f->uplink->ops->read(f->uplink, (struct iovec){got, sizeof got}, &len),
				 UPLINK_AGAIN);
		assert_int_equal(f->uplink->fd, -1);
		assert_int_equal(f->uplink->ops->write(f->uplink, (struct iovec){frame, sizeof frame}),
				 UPLINK_OK);
		assert_int_equal(read(t.from_guest, got, sizeof got), sizeof frame);
	}
	close(fd);
	close_pipes(&t);
}

/* ---- numbers ---- */

static void a_descriptor_is_a_number_of_one_that_is_open(void **state)
{
	static const char *const bad[] = {
		"@", "@x", "@-1", "@+1", "@ 1", "@1 ", "@1x", "@0x1", "@2147483648",
		"@4294967297", "@18446744073709551617", "@@1", "@1.0",
		"stream:", "stream:5", "stream:@", "stream:@x", "stream:/tmp", "stream: @1",
	};
	struct fixture *f = *state;
	char text[100];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "Could not attach interface: %s: ", bad[i]);
		assert_int_equal(open_word(f, bad[i], false), -1);
		assert_int_equal(f->e.kind, HUSK_E_USAGE);
		if (strncmp(f->e.message, text, strlen(text)) != 0)
			fail_msg("%s", f->e.message);
	}
	assert_int_equal(open_word(f, "@61", false), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, EBADF);
	assert_string_equal(f->e.message, "Could not attach interface: @61: Bad file descriptor: it is "
			    "not open; what starts this program must open it and leave it so");
	assert_int_equal(open_word(f, "stream:@2147483647", false), -1);
	assert_int_equal(f->e.sys, EBADF);
}

static void what_cannot_be_duplicated_or_asked_is_refused(void **state)
{
	struct fixture *f = *state;
	int fd = make_seqpacket();
	char where[16];

	snprintf(where, sizeof where, "@%d", fd);
	dup_error = EMFILE;
	assert_int_equal(open_word(f, where, false), -1);
	assert_int_equal(f->e.sys, EMFILE);
	dup_error = 0;
	getfl_error = EPERM;
	assert_int_equal(open_word(f, where, false), -1);
	assert_int_equal(f->e.sys, EPERM);
	close(fd);
}

static void what_was_given_stays_open(void **state)
{
	struct fixture *f = *state;
	int fd = make_dgram();
	char where[16];

	snprintf(where, sizeof where, "@%d", fd);
	assert_int_equal(open_word(f, where, false), 0);
	assert_int_not_equal(f->uplink->fd, fd);
	assert_int_equal(__real_fcntl(f->uplink->fd, F_GETFD), FD_CLOEXEC);
	detach(f);
	assert_int_not_equal(__real_fcntl(fd, F_GETFD), -1);
	close(fd);
}

static int enter(void **state)
{
	int rc = own_network_enter(state);

	if (own_network_denied() == NULL)
		own_network_set_up("lo", true);
	return rc;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_will_do_or_is_told),
		TEST(no_status_flag_is_changed_or_relied_on),
		TEST(each_end_will_do_or_is_told),
		TEST(either_of_two_is_a_number_of_one_that_is_open),
		TEST(frames_come_from_the_first_and_go_to_the_second),
		TEST(a_first_one_at_its_end_leaves_the_second),
		TEST(a_descriptor_is_a_number_of_one_that_is_open),
		TEST(what_cannot_be_duplicated_or_asked_is_refused),
		TEST(what_was_given_stays_open),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
