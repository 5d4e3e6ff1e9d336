/* SPDX-License-Identifier: ISC */
/* picture.h: a tree of samples as text for other tools, or as a flame graph. */
#ifndef HUSK_PROFILE_PICTURE_H
#define HUSK_PROFILE_PICTURE_H

#include "sampler.h"
#include "sink.h"

/*
 * Writes all of it; the totals are there (tree_sum). Nothing is allocated. Returns how many samples were
 * left out for want of room.
 */
typedef uint64_t picture(struct sampler *s, struct sink *to);

/*
 * A line for each stack: functions from the outside in, with ; between them, and how many samples. A
 * stack has all its names, so that a guest with deep stacks of long names could fill a disk: after
 * PICTURE_FOLDED_MAX bytes stacks are left out, and counted as [lost].
 */
#define PICTURE_FOLDED_MAX (UINT64_C(64) << 20)
picture picture_folded;

/* https://www.speedscope.app/file-format-schema.json */
picture picture_speedscope;

/* A flame graph: one file without a script, which any browser shows. */
picture picture_svg;

#endif
