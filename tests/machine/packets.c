/* SPDX-License-Identifier: ISC */
/*
 * packets.c: puts inherited pipes into packet mode, so that they keep frames apart:
 *
 *   packets FD...
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int fd = atoi(argv[i]), flags = fcntl(fd, F_GETFL);

		if (flags == -1 || fcntl(fd, F_SETFL, flags | O_DIRECT) == -1) {
			perror(argv[i]);
			return 1;
		}
	}
	return 0;
}
