/* SPDX-License-Identifier: ISC */
/*
 * nic.c: lwIP on a network device of husk: frames, time, and sleep while there is nothing to do.
 *
 * Where the host offers that, it makes TCP's checksums, checks those of what comes, and joins segments. Where not,
 * as under other monitors, the same calls give and take whole frames, and lwIP does the sums.
 */
#include "nic.h"

#include <solo5x.h>
#include <string.h>

#include "lwip/etharp.h"
#include "lwip/inet_chksum.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/tcp.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#define NSEC_PER_MSEC 1000000u
#define FRAME_MAX (SOLO5_NET_HLEN + 65535)
#define BURST 32u		/* so many frames, then the timers must get a look in */

/* UDP, where it is built in, makes its own sums; of what comes they may be left to the host as TCP's are. */
#define WANTED (SOLO5X_NET_CSUM | SOLO5X_NET_GUEST_CSUM | SOLO5X_NET_GUEST_TSO4)
#define CHECKED_BY_HOST (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)

static solo5_handle_t handle;
static uint64_t granted;		/* SOLO5X_NET_... */
static struct netif nic;
static uint8_t frame[FRAME_MAX];	/* coming or going, where it is not in one piece already */

void nic_print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

/* ---- What lwIP calls ---- */

void nic_abort(const char *text)
{
	nic_print("lwIP: ");
	nic_print(text);
	nic_print("\n");
	solo5_abort();
}

u32_t sys_now(void)
{
	return (u32_t)(solo5_clock_monotonic() / NSEC_PER_MSEC);
}

static uint64_t add(uint64_t sum, uint64_t n)
{
	sum += n;
	return sum + (sum < n);
}

/* RFC 1071: any width will do, and any byte order: that of memory. */
uint16_t nic_checksum(const void *data, int size)
{
	const uint8_t *at = data;
	uint64_t sum = 0, word;

	for (; size >= 8; size -= 8, at += 8) {
		__builtin_memcpy(&word, at, 8);
		sum = add(sum, word);
	}
	word = 0;
	memcpy(&word, at, (size_t)size);
	sum = add(sum, word);
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	return (uint16_t)sum;
}

/*
 * A segment of TCP over IPv4, whose checksum lwIP has left 0: the host adds what it sums from TCP's header on to what
 * the field has, which is the sum of the pseudo header. All headers are in the first buffer.
 */
static struct solo5x_net_meta leave_checksum(struct pbuf *p)
{
	const struct eth_hdr *eth = p->payload;
	struct ip_hdr *ip = (struct ip_hdr *)((uint8_t *)p->payload + SIZEOF_ETH_HDR);
	const u16_t start = SIZEOF_ETH_HDR + IP_HLEN, size = (u16_t)(p->tot_len - start);
	struct tcp_hdr *tcp = (struct tcp_hdr *)((uint8_t *)ip + IP_HLEN);
	ip4_addr_t from, to;

	if ((granted & SOLO5X_NET_CSUM) == 0 || p->len < start + TCP_HLEN ||
	    eth->type != PP_HTONS(ETHTYPE_IP) || IPH_PROTO(ip) != IP_PROTO_TCP)
		return (struct solo5x_net_meta){.flags = 0};
	ip4_addr_copy(from, ip->src);
	ip4_addr_copy(to, ip->dest);
	tcp->chksum = (u16_t)~inet_chksum_pseudo(NULL, IP_PROTO_TCP, size, &from, &to);
	return (struct solo5x_net_meta){
		.flags = SOLO5X_NET_NEEDS_CSUM, .csum_start = start,
		.csum_offset = offsetof(struct tcp_hdr, chksum),
	};
}

/* Whether it arrives is TCP's concern. */
static err_t send(struct netif *n, struct pbuf *p)
{
	const struct solo5x_net_meta meta = leave_checksum(p);
	const struct solo5x_net_part whole = {
		pbuf_get_contiguous(p, frame, sizeof frame, p->tot_len, 0), p->tot_len,
	};

	(void)n;
	if (whole.data == NULL || solo5x_net_send(handle, &whole, 1, &meta) != SOLO5_R_OK)
		return ERR_IF;
	return ERR_OK;
}

static err_t init(struct netif *n)
{
	const struct solo5_net_info *info = n->state;

	n->name[0] = 'e';
	n->name[1] = 'n';
	n->hwaddr_len = SOLO5_NET_ALEN;
	memcpy(n->hwaddr, info->mac_address, SOLO5_NET_ALEN);
	n->mtu = (u16_t)info->mtu;
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	n->output = etharp_output;
	n->linkoutput = send;
	if ((granted & SOLO5X_NET_CSUM) != 0)
		n->chksum_flags &= (u16_t)~NETIF_CHECKSUM_GEN_TCP;
	return ERR_OK;
}

