/* SPDX-License-Identifier: ISC */
/* given.c: the sockets of a network device that is the program's own. */
#include "given.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (256 << 10)	/* bytes that wait for the guest; hosts have less by default, or less in all */
#define FRAME_MIN 14u		/* Ethernet's header */
#define FRAME_MAX (UINT16_MAX + 14u + 8u)	/* an IP packet, the header and two tags */

/* The host may grant less. */
static void widen(int fd)
{
	const int room = ROOM;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

static int make_pair(struct given_net *n)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == -1)
		return -1;
	n->program = ends[0];
	n->device = ends[1];
	widen(n->program);
	widen(n->device);
	return 0;
}

struct given_net *given_net_new(const struct given_net *what, struct husk_error *e)
{
	struct given_net *n = malloc(sizeof *n);

	if (n == NULL) {
		husk_fail_sys(e, ENOMEM, "network device");
		return NULL;
	}
	*n = *what;
	if (make_pair(n) == 0)
		return n;
	husk_fail_sys(e, errno, "network device");
	free(n);
	return NULL;
}

int given_net_deliver(const struct given_net *n, const void *frame, size_t len, struct husk_error *e)
{
	if (len < FRAME_MIN || len > FRAME_MAX)
		return husk_fail_sys(e, EMSGSIZE, "a frame of %zu bytes", len);
	if (send(n->program, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
		return 0;
	return husk_fail_sys(e, errno == ENOBUFS ? EAGAIN : errno, "a frame of %zu bytes", len);
}

void given_net_free(struct given_net *n)
{
	if (n == NULL)
		return;
	close(n->program);
	close(n->device);
	free(n);
}
