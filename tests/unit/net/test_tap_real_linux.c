/* SPDX-License-Identifier: ISC */
/* test_tap_real_linux.c: taps of the kernel itself: frames both ways, and what becomes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* After net/if.h, whose names they would define again. */
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "../../../monitor/net/tap_linux.h"
#include "own_network.h"
#include "expect.h"

static bool opens_as_root;	/* whatever the rights on the device */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static int open_as_root(const char *path, int flags)
{
	uid_t user = geteuid();
	int fd;

	assert_int_equal(seteuid(0), 0);
	fd = __real_open(path, flags);
	assert_int_equal(seteuid(user), 0);
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	return opens_as_root ? open_as_root(path, flags) : __real_open(path, flags);
}

/* ---- fixtures ---- */

struct fixture {
	struct uplink *uplink;	/* what is attached; NULL: nothing */
	struct sealed sealed;
	bool look, header;
	struct husk_error e;
	int files;		/* descriptors that were open before */
	int peer;		/* a packet socket; -1: none */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	f.peer = -1;
	f.files = open_descriptors();
	opens_as_root = false;
	*state = &f;
	return 0;
}

static void detach(struct fixture *f)
{
	uplink_close(f->uplink);
	f->uplink = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	detach(f);
	sealed_free(&f->sealed);
	if (f->peer != -1)
		close(f->peer);
	return open_descriptors() == f->files ? 0 : -1;
}

static int open_it(struct fixture *f, const char *where)
{
	const struct uplink_request rq = {
		.where = where, .look = f->look, .header = f->header, .sealed = &f->sealed,
	};

	if (f->sealed.bytes != NULL && f->uplink == NULL && !f->look)
		sealed_free(&f->sealed);
	return uplink_open(&f->uplink, &rq, &f->e) == 0 ? sealed_protect(&f->sealed, &f->e) : -1;
}

static void assert_opens(struct fixture *f, const char *where)
{
	if (open_it(f, where) != 0)
		fail_msg("%s", f->e.message);
}

static void assert_refused(struct fixture *f, const char *where, enum husk_error_class kind,
			   const char *message)
{
	int files = open_descriptors();

	memset(&f->e, 0, sizeof f->e);
	assert_int_equal(open_it(f, where), -1);
	assert_int_equal(f->e.kind, kind);
	if (strncmp(f->e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
	assert_null(f->uplink);
	assert_int_equal(open_descriptors(), files);
}

static void assert_refused_busy(struct fixture *f)
{
	struct uplink *held = f->uplink;

	f->uplink = NULL;
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: used by another process");
	f->uplink = held;
}

static int reattach(const struct fixture *f)
{
	return f->uplink->ops->reattach(f->uplink);
}

#define ETHERTYPE 0x88b5	/* IEEE 802: for local experiments */
#define FRAME 100u		/* bytes of most test frames */
#define PATIENCE_MS 10000	/* for what happens soon, even on a busy machine */

static enum uplink_result read_frame(struct uplink *u, struct iovec buffer, size_t *len)
{
	return u->ops->read(u, buffer, len);
}

static enum uplink_result write_frame(struct uplink *u, struct iovec frame)
{
	return u->ops->write(u, frame);
}

static struct iovec part(void *bytes, size_t len)
{
	return (struct iovec){bytes, len};
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Linux net/core/link_watch.c: an interface that was just attached drops what is sent to it until
 * the kernel has seen to its carrier, which asking for it completes.
 */
static void await_carrier(const char *name)
{
	long deadline = now_ms() + PATIENCE_MS;

	while (own_network_ethtool(name, ETHTOOL_GLINK) == 0) {
		assert_true(now_ms() < deadline);
		usleep(1000);
	}
}

/* The network's side of the interface: sees what the guest sends, and sends it frames. */
static void open_peer(struct fixture *f, const char *name)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = (uint16_t)(ETHERTYPE << 8 | ETHERTYPE >> 8),
		.sll_ifindex = (int)if_nametoindex(name),
	};

	await_carrier(name);
	if (f->peer != -1)
		close(f->peer);
	f->peer = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, at.sll_protocol);
	assert_int_not_equal(f->peer, -1);
	assert_int_equal(bind(f->peer, (struct sockaddr *)&at, sizeof at), 0);
}

