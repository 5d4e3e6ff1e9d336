/* SPDX-License-Identifier: ISC */
/* emulated.c: what the makefile tells test programs about the machine that they run on. */
#include "emulated.h"

#include <stdlib.h>
#include <string.h>

bool emulated(void)
{
	const char *cross = getenv("CROSS");

	return cross != NULL && strcmp(cross, "yes") == 0;
}
