/* SPDX-License-Identifier: ISC */
/* zeropage.c: touches low memory, of which a guest can see the upper part and write nothing. */
#include "guest.h"

/* Volatile, or compilers would turn a store to a null pointer into a trap. */
static volatile uintptr_t address;

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	bool read = take_word(&args, "read");
	volatile uint64_t *p;

	if (!read && !take_word(&args, "write"))
		return 1;
	address = take_number(&args);
	p = (volatile uint64_t *)address;
	if (read)
		(void)*p;
	else
		*p = 1;
	return succeed();
}
