/* SPDX-License-Identifier: ISC */
/*
 * offload.h: what a guest leaves to the host of checksums and segments: which it may, and whether a frame's
 * header asks for something that can be done.
 */
#ifndef HUSK_OFFLOAD_H
#define HUSK_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../../include/net_abi.h"

/* What is left of a set (enum net_offload) without those that need another that is not in it. */
uint64_t offload_sound(uint64_t wanted);

/* What the header of a frame to send comes to. */
struct offload {
	struct net_header header;	/* made of what was checked */
	size_t longest;			/* bytes of the longest frame that will be on the wire */
};

/*
 * Whether a frame, n spans of len bytes behind an Ethernet header at least, may be sent with the guest's
 * copied header h under what was granted. The frame may change meanwhile: only the host's kernel, which
 * checks it again, has to do with that.
 */
bool offload_check(struct offload *o, uint64_t granted, const struct net_header *h,
		   const struct iovec *frame, unsigned n, size_t len);

#endif
