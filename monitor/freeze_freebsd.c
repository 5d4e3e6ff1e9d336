/* SPDX-License-Identifier: ISC */
/* freeze_freebsd.c: by mprotect: no call is allowed there for what its arguments point to. */
#include "freeze.h"

#include <errno.h>
#include <sys/mman.h>

int freeze(void *at, size_t len, struct husk_error *e)
{
	return mprotect(at, len, PROT_READ) == 0 ? 0 :
	       husk_fail_sys(e, errno, "memory that is to be read-only");
}
