/* SPDX-License-Identifier: ISC */
/*
 * udp.c: sends datagrams to an echo server, one of each size, and expects them back unchanged:
 *
 *   udp ADDRESS PORT SIZE...
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_MS 2000
#define TRIES 3		/* the first may get lost while the server comes up */

static uint8_t out[65536], in[65536];

static int exchange(int fd, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(i * 7 + size);
	for (int i = 0; i < TRIES; i++) {
		if (send(fd, out, size, 0) == (ssize_t)size && poll(&ready, 1, PATIENCE_MS) == 1 &&
		    recv(fd, in, sizeof in, 0) == (ssize_t)size)
			return memcmp(in, out, size);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: udp ADDRESS PORT SIZE...\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1) {
		perror("udp");
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		if (exchange(fd, strtoul(argv[i], NULL, 10)) != 0) {
			fprintf(stderr, "udp: %s bytes did not come back\n", argv[i]);
			return 1;
		}
	}
	return 0;
}
