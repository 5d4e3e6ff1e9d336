/* SPDX-License-Identifier: ISC */
/* args.c: shows its command line between brackets, and how long it is. */
#include "guest.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	say("[");
	say(si->cmdline);
	say("] ");
	say_number(strlen(si->cmdline));
	say(" characters\n");
	return SOLO5_EXIT_SUCCESS;
}
