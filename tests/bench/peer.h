/* SPDX-License-Identifier: ISC */
/* peer.h: the host's end of a tap: bursts of frames from a packet socket, and their answers. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>

#define PEER_TAP "bench0"
#define PEER_BURST_MAX 256

struct peer {
	int fd;
	int index;		/* of the interface */
};

/* Makes the namespace, the tap and the socket; returns NULL, or what failed, with errno. */
const char *peer_open(struct peer *p);
void peer_close(struct peer *p);

/*
 * Awaits the frame that ends a burst of the guest's; the others never get here, so that the
 * peer costs as little as it can. False after three seconds.
 */
bool peer_await(const struct peer *p);

/* Waits until a tap that was just attached takes frames. False if it does not come to that. */
bool peer_attached(const struct peer *p);

/* Sends so many frames, the last one marked. */
bool peer_send(const struct peer *p, size_t size, size_t burst);

#endif
