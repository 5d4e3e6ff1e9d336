/* SPDX-License-Identifier: ISC */
/*
 * place_linux.c: addresses of sockets relative to an open directory, which Linux has by way of
 * /proc/self/fd.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "place_host.h"

#define VIA "/proc/self/fd/%d"

void unix_place_find_way(struct unix_place *p)
{
	char via[sizeof VIA + 12];
	struct stat there, here;

	snprintf(via, sizeof via, VIA, p->dir);
	p->by_path = stat(via, &there) == -1 || fstat(p->dir, &here) == -1 ||
		     there.st_dev != here.st_dev || there.st_ino != here.st_ino;
}

static int address_of(const struct unix_place *p, bool by_path, const char *suffix,
		      struct sockaddr_un *address)
{
	const char *end = suffix == NULL ? "" : suffix;
	const size_t room = sizeof address->sun_path;
	int len;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	len = by_path ? snprintf(address->sun_path, room, "%s%s", p->path, end) :
	      snprintf(address->sun_path, room, VIA "/%s%s", p->dir, p->name, end);
	return (size_t)len < room ? 0 : -ENAMETOOLONG;
}

int unix_place_connect(const struct unix_place *p, const char *suffix, int fd)
{
	struct sockaddr_un address;
	int rc = address_of(p, p->by_path, suffix, &address);

	while (rc == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == -1)
		if (errno != EINTR)
			rc = -errno;
	return rc;
}

/* By the path where that is possible: it is what others are shown as the socket's name. */
int unix_place_bind(const struct unix_place *p, int fd)
{
	struct sockaddr_un address;
	int rc = address_of(p, true, NULL, &address);

	if (rc != 0 && !p->by_path)
		rc = address_of(p, false, NULL, &address);
	if (rc == 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
		rc = -errno;
	return rc;
}
