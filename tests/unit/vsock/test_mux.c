/* SPDX-License-Identifier: ISC */
/* test_mux.c: the connections of a guest, between a made-up guest and a made-up host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../monitor/memory_host.h"
#include "../../../monitor/vsock/command.h"
#include "../../../monitor/vsock/mux_parts.h"
#include "fake_host.h"

#define CID 7u
#define GUEST_PORT 5000u
#define HOST_PORT 52u
#define MS 1000000ull
#define ROOM 65536u

struct fixture {
	struct vsock_fake fake;
	struct vsock_host host;
	struct vsock_mux *m;
	struct husk_error e;
	uint64_t now;
	struct vsock_header got;	/* the last packet for the guest, */
	uint8_t payload[ROOM];		/* and what it carried */
	uint32_t room;			/* of the guest's buffers */
	uint64_t sent;			/* bytes of the stream that the guest has sent */
	uint32_t buf_alloc, fwd_cnt;	/* what the guest says */
};

static struct fixture f;

static void make(unsigned connections)
{
	memset(&f, 0, sizeof f);
	vsock_fake_init(&f.fake, &f.host);
	f.now = 1000 * MS;
	f.room = ROOM;
	f.buf_alloc = 1u << 20;
	if (vsock_mux_create(&f.m, CID, connections, &f.host, &f.e) == -1)
		fail_msg("%s", f.e.message);
}

static int set_up(void **state)
{
	(void)state;
	make(VSOCK_CONNECTIONS_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vsock_mux_destroy(f.m);
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(f.fake.misused, 0);
	return 0;
}

/* Between HOST_PORT and this port. */
static struct vsock_connection *connection(uint32_t guest_port)
{
	return vsock_table_find(&f.m->table, HOST_PORT, guest_port);
}

/* ---- the guest ---- */

/* As it is in header; payload may be NULL. */
static bool try_send(struct vsock_header header, uint8_t *payload)
{
	struct vsock_packet p;

	assert_int_equal(vsock_packet_init(&p, &header, sizeof header, payload, header.len),
			 VSOCK_PACKET_OK);
	return vsock_mux_take(f.m, &p, f.now);
}

static struct vsock_header header_of(unsigned op, uint32_t guest_port, uint32_t host_port)
{
	return (struct vsock_header){
		.src_cid = CID, .dst_cid = VSOCK_CID_HOST, .src_port = guest_port,
		.dst_port = host_port, .type = VSOCK_TYPE_STREAM, .op = (uint16_t)op,
		.buf_alloc = f.buf_alloc, .fwd_cnt = f.fwd_cnt,
	};
}

static void says_on(unsigned op, unsigned flags, uint32_t guest_port, uint32_t host_port)
{
	struct vsock_header h = header_of(op, guest_port, host_port);

	h.flags = flags;
	assert_true(try_send(h, NULL));
}

static void says(unsigned op, unsigned flags)
{
	says_on(op, flags, GUEST_PORT, HOST_PORT);
}

/* len bytes of the stream that fits the socket's. */
static void sends(const struct fake_socket *s, uint32_t len)
{
	static uint8_t payload[2 * ROOM];
	struct vsock_header h = header_of(VSOCK_OP_RW, GUEST_PORT, HOST_PORT);

	h.len = len;
	for (uint32_t i = 0; i < len; i++)
		payload[i] = vsock_fake_byte((uint8_t)~s->stream, f.sent + i);
	assert_true(try_send(h, payload));
	f.sent += len;
}

/* The next packet, in f.got; false if there is none. */
static bool receives(void)
{
	static struct vsock_header place;
	struct vsock_packet p;

	memset(&place, 0xff, sizeof place);
	assert_int_equal(vsock_packet_init(&p, &place, sizeof place, f.payload, f.room),
			 VSOCK_PACKET_OK);
	if (!vsock_mux_give(f.m, &p, 1, f.now))
		return false;
	f.got = place;
	assert_true(f.got.src_cid == VSOCK_CID_HOST && f.got.dst_cid == CID);
	return true;
}

static void assert_gets(unsigned op, unsigned flags)
{
	if (!receives())
		fail_msg("no packet, expected %u", op);
	assert_int_equal(f.got.op, op);
	assert_int_equal(f.got.flags, flags);
}

static void assert_gets_on(unsigned op, uint32_t guest_port, uint32_t host_port)
{
	assert_gets(op, 0);
	assert_int_equal(f.got.dst_port, guest_port);
	assert_int_equal(f.got.src_port, host_port);
}

static void assert_gets_nothing(void)
{
	if (receives())
		fail_msg("packet %u, expected none", f.got.op);
	assert_false(vsock_mux_has_packet(f.m));
}

/* RW with exactly len bytes of the socket's stream, from its byte at on. */
static void assert_gets_bytes(const struct fake_socket *s, uint64_t at, uint32_t len)
{
	assert_gets(VSOCK_OP_RW, 0);
	assert_int_equal(f.got.len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(f.payload[i], vsock_fake_byte(s->stream, at + i));
}

/* ---- the host ---- */

static void pump(void)
{
	uint64_t key;
	unsigned events;

	while (vsock_fake_event(&f.fake, &key, &events))
		vsock_mux_event(f.m, key, events, f.now);
}

static void host_says(struct fake_socket *s, uint64_t bytes)
{
	s->readable += bytes;
	s->events |= VSOCK_READABLE;
	pump();
}

static void host_ends(struct fake_socket *s, bool hangs_up)
{
	s->ends = true;
	s->hung_up = hangs_up;
	s->events |= VSOCK_READABLE | (hangs_up ? VSOCK_HUNG_UP : 0);
	pump();
}

static void host_reads(struct fake_socket *s, uint64_t room)
{
	s->room += room;
	if (!s->untold)
		s->events |= VSOCK_WRITABLE;
	pump();
}

static void time_passes(uint64_t ms)
{
	f.now += ms * MS;
	if (vsock_mux_deadline(f.m) <= f.now)
		vsock_mux_expire(f.m, f.now);
}

static unsigned in_use(void)
{
	unsigned commands;

	return vsock_mux_connections(f.m, &commands);
}

static unsigned commands(void)
{
	unsigned n;

	(void)vsock_mux_connections(f.m, &n);
	return n;
}

/* An open connection that the guest has asked for. */
static struct fake_socket *open_one(void)
{
	says(VSOCK_OP_REQUEST, 0);
	pump();
	assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT, HOST_PORT);
	return &f.fake.sockets[f.fake.open - 1];
}

static void listen_for_commands(void)
{
	assert_int_equal(vsock_mux_listen(f.m, FAKE_LISTENER, VSOCK_PORT_BY_COMMAND), 0);
}

static void clients_come(unsigned n, const char *text)
{
	f.fake.client.n_text = (unsigned)strlen(text);
	memcpy(f.fake.client.text, text, strlen(text));
	f.fake.waiting += n;
	vsock_mux_event(f.m, f.fake.listener_key, VSOCK_READABLE, f.now);
	pump();
}

static void client_adds(struct fake_socket *s, const char *text)
{
	memcpy(s->text + s->n_text, text, strlen(text));
	s->n_text += (unsigned)strlen(text);
	s->events |= VSOCK_READABLE;
	pump();
}

/* ---- the command line of a client ---- */

static void commands_are_read_as_firecracker_reads_them(void **state)
{
	static const struct {
		const char *line;
		int len;
		uint32_t port;
	} cases[] = {
		{"CONNECT 52\n", 11, 52}, {"connect 52\nmore", 11, 52}, {"CoNnEcT 0\n", 10, 0},
		{"CONNECT 4294967295\n", 19, 4294967295u}, {"CONNECT +52\n", 12, 52},
		{"CONNECT 52  \t\r\n", 15, 52}, {"  CONNECT\t52\n", 13, 52},
		{"CONNECT 0000000000000000052\n", 28, 52}, {"CONNECT 52 and more\n", 20, 52},
		{"CONNECT                      52\n", 32, 52},
		{"", 0, 0}, {"C", 0, 0}, {"CONNECT 52", 0, 0}, {"GET / HTTP/1.1", 0, 0},
		{"\n", -1, 0}, {"CONNECT\n", -1, 0}, {"CONNECT \n", -1, 0}, {"CONNECT -1\n", -1, 0},
		{"CONNECT 4294967296\n", -1, 0}, {"CONNECT 99999999999999999999\n", -1, 0},
		{"CONNECT 52x\n", -1, 0}, {"CONNECT +\n", -1, 0}, {"CONNECT ++1\n", -1, 0},
		{"CONNECT 0x34\n", -1, 0}, {"CONNECT52\n", -1, 0}, {"GET / HTTP/1.1\r\n", -1, 0},
		{"CONNECTX 52\n", -1, 0}, {"CONNEC 52\n", -1, 0},
		{"CONNECT 52                      ", -1, 0},
		{"\x01\x02\xff\xfe\n", -1, 0},
	};
	uint32_t port;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(vsock_command_parse(cases[i].line, strlen(cases[i].line), &port),
				 cases[i].len);
		if (cases[i].len > 0)
			assert_int_equal(port, cases[i].port);
	}
	assert_int_equal(vsock_command_parse("CONNECT\0 52\n", 12, &port), -1);
}

