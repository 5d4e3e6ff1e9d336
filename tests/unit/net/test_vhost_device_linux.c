/* SPDX-License-Identifier: ISC */
/* test_vhost_device_linux.c: devices that vhost serves, from their option to their end, with a kernel that fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../../../bindings/virtqueue.h"
#include "../../../include/net_abi.h"
#include "../../../monitor/net/processors.h"
#include "../../../monitor/net/uplink.h"
#include "rig.h"
#include "expect.h"

extern const struct module module_net;

#define DEVICES 5u
#define SIZE 64u			/* entries */
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define QUEUES (HVT_GUEST_MIN_BASE + 0x1000u)
#define QUEUE_STEP 0x1000u
#define FRAME (HVT_GUEST_MIN_BASE + 0x8000u)
#define BUFFERS (HVT_GUEST_MIN_BASE + 0x10000u)
#define STEP 2048u			/* from one buffer to the next */
#define LEN 60u
#define HEADER ((uint32_t)sizeof(struct net_header))
#define ALL_FEATURES 0x1033d008000ull	/* of Linux 6.12 */
#define VHOST "--net-vhost=/dev/vhost-net"
#define RETRY_NS 300000000u		/* more than NETDEV_RETRY_NS */
#define OWN_CALLS 200u			/* more than a life has */

/* ---- a kernel with vhost: /dev/null is its device, and one side of a pipe a tap ---- */

struct served {
	unsigned num;
	struct vhost_vring_addr addr;
	struct virtqueue q;		/* memory is NULL: there is no backend */
	uint16_t base;
	int kick, call, err;
};

static struct {
	unsigned seen, fail_at;		/* calls that may fail, and the one that does; 0: none */
	unsigned owners, files;		/* of all the devices of its own that are open */
	int fd;				/* the one whose queues are served: the first */
	struct served queues[NET_QUEUES];
	bool stuck;			/* no worker gets on */
	unsigned sent, lost;		/* frames by the queue; without an interface */
	unsigned received;
	uint64_t ns;			/* its clock; atomic */
	unsigned yields, stop_at;	/* of the vcpu's thread; the one in which the machine is stopped */

	/* The interface of the first device. */
	int ends[2];
	bool tap, there, wrong_header;
	unsigned waiting;		/* frames for who reads */
	unsigned written, reattached;	/* by the uplink */
	unsigned order;			/* frames by the queue, when the first was written by the uplink */
} host;

static struct {
	struct rig rig;
	char words[8][64];
	unsigned n_words;
	struct virtq q[NET_QUEUES];
	unsigned posted;
	int files;
	pthread_t own;
} f;

static bool fails(void)
{
	if (++host.seen != host.fail_at)
		return false;
	errno = EIO;
	return true;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int fd, int what, int other, struct epoll_event *ev);
int __wrap_epoll_ctl(int fd, int what, int other, struct epoll_event *ev);
int __wrap_ioctl(int fd, unsigned long request, ...);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_sched_yield(void);
int __wrap_sched_yield(void);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
bool __wrap_processors_only_one(void);
int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/vhost-net") != 0)
		return __real_open(path, flags);
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

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

bool __wrap_processors_only_one(void)
{
	return true;
}

/* A clock that goes on by a millisecond whenever it is looked at. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	const uint64_t now = __atomic_add_fetch(&host.ns, 1000000, __ATOMIC_RELAXED);

	(void)clock;
	ts->tv_sec = (time_t)(now / 1000000000u);
	ts->tv_nsec = (long)(now % 1000000000u);
	return 0;
}

/* Of a queue that is served nothing can be changed: Linux drivers/vhost/vhost.c. */
static struct served *change(unsigned index)
{
	assert_true(host.owners > 0 && index < NET_QUEUES);
	assert_null(host.queues[index].q.memory);
	return &host.queues[index];
}

static void connect(const struct vhost_vring_file *file)
{
	struct served *s = &host.queues[file->index];
	const struct virtq_used *used = (void *)(uintptr_t)s->addr.used_user_addr;

	if (s->q.memory != NULL)
		s->base = s->q.next_avail;
	s->q.memory = NULL;
	if (file->fd == -1)
		return;
	assert_true(fcntl(file->fd, F_GETFD) >= 0);
	s->q = (struct virtqueue){
		.memory = &f.rig.core.memory, .what = "vhost", .size = (uint16_t)s->num,
		.desc = (void *)(uintptr_t)s->addr.desc_user_addr,
		.avail = (void *)(uintptr_t)s->addr.avail_user_addr,
		.used = (void *)(uintptr_t)s->addr.used_user_addr,
		.next_avail = s->base, .next_used = used->idx, .published = used->idx,
	};
}

