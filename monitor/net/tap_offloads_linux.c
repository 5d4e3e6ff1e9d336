/* SPDX-License-Identifier: ISC */
/* tap_offloads_linux.c: what a tap of Linux leaves undone of checksums and segments, and for whom. */
#include <sys/ioctl.h>

#include "offload.h"
#include "tap_linux.h"

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

void tap_refuse_offloads(int fd)
{
	(void)ioctl(fd, TUNSETOFFLOAD, 0);
}

/* TUN_F_*: what the kernel must be told is to be read. What is written says by its header what it needs. */
static unsigned to_read(uint64_t offloads)
{
	return ((offloads & NET_GUEST_CSUM) != 0 ? TUN_F_CSUM : 0u) |
	       ((offloads & NET_GUEST_TSO4) != 0 ? TUN_F_TSO4 : 0u) |
	       ((offloads & NET_GUEST_TSO6) != 0 ? TUN_F_TSO6 : 0u) |
	       ((offloads & NET_GUEST_ECN) != 0 ? TUN_F_TSO_ECN : 0u);
}

/*
 * Takes no capability, and is the interface's: it outlives the descriptor. A kernel that does not know a
 * bit refuses them all, and has changed nothing.
 */
uint64_t tap_offload(struct uplink *u, uint64_t wanted)
{
	static const uint64_t without[] = {0, NET_GUEST_ECN, NET_GUEST_TSO | NET_GUEST_ECN,
					   NET_GUEST_CSUM | NET_GUEST_TSO | NET_GUEST_ECN};
	struct tap *t = (struct tap *)u;

	if (u->header < TAP_HEADER_MIN)
		wanted = 0;
	for (unsigned i = 0; i < sizeof without / sizeof without[0]; i++) {
		const uint64_t set = offload_sound(wanted & ~without[i]);

		if (ioctl(u->fd, TUNSETOFFLOAD, (unsigned long)to_read(set)) == -1)
			continue;
		t->offloads = to_read(set);
		return set;
	}
	t->offloads = 0;
	return offload_sound(wanted & ~without[3]);
}
