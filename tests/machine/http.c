/* SPDX-License-Identifier: ISC */
/*
 * http.c: an HTTP client that is hard to please, for the server in examples/web:
 *
 *   http ADDRESS PATH [WORD [NUMBER]]...
 *
 * requests N   how many (1)
 * parallel N   connections at a time (1)
 * seconds N    that it may take (300)
 * status N     that the answers have (200)
 * port N       that the connections come from, one after the other
 * send N       N bytes, numbered lines too, are sent to PATH by POST
 * chunked      how many that is, is not said beforehand
 * head         only the head of the page is asked for
 * keep         as many requests as possible on one connection
 * dribble      the request comes a byte at a time
 * abort        the connection is reset when the answer has begun
 * shut         this end of the connection is closed once the request is sent
 * half         the connection is closed in the middle of the request
 * deaf         the request is sent over and over, DEAF_SIZE bytes of it, and no answer is read
 * idle         connections are opened and nothing is said on them until the time is over
 *
 * Every answer must be the one that examples/web/web.c gives, and no page may come twice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PARALLEL_MAX 1024u
#define REQUESTS_MAX 100000u
#define DRIBBLE_NSEC 1000000
#define BUFFER_SIZE 65536u
#define LINE_SIZE 16		/* of /bytes/N */
#define DEAF_SIZE 60000u
#define HEAD_SIZE 512u		/* of a request's head, at most */

static struct sockaddr_in server = {.sin_family = AF_INET};
static const char *path;
static unsigned n_requests = 1, n_parallel = 1, seconds = 300, status = 200, port, n_to_send;
static bool head, keep, dribble, aborting, half, shut, deaf, idle, chunked;

static char *request;
static size_t request_size;
static char sum_page[64];		/* the answer to what is sent */

static unsigned n_begun, n_good, n_refused, n_reset, n_wrong;
static bool seen[REQUESTS_MAX * 2];	/* by number of the page */

struct connection {
	int fd;				/* -1: not in use */
	size_t sent;			/* of the request */
	char head[1024];		/* of the answer; of a short body, too */
	size_t head_size, body_at;	/* body_at is 0 until the head is complete */
	uint64_t length, got;		/* of the body */
	bool complete;			/* only the end of the connection is missing */
};

static struct connection connections[PARALLEL_MAX];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- The right answer ---- */

static bool is_bytes(void)
{
	return status == 200 && strncmp(path, "/bytes/", 7) == 0;
}

static bool good_byte(uint64_t at, char byte)
{
	static char line[32];
	static uint64_t number = UINT64_MAX;

	if (at / LINE_SIZE != number) {
		number = at / LINE_SIZE;
		snprintf(line, sizeof line, "%015llu\n", (unsigned long long)number);
	}
	return byte == line[at % LINE_SIZE];
}

static bool good_page(const char *body)
{
	unsigned number, secs, msecs;
	int end = 0;

	if (n_to_send > 0)
		return strcmp(body, sum_page) == 0;
	if (sscanf(body, "Hello from a unikernel.\nThis is page %u in %u.%3u s.\n%n", &number, &secs,
		   &msecs, &end) != 3 || (size_t)end != strlen(body))
		return false;
	if (number >= sizeof seen || seen[number])
		return false;
	seen[number] = true;
	return true;
}

/* ---- One connection ---- */

static void count(struct connection *c, unsigned *kind)
{
	if (kind == &n_wrong)
		fprintf(stderr, "http: after %zu bytes of head and %llu of %llu: %.*s\n", c->body_at,
			(unsigned long long)c->got, (unsigned long long)c->length, 200, c->head);
	(*kind)++;
}

static void hang_up(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static void failed(struct connection *c, int sys)
{
	unsigned *kind = sys == ECONNREFUSED ? &n_refused : sys == ECONNRESET ? &n_reset : &n_wrong;

	count(c, kind);
	hang_up(c);
}

static void begin(struct connection *c)
{
	int fd = c->fd;

	n_begun++;
	memset(c, 0, sizeof *c);
	c->fd = fd;
}

/* The server closes first, so that the port is free at this end. */
static void use_port(int fd)
{
	const struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, (const struct sockaddr *)&own, sizeof own) == -1) {
		perror("http: bind");
		exit(1);
	}
}

/* The last connection from this port is not over yet at this end. */
static void open_later(struct connection *c)
{
	n_begun--;
	hang_up(c);
	nanosleep(&(struct timespec){.tv_nsec = DRIBBLE_NSEC}, NULL);
}

