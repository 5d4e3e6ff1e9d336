/* SPDX-License-Identifier: ISC */
/* exit.c: the ways in which a program ends are those of a guest. */
#include "newlib_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

void _exit(int status)
{
	libc_console_flush();
	solo5_exit(status);
}

/* assert() ends here too; what was printed is not lost. */
void abort(void)
{
	fflush(stdout);
	libc_console_flush();
	solo5_abort();
}

/* For raise(): a signal that nobody handles ends the guest. */
int kill(pid_t pid, int signal)
{
	(void)pid, (void)signal;
	abort();
}

pid_t getpid(void)
{
	return 1;
}
