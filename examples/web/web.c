/* SPDX-License-Identifier: ISC */
/*
 * web.c: an HTTP/1.1 server (RFC 9110 and 9112) on lwIP, a TCP/IP stack in C.
 *
 *     ./build                    fetches lwIP and makes web.hvt
 *     sudo ip tuntap add tap100 mode tap user $USER
 *     sudo ip address add 10.0.0.1/24 dev tap100
 *     sudo ip link set tap100 up
 *     husk --mem=4 --net:service0=tap100 web.hvt
 *     curl http://10.0.0.2/
 *
 * Behind web.hvt there may be another address than 10.0.0.2/24, and a gateway. There are two
 * kinds of pages: / says how the server is, /bytes/N is N bytes of numbered lines. What is sent to
 * /sum by POST is counted and summed up.
 */
#include <solo5.h>
#include <string.h>

#include "lwip/tcp.h"
#include "nic.h"

#define PORT 80
#define LINE_MAX 128u			/* what we want of a line of a request is at its front */
#define HEAD_MAX 8192u			/* bytes of all its lines together */
#define BYTES_DIGITS 15
#define BYTES_LINE 16u			/* of /bytes/N: the digits and a newline */
#define SEGMENT_LINES (TCP_MSS / BYTES_LINE + 2)	/* cover a segment, wherever it begins */

/* In lwIP's ticks of half a second, without progress. */
#define STALLED_AFTER 4u		/* then a new connection may take this one's place */
#define LOST_AFTER 40u

#define SUM_START 2166136261u		/* FNV-1a of 32 bits */
#define SUM_FACTOR 16777619u

enum state { UNUSED, READING, SUMMING, ANSWERING, ENDING };

struct request {
	int status;			/* that it is answered with */
	bool is_head;			/* only the answer's head is wanted */
	bool is_http_1_1;
	bool keep;			/* the connection, for another request */
	bool has_host, has_body;
	bool is_chunked;		/* its body, so that its length is not known */
	bool is_bytes;			/* /bytes/N, not / */
	bool is_sum;			/* POST /sum */
	uint64_t n_bytes;		/* of /bytes/N, or of what is to be summed up */
	uint64_t n_summed;
	uint32_t sum;
};

struct connection {
	enum state state;
	struct tcp_pcb *pcb;
	struct pbuf *input;		/* arrived, and not looked at yet */
	bool peer_done;			/* nothing more will arrive */
	unsigned stalled;		/* ticks without progress */

	struct request request;
	char line[LINE_MAX];
	size_t line_length, head_length;
	unsigned n_lines;

	uint64_t n_sent, n_left;	/* bytes of the answer that lwIP has and has not got */
};

static struct connection connections[MEMP_NUM_TCP_PCB];
static solo5_time_t start_time;
static uint64_t n_pages;

/* ---- Text ---- */

struct text {
	size_t length;
	char bytes[512];		/* more than any of ours has */
};

static void put(struct text *t, const char *words)
{
	size_t length = strlen(words);

	memcpy(t->bytes + t->length, words, length);
	t->length += length;
}

static void put_number(struct text *t, uint64_t n, int digits)
{
	char number[21], *at = number + sizeof number - 1;

	*at = '\0';
	for (; n != 0 || digits > 0; n /= 10, digits--)
		*--at = (char)('0' + n % 10);
	put(t, at);
}

/* If the text begins with the word, steps over it. */
static bool skip(const char **text, const char *word)
{
	const char *at = *text;

	for (; *word != '\0'; word++, at++)
		if (*at != *word)
			return false;
	*text = at;
	return true;
}

static bool contains(const char *text, const char *word)
{
	for (; *text != '\0'; text++) {
		const char *at = text;

		if (skip(&at, word))
			return true;
	}
	return false;
}

/* ---- Requests ---- */

static void expect_request(struct connection *c)
{
	c->state = READING;
	c->request = (struct request){.sum = SUM_START};
	c->line_length = c->head_length = c->n_lines = 0;
}

static bool take_number(const char **at, uint64_t *n)
{
	const char *first = *at;

	for (*n = 0; *at - first < BYTES_DIGITS && **at >= '0' && **at <= '9'; (*at)++)
		*n = *n * 10 + (uint64_t)(**at - '0');
	return *at > first;
}

/* A path ends where a query begins. */
static bool at_end(const char *path)
{
	return *path == ' ' || *path == '?';
}

static bool take_path(struct request *r, const char *at)
{
	if (!skip(&at, "/"))
		return false;
	if (at_end(at))
		return true;
	r->is_bytes = skip(&at, "bytes/");
	return r->is_bytes && take_number(&at, &r->n_bytes) && at_end(at);
}

