/* SPDX-License-Identifier: ISC */
/* other.h: husk beside another monitor that runs the same images, solo5-hvt say, in turns. */
#ifndef BENCH_OTHER_H
#define BENCH_OTHER_H

#include <stdbool.h>
#include <stddef.h>

struct report;

struct other_bench {
	struct report *report;
	const char *husk, *other;	/* programs; NULL: there is none to compare with, and no figure */
	const char *dir, *programs;	/* tests/bench here and in the build */
	const char *block;		/* a scratch file of 2 MiB or more */
	size_t rounds;			/* of a start */
	bool brief;			/* fewer figures, and fewer requests */
};

/* The words after the options are understood by both, as are --mem and --block. */
void other_figures(const struct other_bench *b);

#endif
