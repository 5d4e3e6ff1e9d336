/* SPDX-License-Identifier: ISC */
/* poller_linux.c: an epoll instance that watches one descriptor, epoll(7). */
#include "poller.h"

#include <sys/epoll.h>

int poller_open(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

int poller_watch(int poller, int fd, bool watch)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};

	return epoll_ctl(poller, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
}

/* Whoever polls an epoll instance makes it look. */
void poller_refresh(int poller)
{
	(void)poller;
}
