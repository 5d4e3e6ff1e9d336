/* SPDX-License-Identifier: ISC */
/* test_pipe_linux.c: frames as packets of a FIFO, by a description that nobody shares. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../../monitor/net/uplink.h"
#include "wire.h"
#include "expect.h"

static unsigned seen, fail_at;
static int read_error, write_error;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_readv(int fd, const struct iovec *parts, int n);
ssize_t __wrap_readv(int fd, const struct iovec *parts, int n);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool fails(void)
{
	errno = EACCES;
	return ++seen == fail_at;
}

int __wrap_open(const char *path, int flags, ...)
{
	return fails() ? -1 : __real_open(path, flags);
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int n)
{
	errno = read_error;
	return read_error != 0 ? -1 : __real_readv(fd, parts, n);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	errno = write_error;
	return write_error != 0 ? -1 : __real_write(fd, bytes, len);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

struct fixture {
	struct uplink *uplink;
	struct husk_error e;
	int given;
	char where[16];
	int files;
};

static int open_it(struct fixture *f, bool look)
{
	const struct uplink_request rq = {.where = f->where, .look = look};

	return uplink_open(&f->uplink, &rq, &f->e);
}

static int set_up(void **state)
{
	static struct fixture f;
	char name[] = "/tmp/test_pipe.XXXXXX", path[40];

	memset(&f, 0, sizeof f);
	seen = fail_at = 0;
	read_error = write_error = 0;
	if (mkdtemp(name) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/fifo", name);
	mkfifo(path, 0600);
	f.given = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	rmdir(name);
	if (fcntl(f.given, F_SETFL, O_DIRECT) != 0)
		return -1;
	snprintf(f.where, sizeof f.where, "@%d", f.given);
	f.files = open_descriptors();
	*state = &f;
	return open_it(&f, false);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	bool all;

	uplink_close(f->uplink);
	all = open_descriptors() == f->files;
	close(f->given);
	return all ? 0 : -1;
}

static enum uplink_result read_frame(struct fixture *f, void *buffer, size_t room, size_t *len)
{
	return f->uplink->ops->read(f->uplink, (struct iovec){buffer, room}, len);
}

static enum uplink_result write_frame(struct fixture *f, void *frame, size_t len)
{
	return f->uplink->ops->write(f->uplink, (struct iovec){frame, len});
}

/* Whatever becomes of the flags of the description that was given. */
static void one_frame_is_one_packet(void **state)
{
	static const int flags[] = {O_DIRECT, O_DIRECT | O_NONBLOCK, 0, O_NONBLOCK};
	struct fixture *f = *state;
	uint8_t frame[PIPE_BUF + 1];
	size_t len = 0;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		assert_int_equal(fcntl(f->given, F_SETFL, flags[i]), 0);
		for (uint32_t n = 1; n <= 3; n++) {
			wire_fill(frame, 500 * n, n);
			assert_int_equal(write_frame(f, frame, 500 * n), UPLINK_OK);
		}
		for (uint32_t n = 1; n <= 3; n++) {
			assert_int_equal(read_frame(f, frame, sizeof frame, &len), UPLINK_OK);
			assert_int_equal(len, 500 * n);
			assert_true(wire_matches(frame, len, n));
		}
		assert_int_equal(read_frame(f, frame, sizeof frame, &len), UPLINK_AGAIN);
	}
	assert_int_equal(write_frame(f, frame, PIPE_BUF + 1), UPLINK_ERROR);
	assert_int_equal(write_frame(f, frame, PIPE_BUF), UPLINK_OK);
	assert_int_equal(read_frame(f, frame, PIPE_BUF - 1, &len), UPLINK_TOO_LONG);
	assert_int_equal(f->uplink->mtu, 0);
	assert_int_equal(f->uplink->mtu_max, PIPE_BUF - 22);
}

static void a_full_pipe_takes_no_frame(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[1514] = {0};
	int n = 0;

	while (write_frame(f, frame, sizeof frame) == UPLINK_OK)
		assert_true(++n < 10000);
	assert_int_equal(write_frame(f, frame, sizeof frame), UPLINK_AGAIN);
}

static void each_failure_has_its_meaning(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len;

	read_error = write_error = EINTR;
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_DOWN);
	assert_int_equal(write_frame(f, frame, 60), UPLINK_DOWN);
	read_error = write_error = EIO;
	assert_int_equal(read_frame(f, frame, 60, &len), UPLINK_ERROR);
	assert_int_equal(write_frame(f, frame, 60), UPLINK_ERROR);
}

static void whatever_fails_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;

	for (int look = 0; look <= 1; look++)
		for (fail_at = 1; fail_at <= 2; fail_at++) {
			uplink_close(f->uplink);
			seen = 0;
			assert_int_equal(open_it(f, look == 1), -1);
			assert_int_equal(f->e.kind, HUSK_E_HOST);
			assert_null(f->uplink);
			assert_int_equal(open_descriptors(), f->files);
		}
	assert_non_null(strstr(f->e.message, "/proc/self/fd/"));
	assert_non_null(strstr(f->e.message, "so that nobody shares its flags"));
	seen = fail_at = 0;
	assert_int_equal(open_it(f, true), 0);
	assert_int_equal(open_descriptors(), f->files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_frame_is_one_packet),
		TEST(a_full_pipe_takes_no_frame),
		TEST(each_failure_has_its_meaning),
		TEST(whatever_fails_leaves_nothing_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