static int serve_request(unsigned long request, void *arg)
{
	const struct vhost_vring_file *file = arg;
	struct vhost_vring_state *state = arg;

	switch (request) {
	case VHOST_SET_VRING_NUM:
		change(state->index)->num = state->num;
		return 0;
	case VHOST_SET_VRING_BASE:
		change(state->index)->base = (uint16_t)state->num;
		return 0;
	case VHOST_GET_VRING_BASE:
		state->num = host.queues[state->index].base;
		return 0;
	case VHOST_SET_VRING_ADDR:
		memcpy(&change(state->index)->addr, arg, sizeof host.queues[0].addr);
		return 0;
	case VHOST_SET_VRING_KICK:
		host.queues[file->index].kick = file->fd;
		return 0;
	case VHOST_SET_VRING_CALL:
		host.queues[file->index].call = file->fd;
		return 0;
	case VHOST_SET_VRING_ERR:
		host.queues[file->index].err = file->fd;
		return 0;
	}
	assert_true(request == VHOST_NET_SET_BACKEND);
	connect(file);
	return 0;
}

/* What ends something does not fail. */
static bool may_fail(unsigned long request, const void *arg)
{
	const struct vhost_vring_file *file = arg;

	return request != VHOST_RESET_OWNER && request != VHOST_GET_VRING_BASE &&
	       !(request == VHOST_NET_SET_BACKEND && file->fd == -1);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (may_fail(request, arg) && fails())
		return -1;
	switch (request) {
	case VHOST_GET_FEATURES:
		*(uint64_t *)arg = ALL_FEATURES;
		return 0;
	case VHOST_SET_OWNER:
		host.owners++;
		if (host.fd == -1)
			host.fd = fd;
		return 0;
	case VHOST_RESET_OWNER:
		host.owners--;
		if (host.fd == fd)
			memset(host.queues, 0, sizeof host.queues);
		return 0;
	case VHOST_SET_FEATURES:
	case VHOST_SET_MEM_TABLE:
		return 0;
	}
	return fd == host.fd ? serve_request(request, arg) : 0;
}

static void signal_event(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof one), (int)sizeof one);
}

static bool next_chain(struct served *s, struct virtqueue_chain *c, struct iovec *iov)
{
	struct husk_error e;
	const int n = virtqueue_pop(&s->q, c, 1, iov, VIRTQ_SIZE_MAX, &e);

	if (n == -1)
		signal_event(s->err);
	return n == 1;
}

/* Linux drivers/vhost/net.c, vhost_tx_batch: what cannot be sent is an error of the queue, and not given back. */
static void serve_tx(struct served *s)
{
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;

	while (next_chain(s, &c, iov)) {
		if (!host.there) {
			host.lost++;
			signal_event(s->err);
			return;
		}
		host.sent++;
		virtqueue_push(&s->q, c.head, 0);
	}
}

static void serve_rx(struct served *s)
{
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	char byte;

	while (host.there && host.waiting > 0 && next_chain(s, &c, iov)) {
		assert_int_equal(read(host.ends[0], &byte, 1), 1);
		host.waiting--;
		host.received++;
		virtqueue_push(&s->q, c.head, HEADER + LEN);
	}
}

/* All that the workers do, if they were kicked. */
static void workers_run(void)
{
	for (unsigned i = 0; i < NET_QUEUES && !host.stuck; i++) {
		struct served *s = &host.queues[i];
		uint64_t count;

		if (s->q.memory == NULL || (read(s->kick, &count, sizeof count) == -1 && i == NET_QUEUE_TX))
			continue;
		(i == NET_QUEUE_TX ? serve_tx : serve_rx)(s);
		if (virtqueue_publish(&s->q))
			signal_event(s->call);
		(void)virtqueue_arm(&s->q);
	}
}

/* Where the vcpu's thread waits for the workers; elsewhere the two threads here wait for each other. */
int __wrap_sched_yield(void)
{
	if (pthread_equal(pthread_self(), f.own) || __atomic_load_n(&f.rig.core.hv->idle, __ATOMIC_ACQUIRE))
		return __real_sched_yield();
	host.yields++;
	if (host.yields == host.stop_at)
		core_stop(&f.rig.core, 1);
	workers_run();
	return 0;
}

