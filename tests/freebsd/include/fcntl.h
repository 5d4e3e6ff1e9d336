/* SPDX-License-Identifier: ISC */
/* fcntl.h: what husk and its tests use of FreeBSD's <fcntl.h>. */
#ifndef HUSK_FREEBSD_FCNTL_H
#define HUSK_FREEBSD_FCNTL_H

#include <sys/types.h>

#define O_RDONLY 0x0000
#define O_WRONLY 0x0001
#define O_RDWR 0x0002
#define O_ACCMODE 0x0003
#define O_NONBLOCK 0x0004
#define O_APPEND 0x0008
#define O_SYNC 0x0080
#define O_NOFOLLOW 0x0100
#define O_CREAT 0x0200
#define O_TRUNC 0x0400
#define O_EXCL 0x0800
#define O_NOCTTY 0x8000
#define O_DIRECT 0x00010000
#define O_DIRECTORY 0x00020000
#define O_SEARCH 0x00040000
#define O_CLOEXEC 0x00100000
#define O_PATH 0x00400000
#define O_DSYNC 0x01000000
#define O_EMPTY_PATH 0x02000000

#define AT_FDCWD -100
#define AT_EACCESS 0x0100
#define AT_SYMLINK_NOFOLLOW 0x0200

#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETLK 11
#define F_DUPFD_CLOEXEC 17
#define F_GET_SEALS 20
#define F_SEAL_WRITE 0x0008
#define FD_CLOEXEC 1

#define F_RDLCK 1
#define F_UNLCK 2
#define F_WRLCK 3

#define LOCK_SH 0x01
#define LOCK_EX 0x02
#define LOCK_NB 0x04
#define LOCK_UN 0x08

#define POSIX_FADV_WILLNEED 3

struct flock {
	off_t l_start, l_len;
	pid_t l_pid;
	short l_type, l_whence;
	int l_sysid;
};

int open(const char *path, int flags, ...);
int openat(int dir, const char *path, int flags, ...);
int fcntl(int fd, int command, ...);
int flock(int fd, int operation);
int posix_fadvise(int fd, off_t offset, off_t len, int advice);

#endif
