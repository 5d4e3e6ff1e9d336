/* SPDX-License-Identifier: ISC */
/*
 * boot.h: what the monitor puts into low memory for the guest: boot info, manifest, command line.
 *
 * Layout: boot info at HVT_BOOT_INFO_GPA, behind it what husk adds to it (HUSK_BOOT_INFO_OFFSET), 512
 * bytes in all; then the manifest, then the command line.
 */
#ifndef HUSK_BOOT_H
#define HUSK_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "../include/husk_abi.h"
#include "../include/hvt_abi.h"
#include "error.h"
#include "manifest.h"
#include "memory.h"
#include "resource.h"

/*
 * Joins words with single spaces, as the guest sees them: no quoting, empty words kept. *cmdline is
 * the caller's to free. HUSK_E_USAGE if it does not fit HVT_CMDLINE_SIZE with its NUL, HUSK_E_HOST.
 */
int boot_join_cmdline(char **cmdline, int argc, char *const argv[], struct husk_error *e);

/* Reserves the boot area in gpas, before anything else is placed. HUSK_E_IMAGE. */
int boot_reserve(struct resource_space *gpas, const struct manifest *mft, struct husk_error *e);

/*
 * Declares what is left of low memory read-only, so that no result of a hypercall lands there.
 * HUSK_E_IMAGE.
 */
int boot_protect(struct memory *m, struct husk_error *e);

struct boot {
	uint64_t mem_size, kernel_end, cycle_freq;	/* as in struct hvt_boot_info */
	const struct manifest *manifest;		/* properties filled in */
	const char *cmdline;				/* shorter than HVT_CMDLINE_SIZE */
	uint64_t net_ring;				/* gpa, 0: none is offered */
	uint32_t granted;				/* enum husk_feature; 0: no husk_boot_info */
	uint64_t block_alone, net_direct;		/* as in struct husk_boot_info */
};

/*
 * Writes all 56 bytes of the boot info, if something is granted struct husk_boot_info, the guest's
 * copy of the manifest without anything that is the monitor's own, and the command line.
 * HUSK_E_IMAGE if memory is too small.
 */
int boot_write(const struct memory *m, const struct boot *b, struct husk_error *e);

#endif