/* ---- its interface ---- */

static enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	char byte;

	if (!host.there)
		return UPLINK_GONE;
	if (host.waiting == 0)
		return UPLINK_AGAIN;
	assert_int_equal(read(u->fd, &byte, 1), 1);
	host.waiting--;
	memset(buffer.iov_base, 'r', LEN);
	*len = LEN;
	return UPLINK_OK;
}

static enum uplink_result tap_write(struct uplink *u, struct iovec frame)
{
	(void)u, (void)frame;
	if (!host.there)
		return UPLINK_GONE;
	if (host.written++ == 0)
		host.order = host.sent;
	return UPLINK_OK;
}

static void make_pipe(int fd)
{
	assert_int_equal(pipe(host.ends), 0);
	if (fd != -1) {
		assert_int_equal(dup2(host.ends[0], fd), fd);
		close(host.ends[0]);
		host.ends[0] = fd;
	}
}

/* One that is attached stays so. */
static int tap_reattach(struct uplink *u)
{
	if (fails() || !host.there)
		return -1;
	if (host.ends[1] == -1)
		make_pipe(u->fd);
	host.reattached++;
	return 0;
}

static int tap_header(const struct uplink *u)
{
	(void)u;
	return host.wrong_header ? 10 : 12;
}

static void tap_close(struct uplink *u)
{
	close(u->fd);
	free(u);
}

int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = tap_read, .write = tap_write, .reattach = tap_reattach,
		.vhost_header = tap_header, .close = tap_close,
	};

	if (fails())
		return husk_fail_sys(e, EIO, "%s", rq->where);
	*u = malloc(sizeof **u);
	**u = (struct uplink){.ops = &ops, .fd = __real_eventfd(0, 0), .mtu = 1500, .tap = host.tap};
	if (strcmp(rq->where, "tap0") == 0) {
		make_pipe((*u)->fd);
		host.there = true;
	}
	return 0;
}

/* Linux drivers/net/tun.c, tun_detach_all: who polls it sees an error. */
static void interface_goes(void)
{
	close(host.ends[1]);
	host.ends[1] = -1;
	host.there = false;
	host.waiting = 0;
}

/* It can be attached to again, and it is time to try. */
static void interface_returns(void)
{
	host.there = true;
	__atomic_add_fetch(&host.ns, RETRY_NS, __ATOMIC_RELAXED);
}

static void frame_comes(void)
{
	assert_int_equal(write(host.ends[1], "f", 1), 1);
	host.waiting++;
}

/* ---- a guest ---- */

static int option(const char *word)
{
	char *copy = f.words[f.n_words++];

	snprintf(copy, sizeof f.words[0], "%s", word);
	return rig_option(&f.rig, &module_net, copy);
}

static int set_up_devices(unsigned n)
{
	char word[64];

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.fd = host.ends[0] = host.ends[1] = -1;
	host.tap = true;
	f.files = open_descriptors();
	f.own = pthread_self();
	if (rig_make(&f.rig, RIG_MEMORY) == -1)
		return -1;
	f.rig.core.wanted = HUSK_FEATURE_NET;
	f.rig.core.memory.host_page = 4096;
	for (unsigned i = 0; i < n; i++) {
		snprintf(word, sizeof word, "service%u", i);
		rig_device(&f.rig, word, MFT_DEV_NET_BASIC);
		snprintf(word, sizeof word, "--net:service%u=tap%u", i, i);
		if (option(word) == -1)
			return -1;
	}
	return rig_attach(&f.rig, &module_core);
}

static int set_up(void **state)
{
	(void)state;
	return set_up_devices(1);
}

static int set_up_many(void **state)
{
	(void)state;
	return set_up_devices(DEVICES);
}

/* Nothing is left open, and no worker. */
static int tear_down(void **state)
{
	(void)state;
	rig_stop(&f.rig);
	while (f.rig.n_modules > 1) {
		f.rig.n_modules--;
		module_detach(f.rig.modules[f.rig.n_modules], f.rig.state[f.rig.n_modules], &f.rig.core, f.rig.mft);
		f.rig.modules[f.rig.n_modules]->close(f.rig.state[f.rig.n_modules]);
	}
	assert_int_equal(f.rig.core.hv->n_bells, 0);
	assert_int_equal(host.owners, 0);
	rig_free(&f.rig);
	if (host.ends[1] != -1)
		close(host.ends[1]);
	return open_descriptors() == f.files ? 0 : -1;
}

