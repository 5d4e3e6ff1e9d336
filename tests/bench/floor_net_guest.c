/* SPDX-License-Identifier: ISC */
/*
 * floor_net_guest.c: guest_net.c's bursts for the floor's guest, where there is nothing but memory:
 * the code is copied, so it calls nothing and has no data.
 */
#include <stdbool.h>

#include "../guests/hypercall.h"
#include "floor_net.h"
#include "net.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void call(const volatile struct floor_net *n, unsigned nr, uint64_t offset)
{
	hypercall(nr, n->gpa + offset);
}

INLINE void send_burst(volatile struct floor_net *n, uint64_t burst)
{
	volatile unsigned char *frame = (volatile unsigned char *)(uintptr_t)n->write.data;

	for (uint64_t i = 1; i <= burst; i++) {
		frame[NET_MARK_AT] = i == burst;
		n->write.len = n->size;
		call(n, HVT_HYPERCALL_NET_WRITE, offsetof(struct floor_net, write));
	}
}

INLINE bool is_ours(const volatile unsigned char *frame)
{
	return frame[NET_TYPE_AT] == NET_TYPE >> 8 && frame[NET_TYPE_AT + 1] == (NET_TYPE & 0xff);
}

INLINE void receive(volatile struct floor_net *n, uint64_t wanted)
{
	uint64_t got = 0;

	while (got < wanted) {
		call(n, HVT_HYPERCALL_POLL, offsetof(struct floor_net, poll));
		for (;;) {
			n->read.len = NET_MTU + 14;
			call(n, HVT_HYPERCALL_NET_READ, offsetof(struct floor_net, read));
			if (n->read.ret != HVT_OK)
				break;
			got += is_ours((const volatile unsigned char *)(uintptr_t)n->read.data);
		}
	}
}

__attribute__((section("floor_net_blob"), used)) void floor_net_bursts(struct floor_net *args)
{
	volatile struct floor_net *n = args;

	if (!n->sending)
		send_burst(n, 1);
	for (uint64_t rounds = n->rounds; rounds > 0; rounds--) {
		if (n->sending)
			send_burst(n, n->burst);
		receive(n, n->sending ? 1 : n->burst);
		if (!n->sending)
			send_burst(n, 1);
	}
}