static void the_answer_is_ok_and_the_port(void **state)
{
	char answer[VSOCK_ANSWER_MAX];

	(void)state;
	assert_int_equal(vsock_command_answer(1073741824, answer), 14);
	assert_string_equal(answer, "OK 1073741824\n");
	assert_int_equal(vsock_command_answer(UINT32_MAX, answer), 14);
}

/* ---- addresses, and packets of no connection ---- */

/* V19, V20 */
static void packets_of_other_cids_are_dropped(void **state)
{
	static const uint64_t src[] = {0, 1, 2, 3, CID + (1ull << 32), UINT64_MAX};
	static const uint64_t dst[] = {0, 1, 3, 2 + (1ull << 32), UINT32_MAX, UINT64_MAX, CID};
	struct vsock_header h;

	(void)state;
	for (size_t i = 0; i < sizeof src / sizeof src[0]; i++) {
		h = header_of(VSOCK_OP_REQUEST, GUEST_PORT, HOST_PORT);
		h.src_cid = src[i];
		assert_true(try_send(h, NULL));
	}
	for (size_t i = 0; i < sizeof dst / sizeof dst[0]; i++) {
		h = header_of(VSOCK_OP_RW, GUEST_PORT, HOST_PORT);
		h.dst_cid = dst[i];
		assert_true(try_send(h, NULL));
	}
	assert_gets_nothing();
	assert_int_equal(vsock_mux_counters(f.m)->wrong_cid, 13);
	assert_int_equal(f.fake.connects, 0);
}

/* V21 */
static void unknown_types_are_reset_with_their_type(void **state)
{
	static const uint16_t types[] = {0, 2, 3, 0xffff};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct vsock_header h = header_of(VSOCK_OP_REQUEST, GUEST_PORT, HOST_PORT);

		h.type = types[i];
		assert_true(try_send(h, NULL));
		assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
		assert_int_equal(f.got.type, types[i]);
		h.op = VSOCK_OP_RST;
		assert_true(try_send(h, NULL));
		assert_gets_nothing();
	}
	assert_int_equal(f.fake.connects, 0);
}

/* V22, V23 */
static void packets_of_no_connection_are_reset(void **state)
{
	static const uint16_t ops[] = {0, 2, 4, 5, 6, 7, 8, 0xffff};

	(void)state;
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		says(ops[i], 3);
		assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
		assert_int_equal(f.got.buf_alloc, 0);
		assert_int_equal(f.got.fwd_cnt, 0);
		assert_int_equal(f.got.len, 0);
		assert_int_equal(f.got.type, VSOCK_TYPE_STREAM);
		assert_gets_nothing();
	}
	says(VSOCK_OP_RST, 0);
	assert_gets_nothing();
}

/* V24 */
static void reserved_cids_are_refused(void **state)
{
	static const uint64_t wrong[] = {0, 1, 2, UINT32_MAX, 1ull << 32, UINT64_MAX};
	struct vsock_mux *m;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(vsock_mux_create(&m, wrong[i], 1, &f.host, &f.e), -1);
		assert_int_equal(f.e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f.e.message, "is reserved: use 3 to 4294967294"));
	}
	assert_true(vsock_cid_valid(3) && vsock_cid_valid(0xfffffffe));
}

/* ---- the guest connects ---- */

/* V25 */
static void bytes_go_both_ways(void **state)
{
	struct fake_socket *s = open_one();
	uint64_t got = 0;

	(void)state;
	assert_int_equal(f.fake.connected_port, HOST_PORT);
	assert_int_equal(f.got.buf_alloc, VSOCK_BUFFER_LARGE);
	for (unsigned i = 0; i < 16; i++) {
		sends(s, ROOM);
		host_says(s, ROOM);
		assert_gets_bytes(s, got, ROOM);
		got += ROOM;
		assert_int_equal(f.got.fwd_cnt, f.sent);
		f.fwd_cnt = (uint32_t)got;
	}
	assert_gets_nothing();
	assert_int_equal(s->got, 1u << 20);
	assert_false(s->wrong);
	assert_int_equal(vsock_mux_counters(f.m)->bytes_in, 1u << 20);
	assert_int_equal(vsock_mux_counters(f.m)->bytes_out, 1u << 20);
}

/* V26, V27, V28: whatever the host's reason is. */
static void a_refused_connection_is_reset(void **state)
{
	static const int errors[] = {ENOENT, ECONNREFUSED, EACCES, EPROTOTYPE, ENAMETOOLONG, EAGAIN,
				     EMFILE};
	const struct fake_socket *other = open_one();

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		f.fake.connect_error = errors[i];
		says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + 1, HOST_PORT);
		sends(other, 100);
		assert_int_equal(other->got, f.sent);
		assert_gets_on(VSOCK_OP_RST, GUEST_PORT + 1, HOST_PORT);
		assert_gets_nothing();
	}
	f.fake.connect_error = 0;
	f.fake.watch_error = ENOSPC;	/* V58 */
	says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + 1, HOST_PORT);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT + 1, HOST_PORT);
	assert_int_equal(f.fake.open, 1);
	assert_int_equal(in_use(), 1);
	f.fake.watch_error = 0;
	says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + 1, HOST_PORT);
	assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT + 1, HOST_PORT);
}

/* V29 */
static void a_second_request_changes_nothing(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	says(VSOCK_OP_REQUEST, 0);
	says(VSOCK_OP_RESPONSE, 0);
	assert_gets_nothing();
	assert_int_equal(f.fake.connects, 1);
	assert_int_equal(vsock_mux_counters(f.m)->ignored, 2);
	sends(s, 10);
	assert_int_equal(s->got, 10);
}

