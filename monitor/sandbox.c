/* SPDX-License-Identifier: ISC */
/* sandbox.c: collects what is needed once the sandbox is closed. */
#include "sandbox.h"

#include <fcntl.h>

/* No descriptor, no family of sockets, and no page that can be mapped. */
#define NONE UINT32_MAX

void sandbox_init(struct sandbox *s)
{
	*s = (struct sandbox){.makes = -1};
	for (int fd = 0; fd <= 2; fd++)
		sandbox_keep(s, fd, SANDBOX_PROGRAM);
	for (unsigned v = 0; v < SANDBOX_VALUES; v++)
		s->values[v] = NONE;
	s->values[SANDBOX_SEALED] = s->values[SANDBOX_SEALED_2] = s->values[SANDBOX_MAKE_NAME] = 0;
}

void sandbox_will_remove(struct sandbox *s, int dir)
{
	if (s->n_removes < SANDBOX_REMOVES_MAX)
		s->removes[s->n_removes++] = dir;
}

void sandbox_will_attach(struct sandbox *s)
{
	s->net_admin = true;
}

void sandbox_will_make(struct sandbox *s, int dir)
{
	s->makes = dir;
}

bool sandbox_may_remove(struct sandbox *s)
{
	if (!s->removes_only)
		return false;
	s->values[SANDBOX_LSTAT] = AT_SYMLINK_NOFOLLOW;
	s->values[SANDBOX_UNLINK] = 0;
	return true;
}

/* Sorted, each once. */
void sandbox_keep(struct sandbox *s, int fd, unsigned uses)
{
	unsigned i = s->n_keep;

	while (i > 0 && s->keep[i - 1] > fd)
		i--;
	if (fd < 0)
		return;
	if (i > 0 && s->keep[i - 1] == fd) {
		s->uses[i - 1] |= uses;
		return;
	}
	s->full |= s->n_keep == SANDBOX_KEEP_MAX;
	if (s->full)
		return;
	for (unsigned k = s->n_keep++; k > i; k--) {
		s->keep[k] = s->keep[k - 1];
		s->uses[k] = s->uses[k - 1];
	}
	s->keep[i] = fd;
	s->uses[i] = uses;
}

void sandbox_allow_ioctl(struct sandbox *s, int fd, unsigned long code)
{
	if (fd != -1 && s->n_ioctls < SANDBOX_IOCTLS_MAX)
		s->ioctls[s->n_ioctls++] = (struct sandbox_ioctl){fd, code};
}