static void make_frame(uint8_t *frame, size_t len, uint8_t n)
{
	memset(frame, n, len);
	memset(frame, 0xff, 6);
	frame[6] = 2;
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
}

static bool is_ours(const uint8_t *frame, size_t len)
{
	return len >= 14 && frame[12] == ETHERTYPE >> 8 && frame[13] == (ETHERTYPE & 0xff);
}

/* Reads past what the kernel itself has to say. */
static enum uplink_result read_ours(struct uplink *u, uint8_t *buffer, size_t room, size_t *len)
{
	enum uplink_result r;

	do
		r = read_frame(u, part(buffer, room), len);
	while (r == UPLINK_OK && !is_ours(buffer, *len));
	return r;
}

static void wait_readable(int fd, long deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long left = deadline - now_ms();

	assert_int_equal(poll(&p, 1, left > 0 ? (int)left : 0), 1);
}

/* The kernel may take its time over what was sent, and say something itself meanwhile. */
static enum uplink_result await_ours(struct uplink *u, uint8_t *buffer, size_t room, size_t *len)
{
	long deadline = now_ms() + PATIENCE_MS;
	enum uplink_result r;

	while ((r = read_ours(u, buffer, room, len)) == UPLINK_AGAIN)
		wait_readable(u->fd, deadline);
	return r;
}

/* What the guest sent; what the peer sent itself, it sees too. */
static size_t await_guests(int peer, uint8_t *frame, size_t room)
{
	struct sockaddr_ll from;
	socklen_t size = sizeof from;
	long deadline = now_ms() + PATIENCE_MS;
	ssize_t n;

	do {
		wait_readable(peer, deadline);
		n = recvfrom(peer, frame, room, 0, (struct sockaddr *)&from, &size);
	} while (n == -1 || from.sll_pkttype == PACKET_OUTGOING);
	return (size_t)n;
}

/* Both ways, of many lengths: what arrives is what was sent. */
static void assert_carries(struct fixture *f, size_t most)
{
	static uint8_t sent[65535], got[65535];
	const size_t lengths[] = {14, 15, 60, FRAME, most - 1, most};
	size_t len;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		make_frame(sent, lengths[i], (uint8_t)i);
		assert_int_equal(send(f->peer, sent, lengths[i], 0), lengths[i]);
		assert_int_equal(await_ours(f->uplink, got, sizeof got, &len), UPLINK_OK);
		assert_int_equal(len, lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
		make_frame(sent, lengths[i], (uint8_t)(i + 100));
		assert_int_equal(write_frame(f->uplink, part(sent, lengths[i])), UPLINK_OK);
		assert_int_equal(await_guests(f->peer, got, sizeof got), lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
	}
	assert_int_equal(read_ours(f->uplink, got, sizeof got, &len), UPLINK_AGAIN);
}

/* However the interface was made, frames come as they are. */
static void frames_cross_a_real_tap(void **state)
{
	static const int flags[] = {
		IFF_TAP | IFF_NO_PI, IFF_TAP, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE, IFF_TAP | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	};
	struct fixture *f = *state;

	own_network_need();
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		own_network_tap("tap0", flags[i]);
		assert_opens(f, "tap0");
		open_peer(f, "tap0");
		assert_int_equal(f->uplink->mtu, 1500);
		assert_carries(f, 1514);
		detach(f);
		own_network_remove("tap0");
	}
}

static void frames_cross_an_inherited_tap_of_any_kind(void **state)
{
	static const struct { int flags, vnet; unsigned prefix; } kinds[] = {
		{IFF_TAP | IFF_NO_PI, 0, 0},
		{IFF_TAP, 0, 4},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 10, 10},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, 12},
		{IFF_TAP | IFF_VNET_HDR, 12, 16},
	};
	struct fixture *f = *state;
	char where[16];

	own_network_need();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		int fd = own_network_queue("tap0", kinds[i].flags);

		if (kinds[i].vnet != 0)
			assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &kinds[i].vnet), 0);
		own_network_set_mtu("tap0", 1400);
		own_network_set_up("tap0", true);
		snprintf(where, sizeof where, "@%d", fd);
		assert_opens(f, where);
		assert_string_equal(((struct tap *)f->uplink)->name, "tap0");
		assert_int_equal(f->uplink->mtu, 1400);
		assert_int_equal(((struct tap *)f->uplink)->prefix, kinds[i].prefix);
		open_peer(f, "tap0");
		assert_carries(f, 1414);
		detach(f);
		close(fd);
	}
}

