/* SPDX-License-Identifier: ISC */
/* peer.c: the host's end of a tap, in a network namespace of its own. */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/filter.h>

#include "net.h"

#define WAIT_MS 3000
#define ATTACH_TRIES 5000
#define ATTACH_STEP_US 1000
#define ATTACH_SETTLE_US 50000

/* Without IPv6 the interface is silent; where there is none, all the better. */
static void no_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)!write(fd, "1", 1);
	close(fd);
}

static struct ifreq request(short flags)
{
	struct ifreq ifr = {.ifr_flags = flags};

	memcpy(ifr.ifr_name, PEER_TAP, sizeof PEER_TAP);
	return ifr;
}

static int make_tap(void)
{
	struct ifreq ifr = request(IFF_TAP | IFF_NO_PI);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), rc = -1;

	if (fd == -1)
		return -1;
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		rc = ioctl(fd, TUNSETPERSIST, 1);
	close(fd);
	return rc;
}

static int interface_up(struct peer *p)
{
	struct ifreq ifr = request(IFF_UP);

	if (ioctl(p->fd, SIOCSIFFLAGS, &ifr) == -1 || ioctl(p->fd, SIOCGIFINDEX, &ifr) == -1)
		return -1;
	p->index = ifr.ifr_ifindex;
	return 0;
}

static int only_marked(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET_MARK_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {sizeof code / sizeof code[0], code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

/* Room for a burst that is not read yet. */
static int make_room(int fd)
{
	int size = PEER_BURST_MAX * 8192;

	return setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
}

static int bind_to(const struct peer *p)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(NET_TYPE),
				 .sll_ifindex = p->index};

	return bind(p->fd, (struct sockaddr *)&at, sizeof at);
}

const char *peer_open(struct peer *p)
{
	*p = (struct peer){.fd = -1};
	if (unshare(CLONE_NEWNET) == -1)
		return "a network namespace";
	no_ipv6();
	if (make_tap() == -1)
		return "a tap interface";
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (p->fd == -1 || only_marked(p->fd) == -1 || make_room(p->fd) == -1 ||
	    interface_up(p) == -1 || bind_to(p) == -1)
		return "a packet socket";
	return NULL;
}

void peer_close(struct peer *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
}

bool peer_await(const struct peer *p)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};
	char frame[NET_SIZE_MAX];
	ssize_t n;

	do {
		if (poll(&fd, 1, WAIT_MS) != 1)
			return false;
		n = recv(p->fd, frame, sizeof frame, MSG_DONTWAIT);
	} while (n == -1 && (errno == EAGAIN || errno == ENETDOWN));
	return n > 0;
}

/*
 * Linux net/core/link_watch.c: the kernel notices an attachment some time later, and drops frames
 * until then; soon after the interface says that it is running they pass.
 */
bool peer_attached(const struct peer *p)
{
	struct ifreq ifr = request(0);

	for (int i = 0; i < ATTACH_TRIES; i++) {
		usleep(ATTACH_STEP_US);
		if (ioctl(p->fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING) != 0)
			return usleep(ATTACH_SETTLE_US) == 0;
	}
	return false;
}

static void fill(unsigned char *frame, bool marked)
{
	memset(frame, 0, NET_SIZE_MAX);
	memset(frame, 0xff, 6);
	frame[6] = 0x02;
	frame[NET_TYPE_AT] = NET_TYPE >> 8;
	frame[NET_TYPE_AT + 1] = NET_TYPE & 0xff;
	frame[NET_MARK_AT] = marked;
}

bool peer_send(const struct peer *p, size_t size, size_t burst)
{
	unsigned char plain[NET_SIZE_MAX], last[NET_SIZE_MAX];
	struct iovec parts[2] = {{plain, size}, {last, size}};
	struct mmsghdr frames[PEER_BURST_MAX];
	size_t sent = 0;
	int n;

	fill(plain, false);
	fill(last, true);
	for (size_t i = 0; i < burst; i++)
		frames[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i + 1 == burst],
							 .msg_iovlen = 1}};
	while (sent < burst) {
		n = sendmmsg(p->fd, frames + sent, (unsigned)(burst - sent), 0);
		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	return true;
}
