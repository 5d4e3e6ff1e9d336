/* SPDX-License-Identifier: ISC */
/* test_datagram.c: frames as datagrams of a socket that others share. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../../monitor/net/uplink.h"
#include "wire.h"

static int recv_error, send_error, send_flags;
static bool no_memory, marked, unended;
static size_t most;	/* that the socket takes of a record; 0: all */

ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
bool __real_descriptor_records_are_marked(void);
bool __wrap_descriptor_records_are_marked(void);

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n;

	assert_int_not_equal(flags & MSG_DONTWAIT, 0);

	errno = recv_error;
	n = recv_error != 0 ? -1 : __real_recvmsg(fd, m, flags);
	if (marked)
		m->msg_flags = unended ? 0 : MSG_EOR;
	return n;
}

/* Those of the host's end are the test's own. */
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	if ((flags & MSG_DONTWAIT) != 0)
		send_flags = flags;
	errno = send_error;
	if ((flags & MSG_DONTWAIT) != 0 && send_error != 0)
		return -1;
	if ((flags & MSG_DONTWAIT) != 0 && most != 0 && len > most)
		return __real_send(fd, bytes, most, flags & ~MSG_EOR);
	return __real_send(fd, bytes, len, flags);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

/* As on FreeBSD. */
bool __wrap_descriptor_records_are_marked(void)
{
	return marked || __real_descriptor_records_are_marked();
}

struct fixture {
	struct uplink *uplink;
	struct wire wire;
	struct husk_error e;
	bool joined;	/* the host keeps what was not read of a record, and knows no empty one */
};

static int set_up_type(void **state, int type)
{
	static struct fixture f;
	struct uplink_request rq;

	memset(&f, 0, sizeof f);
	recv_error = send_error = 0;
	no_memory = unended = false;
	most = 0;
	wire_make_type(&f.wire, type);
	f.joined = type == SOCK_SEQPACKET && __real_descriptor_records_are_marked();
	fcntl(f.wire.device, F_SETFL, 0);	/* it would block */
	rq = (struct uplink_request){.where = f.wire.where};
	*state = &f;
	return uplink_open(&f.uplink, &rq, &f.e);
}

static int set_up(void **state)
{
	return set_up_type(state, SOCK_SEQPACKET);
}

static int set_up_dgram(void **state)
{
	return set_up_type(state, SOCK_DGRAM);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	uplink_close(f->uplink);
	wire_free(&f->wire);
	return 0;
}

static enum uplink_result read_frame(struct fixture *f, void *buffer, size_t room, size_t *len)
{
	return f->uplink->ops->read(f->uplink, (struct iovec){buffer, room}, len);
}

static enum uplink_result write_frame(struct fixture *f, void *frame, size_t len)
{
	return f->uplink->ops->write(f->uplink, (struct iovec){frame, len});
}

static void one_frame_is_one_datagram(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[WIRE_FRAME_MAX];
	size_t len = 0;

	assert_int_equal(f->uplink->mtu + f->uplink->mtu_max, 0);
	assert_null(f->uplink->ops->reattach);
	for (uint32_t n = 0; n < 1000; n++) {
		wire_fill(frame, 14 + n, n);
		assert_int_equal(write_frame(f, frame, 14 + n), UPLINK_OK);
		assert_int_equal(wire_receive(&f->wire, frame), 14 + n);
		assert_true(wire_matches(frame, 14 + n, n));
		assert_true(wire_send(&f->wire, frame, 14 + n));
		assert_int_equal(read_frame(f, frame, sizeof frame, &len), UPLINK_OK);
		assert_int_equal(len, 14 + n);
		assert_true(wire_matches(frame, len, n));
	}
}

static void a_datagram_that_does_not_fit_is_noticed(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[62] = {0};
	size_t len = 0;

	for (size_t n = 59; n <= 62; n++) {
		assert_true(wire_send(&f->wire, frame, n));
		assert_int_equal(read_frame(f, frame, 60, &len), n <= 60 ? UPLINK_OK : UPLINK_TOO_LONG);
		assert_int_equal(len, n <= 60 ? n : 60);
	}
	assert_true(wire_send(&f->wire, frame, 1));
	assert_int_equal(read_frame(f, frame, 0, &len),
			 f->joined ? UPLINK_NO_FRAME : UPLINK_TOO_LONG);
}

