/* SPDX-License-Identifier: ISC */
/*
 * ping.c: answers ping: ARP and ICMP echo, for one IPv4 address on one network device.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o ping.hvt ping.c manifest.json
 *     sudo ip tuntap add tap100 mode tap user $USER
 *     sudo ip address add 10.0.0.1/24 dev tap100
 *     sudo ip link set tap100 up
 *     husk --mem=2 --net:service0=tap100 ping.hvt
 *     ping 10.0.0.2
 *
 * Without -mgeneral-regs-only compilers move memory through vector registers, and a KVM that
 * emulates its guests' instructions, as there is on hosts without hardware virtualisation,
 * ends such a program with "internal error exit". In a root shell, name the user instead of
 * $USER.
 *
 * Behind ping.hvt there may be an address to have instead of 10.0.0.2, and "limit N": the
 * program ends when it has answered N pings. Anything else is refused, with exit status 1.
 */
#include <solo5.h>
#include <string.h>

/* What travels over the wire; numbers of two bytes go high byte first. */
struct frame {
	uint8_t to[6], from[6];
	uint16_t type;
	union {
		struct {		/* RFC 826 */
			uint16_t hardware, protocol;
			uint8_t hardware_size, protocol_size;
			uint16_t operation;
			uint8_t sender_mac[6], sender_ip[4];
			uint8_t target_mac[6], target_ip[4];
		} arp;
		struct {		/* RFC 791, and behind it RFC 792 */
			uint8_t version_and_size, service;
			uint16_t length, id, fragment;
			uint8_t ttl, protocol;
			uint16_t checksum;
			uint8_t source[4], destination[4];
			uint8_t icmp_type, icmp_code;
			uint16_t icmp_checksum, icmp_id, icmp_sequence;
		} ip;
	};
};

#define HIGH_FIRST(n) ((uint16_t)((n) >> 8 | ((n) & 0xff) << 8))
#define TYPE_ARP HIGH_FIRST(0x0806)
#define TYPE_IPV4 HIGH_FIRST(0x0800)
#define ARP_REQUEST {.hardware = HIGH_FIRST(1), .protocol = TYPE_IPV4, \
	.hardware_size = 6, .protocol_size = 4, .operation = HIGH_FIRST(1)}
#define ARP_SIZE (SOLO5_NET_HLEN + sizeof in.frame.arp)
#define ICMP_ECHO 8
#define ICMP_ECHO_REPLY 0
#define TTL 64

/* One frame of any length; the answer is made where the question lies. */
static union {
	struct frame frame;
	uint8_t bytes[SOLO5_NET_HLEN + 65535];
} in;

static solo5_handle_t net;
static struct solo5_net_info net_info;
static uint8_t own_ip[4] = {10, 0, 0, 2};

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

static void print_number(size_t n, unsigned base, int digits)
{
	char text[21] = "", *at = text + sizeof text - 1;

	for (; n != 0 || digits > 0; n /= base, digits--)
		*--at = "0123456789abcdef"[n % base];
	print(at);
}

/* Sends the frame back to where it came from. */
static void answer(size_t size)
{
	memcpy(in.frame.to, in.frame.from, SOLO5_NET_ALEN);
	memcpy(in.frame.from, net_info.mac_address, SOLO5_NET_ALEN);
	solo5_net_write(net, in.bytes, size);
}

/* Tells everybody whose address it is from now on: a request that answers itself. */
static void announce(void)
{
	in.frame = (struct frame){.type = TYPE_ARP, .arp = ARP_REQUEST};
	memset(in.frame.from, 0xff, SOLO5_NET_ALEN);
	memcpy(in.frame.arp.sender_mac, net_info.mac_address, SOLO5_NET_ALEN);
	memcpy(in.frame.arp.sender_ip, own_ip, sizeof own_ip);
	memcpy(in.frame.arp.target_ip, own_ip, sizeof own_ip);
	answer(ARP_SIZE);
}

static void take_arp(size_t size)
{
	static const struct frame request = {.arp = ARP_REQUEST};

	if (size < ARP_SIZE || memcmp(&in.frame.arp, &request.arp, 8) != 0 ||
	    memcmp(in.frame.arp.target_ip, own_ip, sizeof own_ip) != 0)
		return;
	in.frame.arp.operation = HIGH_FIRST(2);
	memcpy(in.frame.arp.target_mac, in.frame.arp.sender_mac, 6 + 4);	/* MAC and IP */
	memcpy(in.frame.arp.sender_mac, net_info.mac_address, SOLO5_NET_ALEN);
	memcpy(in.frame.arp.sender_ip, own_ip, sizeof own_ip);
	answer(ARP_SIZE);
}