/* RFC 9112 3: METHOD, TARGET and VERSION. Returns the status to answer with. */
static int take_request_line(struct request *r, const char *line)
{
	const char *version = line;

	for (int spaces = 0; *version != '\0' && spaces < 2; version++)
		spaces += *version == ' ';
	r->is_http_1_1 = r->keep = skip(&version, "HTTP/1.1");
	if ((!r->is_http_1_1 && !skip(&version, "HTTP/1.0")) || *version != '\0')
		return 400;
	r->is_sum = skip(&line, "POST /sum") && at_end(line);
	if (r->is_sum)
		return 200;
	r->is_head = skip(&line, "HEAD ");
	if (!r->is_head && !skip(&line, "GET "))
		return 405;
	return take_path(r, line) ? 200 : 404;
}

static void take_length(struct request *r, const char *at)
{
	uint64_t n;

	while (skip(&at, " "))
		;
	if (!take_number(&at, &n) || *at != '\0')
		r->status = 400;
	r->has_body = r->has_body || n > 0;
	if (r->is_sum)
		r->n_bytes = n;
}

/* The line is in lower case. */
static void take_header(struct request *r, const char *line)
{
	if (skip(&line, "host:"))
		r->has_host = true;
	else if (skip(&line, "connection:"))
		r->keep = r->is_http_1_1 ? !contains(line, "close") : contains(line, "keep-alive");
	else if (skip(&line, "transfer-encoding:"))
		r->has_body = r->is_chunked = true;
	else if (skip(&line, "content-length:"))
		take_length(r, line);
}

/* Whether that was the last line of the request. */
static bool take_line(struct connection *c)
{
	struct request *r = &c->request;
	size_t length = c->line_length;

	c->line_length = 0;
	if (length == LINE_MAX - 1 && c->n_lines == 0)
		r->status = 414;
	if (length > 0 && c->line[length - 1] == '\r')
		length--;
	c->line[length] = '\0';
	if (length == 0)
		return c->n_lines > 0;	/* RFC 9112 2.2: empty lines in front do not count */
	if (c->n_lines++ > 0)
		take_header(r, c->line);
	else if (r->status == 0)
		r->status = take_request_line(r, c->line);
	return false;
}

/* Whether that was the last byte of the request. Lines that are too long lose their end. */
static bool take_byte(struct connection *c, char byte)
{
	if (++c->head_length > HEAD_MAX) {
		c->request.status = 431;
		return true;
	}
	if (byte == '\n')
		return take_line(c);
	if (c->n_lines > 0 && byte >= 'A' && byte <= 'Z')
		byte = (char)(byte - 'A' + 'a');
	if (c->line_length < LINE_MAX - 1)
		c->line[c->line_length++] = byte;
	return false;
}

/* What is wrong with a request that is known only once it is complete. */
static void judge(struct request *r)
{
	if (r->is_http_1_1 && !r->has_host && r->status < 400)
		r->status = 400;
	if (r->is_sum && r->is_chunked && r->status == 200)
		r->status = 411;
	/* What comes after a body is not read, nor is a body that nobody wants. An open window stays open. */
	if (r->has_body || r->is_sum || r->status == 400 || r->status == 414 || r->status == 431)
		r->keep = false;
}

static void made_progress(struct connection *c)
{
	c->stalled = 0;
	tcp_setprio(c->pcb, TCP_PRIO_NORMAL);
}

/* Whether there is a request to answer now, or a body to be summed up. */
static bool read_request(struct connection *c)
{
	bool complete = false;

	while (c->input != NULL && !complete) {
		const char *bytes = c->input->payload;
		u16_t n = 0;

		while (n < c->input->len && !complete)
			complete = take_byte(c, bytes[n++]);
		tcp_recved(c->pcb, n);
		c->input = pbuf_free_header(c->input, n);
	}
	if (!complete)
		return false;
	judge(&c->request);
	c->n_sent = c->n_left = 0;
	c->state = c->request.is_sum && c->request.status == 200 ? SUMMING : ANSWERING;
	if (c->state == SUMMING)
		tcp_recved(c->pcb, TCP_WND - TCP_WND_REQUEST);	/* opens the window */
	return true;
}

static uint32_t sum_on(uint32_t sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * SUM_FACTOR;
	return sum;
}

