/* SPDX-License-Identifier: ISC */
/* tap_adopt_linux.c: takes over an inherited descriptor of a tap without changing its flags. */
#include "tap_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/filter.h>
#include <linux/if_tun.h>

#include "link.h"
#include "netns.h"

#define PI_SIZE 4u		/* struct tun_pi, in front of frames without IFF_NO_PI */

/* What is known of the interface of a descriptor, by its name. */
struct interface_facts {
	const struct tap *tap;
	unsigned mtu;		/* 0: unknown */
	bool known;		/* facts is filled in */
	struct link_facts facts;
};

/* Whether the tap of a descriptor has this hardware address. */
static bool has_address(int fd, const void *address)
{
	struct ifreq ifr = {0};

	return ioctl(fd, SIOCGIFHWADDR, &ifr) == 0 &&
	       memcmp(ifr.ifr_hwaddr.sa_data, address, LINK_ADDRESS_SIZE) == 0;
}

/*
 * In the calling thread's network namespace, which may have another interface of that name: told
 * apart by the address. Asks by name where netlink has no answer.
 */
static void query_here(void *ctx)
{
	struct interface_facts *s = ctx;
	int fd = s->tap->uplink.fd;
	struct ifreq ifr;

	s->known = link_learn(s->tap->name, &s->facts) && s->facts.type == LINK_TAP &&
		   has_address(fd, s->facts.address);
	if (s->known)
		s->mtu = s->facts.mtu;
	else if (tap_ask_once(&ifr, s->tap->name, SIOCGIFHWADDR) == 0 &&
		 has_address(fd, ifr.ifr_hwaddr.sa_data) &&
		 tap_ask_once(&ifr, s->tap->name, SIOCGIFMTU) == 0 && ifr.ifr_mtu > 0)
		s->mtu = (unsigned)ifr.ifr_mtu;
}

/* In this network namespace, or else in the interface's, if this process may enter it. */
static void query(struct interface_facts *s)
{
	int ns;

	query_here(s);
	if (s->mtu != 0)
		return;
	ns = ioctl(s->tap->uplink.fd, TUNGETDEVNETNS);
	if (ns == -1)
		return;
	(void)netns_call(ns, query_here, s);
	close(ns);
}

/*
 * Linux drivers/net/tun.c, TUNGETIFF: one flag means "no packet information" or "no filter". With a
 * filter in place, one that passes everything, it means the former.
 */
static bool pi_by_filter(int fd)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog filter = {1, &all};
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNATTACHFILTER, &filter) == -1 || ioctl(fd, TUNGETIFF, &ifr) == -1)
		ifr.ifr_flags = IFF_NO_PI;
	(void)ioctl(fd, TUNDETACHFILTER, &filter);
	/* Is refused, but resets the state that TUNGETFILTER reports. */
	filter.len = 0;
	(void)ioctl(fd, TUNATTACHFILTER, &filter);
	return (ifr.ifr_flags & IFF_NO_PI) == 0;
}

/*
 * If nothing else tells, a filter is tried, but not in place of another one and not with look: then
 * the tap is assumed to have no packet information, as nearly all have none.
 */
static bool has_pi(const struct tap *t, short flags, const struct interface_facts *s, bool look)
{
	struct sock_fprog filter = {0};
	int fd = t->uplink.fd;

	if ((flags & IFF_NO_PI) == 0)
		return true;
	if (s->known)
		return s->facts.pi != 0;
	return !look && ioctl(fd, TUNGETFILTER, &filter) == 0 && filter.len == 0 &&
	       pi_by_filter(fd);
}

/* Bytes that the tap puts in front of each frame. */
static void learn_prefix(struct tap *t, short flags, const struct interface_facts *s, bool look)
{
	int header = 0;

	t->prefix = has_pi(t, flags, s, look) ? PI_SIZE : 0;
	if ((flags & IFF_VNET_HDR) != 0 &&
	    ioctl(t->uplink.fd, TUNGETVNETHDRSZ, &header) == 0 && header > 0) {
		t->uplink.header = (unsigned)header;
		t->prefix += (unsigned)header;
	}
}