static int header_size(int fd)
{
	int size = 0;

	assert_int_equal(ioctl(fd, TUNGETVNETHDRSZ, &size), 0);
	return size;
}

/* Its size is the interface's, and is what somebody else has left there. */
static void a_tap_by_name_carries_a_header_of_12_bytes_if_asked_to(void **state)
{
	static const int sizes[] = {0, 10, 12, 64};
	struct fixture *f = *state;

	own_network_need();
	f->header = true;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		int fd;

		own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
		fd = own_network_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
		if (sizes[i] != 0)
			assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &sizes[i]), 0);
		close(fd);
		assert_opens(f, "tap0");
		assert_int_equal(f->uplink->header, 12);
		assert_int_equal(f->uplink->ops->carry_header(f->uplink), 0);
		assert_int_equal(header_size(f->uplink->fd), 12);
		open_peer(f, "tap0");
		assert_carries(f, 1514);
		detach(f);
		own_network_remove("tap0");
	}
}

/* Another program may have the descriptor, too. */
static void an_inherited_tap_has_its_header_back_in_the_end(void **state)
{
	static const struct { int flags, size; bool carries; } kinds[] = {
		{IFF_TAP | IFF_NO_PI, 0, false},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 10, true},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, true},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 20, true},
		{IFF_TAP | IFF_VNET_HDR, 12, false},
		{IFF_TAP | IFF_VNET_HDR, 10, false},
	};
	struct fixture *f = *state;
	char where[16];

	own_network_need();
	f->header = true;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		int fd = own_network_queue("tap0", kinds[i].flags);

		if (kinds[i].size != 0)
			assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &kinds[i].size), 0);
		own_network_set_up("tap0", true);
		snprintf(where, sizeof where, "@%d", fd);
		assert_opens(f, where);
		assert_int_equal(f->uplink->header, kinds[i].size);
		assert_int_equal(f->uplink->ops->carry_header(f->uplink), kinds[i].carries ? 0 : -1);
		if (kinds[i].carries)
			assert_int_equal(header_size(fd), 12);
		open_peer(f, "tap0");
		assert_carries(f, 1514);
		detach(f);
		if (kinds[i].size != 0)
			assert_int_equal(header_size(fd), kinds[i].size);
		close(fd);
	}
}

/* ---- checksums and segments ---- */

#define LARGE 20054u			/* bytes of a frame of many segments */

/* Headers of TCP in front of a pattern, as a packet socket leaves them to the interface. */
static void peer_sends_unfinished(const struct fixture *f, size_t len, bool segments)
{
	static const uint8_t headers[] = {
		2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0,
		10, 9, 0, 2, 10, 9, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0,
	};
	static uint8_t whole[10 + LARGE];
	const struct net_header h = {
		.flags = NET_NEEDS_CSUM, .gso_type = segments ? NET_GSO_TCPV4 : 0,
		.gso_size = segments ? 1460 : 0, .hdr_len = 54, .csum_start = 34, .csum_offset = 16,
	};
	uint8_t *frame = whole + 10;

	memcpy(whole, &h, 10);
	memcpy(frame, headers, sizeof headers);
	for (size_t i = sizeof headers; i < len; i++)
		frame[i] = (uint8_t)i;
	frame[16] = (uint8_t)((len - 14) >> 8);
	frame[17] = (uint8_t)(len - 14);
	assert_true(send(f->peer, whole, 10 + len, 0) == (ssize_t)(10 + len));
}

