/* SPDX-License-Identifier: ISC */
/*
 * udp-echo.c: sends every UDP datagram back that comes to port 7, as RFC 862 says.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o udp-echo.hvt udp-echo.c manifest.json
 *     sudo ip tuntap add tap100 mode tap user $USER
 *     sudo ip address add 10.0.0.1/24 dev tap100
 *     sudo ip link set tap100 up
 *     husk --mem=2 --net:service0=tap100 udp-echo.hvt
 *     nc -u 10.0.0.2 7
 *
 * Why -mgeneral-regs-only: see ../ping/ping.c. In a root shell, name the user instead of $USER.
 *
 * Behind udp-echo.hvt there may be an address to have instead of 10.0.0.2. Anything else is
 * refused, with exit status 1.
 */
#include <solo5.h>
#include <string.h>

#define ADDRESS_SIZE 4			/* of an IPv4 address */

struct arp {				/* RFC 826 */
	uint16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender_mac[SOLO5_NET_ALEN], sender[ADDRESS_SIZE];
	uint8_t target_mac[SOLO5_NET_ALEN], target[ADDRESS_SIZE];
};

struct ipv4 {				/* RFC 791, without options */
	uint8_t version_and_size, service;
	uint16_t length, id, fragment;
	uint8_t ttl, protocol;
	uint16_t checksum;
	uint8_t source[ADDRESS_SIZE], destination[ADDRESS_SIZE];
};

struct udp {				/* RFC 768 */
	uint16_t source, destination, length, checksum;
};

/* Numbers of two bytes go over the wire high byte first. */
#define HIGH_FIRST(n) ((uint16_t)((n) >> 8 | ((n) & 0xff) << 8))
#define TYPE_IPV4 HIGH_FIRST(0x0800)
#define TYPE_ARP HIGH_FIRST(0x0806)
#define ARP_ETHERNET HIGH_FIRST(1)
#define ARP_REQUEST HIGH_FIRST(1)
#define ARP_REPLY HIGH_FIRST(2)
#define IPV4_PLAIN 0x45			/* version 4, five words of header */
#define IPV4_FRAGMENT HIGH_FIRST(0x3fff)	/* more fragments, or not the first */
#define PROTOCOL_UDP 17
#define PORT_ECHO HIGH_FIRST(7)
#define TTL 64

/* One frame of any length; the answer is made where the question lies. */
static union {
	struct {
		uint8_t to[SOLO5_NET_ALEN], from[SOLO5_NET_ALEN];
		uint16_t type;
		union {
			struct arp arp;
			struct {
				struct ipv4 ip;
				struct udp udp;
			};
		};
	};
	uint8_t bytes[SOLO5_NET_HLEN + 65535];
} frame;

static solo5_handle_t net;
static struct solo5_net_info net_info;
static uint8_t own_address[ADDRESS_SIZE] = {10, 0, 0, 2};

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

static bool is_own(const uint8_t *address)
{
	return memcmp(address, own_address, ADDRESS_SIZE) == 0;
}

/* Sends the frame back to where it came from. */
static void answer(size_t payload_size)
{
	memcpy(frame.to, frame.from, SOLO5_NET_ALEN);
	memcpy(frame.from, net_info.mac_address, SOLO5_NET_ALEN);
	solo5_net_write(net, frame.bytes, SOLO5_NET_HLEN + payload_size);
}

static bool is_arp_request(size_t size)
{
	const struct arp *a = &frame.arp;

	return frame.type == TYPE_ARP && size >= sizeof *a && a->hardware == ARP_ETHERNET &&
	       a->protocol == TYPE_IPV4 && a->operation == ARP_REQUEST && is_own(a->target);
}

