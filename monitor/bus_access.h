/* SPDX-License-Identifier: ISC */
/* bus_access.h: an access to I/O ports or MMIO: where, how wide, which direction. */
#ifndef HUSK_BUS_ACCESS_H
#define HUSK_BUS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

enum bus_kind { BUS_PIO, BUS_MMIO };

/* One I/O exit: count items of width bytes each, all at the same address (string I/O). */
struct bus_access {
	uint64_t addr;
	uint32_t count;
	uint8_t width;		/* 1, 2, 4 or 8; all else is a bad access */
	bool write;		/* by the guest */
	void *data;		/* width * count bytes: from the guest, or to be filled */
};

#endif
