/* tap_linux.h: what the files about taps of Linux share. */
#ifndef HUSK_TAP_LINUX_H
#define HUSK_TAP_LINUX_H

#include <net/if.h>
#include <stdbool.h>

#include "tap.h"

#define TAP_DEVICE "/dev/net/tun"
#define TAP_PREFIX_MAX 64u

struct tap {
	struct uplink uplink;
	unsigned prefix;	/* bytes of the tap's own in front of each frame */
	char name[IFNAMSIZ];
	bool polled;		/* of one that is shared: see tap_probe_shared */

	/* To attach again, of one that was attached by name; see tap_name_linux.c. */
	const struct ifreq *again;	/* sealed, REQUESTS of them */
	int control;		/* a socket to ask about interfaces; -1: none is needed */
};

/* Asks about an interface by name, on any kind of socket. Returns as ioctl does. */
int tap_ask(int control, struct ifreq *ifr, const char *name, unsigned long request);

/* The same on a socket of its own, in the calling thread's network namespace. */
int tap_ask_once(struct ifreq *ifr, const char *name, unsigned long request);

/* Frames must come as they go over a wire: not too long, and with their checksums. */
void tap_refuse_offloads(int fd);

/* HUSK_E_HOST: why the interface cannot be attached, with the remedy. Returns -1. */
int tap_attach_failed(const char *name, int sys, struct husk_error *e);

/* Frames through a description that nobody shares, and that is non-blocking. */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write(struct uplink *u, struct iovec frame);

/*
 * Frames through one that others may share, whose flags are theirs. Where the kernel has no call
 * that never blocks whatever the flags, which the probe finds out, it is asked first whether the
 * call would: if another one who shares it reads at just that moment, a read waits for the next
 * frame or for a signal.
 */
void tap_probe_shared(struct tap *t);
enum uplink_result tap_read_shared(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write_shared(struct uplink *u, struct iovec frame);

#endif
