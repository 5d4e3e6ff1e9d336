/* SPDX-License-Identifier: ISC */
/* tap_freebsd.h: what the files about taps of FreeBSD share. */
#ifndef HUSK_TAP_FREEBSD_H
#define HUSK_TAP_FREEBSD_H

#include <sys/types.h>
#include <sys/socket.h>
#include <net/if.h>
#include <stdbool.h>

#include "tap.h"

#define TAP_TYPE 6u		/* net/if_types.h, IFT_ETHER: in what TAPGIFINFO says of a tap */

struct tap {
	struct uplink uplink;
	int prefix;		/* bytes in front of each frame when it was handed down */
	bool shared;		/* with the starter: its O_NONBLOCK is not ours to set */
};

/* What the driver says of the interface of a descriptor. Returns as ioctl does. */
int tap_describe(int fd, unsigned *type, unsigned *mtu);

/* Queries an interface by name, or changes it. Returns as ioctl does. */
int tap_ask(struct ifreq *ifr, const char *name, unsigned long request);

/* Frames, one in each call; neither waits. */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write(struct uplink *u, struct iovec frame);

#endif