int tap_carry_header(struct uplink *u)
{
	struct tap *t = (struct tap *)u;
	if (u->header == TAP_HEADER && t->prefix == TAP_HEADER)
		return 0;
	if (t->header_before == NULL || ioctl(u->fd, TUNSETVNETHDRSZ, &(int){TAP_HEADER}) == -1)
		return -1;
	t->prefix = u->header = TAP_HEADER;
	return 0;
}

static void adopted_close(struct uplink *u)
{
	const struct tap *t = (struct tap *)u;

	if (t->header_before != NULL && u->header == TAP_HEADER)
		(void)ioctl(u->fd, TUNSETVNETHDRSZ, t->header_before);
	uplink_free(u);
}

static void adopted_confine(struct uplink *u, struct sandbox *s)
{
	const struct tap *t = (struct tap *)u;

	sandbox_keep(s, u->fd, SANDBOX_BOTH_WAYS);
	if (u->header != 0)
		s->values[SANDBOX_OFFLOADS] = TUNSETOFFLOAD;
	if (t->header_before != NULL && u->header == TAP_HEADER)
		s->values[SANDBOX_HEADER] = TUNSETVNETHDRSZ;
}

/* For the end, in the sandbox. */
static int remember_header(struct tap *t, struct sealed *sealed, struct husk_error *e)
{
	const int before = (int)t->uplink.header;
	void *at;

	if (before == 0 || before == TAP_HEADER || t->prefix != t->uplink.header)
		return 0;
	if (sealed_put(sealed, &before, sizeof before, &at, e) == -1)
		return -1;
	t->header_before = at;
	return 0;
}

static int check_inherited(const struct tap *t, const char *where, const struct interface_facts *s,
			   struct husk_error *e)
{
	if (t->prefix > TAP_PREFIX_MAX)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: its header of "
				 "%u bytes is too long; make it %u at most by TUNSETVNETHDRSZ",
				 where, t->prefix, TAP_PREFIX_MAX);
	return s->known && s->facts.queues > 1 ? tap_attach_failed(where, EBUSY, e) : 0;
}

static int adopt(struct tap *t, const struct uplink_request *rq, struct husk_error *e)
{
	struct interface_facts s = {.tap = t};
	struct ifreq ifr = {0};

	if (ioctl(t->uplink.fd, TUNGETIFF, &ifr) == -1)
		return tap_attach_failed(rq->where, errno, e);
	memcpy(t->name, ifr.ifr_name, sizeof t->name - 1);
	if ((ifr.ifr_flags & IFF_TAP) == 0)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: %s is a tun "
				 "interface, not a tap; make it with IFF_TAP", rq->where, t->name);
	query(&s);
	t->uplink.mtu = t->uplink.mtu_max = s.mtu;
	t->uplink.mtu_hidden = s.mtu == 0;
	learn_prefix(t, ifr.ifr_flags, &s, rq->look);
	if (check_inherited(t, rq->where, &s, e) == -1)
		return -1;
	return rq->look || !rq->header ? 0 : remember_header(t, rq->sealed, e);
}

int tap_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = tap_read_shared, .write = tap_write_shared,
		.read_parts = tap_read_parts_shared, .write_parts = tap_write_parts_shared,
		.offload = tap_offload,
		.carry_header = tap_carry_header, .confine = adopted_confine,
		.vhost_header = tap_vhost_header, .close = adopted_close,
	};
	struct tap *t = uplink_new(sizeof *t, &ops, e);

	if (t == NULL) {
		close(fd);
		return -1;
	}
	t->control = -1;
	t->uplink.tap = true;
	t->uplink.fd = fd;
	if (adopt(t, rq, e) == -1) {
		uplink_free(&t->uplink);
		return -1;
	}
	if (rq->look) {
		uplink_look_only(&t->uplink);
	} else {
		tap_refuse_offloads(fd);
		tap_probe_shared(t);
	}
	*u = &t->uplink;
	return 0;
}
