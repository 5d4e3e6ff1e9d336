/* SPDX-License-Identifier: ISC */
/*
 * stream.c: the host's side of one raw stream, tests/guests/stream.c: by a packet socket that leaves
 * checksums and segments to the interface, and takes them from it.
 *
 *   stream sink INTERFACE BYTES [WORD]...    takes what a guest sends, answers, and says what it was
 *   stream source INTERFACE BYTES [WORD]...  sends
 *   stream offloads INTERFACE none|some      says nothing if it leaves no, or some, checksums and segments to
 *                                            its reader
 *   stream tx INTERFACE on|off               has it take such, or not
 *
 * check  payloads are looked at, and checksums
 * small  one segment in each frame
 * six    over IPv6
 * tcp    sends by the kernel's TCP, or has that take the stream as well: 10.9.0.1 and fd09::1 are the host's,
 *        and room for it all in one flight is the route's affair (initcwnd)
 *
 * What an interface cannot do is done by the kernel before it gets there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

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

/* ---- the kernel's TCP ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* As the headers of the stream have it. */
static union address address_of(bool host, bool six)
{
	const in_port_t port = htons(host ? 0x5678 : 0x1234);
	union address a = {.any = {.sa_family = six ? AF_INET6 : AF_INET}};

	if (six) {
		a.six.sin6_port = port;
		inet_pton(AF_INET6, host ? "fd09::1" : "fd09::2", &a.six.sin6_addr);
	} else {
		a.four.sin_port = port;
		inet_pton(AF_INET, host ? "10.9.0.1" : "10.9.0.2", &a.four.sin_addr);
	}
	return a;
}

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Of windows that are nearly used up, TCP waits for more. */
static bool set_window(int fd, unsigned long long bytes)
{
	const uint32_t all = (uint32_t)bytes + 0x100000;
	const struct tcp_repair_window w = {.snd_wnd = all, .max_window = all, .rcv_wnd = all};

	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof w) == 0;
}

/*
 * The guest makes no connection, and acknowledges nothing: what a handshake would have brought is set, as who
 * moves connections from host to host does. number is that of the first byte to send. What is not sent when it
 * ends never is.
 */
static int connect_alone(bool six, unsigned number, unsigned long long bytes)
{
	const union address here = address_of(true, six), there = address_of(false, six);
	const struct linger none = {.l_onoff = 1};
	int fd = socket(here.any.sa_family, SOCK_STREAM, 0);

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == -1 ||
	    !set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER) || !set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER) ||
	    !set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)stream_segment(six)) || !set(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
	    !set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON) || bind(fd, &here.any, sizeof here) == -1 ||
	    !set(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE) ||
	    !set(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)number) ||
	    connect(fd, &there.any, sizeof there) == -1 || !set_window(fd, bytes) ||
	    !set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP))
		return -1;
	return fd;
}

static bool all_sent(int tcp)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	int left = 1;

	for (int i = 0; i < TIMEOUT_MS && left > 0; i++) {
		if (ioctl(tcp, SIOCOUTQNSD, &left) == -1)
			return false;
		if (left > 0)
			nanosleep(&nap, NULL);
	}
	return left == 0;
}

/* What TCP gives out had a right checksum. */
static bool has_come(int tcp, unsigned long long bytes)
{
	static unsigned char got[STREAM_PAYLOAD_MAX];
	struct pollfd p = {.fd = tcp, .events = POLLIN};
	ssize_t n;

	for (unsigned long long at = 0; at < bytes; at += (unsigned long long)n) {
		n = poll(&p, 1, TIMEOUT_MS) == 1 ? recv(tcp, got, sizeof got, 0) : 0;
		if (n > 0 && memcmp(got, pattern + at % STREAM_PERIOD, (size_t)n) == 0)
			continue;
		fprintf(stderr, "stream: TCP has %llu bytes of %llu\n", at, bytes);
		return false;
	}
	return true;
}

/* ---- frames ---- */

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

static int sink(int fd, int tcp, unsigned long long bytes, bool checks)
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
	return wrong != 0 || (tcp != -1 && !has_come(tcp, bytes));
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

static bool send_piece(int fd, int tcp, bool six, uint32_t offset, size_t size)
{
	if (tcp == -1)
		return send_segments(fd, six, offset, size);
	return send(tcp, pattern + offset % STREAM_PERIOD, size, 0) == (ssize_t)size;
}

static int source(int fd, int tcp, unsigned long long bytes, bool small, bool six)
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
		if (!send_piece(fd, tcp, six, (uint32_t)at, size))
			return fail("a frame cannot be sent");
		at += size;
	}
	if (tcp != -1 && !all_sent(tcp))
		return fail("TCP does not send all of it");
	least = bytes / STREAM_WINDOW;
	if (answers_until(fd, got, least) < least)
		return fail("no answer comes in the end");
	printf("MB/s %.1f\n", (double)bytes / (now() - began) / 1e6);
	return 0;
}

/* ---- ethtool's words ---- */

static int say(const char *interface, struct ethtool_value *value)
{
	struct ifreq ifr = {.ifr_data = (char *)value};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), result;

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
	result = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return result;
}

/* More than 0: yes. */
static int asks(const char *interface, unsigned question)
{
	struct ethtool_value value = {.cmd = question};

	return say(interface, &value) == -1 ? -1 : (int)value.data;
}

static int offloads(const char *interface, bool some)
{
	const int csum = asks(interface, ETHTOOL_GTXCSUM), tso = asks(interface, ETHTOOL_GTSO);

	if (csum != -1 && tso != -1 && (csum + tso > 0) == some)
		return 0;
	printf("checksums %d segments %d\n", csum, tso);
	return 1;
}

/* Segments go with checksums. */
static int set_tx(const char *interface, bool on)
{
	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = on};

	return say(interface, &value) == -1 ? fail(interface) : offloads(interface, on);
}

/* ---- words of the command line ---- */

static bool has(char **words, const char *word)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static int stream(const char *interface, bool sinks, unsigned long long bytes, char **words)
{
	const bool six = has(words, "six"), kernels = has(words, "tcp");
	const int fd = open_socket(interface), tcp = kernels ? connect_alone(six, sinks, bytes) : -1;

	if (fd == -1)
		return fail(interface);
	if (kernels && tcp == -1)
		return fail("no connection");
	printf("ready\n");
	fflush(stdout);
	return sinks ? sink(fd, tcp, bytes, has(words, "check")) :
		       source(fd, tcp, bytes, has(words, "small"), six);
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i % STREAM_PERIOD);
	if (strcmp(what, "offloads") == 0)
		return offloads(argv[2], strcmp(argv[3], "some") == 0);
	if (strcmp(what, "tx") == 0)
		return set_tx(argv[2], strcmp(argv[3], "on") == 0);
	if (strcmp(what, "sink") == 0 || strcmp(what, "source") == 0)
		return stream(argv[2], what[1] == 'i', strtoull(argv[3], NULL, 10), argv + 4);
	fprintf(stderr, "usage: stream sink|source INTERFACE BYTES [check|small|six|tcp]...\n"
		"       stream offloads INTERFACE none|some\n       stream tx INTERFACE on|off\n");
	return 2;
}
