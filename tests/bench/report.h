/* SPDX-License-Identifier: ISC */
/* report.h: figures, as text for people or JSON for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#define NONE (-1.0)		/* no such value: all of ours are positive or zero */

#define FLOOR_GROUP "where the floor's time goes"	/* figures of the floor alone */
#define RING_GROUP "network, by ring and by hypercall"	/* of husk's: ring, and calls for floor */
#define OTHER_GROUP "beside solo5-hvt"			/* solo5-hvt's for floor */
#define QUEUES_GROUP "network, by queues and by hypercall"	/* likewise: queues */
#define OTHER_NET_GROUP "network, by queues and by solo5-hvt"	/* queues, and solo5-hvt's for floor */

enum target_kind { TARGET_NONE, TARGET_HUSK, TARGET_RATIO };

/*
 * A figure of husk's beside the floor's, or of one way beside another. Nothing fails because of a
 * target.
 */
struct figure {
	const char *group;	/* "counts", "times", "memory", FLOOR_GROUP */
	const char *name, *unit;
	double husk, floor;
	double ratio, best;	/* median of the pairs' ratios; ratio of the shortest runs */
	enum target_kind kind;
	double target;		/* at most */
};

struct report {
	bool json;
	const char *group;	/* of the figure before */
	size_t n;
};

void report_begin(struct report *r, bool json);
void report_figure(struct report *r, const struct figure *f);

/* Says why figures are missing. */
void report_skip(struct report *r, const char *group, const char *what, const char *why);

void report_end(struct report *r);

#endif