static int attach(void)
{
	if (rig_attach(&f.rig, &module_net) == -1)
		return -1;
	rig_live(&f.rig);
	return 0;
}

static bool has_failed(enum rig_end end)
{
	assert_true(end == RIG_RESUMED || end == RIG_FAILED);
	return end == RIG_FAILED;
}

/* -1: the run has ended. */
static int announce(unsigned index)
{
	const uint64_t at = QUEUES + index * QUEUE_STEP;
	struct virtq *q = &f.q[index];
	struct husk_queue rq = {.handle = 1, .index = index, .size = SIZE, .desc = at, .ret = 77};

	memset(rig_at(&f.rig, at), 0, QUEUE_STEP);
	virtq_init(q, SIZE, rig_at(&f.rig, at));
	rq.avail = at + (uint64_t)((uint8_t *)q->avail - (uint8_t *)q->desc);
	rq.used = at + (uint64_t)((uint8_t *)q->used - (uint8_t *)q->desc);
	for (unsigned i = 0; index == NET_QUEUE_RX && i < SIZE; i++) {
		const struct virtq_span span = {BUFFERS + i * STEP, STEP};

		assert_true(virtq_add(q, &span, 0, 1) >= 0);
	}
	(void)virtq_submit(q);
	(void)virtq_arm(q);
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	if (has_failed(rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG)))
		return -1;
	assert_int_equal(((struct husk_queue *)rig_at(&f.rig, ARG))->ret, HVT_OK);
	return 0;
}

static int take_back(void)
{
	const struct husk_queue rq = {.handle = 1};

	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	return has_failed(rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG)) ? -1 : 0;
}

/* The ready set, or -1. What the workers do is done before. */
static int guest_polls(void)
{
	const struct hvt_poll rq = {.timeout_nsecs = 0};

	workers_run();
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	if (has_failed(rig_call(&f.rig, HVT_HYPERCALL_POLL, ARG)))
		return -1;
	workers_run();
	return (int)((struct hvt_poll *)rig_at(&f.rig, ARG))->ready_set;
}

/* With a doorbell that is no exit, if one is wanted. */
static void guest_sends(unsigned n)
{
	const struct virtq_span span = {FRAME, HEADER + LEN};
	uint32_t written;

	while (virtq_take(&f.q[NET_QUEUE_TX], &written) >= 0)
		;
	while (n-- > 0)
		assert_true(virtq_add(&f.q[NET_QUEUE_TX], &span, 1, 0) >= 0);
	if (virtq_submit(&f.q[NET_QUEUE_TX]) && host.queues[NET_QUEUE_TX].kick > 0)
		signal_event(host.queues[NET_QUEUE_TX].kick);
}

static enum rig_end guest_calls(uint64_t nr)
{
	const struct hvt_net rq = {.handle = 1, .data = FRAME, .len = nr == HVT_HYPERCALL_NET_WRITE ? LEN : STEP};

	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	return rig_call(&f.rig, nr, ARG);
}

static unsigned frames_in(void)
{
	uint32_t written;
	unsigned n = 0;

	while (virtq_take(&f.q[NET_QUEUE_RX], &written) >= 0) {
		assert_int_equal(written, HEADER + LEN);
		n++;
	}
	(void)virtq_arm(&f.q[NET_QUEUE_RX]);
	return n;
}

static void set_up_guest(void)
{
	assert_int_equal(option(VHOST), 0);
	if (attach() == -1)
		fail_msg("%s", f.rig.e.message);
	assert_int_equal(announce(NET_QUEUE_RX), 0);
	assert_int_equal(announce(NET_QUEUE_TX), 0);
	workers_run();
}

/* ---- frames ---- */

static void frames_pass_by_the_kernel(void **state)
{
	(void)state;
	set_up_guest();
	assert_int_equal(f.rig.core.net_direct, 2);
	guest_sends(10);
	frame_comes();
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(host.sent, 10);
	assert_int_equal(frames_in(), 1);
	assert_int_equal(guest_polls(), 0);
	assert_int_equal(host.written, 0);
}

