/* SPDX-License-Identifier: ISC */
/*
 * guest.h: the bindings' vsock on the host, between the calls of vsock.h and a test that plays
 * the monitor.
 *
 * In a file of its own, because the guest's side and the monitor's have names in common.
 */
#ifndef GUEST_H
#define GUEST_H

#include "../../../include/husk_abi.h"
#include "../../../include/vsock.h"

struct vsock_guest_monitor {
	uint8_t *base;			/* guest memory; gpas count from here */
	uint64_t now;			/* ns */
	int32_t (*announce)(const struct husk_queue *q);	/* size 0: takes all back */
	void (*doorbell)(uint32_t number);
	uint64_t (*poll)(uint64_t timeout);	/* returns the ready set */
};

#define VSOCK_GUEST_HANDLE 1u

/*
 * Starts the bindings anew under this monitor, which stays the caller's: it has granted these features
 * and queues of so many entries, and the manifest has a vsock device "service" with this CID, and a
 * network device if so.
 */
void vsock_guest_start(struct vsock_guest_monitor *m, uint32_t granted, uint32_t queue_size_max,
		       uint64_t cid, bool has_net);

/* The device has another CID. */
void vsock_guest_set_cid(uint64_t cid);

/* Another start of the counters of this socket, as after so many bytes each way. */
void vsock_guest_preset(solo5x_socket_t socket, uint32_t bytes);

/* From now on this happens after solo5_yield has looked at the queues, until the next start. */
void vsock_guest_between(void (*act)(void));

/* Sockets in use, the application's and others. */
unsigned vsock_guest_sockets(void);

#endif
