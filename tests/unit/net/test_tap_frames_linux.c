/* SPDX-License-Identifier: ISC */
/* test_tap_frames_linux.c: frames through a tap's descriptor, one's own or one that others share. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../../../monitor/net/tap_linux.h"
#include "wire.h"

/* ---- calls that fail when told ---- */

static struct {
	int read_error, write_error;	/* of all kinds */
	size_t moved;		/* what writing moves, SIZE_MAX: all; then it is not real */
	bool old;		/* a kernel whose taps do not know RWF_NOWAIT */
	unsigned writes, writevs, nowaits, polls;
	uint8_t wrote[256];	/* the first bytes of all parts */
} host;

ssize_t __real_readv(int fd, const struct iovec *parts, int n);
ssize_t __wrap_readv(int fd, const struct iovec *parts, int n);
ssize_t __real_preadv2(int fd, const struct iovec *parts, int n, off_t at, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int n, off_t at, int flags);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_writev(int fd, const struct iovec *parts, int n);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int n);
ssize_t __real_pwritev2(int fd, const struct iovec *parts, int n, off_t at, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *parts, int n, off_t at, int flags);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

ssize_t __wrap_readv(int fd, const struct iovec *parts, int n)
{
	errno = host.read_error;
	return host.read_error != 0 ? -1 : __real_readv(fd, parts, n);
}

static bool refuses_nowait(off_t at, int flags)
{
	assert_int_equal(at, -1);
	assert_int_equal(flags, RWF_NOWAIT);
	host.nowaits++;
	errno = EOPNOTSUPP;
	return host.old;
}

ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int n, off_t at, int flags)
{
	if (refuses_nowait(at, flags))
		return -1;
	errno = host.read_error;
	return host.read_error != 0 ? -1 : __real_preadv2(fd, parts, n, at, flags);
}

static ssize_t gather(const struct iovec *parts, int n)
{
	size_t all = 0;

	errno = host.write_error;
	if (host.write_error != 0)
		return -1;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].iov_len; k++, all++)
			if (all < sizeof host.wrote)
				host.wrote[all] = ((const uint8_t *)parts[i].iov_base)[k];
	return (ssize_t)(host.moved < all ? host.moved : all);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	uint8_t copy[256];
	struct iovec part = {copy, len < sizeof copy ? len : sizeof copy};

	if (host.moved == 0 && host.write_error == 0)
		return __real_write(fd, bytes, len);
	host.writes++;
	memcpy(copy, bytes, part.iov_len);
	return gather(&part, 1);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int n)
{
	if (host.moved == 0 && host.write_error == 0)
		return __real_writev(fd, parts, n);
	host.writevs++;
	return gather(parts, n);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *parts, int n, off_t at, int flags)
{
	if (refuses_nowait(at, flags))
		return -1;
	return host.moved == 0 && host.write_error == 0 ?
	       __real_pwritev2(fd, parts, n, at, flags) : gather(parts, n);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	assert_int_equal(timeout, 0);
	host.polls++;
	return __real_poll(fds, n, timeout);
}

/* ---- fixtures ---- */

struct fixture {
	struct tap tap;
	struct wire wire;
};

/* The ways in which a tap is used: by a description of its own, and by a shared one. */
struct way {
	enum uplink_result (*read)(struct uplink *u, struct iovec buffer, size_t *len);
	enum uplink_result (*write)(struct uplink *u, struct iovec frame);
	bool shared, old;
};

static const struct way ways[] = {
	{tap_read, tap_write, false, false},
	{tap_read_shared, tap_write_shared, true, false},
	{tap_read_shared, tap_write_shared, true, true},
};
#define WAYS (sizeof ways / sizeof ways[0])

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.wire.device = f.wire.host = -1;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	wire_free(&f->wire);
	return 0;
}

/* An emulator of another processor may not know the call: then there are old kernels only. */
static bool knows_nowait(void)
{
	uint8_t byte = 0;
	const struct iovec part = {&byte, 1};
	struct wire w;
	bool knows;

	wire_make(&w);
	knows = __real_pwritev2(w.device, &part, 1, -1, RWF_NOWAIT) == 1;
	wire_free(&w);
	return knows;
}