/* Whoever shares the socket has made it a blocking one. */
static void it_never_waits(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[1514] = {0};
	int n = 0;
	size_t len;

	assert_int_equal(read_frame(f, frame, sizeof frame, &len), UPLINK_AGAIN);
	while (write_frame(f, frame, sizeof frame) == UPLINK_OK)
		assert_true(++n < 10000);
	assert_int_equal(write_frame(f, frame, sizeof frame), UPLINK_AGAIN);
	assert_int_equal(fcntl(f->wire.device, F_GETFL) & O_NONBLOCK, 0);
}

static void an_empty_datagram_is_no_frame_and_the_end_is_the_end(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];
	size_t len;

	if (!f->joined)
		assert_true(wire_send(&f->wire, "", 0));
	assert_true(wire_send(&f->wire, "0123456789012345", 16));
	if (!f->joined)
		assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_NO_FRAME);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_OK);
	assert_int_equal(shutdown(f->wire.host, SHUT_WR), 0);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_ERROR);
	assert_int_equal(write_frame(f, frame, 60), UPLINK_OK);
	assert_int_equal(recv(f->wire.host, frame, 60, 0), 60);
	wire_close_host(&f->wire);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_GONE);
	assert_int_equal(write_frame(f, frame, 60), UPLINK_ERROR);	/* and no SIGPIPE */
}

static void a_peer_that_is_gone_takes_no_datagrams(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len;

	wire_close_host(&f->wire);
	assert_int_equal(write_frame(f, frame, 60), UPLINK_ERROR);
	assert_int_not_equal(read_frame(f, frame, 60, &len), UPLINK_OK);
}

/* A peer may send descriptors along: none is left open. */
static void what_comes_along_with_a_datagram_is_dropped(void **state)
{
	struct fixture *f = *state;
	union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; } control = {
		.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS},
	};
	uint8_t frame[60] = {0};
	struct iovec part = {frame, sizeof frame};
	const struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof control};
	int next = dup(0);
	size_t len = 0;

	close(next);
	memcpy(CMSG_DATA(&control.head), &f->wire.host, sizeof(int));
	assert_int_equal(sendmsg(f->wire.host, &m, MSG_EOR), 60);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_OK);
	assert_int_equal(len, 60);
	assert_int_equal(fcntl(next, F_GETFD), -1);
}

static void each_failure_has_its_meaning(void **state)
{
	static const struct { int error; enum uplink_result result; } meanings[] = {
		{EAGAIN, UPLINK_AGAIN}, {ENETDOWN, UPLINK_DOWN},
		{ENOMEM, UPLINK_DOWN}, {EINTR, UPLINK_DOWN}, {ECONNREFUSED, UPLINK_ERROR},
		{EMSGSIZE, UPLINK_ERROR}, {EPERM, UPLINK_ERROR},
	};
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len;

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		recv_error = send_error = meanings[i].error;
		assert_int_equal(read_frame(f, frame, 60, &len), meanings[i].result);
		assert_int_equal(write_frame(f, frame, 60), meanings[i].result);
	}
}

/* The peer's queue, where poll does not tell. */
static void a_queue_that_is_full_has_no_room(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};

	send_error = ENOBUFS;
	assert_int_equal(write_frame(f, frame, 60), UPLINK_AGAIN);
}

static int set_up_marked(void **state)
{
	marked = true;
	return set_up_type(state, SOCK_SEQPACKET);
}

static int set_up_marked_dgram(void **state)
{
	marked = true;
	return set_up_type(state, SOCK_DGRAM);
}

static int tear_down_marked(void **state)
{
	marked = false;
	return tear_down(state);
}

static void a_record_is_sent_with_its_end(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};

	assert_int_equal(write_frame(f, frame, 60), UPLINK_OK);
	assert_int_not_equal(send_flags & MSG_EOR, 0);
}

