/* SPDX-License-Identifier: ISC */
/* sys/uio.h: what husk and its tests use of FreeBSD's <sys/uio.h>. */
#ifndef HUSK_FREEBSD_SYS_UIO_H
#define HUSK_FREEBSD_SYS_UIO_H

#include <sys/types.h>

#include <sys/_iovec.h>

ssize_t preadv(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t readv(int fd, const struct iovec *iov, int n);

#endif
