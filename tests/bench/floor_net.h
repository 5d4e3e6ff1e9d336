/* SPDX-License-Identifier: ISC */
/* floor_net.h: the floor's network: the guest code of floor_net_guest.c, and what it works on. */
#ifndef BENCH_FLOOR_NET_H
#define BENCH_FLOOR_NET_H

#include "../../include/hvt_abi.h"

struct floor;
struct floor_call;

/* In the guest's memory; its address is the guest code's argument. */
struct floor_net {
	struct hvt_net write, read;	/* complete but for write.len */
	struct hvt_poll poll;
	uint64_t size, burst, rounds;
	uint64_t sending;		/* bool */
	uint64_t gpa;			/* of this */
};

/* guest_net.c on bare hypercalls; position independent, and may be copied anywhere. */
void floor_net_bursts(struct floor_net *n);

/* By the linker: the section that has nothing else in it. */
extern const char __start_floor_net_blob[], __stop_floor_net_blob[];

/* Attaches a tap by name and returns its descriptor. */
int floor_net_open(const char *name);

/* One system call each. */
void floor_net_write(struct floor *f, uint32_t gpa);
void floor_net_read(struct floor *f, uint32_t gpa);

#endif
