/* SPDX-License-Identifier: ISC */
/*
 * rsp.c: a small gdb for tests: rsp PATH|PORT, with a script on standard input.
 *
 * A line is a packet to send, whose reply is printed; or one of
 *
 *	^C		sends an interrupt
 *	.		prints the next reply
 *	!PACKET		sends without waiting for a reply
 *	=TEXT		sends bytes as they are, with \xNN; prints nothing
 *	sleep MS	waits
 *	soup N		sends N bytes of no meaning
 *	leave		ends at once
 *
 * Prints "gone" when the peer has closed, "silent" when nothing has come for ten seconds. The status is
 * 0 but for a place that cannot be connected to.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static int fd;

static void end(const char *why)
{
	puts(why);
	fflush(stdout);
	exit(0);
}

static int connect_to(const char *place)
{
	struct sockaddr_in port = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(place)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_un path = {.sun_family = AF_UNIX};

	if (strspn(place, "0123456789") == strlen(place)) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		return connect(fd, (const struct sockaddr *)&port, sizeof port);
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(path.sun_path, sizeof path.sun_path, "%s", place);
	return connect(fd, (const struct sockaddr *)&path, sizeof path);
}

static void put(const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			end("gone");
		at += sent;
		n -= (size_t)sent;
	}
}

static int get(void)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	unsigned char c;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		end("silent");
	if (read(fd, &c, 1) != 1)
		end("gone");
	return c;
}

static void send_packet(const char *data)
{
	unsigned char sum = 0;
	char tail[4];

	for (const char *c = data; *c != '\0'; c++)
		sum = (unsigned char)(sum + (unsigned char)*c);
	snprintf(tail, sizeof tail, "#%02x", sum);
	put("$", 1);
	put(data, strlen(data));
	put(tail, 3);
}

/* What is before the packet, acknowledgements, is skipped. */
static void print_reply(void)
{
	int c;

	while (get() != '$')
		;
	while ((c = get()) != '#')
		putchar(c);
	putchar('\n');
	(void)get();
	(void)get();
	(void)!send(fd, "+", 1, MSG_NOSIGNAL);	/* the last reply's sender may have gone */
}

static void send_raw(const char *text)
{
	while (*text != '\0') {
		char byte = *text++;

		if (byte == '\\' && *text == 'x') {
			byte = (char)strtoul((const char[]){text[1], text[2], '\0'}, NULL, 16);
			text += 3;
		}
		put(&byte, 1);
	}
}

static void send_soup(unsigned long n)
{
	unsigned state = 1;

	for (unsigned long i = 0; i < n; i++) {
		unsigned char byte;

		state = state * 1103515245u + 12345u;
		byte = (unsigned char)(state >> 16);
		put(&byte, 1);
	}
}

static void obey(const char *line)
{
	if (strcmp(line, "^C") == 0) {
		put("\x03", 1);
	} else if (line[0] == '!') {
		send_packet(line + 1);
	} else if (line[0] == '=') {
		send_raw(line + 1);
	} else if (strncmp(line, "sleep ", 6) == 0) {
		usleep((useconds_t)atoi(line + 6) * 1000);
	} else if (strncmp(line, "soup ", 5) == 0) {
		send_soup(strtoul(line + 5, NULL, 10));
	} else if (strcmp(line, "leave") == 0) {
		_exit(0);
	} else {
		if (strcmp(line, ".") != 0)
			send_packet(line);
		print_reply();
	}
}

int main(int argc, char **argv)
{
	static char line[1 << 20];

	if (argc != 2 || connect_to(argv[1]) == -1) {
		fprintf(stderr, "usage: rsp PATH|PORT, which can be connected to\n");
		return 2;
	}
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			obey(line);
	}
	return 0;
}