/* V30 */
static void what_comes_before_the_response_is_not_delivered(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	says(VSOCK_OP_REQUEST, 0);
	pump();
	sends(s, 10);
	says(VSOCK_OP_SHUTDOWN, 3);
	says(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_int_equal(s->got, 0);
	assert_gets(VSOCK_OP_RESPONSE, 0);	/* says what the update would */
	assert_gets_nothing();
	f.sent = 0;
	sends(s, 10);
	assert_int_equal(s->got, 10);
	assert_false(s->wrong);
}

/* V31 */
static void ports_are_plain_numbers(void **state)
{
	static const uint32_t ports[] = {0, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		says_on(VSOCK_OP_REQUEST, 0, ports[1 - i], ports[i]);
		assert_int_equal(f.fake.connected_port, ports[i]);
		assert_gets_on(VSOCK_OP_RESPONSE, ports[1 - i], ports[i]);
	}
}

static int any_connect(void *ctx, uint32_t port)
{
	(void)ctx, (void)port;
	return FAKE_FD;
}

static int any_watch(void *ctx, int fd, uint64_t key)
{
	(void)ctx, (void)fd, (void)key;
	return 0;
}

static void any_close(void *ctx, int fd)
{
	(void)ctx, (void)fd;
}

/* Any number of sockets, with which nothing ever happens. */
static void on_a_quiet_host(void)
{
	vsock_mux_destroy(f.m);
	f.host.connect = any_connect;
	f.host.watch = any_watch;
	f.host.close = any_close;
	if (vsock_mux_create(&f.m, CID, VSOCK_CONNECTIONS_MAX, &f.host, &f.e) == -1)
		fail_msg("%s", f.e.message);
}

/* V32 */
static void a_device_has_1023_connections(void **state)
{
	(void)state;
	on_a_quiet_host();
	for (uint32_t i = 0; i < 1024; i++)
		says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + i, HOST_PORT);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT + 1023, HOST_PORT);
	for (uint32_t i = 0; i < 1023; i++)
		assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT + i, HOST_PORT);
	assert_gets_nothing();
	assert_int_equal(in_use(), 1023);
	says_on(VSOCK_OP_RST, 0, GUEST_PORT + 500, HOST_PORT);
	says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + 1023, HOST_PORT);
	assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT + 1023, HOST_PORT);
}

/* V32 */
static void there_are_so_many_connections_and_no_more(void **state)
{
	vsock_mux_destroy(f.m);
	make(40);
	(void)state;
	for (uint32_t i = 0; i < 41; i++)
		says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + i, HOST_PORT);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT + 40, HOST_PORT);
	for (uint32_t i = 0; i < 40; i++)
		assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT + i, HOST_PORT);
	assert_gets_nothing();
	assert_int_equal(f.fake.connects, 40);
	says_on(VSOCK_OP_RST, 0, GUEST_PORT + 7, HOST_PORT);
	says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + 40, HOST_PORT);
	assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT + 40, HOST_PORT);
}

/* Bug 14: the RST for an old packet does not end a new connection of the same ports. */
static void a_new_connection_is_not_ended_by_an_old_reset(void **state)
{
	(void)state;
	says_on(VSOCK_OP_RW, 0, 1, 2);
	says(VSOCK_OP_RW, 0);
	says_on(VSOCK_OP_RW, 0, 3, 4);
	says(VSOCK_OP_REQUEST, 0);
	assert_gets_on(VSOCK_OP_RST, 1, 2);
	assert_gets_on(VSOCK_OP_RST, 3, 4);
	assert_gets_on(VSOCK_OP_RESPONSE, GUEST_PORT, HOST_PORT);
	assert_gets_nothing();
}

/* ---- a host program connects ---- */

/* V33 */
static void a_client_is_told_its_port(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	listen_for_commands();
	clients_come(1, "CONNECT 52\n");
	assert_gets_on(VSOCK_OP_REQUEST, 52, VSOCK_PORT_FIRST);
	assert_gets_nothing();
	assert_int_equal(s->got, 0);
	says_on(VSOCK_OP_RESPONSE, 0, 52, VSOCK_PORT_FIRST);
	assert_int_equal(s->got, 14);
	assert_memory_equal(s->head, "OK 1073741824\n", 14);
	host_says(s, 100);
	assert_gets_bytes(s, 0, 100);
	assert_int_equal(f.got.fwd_cnt, 0);	/* bug 11: the answer is no payload */
	assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);
}

/* V34, bug 20 */
static void what_follows_the_command_goes_to_the_guest(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(1, "connect 52 \r\nhello\nworld");
	assert_gets_on(VSOCK_OP_REQUEST, 52, VSOCK_PORT_FIRST);
	assert_gets_nothing();
	says_on(VSOCK_OP_RESPONSE, 0, 52, VSOCK_PORT_FIRST);
	assert_gets(VSOCK_OP_RW, 0);
	assert_int_equal(f.got.len, 11);
	assert_memory_equal(f.payload, "hello\nworld", 11);
}

/* V35, bug 10 */
static void a_command_may_come_byte_by_byte(void **state)
{
	static const char line[] = "CONNECT 52\n";

	(void)state;
	listen_for_commands();
	clients_come(1, "");
	for (size_t i = 0; line[i] != '\0'; i++) {
		assert_gets_nothing();
		time_passes(100);
		client_adds(&f.fake.sockets[0], (char[]){line[i], '\0'});
	}
	assert_gets_on(VSOCK_OP_REQUEST, 52, VSOCK_PORT_FIRST);
}

/* V36 */
static void what_is_no_command_ends_the_client_and_nobody_else(void **state)
{
	static const char *const wrong[] = {
		"CONNECT\n", "CONNECT -1\n", "CONNECT 4294967296\n", "GET / HTTP/1.1\r\n",
		"CONNECT 5                        ", "\177ELF\2\1\1\n",
	};
	struct fake_socket *other = open_one();

	(void)state;
	listen_for_commands();
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		clients_come(1, wrong[i]);
		assert_int_equal(f.fake.open, 1);
		assert_int_equal(f.fake.sockets[1].got, 0);
	}
	assert_gets_nothing();
	assert_int_equal(in_use(), 1);
	sends(other, 10);
	assert_int_equal(other->got, 10);
}

/* V37 */
static void silent_clients_are_few_and_do_not_stay(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(2000, "");
	for (unsigned gone = 0; gone < 2000; gone += VSOCK_COMMANDS_MAX) {
		const unsigned left = 2000 - gone;

		assert_int_equal(f.fake.open, left < VSOCK_COMMANDS_MAX ? left :
						     VSOCK_COMMANDS_MAX);
		assert_int_equal(commands(), f.fake.open);
		time_passes(1999);
		time_passes(1);
	}
	assert_int_equal(f.fake.waiting, 0);
	assert_int_equal(f.fake.open, 0);
	assert_gets_nothing();
	clients_come(1, "CONNECT 1\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
}

/* One that waits for a place need not wait until a connection ends. */
static void a_command_makes_room_for_the_next_client(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(VSOCK_COMMANDS_MAX + 1, "");
	assert_int_equal(f.fake.waiting, 1);
	client_adds(&f.fake.sockets[7], "CONNECT 52\n");
	time_passes(0);
	assert_int_equal(f.fake.waiting, 0);
	assert_int_equal(commands(), VSOCK_COMMANDS_MAX);
}

/* V38 */
static void a_client_may_leave_at_any_time(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	listen_for_commands();
	clients_come(1, "");
	host_ends(s, true);
	assert_int_equal(in_use(), 0);
	clients_come(1, "CONN");
	host_ends(s, true);
	assert_int_equal(in_use(), 0);
	clients_come(1, "CONNECT 52\n");
	host_ends(s, true);		/* the guest has not heard of it */
	assert_int_equal(in_use(), 0);
	assert_gets_nothing();
	clients_come(1, "CONNECT 52\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
	host_ends(s, true);
	assert_gets_on(VSOCK_OP_RST, 52, f.got.src_port);
	assert_int_equal(in_use(), 0);
	clients_come(1, "CONNECT 52\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
	s->hung_up = true;		/* not said yet */
	says_on(VSOCK_OP_RESPONSE, 0, 52, f.got.src_port);
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(in_use(), 0);
}

/* V39 */
static void a_client_that_the_guest_refuses_gets_no_text(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(1, "CONNECT 52\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
	says_on(VSOCK_OP_RST, 0, 52, f.got.src_port);
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(f.fake.sockets[0].got, 0);
	assert_gets_nothing();
}

/* V40, bug 13 */
static void a_guest_that_does_not_answer_is_not_waited_for(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(1, "CONNECT 52\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
	time_passes(1999);
	assert_int_equal(f.fake.open, 1);
	assert_true(vsock_mux_deadline(f.m) == f.now + MS);
	time_passes(1);
	assert_int_equal(f.fake.open, 0);
	assert_gets_on(VSOCK_OP_RST, 52, VSOCK_PORT_FIRST);
	assert_int_equal(in_use(), 0);
	assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);
}

/* V41 */
static void ports_wrap_and_skip_those_in_use(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(1, "CONNECT 1\n");
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_FIRST);
	f.m->clients.last_port = VSOCK_PORT_LAST - 1;
	clients_come(2, "CONNECT 1\n");
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_LAST);
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_FIRST + 1);
	says_on(VSOCK_OP_RST, 0, 1, VSOCK_PORT_FIRST);
	f.m->clients.last_port = VSOCK_PORT_LAST - 1;
	clients_come(2, "CONNECT 1\n");
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_FIRST);
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_FIRST + 2);
}