static void open_header_peer(struct fixture *f)
{
	const int one = 1;
	const struct sockaddr_ll at = {		/* of IP, as only that has segments */
		.sll_family = AF_PACKET, .sll_protocol = 0x0008,
		.sll_ifindex = (int)if_nametoindex("tap0"),
	};

	open_peer(f, "tap0");
	assert_int_equal(bind(f->peer, (const struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(setsockopt(f->peer, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one), 0);
}

static bool is_of_peer(const uint8_t *frame, size_t len)
{
	return len >= 54 && frame[5] == 9 && frame[12] == 8 && frame[23] == 6;
}

/* Past what the kernel itself has to say. */
static enum uplink_result read_parts(const struct fixture *f, struct net_header *h, uint8_t *frame,
				     size_t *len)
{
	struct iovec parts[LARGE / 500 + 1];
	enum uplink_result r;
	unsigned n = 0;

	for (size_t at = 0; at < LARGE; at += 500, n++)
		parts[n] = (struct iovec){frame + at, LARGE - at < 500 ? LARGE - at : 500};
	do {
		wait_readable(f->uplink->fd, now_ms() + 10000);
		r = f->uplink->ops->read_parts(f->uplink, h, parts, n, len);
	} while (r == UPLINK_OK && !is_of_peer(frame, *len));
	return r;
}

static enum uplink_result read_whole(const struct fixture *f, uint8_t *frame, size_t *len)
{
	enum uplink_result r;

	do {
		wait_readable(f->uplink->fd, now_ms() + 10000);
		r = f->uplink->ops->read(f->uplink, (struct iovec){frame, 1514}, len);
	} while (r == UPLINK_OK && !is_of_peer(frame, *len));
	return r;
}

static void attach_with_header(struct fixture *f)
{
	own_network_need();
	f->header = true;
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
}

static void assert_offloads(bool csum, bool tso)
{
	assert_int_equal(own_network_ethtool("tap0", ETHTOOL_GTXCSUM) != 0, csum);
	assert_int_equal(own_network_ethtool("tap0", ETHTOOL_GTSO) != 0, tso);
}

static void a_tap_is_set_to_what_was_asked_for_and_no_more(void **state)
{
	static const uint64_t all = NET_OFFLOADS;
	struct fixture *f = *state;
	const struct uplink_ops *ops;

	attach_with_header(f);
	ops = f->uplink->ops;
	assert_offloads(false, false);
	assert_true(ops->offload(f->uplink, all) == all);
	assert_offloads(true, true);
	assert_true(ops->offload(f->uplink, NET_CSUM | NET_HOST_TSO4) == (NET_CSUM | NET_HOST_TSO4));
	assert_offloads(false, false);
	assert_true(ops->offload(f->uplink, NET_GUEST_CSUM) == NET_GUEST_CSUM);
	assert_offloads(true, false);
	assert_true(ops->offload(f->uplink, 0) == 0);
	assert_offloads(false, false);
	assert_true(ops->offload(f->uplink, all) == all);
	detach(f);
	f->header = false;
	assert_opens(f, "tap0");
	assert_offloads(false, false);
	assert_true(f->uplink->ops->offload(f->uplink, all) == 0);
	assert_offloads(false, false);
	own_network_remove("tap0");
}

static void segments_come_whole_to_who_asked(void **state)
{
	static uint8_t frame[LARGE];
	struct fixture *f = *state;
	struct net_header h;
	size_t len = 0;

	attach_with_header(f);
	assert_true(f->uplink->ops->offload(f->uplink, NET_OFFLOADS) == NET_OFFLOADS);
	open_header_peer(f);
	peer_sends_unfinished(f, LARGE, true);
	assert_int_equal(read_parts(f, &h, frame, &len), UPLINK_OK);
	assert_int_equal(len, LARGE);
	assert_int_equal(h.gso_type, NET_GSO_TCPV4);
	assert_int_equal(h.gso_size, 1460);
	assert_int_equal(h.flags, NET_NEEDS_CSUM);
	for (size_t i = 54; i < LARGE; i++)
		assert_int_equal(frame[i], (uint8_t)i);
	own_network_remove("tap0");
}

/* The interface has it in its queue already, as it was promised to be taken. */
static void what_was_sent_to_somebody_else_is_finished(void **state)
{
	static uint8_t frame[1514];
	struct fixture *f = *state;
	uint32_t sum = 0;
	size_t len = 0;

	attach_with_header(f);
	assert_true(f->uplink->ops->offload(f->uplink, NET_OFFLOADS) == NET_OFFLOADS);
	open_header_peer(f);
	peer_sends_unfinished(f, LARGE, true);
	peer_sends_unfinished(f, 1514, false);
	assert_true(f->uplink->ops->offload(f->uplink, 0) == 0);
	assert_int_equal(read_whole(f, frame, &len), UPLINK_TOO_LONG);
	assert_int_equal(read_whole(f, frame, &len), UPLINK_OK);
	assert_int_equal(len, 1514);
	/* The field held 0 for the pseudo header's part: so has the sum of all that is summed. */
	for (size_t i = 34; i < len; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	assert_true(frame[50] != 0 || frame[51] != 0);
	own_network_remove("tap0");
}

static void an_interface_that_is_back_is_set_again(void **state)
{
	struct fixture *f = *state;
	size_t len;
	uint8_t byte;

	attach_with_header(f);
	assert_true(f->uplink->ops->offload(f->uplink, NET_OFFLOADS) == NET_OFFLOADS);
	own_network_remove("tap0");
	assert_int_equal(f->uplink->ops->read(f->uplink, (struct iovec){&byte, 1}, &len), UPLINK_GONE);
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_int_equal(reattach(f), 0);
	assert_offloads(true, true);
	assert_int_equal(header_size(f->uplink->fd), 12);
	own_network_remove("tap0");
}

/* What was asked for before would give the guest unfinished checksums and frames that are too long. */
static void an_inherited_tap_offloads_nothing(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int fd;

	own_network_need();
	fd = own_network_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	assert_int_equal(ioctl(fd, TUNSETOFFLOAD, (long)(TUN_F_CSUM | TUN_F_TSO4)), 0);
	assert_int_not_equal(own_network_ethtool("tap0", ETHTOOL_GTXCSUM), 0);
	assert_int_not_equal(own_network_ethtool("tap0", ETHTOOL_GTSO), 0);
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	assert_int_equal(own_network_ethtool("tap0", ETHTOOL_GTXCSUM), 0);
	assert_int_equal(own_network_ethtool("tap0", ETHTOOL_GTSO), 0);
	close(fd);
}

/* What somebody put in front of the guest stays there. */
static void an_inherited_tap_keeps_its_filter(void **state)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {1, &none};
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	char where[16];
	size_t len;

	own_network_need();
	make_frame(frame, FRAME, 1);
	for (int pi = 0; pi <= 1; pi++) {
		int fd = own_network_queue("tap0", pi == 1 ? IFF_TAP : IFF_TAP | IFF_NO_PI);

		assert_int_equal(ioctl(fd, TUNATTACHFILTER, &filter), 0);
		own_network_set_up("tap0", true);
		snprintf(where, sizeof where, "@%d", fd);
		assert_opens(f, where);
		assert_int_equal(((struct tap *)f->uplink)->prefix, 4 * pi);
		open_peer(f, "tap0");
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
		assert_int_equal(read_ours(f->uplink, buffer, FRAME, &len), UPLINK_AGAIN);
		assert_int_equal(ioctl(fd, TUNDETACHFILTER, &filter), 0);
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
		assert_int_equal(await_ours(f->uplink, buffer, FRAME, &len), UPLINK_OK);
		detach(f);
		close(fd);
	}
}

static void a_large_mtu_is_carried(void **state)
{
	struct fixture *f = *state;

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	own_network_set_mtu("tap0", 9000);
	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->mtu, 9000);
	open_peer(f, "tap0");
	assert_carries(f, 9014);
	detach(f);
	own_network_set_mtu("tap0", 65521);
	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->mtu, 65521);
	own_network_remove("tap0");
}

static void a_frame_that_does_not_fit_is_noticed(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	open_peer(f, "tap0");
	make_frame(frame, FRAME, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
	assert_int_equal(await_ours(f->uplink, buffer, FRAME - 1, &len), UPLINK_TOO_LONG);
	assert_int_equal(await_ours(f->uplink, buffer, FRAME, &len), UPLINK_OK);
	assert_int_equal(len, FRAME);
	own_network_remove("tap0");
}

static void a_frame_without_a_header_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME];

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	make_frame(frame, FRAME, 1);
	assert_int_equal(write_frame(f->uplink, part(frame, 13)), UPLINK_ERROR);
	assert_int_equal(write_frame(f->uplink, part(frame, 0)), UPLINK_ERROR);
	assert_int_equal(write_frame(f->uplink, part(frame, 14)), UPLINK_OK);
	own_network_remove("tap0");
}

