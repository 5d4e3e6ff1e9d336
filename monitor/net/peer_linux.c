/* SPDX-License-Identifier: ISC */
/* peer_linux.c: by path, which a system call filter can allow for exactly this address. */
#include "peer.h"

int peer_directory(const struct sockaddr_un *address, int *directory)
{
	(void)address;
	*directory = -1;
	return 0;
}

int peer_connect(int directory, int fd, const struct sockaddr_un *address)
{
	(void)directory;
	return connect(fd, (const struct sockaddr *)address, sizeof *address);
}
