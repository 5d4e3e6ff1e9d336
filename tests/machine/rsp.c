/* SPDX-License-Identifier: ISC */
/*
 * rsp.c: a small gdb for tests: rsp PATH|PORT, with a script on standard input.
 *
 * A line is a packet to send, whose reply is printed; or one of
 *
 *	^C		sends an interrupt
 *	took		prints the milliseconds from there to the last reply
 *	.		prints the next reply
 *	!PACKET		sends without waiting for a reply
 *	=TEXT		sends bytes as they are, with \xNN; prints nothing
 *	sleep MS	waits
 *	soup N		sends N bytes of no meaning
 *	steps N PC KIND [END]	steps N times, or until the guest ends or is at END: PC is the number of the
 *			register, KIND the size of a breakpoint; prints how often, and what came last
 *	leave		ends at once
 *
 * Prints "gone" when the peer has closed, "silent" when nothing has come for twenty seconds. The status is
 * 0 but for a place that cannot be connected to.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

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
	static unsigned char bytes[1 << 16];
	static size_t at, n;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t got;

	if (at < n)
		return bytes[at++];
	if (poll(&p, 1, PATIENCE_MS) <= 0)
		end("silent");
	got = read(fd, bytes, sizeof bytes);
	if (got <= 0)
		end("gone");
	n = (size_t)got;
	at = 1;
	return bytes[0];
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

static char reply[1 << 18];

/* What is before the packet, acknowledgements, is skipped. */
/* Of the last interrupt, and of the last reply. */
static long long asked_at, told_at;

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void get_reply(void)
{
	size_t n = 0;
	int c;

	while (get() != '$')
		;
	while ((c = get()) != '#')
		if (n < sizeof reply - 1)
			reply[n++] = (char)c;
	reply[n] = '\0';
	(void)get();
	(void)get();
	(void)!send(fd, "+", 1, MSG_NOSIGNAL);	/* the last reply's sender may have gone */
}

static void print_reply(void)
{
	get_reply();
	told_at = now_ms();
	puts(reply);
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

/* ---- steps ---- */

/* Digits of bytes, the lowest first. */
static unsigned long long number(const char *digits, unsigned bytes)
{
	unsigned long long n = 0;

	while (bytes-- > 0) {
		const char two[] = {digits[2 * bytes], digits[2 * bytes + 1], '\0'};

		n = n << 8 | strtoul(two, NULL, 16);
	}
	return n;
}

static unsigned long long pc_told(const char *pc)
{
	char name[16];
	const char *at;

	snprintf(name, sizeof name, ";%s:", pc);
	at = strstr(reply, name);
	return at == NULL || strlen(at) < 20 ? 0 : number(at + strlen(name), 8);
}

#define PIECE 256u	/* bytes of code that are asked for at a time */

/* Code stays as it is. */
static unsigned long code_at(unsigned long long pc)
{
	static char code[2 * (PIECE + 4) + 1];
	static unsigned long long start = 1;
	char packet[40];

	if (pc - pc % PIECE != start) {
		start = pc - pc % PIECE;
		snprintf(packet, sizeof packet, "m%llx,%x", start, PIECE + 4);
		send_packet(packet);
		get_reply();
		snprintf(code, sizeof code, "%.*s", (int)sizeof code - 1, reply);
	}
	return strlen(code) < 2 * (pc - start + 4) ? 0 :
	       (unsigned long)number(code + 2 * (pc - start), 4);
}

/*
 * Where the next instruction is, if that is certain: on x86_64 behind an OUT to a port that a register
 * names; on aarch64 behind all but branches, exceptions (Arm ARM C4.1) and load-exclusives.
 */
static unsigned long long next_of(unsigned long long pc, unsigned long code, int kind)
{
	if (kind == 1)
		return (code & 0xff) == 0xef ? pc + 1 : 0;
	return (code >> 26 & 7) == 5 || (code & 0x3f800000) == 0x08000000 ? 0 : pc + 4;
}

static void make_steps(unsigned long n, const char *pc, int kind, unsigned long long end_at)
{
	unsigned long long at = 0, next = 0;
	unsigned long i = 0, sure = 0;

	while (i < n && (i == 0 || at != end_at)) {
		send_packet("vCont;s:-1;c");
		get_reply();
		i++;
		if (strncmp(reply, "T05", 3) != 0)
			break;
		at = pc_told(pc);
		if (next != 0 && at != next)
			printf("from %llx a step went to %llx\n", next - (kind == 1 ? 1 : 4), at);
		next = i < n ? next_of(at, code_at(at), kind) : 0;
		sure += next != 0;
	}
	if (at == end_at)
		printf("there, after %lu steps\n", i);
	else
		printf("%s, %s were certain, at %llx\n", i == n ? "all" : reply, sure > 0 ? "some" : "none", at);
}

static void obey(const char *line)
{
	unsigned long long end_at = 1;	/* no instruction is there */
	unsigned long n;
	char pc[8];
	int kind;

	if (strcmp(line, "^C") == 0) {
		asked_at = now_ms();
		put("\x03", 1);
	} else if (strcmp(line, "took") == 0) {
		printf("%lld ms\n", told_at - asked_at);
	} else if (line[0] == '!') {
		send_packet(line + 1);
	} else if (line[0] == '=') {
		send_raw(line + 1);
	} else if (strncmp(line, "sleep ", 6) == 0) {
		usleep((useconds_t)atoi(line + 6) * 1000);
	} else if (strncmp(line, "soup ", 5) == 0) {
		send_soup(strtoul(line + 5, NULL, 10));
	} else if (sscanf(line, "steps %lu %7s %d %llx", &n, pc, &kind, &end_at) >= 3) {
		make_steps(n, pc, kind, end_at);
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
	static char line[(1 << 20) + 64];

	if (argc != 2 || connect_to(argv[1]) == -1) {
		fprintf(stderr, "usage: rsp PATH|PORT, which can be connected to\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);	/* others wait for what we print */
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			obey(line);
	}
	return 0;
}
