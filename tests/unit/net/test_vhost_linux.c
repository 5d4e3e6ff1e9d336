/* SPDX-License-Identifier: ISC */
/* test_vhost_linux.c: what vhost is asked, in which order, and what is left when it refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../include/hvt_abi.h"
#include "../../../monitor/net/vhost.h"
#include "expect.h"

#define ALL_FEATURES 0x1033d008000ull	/* of Linux 6.12 */
#define TAP 77				/* never used */
#define SIZE 16u

/* A kernel with vhost: /dev/null is its device. The n-th call fails, 0: none. */
static struct {
	unsigned seen, fail_at;
	int error;
	uint64_t features, taken;
	bool owned;
	unsigned regions;
	uint64_t first_gpa;
	int backend[NET_QUEUES];
	struct vhost_vring_addr addr[NET_QUEUES];
	unsigned num[NET_QUEUES], base[NET_QUEUES];
	int kick[NET_QUEUES], call[NET_QUEUES], err[NET_QUEUES];
	char opened[64];
} host;

static bool fails(void)
{
	if (++host.seen != host.fail_at)
		return false;
	errno = host.error;
	return true;
}

static uint8_t ram[1 << 21] __attribute__((aligned(4096)));
static struct memory m;
static struct vhost v;
static struct husk_error e;
static int files, tap;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int fd, int what, int other, struct epoll_event *ev);
int __wrap_epoll_ctl(int fd, int what, int other, struct epoll_event *ev);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char *path, int flags, ...)
{
	snprintf(host.opened, sizeof host.opened, "%s", path);
	return fails() ? -1 : __real_open("/dev/null", flags);
}

int __wrap_eventfd(unsigned value, int flags)
{
	return fails() ? -1 : __real_eventfd(value, flags);
}

int __wrap_epoll_create1(int flags)
{
	return fails() ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int fd, int what, int other, struct epoll_event *ev)
{
	return fails() ? -1 : __real_epoll_ctl(fd, what, other, ev);
}

static int set_memory(const struct vhost_memory *table)
{
	host.regions = table->nregions;
	host.first_gpa = table->regions[0].guest_phys_addr;
	assert_true(table->regions[0].userspace_addr == (uintptr_t)ram + host.first_gpa);
	return 0;
}

static int set_file(unsigned long request, const struct vhost_vring_file *f)
{
	assert_true(host.owned && f->index < NET_QUEUES);
	if (request == VHOST_NET_SET_BACKEND)
		host.backend[f->index] = f->fd;
	else
		*(request == VHOST_SET_VRING_KICK ? &host.kick[f->index] :
		  request == VHOST_SET_VRING_CALL ? &host.call[f->index] : &host.err[f->index]) = f->fd;
	return 0;
}

/* Linux drivers/vhost/vhost.c: of a queue that is served nothing can be changed. */
static int change(unsigned index)
{
	assert_true(host.owned && index < NET_QUEUES);
	assert_int_equal(host.backend[index], -1);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct vhost_vring_state *state;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_int_equal(fd, v.fd);
	if (fails())
		return -1;
	state = arg;
	switch (request) {
	case VHOST_GET_FEATURES:
		memcpy(arg, &host.features, sizeof host.features);
		return 0;
	case VHOST_SET_OWNER:
		host.owned = true;
		return 0;
	case VHOST_RESET_OWNER:
		host.owned = false;
		return 0;
	case VHOST_SET_FEATURES:
		memcpy(&host.taken, arg, sizeof host.taken);
		return 0;
	case VHOST_SET_MEM_TABLE:
		return set_memory(arg);
	case VHOST_SET_VRING_NUM:
		host.num[state->index] = state->num;
		return change(state->index);
	case VHOST_SET_VRING_BASE:
		host.base[state->index] = state->num;
		return change(state->index);
	case VHOST_GET_VRING_BASE:
		state->num = host.base[state->index];
		return 0;
	case VHOST_SET_VRING_ADDR:
		memcpy(&host.addr[state->index], arg, sizeof host.addr[0]);
		return change(state->index);
	}
	return set_file(request, arg);
}

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	host.features = ALL_FEATURES;
	host.error = EIO;
	host.backend[0] = host.backend[1] = -1;
	memory_init(&m, ram, sizeof ram);
	m.host_page = 4096;
	v = (struct vhost)VHOST_CLOSED;
	files = open_descriptors();
	tap = __real_eventfd(0, EFD_NONBLOCK);
	return memory_declare(&m, 0, HVT_GUEST_MIN_BASE - 1, MEMORY_R, "low memory", &e);
}

