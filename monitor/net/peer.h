/* SPDX-License-Identifier: ISC */
/*
 * peer.h: connecting to a Unix socket, also once the sandbox is closed. One file per system implements
 * it.
 */
#ifndef HUSK_PEER_H
#define HUSK_PEER_H

#include <sys/socket.h>
#include <sys/un.h>

/*
 * Where a socket can be reached by nothing but its directory once the sandbox is closed, that is opened,
 * for the caller to keep and close; elsewhere *directory is -1, and connections are made by the path.
 * Returns -1 and errno, with *directory -1, if it cannot be opened.
 */
int peer_directory(const struct sockaddr_un *address, int *directory);

/* connect(2): address is constant or sealed. In directory, a symbolic link out of it is refused. */
int peer_connect(int directory, int fd, const struct sockaddr_un *address);

#endif
