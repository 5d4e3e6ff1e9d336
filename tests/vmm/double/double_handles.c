/* SPDX-License-Identifier: ISC */
/* double_handles.c: the stand-in's open descriptors, and what Capsicum has left them. */
#include "double_handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capsicum_host.h"

/* The process's, as in the kernel. */
static struct handle *handles;

struct handle *handle_of(int fd)
{
	struct handle *h = handles;

	while (h != NULL && h->fd != fd)
		h = h->next;
	return h;
}

int handle_open(bool control, struct machine *m, int flags)
{
	struct handle *h = calloc(1, sizeof *h);

	if (h == NULL) {
		errno = ENOMEM;
		return -1;
	}
	h->fd = open("/dev/null", O_RDWR | (flags & O_CLOEXEC));
	if (h->fd == -1) {
		free(h);
		return -1;
	}
	h->access = flags & O_ACCMODE;
	h->control = control;
	h->machine = m;
	memset(h->locks, -1, sizeof h->locks);
	h->next = handles;
	handles = h;
	return h->fd;
}

static void release_locks(struct handle *h)
{
	for (size_t i = 0; i < sizeof h->locks / sizeof h->locks[0]; i++)
		if (h->locks[i] != -1)
			close(h->locks[i]);
}

bool handle_forget(int fd)
{
	struct handle **at = &handles, *h;

	while (*at != NULL && (*at)->fd != fd)
		at = &(*at)->next;
	h = *at;
	if (h == NULL)
		return false;
	*at = h->next;
	release_locks(h);
	free(h->codes);
	free(h);
	return true;
}

bool handle_has(const struct machine *m)
{
	const struct handle *h = handles;

	while (h != NULL && h->machine != m)
		h = h->next;
	return h != NULL;
}

unsigned handle_nearer(unsigned best, int fd, unsigned number)
{
	return fd >= 0 && (unsigned)fd >= number && (unsigned)fd < best ? (unsigned)fd : best;
}

unsigned handle_own_from(unsigned number)
{
	unsigned best = ~0u;

	for (const struct handle *h = handles; h != NULL; h = h->next)
		for (size_t i = 0; i < sizeof h->locks / sizeof h->locks[0]; i++)
			best = handle_nearer(best, h->locks[i], number);
	return best;
}

/* ---- limits ---- */

int double_limit(int fd, bool ioctls)
{
	struct handle *h;
	sigset_t mask;
	int error = 0;

	giant_lock(&mask);
	h = handle_of(fd);
	if (h != NULL && h->no_ioctl && ioctls)
		error = CAPSICUM_ENOTCAPABLE;
	else if (h != NULL) {
		h->limited = true;
		h->no_ioctl = !ioctls;
	}
	giant_unlock(&mask);
	return error;
}

static int limit_codes(struct handle *h, const unsigned long *codes, size_t n)
{
	unsigned long *copy;

	if (h->no_ioctl || h->codes != NULL)
		return CAPSICUM_ENOTCAPABLE;
	copy = malloc((n + 1) * sizeof *copy);
	if (copy == NULL)
		return ENOMEM;
	memcpy(copy, codes, n * sizeof *copy);
	h->codes = copy;
	h->n_codes = n;
	return 0;
}

int double_limit_ioctls(int fd, const unsigned long *codes, size_t n)
{
	struct handle *h;
	sigset_t mask;
	int error;

	giant_lock(&mask);
	h = handle_of(fd);
	error = h == NULL ? 0 : limit_codes(h, codes, n);
	giant_unlock(&mask);
	return error;
}

bool handle_may_ioctl(const struct handle *h, unsigned long code)
{
	if (h->no_ioctl)
		return false;
	for (size_t i = 0; h->codes != NULL && i < h->n_codes; i++)
		if (h->codes[i] == code)
			return true;
	return h->codes == NULL;
}
