/* SPDX-License-Identifier: ISC */
/* descriptor_freebsd.c: finds out from FreeBSD what an inherited descriptor is. */
#include "descriptor.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tap_freebsd.h"

const char descriptor_pipe_hint[] = "give a connected socket of SOCK_DGRAM";

static enum descriptor_kind device_kind(int fd)
{
	unsigned type, mtu;

	if (tap_describe(fd, &type, &mtu) == -1)
		return DESCRIPTOR_DEVICE;
	return type == TAP_TYPE ? DESCRIPTOR_TAP : DESCRIPTOR_TUN;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == -1 ? -1 : value;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 || errno != ENOTCONN;
}

static enum descriptor_kind socket_kind(int fd)
{
	const int domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);

	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return DESCRIPTOR_SOCKET;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return DESCRIPTOR_SOCKET;
	if (socket_option(fd, SO_ACCEPTCONN) > 0)
		return DESCRIPTOR_LISTENING;
	if (!is_connected(fd))
		return DESCRIPTOR_UNCONNECTED;
	return type == SOCK_STREAM ? DESCRIPTOR_STREAM : DESCRIPTOR_DATAGRAMS;
}

enum descriptor_kind descriptor_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return DESCRIPTOR_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFCHR:
		return device_kind(fd);
	case S_IFSOCK:
		return socket_kind(fd);
	case S_IFIFO:
		return DESCRIPTOR_PIPE;
	case S_IFREG:
		return DESCRIPTOR_FILE;
	case S_IFDIR:
		return DESCRIPTOR_DIRECTORY;
	}
	return DESCRIPTOR_OTHER;
}

bool descriptor_records_are_marked(void)
{
	return true;
}

/* No socket that carries frames is bound to an interface here. */
unsigned descriptor_mtu(int fd)
{
	(void)fd;
	return 0;
}
