/* SPDX-License-Identifier: ISC */
/* globals.c: initialised data arrives, can be changed and points where it should; the rest is 0. */
#include "guest.h"

static char word[] = "RUCCESS\n";
static char *volatile pointer = &word[1];
static volatile uint64_t zeros[1024];

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	if (pointer != word + 1 || *pointer != 'U')
		return 2;
	for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
		if (zeros[i] != 0)
			return 3;
	word[0]++;
	say(word);
	return SOLO5_EXIT_SUCCESS;
}
