/* SPDX-License-Identifier: ISC */
/* exit.c: ends in the way that its command line asks for. */
#include "guest.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;

	if (take_word(&args, "return"))
		return (int)take_number(&args);
	if (take_word(&args, "exit"))
		solo5_exit((int)take_number(&args));
	if (take_word(&args, "abort"))
		solo5_abort();
	return 99;
}
