/* SPDX-License-Identifier: ISC */
/* call_linux.c: a system call of Linux, by number. */
#include <errno.h>
#include <unistd.h>

#include "owned.h"

void owned_make(struct owned_call *c)
{
	const long rc = syscall((long)c->nr, c->args[0], c->args[1], c->args[2], c->args[3],
				c->args[4], c->args[5]);

	c->result = rc == -1 ? -errno : rc;
}
