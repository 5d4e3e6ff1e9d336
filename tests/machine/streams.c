/* SPDX-License-Identifier: ISC */
/*
 * streams.c: programs of the host at the other end of a guest's streams, which the guest echoes:
 *
 *   streams talk PATH BYTES [WORD]...       connects, sends so many bytes, and wants them back
 *   streams serve PATH BYTES [WORD]...      the same on the first connection that comes
 *   streams many PATH SECONDS N [WORD]...   N connections at a time, each for a few bytes
 *   streams pump PATH SECONDS [WORD]...     writes all that it can, and prints MB/s; reading if pull
 *   streams pair PATH SECONDS [WORD]...     the same between two processes, without a guest
 *   streams trips PATH SECONDS [WORD]...    bytes there and back, one by one
 *   streams say PATH TEXT [WORD]...         sends the text, \n being a newline, and prints the answer
 *   streams idle PATH N                     N connections on which nothing is said, until all end
 *   streams hold PATH N                     N connections, each with "CONNECT 5", until it is killed
 *   streams pass PATH N COMMAND...          runs the command with a socket that listens as descriptor N
 *
 * port N       says by a line which port it wants
 * chunk N      bytes of a read or write (65536)
 * slow-read N, slow-write N   milliseconds between two of them
 * leave N      closes abruptly after so many bytes have come back
 * dribble      the text a byte at a time
 * pull         pump and pair read
 *
 * Prints what came of it; the exit status is 0 if all is well.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PERIOD 65521u			/* of the bytes that are sent */
#define CHUNK_MAX 65536u
#define MANY_MAX 1000u
#define PATIENCE_MS 60000

static uint8_t bytes[PERIOD + CHUNK_MAX];
static uint8_t got[CHUNK_MAX];
static long port = -1, chunk = CHUNK_MAX, slow_read, slow_write, leave = -1;
static bool dribble, pull;

static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(": %s\n", strerror(errno));
	exit(1);
}

static uint64_t random_number(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	return a;
}

