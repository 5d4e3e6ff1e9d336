/* SPDX-License-Identifier: ISC */
/*
 * capsicum_host.h: the host calls of FreeBSD's sandbox, in one place, so that tests can link a
 * stand-in of its kernel instead of them.
 *
 * Each is the system call of its name: -1 and errno on failure. Any thread.
 */
#ifndef HUSK_CAPSICUM_HOST_H
#define HUSK_CAPSICUM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FreeBSD sys/capsicum.h; struct cap_rights: two words, of which the top bits say which is which. */
struct capsicum_rights {
	uint64_t word[2];
};

/* errno.h: a right is missing; the call is none of capability mode's. Linux has no such errors. */
#define CAPSICUM_ENOTCAPABLE 93
#define CAPSICUM_ECAPMODE 94

#define CAPSICUM_WORD_0 (UINT64_C(1) << 57)	/* in word 0 always, */
#define CAPSICUM_WORD_1 (UINT64_C(1) << 58)	/* in word 1 */

enum capsicum_word_0 {
	CAPSICUM_READ = 0x1,
	CAPSICUM_WRITE = 0x2,
	CAPSICUM_SEEK = 0xc,
	CAPSICUM_CREATE = 0x40,
	CAPSICUM_FSYNC = 0x100,
	CAPSICUM_FTRUNCATE = 0x200,
	CAPSICUM_LOOKUP = 0x400,
	CAPSICUM_FCNTL = 0x8000,
	CAPSICUM_FLOCK = 0x10000,
	CAPSICUM_FSTAT = 0x80000,
	CAPSICUM_UNLINKAT = 0x10000000,
	CAPSICUM_ACCEPT = 0x20000000,
};
#define CAPSICUM_SHUTDOWN UINT64_C(0x4000000000)
#define CAPSICUM_CONNECTAT UINT64_C(0x10000000000)

enum capsicum_word_1 {
	CAPSICUM_EVENT = 0x20,
	CAPSICUM_KQUEUE = 0x100040,
	CAPSICUM_IOCTL = 0x80,
};

/* cap_enter(2), for all threads and for ever. */
int capsicum_enter(void);

/* cap_rights_limit(2). ENOTCAPABLE: it has fewer already. */
int capsicum_limit(int fd, const struct capsicum_rights *rights);

/* cap_rights_get(2): what is left. */
int capsicum_rights_left(int fd, struct capsicum_rights *rights);

/* cap_ioctls_limit(2): of a descriptor with CAPSICUM_IOCTL. */
int capsicum_limit_ioctls(int fd, const unsigned long *codes, size_t n);

/* cap_fcntls_limit(2), with CAPSICUM_FCNTL: F_GETFL and, if set, F_SETFL are left. */
int capsicum_limit_fcntls(int fd);

/* close_range(2). */
int capsicum_close_range(unsigned first, unsigned last);

/* procctl(2) of this process. */
enum capsicum_process {
	CAPSICUM_NO_NEW_PRIVILEGES,	/* PROC_NO_NEW_PRIVS_CTL, since 14 */
	CAPSICUM_NO_TRACE,		/* PROC_TRACE_CTL: neither debuggers nor core files */
	CAPSICUM_TRAP,			/* PROC_TRAPCAP_CTL: SIGTRAP where ECAPMODE or ENOTCAPABLE is due */
};
int capsicum_process(enum capsicum_process what);

/* setgroups, setresgid and setresuid, to these alone. */
int capsicum_change_user(uint32_t uid, uint32_t gid);

/* Whether the kernel has both capabilities and capability mode. */
bool capsicum_is_there(void);

/* FreeBSD 15 or later, where a machine can be destroyed in capability mode. */
bool capsicum_is_recent(void);

#endif