/* What was read before there was a queue. */
static void a_frame_that_was_read_ahead_is_the_first(void **state)
{
	(void)state;
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), 0);
	frame_comes();
	assert_int_equal(guest_polls(), 2);
	frame_comes();
	assert_int_equal(announce(NET_QUEUE_RX), 0);
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(frames_in(), 2);
	assert_int_equal(host.received, 0);
	frame_comes();
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(frames_in(), 1);
	assert_int_equal(host.received, 1);
}

static void a_guest_that_polls_needs_no_doorbell(void **state)
{
	const struct virtq_span span = {FRAME, HEADER + LEN};

	(void)state;
	set_up_guest();
	assert_true(virtq_add(&f.q[NET_QUEUE_TX], &span, 1, 0) >= 0);
	assert_true(virtq_submit(&f.q[NET_QUEUE_TX]));
	workers_run();
	assert_int_equal(host.sent, 0);
	assert_int_equal(guest_polls(), 0);
	assert_int_equal(host.sent, 1);
}

static void a_frame_by_a_call_is_behind_those_of_the_queue(void **state)
{
	(void)state;
	set_up_guest();
	guest_sends(5);
	assert_int_equal(host.sent, 0);
	assert_int_equal(guest_calls(HVT_HYPERCALL_NET_WRITE), RIG_RESUMED);
	assert_int_equal(host.order, 5);
	assert_int_equal(host.written, 1);
}

static void a_stop_ends_the_wait_for_a_worker(void **state)
{
	(void)state;
	set_up_guest();
	host.stuck = true;
	host.stop_at = 50;
	guest_sends(1);
	assert_int_equal(guest_calls(HVT_HYPERCALL_NET_WRITE), RIG_STOPPED);
	assert_int_equal(host.written, 0);
	assert_null(host.queues[0].q.memory);
	assert_null(host.queues[1].q.memory);
}

static void what_was_sent_last_leaves_before_the_machine_stands_still(void **state)
{
	(void)state;
	set_up_guest();
	guest_sends(7);
	rig_stop(&f.rig);
	assert_int_equal(host.sent, 7);
	assert_null(host.queues[0].q.memory);
	assert_null(host.queues[1].q.memory);
	rig_live(&f.rig);
	guest_sends(1);
	assert_true(guest_polls() >= 0);
	assert_int_equal(host.sent, 8);
}

/* ---- errors ---- */

static void a_broken_queue_is_the_guests_fault(void **state)
{
	(void)state;
	set_up_guest();
	f.q[NET_QUEUE_TX].avail->idx = SIZE + 7;
	signal_event(host.queues[NET_QUEUE_TX].kick);
	workers_run();
	assert_int_equal(guest_polls(), -1);
	assert_error(&f.rig.e, HUSK_E_GUEST, "network device service0, TX queue: network queue broken");
}

/* ---- the interface ---- */

static void an_interface_that_goes_costs_frames(void **state)
{
	(void)state;
	set_up_guest();
	interface_goes();
	guest_sends(3);
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(host.lost, 1);
	guest_sends(2);
	assert_true(guest_polls() >= 0);
	assert_false(virtq_has(&f.q[NET_QUEUE_TX]) && f.q[NET_QUEUE_TX].n_free == 0);
	interface_returns();
	assert_true(guest_polls() >= 0);
	assert_int_equal(host.reattached, 1);
	guest_sends(4);
	frame_comes();
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(host.sent, 4);
	assert_int_equal(frames_in(), 1);
}

/* After the interface was attached again for the nth time, a frame passes each way. */
static void goes_on(unsigned n)
{
	assert_true(guest_polls() >= 0);
	assert_int_equal(host.reattached, n);
	guest_sends(1);
	frame_comes();
	assert_int_equal(guest_polls(), 2);
	assert_int_equal(host.sent, n);
	assert_int_equal(frames_in(), 1);
}

/* Who polls it has not been told then. */
static void one_that_a_call_finds_gone_is_attached_again(void **state)
{
	static const uint64_t calls[] = {HVT_HYPERCALL_NET_WRITE, HVT_HYPERCALL_NET_READ};

	(void)state;
	set_up_guest();
	for (unsigned i = 0; i < 2; i++) {
		interface_goes();
		assert_int_equal(guest_calls(calls[i]), RIG_RESUMED);
		guest_sends(2);
		assert_true(guest_polls() >= 0);
		interface_returns();
		goes_on(i + 1);
	}
}

