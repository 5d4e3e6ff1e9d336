/* SPDX-License-Identifier: ISC */
/*
 * stream.c: the host's side of one raw stream, tests/guests/stream.c: by a packet socket that leaves
 * checksums and segments to the interface, and takes them from it.
 *
 *   stream sink INTERFACE BYTES [check]     takes what a guest sends, answers, and says what it was
 *   stream source INTERFACE BYTES [small|six]  sends; small: one segment in each frame; six: over IPv6
 *   stream offloads INTERFACE none|some     says nothing if it leaves no, or some, checksums and segments to
 *                                           its reader
 *
 * What an interface cannot do is done by the kernel before it gets there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

/* After net/if.h, whose names they would define again. */
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>

#include "../guests/stream.h"

#define TIMEOUT_MS 20000
#define AGAIN_MS 100
#define BUFFER (16 << 20)

static unsigned char pattern[STREAM_PAYLOAD_MAX + STREAM_PERIOD];

static int fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, size = BUFFER;

	if (fd == -1 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) == -1 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		return -1;
	return fd;
}

/* The next frame behind its header; -1 if none comes for long. */
static ssize_t take(int fd, struct virtio_net_hdr *h, unsigned char *frame, size_t room)
{
	struct iovec parts[] = {{h, sizeof *h}, {frame, room}};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	errno = ETIMEDOUT;
	if (poll(&p, 1, TIMEOUT_MS) != 1)
		return -1;
	n = readv(fd, parts, 2);
	return n == -1 ? -1 : n - (ssize_t)sizeof *h;
}

static bool is_type(const unsigned char *frame, uint16_t type)
{
	return frame[12] == type >> 8 && frame[13] == (type & 0xff);
}

static bool send_word(int fd, uint16_t type)
{
	static unsigned char whole[sizeof(struct virtio_net_hdr) + STREAM_ANSWER_SIZE];

	stream_put(whole + sizeof(struct virtio_net_hdr) + 12, type);
	return send(fd, whole, sizeof whole, 0) == (ssize_t)sizeof whole;
}

/* An interface that has just got its carrier drops frames for a while. */
static bool begin(int fd)
{
	static unsigned char frame[0x11000];
	struct virtio_net_hdr h;

	for (int i = 0; i < TIMEOUT_MS / AGAIN_MS; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (!send_word(fd, STREAM_GO))
			return false;
		while (poll(&p, 1, AGAIN_MS) == 1)
			if (take(fd, &h, frame, sizeof frame) >= 14 && is_type(frame, STREAM_ANSWER))
				return true;
	}
	errno = ETIMEDOUT;
	return false;
}