/* -1 if nobody has room for it now. */
static int try_connect(const char *path)
{
	const struct sockaddr_un a = address(path);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		give_up("socket");
	if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static void expect_ok(int fd)
{
	char line[32];
	size_t n = 0;
	unsigned host_port;

	while (n < sizeof line - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	if (sscanf(line, "OK %u", &host_port) != 1 || host_port < 1u << 30)
		give_up("instead of OK: \"%s\"", line);
}

static void ask(int fd)
{
	char line[32];
	const int n = snprintf(line, sizeof line, "CONNECT %ld\n", port);

	if (port >= 0 && write(fd, line, (size_t)n) != n)
		give_up("CONNECT");
}

static int connect_to(const char *path)
{
	const int fd = try_connect(path);

	if (fd == -1)
		give_up("%s", path);
	ask(fd);
	if (port >= 0)
		expect_ok(fd);
	return fd;
}

static int wait_for_client(const char *path)
{
	const struct sockaddr_un a = address(path);
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	if (listener == -1 || bind(listener, (const struct sockaddr *)&a, sizeof a) == -1 ||
	    listen(listener, 5) == -1)
		give_up("%s", path);
	puts("LISTENING");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd == -1)
		give_up("accept");
	close(listener);
	return fd;
}

/* ---- one stream ---- */

static void set_nonblocking(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* How many bytes of the stream from at on were sent. */
static size_t write_some(int fd, uint64_t at, uint64_t left)
{
	const size_t want = left < (uint64_t)chunk ? (size_t)left : (size_t)chunk;
	const ssize_t n = write(fd, bytes + at % PERIOD, want);

	if (n == -1 && errno != EAGAIN)
		give_up("write after %llu bytes", (unsigned long long)at);
	nap(slow_write);
	return n > 0 ? (size_t)n : 0;
}

static size_t read_some(int fd, uint64_t at, bool *end)
{
	const ssize_t n = read(fd, got, (size_t)chunk);

	if (n == -1 && errno != EAGAIN)
		give_up("read after %llu bytes", (unsigned long long)at);
	if (n > 0 && memcmp(got, bytes + at % PERIOD, (size_t)n) != 0)
		give_up("wrong bytes after %llu", (unsigned long long)at);
	*end = n == 0;
	nap(slow_read);
	return n > 0 ? (size_t)n : 0;
}

static int talk(int fd, uint64_t total)
{
	uint64_t sent = 0, back = 0;
	bool end = false;

	set_nonblocking(fd);
	if (total == 0)
		shutdown(fd, SHUT_WR);
	while (!end && (leave < 0 || back < (uint64_t)leave)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (sent < total)
			p.events |= POLLOUT;
		if (poll(&p, 1, PATIENCE_MS) != 1)
			give_up("nothing more after %llu sent, %llu back", (unsigned long long)sent,
				(unsigned long long)back);
		if ((p.revents & POLLOUT) != 0 && sent < total) {
			sent += write_some(fd, sent, total - sent);
			if (sent == total)
				shutdown(fd, SHUT_WR);
		}
		if ((p.revents & (POLLIN | POLLHUP)) != 0)
			back += read_some(fd, back, &end);
	}
	printf("%llu sent, %llu back\n", (unsigned long long)sent, (unsigned long long)back);
	return leave >= 0 || (sent == total && back == total) ? 0 : 1;
}

/* ---- many ---- */

struct client {
	int fd;
	uint64_t size, sent, back;
	bool line, rude;
};

static unsigned n_done, n_left, n_late;	/* late: the guest had no time to answer */

static void begin(struct client *c, const char *path)
{
	c->fd = try_connect(path);
	if (c->fd == -1)
		return;
	*c = (struct client){.fd = c->fd, .size = 1 + random_number() % 3000, .line = port >= 0,
			     .rude = random_number() % 4 == 0};
	ask(c->fd);
	if (c->line)
		expect_ok(c->fd);
	set_nonblocking(c->fd);
}

static void finish(struct client *c, bool good)
{
	close(c->fd);
	c->fd = -1;
	n_done += good;
	n_left += !good;
}

static void late(struct client *c)
{
	n_late++;
	finish(c, false);
}

static void go_on(struct client *c, short events)
{
	const size_t room = c->size - c->sent < CHUNK_MAX ? c->size - c->sent : CHUNK_MAX;
	ssize_t n;

	if ((events & POLLOUT) != 0 && c->sent < c->size) {
		n = write(c->fd, bytes + c->sent % PERIOD, room);
		c->sent += n > 0 ? (uint64_t)n : 0;
	}
	if (c->rude && random_number() % 8 == 0) {
		finish(c, false);
		return;
	}
	if (c->sent == c->size)
		shutdown(c->fd, SHUT_WR);
	n = read(c->fd, got, sizeof got);
	if (n > 0 && memcmp(got, bytes + c->back % PERIOD, (size_t)n) != 0)
		give_up("wrong bytes after %llu", (unsigned long long)c->back);
	c->back += n > 0 ? (uint64_t)n : 0;
	if (n == 0 && c->back != c->size && c->back != 0)
		give_up("%llu of %llu bytes back", (unsigned long long)c->back,
			(unsigned long long)c->size);
	if (n == 0 && c->back == 0 && c->size > 0)
		late(c);
	else if (n == 0)
		finish(c, true);
	else if (n == -1 && errno == ECONNRESET && c->back == 0)
		late(c);
	else if (n == -1 && errno != EAGAIN)
		give_up("read after %llu of %llu", (unsigned long long)c->back,
			(unsigned long long)c->size);
}

static int many(const char *path, long seconds, unsigned n)
{
	static struct client clients[MANY_MAX];
	static struct pollfd fds[MANY_MAX];
	const uint64_t end = now_ms() + (uint64_t)seconds * 1000;
	unsigned open = 0;

	if (n > MANY_MAX)
		give_up("%u clients: at most %u", n, MANY_MAX);
	for (unsigned i = 0; i < n; i++)
		clients[i].fd = -1;
	do {
		open = 0;
		for (unsigned i = 0; i < n; i++) {
			if (clients[i].fd == -1 && now_ms() < end)
				begin(&clients[i], path);
			open += clients[i].fd != -1;
			fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
			if (clients[i].sent < clients[i].size)
				fds[i].events |= POLLOUT;
		}
		if (open > 0 && poll(fds, n, PATIENCE_MS) <= 0)
			give_up("%u connections stand still", open);
		for (unsigned i = 0; i < n; i++)
			if (clients[i].fd != -1 && fds[i].revents != 0)
				go_on(&clients[i], fds[i].revents);
	} while (open > 0 || now_ms() < end);
	printf("%u done, %u left early, %u of them by the guest\n", n_done, n_left, n_late);
	return n_done > 0 ? 0 : 1;
}

/* ---- measuring ---- */

/* In one direction, with blocking calls of chunk bytes. */
static int pump(int fd, long seconds)
{
	const uint64_t began = now_ms(), end = began + (uint64_t)seconds * 1000;
	uint64_t moved = 0, now;

	do {
		const ssize_t n = pull ? read(fd, got, (size_t)chunk) : write(fd, bytes, (size_t)chunk);

		if (n <= 0)
			give_up("after %llu bytes", (unsigned long long)moved);
		moved += (uint64_t)n;
		now = now_ms();
	} while (now < end);
	printf("%llu bytes, %.1f MB/s\n", (unsigned long long)moved,
	       (double)moved / 1000 / (double)(now - began));
	return 0;
}

static int pair(long seconds)
{
	int ends[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		give_up("socketpair");
	if (fork() == 0) {
		close(ends[0]);
		do
			n = pull ? write(ends[1], bytes, (size_t)chunk) :
			    read(ends[1], got, (size_t)chunk);
		while (n > 0);
		_exit(0);
	}
	close(ends[1]);
	return pump(ends[0], seconds);
}

static int trips(int fd, long seconds)
{
	const uint64_t began = now_ms(), end = began + (uint64_t)seconds * 1000;
	uint64_t n = 0, now;

	do {
		if (write(fd, bytes, 1) != 1 || read(fd, got, 1) != 1)
			give_up("after %llu", (unsigned long long)n);
		n++;
		now = now_ms();
	} while (now < end);
	printf("%llu trips, %.0f a second\n", (unsigned long long)n,
	       (double)n * 1000 / (double)(now - began));
	return 0;
}

/* ---- commands ---- */

/* Prints what comes until the end, or for five seconds. */
static int say(const char *path, const char *text)
{
	const int fd = try_connect(path);
	const uint64_t began = now_ms();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = 1;

	if (fd == -1)
		give_up("%s", path);
	for (; *text != '\0'; text++) {
		const bool newline = text[0] == '\\' && text[1] == 'n';
		const char byte = newline ? '\n' : *text;

		text += newline;
		if (write(fd, &byte, 1) != 1)
			break;
		if (dribble)
			nap(20);
	}
	while (n > 0 && poll(&p, 1, 5000) == 1) {
		n = read(fd, got, sizeof got);
		if (n > 0)
			fwrite(got, 1, (size_t)n, stdout);
	}
	printf("%s after %llu s\n", n == 0 ? "END" : n < 0 ? strerror(errno) : "NOTHING MORE",
	       (unsigned long long)(now_ms() - began) / 1000);
	return 0;
}

static int idle(const char *path, unsigned n)
{
	unsigned ended = 0, refused = 0;
	int *fds = calloc(n, sizeof *fds);
	char byte;

	if (fds == NULL)
		give_up("memory");
	for (unsigned i = 0; i < n; i++) {
		fds[i] = try_connect(path);
		refused += fds[i] == -1;
	}
	for (unsigned i = 0; i < n; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};

		ended += fds[i] != -1 && poll(&p, 1, PATIENCE_MS) == 1 && read(fds[i], &byte, 1) <= 0;
	}
	printf("%u ended, %u refused\n", ended, refused);
	return ended + refused == n ? 0 : 1;
}

static int hold(const char *path, unsigned n)
{
	unsigned held = 0;

	port = port < 0 ? 5 : port;
	for (unsigned i = 0; i < n; i++) {
		const int fd = try_connect(path);

		if (fd == -1)
			break;
		ask(fd);
		expect_ok(fd);
		held++;
	}
	printf("HELD %u\n", held);
	fflush(stdout);
	pause();
	return 0;
}

static int pass(const char *path, int as, char **command)
{
	const struct sockaddr_un a = address(path);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&a, sizeof a) == -1 ||
	    listen(fd, 5) == -1 || dup2(fd, as) == -1)
		give_up("%s", path);
	if (fd != as)
		close(fd);
	execvp(command[0], command);
	give_up("%s", command[0]);
}