/* V42, bug 15 */
static void a_port_that_the_guest_chose_frees_none(void **state)
{
	(void)state;
	listen_for_commands();
	clients_come(1, "CONNECT 1\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
	says_on(VSOCK_OP_REQUEST, 0, 99, VSOCK_PORT_FIRST);
	assert_gets(VSOCK_OP_RESPONSE, 0);
	says_on(VSOCK_OP_RST, 0, 99, VSOCK_PORT_FIRST);
	f.m->clients.last_port = VSOCK_PORT_LAST;
	clients_come(1, "CONNECT 1\n");
	assert_gets_on(VSOCK_OP_REQUEST, 1, VSOCK_PORT_FIRST + 1);
}

static void a_listener_may_stand_for_one_port(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	assert_int_equal(vsock_mux_listen(f.m, FAKE_LISTENER, 80), 0);
	clients_come(1, "GET / HTTP/1.1\n");
	assert_int_equal(commands(), 0);
	assert_gets_on(VSOCK_OP_REQUEST, 80, VSOCK_PORT_FIRST);
	says_on(VSOCK_OP_RESPONSE, 0, 80, VSOCK_PORT_FIRST);
	assert_int_equal(s->got, 0);
	assert_gets(VSOCK_OP_RW, 0);
	assert_memory_equal(f.payload, "GET / HTTP/1.1\n", 15);
}

/* It has nothing to wait for: what it said is for the guest all the same. */
static void a_client_of_one_port_may_leave_before_the_answer(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	assert_int_equal(vsock_mux_listen(f.m, FAKE_LISTENER, 80), 0);
	for (unsigned told = 0; told < 2; told++) {
		clients_come(1, "hello");
		if (told == 0)
			host_ends(s, true);
		assert_gets_on(VSOCK_OP_REQUEST, 80, VSOCK_PORT_FIRST + told);
		if (told == 1)
			host_ends(s, true);
		assert_gets_nothing();
		says_on(VSOCK_OP_RESPONSE, 0, 80, VSOCK_PORT_FIRST + told);
		assert_gets(VSOCK_OP_RW, 0);
		assert_int_equal(f.got.len, 5);
		assert_memory_equal(f.payload, "hello", 5);
		assert_gets(VSOCK_OP_SHUTDOWN, 3);
		says_on(VSOCK_OP_RST, 0, 80, VSOCK_PORT_FIRST + told);
		assert_int_equal(in_use() + f.fake.open, 0);
	}
	clients_come(1, "hello");
	assert_gets(VSOCK_OP_REQUEST, 0);
	host_ends(s, true);
	time_passes(2000);
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(in_use() + f.fake.open, 0);
}

/* V58 */
static void a_host_without_descriptors_is_asked_again_later(void **state)
{
	(void)state;
	listen_for_commands();
	f.fake.accept_error = EMFILE;
	clients_come(3, "CONNECT 1\n");
	assert_int_equal(in_use(), 0);
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_RETRY_NS);
	time_passes(99);
	clients_come(0, "CONNECT 1\n");	/* puts nothing off */
	assert_true(vsock_mux_deadline(f.m) == f.now + MS);
	time_passes(1);
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_RETRY_NS);
	f.fake.accept_error = 0;
	f.fake.watch_error = ENOMEM;
	time_passes(100);
	assert_int_equal(f.fake.waiting, 0);
	assert_int_equal(f.fake.open, 0);
	f.fake.watch_error = 0;
	clients_come(1, "CONNECT 1\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
}

static void too_many_clients_are_refused(void **state)
{
	vsock_mux_destroy(f.m);
	make(2);
	(void)state;
	listen_for_commands();
	clients_come(3, "CONNECT 1\n");
	assert_int_equal(f.fake.open, 2);
	assert_int_equal(f.fake.waiting, 0);
	assert_int_equal(vsock_mux_counters(f.m)->refused, 1);
}

/* ---- flow control ---- */

/* V43 */
static void no_more_is_sent_than_the_guest_has_room_for(void **state)
{
	struct fake_socket *s;

	(void)state;
	f.buf_alloc = 1000;
	s = open_one();
	f.room = 600;
	host_says(s, 5000);
	assert_gets_bytes(s, 0, 600);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_gets_nothing();
	says(VSOCK_OP_CREDIT_UPDATE, 0);	/* there is no more: it must do */
	assert_gets_bytes(s, 600, 400);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_gets_nothing();
	host_says(s, 10);		/* asked once is enough */
	assert_gets_nothing();
	f.fwd_cnt = 300;
	says(VSOCK_OP_CREDIT_UPDATE, 0);
	assert_gets_bytes(s, 1000, 300);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	f.fwd_cnt = 1300;
	f.buf_alloc = 10000;
	sends(s, 1);			/* any packet will do */
	for (uint32_t at = 1300; at < 4900; at += 600)
		assert_gets_bytes(s, at, 600);
	assert_gets_bytes(s, 4900, 110);
	assert_gets_nothing();
}

/* One that does not answer gets what it has room for all the same, a while later, and all of it. */
static void a_guest_that_does_not_answer_gets_the_rest(void **state)
{
	struct fake_socket *s;

	(void)state;
	f.buf_alloc = 1000;
	s = open_one();
	f.room = 600;
	host_says(s, 5000);
	assert_gets_bytes(s, 0, 600);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_CREDIT_NS);
	time_passes(VSOCK_CREDIT_NS / MS - 1);
	assert_gets_nothing();
	time_passes(1);
	assert_gets_bytes(s, 600, 400);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_gets_nothing();
	assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);	/* there is none left to use */
	assert_int_equal(vsock_mux_counters(f.m)->timed_out, 0);
}

/* The wait for credit is none for the end of a connection. */
static void waiting_for_credit_ends_no_connection(void **state)
{
	struct fake_socket *s;

	(void)state;
	f.buf_alloc = 1000;
	s = open_one();
	f.room = 600;
	s->room = 10;
	sends(s, 100);
	host_says(s, 5000);
	assert_gets_bytes(s, 0, 600);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	host_reads(s, 10);		/* the host goes on, slowly */
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_CREDIT_NS);
	says(VSOCK_OP_CREDIT_UPDATE, 0);
	assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);
	time_passes(10 * VSOCK_TIMEOUT_NS / MS);
	assert_gets_bytes(s, 600, 400);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_int_equal(in_use(), 1);
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_TIMEOUT_NS);
	time_passes(VSOCK_TIMEOUT_NS / MS);
	assert_gets(VSOCK_OP_RST, 0);
}

/*
 * The guest passes each packet on and says so, a while later. A piece of another size, after which
 * what it has room for ends within a packet, does not cut all that follows in two.
 */