static void open_connection(struct connection *c)
{
	int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	begin(c);
	if (c->fd == -1) {
		perror("http: socket");
		exit(1);
	}
	if (port != 0)
		use_port(c->fd);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (connect(c->fd, (struct sockaddr *)&server, sizeof server) == 0 || errno == EINPROGRESS)
		return;
	if (port != 0 && errno == EADDRNOTAVAIL)
		open_later(c);
	else
		failed(c, errno);
}

static void send_some(struct connection *c)
{
	size_t left = request_size - c->sent;
	ssize_t n = send(c->fd, request + c->sent, dribble ? 1 : left, MSG_NOSIGNAL);

	if (n == -1 && errno != EAGAIN)
		failed(c, errno);
	else if (n > 0)
		c->sent += (size_t)n;
	if (shut && c->fd != -1 && c->sent == request_size)
		shutdown(c->fd, SHUT_WR);
	if (half && c->fd != -1 && c->sent == request_size) {
		n_good++;
		hang_up(c);
	}
}

/* Closing now sends a reset. */
static void reset(struct connection *c)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	n_good++;
	hang_up(c);
}

static bool good_body(struct connection *c, const char *bytes, size_t n)
{
	if (c->got + n > c->length)
		return false;
	for (size_t i = 0; i < n && is_bytes(); i++)
		if (!good_byte(c->got + i, bytes[i]))
			return false;
	c->got += n;
	if (c->got < c->length)
		return true;
	c->complete = true;
	if (status != 200 || head)
		return true;
	return is_bytes() ? c->length == strtoull(path + 7, NULL, 10) : good_page(c->head + c->body_at);
}

/* Bytes that belong to the head, or to a body that fits behind it. */
static bool take_head(struct connection *c, const char *bytes, size_t n)
{
	const char *end, *length;
	unsigned given;

	if (n >= sizeof c->head - c->head_size)
		return false;
	memcpy(c->head + c->head_size, bytes, n);
	c->head_size += n;
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return true;
	length = strstr(c->head, "\r\nContent-Length: ");
	if (sscanf(c->head, "HTTP/1.1 %3u ", &given) != 1 || given != status || length == NULL ||
	    length > end)
		return false;
	c->length = head ? 0 : strtoull(length + 18, NULL, 10);
	c->body_at = (size_t)(end + 4 - c->head);
	return good_body(c, c->head + c->body_at, c->head_size - c->body_at);
}

/* A page comes in one piece, behind its head or alone. */
static bool take(struct connection *c, const char *bytes, size_t n)
{
	if (c->complete)
		return false;
	if (c->body_at == 0)
		return take_head(c, bytes, n);
	if (!is_bytes() && n < sizeof c->head - c->head_size)
		memcpy(c->head + c->head_size, bytes, n);
	c->head_size += is_bytes() ? 0 : n;
	return c->head_size < sizeof c->head && good_body(c, bytes, n);
}

static void end_of_answer(struct connection *c)
{
	n_good++;
	if (keep && n_begun < n_requests)
		begin(c);
	else
		hang_up(c);
}

/* How much to receive: of the head no more than there is room for. */
static size_t appetite(const struct connection *c)
{
	return aborting ? 1 : dribble ? 100 : c->body_at == 0 ? sizeof c->head / 2 : BUFFER_SIZE;
}

static void receive_some(struct connection *c)
{
	static char bytes[BUFFER_SIZE];
	ssize_t n = recv(c->fd, bytes, appetite(c), 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n == -1)
		failed(c, errno);
	else if (aborting)
		reset(c);
	else if (n == 0 && c->complete && !keep)
		end_of_answer(c);
	else if (n == 0 || !take(c, bytes, (size_t)n))
		failed(c, 0);
	else if (c->complete && keep)
		end_of_answer(c);
}

/* ---- All of them ---- */

