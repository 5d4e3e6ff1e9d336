/* SPDX-License-Identifier: ISC */
/* capsicum_host_freebsd.c: the host calls of the sandbox on FreeBSD itself. */
#include "capsicum_host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* procctl(2); missing from the headers of 13. */
#define NO_NEW_PRIVILEGES 19

#define WORD_0(right) (CAPSICUM_WORD_0 | (right))
#define WORD_1(right) (CAPSICUM_WORD_1 | (right))

_Static_assert(CAPSICUM_ENOTCAPABLE == ENOTCAPABLE && CAPSICUM_ECAPMODE == ECAPMODE, "errno.h");
_Static_assert(sizeof(struct capsicum_rights) == sizeof(cap_rights_t), "cap_rights_t");
_Static_assert(WORD_0(CAPSICUM_READ | CAPSICUM_SEEK) == CAP_PREAD, "CAP_PREAD");
_Static_assert(WORD_0(CAPSICUM_WRITE | CAPSICUM_SEEK) == CAP_PWRITE, "CAP_PWRITE");
_Static_assert(WORD_0(CAPSICUM_CREATE) == CAP_CREATE, "CAP_CREATE");
_Static_assert(WORD_0(CAPSICUM_FSYNC) == CAP_FSYNC, "CAP_FSYNC");
_Static_assert(WORD_0(CAPSICUM_FTRUNCATE) == CAP_FTRUNCATE, "CAP_FTRUNCATE");
_Static_assert(WORD_0(CAPSICUM_FCNTL) == CAP_FCNTL, "CAP_FCNTL");
_Static_assert(WORD_0(CAPSICUM_FLOCK) == CAP_FLOCK, "CAP_FLOCK");
_Static_assert(WORD_0(CAPSICUM_FSTAT) == CAP_FSTAT, "CAP_FSTAT");
_Static_assert(WORD_0(CAPSICUM_LOOKUP | CAPSICUM_UNLINKAT) == CAP_UNLINKAT, "CAP_UNLINKAT");
_Static_assert(WORD_0(CAPSICUM_ACCEPT) == CAP_ACCEPT, "CAP_ACCEPT");
_Static_assert(WORD_0(CAPSICUM_SHUTDOWN) == CAP_SHUTDOWN, "CAP_SHUTDOWN");
_Static_assert(WORD_0(CAPSICUM_LOOKUP | CAPSICUM_CONNECTAT) == CAP_CONNECTAT, "CAP_CONNECTAT");
_Static_assert(WORD_1(CAPSICUM_EVENT) == CAP_EVENT, "CAP_EVENT");
_Static_assert(WORD_1(CAPSICUM_KQUEUE) == CAP_KQUEUE, "CAP_KQUEUE");
_Static_assert(WORD_1(CAPSICUM_IOCTL) == CAP_IOCTL, "CAP_IOCTL");

int capsicum_enter(void)
{
	return cap_enter();
}

int capsicum_limit(int fd, const struct capsicum_rights *rights)
{
	cap_rights_t theirs;

	memcpy(&theirs, rights, sizeof theirs);
	return cap_rights_limit(fd, &theirs);
}

int capsicum_rights_left(int fd, struct capsicum_rights *rights)
{
	cap_rights_t theirs;

	if (cap_rights_get(fd, &theirs) == -1)
		return -1;
	memcpy(rights, &theirs, sizeof *rights);
	return 0;
}

int capsicum_limit_ioctls(int fd, const unsigned long *codes, size_t n)
{
	return cap_ioctls_limit(fd, codes, n);
}

int capsicum_limit_fcntls(int fd)
{
	return cap_fcntls_limit(fd, 1u << F_GETFL | 1u << F_SETFL);
}

int capsicum_close_range(unsigned first, unsigned last)
{
	return close_range(first, last, 0);
}

int capsicum_process(enum capsicum_process what)
{
	static const struct {
		int command, value;
	} calls[] = {
		[CAPSICUM_NO_NEW_PRIVILEGES] = {NO_NEW_PRIVILEGES, 1},
		[CAPSICUM_NO_TRACE] = {PROC_TRACE_CTL, PROC_TRACE_CTL_DISABLE},
		[CAPSICUM_TRAP] = {PROC_TRAPCAP_CTL, PROC_TRAPCAP_CTL_ENABLE},
	};
	int value = calls[what].value;

	return procctl(P_PID, getpid(), calls[what].command, &value);
}

int capsicum_change_user(uint32_t uid, uint32_t gid)
{
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1)
		return -1;
	return setresuid(uid, uid, uid);
}

static bool has(const char *feature)
{
	int there = 0;
	size_t size = sizeof there;

	return sysctlbyname(feature, &there, &size, NULL, 0) == 0 && there != 0;
}

bool capsicum_is_recent(void)
{
	int date = 0;
	size_t size = sizeof date;

	return sysctlbyname("kern.osreldate", &date, &size, NULL, 0) == 0 && date >= 1500000;
}

bool capsicum_is_there(void)
{
	return has("kern.features.security_capabilities") &&
	       has("kern.features.security_capability_mode");
}
