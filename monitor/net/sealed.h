/*
 * sealed.h: arguments of system calls in memory that can only be read.
 *
 * A system call filter cannot look into memory, but it can insist on an address. What an uplink
 * passes to the host when it comes back lies here, and nobody changes it once it is sealed.
 */
#ifndef HUSK_SEALED_H
#define HUSK_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SEALED_SIZE 8192u	/* bytes; whole pages wherever these have 4 KiB */
#define SEALED_ALIGN 16u

struct sealed {
	uint8_t *bytes;		/* SEALED_SIZE of them; NULL: none so far */
	size_t used;
};

/*
 * Copies size bytes of object in, which stay at the address that *place gets. Not after
 * sealed_protect. HUSK_E_HOST: no memory, or full.
 */
int sealed_put(struct sealed *s, const void *object, size_t size, void **place,
	       struct husk_error *e);

/* From here on a write to it is a fault. HUSK_E_HOST. */
int sealed_protect(const struct sealed *s, struct husk_error *e);

/* Accepts an empty one. */
void sealed_free(struct sealed *s);

#endif