static void serve(const struct pollfd *ready)
{
	for (unsigned i = 0; i < n_parallel; i++) {
		struct connection *c = &connections[i];

		if (c->fd != -1 && (ready[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0)
			receive_some(c);
		else if (c->fd != -1 && (ready[i].revents & POLLOUT) != 0)
			send_some(c);
	}
}

/* What each waits for; false if there are none. */
static bool await(struct pollfd *ready)
{
	bool any = false;

	for (unsigned i = 0; i < n_parallel; i++) {
		struct connection *c = &connections[i];

		if (c->fd == -1 && n_begun < n_requests)
			open_connection(c);
		ready[i].fd = c->fd;
		ready[i].events = deaf ? 0 : POLLIN;
		if (!idle && c->fd != -1 && c->sent < request_size)
			ready[i].events |= POLLOUT;
		any |= c->fd != -1;
	}
	poll(ready, n_parallel, any ? 200 : 0);
	return any || n_begun < n_requests;
}

static void run(void)
{
	static struct pollfd ready[PARALLEL_MAX];
	double end = now() + seconds;

	for (unsigned i = 0; i < n_parallel; i++)
		connections[i].fd = -1;
	while (await(ready) && now() < end) {
		serve(ready);
		if (dribble)
			nanosleep(&(struct timespec){.tv_nsec = DRIBBLE_NSEC}, NULL);
	}
}

static bool *flag_of(const char *word)
{
	static const struct {
		const char *word;
		bool *flag;
	} flags[] = {{"head", &head}, {"keep", &keep}, {"dribble", &dribble}, {"abort", &aborting},
		     {"half", &half}, {"shut", &shut}, {"deaf", &deaf}, {"idle", &idle},
		     {"chunked", &chunked}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(word, flags[i].word) == 0)
			return flags[i].flag;
	return NULL;
}

static unsigned *number_of(const char *word)
{
	return strcmp(word, "requests") == 0 ? &n_requests :
	       strcmp(word, "parallel") == 0 ? &n_parallel :
	       strcmp(word, "seconds") == 0 ? &seconds :
	       strcmp(word, "status") == 0 ? &status :
	       strcmp(word, "port") == 0 ? &port :
	       strcmp(word, "send") == 0 ? &n_to_send : NULL;
}

static bool take_words(char **words)
{
	for (; *words != NULL; words++) {
		bool *flag = flag_of(*words);
		unsigned *number = number_of(*words);

		if (flag != NULL)
			*flag = true;
		else if (number != NULL && words[1] != NULL)
			*number = (unsigned)strtoul(*++words, NULL, 10);
		else
			return false;
	}
	return n_requests <= REQUESTS_MAX && n_parallel >= 1 && n_parallel <= PARALLEL_MAX;
}

/* Numbered lines, and what the server has to say of them: FNV-1a. */
static void write_body(char *body)
{
	uint32_t sum = 2166136261u;

	for (size_t at = 0; at < n_to_send; at += LINE_SIZE)
		snprintf(body + at, LINE_SIZE + 1, "%015llu\n", (unsigned long long)(at / LINE_SIZE));
	for (size_t i = 0; i < n_to_send; i++)
		sum = (sum ^ (unsigned char)body[i]) * 16777619u;
	snprintf(sum_page, sizeof sum_page, "%u bytes, sum %u.\n", n_to_send, sum);
}

static bool write_request(const char *host)
{
	char length[64] = "";

	request = malloc(HEAD_SIZE + DEAF_SIZE + n_to_send + LINE_SIZE + 1);
	if (request == NULL)
		return false;
	if (n_to_send > 0)
		snprintf(length, sizeof length, chunked ? "Transfer-Encoding: chunked\r\n" :
			 "Content-Length: %u\r\n", n_to_send);
	request_size = (size_t)snprintf(request, HEAD_SIZE, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n",
					n_to_send > 0 ? "POST" : head ? "HEAD" : "GET", path, host, length,
					keep ? "" : "Connection: close\r\n");
	if (n_to_send > 0)
		write_body(request + request_size);
	request_size += n_to_send;
	for (size_t one = request_size; deaf && request_size + one <= DEAF_SIZE; request_size += one)
		memcpy(request + request_size, request, one);
	if (half)
		request_size /= 2;
	return true;
}

int main(int argc, char **argv)
{
	double begun = now(), took;

	if (argc < 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || !take_words(argv + 3)) {
		fprintf(stderr, "usage: http ADDRESS PATH [WORD [NUMBER]]...\n");
		return 2;
	}
	server.sin_port = htons(80);
	path = argv[2];
	if (!write_request(argv[1])) {
		perror("http");
		return 2;
	}
	run();
	took = now() - begun;
	printf("%u of %u good, %u refused, %u reset, %u wrong, in %.1f s: %.0f a second\n", n_good,
	       n_requests, n_refused, n_reset, n_wrong, took, (double)n_good / took);
	return n_good == n_requests ? 0 : 1;
}
