/* SPDX-License-Identifier: ISC */
/*
 * frames.c: the other end of a guest's network: numbered frames, tests/guests/frame.h.
 *
 *   frames IFACE echo COUNT BURST   sends COUNT frames, BURST at a time, and expects them back
 *   frames IFACE take COUNT         expects COUNT frames
 *   frames IFACE send COUNT [SIZE [FIRST]]  sends COUNT frames, all of SIZE bytes if that is given and not 0,
 *                                   from number FIRST on
 *
 * Says how many went how fast, or on standard error what was wrong, with exit status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../guests/frame.h"

#define FRAME_MAX 65536u
#define PATIENCE_MS 10000
#define QUEUE_BYTES (64 << 20)

static union {
	struct frame frame;
	uint8_t bytes[sizeof(struct frame) + FRAME_MAX];
} out, in;

struct peer {
	int fd;
	size_t max;		/* bytes of the longest frame */
};

static void fail(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * Linux net/core/link_watch.c: an interface that was just attached drops what is sent to it until
 * the kernel has seen to its carrier, which asking for it completes. Nobody sends twice here.
 */
static void await_carrier(const char *name, int fd)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq ifr = {.ifr_data = (char *)&link};
	double start = seconds();

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	while (link.data == 0) {
		if (ioctl(fd, SIOCETHTOOL, &ifr) == -1)
			fail(name);
		if (link.data == 0 && seconds() - start > PATIENCE_MS / 1000.0) {
			fprintf(stderr, "frames: %s: nobody is attached to it\n", name);
			exit(1);
		}
		if (link.data == 0)
			usleep(1000);
	}
}

static void peer_open(struct peer *p, const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = FRAME_TYPE};
	struct ifreq ifr = {0};
	int size = QUEUE_BYTES;

	at.sll_ifindex = (int)if_nametoindex(name);
	p->fd = socket(AF_PACKET, SOCK_RAW, FRAME_TYPE);
	if (at.sll_ifindex == 0 || p->fd == -1 ||
	    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1 ||
	    bind(p->fd, (struct sockaddr *)&at, sizeof at) == -1)
		fail(name);
	await_carrier(name, p->fd);
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (ioctl(p->fd, SIOCGIFMTU, &ifr) == -1)
		fail(name);
	p->max = (size_t)ifr.ifr_mtu + FRAME_HEADER;
}

/* Waits while the interface's queue is full. */
static void send_frame(const struct peer *p, uint64_t n, size_t size)
{
	memset(out.frame.to, 0xff, sizeof out.frame.to);
	frame_fill(&out.frame, n, size);
	while (send(p->fd, out.frame.to, size, 0) != (ssize_t)size) {
		if (errno != ENOBUFS)
			fail("send");
		usleep(1000);
	}
}

static void expect_frame(const struct peer *p, uint64_t n)
{
	struct pollfd ready = {.fd = p->fd, .events = POLLIN};
	struct sockaddr_ll from;
	socklen_t from_size = sizeof from;
	ssize_t size;

	do {
		if (poll(&ready, 1, PATIENCE_MS) != 1) {
			fprintf(stderr, "frames: number %llu does not come\n",
				(unsigned long long)n);
			exit(1);
		}
		size = recvfrom(p->fd, in.frame.to, FRAME_MAX, 0, (struct sockaddr *)&from,
				&from_size);
		if (size == -1)
			fail("receive");
	} while (from.sll_pkttype == PACKET_OUTGOING);
	if ((size_t)size == frame_size(n, p->max) && frame_good(&in.frame, n, (size_t)size))
		return;
	fprintf(stderr, "frames: %s frame of %zd bytes where number %llu was due: it says %llu\n",
		in.frame.words[0] == n ? "a damaged" : "another", size, (unsigned long long)n,
		(unsigned long long)in.frame.words[0]);
	exit(1);
}

static void echo(const struct peer *p, uint64_t count, uint64_t burst)
{
	for (uint64_t n = 0; n < count; n += burst) {
		for (uint64_t i = n; i < n + burst && i < count; i++)
			send_frame(p, i, frame_size(i, p->max));
		for (uint64_t i = n; i < n + burst && i < count; i++)
			expect_frame(p, i);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: frames IFACE echo COUNT BURST | take COUNT | send COUNT [SIZE [FIRST]]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t extra = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	uint64_t first = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
	double start = seconds();
	struct peer p;

	if (argc < 4 || extra > FRAME_MAX)
		return usage();
	peer_open(&p, argv[1]);
	if (strcmp(argv[2], "echo") == 0 && extra > 0)
		echo(&p, count, extra);
	else if (strcmp(argv[2], "take") == 0)
		for (uint64_t n = 0; n < count; n++)
			expect_frame(&p, n);
	else if (strcmp(argv[2], "send") == 0)
		for (uint64_t n = first; n < first + count; n++)
			send_frame(&p, n, extra > 0 ? extra : frame_size(n, p.max));
	else
		return usage();
	printf("%llu frames, %.0f a second\n", (unsigned long long)count,
	       (double)count / (seconds() - start));
	return 0;
}
