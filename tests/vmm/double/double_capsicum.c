/* SPDX-License-Identifier: ISC */
/* double_capsicum.c: the stand-in's side of capsicum_host.h: limits of its own descriptors, and the mode. */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include "capsicum_host.h"

#define CODES_MAX 256		/* cap_ioctls_limit(2), IOCTLS_MAX_COUNT */

/* The process's; what is no descriptor of the stand-in's keeps its rights. */
static bool in_mode, traps;

bool capsicum_mode(void)
{
	return in_mode;
}

/* The signal that FreeBSD sends in place of the error, if it was asked for. */
int capsicum_refuse(int error)
{
	if (in_mode && traps)
		(void)raise(SIGTRAP);
	return error;
}

/* Each call is one system call, whatever the stand-in makes of it. */
static int result(int error)
{
	mark_end(error == 0);
	errno = error == 0 ? errno : error;
	return error == 0 ? 0 : -1;
}

int capsicum_enter(void)
{
	mark_begin("cap_enter");
	in_mode = true;
	return result(0);
}

/* Marks and versions must be right, and bits known: FreeBSD sys/capsicum.h of 13. */
static bool is_valid(const struct capsicum_rights *r)
{
	return (r->word[0] & ~UINT64_C(0xfffffffffff)) == CAPSICUM_WORD_0 &&
	       (r->word[1] & ~UINT64_C(0x1fffff)) == CAPSICUM_WORD_1;
}

int capsicum_limit(int fd, const struct capsicum_rights *rights)
{
	mark_begin("cap_rights_limit");
	if (fcntl(fd, F_GETFD) == -1)
		return result(EBADF);
	if (!is_valid(rights))
		return result(EINVAL);
	return result(double_limit(fd, (rights->word[1] & CAPSICUM_IOCTL) != 0));
}

/* Of nobody but husk are there limits here, and it narrows each descriptor once. */
int capsicum_rights_left(int fd, struct capsicum_rights *rights)
{
	(void)rights;
	mark_begin("cap_rights_get");
	return result(fcntl(fd, F_GETFD) == -1 ? EBADF : ENOSYS);
}

int capsicum_limit_ioctls(int fd, const unsigned long *codes, size_t n)
{
	mark_begin("cap_ioctls_limit");
	if (fcntl(fd, F_GETFD) == -1)
		return result(EBADF);
	return result(n > CODES_MAX ? EINVAL : double_limit_ioctls(fd, codes, n));
}

int capsicum_limit_fcntls(int fd)
{
	mark_begin("cap_fcntls_limit");
	return result(fcntl(fd, F_GETFD) == -1 ? EBADF : 0);
}

/* But for the stand-in's own; newer than the headers of some systems, and one number everywhere. */
int capsicum_close_range(unsigned first, unsigned last)
{
	long rc = 0;

	mark_begin("close_range");
	while (first <= last && rc == 0) {
		const unsigned own = double_own_from(first);

		if (own > first)
			rc = syscall(436, first, own <= last ? own - 1 : last, 0u);
		if (own >= last)
			break;
		first = own + 1;
	}
	return result(rc == -1 ? errno : 0);
}

int capsicum_process(enum capsicum_process what)
{
	mark_begin("procctl");
	if (what == CAPSICUM_NO_NEW_PRIVILEGES && double_personality()->release < 14)
		return result(EINVAL);
	traps |= what == CAPSICUM_TRAP;
	return result(0);
}

int capsicum_change_user(uint32_t uid, uint32_t gid)
{
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1)
		return -1;
	return setresuid(uid, uid, uid);
}

bool capsicum_is_recent(void)
{
	return double_personality()->release >= 15;
}

bool capsicum_is_there(void)
{
	return true;
}
