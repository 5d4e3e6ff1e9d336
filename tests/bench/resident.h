/* resident.h: what a process keeps in memory beside its guest's own pages. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct resident {		/* KiB */
	long rss, pss;		/* of the process, without the guest's memory and the run page */
	long guest;		/* resident pages of the guest's memory */
};

/* From /proc/PID/smaps; guest_size is the guest's memory in bytes. False if it cannot be told. */
bool resident_read(pid_t pid, size_t guest_size, struct resident *r);

#endif
