/* SPDX-License-Identifier: ISC */
/* sys/mman.h: what husk and its tests use of FreeBSD's <sys/mman.h>. */
#ifndef HUSK_FREEBSD_SYS_MMAN_H
#define HUSK_FREEBSD_SYS_MMAN_H

#include <sys/types.h>

#define PROT_NONE 0x00
#define PROT_READ 0x01
#define PROT_WRITE 0x02

#define MAP_SHARED 0x0001
#define MAP_PRIVATE 0x0002
#define MAP_FIXED 0x0010
#define MAP_ANONYMOUS 0x1000
#define MAP_NOCORE 0x00020000
#define MAP_FAILED ((void *)-1)

#define MADV_DONTNEED 4
#define MADV_FREE 5
#define MADV_NOCORE 8

#define MFD_CLOEXEC 0x00000001u

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int munmap(void *at, size_t len);
int mprotect(void *at, size_t len, int prot);
int madvise(void *at, size_t len, int advice);
int memfd_create(const char *name, unsigned flags);

#endif
