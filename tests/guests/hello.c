/* SPDX-License-Identifier: ISC */
/* hello.c: the first sign of life: echoes its command line and wants it to be one known word. */
#include "guest.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	say("The guest was told \"");
	say(si->cmdline);
	say("\".\n");
	return same(si->cmdline, "Hello_Solo5") ? succeed() : 1;
}
