/* SPDX-License-Identifier: ISC */
/*
 * fuzz_vsock_mux.c: what a guest, and programs of its host, can do to its connections, in records of
 * two bytes, counted from '0' so that text makes seeds. p, l, f, a, w, t: guest's port, payload's
 * length, flags, buf_alloc, fwd_cnt, type of the packets to come. s: the guest sends a packet, second
 * is the operation. g: it takes some, of so many bytes. With the socket that second names: h the host
 * program sends, r reads, e ends, x hangs up, F fails. c: clients come, with a command. k: time
 * passes. z: reset. All else: connecting and accepting fail or do not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/vsock/mux_parts.h"
#include "../unit/vsock/fake_host.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define CID 3u
#define CONNECTIONS 12u
#define MS 1000000ull

static const uint32_t numbers[] = {
	0, 1, 2, 3, 52, 100, 1000, 4096, 32767, 32768, 32769, 65535, 65536, 1u << 20, 1u << 30,
	(1u << 30) + 1, 1u << 31, UINT32_MAX - 1000, UINT32_MAX - 1, UINT32_MAX,
};

static const char *const commands[] = {
	"", "CONNECT 52\n", "connect 0\nearly", "CONNECT 4294967295\n", "CONN", "GET / HTTP/1.1\n",
	"CONNECT 52                              ",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct vsock_fake fake;
	struct vsock_host host;
	struct vsock_mux *m;
	struct vsock_header next;
	uint64_t now;
	uint64_t to_guest;		/* bytes in RW packets */
} s;

static void check_connection(const struct vsock_connection *c)
{
	CHECK(c->buffered <= c->size && (c->size == 0 || c->buffer_at < c->size));
	CHECK(vsock_credit(c) <= VSOCK_WINDOW_MAX);
	CHECK(c->fd == -1 || c->state != VSOCK_FREE);
	CHECK(c->fd != -1 || c->state == VSOCK_FREE || c->state == VSOCK_CLOSING ||
	      c->state == VSOCK_RESET);
	CHECK(!(c->timed || c->looks) || c->state != VSOCK_FREE);
	CHECK(c->fd == -1 || c->writable || !c->untold);
	CHECK(c->ready || c->state == VSOCK_FREE || !vsock_has_packet(c));
	CHECK(c->state != VSOCK_COMMAND || c->timed);
	CHECK(c->state != VSOCK_ASKING || c->timed);
	CHECK(c->state != VSOCK_CLOSING || c->timed);
}

/* What is in use is somewhere, what is not is nowhere. */
static void check(void)
{
	unsigned used = 0, open = 0, n_commands, wants = 0;
	const unsigned said = vsock_mux_connections(s.m, &n_commands);

	for (unsigned i = 0; i < s.m->table.max; i++) {
		const struct vsock_connection *c = &s.m->table.connections[i];

		check_connection(c);
		used += c->state != VSOCK_FREE;
		open += c->fd != -1;
		wants += c->ready;
		n_commands -= c->state == VSOCK_COMMAND;
		if (c->state > VSOCK_COMMAND)
			CHECK(vsock_table_find(&s.m->table, c->host_port, c->guest_port) == c);
	}
	CHECK(used == said && n_commands == 0 && open == s.fake.open);
	CHECK(vsock_mux_has_packet(s.m) == (wants + s.m->orphans.n > 0));
	CHECK(s.fake.misused == 0);
	CHECK(s.m->counters.bytes_out == s.to_guest);
}

static void pump(void)
{
	uint64_t key;
	unsigned events;

	while (vsock_fake_event(&s.fake, &key, &events))
		vsock_mux_event(s.m, key, events, s.now);
}

static void guest_sends(unsigned op)
{
	static uint8_t payload[VSOCK_PAYLOAD_MAX];
	struct vsock_header h = s.next;
	struct vsock_packet p;

	h.op = (uint16_t)(op % 10);
	h.len = h.len < VSOCK_PAYLOAD_MAX ? h.len : VSOCK_PAYLOAD_MAX;
	CHECK(vsock_packet_init(&p, &h, sizeof h, payload, h.len) == VSOCK_PACKET_OK);
	CHECK(vsock_mux_take(s.m, &p, s.now) || s.m->orphans.n == VSOCK_ORPHANS_MAX);
}

static void check_packet(const struct vsock_header *h, uint32_t room)
{
	CHECK(h->src_cid == VSOCK_CID_HOST && h->dst_cid == CID && h->len <= room);
	CHECK(h->op >= VSOCK_OP_REQUEST && h->op <= VSOCK_OP_CREDIT_REQUEST);
	CHECK((h->op == VSOCK_OP_RW) == (h->len > 0));
	CHECK(h->op == VSOCK_OP_SHUTDOWN ? h->flags >= 1 && h->flags <= 3 : h->flags == 0);
}

