/* SPDX-License-Identifier: ISC */
/* absent.c: calls of FreeBSD that Linux lacks; a test that is about one has its own instead. */
#include <errno.h>
#include <sys/capsicum.h>
#include <sys/cpuset.h>
#include <sys/event.h>
#include <sys/mount.h>
#include <sys/procctl.h>
#include <sys/socket.h>
#include <sys/sysctl.h>

#define ABSENT __attribute__((__weak__))

int *__error(void)
{
	static int error;

	return &error;
}

static int absent(void)
{
	errno = ENOSYS;
	return -1;
}

ABSENT int kqueue(void)
{
	return absent();
}

ABSENT int kevent(int kq, const struct kevent *changes, int n_changes, struct kevent *events,
		  int n_events, const struct timespec *timeout)
{
	(void)kq, (void)changes, (void)n_changes, (void)events, (void)n_events, (void)timeout;
	return absent();
}

ABSENT int getmntinfo(struct statfs **all, int mode)
{
	(void)all, (void)mode;
	return absent();
}

ABSENT int sysctlbyname(const char *name, void *old, size_t *old_len, const void *new,
			size_t new_len)
{
	(void)name, (void)old, (void)old_len, (void)new, (void)new_len;
	return absent();
}

ABSENT int cpuset_getaffinity(int level, int which, int64_t id, size_t size, cpuset_t *mask)
{
	(void)level, (void)which, (void)id, (void)size, (void)mask;
	return absent();
}

ABSENT int cap_enter(void)
{
	return absent();
}

ABSENT int cap_rights_limit(int fd, const cap_rights_t *rights)
{
	(void)fd, (void)rights;
	return absent();
}

ABSENT int __cap_rights_get(int version, int fd, cap_rights_t *rights)
{
	(void)version, (void)fd, (void)rights;
	return absent();
}

ABSENT int cap_ioctls_limit(int fd, const unsigned long *codes, size_t n)
{
	(void)fd, (void)codes, (void)n;
	return absent();
}

ABSENT int cap_fcntls_limit(int fd, uint32_t which)
{
	(void)fd, (void)which;
	return absent();
}

ABSENT int procctl(idtype_t type, id_t id, int command, void *data)
{
	(void)type, (void)id, (void)command, (void)data;
	return absent();
}

ABSENT int connectat(int dir, int fd, const struct sockaddr *to, socklen_t size)
{
	(void)dir, (void)fd, (void)to, (void)size;
	return absent();
}
