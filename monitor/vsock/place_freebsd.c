/* SPDX-License-Identifier: ISC */
/* place_freebsd.c: addresses of sockets relative to an open directory: connectat(2), bindat(2). */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "place_host.h"

void unix_place_find_way(struct unix_place *p)
{
	p->by_path = false;
}

static int address_of(const struct unix_place *p, const char *suffix, struct sockaddr_un *address)
{
	const size_t room = sizeof address->sun_path;
	int len;

	*address = (struct sockaddr_un){.sun_len = sizeof *address, .sun_family = AF_UNIX};
	len = snprintf(address->sun_path, room, "%s%s", p->name, suffix == NULL ? "" : suffix);
	return (size_t)len < room ? 0 : -ENAMETOOLONG;
}

int unix_place_connect(const struct unix_place *p, const char *suffix, int fd)
{
	struct sockaddr_un address;
	int rc = address_of(p, suffix, &address);

	while (rc == 0 && connectat(p->dir, fd, (const struct sockaddr *)&address,
				    sizeof address) == -1)
		if (errno != EINTR)
			rc = -errno;
	return rc;
}

int unix_place_bind(const struct unix_place *p, int fd)
{
	struct sockaddr_un address;
	int rc = address_of(p, NULL, &address);

	if (rc == 0 && bindat(p->dir, fd, (const struct sockaddr *)&address, sizeof address) == -1)
		rc = -errno;
	return rc;
}