/* A tap with that many bytes of its own in front of each frame. */
static void open_wire(struct fixture *f, const struct way *way, unsigned prefix)
{
	int flags;

	wire_free(&f->wire);
	wire_make(&f->wire);
	f->tap = (struct tap){.uplink.fd = f->wire.device, .prefix = prefix};
	host.old = way->old || !knows_nowait();
	flags = fcntl(f->wire.device, F_GETFL);
	if (way->shared) {
		assert_int_equal(fcntl(f->wire.device, F_SETFL, flags & ~O_NONBLOCK), 0);
		tap_probe_shared(&f->tap);
		assert_int_equal(f->tap.polled, host.old);
		if (!host.old)		/* a tap would have refused the probe's byte */
			assert_int_equal(recv(f->wire.host, &flags, 4, 0), 1);
	}
	host.nowaits = host.polls = 0;
}

static struct iovec part(void *bytes, size_t len)
{
	return (struct iovec){bytes, len};
}

static enum uplink_result read_frame(struct fixture *f, const struct way *way, void *buffer,
				     size_t room, size_t *len)
{
	return way->read(&f->tap.uplink, part(buffer, room), len);
}

static enum uplink_result write_frame(struct fixture *f, const struct way *way, void *frame,
				      size_t len)
{
	return way->write(&f->tap.uplink, part(frame, len));
}

/* ---- failures ---- */

static const struct { int error; enum uplink_result result; } meanings[] = {
	{EAGAIN, UPLINK_AGAIN}, {EBADFD, UPLINK_GONE}, {ENODEV, UPLINK_GONE}, {EIO, UPLINK_DOWN},
	{ENETDOWN, UPLINK_DOWN}, {ENOBUFS, UPLINK_DOWN}, {ENOMEM, UPLINK_DOWN},
	{EINTR, UPLINK_DOWN}, {EINVAL, UPLINK_ERROR}, {EFAULT, UPLINK_ERROR},
	{EMSGSIZE, UPLINK_ERROR}, {EPERM, UPLINK_ERROR},
};
#define MEANINGS (sizeof meanings / sizeof meanings[0])

static void each_failure_to_read_has_its_meaning(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[64];
	size_t len = 77;

	for (size_t w = 0; w < WAYS; w++) {
		open_wire(f, &ways[w], 0);
		for (size_t i = 0; i < MEANINGS; i++) {
			host.read_error = meanings[i].error;
			assert_true(wire_send(&f->wire, buffer, 14));
			assert_int_equal(read_frame(f, &ways[w], buffer, 64, &len),
					 meanings[i].result);
		}
	}
	assert_int_equal(len, 77);
}

static void each_failure_to_write_has_its_meaning(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[64] = {0};

	for (size_t w = 0; w < WAYS; w++)
		for (unsigned prefix = 0; prefix <= 12; prefix += 12) {
			host.write_error = 0;
			open_wire(f, &ways[w], prefix);
			for (size_t i = 0; i < MEANINGS; i++) {
				host.write_error = meanings[i].error;
				assert_int_equal(write_frame(f, &ways[w], frame, 64),
						 meanings[i].result);
			}
		}
	assert_int_equal(host.writes, MEANINGS);
	assert_int_equal(host.writevs, (knows_nowait() ? 3 : 5) * MEANINGS);
}

static void what_is_written_in_part_is_an_error(void **state)
{
	static const struct { unsigned prefix; size_t moved; enum uplink_result result; } cases[] = {
		{12, 12 + 63, UPLINK_ERROR}, {12, 64, UPLINK_ERROR}, {12, 1, UPLINK_ERROR},
		{12, 12 + 64, UPLINK_OK}, {0, 63, UPLINK_ERROR}, {0, 64, UPLINK_OK},
	};
	struct fixture *f = *state;
	uint8_t frame[64] = {0};

	for (size_t w = 0; w < WAYS; w++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			host.moved = 0;
			open_wire(f, &ways[w], cases[i].prefix);
			host.moved = cases[i].moved;
			assert_int_equal(write_frame(f, &ways[w], frame, 64), cases[i].result);
		}
}

/* ---- what a tap has in front of frames ---- */

static void what_is_in_front_is_written_as_zeros(void **state)
{
	static const uint8_t zeros[64];
	struct fixture *f = *state;
	uint8_t frame[100];

	wire_fill(frame, sizeof frame, 5);
	for (size_t w = 0; w < WAYS; w++) {
		host.moved = 0;
		open_wire(f, &ways[w], 64);
		host.moved = SIZE_MAX;
		memset(host.wrote, 0xee, sizeof host.wrote);
		assert_int_equal(write_frame(f, &ways[w], frame, sizeof frame), UPLINK_OK);
		assert_memory_equal(host.wrote, zeros, 64);
		assert_true(wire_matches(host.wrote + 64, sizeof frame, 5));
	}
}

