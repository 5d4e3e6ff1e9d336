/* SPDX-License-Identifier: ISC */
/* double_marks.c: where a call of the stand-in begins and ends, for who counts system calls with a tracer. */
#include "double.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The file is never there: what counts is that a tracer sees its name. */
static void mark(const char *text)
{
	int error = errno;

	if (getenv("HUSK_VMM_MARKS") != NULL)
		(void)!access(text, F_OK);
	errno = error;
}

void mark_begin(const char *call)
{
	char text[32];

	snprintf(text, sizeof text, "vmm:%s", call);
	mark(text);
}

void mark_end(bool good)
{
	mark(good ? "vmm:end" : "vmm:failed");
}
