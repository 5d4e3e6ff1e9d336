/* SPDX-License-Identifier: ISC */
/* vhost_linux.c: vhost-net: its requests, and what is waited for. Linux uapi/linux/vhost.h. */
#include "vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vhost.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "vhost_table.h"

/* VIRTIO 1.2, 5.1.3, 2.7.10 and 6; VHOST_NET_F_VIRTIO_NET_HDR: vhost keeps the header to itself. */
#define FEATURE(bit) (UINT64_C(1) << (bit))
#define NEEDED (FEATURE(15) | FEATURE(29) | FEATURE(32))	/* MRG_RXBUF, EVENT_IDX, VERSION_1 */
#define OWN_HEADER FEATURE(VHOST_NET_F_VIRTIO_NET_HDR)

/* What the descriptors of watch are. */
enum watched { WATCH_CALL, WATCH_TAP, WATCH_BROKEN, WATCH_BROKEN_TX, WATCHED };

/* ---- opening ---- */

static int open_failed(const char *where, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "vhost: %s", where);
	switch (sys) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return husk_hint(e, "there is no driver, or it is not seen here; as root: modprobe vhost_net; "
				 "a container must be given the device; --net-vhost=auto does without");
	case EACCES:
	case EPERM:
		return husk_hint(e, "it must be open to this user; as root: chgrp kvm %s && chmod 660 %s; "
				 "--net-vhost=auto does without", where, where);
	case EBADF:
		return husk_hint(e, "it is not open; what starts this program must open it and leave it so");
	}
	return -1;
}

static int open_where(const char *where, struct husk_error *e)
{
	unsigned long long given;
	int fd;

	if (where[0] != '@') {
		fd = open(where, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	} else {
		if (option_number(where + 1, 0, INT_MAX, &given, e) == -1)
			return husk_wrap(e, "vhost: %s", where);
		fd = fcntl((int)given, F_DUPFD_CLOEXEC, 0);
	}
	return fd == -1 ? open_failed(where, errno, e) : fd;
}

/* vhost of other kinds has the same requests, and other features. */
static int check(int fd, const char *where, struct husk_error *e)
{
	uint64_t features = 0;
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISCHR(st.st_mode) ||
	    ioctl(fd, VHOST_GET_FEATURES, &features) == -1) {
		husk_fail(e, HUSK_E_USAGE, "vhost: %s is not a vhost-net device", where);
		return husk_hint(e, "give /dev/vhost-net, or a descriptor of that");
	}
	if ((features & (NEEDED | OWN_HEADER)) == (NEEDED | OWN_HEADER))
		return 0;
	husk_fail(e, HUSK_E_HOST, "vhost: %s has the features 0x%llx, and 0x%llx are needed", where,
		  (unsigned long long)features, (unsigned long long)(NEEDED | OWN_HEADER));
	return husk_hint(e, "it is not vhost-net's, or the kernel is too old; leave --net-vhost out");
}

int vhost_open(struct vhost *v, const char *where, struct husk_error *e)
{
	*v = (struct vhost)VHOST_CLOSED;
	v->fd = open_where(where, e);
	if (v->fd == -1)
		return -1;
	if (check(v->fd, where, e) == 0)
		return 0;
	vhost_close(v);
	return -1;
}

static void close_one(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void vhost_close(struct vhost *v)
{
	if (v->owned)
		(void)ioctl(v->fd, VHOST_RESET_OWNER);
	v->owned = false;
	close_one(&v->watch);
	close_one(&v->fd);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		close_one(&v->kick[i]);
		close_one(&v->broken[i]);
	}
	close_one(&v->call);
}

/* ---- beginning ---- */

static int failed(const char *request, struct husk_error *e)
{
	return husk_fail_sys(e, errno, "vhost: %s", request);
}

static int set_owner(struct vhost *v, struct husk_error *e)
{
	v->owned = ioctl(v->fd, VHOST_SET_OWNER) == 0;
	if (v->owned)
		return 0;
	failed("VHOST_SET_OWNER", e);
	if (e->sys == EBUSY)
		return husk_hint(e, "it is in use already: give a descriptor that was opened for this run");
	return husk_hint(e, "the kernel cannot make the worker: raise the limit of processes, RLIMIT_NPROC or "
			 "the cgroup's pids.max");
}

static int set_features(const struct vhost *v, unsigned header, struct husk_error *e)
{
	const uint64_t features = NEEDED | (header == 0 ? OWN_HEADER : 0);

	return ioctl(v->fd, VHOST_SET_FEATURES, &features) == -1 ? failed("VHOST_SET_FEATURES", e) : 0;
}