static int tear_down(void **state)
{
	(void)state;
	vhost_close(&v);
	vhost_close(&v);
	close(tap);
	return open_descriptors() == files ? 0 : -1;
}

static int begin(unsigned header)
{
	return vhost_open(&v, "/dev/vhost-net", &e) == -1 ? -1 : vhost_begin(&v, &m, tap, header, &e);
}

static void assert_says(const char *text)
{
	if (strstr(e.message, text) == NULL)
		fail_msg("`%s' is not in `%s'", text, e.message);
}

/* ---- opening ---- */

static void what_lacks_a_feature_is_refused(void **state)
{
	static const unsigned needed[] = {15, 27, 29, 32};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		host.features = ALL_FEATURES & ~(1ull << needed[i]);
		assert_int_equal(vhost_open(&v, "/dev/vhost-net", &e), -1);
		assert_says("leave --net-vhost out");
		assert_int_equal(v.fd, -1);
	}
}

static void what_is_no_vhost_is_refused(void **state)
{
	(void)state;
	host.fail_at = 2;
	host.error = ENOTTY;
	assert_int_equal(vhost_open(&v, "/dev/zero", &e), -1);
	assert_says("/dev/zero is not a vhost-net device");
	assert_says("give /dev/vhost-net");
}

static void what_cannot_be_opened_is_told_with_the_remedy(void **state)
{
	static const struct {
		int error;
		const char *remedy;
	} cases[] = {{ENOENT, "modprobe vhost_net"}, {EACCES, "chgrp kvm /dev/vhost-net"}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		host.seen = 0;
		host.fail_at = 1;
		host.error = cases[i].error;
		assert_int_equal(vhost_open(&v, "/dev/vhost-net", &e), -1);
		assert_says(cases[i].remedy);
	}
}

static void a_descriptor_is_duplicated(void **state)
{
	const int given = __real_open("/dev/null", O_RDWR);
	char word[32];

	(void)state;
	snprintf(word, sizeof word, "@%d", given);
	assert_int_equal(vhost_open(&v, word, &e), 0);
	assert_true(v.fd != given);
	vhost_close(&v);
	assert_int_equal(close(given), 0);
	assert_int_equal(vhost_open(&v, word, &e), -1);
	assert_says("what starts this program must open it");
	assert_int_equal(vhost_open(&v, "@x", &e), -1);
	assert_int_equal(host.opened[0], '\0');
}

/* A regular file, a pipe. */
static void a_descriptor_of_something_else_is_refused(void **state)
{
	int ends[2];
	char word[32];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(word, sizeof word, "@%d", ends[0]);
	assert_int_equal(vhost_open(&v, word, &e), -1);
	assert_says("is not a vhost-net device");
	close(ends[0]);
	close(ends[1]);
}

/* ---- beginning ---- */

static void all_is_set_before_the_guest_runs(void **state)
{
	(void)state;
	assert_int_equal(begin(VHOST_HEADER), 0);
	assert_true(host.taken == (1ull << 15 | 1ull << 29 | 1ull << 32));
	assert_int_equal(host.regions, 1);
	assert_true(host.first_gpa == HVT_GUEST_MIN_BASE);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		assert_int_equal(host.kick[i], v.kick[i]);
		assert_int_equal(host.call[i], v.call);
		assert_int_equal(host.err[i], v.broken[i]);
		assert_int_equal(host.backend[i], -1);
	}
}

static void without_a_header_vhost_keeps_it_to_itself(void **state)
{
	(void)state;
	assert_int_equal(begin(0), 0);
	assert_true(host.taken == (1ull << 15 | 1ull << 27 | 1ull << 29 | 1ull << 32));
}

