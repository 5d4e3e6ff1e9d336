/* SPDX-License-Identifier: ISC */
/* sys/capsicum.h: what husk and its tests use of FreeBSD's <sys/capsicum.h>. */
#ifndef HUSK_FREEBSD_SYS_CAPSICUM_H
#define HUSK_FREEBSD_SYS_CAPSICUM_H

#include <sys/types.h>

#define CAPRIGHT(word, bit) (1ull << (57 + (word)) | (bit))
#define CAP_READ CAPRIGHT(0, 0x1ull)
#define CAP_WRITE CAPRIGHT(0, 0x2ull)
#define CAP_PREAD CAPRIGHT(0, 0xdull)
#define CAP_PWRITE CAPRIGHT(0, 0xeull)
#define CAP_CREATE CAPRIGHT(0, 0x40ull)
#define CAP_FSYNC CAPRIGHT(0, 0x100ull)
#define CAP_FTRUNCATE CAPRIGHT(0, 0x200ull)
#define CAP_FCNTL CAPRIGHT(0, 0x8000ull)
#define CAP_FLOCK CAPRIGHT(0, 0x10000ull)
#define CAP_FSTAT CAPRIGHT(0, 0x80000ull)
#define CAP_UNLINKAT CAPRIGHT(0, 0x10000400ull)
#define CAP_ACCEPT CAPRIGHT(0, 0x20000000ull)
#define CAP_SHUTDOWN CAPRIGHT(0, 0x4000000000ull)
#define CAP_CONNECTAT CAPRIGHT(0, 0x10000000400ull)
#define CAP_EVENT CAPRIGHT(1, 0x20ull)
#define CAP_KQUEUE CAPRIGHT(1, 0x100040ull)
#define CAP_IOCTL CAPRIGHT(1, 0x80ull)

typedef struct cap_rights {
	uint64_t cr_rights[2];
} cap_rights_t;

int cap_enter(void);
int cap_rights_limit(int fd, const cap_rights_t *rights);
int __cap_rights_get(int version, int fd, cap_rights_t *rights);
#define cap_rights_get(fd, rights) __cap_rights_get(0, fd, rights)
int cap_ioctls_limit(int fd, const unsigned long *codes, size_t n);
int cap_fcntls_limit(int fd, uint32_t which);

#endif
