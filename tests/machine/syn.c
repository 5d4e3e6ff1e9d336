/* SPDX-License-Identifier: ISC */
/*
 * syn.c: asks a server for two connections by a packet socket, and says which of them it agreed to:
 *
 *   syn INTERFACE FROM TO KIND     from and to IPv4 addresses; FROM is this host's, on INTERFACE
 *
 * The second segment is as it should be. The first has a checksum that is
 *
 *   right        right
 *   wrong        wrong, and nobody says anything of it
 *   unfinished   the pseudo header's sum alone, and the interface is told so
 *
 * Says "answered" or "not answered" of the first once the second is. Frames keep their order, so no time is
 * needed for that. Neither port has a socket here: the kernel ends what was agreed to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#define TIMEOUT_MS 20000
#define PORT_FIRST 20101u		/* outside of the range of Linux's own */
#define PORT_SECOND 20102u
#define SYN_ACK 0x12u
#define IP 14u				/* offsets in a frame: RFC 791, 9293 */
#define TCP (IP + 20u)
#define SUM (TCP + 16u)
#define SIZE (TCP + 20u)

static int fail(const char *what)
{
	fprintf(stderr, "syn: %s: %s\n", what, strerror(errno));
	return 2;
}

static void put(uint8_t *at, uint32_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

/* RFC 1071, on top of what is there. */
static uint32_t sum_of(uint32_t sum, const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void make_segment(uint8_t *f, const char *from, const char *to, unsigned port, const char *kind)
{
	static const uint8_t fixed[SIZE] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0,
	};
	uint32_t pseudo;

	memcpy(f, fixed, SIZE);
	inet_pton(AF_INET, from, f + IP + 12);
	inet_pton(AF_INET, to, f + IP + 16);
	put(f + IP + 10, ~sum_of(0, f + IP, 20));
	put(f + TCP, port);
	pseudo = sum_of(6 + 20, f + IP + 12, 8);
	put(f + SUM, ~sum_of(pseudo, f + TCP, 20));
	if (strcmp(kind, "wrong") == 0)
		f[SUM] ^= 1;
	else if (strcmp(kind, "unfinished") == 0)
		put(f + SUM, pseudo);
}

static bool send_segment(int fd, uint8_t *f, bool unfinished)
{
	struct virtio_net_hdr h = {.flags = 0};
	struct iovec parts[] = {{&h, sizeof h}, {f, SIZE}};

	if (unfinished) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = TCP;
		h.csum_offset = SUM - TCP;
	}
	return writev(fd, parts, 2) == (ssize_t)(sizeof h + SIZE);
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	if (fd == -1 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) == -1 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) == -1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		return -1;
	return fd;
}

/* The port that the next agreement is for; 0: none comes. */
static unsigned next_agreement(int fd)
{
	static uint8_t frame[sizeof(struct virtio_net_hdr) + 0x11000];
	const uint8_t *f = frame + sizeof(struct virtio_net_hdr);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, TIMEOUT_MS) == 1)
		if (read(fd, frame, sizeof frame) >= (ssize_t)(sizeof(struct virtio_net_hdr) + SIZE) &&
		    f[IP + 9] == 6 && f[TCP + 13] == SYN_ACK)
			return (unsigned)f[TCP + 2] << 8 | f[TCP + 3];
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t first[SIZE], second[SIZE];
	bool answered = false;
	unsigned port;
	int fd;

	if (argc != 5)
		return fail("INTERFACE FROM TO right|wrong|unfinished");
	fd = open_socket(argv[1]);
	if (fd == -1)
		return fail(argv[1]);
	make_segment(first, argv[2], argv[3], PORT_FIRST, argv[4]);
	make_segment(second, argv[2], argv[3], PORT_SECOND, "right");
	if (!send_segment(fd, first, strcmp(argv[4], "unfinished") == 0) || !send_segment(fd, second, false))
		return fail("a segment cannot be sent");
	while ((port = next_agreement(fd)) != PORT_SECOND) {
		if (port == 0)
			return fail("not even the second is answered");
		answered |= port == PORT_FIRST;
	}
	puts(answered ? "answered" : "not answered");
	return 0;
}