static void an_interface_that_is_down_drops_and_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	open_peer(f, "tap0");
	own_network_set_up("tap0", false);
	make_frame(frame, FRAME, 1);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_DOWN);
	assert_int_equal(read_ours(f->uplink, buffer, FRAME, &len), UPLINK_AGAIN);
	own_network_set_up("tap0", true);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	own_network_remove("tap0");
}

static void an_interface_that_is_removed_is_gone_until_it_is_back(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = {.events = POLLIN};
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	own_network_remove("tap0");
	make_frame(frame, FRAME, 1);
	p.fd = f->uplink->fd;
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_GONE);
	assert_int_equal(read_frame(f->uplink, part(buffer, FRAME), &len), UPLINK_GONE);
	assert_int_equal(reattach(f), -1);
	assert_int_equal(own_network_index("tap0"), 0);
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	own_network_set_up("tap0", false);
	assert_int_equal(reattach(f), 0);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_DOWN);
	own_network_set_up("tap0", true);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	own_network_remove("tap0");
}

static void what_cannot_be_attached_is_refused_with_its_reason(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int tun;

	own_network_need();
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: No such device: make it, "
		       "as root");
	assert_refused(f, "tap%d", HUSK_E_HOST, "Could not attach interface: tap%d: No such device");
	own_network_set_up("lo", true);
	assert_refused(f, "lo", HUSK_E_HOST, "Could not attach interface: lo: Invalid argument: it is "
		       "not a tap interface");
	tun = own_network_queue("tun0", IFF_TUN | IFF_NO_PI);
	own_network_set_up("tun0", true);
	assert_refused(f, "tun0", HUSK_E_HOST, "Could not attach interface: tun0: Invalid argument: it "
		       "is a tun interface");
	snprintf(where, sizeof where, "@%d", tun);
	assert_refused(f, where, HUSK_E_USAGE, "Could not attach interface: @");
	close(tun);
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	own_network_set_up("tap0", false);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Network is down");
	own_network_remove("tap0");
}