static void take_words(char **words)
{
	const struct { const char *name; long *value; } numbers[] = {
		{"port", &port}, {"chunk", &chunk}, {"slow-read", &slow_read},
		{"slow-write", &slow_write}, {"leave", &leave},
	};

	for (; *words != NULL; words++) {
		dribble |= strcmp(*words, "dribble") == 0;
		pull |= strcmp(*words, "pull") == 0;
		for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
			if (strcmp(*words, numbers[i].name) == 0 && words[1] != NULL)
				*numbers[i].value = atol(*++words);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "", *path = argc > 3 ? argv[2] : "";

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = i < PERIOD ? (uint8_t)random_number() : bytes[i - PERIOD];
	if (argc > 4 && strcmp(what, "pass") == 0)
		return pass(path, atoi(argv[3]), argv + 4);
	if (argc > 4)
		take_words(argv + (strcmp(what, "many") == 0 ? 5 : 4));
	if (strcmp(what, "talk") == 0)
		return talk(connect_to(path), strtoull(argv[3], NULL, 10));
	if (strcmp(what, "serve") == 0)
		return talk(wait_for_client(path), strtoull(argv[3], NULL, 10));
	if (strcmp(what, "many") == 0 && argc > 4)
		return many(path, atol(argv[3]), (unsigned)atol(argv[4]));
	if (strcmp(what, "pump") == 0)
		return pump(connect_to(path), atol(argv[3]));
	if (strcmp(what, "pair") == 0)
		return pair(atol(argv[3]));
	if (strcmp(what, "trips") == 0)
		return trips(connect_to(path), atol(argv[3]));
	if (strcmp(what, "say") == 0)
		return say(path, argv[3]);
	if (strcmp(what, "idle") == 0)
		return idle(path, (unsigned)atol(argv[3]));
	if (strcmp(what, "hold") == 0)
		return hold(path, (unsigned)atol(argv[3]));
	fprintf(stderr, "usage: see the top of streams.c\n");
	return 2;
}
