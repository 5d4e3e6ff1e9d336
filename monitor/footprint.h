/* SPDX-License-Identifier: ISC */
/* footprint.h: how much of the host's memory this process has in use, what its guest has touched included. */
#ifndef HUSK_FOOTPRINT_H
#define HUSK_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Before the sandbox is closed: a descriptor to read it from, again and again; of the process that opens it.
 * -1: the host does not tell. The caller closes it.
 */
int footprint_open(void);

/* In bytes. False, without *bytes, if fd is -1 or what it says is not understood. */
bool footprint_read(int fd, uint64_t *bytes);

#endif