/* Whether all of the body has come. The window is told once, as each time is a frame. */
static bool sum_body(struct connection *c)
{
	struct request *r = &c->request;
	u16_t taken = 0;

	while (c->input != NULL && r->n_summed < r->n_bytes) {
		uint64_t left = r->n_bytes - r->n_summed;
		u16_t n = left < c->input->len ? (u16_t)left : c->input->len;

		r->sum = sum_on(r->sum, c->input->payload, n);
		r->n_summed += n;
		taken = (u16_t)(taken + n);
		c->input = pbuf_free_header(c->input, n);
	}
	tcp_recved(c->pcb, taken);
	if (taken > 0)
		made_progress(c);
	if (r->n_summed < r->n_bytes)
		return false;
	c->state = ANSWERING;
	return true;
}

/* ---- Answers ---- */

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "200 OK";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed\r\nAllow: GET, HEAD";
	case 411:
		return "411 Length Required";
	case 414:
		return "414 URI Too Long";
	case 431:
		return "431 Request Header Fields Too Large";
	}
	return "400 Bad Request";
}

static void put_page(struct text *t, const struct request *r)
{
	uint64_t msecs = (solo5_clock_monotonic() - start_time) / 1000000;

	if (r->status == 200 && r->is_sum) {
		put_number(t, r->n_bytes, 1);
		put(t, " bytes, sum ");
		put_number(t, r->sum, 1);
		put(t, ".\n");
	} else if (r->status == 200) {
		put(t, "Hello from a unikernel.\nThis is page ");
		put_number(t, n_pages + 1, 1);
		put(t, " in ");
		put_number(t, msecs / 1000, 1);
		put(t, ".");
		put_number(t, msecs % 1000, 3);
		put(t, " s.\n");
	} else {
		put(t, "Sorry.\n");
	}
}

static void put_head(struct text *t, const struct request *r, uint64_t length)
{
	put(t, "HTTP/1.1 ");
	put(t, reason(r->status));
	put(t, "\r\nContent-Type: text/plain\r\nContent-Length: ");
	put_number(t, length, 1);
	if (!r->keep)
		put(t, "\r\nConnection: close");
	else if (!r->is_http_1_1)
		put(t, "\r\nConnection: keep-alive");
	put(t, "\r\n\r\n");
}

/* False if lwIP has no room; there will be some when something has been acknowledged. */
static bool send(struct connection *c, const char *bytes, size_t size)
{
	if (tcp_sndbuf(c->pcb) < size ||
	    tcp_write(c->pcb, bytes, (u16_t)size, TCP_WRITE_FLAG_COPY) != ERR_OK)
		return false;
	c->n_sent += size;
	return true;
}

/* The head, and all of a body that is short. */
static bool send_head(struct connection *c)
{
	const struct request *r = &c->request;
	bool is_bytes = r->is_bytes && r->status == 200;
	struct text page, head;

	page.length = head.length = 0;
	if (!is_bytes)
		put_page(&page, r);
	put_head(&head, r, is_bytes ? r->n_bytes : page.length);
	if (!r->is_head) {
		memcpy(head.bytes + head.length, page.bytes, page.length);
		head.length += page.length;
	}
	if (!send(c, head.bytes, head.length))
		return false;
	n_pages += r->status == 200;
	c->n_left = is_bytes && !r->is_head ? r->n_bytes : 0;
	return true;
}

/* Lines of /bytes/N from a number on. */
static const char *lines_from(uint64_t number)
{
	static char lines[SEGMENT_LINES][BYTES_LINE];
	struct text first;

	first.length = 0;
	put_number(&first, number, BYTES_DIGITS);
	put(&first, "\n");
	memcpy(lines[0], first.bytes, BYTES_LINE);
	for (unsigned i = 1; i < SEGMENT_LINES; i++) {
		char *digit = &lines[i][BYTES_DIGITS - 1];

		memcpy(lines[i], lines[i - 1], BYTES_LINE);
		for (; *digit == '9'; digit--)
			*digit = '0';
		(*digit)++;
	}
	return lines[0];
}

/* The next bytes of /bytes/N, up to where a segment ends. */
static bool send_bytes(struct connection *c)
{
	uint64_t at = c->request.n_bytes - c->n_left;
	size_t n = tcp_mss(c->pcb) - (size_t)(c->n_sent % tcp_mss(c->pcb));

	if (n > c->n_left)
		n = (size_t)c->n_left;
	if (!send(c, lines_from(at / BYTES_LINE) + at % BYTES_LINE, n))
		return false;
	c->n_left -= n;
	return true;
}

/* ---- Connections ---- */

static void drop_input(struct connection *c)
{
	if (c->input == NULL)
		return;
	tcp_recved(c->pcb, c->input->tot_len);
	pbuf_free(c->input);
	c->input = NULL;
}

