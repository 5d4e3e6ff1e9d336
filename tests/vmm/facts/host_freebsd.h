/* SPDX-License-Identifier: ISC */
/* host_freebsd.h: FreeBSD's system calls, for the probes of what only FreeBSD has. */
#ifndef HUSK_FACTS_HOST_FREEBSD_H
#define HUSK_FACTS_HOST_FREEBSD_H

#include "facts.h"

/* FreeBSD sys/sys/syscall.h and the headers that the manual pages of section 2 name. */
enum {
	CALL_READ = 3, CALL_SOCKET = 97, CALL_FSYNC = 95, CALL_READV = 120, CALL_WRITEV = 121,
	CALL_FLOCK = 131, CALL_POLL = 209, CALL_PREAD = 475, CALL_PWRITE = 476, CALL_LSEEK = 478,
	CALL_FTRUNCATE = 480, CALL_FDATASYNC = 550,
	CALL_EXIT = 1, CALL_FORK = 2, CALL_WRITE = 4, CALL_OPEN = 5, CALL_CLOSE = 6, CALL_WAIT4 = 7,
	CALL_GETPID = 20, CALL_SETUID = 23, CALL_KILL = 37, CALL_IOCTL = 54, CALL_MPROTECT = 74,
	CALL_CLOCK_GETTIME = 232, CALL_NANOSLEEP = 240, CALL_SIGPROCMASK = 340,
	CALL_SIGACTION = 416, CALL_THR_EXIT = 431, CALL_THR_SELF = 432, CALL_THR_KILL = 433,
	CALL_THR_NEW = 455, CALL_MMAP = 477, CALL_SYSCTLBYNAME = 570,
};

/* In host_freebsd_<architecture>.S: the result, or minus the error's number. */
long system_call(long number, long a, long b, long c, long d, long e, long f);

long call1(long number, long a);
long call2(long number, long a, long b);
long call3(long number, long a, long b, long c);
long call4(long number, long a, long b, long c, long d);

/* poll(2) of one descriptor without waiting: what it says, of these events and those that always are. */
long poll_now(long fd, int events);

#define OPEN_READ 0
#define OPEN_WRITE 1
#define OPEN_BOTH 2
#define OPEN_NONBLOCK 4
#define POLL_IN 1
#define POLL_OUT 4

#endif
