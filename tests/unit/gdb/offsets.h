/* SPDX-License-Identifier: ISC */
/* offsets.h: where registers lie in the reply to g, for tests of the architectures' tables. */
#ifndef OFFSETS_H
#define OFFSETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/gdb/target.h"

/* What gdb computes from the description: the sum of the sizes in front; -1: there is no such register. */
static inline long offset_of(const char *name)
{
	char text[8192], wanted[40];
	const char *at = text;
	size_t bits = 0;

	if (gdb_description(text, sizeof text) >= sizeof text)
		return -1;
	snprintf(wanted, sizeof wanted, "\"%s\"", name);
	while ((at = strstr(at, "<reg name=")) != NULL) {
		at += strlen("<reg name=");
		if (strncmp(at, wanted, strlen(wanted)) == 0)
			return (long)(bits / 8);
		bits += strtoul(strstr(at, "bitsize=\"") + strlen("bitsize=\""), NULL, 10);
	}
	return -1;
}

#endif
