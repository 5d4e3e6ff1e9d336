/* SPDX-License-Identifier: ISC */
/* absent.c: calls of FreeBSD that Linux lacks; a test that is about one has its own instead. */
#include <errno.h>
#include <sys/cpuset.h>
#include <sys/event.h>
#include <sys/mount.h>
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