/* An echo request for us, in one piece and without IP options? */
static bool is_ping(size_t size)
{
	size_t length = HIGH_FIRST(in.frame.ip.length);

	return in.frame.type == TYPE_IPV4 && length >= sizeof in.frame.ip &&
	       SOLO5_NET_HLEN + length <= size && in.frame.ip.version_and_size == 0x45 &&
	       (in.frame.ip.fragment & HIGH_FIRST(0x3fff)) == 0 && in.frame.ip.protocol == 1 &&
	       in.frame.ip.icmp_type == ICMP_ECHO && in.frame.ip.icmp_code == 0 &&
	       memcmp(in.frame.ip.destination, own_ip, sizeof own_ip) == 0;
}

/* RFC 1624, equation 3: the checksum of a packet of which one word has become another. */
static uint16_t checksum_adjust(uint16_t checksum, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint16_t)~checksum + (uint16_t)~was + (uint32_t)is;

	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

/* To exchange the addresses changes no checksum. A damaged request gets a damaged answer. */
static void answer_ping(void)
{
	in.frame.ip.icmp_checksum = checksum_adjust(in.frame.ip.icmp_checksum, ICMP_ECHO,
						    ICMP_ECHO_REPLY);
	in.frame.ip.icmp_type = ICMP_ECHO_REPLY;
	in.frame.ip.checksum = checksum_adjust(in.frame.ip.checksum, in.frame.ip.ttl, TTL);
	in.frame.ip.ttl = TTL;
	memcpy(in.frame.ip.destination, in.frame.ip.source, sizeof own_ip);
	memcpy(in.frame.ip.source, own_ip, sizeof own_ip);
	answer(SOLO5_NET_HLEN + HIGH_FIRST(in.frame.ip.length));
}

/* Waits for a ping and answers it, and whatever else comes in the meantime. */
static void serve_one_ping(void)
{
	size_t size;

	for (;;) {
		if (solo5_net_read(net, in.bytes, sizeof in.bytes, &size) != SOLO5_R_OK) {
			solo5_yield(UINT64_MAX, NULL);	/* sleeps until there is a frame */
			continue;
		}
		if (in.frame.type == TYPE_ARP) {
			take_arp(size);
		} else if (is_ping(size)) {
			answer_ping();
			return;
		} else if (memcmp(in.frame.to, net_info.mac_address, SOLO5_NET_ALEN) == 0) {
			print("A frame of a kind that is unknown here\n");
		}
	}
}

/* Steps over a number of at most max; false if *text begins with none. */
static bool take_number(const char **text, size_t max, size_t *n)
{
	const char *start = *text;

	for (*n = 0; **text >= '0' && **text <= '9'; ++*text) {
		size_t digit = (size_t)(**text - '0');

		if (*n > (max - digit) / 10)
			return false;
		*n = *n * 10 + digit;
	}
	return *text != start;
}

static bool take_char(const char **text, char c)
{
	bool is = **text == c;

	*text += is;
	return is;
}

/* A word ends with a space, or with the text. */
static bool end_word(const char **text)
{
	return take_char(text, ' ') || **text == '\0';
}

static bool take_address(const char **text)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof own_ip; i++) {
		if ((i > 0 && !take_char(text, '.')) || !take_number(text, 255, &n))
			return false;
		own_ip[i] = (uint8_t)n;
	}
	return end_word(text);
}

/* "[ADDRESS] [limit N]", and nothing else. */
static bool take_arguments(const char *text, size_t *limit)
{
	if (*text >= '0' && *text <= '9' && !take_address(&text))
		return false;
	if (strlen(text) > 6 && memcmp(text, "limit ", 6) == 0) {
		text += 6;
		if (!take_number(&text, SIZE_MAX, limit) || !end_word(&text))
			return false;
	}
	return *text == '\0';
}

static void print_device(void)
{
	print("MAC is");
	for (int i = 0; i < SOLO5_NET_ALEN; i++) {
		print(i == 0 ? " " : ":");
		print_number(net_info.mac_address[i], 16, 2);
	}
	print("\nMTU is ");
	print_number(net_info.mtu, 10, 1);
	print("\n");
}

int solo5_app_main(const struct solo5_start_info *info)
{
	size_t limit = SIZE_MAX;

	if (!take_arguments(info->cmdline, &limit)) {
		print("ping: arguments are [ADDRESS] [limit N], not: ");
		print(info->cmdline);
		print("\n");
		return SOLO5_EXIT_FAILURE;
	}
	if (solo5_net_acquire("service0", &net, &net_info) != SOLO5_R_OK)
		return SOLO5_EXIT_FAILURE;
	print_device();
	announce();
	while (limit-- > 0)
		serve_one_ping();
	return SOLO5_EXIT_SUCCESS;
}