/* What the kernel holds for broken was the interface. */
static void one_that_calls_find_gone_and_back_breaks_no_queue(void **state)
{
	static const uint64_t calls[] = {HVT_HYPERCALL_NET_WRITE, HVT_HYPERCALL_NET_READ};

	(void)state;
	set_up_guest();
	for (unsigned i = 0; i < 2; i++) {
		interface_goes();
		assert_int_equal(guest_calls(calls[i]), RIG_RESUMED);
		guest_sends(2);
		workers_run();
		interface_returns();
		assert_int_equal(guest_calls(calls[i]), RIG_RESUMED);
		goes_on(i + 1);
	}
}

/* ---- where it cannot be had ---- */

static void the_fifth_device_is_refused(void **state)
{
	(void)state;
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "network device service4: vhost: it serves at most 4 devices");
}

static void with_auto_it_is_served_without(void **state)
{
	(void)state;
	assert_int_equal(option("--net-vhost=auto"), 0);
	assert_int_equal(attach(), 0);
	assert_int_equal(f.rig.core.net_direct, 0x1e);
	assert_int_equal(f.rig.core.hv->n_bells, 4 * NET_QUEUES);
}

static void a_descriptor_is_for_one_device(void **state)
{
	char word[64];
	const int given = __real_open("/dev/null", O_RDWR);

	(void)state;
	snprintf(word, sizeof word, "--net-vhost=@%d", given);
	assert_int_equal(option(word), 0);
	assert_int_equal(attach(), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "network device service1: vhost: @");
	close(given);
}

static void what_is_no_tap_is_refused(void **state)
{
	(void)state;
	host.tap = false;
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "network device service0: vhost: it is not attached to a tap");
}

static void another_header_is_refused(void **state)
{
	(void)state;
	host.wrong_header = true;
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "network device service0: vhost: the header of its tap");
}

static void an_image_without_queues_is_told(void **state)
{
	(void)state;
	f.rig.core.wanted = 0;
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), 0);
	assert_int_equal(f.rig.n_notices, 1);
	assert_non_null(strstr(f.rig.notices[0], "the image asks for no network queues"));
}

static void without_queues_there_is_nothing_to_serve(void **state)
{
	(void)state;
	assert_int_equal(option("--no-net-queues"), 0);
	assert_int_equal(option("--net-vhost=auto"), 0);
	assert_int_equal(attach(), 0);
	assert_true(f.rig.core.net_direct == 0);
	assert_int_equal(tear_down(state), 0);
	assert_int_equal(set_up(state), 0);
	assert_int_equal(option("--no-net-queues"), 0);
	assert_int_equal(option(VHOST), 0);
	assert_int_equal(attach(), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "--net-vhost=/dev/vhost-net: with --no-net-queues there are no queues");
}

