/* SPDX-License-Identifier: ISC */
/* flood.c: writes a mebibyte to the console, whoever reads it, and exits with 7 if it could. */
#include "guest.h"

static char line[1024];

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\n';
	for (unsigned i = 0; i < 1024; i++)
		solo5_console_write(line, sizeof line);
	return 7;
}
