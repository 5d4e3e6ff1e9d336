/* SPDX-License-Identifier: ISC */
/* guest.c: the bindings' files that are concerned, and what is below them. */
#include "guest.h"

#include <stdlib.h>

/* The monitor has functions of these names, too. */
#define manifest_init guest_manifest_init
#define manifest_find guest_manifest_find
#define manifest_get guest_manifest_get

#include "../../../bindings/cpu.h"
#include "../../../bindings/features.c"
#include "../../../bindings/manifest.c"
#include "../../../bindings/virtqueue.c"
#include "../../../bindings/vsock.c"
#include "../../../bindings/vsock_driver.c"
#include "../../../bindings/vsock_socket.c"
#include "../../../bindings/vsock_wait.c"
#include "../../../bindings/yield.c"

static struct vsock_guest_monitor *monitor;

static struct {
	struct mft_header header;
	struct mft_entry entries[3];
} mft;

static union {
	struct hvt_boot_info info;
	uint8_t bytes[HUSK_BOOT_INFO_OFFSET + sizeof(struct husk_boot_info)];
} boot __attribute__((aligned(8)));

void vsock_guest_set_cid(uint64_t cid)
{
	const struct husk_vsock_properties p = {.guest_cid = cid};

	memcpy(&mft.entries[VSOCK_GUEST_HANDLE].u, &p, sizeof p);
}

static void write_manifest(uint64_t cid, bool has_net)
{
	memset(&mft, 0, sizeof mft);
	mft.header = (struct mft_header){MFT_VERSION, has_net ? 3 : 2};
	mft.entries[1] = (struct mft_entry){
		.name = "service", .type = HUSK_DEV_VSOCK, .attached = 1,
	};
	mft.entries[2] = (struct mft_entry){
		.name = "net", .type = MFT_DEV_NET_BASIC, .u.net.mtu = 1500, .attached = 1,
	};
	vsock_guest_set_cid(cid);
	manifest_init(&mft.header);
}

static void write_boot_info(uint32_t granted, uint32_t queue_size_max)
{
	const struct husk_boot_info info = {
		HUSK_BOOT_INFO_MAGIC, HUSK_BOOT_INFO_VERSION, sizeof info, granted, queue_size_max, 0, 0, 0,
	};

	memset(&boot, 0, sizeof boot);
	boot.info.host_features = granted != 0 ? HUSK_HOST_FEATURE : 0;
	if (granted != 0)
		memcpy(boot.bytes + HUSK_BOOT_INFO_OFFSET, &info, sizeof info);
	features_init(&boot.info);
}

void vsock_guest_start(struct vsock_guest_monitor *m, uint32_t granted, uint32_t queue_size_max,
		       uint64_t cid, bool has_net)
{
	monitor = m;
	drivers = NULL;
	yield_queues = NULL;
	write_manifest(cid, has_net);
	write_boot_info(granted, queue_size_max);
}

void vsock_guest_preset(solo5x_socket_t socket, uint32_t bytes)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	s->fwd_cnt += bytes;
	s->told_fwd_cnt += bytes;
	s->tx_cnt += bytes;
	s->peer_fwd_cnt += bytes;
}

static void (*between)(void);

static solo5_handle_set_t look_and_act(solo5_handle_set_t *served)
{
	const solo5_handle_set_t ready = look(served);

	between();
	return ready;
}

static const struct yield_queues acting_queues = {.look = look_and_act, .arm = arm};

void vsock_guest_between(void (*act)(void))
{
	between = act;
	yield_queues = &acting_queues;
}

unsigned vsock_guest_sockets(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; drivers != NULL && i < drivers->n_sockets; i++) {
		const struct socket *s = &drivers->sockets[i];

		n += s->state != SOCKET_FREE && !socket_is_done(s);
	}
	return n;
}

/* ---- what is below ---- */

uint64_t queue_gpa(const void *memory)
{
	return (uint64_t)((const uint8_t *)memory - monitor->base);
}

bool queue_announce(solo5_handle_t handle, uint32_t index, const struct virtq *q)
{
	const struct husk_queue arg = {
		.handle = handle, .index = index, .size = q->size, .desc = queue_gpa(q->desc),
		.avail = queue_gpa(q->avail), .used = queue_gpa(q->used),
	};

	return monitor->announce(&arg) == HVT_OK;
}

void queue_take_back(solo5_handle_t handle)
{
	const struct husk_queue arg = {.handle = handle};

	(void)monitor->announce(&arg);
}

void queue_submit(solo5_handle_t handle, uint32_t index, struct virtq *q)
{
	if (q->submitted != q->added && virtq_submit(q))
		monitor->doorbell(HUSK_QUEUE_NUMBER(handle, index));
}

void cpu_store_load_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	struct hvt_poll *p = arg;

	if (nr != HVT_HYPERCALL_POLL)
		abort();
	p->ready_set = monitor->poll(p->timeout_nsecs);
}

solo5_time_t solo5_clock_monotonic(void)
{
	return monitor->now;
}

void abort_printf(const void *cookie, const char *file, int line, const char *fmt, ...)
{
	(void)cookie;
	(void)file;
	(void)line;
	(void)fmt;
	abort();
}
