/* SPDX-License-Identifier: ISC */
/* memory.c: as many MiB as the command line says are there, zero-filled and distinct to the end. */
#include "guest.h"

#define STACK 16384u

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	uint64_t end = si->heap_start + si->heap_size;
	/* Not many, as each may cost the host 2 MiB. */
	uint64_t step = (end / 64) & -UINT64_C(4096);
	uint64_t low = (si->heap_start / step + 1) * step;

	if (end != take_number(&args) << 20)
		return 1;
	for (uint64_t at = low; at < end - STACK; at += step) {
		volatile uint64_t *p = (volatile uint64_t *)at;

		if (*p != 0)
			return 2;
		*p = at;
	}
	for (uint64_t at = low; at < end - STACK; at += step)
		if (*(volatile uint64_t *)at != at)
			return 3;
	(void)*(volatile uint64_t *)(end - 8);
	return succeed();
}
