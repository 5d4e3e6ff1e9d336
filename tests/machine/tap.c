/* SPDX-License-Identifier: ISC */
/*
 * tap.c: makes network interfaces as other tools would leave them to husk.
 *
 *   tap make NAME [KIND]...                    one that stays
 *   tap open FD NAME [KIND]... -- COMMAND...   runs COMMAND with it as descriptor FD
 *   tap pair FD TYPE -- COMMAND...             the same with one end of a pair of sockets
 *
 * KIND: vnet (with a virtio header), pi (with packet information), queues (several of them), tun
 * (without Ethernet), user (belongs to user PLAIN_USER), root (belongs to root), stale (leaves checksums and
 * segments to whoever reads it, as somebody else has), one (with a flag of old, which urunc sets), 10, 12, 64
 * (a virtio header of so many bytes). TYPE: dgram, seqpacket or stream; the other end is FD + 1, and COMMAND's
 * as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#define PLAIN_USER 65534

static void fail(const char *what)
{
	fprintf(stderr, "tap: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct kind {
	const char *name;
	int set, clear;		/* of the flags */
};

static const struct kind kinds[] = {
	{"vnet", IFF_VNET_HDR, 0},
	{"pi", 0, IFF_NO_PI},
	{"queues", IFF_MULTI_QUEUE, 0},
	{"tun", IFF_TUN, IFF_TAP},
	{"one", IFF_ONE_QUEUE, 0},
	{"10", IFF_VNET_HDR, 0},
	{"12", IFF_VNET_HDR, 0},
	{"64", IFF_VNET_HDR, 0},
};

/* Whether one of the words, up to "--", is this. */
static int has(char **words, const char *word)
{
	for (; *words != NULL && strcmp(*words, "--") != 0; words++)
		if (strcmp(*words, word) == 0)
			return 1;
	return 0;
}

/* The interface's, and so the next user's. */
static void set_header(int fd, char **words)
{
	static const int sizes[] = {10, 12, 64};
	char word[4];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		snprintf(word, sizeof word, "%d", sizes[i]);
		if (has(words, word) && ioctl(fd, TUNSETVNETHDRSZ, &sizes[i]) == -1)
			fail(word);
	}
}

static int tap_open(const char *name, char **words)
{
	struct ifreq ifr = {0};
	int fd = open("/dev/net/tun", O_RDWR), flags = IFF_TAP | IFF_NO_PI;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (has(words, kinds[i].name))
			flags = (flags & ~kinds[i].clear) | kinds[i].set;
	ifr.ifr_flags = (short)flags;
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (fd == -1 || ioctl(fd, TUNSETIFF, &ifr) == -1)
		fail(name);
	set_header(fd, words);
	if (has(words, "user") && ioctl(fd, TUNSETOWNER, (long)PLAIN_USER) == -1)
		fail(name);
	if (has(words, "stale") &&
	    ioctl(fd, TUNSETOFFLOAD, (long)(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)) == -1)
		fail(name);
	if (has(words, "root") && ioctl(fd, TUNSETOWNER, 0l) == -1)
		fail(name);
	return fd;
}

static int tap_run(int fd, int wanted, char **words)
{
	while (*words != NULL && strcmp(*words, "--") != 0)
		words++;
	if (words[0] == NULL || words[1] == NULL)
		return 2;
	if (fd != wanted && dup2(fd, wanted) == -1)
		fail("dup2");
	execvp(words[1], words + 1);
	fail(words[1]);
	return 1;
}

static int pair_type(const char *name)
{
	return strcmp(name, "dgram") == 0 ? SOCK_DGRAM :
	       strcmp(name, "stream") == 0 ? SOCK_STREAM : SOCK_SEQPACKET;
}

static int pair_run(int wanted, const char *type, char **words)
{
	int ends[2];

	if (socketpair(AF_UNIX, pair_type(type), 0, ends) == -1 ||
	    dup2(ends[1], wanted + 1) == -1)
		fail("a pair of sockets");
	return tap_run(ends[0], wanted, words);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc >= 3 && strcmp(argv[1], "make") == 0) {
		fd = tap_open(argv[2], argv + 3);
		if (ioctl(fd, TUNSETPERSIST, 1l) == -1)
			fail(argv[2]);
		return 0;
	}
	if (argc >= 4 && strcmp(argv[1], "open") == 0)
		return tap_run(tap_open(argv[3], argv + 4), atoi(argv[2]), argv + 4);
	if (argc >= 4 && strcmp(argv[1], "pair") == 0)
		return pair_run(atoi(argv[2]), argv[3], argv + 4);
	fprintf(stderr, "usage: tap make NAME [KIND]...\n"
		"       tap open FD NAME [KIND]... -- COMMAND...\n"
		"       tap pair FD TYPE -- COMMAND...\n");
	return 2;
}
