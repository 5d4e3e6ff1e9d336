/* SPDX-License-Identifier: ISC */
/* errno.h: what husk and its tests use of FreeBSD's <errno.h>. */
#ifndef HUSK_FREEBSD_ERRNO_H
#define HUSK_FREEBSD_ERRNO_H

int *__error(void);
#define errno (*__error())

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define EBADF 9
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define ENOTDIR 20
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define EROFS 30
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define EAGAIN 35
#define EWOULDBLOCK EAGAIN
#define ENOTSOCK 38
#define EMSGSIZE 40
#define EPROTOTYPE 41
#define EOPNOTSUPP 45
#define ENOTSUP EOPNOTSUPP
#define EADDRINUSE 48
#define ENETDOWN 50
#define ECONNABORTED 53
#define ECONNRESET 54
#define ENOBUFS 55
#define ENOTCONN 57
#define ETIMEDOUT 60
#define ECONNREFUSED 61
#define ELOOP 62
#define ENAMETOOLONG 63
#define EHOSTDOWN 64
#define EDQUOT 69
#define ESTALE 70
#define ENOLCK 77
#define ENOSYS 78
#define ENOTCAPABLE 93
#define ECAPMODE 94

#endif
