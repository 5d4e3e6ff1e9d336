/* SPDX-License-Identifier: ISC */
/*
 * device_types.h: the types of devices that a manifest may declare, and who serves them.
 *
 * The one table of them: the monitor, husk-manifest and their messages are made from it. A new type
 * is a number in include/mft_abi.h or, in husk's own range, include/husk_abi.h, and a row in
 * device_types.c.
 */
#ifndef HUSK_DEVICE_TYPES_H
#define HUSK_DEVICE_TYPES_H

#include <stddef.h>
#include <stdint.h>

struct device_type {
	uint32_t number;	/* enum mft_type, below MFT_RESERVED_FIRST */
	const char *name;	/* as in manifest.json: "BLOCK_BASIC" */
	const char *module;	/* that serves it, a folder of monitor/: "block" */
};

/* The i-th row, in ascending order of numbers; NULL behind the last. */
const struct device_type *device_type_at(size_t i);

/* NULL if there is no such type. */
const struct device_type *device_type_of(uint32_t number);
const struct device_type *device_type_named(const char *name);

#endif