static int set_table(const struct vhost *v, const struct memory *m, const struct vhost_region *parts,
		     unsigned n, struct husk_error *e)
{
	struct vhost_memory *table = calloc(1, sizeof *table + n * sizeof table->regions[0]);
	int rc;

	if (table == NULL)
		return husk_fail_sys(e, ENOMEM, "vhost");
	table->nregions = n;
	for (unsigned i = 0; i < n; i++)
		table->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = parts[i].gpa, .memory_size = parts[i].size,
			.userspace_addr = (uintptr_t)(m->base + parts[i].gpa),
		};
	rc = ioctl(v->fd, VHOST_SET_MEM_TABLE, table);
	if (rc == -1)
		failed("VHOST_SET_MEM_TABLE", e);
	free(table);
	return rc;
}

static int set_memory(const struct vhost *v, const struct memory *m, struct husk_error *e)
{
	struct vhost_region parts[VHOST_REGIONS_MAX];
	const int n = vhost_regions(m, parts, VHOST_REGIONS_MAX);

	if (n == -1)
		return husk_fail(e, HUSK_E_HOST, "vhost: guest memory is in more than %u pieces, as pages of the "
				 "host are shared by read-only segments", VHOST_REGIONS_MAX);
	return set_table(v, m, parts, (unsigned)n, e);
}

static int make_event(int *fd, struct husk_error *e)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd == -1 ? failed("eventfd", e) : 0;
}

static int set_event(const struct vhost *v, unsigned long request, unsigned index, int fd,
		     struct husk_error *e)
{
	const struct vhost_vring_file file = {.index = index, .fd = fd};

	return ioctl(v->fd, request, &file) == -1 ? failed("VHOST_SET_VRING_KICK, _CALL or _ERR", e) : 0;
}

static int make_events(struct vhost *v, struct husk_error *e)
{
	if (make_event(&v->call, e) == -1)
		return -1;
	for (unsigned i = 0; i < NET_QUEUES; i++)
		if (make_event(&v->kick[i], e) == -1 || make_event(&v->broken[i], e) == -1 ||
		    set_event(v, VHOST_SET_VRING_KICK, i, v->kick[i], e) == -1 ||
		    set_event(v, VHOST_SET_VRING_CALL, i, v->call, e) == -1 ||
		    set_event(v, VHOST_SET_VRING_ERR, i, v->broken[i], e) == -1)
			return -1;
	return 0;
}

static int watch(const struct vhost *v, int what, enum watched which, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u32 = which};

	return epoll_ctl(v->watch, what, fd, &ev);
}

/*
 * Linux drivers/net/tun.c, tun_detach_all: who waits for a tap that is deleted is woken as if a frame had
 * come, which EPOLLERR alone would not see. With EPOLLPRI it does, and a frame is none.
 */
static uint32_t tap_events(bool frames)
{
	return frames ? EPOLLIN : EPOLLPRI;
}

static int make_watch(struct vhost *v, int tap, struct husk_error *e)
{
	v->watch = epoll_create1(EPOLL_CLOEXEC);
	if (v->watch == -1 || watch(v, EPOLL_CTL_ADD, WATCH_CALL, v->call, EPOLLIN) == -1 ||
	    watch(v, EPOLL_CTL_ADD, WATCH_BROKEN, v->broken[0], EPOLLIN) == -1 ||
	    watch(v, EPOLL_CTL_ADD, WATCH_BROKEN_TX, v->broken[1], EPOLLIN) == -1 ||
	    watch(v, EPOLL_CTL_ADD, WATCH_TAP, tap, tap_events(true)) == -1)
		return failed("epoll", e);
	v->tap = tap;
	return 0;
}

/* Of a queue: where it lies in the host. */
static int place(const struct vhost *v, unsigned index, unsigned size, const void *desc,
		 const void *avail, const void *used, struct husk_error *e)
{
	const struct vhost_vring_state num = {index, size};
	const struct vhost_vring_addr addr = {
		.index = index, .desc_user_addr = (uintptr_t)desc,
		.avail_user_addr = (uintptr_t)avail, .used_user_addr = (uintptr_t)used,
	};

	if (ioctl(v->fd, VHOST_SET_VRING_NUM, &num) == -1)
		return failed("VHOST_SET_VRING_NUM", e);
	return ioctl(v->fd, VHOST_SET_VRING_ADDR, &addr) == -1 ? failed("VHOST_SET_VRING_ADDR", e) : 0;
}

