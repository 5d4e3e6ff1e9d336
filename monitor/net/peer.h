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
 * Opens the directory of the socket, for the caller to keep and close, where it can be reached by
 * nothing else from then on; else -1, and connections are made by the path.
 */
int peer_directory(const struct sockaddr_un *address);

/* connect(2): address is constant or sealed. In directory, a symbolic link out of it is refused. */
int peer_connect(int directory, int fd, const struct sockaddr_un *address);

#endif
