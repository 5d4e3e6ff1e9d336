/* SPDX-License-Identifier: ISC */
/* bigbss.c: wants more zero-filled data than a small machine has; only the bindings can notice. */
#include "guest.h"

static volatile uint8_t space[8 << 20];

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	for (size_t i = 0; i < sizeof space; i += 4096)
		if (space[i] != 0)
			return 1;
	return succeed();
}
