/* SPDX-License-Identifier: ISC */
/* main_placeholder_freebsd.c: /dev/null for reading; both ends of a pipe could be written to. */
#include "main_placeholder.h"

#include <fcntl.h>

int placeholder_open(void)
{
	return open("/dev/null", O_RDONLY);
}