static void an_interface_is_nobody_elses_while_it_is_attached(void **state)
{
	struct fixture *f = *state;
	struct uplink *first;

	own_network_need();
	own_network_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_int_equal(uplink_open(&first, &(struct uplink_request){.where = "tap0",
					      .sealed = &f->sealed}, &f->e), 0);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: used by another process");
	uplink_close(first);
	assert_opens(f, "tap0");
	own_network_remove("tap0");
}

/* Not even if it was made for several queues: the kernel would let them share the frames. */
static void an_interface_of_several_queues_is_nobody_elses_either(void **state)
{
	const int flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
	struct fixture *f = *state;
	char where[16];
	int fd, other;

	own_network_need();
	own_network_tap("tap0", flags);
	fd = own_network_queue("tap0", flags);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: used by another process");
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	assert_true(uplink_same(where, "tap0"));
	detach(f);
	other = own_network_queue("tap0", flags);
	assert_refused(f, where, HUSK_E_HOST, "Could not attach interface: @");
	close(other);
	close(fd);
	assert_opens(f, "tap0");
	own_network_remove("tap0");
}

/* ---- only looking ---- */

/* Tells of links that change. */
static int watch_links(void)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void looking_makes_no_link_change(void **state)
{
	static const int flags[] = {IFF_TAP | IFF_NO_PI, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE};
	struct fixture *f = *state;
	char message[4096];
	int events;

	own_network_need();
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		own_network_tap("tap0", flags[i]);
		own_network_ethtool("tap0", ETHTOOL_GLINK);
		own_network_set_mtu("tap0", 1400);
		events = watch_links();
		f->look = true;
		assert_opens(f, "tap0");
		assert_int_equal(f->uplink->mtu, 1400);
		detach(f);
		own_network_ethtool("tap0", ETHTOOL_GLINK);
		assert_int_equal(recv(events, message, sizeof message, 0), -1);
		f->look = false;
		assert_opens(f, "tap0");
		own_network_ethtool("tap0", ETHTOOL_GLINK);
		assert_true(recv(events, message, sizeof message, 0) > 0);
		close(events);
		f->look = true;
		assert_refused_busy(f);
		f->look = false;
		detach(f);
		own_network_remove("tap0");
	}
}