static void one_that_is_in_use_is_told(void **state)
{
	(void)state;
	host.fail_at = 3;
	host.error = EBUSY;
	assert_int_equal(begin(0), -1);
	assert_says("VHOST_SET_OWNER");
	assert_says("opened for this run");
}

static void every_call_may_fail(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(begin(0), 0);
	n = host.seen;
	vhost_close(&v);
	assert_false(host.owned);
	assert_in_range(n, 20, 60);
	for (unsigned i = 1; i <= n; i++) {
		host.seen = 0;
		host.fail_at = i;
		host.backend[0] = host.backend[1] = -1;
		e.message[0] = '\0';
		/* What ends the trial is not looked at: it can do no harm. */
		if (begin(0) == 0)
			assert_in_range(i, n - 6, n);
		else
			assert_says("vhost");
		vhost_close(&v);
		assert_false(host.owned);
		assert_int_equal(open_descriptors(), files + 1);
	}
}

/* ---- queues ---- */

static void a_queue_is_set_and_served(void **state)
{
	static uint64_t memory[1024];
	const struct virtqueue q = {
		.memory = &m, .size = SIZE, .desc = (void *)memory, .avail = (void *)(memory + 256),
		.used = (void *)(memory + 512),
	};

	(void)state;
	assert_int_equal(begin(0), 0);
	assert_int_equal(vhost_set_queue(&v, 1, &q, 5, &e), 0);
	assert_int_equal(host.num[1], SIZE);
	assert_int_equal(host.base[1], 5);
	assert_true(host.addr[1].desc_user_addr == (uintptr_t)q.desc);
	assert_true(host.addr[1].avail_user_addr == (uintptr_t)q.avail);
	assert_true(host.addr[1].used_user_addr == (uintptr_t)q.used);
	assert_int_equal(vhost_connect(&v, 1, TAP, &e), 0);
	assert_int_equal(host.backend[1], TAP);
	host.base[1] = 9;
	assert_int_equal(vhost_disconnect(&v, 1), 9);
	assert_int_equal(host.backend[1], -1);
}

static void signal_event(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof one), (int)sizeof one);
}

static void what_is_waited_for_is_seen(void **state)
{
	(void)state;
	assert_int_equal(begin(0), 0);
	assert_int_equal(vhost_look(&v), 0);
	signal_event(v.call);
	assert_int_equal(vhost_look(&v), VHOST_CALLED);
	assert_int_equal(vhost_look(&v), 0);
	signal_event(tap);
	assert_int_equal(vhost_look(&v), VHOST_FRAMES);
	vhost_watch_frames(&v, false);
	assert_int_equal(vhost_look(&v), 0);
	vhost_watch_frames(&v, true);
	assert_int_equal(vhost_look(&v), VHOST_FRAMES);
	vhost_watch_frames(&v, false);
	signal_event(v.broken[1]);
	assert_int_equal(vhost_look(&v), VHOST_BROKEN << 1);
	signal_event(v.broken[0]);
	assert_int_equal(vhost_look(&v), VHOST_BROKEN | VHOST_BROKEN << 1);
}

static void the_sandbox_keeps_what_is_needed(void **state)
{
	struct sandbox s;

	(void)state;
	assert_int_equal(begin(0), 0);
	sandbox_init(&s);
	vhost_confine(&v, 1, &s);
	assert_int_equal(s.calls, SANDBOX_VHOSTS);
	assert_true(s.values[SANDBOX_VHOST_2] == (uint64_t)v.fd);
	assert_true(s.values[SANDBOX_VHOST] == UINT32_MAX);
	assert_int_equal(s.n_keep, 3 + 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lacks_a_feature_is_refused),
		TEST(what_is_no_vhost_is_refused),
		TEST(what_cannot_be_opened_is_told_with_the_remedy),
		TEST(a_descriptor_is_duplicated),
		TEST(a_descriptor_of_something_else_is_refused),
		TEST(all_is_set_before_the_guest_runs),
		TEST(without_a_header_vhost_keeps_it_to_itself),
		TEST(one_that_is_in_use_is_told),
		TEST(every_call_may_fail),
		TEST(a_queue_is_set_and_served),
		TEST(what_is_waited_for_is_seen),
		TEST(the_sandbox_keeps_what_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
