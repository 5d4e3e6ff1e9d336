/* SPDX-License-Identifier: ISC */
/* wake.c: an eventfd, which Linux has, and FreeBSD since 13.0. */
#include "wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_init(struct wake *w, struct husk_error *e)
{
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->fd == -1 ? husk_fail_sys(e, errno, "eventfd") : 0;
}

void wake_fini(struct wake *w)
{
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
}

void wake_signal(const struct wake *w)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)!write(w->fd, &one, sizeof one);
	errno = saved;
}

void wake_drain(const struct wake *w)
{
	uint64_t count;

	(void)!read(w->fd, &count, sizeof count);
}