static void what_is_in_front_is_not_read(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[100] = {0}, buffer[88];
	size_t len = 0;

	for (size_t w = 0; w < WAYS; w++) {
		open_wire(f, &ways[w], 12);
		memset(frame, 0xee, 12);
		wire_fill(frame + 12, 88, 9);
		assert_true(wire_send(&f->wire, frame, 100));
		assert_int_equal(read_frame(f, &ways[w], buffer, 88, &len), UPLINK_OK);
		assert_int_equal(len, 88);
		assert_true(wire_matches(buffer, 88, 9));
	}
}

static void a_frame_shorter_than_what_is_in_front_is_none(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[88];
	size_t len = 77;

	open_wire(f, &ways[0], 12);
	assert_true(wire_send(&f->wire, "01234567890", 11));
	assert_true(wire_send(&f->wire, "012345678901", 12));
	assert_int_equal(read_frame(f, &ways[0], buffer, 88, &len), UPLINK_NO_FRAME);
	assert_int_equal(len, 77);
	assert_int_equal(read_frame(f, &ways[0], buffer, 88, &len), UPLINK_OK);
	assert_int_equal(len, 0);
}

static void a_frame_that_fits_exactly_is_read_and_one_byte_more_is_lost(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[200] = {0}, *buffer = malloc(60);
	size_t len;

	for (size_t w = 0; w < WAYS; w++)
		for (unsigned prefix = 0; prefix <= 12; prefix += 12) {
			open_wire(f, &ways[w], prefix);
			for (size_t n = 59; n <= 62; n++) {
				assert_true(wire_send(&f->wire, frame, n + prefix));
				assert_int_equal(read_frame(f, &ways[w], buffer, 60, &len),
						 n <= 60 ? UPLINK_OK : UPLINK_TOO_LONG);
				if (n <= 60)
					assert_int_equal(len, n);
			}
			assert_int_equal(read_frame(f, &ways[w], buffer, 60, &len), UPLINK_AGAIN);
		}
	free(buffer);
}

/* ---- a description that others share ---- */

/* Whatever they make of its flags. */
static void a_shared_one_never_waits(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[1514] = {0};
	size_t len;
	int n = 0;

	for (size_t w = 1; w < WAYS; w++) {
		open_wire(f, &ways[w], 0);
		assert_int_equal(fcntl(f->wire.device, F_GETFL) & O_NONBLOCK, 0);
		assert_int_equal(read_frame(f, &ways[w], buffer, 64, &len), UPLINK_AGAIN);
		while (write_frame(f, &ways[w], buffer, sizeof buffer) == UPLINK_OK)
			assert_true(++n < 10000);
		assert_int_equal(write_frame(f, &ways[w], buffer, 14), UPLINK_AGAIN);
		assert_int_equal(fcntl(f->wire.device, F_GETFL) & O_NONBLOCK, 0);
	}
}

static void it_is_asked_first_only_where_the_kernel_is_old(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len;

	for (size_t w = 0; w < WAYS; w++) {
		open_wire(f, &ways[w], 0);
		assert_true(wire_send(&f->wire, frame, 60));
		assert_int_equal(read_frame(f, &ways[w], frame, 60, &len), UPLINK_OK);
		assert_int_equal(write_frame(f, &ways[w], frame, 60), UPLINK_OK);
		assert_int_equal(host.nowaits, ways[w].shared && !host.old ? 2 : 0);
		assert_int_equal(host.polls, ways[w].shared && host.old ? 2 : 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_failure_to_read_has_its_meaning),
		TEST(each_failure_to_write_has_its_meaning),
		TEST(what_is_written_in_part_is_an_error),
		TEST(what_is_in_front_is_written_as_zeros),
		TEST(what_is_in_front_is_not_read),
		TEST(a_frame_shorter_than_what_is_in_front_is_none),
		TEST(a_frame_that_fits_exactly_is_read_and_one_byte_more_is_lost),
		TEST(a_shared_one_never_waits),
		TEST(it_is_asked_first_only_where_the_kernel_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