static void packets_stay_large(void **state)
{
	const uint32_t window = 4 * ROOM, odd = 36544;
	uint32_t sizes[300] = {odd}, n = 1, passed_on = 0;
	struct fake_socket *s;

	(void)state;
	f.buf_alloc = window;
	s = open_one();
	host_says(s, odd);
	assert_gets_bytes(s, 0, odd);
	host_says(s, 2 * window);
	f.fake.reads = 0;
	while (f.fwd_cnt < 100 * ROOM) {
		while (receives())
			if (f.got.op == VSOCK_OP_RW)
				sizes[n++] = f.got.len;
		if (s->readable < window)
			host_says(s, 2 * window);
		assert_true(passed_on < n && n < 250);
		f.fwd_cnt += sizes[passed_on++];
		says(VSOCK_OP_CREDIT_UPDATE, 0);
	}
	if (n > 110 || f.fake.reads > 110)
		fail_msg("%u packets, %u reads for 100 buffers", n, f.fake.reads);
}

/* V44 */
static void counters_wrap(void **state)
{
	struct fake_socket *s = open_one();
	struct vsock_connection *c = connection(GUEST_PORT);

	(void)state;
	c->tx_cnt = c->peer_fwd_cnt = c->fwd_cnt = c->told_fwd_cnt = 0xfffffff0;
	f.fwd_cnt = 0xfffffff0;
	for (unsigned i = 0; i < 4; i++) {
		sends(s, ROOM / 2);
		host_says(s, ROOM / 2);
		assert_gets_bytes(s, i * (ROOM / 2), ROOM / 2);
		assert_int_equal(f.got.fwd_cnt, (uint32_t)(0xfffffff0 + f.sent));
		f.fwd_cnt += ROOM / 2;
	}
	assert_int_equal(s->got, 2 * ROOM);
}

/* V45, bug 18 */
static void a_guest_that_lies_about_its_room_gets_nothing(void **state)
{
	struct fake_socket *s = open_one();
	static const struct { uint32_t buf_alloc, fwd_cnt; } lies[] = {
		{500, 0}, {0, 0}, {UINT32_MAX, 1001}, {UINT32_MAX, UINT32_MAX / 2},
		{1u << 20, 5000}, {0, 1000}, {0, 0x80000000},
	};

	(void)state;
	host_says(s, 1000);
	assert_gets_bytes(s, 0, 1000);
	host_says(s, 1000);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		f.buf_alloc = lies[i].buf_alloc;
		f.fwd_cnt = lies[i].fwd_cnt;
		says(VSOCK_OP_CREDIT_UPDATE, 0);
		if (i == 0)
			assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
		assert_gets_nothing();
	}
	f.buf_alloc = UINT32_MAX;
	f.fwd_cnt = 1000;
	says(VSOCK_OP_CREDIT_UPDATE, 0);
	assert_gets_bytes(s, 1000, 1000);
}

static void credit_has_an_upper_end(void **state)
{
	struct vsock_connection c = {.peer_buf_alloc = UINT32_MAX};

	(void)state;
	assert_int_equal(vsock_credit(&c), VSOCK_WINDOW_MAX);
	c.tx_cnt = VSOCK_WINDOW_MAX;
	assert_int_equal(vsock_credit(&c), 0);
	c.tx_cnt = UINT32_MAX;
	assert_int_equal(vsock_credit(&c), 0);
	c.peer_fwd_cnt = UINT32_MAX - 1;
	assert_int_equal(vsock_credit(&c), VSOCK_WINDOW_MAX - 1);
}

/* V46 */
static void a_guest_that_sends_more_than_it_may_is_reset(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 0;
	for (unsigned i = 0; i < VSOCK_BUFFER_LARGE / ROOM; i++)
		sends(s, ROOM);
	assert_gets_nothing();
	sends(s, 1);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(in_use(), 0);
	assert_int_equal(vsock_mux_counters(f.m)->overrun, 1);
}

/* V47, bug 23 */
static void updates_come_when_they_are_needed(void **state)
{
	struct fake_socket *s = open_one();
	unsigned updates = 0;

	(void)state;
	s->room = 0;
	for (unsigned i = 0; i < VSOCK_BUFFER_LARGE / 1024; i++) {
		sends(s, 1024);
		assert_gets_nothing();
	}
	for (unsigned i = 0; i < 4096; i++) {
		host_reads(s, 1024);
		while (receives()) {
			assert_int_equal(f.got.op, VSOCK_OP_CREDIT_UPDATE);
			assert_int_equal(f.got.fwd_cnt, (uint32_t)s->got);
			updates++;
		}
		sends(s, 1024);
	}
	assert_int_equal(s->got, 4096 * 1024);
	assert_false(s->wrong);
	assert_in_range(updates, (4096 * 1024) / VSOCK_BUFFER_LARGE,
			2 * (4096 * 1024) / VSOCK_BUFFER_LARGE + 1);
}

/*
 * A program that reads makes its socket writable with each call: who has nothing to write does not
 * want to know. Where something waits to be written, it is told.
 */
static void becoming_writable_is_told_where_it_matters(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sends(s, 100);
		host_reads(s, 0);
	}
	assert_int_equal(f.fake.writable_calls, 1);
	assert_true(s->untold);
	s->room = 0;
	sends(s, 1000);
	assert_int_equal(f.fake.writable_calls, 2);
	assert_false(s->untold);
	host_reads(s, 1000);
	assert_int_equal(s->got, 3000);
	assert_false(s->wrong);
	for (unsigned i = 0; i < 20; i++)
		host_reads(s, 0);
	assert_int_equal(f.fake.writable_calls, 3);
	s->room = 0;
	f.fake.writable_error = ENOMEM;
	s->ends = true;
	sends(s, 10);
	assert_true(s->shut_write);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
}

/* What a connection held costs no memory once it is gone. */
static void a_ring_is_given_back(void **state)
{
	struct fake_socket *s = open_one();
	const uint8_t *ring = f.m->table.connections[0].buffer;

	(void)state;
	s->room = 0;
	sends(s, ROOM);
	assert_int_equal(ring[1], vsock_fake_byte((uint8_t)~s->stream, 1));
	says(VSOCK_OP_RST, 0);
	assert_int_equal(in_use(), 0);
	/* FreeBSD takes it away when it needs memory. */
	for (unsigned i = 0; i < ROOM && memory_host_give_back == MADV_DONTNEED; i++)
		assert_int_equal(ring[i], 0);
}

/* V48 */
static void many_credit_requests_have_one_answer(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	sends(s, 77);
	for (unsigned i = 0; i < 1000; i++)
		says(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_gets(VSOCK_OP_CREDIT_UPDATE, 0);
	assert_int_equal(f.got.fwd_cnt, 77);
	assert_gets_nothing();
	says(VSOCK_OP_CREDIT_REQUEST, 0);
	host_says(s, 1);
	assert_gets(VSOCK_OP_RW, 0);	/* says it too */
	assert_gets_nothing();
}

/* Bug 4, bug 6: what was written is not written again, whatever the socket takes at a time. */
static void a_socket_may_take_bytes_in_any_pieces(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 0;
	s->most = 7;
	for (unsigned i = 0; i < 2000; i++) {
		if (f.sent - s->got < ROOM - 100)
			sends(s, 1 + i % 100);
		host_reads(s, i % 90);
		while (receives())
			;
	}
	host_reads(s, ROOM);
	assert_true(s->got == f.sent && f.sent > 80000);
	assert_false(s->wrong);
}

/* A short read is wrong about there being no more; what is left is found without an event. */
static void a_socket_may_give_bytes_in_any_pieces(void **state)
{
	struct fake_socket *s = open_one();
	uint64_t got = 0;

	(void)state;
	s->most = 13;
	f.room = 100;
	host_says(s, 10000);
	for (; got < 10000; got += f.got.len) {
		if (!vsock_mux_has_packet(f.m))
			time_passes(VSOCK_LOOK_NS / MS);
		assert_gets(VSOCK_OP_RW, 0);
		for (uint32_t i = 0; i < f.got.len; i++)
			assert_int_equal(f.payload[i], vsock_fake_byte(s->stream, got + i));
	}
	assert_gets_nothing();
}

/*
 * Where bytes flow, a read that finds nothing is spared; who is silent is asked once more, a while
 * later, and then causes nothing.
 */
static void a_short_read_is_believed_while_bytes_flow(void **state)
{
	struct fake_socket *s = open_one();
	unsigned reads = f.fake.reads;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		time_passes(1);
		host_says(s, 4096);
		assert_gets_bytes(s, i * 4096, 4096);
		assert_gets_nothing();
	}
	assert_int_equal(f.fake.reads - reads, 100 + 1);
	assert_true(vsock_mux_deadline(f.m) == f.now + VSOCK_LOOK_NS);
	time_passes(VSOCK_LOOK_NS / MS);
	assert_gets_nothing();
	assert_int_equal(f.fake.reads - reads, 100 + 2);
	assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);
	for (unsigned i = 0; i < 10; i++) {
		time_passes(VSOCK_LOOK_NS / MS);
		host_says(s, 10);
		assert_gets(VSOCK_OP_RW, 0);
		assert_gets_nothing();
		assert_true(vsock_mux_deadline(f.m) == VSOCK_NEVER);
	}
}