/* With queues of one entry that never get any: whether the tap will do is to be known before the guest runs. */
static int try_tap(struct vhost *v, int tap, struct husk_error *e)
{
	struct {
		_Alignas(16) struct virtq_desc desc;
		uint8_t avail[VIRTQ_AVAIL_BYTES(1)];
		_Alignas(4) uint8_t used[VIRTQ_USED_BYTES(1)];
	} q = {.desc = {0}};

	for (unsigned i = 0; i < NET_QUEUES; i++) {
		if (place(v, i, 1, &q.desc, q.avail, q.used, e) == -1 || vhost_connect(v, i, tap, e) == -1)
			return -1;
		(void)vhost_disconnect(v, i);
	}
	return 0;
}

int vhost_begin(struct vhost *v, const struct memory *m, int tap, unsigned header,
		struct husk_error *e)
{
	if (set_owner(v, e) == -1 || set_features(v, header, e) == -1 || set_memory(v, m, e) == -1 ||
	    make_events(v, e) == -1 || make_watch(v, tap, e) == -1)
		return -1;
	return try_tap(v, tap, e);
}

/* ---- queues ---- */

int vhost_set_queue(struct vhost *v, unsigned index, const struct virtqueue *q, uint16_t base,
		    struct husk_error *e)
{
	const struct vhost_vring_state from = {index, base};

	if (place(v, index, q->size, q->desc, q->avail, q->used, e) == -1)
		return -1;
	return ioctl(v->fd, VHOST_SET_VRING_BASE, &from) == -1 ? failed("VHOST_SET_VRING_BASE", e) : 0;
}

int vhost_connect(struct vhost *v, unsigned index, int tap, struct husk_error *e)
{
	const struct vhost_vring_file backend = {index, tap};

	if (ioctl(v->fd, VHOST_NET_SET_BACKEND, &backend) == 0)
		return 0;
	failed("VHOST_NET_SET_BACKEND", e);
	return husk_hint(e, "only a tap will do");
}

uint16_t vhost_disconnect(struct vhost *v, unsigned index)
{
	const struct vhost_vring_file none = {index, -1};
	struct vhost_vring_state base = {index, 0};

	(void)ioctl(v->fd, VHOST_NET_SET_BACKEND, &none);
	(void)ioctl(v->fd, VHOST_GET_VRING_BASE, &base);
	return (uint16_t)base.num;
}

void vhost_kick(const struct vhost *v, unsigned index)
{
	const uint64_t one = 1;

	(void)!write(v->kick[index], &one, sizeof one);
}

/* ---- waiting ---- */

void vhost_watch_frames(struct vhost *v, bool frames)
{
	if (watch(v, EPOLL_CTL_MOD, WATCH_TAP, v->tap, tap_events(frames)) == -1)
		(void)watch(v, EPOLL_CTL_ADD, WATCH_TAP, v->tap, tap_events(frames));
}

void vhost_forget_broken(const struct vhost *v)
{
	uint64_t count;

	for (unsigned i = 0; i < NET_QUEUES; i++)
		(void)!read(v->broken[i], &count, sizeof count);
}

static unsigned meaning(const struct vhost *v, const struct epoll_event *ev)
{
	uint64_t count;

	switch (ev->data.u32) {
	case WATCH_CALL:
		(void)!read(v->call, &count, sizeof count);
		return VHOST_CALLED;
	case WATCH_TAP:
		return (ev->events & (EPOLLERR | EPOLLHUP)) != 0 ? VHOST_GONE : VHOST_FRAMES;
	}
	return (unsigned)VHOST_BROKEN << (ev->data.u32 - WATCH_BROKEN);
}

unsigned vhost_look(const struct vhost *v)
{
	struct epoll_event events[WATCHED];
	const int n = epoll_wait(v->watch, events, WATCHED, 0);
	unsigned seen = 0;

	for (int i = 0; i < n; i++)
		seen |= meaning(v, &events[i]);
	return seen;
}

/* ---- the sandbox ---- */

void vhost_confine(const struct vhost *v, unsigned n, struct sandbox *s)
{
	s->calls |= SANDBOX_VHOSTS;
	s->values[SANDBOX_VHOST + n] = (uint64_t)v->fd;
	sandbox_keep(s, v->fd, 0);
	sandbox_keep(s, v->watch, SANDBOX_QUEUE);
	sandbox_keep(s, v->call, SANDBOX_BOTH_WAYS);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		sandbox_keep(s, v->kick[i], SANDBOX_BOTH_WAYS);
		sandbox_keep(s, v->broken[i], SANDBOX_BOTH_WAYS);
	}
}
