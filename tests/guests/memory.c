/* memory.c: all of the heap is there, zero-filled and distinct from end to end; the size is on the command line. */
#include "guest.h"

#define STACK 16384u

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	uint64_t end = si->heap_start + si->heap_size;
	uint64_t step = (end / 64) & -UINT64_C(4096);	/* few: a host page may be as large as 2 MiB */
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
