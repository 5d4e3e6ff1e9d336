/* SPDX-License-Identifier: ISC */
/* exception.c: stores far above any memory, where nothing is mapped. */
#include "guest.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	volatile uint64_t *nowhere = (volatile uint64_t *)0x400000000;

	(void)si;
	*nowhere = 1;
	return 1;
}