/* It is read at once where the host says that it is there, and otherwise a while later. */
static void the_end_is_found_behind_a_short_read(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	host_says(s, 1);
	assert_gets_bytes(s, 0, 1);
	host_says(s, 1);
	assert_gets_bytes(s, 1, 1);
	assert_gets_nothing();
	s->readable = 100;
	host_ends(s, false);
	assert_gets_bytes(s, 2, 100);
	assert_gets(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	says(VSOCK_OP_RST, 0);
	s = open_one();
	host_says(s, 1);
	assert_gets_bytes(s, 0, 1);
	host_says(s, 1);
	assert_gets_bytes(s, 1, 1);
	s->ends = true;
	assert_gets_nothing();
	time_passes(VSOCK_LOOK_NS / MS);
	assert_gets(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
}

/* Round robin, one packet a turn. */
static void connections_take_turns(void **state)
{
	struct fake_socket *s[3];
	unsigned packets[3] = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + i, HOST_PORT);
		assert_gets(VSOCK_OP_RESPONSE, 0);
		s[i] = &f.fake.sockets[i];
	}
	host_says(s[0], 1000 * ROOM);
	assert_gets(VSOCK_OP_RW, 0);
	host_says(s[1], 1000 * ROOM);
	s[2]->most = 1;
	host_says(s[2], 1000);
	for (unsigned i = 0; i < 30; i++) {
		assert_gets(VSOCK_OP_RW, 0);
		packets[f.got.dst_port - GUEST_PORT]++;
		host_says(s[2], 0);
	}
	assert_true(packets[0] >= 9 && packets[1] >= 9 && packets[2] == 10);
}

/* ---- closing ---- */

/* V49 */
static void a_guest_that_closes_is_answered_when_all_is_written(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	says(VSOCK_OP_SHUTDOWN, 3);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
	assert_int_equal(in_use() + f.fake.open, 0);

	s = open_one();
	f.sent = 0;
	s->room = 10;
	sends(s, 100);
	says(VSOCK_OP_SHUTDOWN, 3);
	assert_gets_nothing();
	assert_true(s->shut_read && !s->shut_write);
	host_reads(s, 50);
	assert_gets_nothing();
	host_reads(s, 50);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
	assert_int_equal(s->got, 100);
	assert_false(s->wrong);

	s = open_one();
	f.sent = 0;
	s->room = 0;
	sends(s, 100);
	says(VSOCK_OP_SHUTDOWN, 3);
	time_passes(1999);
	assert_gets_nothing();
	time_passes(1);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
	assert_int_equal(in_use() + f.fake.open, 0);
}

/* As long as its program goes on reading it gets what the guest sent before it closed. */
static void a_slow_reader_gets_what_was_sent_before_a_close(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 0;
	sends(s, 1000);
	says(VSOCK_OP_SHUTDOWN, 3);
	for (unsigned i = 0; i < 10; i++) {
		time_passes(1500);
		host_reads(s, 100);
	}
	assert_int_equal(s->got, 1000);
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(vsock_mux_counters(f.m)->timed_out, 0);
}

static void what_is_held_is_written_without_an_event(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 0;
	sends(s, 100);
	vsock_mux_flush(f.m, f.now);
	assert_int_equal(s->got, 0);
	s->room = 1000;			/* not told */
	vsock_mux_flush(f.m, f.now);
	assert_int_equal(s->got, 100);
	sends(s, 100);
	assert_int_equal(s->got, 200);
	assert_false(s->wrong);
}

/* V50, bug 21 */
static void a_guest_may_stop_sending_and_go_on_receiving(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 50;
	sends(s, 100);
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	assert_false(s->shut_write);
	host_reads(s, 50);
	assert_true(s->shut_write && !s->shut_read);
	assert_int_equal(s->got, 100);
	host_says(s, 1000);
	assert_gets_bytes(s, 0, 1000);
	sends(s, 10);			/* against its word */
	assert_int_equal(s->got, 100);
	host_ends(s, true);
	assert_gets(VSOCK_OP_SHUTDOWN, 3);
	says(VSOCK_OP_RST, 0);
	assert_int_equal(in_use(), 0);

	s = open_one();
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	assert_true(s->shut_write);
}

/* V51, bug 21 */
static void a_host_program_may_stop_sending_and_go_on_receiving(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	host_says(s, 10);
	host_ends(s, false);
	assert_gets_bytes(s, 0, 10);
	assert_gets(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	assert_gets_nothing();
	sends(s, 1000);
	assert_int_equal(s->got, 1000);
	host_ends(s, true);
	assert_gets(VSOCK_OP_SHUTDOWN, 3);
	assert_gets_nothing();
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(in_use(), 1);
	says(VSOCK_OP_RST, 0);
	assert_int_equal(in_use(), 0);
	assert_gets_nothing();
}

static void what_was_sent_before_a_host_program_left_arrives(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	f.room = 400;
	s->readable = 1000;
	host_ends(s, true);
	assert_gets_bytes(s, 0, 400);
	assert_gets_bytes(s, 400, 400);
	assert_gets_bytes(s, 800, 200);
	assert_gets(VSOCK_OP_SHUTDOWN, 3);
	time_passes(2000);		/* the guest does not care */
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(in_use(), 0);
}

/* V52 */
static void what_is_shut_stays_shut(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	says(VSOCK_OP_SHUTDOWN, 0);
	says(VSOCK_OP_SHUTDOWN, 0xfffffffc);
	assert_false(s->shut_read || s->shut_write);
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RECEIVE);
	assert_true(s->shut_read && !s->shut_write);
	host_says(s, 10);
	assert_gets_nothing();
	sends(s, 10);
	assert_int_equal(s->got, 10);
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	assert_gets_on(VSOCK_OP_RST, GUEST_PORT, HOST_PORT);
	assert_int_equal(in_use(), 0);
}

/* A guest that does not receive learns that the host program is gone all the same. */
static void nobody_reads_up_to_the_end(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RECEIVE);
	s->readable = 10;
	host_ends(s, true);
	assert_gets(VSOCK_OP_SHUTDOWN, 3);
	assert_int_equal(f.fake.open, 0);
	says(VSOCK_OP_SHUTDOWN, 3);
	assert_gets(VSOCK_OP_RST, 0);

	s = open_one();
	s->readable = 10;
	f.buf_alloc = 0;
	says(VSOCK_OP_CREDIT_UPDATE, 0);
	host_ends(s, true);
	assert_gets(VSOCK_OP_CREDIT_REQUEST, 0);
	assert_gets_nothing();
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RECEIVE);
	assert_gets(VSOCK_OP_SHUTDOWN, 3);
}

