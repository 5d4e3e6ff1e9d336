/* SPDX-License-Identifier: ISC */
/* quiet.c: says one word, so that whatever else is on the console comes from the bindings. */
#include "guest.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	return si->cmdline[0] == '\0' ? succeed() : 1;
}
