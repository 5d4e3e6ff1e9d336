/* SPDX-License-Identifier: ISC */
/*
 * vsock-http.c: serves a page over a Unix socket of the host, to many clients at a time.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o vsock-http.hvt vsock-http.c manifest.json
 *     husk --mem=2 --vsock:service=listen=80:http.sock vsock-http.hvt
 *     curl --unix-socket http.sock http://unikernel/
 *
 * There is no network: no interface, no address, no TCP, and nothing for root to do. http.sock is
 * made by husk, which removes it when it ends. Why -mgeneral-regs-only: see ../ping/ping.c.
 *
 * It answers GET and HEAD as HTTP/1.1 (RFC 9112), one request for each connection.
 */
#include <solo5.h>
#include <string.h>
#include <vsock.h>

#define PORT 80u
#define SOCKETS 64u
#define BUFFER 1024u
#define PATIENCE 10000000000ull		/* ns that a client may take */
#define REQUEST_MAX 2048u		/* bytes of a request's head */

struct client {
	solo5x_socket_t socket;		/* 0: none */
	solo5_time_t deadline;		/* until then it has had its answer, or loses its place */
	uint32_t got;			/* bytes of the request */
	char request[REQUEST_MAX];
	const char *left;		/* of the answer; NULL: the request is not whole */
	size_t n_left;
};

static uint8_t memory[SOLO5X_VSOCK_MEMORY_MIN(SOCKETS, BUFFER)];
static struct client clients[SOCKETS];
static solo5_handle_t device;

#define PAGE \
	"<!doctype html>\n<title>husk</title>\n" \
	"<p>This page comes from a unikernel that has no network.</p>\n"
_Static_assert(sizeof PAGE - 1 == 97, "Content-Length");

#define HEAD(status, size) \
	"HTTP/1.1 " status "\r\nContent-Type: text/html\r\nContent-Length: " size "\r\n" \
	"Connection: close\r\n\r\n"

static const char head[] = HEAD("200 OK", "97");
static const char page[] = HEAD("200 OK", "97") PAGE;
static const char missing[] = HEAD("404 Not Found", "0");
static const char wrong[] = HEAD("400 Bad Request", "0");
static const char unknown[] = HEAD("501 Not Implemented", "0");

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

static bool begins(const struct client *c, const char *text)
{
	return c->got >= strlen(text) && memcmp(c->request, text, strlen(text)) == 0;
}

/* The head of a request ends with an empty line; a lone LF ends one too (2.2). */
static bool is_whole(const struct client *c)
{
	uint32_t length = 1;		/* of the line, CRs not counted */

	for (uint32_t i = 0; i < c->got; i++) {
		if (c->request[i] == '\n' && length == 0)
			return true;
		length = c->request[i] == '\n' ? 0 : length + (c->request[i] != '\r');
	}
	return false;
}

static void answer(struct client *c, const char *text)
{
	c->left = text;
	c->n_left = strlen(text);
	solo5x_vsock_watch(c->socket, SOLO5X_VSOCK_WRITABLE);
}

static void choose_answer(struct client *c)
{
	if (begins(c, "GET / "))
		answer(c, page);
	else if (begins(c, "HEAD / "))
		answer(c, head);
	else if (begins(c, "GET /") || begins(c, "HEAD /"))
		answer(c, missing);
	else
		answer(c, unknown);
}

static void end(struct client *c)
{
	solo5x_vsock_close(c->socket);
	c->socket = 0;
}

/* False: the client is to be ended. */
static bool receive(struct client *c)
{
	size_t n;

	if (solo5x_vsock_read(c->socket, c->request + c->got, REQUEST_MAX - c->got, &n) !=
	    SOLO5X_VSOCK_OK || n == 0)
		return false;
	c->got += (uint32_t)n;
	if (is_whole(c))
		choose_answer(c);
	else if (c->got == REQUEST_MAX)
		answer(c, wrong);
	return true;
}

static bool send(struct client *c)
{
	size_t n;

	if (solo5x_vsock_write(c->socket, c->left, c->n_left, &n) != SOLO5X_VSOCK_OK)
		return false;
	c->left += n;
	c->n_left -= n;
	return c->n_left > 0;
}

static struct client *client_of(solo5x_socket_t socket)
{
	struct client *c = clients;

	while (c->socket != socket)
		c++;
	return c;
}

/* There are as many places as sockets. */
static void accept_clients(void)
{
	solo5x_socket_t socket;

	while (solo5x_vsock_accept(device, PORT, &socket) == SOLO5X_VSOCK_OK) {
		struct client *c = client_of(0);

		c->socket = socket;
		c->deadline = solo5_clock_monotonic() + PATIENCE;
		c->got = 0;
		c->left = NULL;
	}
}

/* Returns when the next client is too slow. */
static solo5_time_t end_slow_clients(void)
{
	const solo5_time_t now = solo5_clock_monotonic();
	solo5_time_t first = UINT64_MAX;

	for (struct client *c = clients; c < clients + SOCKETS; c++) {
		if (c->socket != 0 && c->deadline <= now)
			end(c);
		if (c->socket != 0 && c->deadline < first)
			first = c->deadline;
	}
	return first;
}

static void serve(void)
{
	solo5x_socket_t socket;
	unsigned events;

	for (;;) {
		accept_clients();
		while (solo5x_vsock_next(device, &socket, &events) == SOLO5X_VSOCK_OK) {
			struct client *c = client_of(socket);

			if (!(c->left == NULL ? receive(c) : send(c)))
				end(c);
		}
		solo5_yield(end_slow_clients(), NULL);	/* sleeps until there is something to do */
	}
}

int solo5_app_main(const struct solo5_start_info *info)
{
	static const struct solo5x_vsock_config config = {memory, sizeof memory, SOCKETS, BUFFER};

	(void)info;
	if (solo5x_vsock_acquire("service", &config, &device, NULL) != SOLO5X_VSOCK_OK ||
	    solo5x_vsock_listen(device, PORT, SOCKETS) != SOLO5X_VSOCK_OK) {
		print("vsock-http: this monitor has no vsock\n");
		return SOLO5_EXIT_FAILURE;
	}
	print("Serving port 80\n");
	serve();
	return SOLO5_EXIT_SUCCESS;
}
