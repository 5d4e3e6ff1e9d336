/* SPDX-License-Identifier: ISC */
/*
 * sealed.h: read-only memory for arguments of system calls.
 *
 * A system call filter cannot check what an argument points to, but it can check the address. What
 * an uplink passes to the kernel when it reattaches is kept here, and cannot change once it is
 * sealed.
 */
#ifndef HUSK_SEALED_H
#define HUSK_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SEALED_SIZE 8192u	/* bytes; whole pages of 4 KiB */
#define SEALED_ALIGN 16u

struct sealed {
	uint8_t *bytes;		/* SEALED_SIZE of them; NULL before the first sealed_put */
	size_t used;
};

/*
 * Copies size bytes of object to an address that does not change, and returns it in *place. Not
 * after sealed_protect. HUSK_E_HOST: no memory, or full.
 */
int sealed_put(struct sealed *s, const void *object, size_t size, void **place,
	       struct husk_error *e);

/* From here on a write to it is a fault; see freeze.h. HUSK_E_HOST. */
int sealed_protect(const struct sealed *s, struct husk_error *e);

/* Accepts an empty one. */
void sealed_free(struct sealed *s);

#endif
