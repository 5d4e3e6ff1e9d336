/* SPDX-License-Identifier: ISC */
/* guest_halt.c: returns at once: what the bindings add to a start. */
#include "solo5.h"

int solo5_app_main(const struct solo5_start_info *info)
{
	(void)info;
	return SOLO5_EXIT_SUCCESS;
}