/* What the socket took is the beginning of a record, which the next frame would go on with. */
static void a_record_that_is_taken_in_part_is_finished_first(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60], got[WIRE_FRAME_MAX];
	size_t len;

	wire_fill(frame, 60, 1);
	most = 20;
	assert_int_equal(write_frame(f, frame, 60), UPLINK_OK);
	assert_int_equal(poll(&(struct pollfd){.fd = f->uplink->fd, .events = POLLIN}, 1, 0), 1);
	assert_int_equal(write_frame(f, frame, 30), UPLINK_AGAIN);
	send_error = EAGAIN;
	assert_int_equal(write_frame(f, frame, 30), UPLINK_AGAIN);
	send_error = EPIPE;
	assert_int_equal(write_frame(f, frame, 30), UPLINK_ERROR);
	send_error = 0;
	most = 0;
	assert_int_equal(read_frame(f, got, 60, &len), UPLINK_AGAIN);
	assert_int_not_equal(send_flags & MSG_EOR, 0);
	assert_int_equal(poll(&(struct pollfd){.fd = f->uplink->fd, .events = POLLIN}, 1, 0), 0);
	assert_int_equal(write_frame(f, frame, 30), UPLINK_OK);
	for (len = 0; len < 60;) {
		long n = recv(f->wire.host, got + len, 60 - len, 0);

		assert_in_range(n, 1, 60);
		len += (size_t)n;
	}
	assert_memory_equal(got, frame, 60);
	assert_int_equal(wire_receive(&f->wire, got), 30);
	assert_memory_equal(got, frame, 30);
	assert_int_equal(write_frame(f, got, 70000), UPLINK_ERROR);
}

/* Linux drops the rest of a record by itself; where records are marked it is read next. */
static void a_record_without_its_end_is_no_frame(void **state)
{
	static const struct { bool unended; enum uplink_result result; } pieces[] = {
		{false, UPLINK_OK}, {true, UPLINK_TOO_LONG}, {true, UPLINK_AGAIN},
		{false, UPLINK_AGAIN}, {false, UPLINK_OK},
	};
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len = 0;

	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		unended = pieces[i].unended;
		assert_true(wire_send(&f->wire, frame, 60));
		assert_int_equal(read_frame(f, frame, 60, &len), pieces[i].result);
	}
	unended = true;
	for (int i = 0; i < 100; i++)
		assert_true(wire_send(&f->wire, frame, 60));
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_TOO_LONG);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_TOO_LONG);
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_AGAIN);
}

static void a_datagram_needs_no_mark(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len = 0;

	assert_int_equal(write_frame(f, frame, 60), UPLINK_OK);
	assert_int_equal(send_flags & MSG_EOR, 0);
	unended = true;
	assert_true(wire_send(&f->wire, frame, 60));
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_OK);
	assert_int_equal(len, 60);
}

static void without_memory_nothing_stays_open(void **state)
{
	struct fixture *f = *state;
	const struct uplink_request rq = {.where = f->wire.where};
	struct uplink *u;
	int next = dup(0);

	close(next);
	no_memory = true;
	assert_int_equal(uplink_open(&u, &rq, &f->e), -1);
	assert_null(u);
	assert_int_equal(f->e.sys, ENOMEM);
	assert_int_equal(fcntl(next, F_GETFD), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define MARKED(name) cmocka_unit_test_setup_teardown(name, set_up_marked, tear_down_marked)
#define DGRAM(name) cmocka_unit_test_setup_teardown(name, set_up_dgram, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_frame_is_one_datagram),
		DGRAM(one_frame_is_one_datagram),
		TEST(a_datagram_that_does_not_fit_is_noticed),
		DGRAM(a_datagram_that_does_not_fit_is_noticed),
		TEST(it_never_waits),
		DGRAM(it_never_waits),
		TEST(an_empty_datagram_is_no_frame_and_the_end_is_the_end),
		DGRAM(a_peer_that_is_gone_takes_no_datagrams),
		TEST(what_comes_along_with_a_datagram_is_dropped),
		TEST(each_failure_has_its_meaning),
		TEST(a_queue_that_is_full_has_no_room),
		MARKED(a_record_is_sent_with_its_end),
		MARKED(a_record_that_is_taken_in_part_is_finished_first),
		MARKED(a_record_without_its_end_is_no_frame),
		cmocka_unit_test_setup_teardown(a_datagram_needs_no_mark, set_up_marked_dgram,
						tear_down_marked),
		TEST(without_memory_nothing_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
