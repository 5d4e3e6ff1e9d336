/* SPDX-License-Identifier: ISC */
/*
 * core_file.h: guest memory and notes as an ELF core file, sparse.
 *
 * Headers come first, so that what fits on a full disk can be read; pages of zeros are holes.
 */
#ifndef HUSK_DUMPCORE_CORE_FILE_H
#define HUSK_DUMPCORE_CORE_FILE_H

#include "memory_host.h"
#include "notes.h"

/* Made before the guest runs; large. */
struct core_file {
	enum memory_host_pages zeros;	/* memory_host_zeros; set by the caller */
	uint8_t notes[NOTES_MAX];
	uint8_t pages[65536];	/* of guest memory, on their way */
};

struct core_result {
	uint64_t written, all;	/* pages of 4 KiB */
};

/*
 * Writes the core to fd, which is empty. HUSK_E_HOST: what was written so far is told all the same.
 * Takes no system call but pwrite and what a small allocation takes.
 */
int core_file_write(struct core_file *f, int fd, const struct core *c, const struct remains *r,
		    int pid, struct core_result *result, struct husk_error *e);

#endif
