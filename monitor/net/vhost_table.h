/* SPDX-License-Identifier: ISC */
/* vhost_table.h: the parts of guest memory that the kernel of the host may be given. */
#ifndef HUSK_NET_VHOST_TABLE_H
#define HUSK_NET_VHOST_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

#define VHOST_REGIONS_MAX 64u		/* Linux drivers/vhost/vhost.c, max_mem_regions */

struct vhost_region {
	uint64_t gpa, size;		/* pages of the host */
};

/*
 * All but the pages in which something is read-only for the guest and not for the host: low memory, and
 * where pages of the host's are larger than the guest's, those that a segment shares with another. To what
 * is read-only for the host the kernel cannot write. Returns how many there are, or -1: more than max.
 */
int vhost_regions(const struct memory *m, struct vhost_region *out, size_t max);

#endif
