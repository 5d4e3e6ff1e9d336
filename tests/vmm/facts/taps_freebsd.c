/* SPDX-License-Identifier: ISC */
/* taps_freebsd.c: what husk's network devices rely on of tap(4). */
#include "host_freebsd.h"

/* FreeBSD sys/net/if.h, struct ifreq; netinet/in_var.h, struct in_aliasreq; their ioctls. */
struct interface {
	char name[16];
	union {
		uint16_t flags[8];
		int32_t number;
	};
};
VMM_ABI_SIZE(struct interface, 32);

struct socket_address {
	uint8_t len, family;
	uint16_t port;
	uint8_t address[4];
	uint8_t zero[8];
};

struct alias {
	char name[16];
	struct socket_address address, broadcast, mask;
	int32_t vhid;
};
VMM_ABI_SIZE(struct alias, 68);

struct tap_info {
	int32_t baud;
	uint16_t mtu;
	uint8_t type, dummy;
};
VMM_ABI_SIZE(struct tap_info, 8);

struct span {
	void *base;
	size_t len;
};

#define INTERFACE_FLAGS 0xc0206911u
#define INTERFACE_SET_FLAGS 0x80206910u
#define INTERFACE_SET_MTU 0x80206934u
#define INTERFACE_DESTROY 0x80206979u
#define INTERFACE_ADD_ADDRESS 0x8044692bu
#define TAP_NAME 0x4020745du
#define TAP_INFO 0x4008745cu
#define TAP_GET_HEADER 0x4004745eu
#define TAP_SET_HEADER 0x8004745bu
#define TAP_TRANSIENT 0x80047462u
#define TAP_WAITING 0x4004667fu		/* FIONREAD */
#define TAP_UNKNOWN 0x20007401u

#define FAMILY_LOCAL 1
#define FAMILY_INET 2
#define SOCKET_DATAGRAMS 2
#define FLAG_UP 1

#define NODE "/dev/tap91"
#define INTERFACE "tap91"

static uint8_t frame[65600];
static long tap, helper;
static uint8_t last_address = 1;

static long open_tap(int how)
{
	return call3(CALL_OPEN, (long)NODE, how | OPEN_NONBLOCK, 0);
}

static struct interface interface(void)
{
	return (struct interface){.name = INTERFACE};
}

static long flags(void)
{
	struct interface i = interface();
	const long rc = host_ioctl(helper, INTERFACE_FLAGS, &i);

	return rc < 0 ? rc : i.flags[0];
}

static long set_up(bool up)
{
	struct interface i = interface();
	long rc = host_ioctl(helper, INTERFACE_FLAGS, &i);

	if (rc < 0)
		return rc;
	i.flags[0] = (uint16_t)(up ? i.flags[0] | FLAG_UP : i.flags[0] & ~FLAG_UP);
	return host_ioctl(helper, INTERFACE_SET_FLAGS, &i);
}

/* The kernel announces each new address with a frame of 42 bytes: the only one that a tap has by itself. */
static long add_address(void)
{
	struct alias a = {
		.name = INTERFACE, .address = {16, FAMILY_INET, 0, {10, 91, 0, last_address++}, {0}},
		.mask = {16, FAMILY_INET, 0, {255, 255, 255, 0}, {0}},
	};
	const long socket_ = call3(CALL_SOCKET, FAMILY_INET, SOCKET_DATAGRAMS, 0);
	const long rc = host_ioctl(socket_, INTERFACE_ADD_ADDRESS, &a);

	(void)host_close(socket_);
	return rc;
}

static long read_frame(size_t len)
{
	return call3(CALL_READ, tap, (long)frame, (long)len);
}

static long write_frame(size_t len)
{
	return call3(CALL_WRITE, tap, (long)frame, (long)len);
}

static long set_header(int bytes)
{
	return host_ioctl(tap, TAP_SET_HEADER, &bytes);
}

static void probe_opening(void)
{
	struct tap_info info = {0};
	struct interface named = {.name = ""};
	int header = -1;

	fact_is("tap.open_makes_it", tap >= 0);
	fact_hex("tap.flags_fresh", (uint64_t)flags());
	fact("tap.open_again", open_tap(OPEN_BOTH));
	fact("tap.open_again_read", open_tap(OPEN_READ));
	fact("tap.name", host_ioctl(tap, TAP_NAME, &named));
	fact_is("tap.name_is_its", named.name[0] == 't' && named.name[4] == '1' && named.name[5] == '\0');
	fact("tap.info", host_ioctl(tap, TAP_INFO, &info));
	fact("tap.mtu", info.mtu);
	fact("tap.type", info.type);
	fact("tap.header", host_ioctl(tap, TAP_GET_HEADER, &header));
	fact("tap.header_bytes", header);
	fact("tap.code_unknown", host_ioctl(tap, TAP_UNKNOWN, NULL));
}

