/* SPDX-License-Identifier: ISC */
/* net.h: what the bursts of net.c, guest_net.c and the floor's guest agree on, and the figures. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>

#define NET_TYPE 0x88b5		/* IEEE 802 9.2.3: for experiments; also where it is in the frame */
#define NET_TYPE_AT 12
#define NET_MARK_AT 14		/* 1: the last frame of a burst, which the other side awaits */
#define NET_SIZE_MIN 64
#define NET_SIZE_MAX 1500
#define NET_MTU 1500

struct report;

struct net_bench {
	struct report *report;
	const char *husk;	/* NULL: the floor alone */
	const char *other;	/* a monitor that runs the same image; NULL: none */
	const char *programs, *block;
	size_t rounds;		/* of a start */
	double seconds;		/* that a run takes; some host's times are sampled by 1/100 s */
	const char *only;	/* the name of one burst; NULL: all figures */
	bool brief;		/* fewer and shorter runs */
};

/* Measures in a network namespace that it makes, and in which the process then stays. */
void net_figures(const struct net_bench *b);

#endif