/* In as many buffers as there is a use for. Only payload comes in more than one. */
static void guest_takes(uint32_t room)
{
	static uint8_t payload[VSOCK_BATCH][VSOCK_PAYLOAD_MAX];
	const unsigned n = vsock_mux_buffers(s.m);
	struct vsock_header h[VSOCK_BATCH] = {0};
	struct vsock_packet p[VSOCK_BATCH];
	unsigned made;

	room = room < 1 ? 1 : room < VSOCK_PAYLOAD_MAX ? room : VSOCK_PAYLOAD_MAX;
	CHECK(n <= VSOCK_BATCH && (n > 0) == vsock_mux_has_packet(s.m));
	for (unsigned i = 0; i < n; i++)
		CHECK(vsock_packet_init(&p[i], &h[i], sizeof h[i], payload[i], room) == VSOCK_PACKET_OK);
	made = n > 0 ? vsock_mux_give(s.m, p, n, s.now) : 0;
	CHECK(made > 0 ? made <= n : !vsock_mux_has_packet(s.m));
	for (unsigned i = 0; i < made; i++) {
		check_packet(&h[i], room);
		CHECK(made == 1 || h[i].op == VSOCK_OP_RW);
		CHECK(i + 1 == made || h[i].len == room);
		s.to_guest += h[i].len;
	}
}

static void host_does(char what, unsigned which)
{
	struct fake_socket *f = &s.fake.sockets[which % CONNECTIONS];

	if (!f->open)
		return;
	switch (what) {
	case 'h':
		f->readable += f->ends ? 0 : 3000;
		f->events |= VSOCK_READABLE;
		break;
	case 'r':
		f->room += f->room > 1u << 30 ? 0 : 20000;
		f->events |= f->untold ? 0 : VSOCK_WRITABLE;
		break;
	case 'x':
		f->hung_up = true;
		f->events |= VSOCK_HUNG_UP;
		/* fall through */
	case 'e':
		f->ends = true;
		f->events |= VSOCK_READABLE;
		break;
	default:
		f->write_error = EPIPE;
		f->read_error = which < CONNECTIONS ? 0 : ECONNRESET;
		f->events |= VSOCK_READABLE;
	}
}

static void clients_come(unsigned which)
{
	const char *command = commands[which % (sizeof commands / sizeof commands[0])];

	s.fake.client.n_text = (unsigned)strlen(command);
	memcpy(s.fake.client.text, command, strlen(command));
	s.fake.client.room = which % 2 == 0 ? 14 : 0;
	s.fake.waiting += 1 + which % 3;
	vsock_mux_event(s.m, s.fake.listener_key, VSOCK_READABLE, s.now);
}

static void fail_or_not(unsigned which)
{
	static const int errors[] = {0, EMFILE, EAGAIN, ENOENT};

	s.fake.connect_error = errors[which % 4];
	s.fake.accept_error = errors[which / 4 % 4];
	s.fake.watch_error = errors[which / 16 % 4];
}

static void time_passes(unsigned ms)
{
	const uint64_t due = vsock_mux_deadline(s.m);

	s.now += ms * 20 * MS;
	if (due <= s.now)
		vsock_mux_expire(s.m, s.now);
	CHECK(vsock_mux_deadline(s.m) > s.now || vsock_mux_deadline(s.m) == 0);
}

static void play(char what, unsigned second)
{
	const uint32_t number = numbers[second % (sizeof numbers / sizeof numbers[0])];

	switch (what) {
	case 'p':
		s.next.src_port = number;
		s.next.dst_port = second % 2 == 0 ? 52 : VSOCK_PORT_FIRST + second / 2;
		break;
	case 'l': s.next.len = number; break;
	case 'f': s.next.flags = number; break;
	case 'a': s.next.buf_alloc = number; break;
	case 'w': s.next.fwd_cnt = number; break;
	case 't': s.next.type = (uint16_t)second; break;
	case 's': guest_sends(second); break;
	case 'g': guest_takes(number); break;
	case 'c': clients_come(second); break;
	case 'k': time_passes(second); break;
	case 'z': vsock_mux_reset(s.m); break;
	case 'h': case 'r': case 'e': case 'x': case 'F':
		host_does(what, second);
		break;
	default:
		fail_or_not(second);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct husk_error e;

	memset(&s, 0, sizeof s);
	vsock_fake_init(&s.fake, &s.host);
	s.next = (struct vsock_header){
		.src_cid = CID, .dst_cid = VSOCK_CID_HOST, .src_port = 1, .dst_port = 52,
		.type = VSOCK_TYPE_STREAM, .buf_alloc = 65536,
	};
	CHECK(vsock_mux_create(&s.m, CID, CONNECTIONS, &s.host, &e) == 0);
	CHECK(vsock_mux_listen(s.m, FAKE_LISTENER, VSOCK_PORT_BY_COMMAND) == 0);
	for (; size >= 2; data += 2, size -= 2) {
		play((char)data[0], (uint8_t)(data[1] - '0'));
		pump();
		check();
	}
	vsock_mux_destroy(s.m);
	CHECK(s.fake.open == 0 && s.fake.misused == 0);
	return 0;
}
