/* SPDX-License-Identifier: ISC */
/* peer_freebsd.c: in capability mode a socket is found in its directory alone, connectat(2). */
#include "peer.h"

#include <fcntl.h>
#include <string.h>

int peer_directory(const struct sockaddr_un *address, int *directory)
{
	const int flags = O_SEARCH | O_DIRECTORY | O_CLOEXEC;
	const char *slash = strrchr(address->sun_path, '/');
	char path[sizeof address->sun_path] = ".";

	if (slash != NULL)
		memcpy(path, address->sun_path, (size_t)(slash - address->sun_path) + 1);
	*directory = open(path, flags);
	return *directory == -1 ? -1 : 0;
}

int peer_connect(int directory, int fd, const struct sockaddr_un *address)
{
	const char *slash = strrchr(address->sun_path, '/');
	struct sockaddr_un name = {.sun_len = sizeof name, .sun_family = AF_UNIX};

	if (directory == -1)
		return connect(fd, (const struct sockaddr *)address, sizeof *address);
	strcpy(name.sun_path, slash == NULL ? address->sun_path : slash + 1);
	return connectat(directory, fd, (const struct sockaddr *)&name, sizeof name);
}