/* V53, bug 22: and the buffer is the next packet's. */
static void a_socket_that_fails_resets_the_connection(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->write_error = EPIPE;
	s->ends = true;
	sends(s, 10);
	assert_gets(VSOCK_OP_RST, 0);
	s = open_one();
	s->read_error = ECONNRESET;
	host_says(s, 10);
	assert_gets(VSOCK_OP_RST, 0);
	s = open_one();
	f.sent = 0;
	s->room = 0;
	sends(s, 10);
	s->write_error = EPIPE;
	s->read_error = ECONNRESET;
	host_reads(s, 10);
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(in_use() + f.fake.open, 0);
}

/* A program that answers and leaves before it has read the question. */
static void what_was_sent_before_a_socket_failed_arrives(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	for (unsigned held = 0; held < 2; held++) {
		f.room = 400;
		s->room = 0;
		if (held == 1)
			sends(s, 10);
		s->readable = 1000;	/* not told yet */
		s->write_error = EPIPE;
		s->ends = s->hung_up = true;
		if (held == 1)
			host_reads(s, 1);
		else
			sends(s, 10);
		assert_gets_bytes(s, 0, 400);
		sends(s, 10);
		assert_gets_bytes(s, 400, 400);
		assert_gets_bytes(s, 800, 200);
		assert_gets(VSOCK_OP_RST, 0);
		assert_int_equal(in_use() + f.fake.open, 0);
		f.sent = 0;
		s = open_one();
	}
}

/* Its other direction goes on, until it ends too. */
static void a_host_program_may_stop_receiving_and_go_on_sending(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->write_error = EPIPE;
	sends(s, 10);
	assert_gets(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RECEIVE);
	host_says(s, 100);
	assert_gets_bytes(s, 0, 100);
	sends(s, 10);
	assert_gets_nothing();
	assert_int_equal(s->got, 0);
	host_ends(s, false);
	assert_gets(VSOCK_OP_RST, 0);
	s = open_one();
	says(VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RECEIVE);
	s->write_error = EPIPE;
	sends(s, 10);
	assert_gets(VSOCK_OP_RST, 0);
	assert_int_equal(in_use() + f.fake.open, 0);
}

static void the_guest_resets_at_any_time(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	s->room = 0;
	sends(s, 100);
	host_says(s, 10);
	says(VSOCK_OP_RST, 0);
	assert_gets_nothing();
	assert_int_equal(in_use() + f.fake.open, 0);
	s = open_one();
	s->write_error = EPIPE;
	sends(s, 1);
	says(VSOCK_OP_RST, 0);		/* before ours has gone out */
	assert_gets_nothing();
	assert_int_equal(in_use(), 0);
	says(VSOCK_OP_REQUEST, 0);
	assert_gets(VSOCK_OP_RESPONSE, 0);
}

/* ---- the device ---- */

/* V54 */
static void a_guest_that_takes_no_packets_stalls_only_itself(void **state)
{
	(void)state;
	on_a_quiet_host();
	for (uint32_t i = 0; i < 300; i++)
		says_on(VSOCK_OP_RW, 0, 10000 + i, 1);
	for (uint32_t i = 0; i < 300; i++)
		says_on(VSOCK_OP_REQUEST, 0, 20000 + i, 1);
	assert_int_equal(in_use(), 300);
	for (uint32_t i = 300; i < VSOCK_ORPHANS_MAX; i++)
		says_on(VSOCK_OP_RW, 0, 10000 + i, 1);
	assert_false(try_send(header_of(VSOCK_OP_RW, 1, 1), NULL));
	assert_false(try_send(header_of(VSOCK_OP_RST, 20000, 1), NULL));
	for (uint32_t i = 0; i < VSOCK_ORPHANS_MAX; i++) {
		assert_gets_on(VSOCK_OP_RST, 10000 + i, 1);
		if (i == 0)
			says_on(VSOCK_OP_RST, 0, 20000, 1);
	}
	for (uint32_t i = 1; i < 300; i++)
		assert_gets_on(VSOCK_OP_RESPONSE, 20000 + i, 1);
	assert_gets_nothing();
}

/* V56 */
static void reset_closes_everything_and_listeners_stay(void **state)
{
	struct fake_socket *s = open_one();

	(void)state;
	listen_for_commands();
	clients_come(2, "");
	clients_come(2, "CONNECT 7\n");
	says_on(VSOCK_OP_RW, 0, 1, 1);
	s->room = 0;
	sends(s, 100);
	vsock_mux_reset(f.m);
	assert_int_equal(in_use() + f.fake.open + commands(), 0);
	assert_gets_nothing();
	time_passes(5000);
	assert_gets_nothing();
	f.sent = 0;
	s = open_one();
	sends(s, 10);
	assert_int_equal(s->got, 10);
	clients_come(1, "CONNECT 7\n");
	assert_gets(VSOCK_OP_REQUEST, 0);
}

static void events_of_what_is_gone_are_no_harm(void **state)
{
	uint64_t key;

	(void)state;
	(void)open_one();
	key = f.fake.sockets[0].key;
	says(VSOCK_OP_RST, 0);
	vsock_mux_event(f.m, key, 7, f.now);
	(void)open_one();
	assert_true(f.fake.sockets[0].key != key);
	vsock_mux_event(f.m, key, VSOCK_HUNG_UP, f.now);
	vsock_mux_event(f.m, UINT64_MAX, 7, f.now);
	vsock_mux_event(f.m, 0xffff, 7, f.now);
	vsock_mux_event(f.m, VSOCK_LISTENER_KEYS, 7, f.now);
	assert_gets_nothing();
	assert_int_equal(in_use(), 1);
}

static void control_packets_carry_nothing(void **state)
{
	struct fake_socket *s = open_one();
	struct vsock_header h = header_of(VSOCK_OP_CREDIT_UPDATE, GUEST_PORT, HOST_PORT);
	uint8_t payload[8] = {0};

	(void)state;
	h.len = 8;
	assert_true(try_send(h, payload));
	assert_int_equal(s->got, 0);
	assert_int_equal(vsock_mux_counters(f.m)->payload_ignored, 1);
	says(0, 0);
	says(8, 0);
	says(0xffff, 0);
	assert_gets_nothing();
	assert_int_equal(vsock_mux_counters(f.m)->ignored, 3);
}

static void listeners_are_limited(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VSOCK_LISTENERS_MAX; i++)
		listen_for_commands();
	assert_int_equal(vsock_mux_listen(f.m, FAKE_LISTENER, 1), -ENOSPC);
	vsock_mux_destroy(f.m);
	make(1);
	f.fake.watch_error = ENOMEM;
	assert_int_equal(vsock_mux_listen(f.m, FAKE_LISTENER, 1), -ENOMEM);
}

static void a_connection_costs_little(void **state)
{
	(void)state;
	assert_true(sizeof(struct vsock_connection) <= 256);
}

/* ---- anything in any order ---- */

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* What the guest knows of one pair of ports, and what has gone through. */
struct pair {
	bool open;			/* REQUEST sent, RESPONSE come, no end seen */
	bool asked, closed_send;
	struct fake_socket *socket;
	uint64_t sent, got;
	uint64_t said;			/* what it has said that it got */
	uint32_t told_fwd;		/* what the monitor has said */
};

#define PAIRS 8u

struct play {
	uint32_t seed;
	struct pair pairs[PAIRS];
	unsigned opened, ended;
	uint64_t bytes;
};

static void forget(struct play *p, struct pair *pair)
{
	p->ended += pair->open;
	*pair = (struct pair){.open = false};
}

