/* SPDX-License-Identifier: ISC */
/* descriptor_linux.c: finds out from Linux what an inherited descriptor is. */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_packet.h>
#include <linux/if_tun.h>

const char descriptor_pipe_hint[] = "open it in packet mode (O_DIRECT), or give a connected socket of "
	"SOCK_DGRAM or SOCK_SEQPACKET";

static enum descriptor_kind device_kind(int fd)
{
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNGETIFF, &ifr) == -1)
		return errno == EBADFD ? DESCRIPTOR_NO_INTERFACE : DESCRIPTOR_DEVICE;
	if (ifr.ifr_name[0] == '\0')
		return DESCRIPTOR_DEVICE;
	return (ifr.ifr_flags & IFF_TAP) != 0 ? DESCRIPTOR_TAP : DESCRIPTOR_TUN;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == -1 ? -1 : value;
}

/* packet(7): the index of the interface that it is bound to, 0 if to none. */
static int packet_interface(int fd)
{
	struct sockaddr_ll at = {0};
	socklen_t size = sizeof at;

	return getsockname(fd, (struct sockaddr *)&at, &size) == -1 ? 0 : at.sll_ifindex;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 || errno != ENOTCONN;
}

/* Those of SOCK_DGRAM come without the Ethernet header. */
static enum descriptor_kind packet_kind(int fd)
{
	if (socket_option(fd, SO_TYPE) != SOCK_RAW)
		return DESCRIPTOR_SOCKET;
	return packet_interface(fd) != 0 ? DESCRIPTOR_DATAGRAMS : DESCRIPTOR_UNCONNECTED;
}

static enum descriptor_kind socket_kind(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);

	if (domain == AF_PACKET)
		return packet_kind(fd);
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6 && domain != AF_VSOCK)
		return DESCRIPTOR_SOCKET;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return DESCRIPTOR_SOCKET;
	if (socket_option(fd, SO_ACCEPTCONN) > 0)
		return DESCRIPTOR_LISTENING;
	if (!is_connected(fd))
		return DESCRIPTOR_UNCONNECTED;
	return type == SOCK_STREAM ? DESCRIPTOR_STREAM : DESCRIPTOR_DATAGRAMS;
}

/* pipe(2): O_DIRECT is packet mode. */
static enum descriptor_kind pipe_kind(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & O_DIRECT) != 0 ? DESCRIPTOR_PACKET_PIPE : DESCRIPTOR_PIPE;
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
		return pipe_kind(fd);
	case S_IFREG:
		return DESCRIPTOR_FILE;
	case S_IFDIR:
		return DESCRIPTOR_DIRECTORY;
	case S_IFBLK:
		return DESCRIPTOR_DEVICE;
	}
	return DESCRIPTOR_OTHER;
}

bool descriptor_records_are_marked(void)
{
	return false;
}

unsigned descriptor_mtu(int fd)
{
	struct ifreq ifr = {0};

	if (socket_option(fd, SO_DOMAIN) != AF_PACKET)
		return 0;
	ifr.ifr_ifindex = packet_interface(fd);
	if (ioctl(fd, SIOCGIFNAME, &ifr) == -1 || ioctl(fd, SIOCGIFMTU, &ifr) == -1 ||
	    ifr.ifr_mtu <= 0)
		return 0;
	return (unsigned)ifr.ifr_mtu;
}