/* ---- Addresses ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Steps over a number of at most max. */
static bool take_number(const char **at, unsigned max, unsigned *n)
{
	if (!is_digit(**at))
		return false;
	for (*n = 0; is_digit(**at) && *n <= max; (*at)++)
		*n = *n * 10 + (unsigned)(**at - '0');
	return *n <= max;
}

static bool take_address(const char **at, ip4_addr_t *address)
{
	unsigned part[4];

	for (int i = 0; i < 4; i++) {
		if (!take_number(at, 255, &part[i]))
			return false;
		if (i < 3 && *(*at)++ != '.')
			return false;
	}
	IP4_ADDR(address, part[0], part[1], part[2], part[3]);
	return true;
}

struct addresses {
	ip4_addr_t own, mask, gateway;
};

static bool take_addresses(const char *at, struct addresses *a)
{
	unsigned bits = 24;

	IP4_ADDR(&a->own, 10, 0, 0, 2);
	if (*at != '\0' && !take_address(&at, &a->own))
		return false;
	if (*at == '/') {
		at++;
		if (!take_number(&at, 32, &bits))
			return false;
	}
	a->mask.addr = bits == 0 ? 0 : lwip_htonl(UINT32_MAX << (32 - bits));
	a->gateway.addr = (a->own.addr & a->mask.addr) | lwip_htonl(1);
	if (*at == ' ') {
		at++;
		if (!take_address(&at, &a->gateway))
			return false;
	}
	return *at == '\0';
}

/* ---- What the application calls ---- */

bool nic_start(const char *name, const char *words)
{
	static struct solo5_net_info info;
	struct addresses a;

	if (solo5_net_acquire(name, &handle, &info) != SOLO5_R_OK || !take_addresses(words, &a))
		return false;
	granted = solo5x_net_offloads(handle, WANTED);
	lwip_init();
	netif_add(&nic, &a.own, &a.mask, &a.gateway, &info, init, ethernet_input);
	netif_set_default(&nic);
	netif_set_up(&nic);
	return true;
}

/*
 * A frame as lwIP's. It is copied, as the device has few buffers, no more than for two large frames in a small
 * guest, and a connection that reads nothing would keep some of them from all others. NULL: there is no room.
 */
static struct pbuf *take(const struct solo5x_net_frame *f)
{
	struct pbuf *p = f->size <= UINT16_MAX ? pbuf_alloc(PBUF_RAW, (u16_t)f->size, PBUF_POOL) : NULL;
	u16_t at = 0;

	for (size_t i = 0; p != NULL && i < f->n; i++) {
		pbuf_take_at(p, f->parts[i].data, (u16_t)f->parts[i].size, at);
		at = (u16_t)(at + f->parts[i].size);
	}
	return p;
}

/* The host has checked the sum, or has left it unfinished because the frame has been on no wire. */
static bool is_vouched_for(const struct solo5x_net_frame *f)
{
	return (f->meta.flags & (SOLO5X_NET_NEEDS_CSUM | SOLO5X_NET_DATA_VALID)) != 0;
}

/* Whether there was a frame. One that there is no room for is lost. */
static bool receive(void)
{
	static struct solo5x_net_frame f = {.room = frame, .room_size = sizeof frame};
	struct pbuf *p;

	if (solo5x_net_receive(handle, &f) != SOLO5_R_OK)
		return false;
	p = take(&f);
	solo5x_net_release(&f);
	if (p == NULL)
		return true;
	if (is_vouched_for(&f))
		nic.chksum_flags &= (u16_t)~CHECKED_BY_HOST;
	else
		nic.chksum_flags |= CHECKED_BY_HOST;
	if (nic.input(p, &nic) != ERR_OK)
		pbuf_free(p);
	return true;
}

static void sleep(void)
{
	solo5_time_t timer = (solo5_time_t)sys_timeouts_sleeptime() * NSEC_PER_MSEC;

	solo5_yield(solo5_clock_monotonic() + timer, NULL);
}

void nic_run(void)
{
	unsigned left;

	for (;;) {
		for (left = BURST; left > 0 && receive(); left--)
			;
		sys_check_timeouts();
		if (left > 0)
			sleep();
	}
}
