/* SPDX-License-Identifier: ISC */
/* plain.c: runs a command as a plain user, who belongs to no group and has no capability. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_USER 65534

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: plain COMMAND...\n");
		return 2;
	}
	if (setgroups(0, NULL) == 0 && setgid(PLAIN_USER) == 0 && setuid(PLAIN_USER) == 0)
		execvp(argv[1], argv + 1);
	fprintf(stderr, "plain: %s: %s\n", argv[1], strerror(errno));
	return 1;
}
