/* SPDX-License-Identifier: ISC */
/*
 * output_file.h: a file that a user names for what a module writes: opened early, emptied late.
 *
 * Opening changes no file that is there; claiming does, just before the guest runs, when disks and the
 * image are known not to be it.
 */
#ifndef HUSK_OUTPUT_FILE_H
#define HUSK_OUTPUT_FILE_H

#include <stdbool.h>

#include "error.h"

struct output_file {
	int fd;			/* -1: none */
	const char *option;	/* "--trace", for messages; not owned */
	const char *where;	/* a path, or @FD; not owned */
	bool file;		/* a regular file */
	bool look;		/* it is only looked at */
};

/*
 * Opens the path for writing, or duplicates a descriptor given as @FD. look: what does not exist is not
 * made, but has to be possible, and fd stays -1. HUSK_E_USAGE, HUSK_E_HOST: fd is -1.
 */
int output_file_open(struct output_file *f, const char *option, const char *where, bool look,
		     struct husk_error *e);

/* Whether it is the file, or the device, that fd is; not if fd is -1. */
bool output_file_is(const struct output_file *f, int fd);

/*
 * Locks a file or a block device, so that it is not a disk or read for symbols at the same time, and
 * empties a file; does neither if it is only looked at, and empties nothing that was handed down.
 * HUSK_E_USAGE, HUSK_E_HOST.
 */
int output_file_claim(const struct output_file *f, struct husk_error *e);

/* Accepts a file with fd -1. */
void output_file_close(struct output_file *f);

#endif