/* As with vmm, and as with a backend whose doorbells ring for any value. */
static void without_doorbells_for_a_value_there_is_none(void **state)
{
	static const struct hv_doorbell_ops for_any_value;
	const struct hv_doorbell_ops *const lacking[] = {NULL, &for_any_value};

	for (unsigned i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
		struct hv_caps caps = *f.rig.core.caps;

		caps.doorbells = lacking[i];
		f.rig.core.caps = &caps;
		assert_int_equal(option(VHOST), 0);
		assert_int_equal(attach(), -1);
		assert_error(&f.rig.e, HUSK_E_HOST, "vhost: ");
		assert_non_null(strstr(f.rig.e.message, "has no doorbells without an exit"));
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		f.rig.core.caps = &caps;
		assert_int_equal(option("--net-vhost=auto"), 0);
		assert_int_equal(attach(), 0);
		assert_true(f.rig.core.net_direct == 0);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void values_are_looked_at(void **state)
{
	static const char *const good[] = {"auto", "off", "@3", "/dev/vhost-net", "./x"};

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		char word[64];

		f.n_words = 1;
		settings_free(&f.rig.settings);
		snprintf(word, sizeof word, "--net-vhost=%s", good[i]);
		assert_int_equal(option(word), 0);
	}
	assert_int_equal(option("--net-vhost=vhost-net"), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "none of auto, off");
}

/* ---- every call fails once ---- */

/* A life with everything in it; -1: it ended early. */
static int live(void)
{
	if (attach() == -1 || announce(NET_QUEUE_RX) == -1 || announce(NET_QUEUE_TX) == -1)
		return -1;
	guest_sends(3);
	frame_comes();
	if (guest_polls() == -1)
		return -1;
	interface_goes();
	guest_sends(1);
	if (guest_polls() == -1)
		return -1;
	interface_returns();
	if (guest_polls() == -1)
		return -1;
	rig_stop(&f.rig);
	rig_live(&f.rig);
	if (guest_polls() == -1 || take_back() == -1)
		return -1;
	return announce(NET_QUEUE_RX) == -1 || announce(NET_QUEUE_TX) == -1 ? -1 : 0;
}

/* One that goes on: the interface may have looked gone, and is there at the next try. */
static void assert_serves(void)
{
	const unsigned before = host.sent + host.written;

	for (unsigned i = 0; i < 3; i++) {
		__atomic_add_fetch(&host.ns, RETRY_NS, __ATOMIC_RELAXED);
		assert_true(guest_polls() >= 0);
	}
	guest_sends(1);
	assert_true(guest_polls() >= 0);
	assert_true(host.sent + host.written > before);
}

static int begin(const char *how, unsigned fail_at)
{
	assert_int_equal(set_up_devices(1), 0);
	assert_int_equal(option(how), 0);
	host.seen = 0;
	host.fail_at = fail_at;
	return live();
}

/* Returns how many did not end it. */
static unsigned each_fails(const char *how, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 1; i <= n; i++) {
		const int rc = begin(how, i);

		host.fail_at = 0;
		if (rc == 0)
			assert_serves();
		else if (strlen(f.rig.e.message) == 0)
			fail_msg("nothing is said of call %u", i);
		good += rc == 0;
		assert_int_equal(tear_down(NULL), 0);
	}
	return good;
}

/* With auto it is no failure that vhost cannot be had. */
static void whatever_fails_nothing_is_left(void **state)
{
	unsigned n, good;

	(void)state;
	if (begin(VHOST, 0) == -1)
		fail_msg("%s", f.rig.e.message);
	n = host.seen;
	assert_int_equal(tear_down(NULL), 0);
	assert_in_range(n, 40, OWN_CALLS);
	good = each_fails(VHOST, n);
	assert_in_range(each_fails("--net-vhost=auto", n), good + 25, n);
}

static void doorbells_may_fail(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= NET_QUEUES; i++) {
		hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_DOORBELL_ADD, .fail_at = i};
		assert_int_equal(begin(VHOST, 0), -1);
		assert_error(&f.rig.e, HUSK_E_HOST, "network device service0: ");
		assert_int_equal(tear_down(NULL), 0);
		hv_fake_faults.seen = 0;
		assert_int_equal(begin("--net-vhost=auto", 0), 0);
		assert_non_null(strstr(f.rig.notices[0], "its queues are served without"));
		assert_true(f.rig.core.net_direct == 0);
		assert_serves();
		assert_int_equal(tear_down(NULL), 0);
		hv_fake_faults = (struct hv_fake_faults){0};
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define TEST_MANY(f) cmocka_unit_test_setup_teardown(f, set_up_many, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_pass_by_the_kernel),
		TEST(a_frame_that_was_read_ahead_is_the_first),
		TEST(a_guest_that_polls_needs_no_doorbell),
		TEST(a_frame_by_a_call_is_behind_those_of_the_queue),
		TEST(a_stop_ends_the_wait_for_a_worker),
		TEST(what_was_sent_last_leaves_before_the_machine_stands_still),
		TEST(a_broken_queue_is_the_guests_fault),
		TEST(an_interface_that_goes_costs_frames),
		TEST(one_that_a_call_finds_gone_is_attached_again),
		TEST(one_that_calls_find_gone_and_back_breaks_no_queue),
		TEST_MANY(the_fifth_device_is_refused),
		TEST_MANY(with_auto_it_is_served_without),
		TEST_MANY(a_descriptor_is_for_one_device),
		TEST(what_is_no_tap_is_refused),
		TEST(another_header_is_refused),
		TEST(an_image_without_queues_is_told),
		TEST(without_queues_there_is_nothing_to_serve),
		TEST(without_doorbells_for_a_value_there_is_none),
		TEST(values_are_looked_at),
		cmocka_unit_test(whatever_fails_nothing_is_left),
		cmocka_unit_test(doorbells_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