/* Both sides are done: what is left is lwIP's. */
static void leave(struct connection *c)
{
	tcp_arg(c->pcb, NULL);
	tcp_recv(c->pcb, NULL);
	tcp_sent(c->pcb, NULL);
	tcp_err(c->pcb, NULL);
	tcp_poll(c->pcb, NULL, 0);
	c->pcb->rcv_wnd = TCP_WND;	/* in less than that lwIP sees data that nobody has read, and resets */
	tcp_close(c->pcb);
	c->state = UNUSED;
}

/*
 * RFC 9112 9.6: a server that stops listening at once may make the client lose the end of the
 * answer. So until the client closes as well, what it still sends is thrown away.
 */
static void hang_up(struct connection *c)
{
	drop_input(c);
	if (c->peer_done) {
		leave(c);
	} else {
		c->state = ENDING;
		tcp_shutdown(c->pcb, 0, 1);
	}
}

/* Whether all of the answer is lwIP's now. */
static bool send_answer(struct connection *c)
{
	if (c->n_sent == 0 && !send_head(c))
		return false;
	while (c->n_left > 0)
		if (!send_bytes(c))
			return false;
	made_progress(c);
	if (c->request.keep)
		expect_request(c);
	else
		hang_up(c);
	return true;
}

/* Does all that can be done now. */
static void serve(struct connection *c)
{
	bool more = true;

	while (more)
		more = (c->state == READING && read_request(c)) ||
		       (c->state == SUMMING && sum_body(c)) ||
		       (c->state == ANSWERING && send_answer(c));
	if (c->state == ANSWERING && !c->request.keep)
		drop_input(c);
	if ((c->state == READING || c->state == SUMMING) && c->peer_done)
		hang_up(c);
}

/* ---- What lwIP calls ---- */

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t size)
{
	(void)pcb;
	(void)size;
	made_progress(arg);
	serve(arg);
	return ERR_OK;
}

/* p is NULL when the peer is done. lwIP comes again with what is refused. */
static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct connection *c = arg;

	(void)pcb;
	(void)error;
	if (p != NULL && c->input != NULL)
		return ERR_MEM;
	if (p != NULL)
		c->input = p;
	else
		c->peer_done = true;
	if (c->state == ENDING)
		hang_up(c);
	else
		serve(c);
	return ERR_OK;
}

/* When lwIP is out of connections it ends one of lower priority than the new one's. */
static err_t on_tick(void *arg, struct tcp_pcb *pcb)
{
	struct connection *c = arg;

	c->stalled++;
	if (c->stalled > LOST_AFTER) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	if (c->stalled > STALLED_AFTER)
		tcp_setprio(pcb, TCP_PRIO_MIN);
	serve(c);
	return ERR_OK;
}

/* The pcb is gone already. */
static void on_error(void *arg, err_t error)
{
	struct connection *c = arg;

	(void)error;
	if (c->input != NULL)
		pbuf_free(c->input);
	c->state = UNUSED;
}

/* Before the first window is told. */
static err_t on_opened(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
	(void)id;
	(void)listener;
	pcb->rcv_wnd = pcb->rcv_ann_wnd = TCP_WND_REQUEST;
	return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct connection *c = connections;

	(void)arg;
	if (error != ERR_OK || pcb == NULL)
		return ERR_VAL;
	while (c->state != UNUSED)	/* there are as many as lwIP has */
		c++;
	*c = (struct connection){.pcb = pcb};
	expect_request(c);
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_received);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	tcp_poll(pcb, on_tick, 1);
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

/* ---- Start ---- */

static bool listen(void)
{
	static const struct tcp_ext_arg_callbacks opening = {.passive_open = on_opened};
	struct tcp_pcb *pcb = tcp_new();

	if (pcb == NULL || tcp_bind(pcb, IP_ANY_TYPE, PORT) != ERR_OK)
		return false;
	tcp_ext_arg_set_callbacks(pcb, tcp_ext_arg_alloc_id(), &opening);
	pcb = tcp_listen(pcb);
	tcp_accept(pcb, on_connected);
	return true;
}

int solo5_app_main(const struct solo5_start_info *info)
{
	start_time = solo5_clock_monotonic();
	if (!nic_start("service0", info->cmdline)) {
		nic_print("Usage: web.hvt [ADDRESS[/BITS] [GATEWAY]]\n");
		return SOLO5_EXIT_FAILURE;
	}
	if (!listen())
		return SOLO5_EXIT_FAILURE;
	nic_print("Serving http://");
	nic_print(ip4addr_ntoa(netif_ip4_addr(netif_default)));
	nic_print("/\n");
	nic_run();
}