static void answer_arp(void)
{
	struct arp *a = &frame.arp;

	a->operation = ARP_REPLY;
	memcpy(a->target_mac, a->sender_mac, SOLO5_NET_ALEN);
	memcpy(a->target, a->sender, ADDRESS_SIZE);
	memcpy(a->sender_mac, net_info.mac_address, SOLO5_NET_ALEN);
	memcpy(a->sender, own_address, ADDRESS_SIZE);
	answer(sizeof *a);
}

/* A whole IPv4 packet of that protocol, for us? */
static bool is_packet(size_t size, uint8_t protocol)
{
	size_t length = HIGH_FIRST(frame.ip.length);

	return frame.type == TYPE_IPV4 && frame.ip.version_and_size == IPV4_PLAIN &&
	       length >= sizeof frame.ip && length <= size &&
	       (frame.ip.fragment & IPV4_FRAGMENT) == 0 && frame.ip.protocol == protocol &&
	       is_own(frame.ip.destination);
}

/*
 * What comes from an echo port is not sent back: two servers would keep each other busy for
 * ever with one datagram.
 */
static bool is_question(size_t size)
{
	size_t length = HIGH_FIRST(frame.udp.length);

	return is_packet(size, PROTOCOL_UDP) && length >= sizeof frame.udp &&
	       sizeof frame.ip + length <= HIGH_FIRST(frame.ip.length) &&
	       frame.udp.destination == PORT_ECHO && frame.udp.source != PORT_ECHO;
}

static uint16_t header_checksum(void)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof frame.ip; i += 2)
		sum += (uint32_t)(frame.bytes[SOLO5_NET_HLEN + i] << 8 |
				  frame.bytes[SOLO5_NET_HLEN + i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return HIGH_FIRST((uint16_t)~sum);
}

/*
 * UDP's checksum is a sum over addresses, ports and data: to exchange the former changes
 * nothing, and data that were damaged on the way are still seen to be so.
 */
static void answer_question(void)
{
	memcpy(frame.ip.destination, frame.ip.source, ADDRESS_SIZE);
	memcpy(frame.ip.source, own_address, ADDRESS_SIZE);
	frame.udp.destination = frame.udp.source;
	frame.udp.source = PORT_ECHO;
	frame.ip.ttl = TTL;
	frame.ip.checksum = 0;
	frame.ip.checksum = header_checksum();
	answer(HIGH_FIRST(frame.ip.length));
}

/* Steps over a number from 0 to 255. */
static bool take_byte(const char **text, uint8_t *byte)
{
	const char *start = *text;
	unsigned n = 0;

	while (**text >= '0' && **text <= '9' && n <= 255)
		n = n * 10 + (unsigned)(*(*text)++ - '0');
	*byte = (uint8_t)n;
	return *text != start && n <= 255;
}

/* One address and nothing else, or nothing at all. */
static bool take_address(const char *text)
{
	if (*text == '\0')
		return true;
	for (int i = 0; i < ADDRESS_SIZE; i++)
		if ((i > 0 && *text++ != '.') || !take_byte(&text, &own_address[i]))
			return false;
	return *text == '\0';
}

static void serve(void)
{
	size_t size;

	for (;;) {
		if (solo5_net_read(net, frame.bytes, sizeof frame.bytes, &size) != SOLO5_R_OK) {
			solo5_yield(UINT64_MAX, NULL);	/* sleeps until there is a frame */
			continue;
		}
		size -= SOLO5_NET_HLEN;
		if (is_arp_request(size))
			answer_arp();
		else if (is_question(size))
			answer_question();
	}
}

int solo5_app_main(const struct solo5_start_info *info)
{
	if (!take_address(info->cmdline)) {
		print("udp-echo: the argument is an IPv4 address, not: ");
		print(info->cmdline);
		print("\n");
		return SOLO5_EXIT_FAILURE;
	}
	if (solo5_net_acquire("service0", &net, &net_info) != SOLO5_R_OK)
		return SOLO5_EXIT_FAILURE;
	print("Waiting for datagrams on port 7\n");
	serve();
	return SOLO5_EXIT_SUCCESS;
}
