/* SPDX-License-Identifier: ISC */
/*
 * tags.c: frames with up to three VLAN tags, as long as an MTU of 1500 allows, and back.
 *
 *   tags IFACE     expects back what fits, and not what is longer; then ends the guest net_tags
 *
 * The interface itself must let longer ones pass.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU 1500u
#define HEADER 14u
#define ALL 3			/* ETH_P_ALL */
#define PATIENCE_MS 10000
#define TOO_LONG 0x80		/* in the number of a frame that must not come back */

static const struct { const char *name, *types; size_t tags, more; } kinds[] = {
	{"no tag", "", 0, 0},
	{"802.1Q", "\x81\0\0\x64", 1, 4},
	{"802.1ad", "\x88\xa8\0\x64", 1, 4},
	{"802.1ad and 802.1Q", "\x88\xa8\0\x64\x81\0\0\x65", 2, 8},
	{"802.1Q twice", "\x81\0\0\x64\x81\0\0\x65", 2, 8},
	{"three tags", "\x88\xa8\0\x64\x81\0\0\x65\x81\0\0\x66", 3, 8},
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "tags: %s: %s\n", what, why);
	exit(1);
}

static int peer_open(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ALL),
				 .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ALL));

	if (at.sll_ifindex == 0 || fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		fail(name, strerror(errno));
	return fd;
}

/* Number n in the last byte but one. */
static void send_frame(int fd, const char *types, size_t tags, size_t len, uint8_t n)
{
	uint8_t frame[2048] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1};

	memcpy(frame + 12, types, 4 * tags);
	memcpy(frame + 12 + 4 * tags, "\x88\xb5", 2);
	frame[len - 2] = n;
	if (send(fd, frame, len, 0) != (ssize_t)len)
		fail("send", strerror(errno));
}

/*
 * Whether that frame comes back within the time. Linux takes the outermost tag out of what a packet
 * socket sees: packet(7), PACKET_AUXDATA.
 */
static int comes_back(int fd, size_t len, size_t tags, uint8_t n, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct sockaddr_ll from;
	socklen_t size = sizeof from;
	uint8_t frame[4096];

	while (poll(&p, 1, ms) == 1) {
		ssize_t got = recvfrom(fd, frame, sizeof frame, 0, (struct sockaddr *)&from, &size);

		if (from.sll_pkttype == PACKET_OUTGOING || got < 64)
			continue;
		if ((frame[got - 2] & TOO_LONG) != 0)
			fail("a frame came back", "which is too long");
		if (frame[got - 2] != n)
			continue;
		if ((size_t)got != len && (size_t)got + (tags > 0 ? 4 : 0) != len)
			fail("a frame came back", "with another length");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t n = 1;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: tags IFACE\n");
		return 2;
	}
	fd = peer_open(argv[1]);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++, n++) {
		size_t most = MTU + HEADER + kinds[i].more;

		send_frame(fd, kinds[i].types, kinds[i].tags, most + 1, n | TOO_LONG);
		send_frame(fd, kinds[i].types, kinds[i].tags, most, n);
		if (!comes_back(fd, most, kinds[i].tags, n, PATIENCE_MS))
			fail(kinds[i].name, "a frame of full size does not come back");
	}
	send_frame(fd, "", 0, 60, 0);
	printf("%zu kinds of frames\n", sizeof kinds / sizeof kinds[0]);
	return 0;
}
