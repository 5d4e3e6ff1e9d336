/* SPDX-License-Identifier: ISC */
/* resident.h: what a process keeps in memory beside its guest's own pages. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the Pss is made of. The program: pages of its file, read-only after relocation or not. */
enum resident_part {
	RESIDENT_PROGRAM,
	RESIDENT_HEAP,
	RESIDENT_STACK,
	RESIDENT_OTHER,
	RESIDENT_PARTS
};

extern const char *const resident_part_names[RESIDENT_PARTS];

struct resident {		/* KiB */
	long part[RESIDENT_PARTS];
	long rss, pss;		/* of the process, without the guest's memory and the run page */
	long guest;		/* resident pages of the guest's memory */
};

/* From /proc/PID/smaps; guest_size is the guest's memory in bytes. False if it cannot be told. */
bool resident_read(pid_t pid, size_t guest_size, struct resident *r);

#endif