static void play_take(struct play *p)
{
	struct pair *pair;

	f.room = 1 + next_random(&p->seed) % 3000;
	if (!receives())
		return;
	pair = &p->pairs[(f.got.dst_port - GUEST_PORT) % PAIRS];
	pair->told_fwd = f.got.fwd_cnt;
	if (f.got.op == VSOCK_OP_RST)
		forget(p, pair);
	if (f.got.op == VSOCK_OP_RESPONSE) {
		assert_true(pair->asked && !pair->open);
		pair->open = true;
		p->opened++;
	}
	if (f.got.op != VSOCK_OP_RW)
		return;
	assert_true(pair->open);
	for (uint32_t i = 0; i < f.got.len; i++)
		assert_int_equal(f.payload[i], vsock_fake_byte(pair->socket->stream,
							       pair->got + i));
	pair->got += f.got.len;
	p->bytes += f.got.len;
	assert_true(pair->got - pair->said <= 20000);
}

static void play_guest(struct play *p, uint32_t i)
{
	struct pair *pair = &p->pairs[i];
	const uint32_t choice = next_random(&p->seed) % 32;

	f.fwd_cnt = (uint32_t)pair->got;
	pair->said = pair->got;
	f.buf_alloc = 20000;
	if (!pair->asked) {
		says_on(VSOCK_OP_REQUEST, 0, GUEST_PORT + i, HOST_PORT);
		pair->asked = true;
		pair->socket = &f.fake.sockets[connection(GUEST_PORT + i)->fd - FAKE_FD];
		pair->socket->room = next_random(&p->seed) % 5000;
	} else if (choice == 0) {
		says_on(VSOCK_OP_RST, 0, GUEST_PORT + i, HOST_PORT);
		forget(p, pair);
	} else if (choice < 3 && pair->open) {
		says_on(VSOCK_OP_SHUTDOWN, choice, GUEST_PORT + i, HOST_PORT);
		pair->closed_send |= choice == 2;
	} else if (choice < 5) {
		says_on(VSOCK_OP_CREDIT_REQUEST, 0, GUEST_PORT + i, HOST_PORT);
	} else if (pair->open && !pair->closed_send) {
		struct vsock_header h = header_of(VSOCK_OP_RW, GUEST_PORT + i, HOST_PORT);
		const uint32_t room = VSOCK_BUFFER_LARGE - ((uint32_t)pair->sent - pair->told_fwd);
		static uint8_t payload[ROOM];

		h.len = next_random(&p->seed) % 4000;
		h.len = h.len < room ? h.len : room;
		for (uint32_t j = 0; j < h.len; j++)
			payload[j] = vsock_fake_byte((uint8_t)~pair->socket->stream,
						     pair->sent + j);
		assert_true(try_send(h, payload));
		pair->sent += h.len;
	}
}

static void play_host(struct play *p)
{
	struct fake_socket *s = &f.fake.sockets[next_random(&p->seed) % PAIRS];

	if (!s->open)
		return;
	switch (next_random(&p->seed) % 16) {
	case 0:
		host_ends(s, next_random(&p->seed) % 2 == 0);
		break;
	case 1:
		s->write_error = EPIPE;
		break;
	case 2: case 3: case 4: case 5: case 6:
		if (!s->ends && s->readable < 100000)
			host_says(s, next_random(&p->seed) % 10000);
		break;
	default:
		host_reads(s, next_random(&p->seed) % 10000);
	}
	assert_false(s->wrong);
}

/*
 * A guest that keeps the rules: bytes arrive in order both ways, none twice, and it is never reset
 * for overrunning; when all is over, nothing is left.
 */
static void whatever_the_order_streams_stay_streams(void **state)
{
	struct play p = {.seed = 0x9d2c5681};

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		switch (next_random(&p.seed) % 4) {
		case 0:
			play_guest(&p, next_random(&p.seed) % PAIRS);
			break;
		case 1:
			play_host(&p);
			break;
		case 2:
			play_take(&p);
			break;
		default:
			pump();
			if (next_random(&p.seed) % 8 == 0)
				time_passes(next_random(&p.seed) % 300);
		}
		assert_true(in_use() <= 2 * PAIRS && f.fake.open <= in_use());
	}
	assert_true(p.opened > 1000 && p.bytes > 1000000);
	assert_int_equal(vsock_mux_counters(f.m)->overrun, 0);
	for (uint32_t i = 0; i < PAIRS; i++)
		says_on(VSOCK_OP_RST, 0, GUEST_PORT + i, HOST_PORT);
	while (receives())
		;
	assert_int_equal(in_use() + f.fake.open, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_read_as_firecracker_reads_them),
		cmocka_unit_test(the_answer_is_ok_and_the_port),
		TEST(packets_of_other_cids_are_dropped),
		TEST(unknown_types_are_reset_with_their_type),
		TEST(packets_of_no_connection_are_reset),
		TEST(reserved_cids_are_refused),
		TEST(bytes_go_both_ways),
		TEST(a_refused_connection_is_reset),
		TEST(a_second_request_changes_nothing),
		TEST(what_comes_before_the_response_is_not_delivered),
		TEST(ports_are_plain_numbers),
		TEST(a_device_has_1023_connections),
		TEST(there_are_so_many_connections_and_no_more),
		TEST(a_new_connection_is_not_ended_by_an_old_reset),
		TEST(a_client_is_told_its_port),
		TEST(what_follows_the_command_goes_to_the_guest),
		TEST(a_command_may_come_byte_by_byte),
		TEST(what_is_no_command_ends_the_client_and_nobody_else),
		TEST(silent_clients_are_few_and_do_not_stay),
		TEST(a_command_makes_room_for_the_next_client),
		TEST(a_client_may_leave_at_any_time),
		TEST(a_client_that_the_guest_refuses_gets_no_text),
		TEST(a_guest_that_does_not_answer_is_not_waited_for),
		TEST(ports_wrap_and_skip_those_in_use),
		TEST(a_port_that_the_guest_chose_frees_none),
		TEST(a_listener_may_stand_for_one_port),
		TEST(a_client_of_one_port_may_leave_before_the_answer),
		TEST(a_host_without_descriptors_is_asked_again_later),
		TEST(too_many_clients_are_refused),
		TEST(no_more_is_sent_than_the_guest_has_room_for),
		TEST(a_guest_that_does_not_answer_gets_the_rest),
		TEST(waiting_for_credit_ends_no_connection),
		TEST(packets_stay_large),
		TEST(counters_wrap),
		TEST(a_guest_that_lies_about_its_room_gets_nothing),
		cmocka_unit_test(credit_has_an_upper_end),
		TEST(a_guest_that_sends_more_than_it_may_is_reset),
		TEST(updates_come_when_they_are_needed),
		TEST(a_ring_is_given_back),
		TEST(becoming_writable_is_told_where_it_matters),
		TEST(many_credit_requests_have_one_answer),
		TEST(a_socket_may_take_bytes_in_any_pieces),
		TEST(a_socket_may_give_bytes_in_any_pieces),
		TEST(a_short_read_is_believed_while_bytes_flow),
		TEST(the_end_is_found_behind_a_short_read),
		TEST(connections_take_turns),
		TEST(a_guest_that_closes_is_answered_when_all_is_written),
		TEST(a_slow_reader_gets_what_was_sent_before_a_close),
		TEST(what_is_held_is_written_without_an_event),
		TEST(a_guest_may_stop_sending_and_go_on_receiving),
		TEST(a_host_program_may_stop_sending_and_go_on_receiving),
		TEST(what_was_sent_before_a_host_program_left_arrives),
		TEST(what_is_shut_stays_shut),
		TEST(nobody_reads_up_to_the_end),
		TEST(a_socket_that_fails_resets_the_connection),
		TEST(what_was_sent_before_a_socket_failed_arrives),
		TEST(a_host_program_may_stop_receiving_and_go_on_sending),
		TEST(the_guest_resets_at_any_time),
		TEST(a_guest_that_takes_no_packets_stalls_only_itself),
		TEST(reset_closes_everything_and_listeners_stay),
		TEST(events_of_what_is_gone_are_no_harm),
		TEST(control_packets_carry_nothing),
		TEST(listeners_are_limited),
		cmocka_unit_test(a_connection_costs_little),
		TEST(whatever_the_order_streams_stay_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
