/* SPDX-License-Identifier: ISC */
/* poller_freebsd.c: a kqueue that watches one descriptor, kqueue(2). */
#include "poller.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

int poller_open(void)
{
	const int fd = kqueue();

	if (fd != -1)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

int poller_watch(int poller, int fd, bool watch)
{
	const unsigned short flags = watch ? EV_ADD : EV_DELETE;
	struct kevent changes[2];

	EV_SET(&changes[0], (uintptr_t)fd, EVFILT_READ, flags, 0, 0, NULL);
	EV_SET(&changes[1], (uintptr_t)fd, EVFILT_WRITE, flags, 0, 0, NULL);
	return kevent(poller, changes, 2, NULL, 0, NULL);
}

/* What was noted stays so, and the kqueue readable, until it is asked for and found to be over. */
void poller_refresh(int poller)
{
	const struct timespec none = {0};
	struct kevent events[2];

	(void)kevent(poller, NULL, 0, events, 2, &none);
}
