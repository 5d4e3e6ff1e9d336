/* SPDX-License-Identifier: ISC */
/* tap_linux.h: what the files about taps of Linux share. */
#ifndef HUSK_TAP_LINUX_H
#define HUSK_TAP_LINUX_H

#include <net/if.h>
#include <stdbool.h>

#include "tap.h"

#define TAP_DEVICE "/dev/net/tun"
#define TAP_PREFIX_MAX 64u

#define TAP_HEADER 12		/* bytes of struct virtio_net_hdr_v1, linux/virtio_net.h */
#define TAP_HEADER_MIN 10u	/* of struct virtio_net_hdr */

struct tap_questions;

struct tap {
	struct uplink uplink;
	unsigned prefix;	/* bytes in front of each frame: packet information, vnet header */
	char name[IFNAMSIZ];
	bool polled;		/* of one that is shared: see tap_probe_shared */

	unsigned offloads;	/* TUN_F_*: set */
	const int *header_before;	/* sealed; its size, if another must be asked for: see close */

	/* For reattaching a tap that was attached by name; see tap_name_linux.c. */
	const struct tap_questions *again;	/* sealed */
	int control;		/* a socket for queries about interfaces; -1: not needed */
	bool confined;		/* nothing can be opened any more */
};

/* Queries an interface by name, on any kind of socket. Returns as ioctl does. */
int tap_ask(int control, struct ifreq *ifr, const char *name, unsigned long request);

/* The same with a socket opened for this call, in the calling thread's network namespace. */
int tap_ask_once(struct ifreq *ifr, const char *name, unsigned long request);

/* Switches off offloads: frames have at most the MTU, and their checksums. */
void tap_refuse_offloads(int fd);

/* uplink_ops.carry_header, .offload. */
int tap_carry_header(struct uplink *u);
uint64_t tap_offload(struct uplink *u, uint64_t wanted);

/* uplink_ops.vhost_header. */
int tap_vhost_header(const struct uplink *u);

/* Fills e: why the interface cannot be attached, with the remedy. HUSK_E_HOST; returns -1. */
int tap_attach_failed(const char *name, int sys, struct husk_error *e);

/* Frames through a non-blocking description that no other process shares. */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write(struct uplink *u, struct iovec frame);
enum uplink_result tap_read_parts(struct uplink *u, struct net_header *h, const struct iovec *parts,
				  unsigned n, size_t *len);
enum uplink_result tap_write_parts(struct uplink *u, const struct net_header *h,
				   const struct iovec *parts, unsigned n);

/*
 * Frames through a description that other processes may share, whose flags must stay. Where the
 * kernel has no call that never blocks whatever the flags, which the probe finds out, each call is
 * made only after a poll: if another process reads at just that moment, a read blocks until the
 * next frame or a signal.
 */
void tap_probe_shared(struct tap *t);
enum uplink_result tap_read_shared(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write_shared(struct uplink *u, struct iovec frame);
enum uplink_result tap_read_parts_shared(struct uplink *u, struct net_header *h,
					 const struct iovec *parts, unsigned n, size_t *len);
enum uplink_result tap_write_parts_shared(struct uplink *u, const struct net_header *h,
					  const struct iovec *parts, unsigned n);

#endif
