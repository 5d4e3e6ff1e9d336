/* SPDX-License-Identifier: ISC */
/*
 * net_out.c: 10.0.0.2 pings 192.0.2.1 by way of the gateway 10.0.0.1.
 *
 * Ends with SUCCESS at the first answer, and with status 30 if none of ten pings gets one.
 */
#include "guest.h"

#define ATTEMPTS 10
#define PATIENCE_NS 200000000u
#define HIGH_FIRST(n) ((uint16_t)((n) >> 8 | ((n) & 0xff) << 8))
#define TYPE_ARP HIGH_FIRST(0x0806)
#define TYPE_IPV4 HIGH_FIRST(0x0800)
#define ARP_REQUEST HIGH_FIRST(1)
#define ARP_REPLY HIGH_FIRST(2)

struct arp {				/* RFC 826 */
	uint8_t kind[6];
	uint16_t operation;
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
};

struct echo {				/* RFC 791, 792 */
	uint8_t version_and_size, service;
	uint16_t length, id, fragment;
	uint8_t ttl, protocol;
	uint16_t checksum;
	uint8_t source[4], destination[4];
	uint8_t type, code;
	uint16_t echo_checksum, echo_id, sequence;
};

struct packet {
	uint8_t to[6], from[6];
	uint16_t type;
	union {
		struct arp arp;
		struct echo echo;
	};
};

static const uint8_t own[4] = {10, 0, 0, 2}, gateway[4] = {10, 0, 0, 1};
static const uint8_t outside[4] = {192, 0, 2, 1};

static solo5_handle_t net;
static struct solo5_net_info info;
static uint8_t gateway_mac[6];
static bool know_gateway;

static union {
	struct packet packet;
	uint8_t bytes[2048];
} in;

static uint16_t checksum(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return HIGH_FIRST((uint16_t)~sum);
}

static void send_arp(uint16_t operation, const uint8_t *mac, const uint8_t *address)
{
	static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};
	static struct packet p;

	memcpy(p.to, mac, 6);
	memcpy(p.from, info.mac_address, 6);
	p.type = TYPE_ARP;
	memcpy(p.arp.kind, kind, sizeof kind);
	p.arp.operation = operation;
	memcpy(p.arp.sender_mac, info.mac_address, 6);
	memcpy(p.arp.sender, own, 4);
	memcpy(p.arp.target_mac, mac, 6);
	memcpy(p.arp.target, address, 4);
	solo5_net_write(net, (const uint8_t *)&p, SOLO5_NET_HLEN + sizeof p.arp);
}

static void send_echo(uint16_t sequence)
{
	static struct packet p;

	memcpy(p.to, gateway_mac, 6);
	memcpy(p.from, info.mac_address, 6);
	p.type = TYPE_IPV4;
	p.echo.version_and_size = 0x45;
	p.echo.length = HIGH_FIRST(sizeof p.echo);
	p.echo.ttl = 64;
	p.echo.protocol = 1;
	memcpy(p.echo.source, own, 4);
	memcpy(p.echo.destination, outside, 4);
	p.echo.checksum = 0;
	p.echo.checksum = checksum(&p.echo, 20);
	p.echo.type = 8;
	p.echo.echo_id = own[3];
	p.echo.sequence = sequence;
	p.echo.echo_checksum = 0;
	p.echo.echo_checksum = checksum(&p.echo.type, 8);
	solo5_net_write(net, (const uint8_t *)&p, SOLO5_NET_HLEN + sizeof p.echo);
}

static void take_arp(void)
{
	const struct arp *a = &in.packet.arp;

	if (memcmp(a->target, own, 4) != 0 || memcmp(a->sender, gateway, 4) != 0)
		return;
	memcpy(gateway_mac, a->sender_mac, 6);
	know_gateway = true;
	if (a->operation == ARP_REQUEST)
		send_arp(ARP_REPLY, gateway_mac, gateway);
}

static bool is_answer(void)
{
	const struct echo *e = &in.packet.echo;

	return in.packet.type == TYPE_IPV4 && e->protocol == 1 && e->type == 0 &&
	       e->echo_id == own[3] && memcmp(e->source, outside, 4) == 0 &&
	       memcmp(e->destination, own, 4) == 0;
}

/* Until deadline, or an answer. */
static bool answered(solo5_time_t deadline)
{
	solo5_handle_set_t ready;
	size_t size;

	while (solo5_clock_monotonic() < deadline) {
		solo5_yield(deadline, &ready);
		while (solo5_net_read(net, in.bytes, sizeof in.bytes, &size) == SOLO5_R_OK)
			if (in.packet.type == TYPE_ARP)
				take_arp();
			else if (is_answer())
				return true;
	}
	return false;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

	(void)si;
	if (solo5_net_acquire("service0", &net, &info) != SOLO5_R_OK)
		return 1;
	for (uint16_t i = 0; i < ATTEMPTS; i++) {
		if (know_gateway)
			send_echo(i);
		else
			send_arp(ARP_REQUEST, everybody, gateway);
		if (answered(solo5_clock_monotonic() + PATIENCE_NS))
			return succeed();
	}
	return 30;
}