/* What a guest sent: its payload, and its checksum where it is said to be there. */
static bool is_right(const struct virtio_net_hdr *h, const unsigned char *frame, size_t size)
{
	const uint32_t offset = stream_offset(frame);
	const size_t before = stream_size(stream_is_six(frame));

	for (size_t i = before; i < size; i++)
		if (frame[i] != (offset + i - before) % STREAM_PERIOD)
			return false;
	return (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 || stream_is_whole(frame, size);
}

static int sink(int fd, unsigned long long bytes, bool checks)
{
	static unsigned char frame[0x11000];
	unsigned long long got = 0, unfinished = 0, wrong = 0;
	struct virtio_net_hdr h;
	size_t largest = 0;
	double began = 0;

	if (!begin(fd))
		return fail("the guest does not answer");
	while (got < bytes) {
		const unsigned long long before = got / STREAM_WINDOW;
		ssize_t n = take(fd, &h, frame, sizeof frame);

		if (n == -1)
			return fail("no frame comes");
		if (n <= (ssize_t)STREAM_HEADERS_MAX ||
		    (!is_type(frame, STREAM_IP) && !is_type(frame, STREAM_IPV6)))
			continue;
		began = began == 0 ? now() : began;
		got += (size_t)n - stream_size(stream_is_six(frame));
		largest = (size_t)n > largest ? (size_t)n : largest;
		unfinished += (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
		wrong += checks && !is_right(&h, frame, (size_t)n);
		if (got / STREAM_WINDOW != before && !send_word(fd, STREAM_ANSWER))
			return fail("no answer can be sent");
	}
	printf("largest %zu unfinished %llu wrong %llu MB/s %.1f\n", largest, unfinished, wrong,
	       (double)bytes / (now() - began) / 1e6);
	return wrong != 0;
}

static bool send_segments(int fd, bool six, uint32_t offset, size_t size)
{
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = (uint16_t)stream_tcp(six), .csum_offset = 16,
	};
	struct stream_header headers;
	const size_t before = stream_size(six);
	struct iovec parts[] = {
		{&h, sizeof h}, {headers.bytes, before}, {pattern + offset % STREAM_PERIOD, size},
	};

	if (size > stream_segment(six)) {
		h.gso_type = six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		h.gso_size = (uint16_t)stream_segment(six);
		h.hdr_len = (uint16_t)before;
	}
	stream_headers(&headers, six, offset, size, NULL);
	return writev(fd, parts, 3) == (ssize_t)(sizeof h + before + size);
}

static unsigned long long answers_until(int fd, unsigned long long got, unsigned long long least)
{
	static unsigned char frame[0x11000];
	struct virtio_net_hdr h;

	while (got < least) {
		ssize_t n = take(fd, &h, frame, sizeof frame);

		if (n == -1)
			return got;
		got += is_type(frame, STREAM_ANSWER);
	}
	return got;
}

static int source(int fd, unsigned long long bytes, bool small, bool six)
{
	const size_t most = stream_segment(six) * (small ? 1 : STREAM_SEGMENTS);
	unsigned long long got = 0, least;
	double began = now();

	if (!begin(fd))
		return fail("the guest does not answer");
	for (unsigned long long at = 0; at < bytes; ) {
		const unsigned long long left = bytes - at;
		const size_t size = left < most ? (size_t)left : most;

		least = at / STREAM_WINDOW;
		least -= least > STREAM_AHEAD ? STREAM_AHEAD : least;
		got = answers_until(fd, got, least);
		if (got < least)
			return fail("no answer comes");
		if (!send_segments(fd, six, (uint32_t)at, size))
			return fail("a frame cannot be sent");
		at += size;
	}
	least = bytes / STREAM_WINDOW;
	if (answers_until(fd, got, least) < least)
		return fail("no answer comes in the end");
	printf("MB/s %.1f\n", (double)bytes / (now() - began) / 1e6);
	return 0;
}

/* ethtool's question; more than 0: yes. */
static int asks(int fd, const char *interface, unsigned question)
{
	struct ethtool_value value = {.cmd = question};
	struct ifreq ifr = {.ifr_data = (char *)&value};

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
	return ioctl(fd, SIOCETHTOOL, &ifr) == -1 ? -1 : (int)value.data;
}

static int offloads(const char *interface, bool some)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), csum, tso;

	csum = asks(fd, interface, ETHTOOL_GTXCSUM);
	tso = asks(fd, interface, ETHTOOL_GTSO);
	if (csum != -1 && tso != -1 && (csum + tso > 0) == some)
		return 0;
	printf("checksums %d segments %d\n", csum, tso);
	return 1;
}

int main(int argc, char **argv)
{
	const char *word = argc == 5 ? argv[4] : "";
	unsigned long long bytes;
	int fd;

	if (argc != 4 && argc != 5)
		return fail("sink|source INTERFACE BYTES [check|small|six], or offloads INTERFACE none|some");
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i % STREAM_PERIOD);
	if (strcmp(argv[1], "offloads") == 0)
		return offloads(argv[2], strcmp(argv[3], "some") == 0);
	fd = open_socket(argv[2]);
	bytes = strtoull(argv[3], NULL, 10);
	if (fd == -1)
		return fail(argv[2]);
	printf("ready\n");
	fflush(stdout);
	if (strcmp(argv[1], "sink") == 0)
		return sink(fd, bytes, strcmp(word, "check") == 0);
	return source(fd, bytes, strcmp(word, "small") == 0, strcmp(word, "six") == 0);
}
