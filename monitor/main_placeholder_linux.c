/* SPDX-License-Identifier: ISC */
/* main_placeholder_linux.c: the read end of a pipe without a writer, which needs no file system. */
#include "main_placeholder.h"

#include <unistd.h>

int placeholder_open(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		return -1;
	close(ends[1]);
	return ends[0];
}
