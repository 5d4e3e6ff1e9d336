/* SPDX-License-Identifier: ISC */
/*
 * net.c: answers ping: 10.0.0.2 on its first device, 10.1.0.2 on the second, if there is one.
 *
 *   limit N   ends after N answers in all
 *   check     every payload must repeat de ad be ef from its seventeenth byte on
 *   drain     reads until nothing is left, not one frame each time that it is told of some
 *
 * A device that is said to be ready and has no frame ends it with status 20. Built once for
 * each set of devices.
 */
#include "guest.h"
#include "husk_abi.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define DEVICES_MAX 2u
#define FRAME_MAX (SOLO5_NET_HLEN + 65535u)
#define FOREVER UINT64_MAX
#define HIGH_FIRST(n) ((uint16_t)((n) >> 8 | ((n) & 0xff) << 8))
#define TYPE_ARP HIGH_FIRST(0x0806)
#define TYPE_IPV4 HIGH_FIRST(0x0800)
#define STAMP_SIZE 16u	/* where ping may put the time */
#define PATTERN UINT32_C(0xefbeadde)

struct arp {
	uint8_t kind[6];
	uint16_t operation;
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
};

struct echo {
	uint8_t version_and_size, service;
	uint16_t length, id, fragment;
	uint8_t ttl, protocol;
	uint16_t checksum;
	uint8_t source[4], destination[4];
	uint8_t type, code;
	uint16_t echo_checksum, echo_id, sequence;
	uint8_t payload[];
};

static union {
	struct {
		uint8_t to[6], from[6];
		uint16_t type;
		union {
			struct arp arp;
			struct echo echo;
		};
	};
	uint8_t bytes[FRAME_MAX];
} in;

static struct device {
	solo5_handle_t handle;
	struct solo5_net_info info;
	uint8_t address[4];
} devices[DEVICES_MAX];

static unsigned n_devices;
static uint64_t answers;
static bool check, drain;

static void answer(const struct device *d, size_t size)
{
	memcpy(in.to, in.from, 6);
	memcpy(in.from, d->info.mac_address, 6);
	if (solo5_net_write(d->handle, in.bytes, size) != SOLO5_R_OK)
		solo5_exit(21);
}

static void fill_arp(const struct device *d, uint16_t operation)
{
	static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};

	memcpy(in.arp.kind, kind, sizeof kind);
	in.arp.operation = HIGH_FIRST(operation);
	memcpy(in.arp.sender_mac, d->info.mac_address, 6);
	memcpy(in.arp.sender, d->address, 4);
}

static void announce(const struct device *d)
{
	in.type = TYPE_ARP;
	memset(in.from, 0xff, 6);
	fill_arp(d, 1);
	memcpy(in.arp.target, d->address, 4);
	answer(d, SOLO5_NET_HLEN + sizeof in.arp);
}

static void take_arp(const struct device *d)
{
	if (in.arp.operation != HIGH_FIRST(1) || memcmp(in.arp.target, d->address, 4) != 0)
		return;
	memcpy(in.arp.target_mac, in.arp.sender_mac, 10);
	fill_arp(d, 2);
	answer(d, SOLO5_NET_HLEN + sizeof in.arp);
}

static void check_payload(size_t size)
{
	size_t end = size - SOLO5_NET_HLEN - sizeof in.echo;
	uint32_t word;

	for (size_t i = STAMP_SIZE; i + sizeof word <= end; i += sizeof word) {
		memcpy(&word, in.echo.payload + i, sizeof word);
		if (word != PATTERN)
			solo5_exit(22);
	}
}

static void take_echo(const struct device *d, size_t size)
{
	uint32_t sum = in.echo.echo_checksum + 8u;	/* RFC 1624: type 8 becomes 0 */

	if (check)
		check_payload(size);
	in.echo.type = 0;
	in.echo.echo_checksum = (uint16_t)(sum + (sum >> 16));
	memcpy(in.echo.destination, in.echo.source, 4);
	memcpy(in.echo.source, d->address, 4);
	answer(d, size);
	answers++;
}

static bool is_echo(const struct device *d, size_t size)
{
	return in.type == TYPE_IPV4 && size >= SOLO5_NET_HLEN + sizeof in.echo &&
	       in.echo.protocol == 1 && in.echo.type == 8 &&
	       memcmp(in.echo.destination, d->address, 4) == 0;
}

static bool take_frame(const struct device *d)
{
	size_t size;

	if (solo5_net_read(d->handle, in.bytes, sizeof in.bytes, &size) != SOLO5_R_OK)
		return false;
	if (in.type == TYPE_ARP)
		take_arp(d);
	else if (is_echo(d, size))
		take_echo(d, size);
	else if (memcmp(in.to, d->info.mac_address, 6) == 0)
		say("A frame of an unknown kind\n");
	return true;
}

static void serve(uint64_t limit)
{
	solo5_handle_set_t ready;

	while (answers < limit) {
		solo5_yield(FOREVER, &ready);
		for (unsigned i = 0; i < n_devices; i++) {
			if ((ready >> devices[i].handle & 1) == 0)
				continue;
			if (!take_frame(&devices[i]))
				solo5_exit(20);
			while (drain && answers < limit && take_frame(&devices[i]))
				;
		}
	}
}

static void say_device(const struct device *d)
{
	say("MAC is ");
	for (int i = 0; i < 6; i++) {
		const char *digits = "0123456789abcdef";

		say(i > 0 ? ":" : "");
		solo5_console_write(&digits[d->info.mac_address[i] >> 4], 1);
		solo5_console_write(&digits[d->info.mac_address[i] & 15], 1);
	}
	say("\nMTU is ");
	say_number(d->info.mtu);
	say("\n");
}

static void acquire(const char *name, uint8_t net)
{
	struct device *d = &devices[n_devices];

	if (solo5_net_acquire(name, &d->handle, &d->info) != SOLO5_R_OK)
		return;
	memcpy(d->address, (uint8_t[4]){10, net, 0, 2}, 4);
	say_device(d);
	announce(d);
	n_devices++;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	uint64_t limit = 0;

	acquire("service0", 0);
	acquire("service1", 1);
	if (n_devices == 0)
		return 1;
	while (*args != '\0')
		if (take_word(&args, "limit"))
			limit = take_number(&args);
		else if (take_word(&args, "check"))
			check = true;
		else if (take_word(&args, "drain"))
			drain = true;
		else
			return 97;
	say("READY\n");
	serve(limit);
	return succeed();
}
