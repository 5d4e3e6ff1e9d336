/* SPDX-License-Identifier: ISC */
/* sys/_iovec.h: struct iovec, for the headers that have a part in it. */
#ifndef HUSK_FREEBSD_SYS__IOVEC_H
#define HUSK_FREEBSD_SYS__IOVEC_H

#include <sys/types.h>

struct iovec {
	void *iov_base;
	size_t iov_len;
};

#endif