static void probe_down(void)
{
	fact("tap.down_read", read_frame(2000));
	fact("tap.down_write", write_frame(60));
	fact_hex("tap.down_poll", (uint64_t)poll_now(tap, POLL_IN | POLL_OUT));
	fact("tap.up", set_up(true));
	fact_hex("tap.up_flags", (uint64_t)flags());
	fact("tap.up_read", read_frame(2000));
	fact_hex("tap.up_poll", (uint64_t)poll_now(tap, POLL_IN | POLL_OUT));
}

static void probe_reading(void)
{
	struct span parts[] = {{frame, 14}, {frame + 14, 2000}};
	int waiting = -1;

	fact("tap.address", add_address());
	fact_hex("tap.frame_poll", (uint64_t)poll_now(tap, POLL_IN | POLL_OUT));
	fact("tap.frame_waiting", host_ioctl(tap, TAP_WAITING, &waiting));
	fact("tap.frame_waiting_bytes", waiting);
	fact("tap.read", read_frame(2000));
	fact("tap.read_empty", read_frame(2000));
	(void)add_address();
	fact("tap.read_short", read_frame(10));
	fact("tap.read_short_rest", read_frame(2000));
	(void)add_address();
	fact("tap.read_nothing", read_frame(0));
	fact("tap.read_nothing_keeps_it", read_frame(2000));
	(void)add_address();
	fact("tap.readv", call3(CALL_READV, tap, (long)parts, 2));
	(void)add_address();
	fact("tap.read_bad_pointer", call3(CALL_READ, tap, 8, 2000));
	fact("tap.read_bad_pointer_loses_it", read_frame(2000));
	(void)add_address();
	(void)set_up(false);
	fact_hex("tap.down_throws_away_poll", (uint64_t)poll_now(tap, POLL_IN | POLL_OUT));
	(void)set_up(true);
	fact("tap.down_throws_away_read", read_frame(2000));
}

/* To nobody: all of them are dropped behind the tap. */
static void probe_writing(void)
{
	static const unsigned lengths[] = {1, 13, 14, 60, 1514, 1515, 9014, 65535, 65536};
	static const char *const names[] = {
		"tap.write_1", "tap.write_13", "tap.write_14", "tap.write_60", "tap.write_1514",
		"tap.write_1515", "tap.write_9014", "tap.write_65535", "tap.write_65536",
	};
	struct span parts[] = {{frame, 14}, {frame + 14, 46}};

	for (unsigned i = 0; i < sizeof frame; i++)
		frame[i] = i == 0 ? 2 : 0x55;
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		fact(names[i], write_frame(lengths[i]));
	fact("tap.write_bad_pointer", call3(CALL_WRITE, tap, 8, 60));
	fact("tap.writev", call3(CALL_WRITEV, tap, (long)parts, 2));
}

static void probe_header(void)
{
	fact("tap.header_11", set_header(11));
	fact("tap.header_10", set_header(10));
	fact("tap.header_12", set_header(12));
	(void)add_address();
	fact("tap.header_12_read", read_frame(2000));
	fact("tap.header_12_write", write_frame(72));
	fact("tap.header_12_write_alone", write_frame(12));
	fact("tap.header_0", set_header(0));
}

static void probe_closing(void)
{
	struct interface mtu = interface();
	struct tap_info info = {0};
	int yes = 1;

	mtu.number = 1400;
	fact("tap.set_mtu", host_ioctl(helper, INTERFACE_SET_MTU, &mtu));
	fact("tap.close", host_close(tap));
	fact_hex("tap.closed_flags", (uint64_t)flags());
	tap = open_tap(OPEN_BOTH);
	fact_is("tap.open_anew", tap >= 0);
	fact_hex("tap.open_anew_flags", (uint64_t)flags());
	(void)host_ioctl(tap, TAP_INFO, &info);
	fact("tap.open_anew_mtu", info.mtu);
	fact("tap.transient", host_ioctl(tap, TAP_TRANSIENT, &yes));
	(void)host_close(tap);
	fact("tap.transient_closed_flags", flags());
}

void probe_taps(void)
{
	tap = open_tap(OPEN_BOTH);
	helper = call3(CALL_SOCKET, FAMILY_LOCAL, SOCKET_DATAGRAMS, 0);
	probe_opening();
	probe_down();
	probe_reading();
	probe_writing();
	probe_header();
	probe_closing();
	(void)host_close(helper);
}