static void looking_leaves_an_inherited_tap_as_it_is(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int fd;

	own_network_need();
	fd = own_network_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	assert_int_equal(ioctl(fd, TUNSETOFFLOAD, (long)(TUN_F_CSUM | TUN_F_TSO4)), 0);
	snprintf(where, sizeof where, "@%d", fd);
	f->look = true;
	assert_opens(f, where);
	assert_int_not_equal(own_network_ethtool("tap0", ETHTOOL_GTXCSUM), 0);
	assert_int_not_equal(own_network_ethtool("tap0", ETHTOOL_GTSO), 0);
	close(fd);
}

/* ---- another network namespace ---- */

static void a_tap_of_another_namespace_is_found_there(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int fd, home;

	own_network_need();
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fd = own_network_queue("tap0", IFF_TAP);
	own_network_set_mtu("tap0", 9000);
	if (home == -1 || unshare(CLONE_NEWNET) != 0)
		own_network_skip_if("no second network namespace may be made here");
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	assert_int_equal(f->uplink->mtu, 9000);
	assert_int_equal(((struct tap *)f->uplink)->prefix, 4);
	close(home);
	close(fd);
}

/* An interface that stays, of this user. */
static void make_tap_of(const char *name, uid_t owner)
{
	int fd;

	own_network_tap(name, IFF_TAP | IFF_NO_PI);
	fd = own_network_queue(name, IFF_TAP | IFF_NO_PI);
	assert_int_equal(ioctl(fd, TUNSETOWNER, owner), 0);
	close(fd);
}

/* A user namespace may know of no other user. */
static void an_interface_of_the_users_needs_no_capability(void **state)
{
	const uid_t nobody = 65534;
	struct fixture *f = *state;
	int mine, others;

	own_network_need();
	if (seteuid(nobody) != 0)
		own_network_skip_if("there is no other user in this namespace");
	assert_int_equal(seteuid(0), 0);
	make_tap_of("tap0", nobody);
	make_tap_of("tap1", nobody - 1);
	opens_as_root = true;
	assert_int_equal(seteuid(nobody), 0);
	mine = open_it(f, "tap0");
	detach(f);
	others = open_it(f, "tap1");
	assert_int_equal(seteuid(0), 0);
	own_network_remove("tap0");
	own_network_remove("tap1");
	assert_int_equal(mine, 0);
	assert_int_equal(others, -1);
	assert_non_null(strstr(f->e.message, "tap1: Operation not permitted: it belongs to another"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_cross_a_real_tap),
		TEST(frames_cross_an_inherited_tap_of_any_kind),
		TEST(a_tap_by_name_carries_a_header_of_12_bytes_if_asked_to),
		TEST(an_inherited_tap_has_its_header_back_in_the_end),
		TEST(a_tap_is_set_to_what_was_asked_for_and_no_more),
		TEST(segments_come_whole_to_who_asked),
		TEST(what_was_sent_to_somebody_else_is_finished),
		TEST(an_interface_that_is_back_is_set_again),
		TEST(an_inherited_tap_offloads_nothing),
		TEST(an_inherited_tap_keeps_its_filter),
		TEST(a_large_mtu_is_carried),
		TEST(a_frame_that_does_not_fit_is_noticed),
		TEST(a_frame_without_a_header_is_refused),
		TEST(an_interface_that_is_down_drops_and_comes_back),
		TEST(an_interface_that_is_removed_is_gone_until_it_is_back),
		TEST(what_cannot_be_attached_is_refused_with_its_reason),
		TEST(an_interface_is_nobody_elses_while_it_is_attached),
		TEST(an_interface_of_several_queues_is_nobody_elses_either),
		TEST(looking_makes_no_link_change),
		TEST(looking_leaves_an_inherited_tap_as_it_is),
		TEST(a_tap_of_another_namespace_is_found_there),
		TEST(an_interface_of_the_users_needs_no_capability),
	};

	return cmocka_run_group_tests(tests, own_network_enter, NULL);
}

