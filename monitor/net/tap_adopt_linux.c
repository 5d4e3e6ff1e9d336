/* tap_adopt_linux.c: takes over an inherited descriptor: a tap, or else what carries frames. */
#include "tap_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/filter.h>
#include <linux/if_tun.h>

#include "options.h"

#define PI_SIZE 4u		/* struct tun_pi, in front of frames without IFF_NO_PI */

/* Whether the tap behind a descriptor has this hardware address. */
static bool has_address(int fd, const void *address)
{
	struct ifreq ifr = {0};

	return ioctl(fd, SIOCGIFHWADDR, &ifr) == 0 &&
	       memcmp(ifr.ifr_hwaddr.sa_data, address, TAP_ADDRESS_SIZE) == 0;
}

/* Of the tap behind a descriptor, which may be of another network namespace than the name. */
static unsigned mtu_inherited(int fd, const char *name)
{
	struct ifreq named;

	if (tap_ask(&named, name, SIOCGIFHWADDR) == -1 || !has_address(fd, named.ifr_hwaddr.sa_data))
		return UPLINK_MTU_DEFAULT;
	return tap_mtu(name);
}

static bool learn_inherited(int fd, const char *name, struct link_facts *facts)
{
	return link_learn(name, facts) && has_address(fd, facts->address);
}

/*
 * Linux drivers/net/tun.c, TUNGETIFF: one bit says that there is no packet information, or no
 * filter. While there is a filter, one that lets everything pass, it is the former.
 */
static bool pi_by_filter(int fd)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog filter = {1, &all};
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNATTACHFILTER, &filter) == -1 || ioctl(fd, TUNGETIFF, &ifr) == -1)
		ifr.ifr_flags = IFF_NO_PI;
	(void)ioctl(fd, TUNDETACHFILTER, &filter);
	/* Refused, but remembered: TUNGETFILTER tells whoever asks next of no filter. */
	filter.len = 0;
	(void)ioctl(fd, TUNATTACHFILTER, &filter);
	return (ifr.ifr_flags & IFF_NO_PI) == 0;
}

/*
 * Where nothing better is known, a filter is tried out, but never in place of another: rather is
 * the tap taken for one without packet information, as nearly all are.
 */
static bool has_pi(int fd, short flags, const struct link_facts *facts)
{
	struct sock_fprog filter = {0};

	if ((flags & IFF_NO_PI) == 0)
		return true;
	if (facts != NULL)
		return facts->pi != 0;
	return ioctl(fd, TUNGETFILTER, &filter) == 0 && filter.len == 0 && pi_by_filter(fd);
}

/* What an inherited tap puts in front of each frame. Other descriptors put nothing. */
static unsigned prefix_of(int fd, short flags, const struct link_facts *facts)
{
	unsigned prefix = has_pi(fd, flags, facts) ? PI_SIZE : 0;
	int vnet = 0;

	if ((flags & IFF_VNET_HDR) != 0 && ioctl(fd, TUNGETVNETHDRSZ, &vnet) == 0 && vnet > 0)
		prefix += (unsigned)vnet;
	return prefix;
}

static int check_inherited(const struct tap *t, const char *where, short flags,
			   const struct link_facts *facts, struct husk_error *e)
{
	if ((flags & IFF_TAP) == 0)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: %s is a tun "
				 "interface, not a tap; make it with IFF_TAP", where, t->name);
	if (t->prefix > TAP_PREFIX_MAX)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: its header of "
				 "%u bytes is too long; make it %u at most by TUNSETVNETHDRSZ",
				 where, t->prefix, TAP_PREFIX_MAX);
	if (facts != NULL && facts->queues > 1)
		return tap_attach_failed(where, EBUSY, e);
	return 0;
}

/* Why no frames go through what is no tap, for which TUNGETIFF gave sys; NULL: they may. */
static const char *unusable(int fd, mode_t mode, int sys)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	switch (mode & S_IFMT) {
	case S_IFIFO:
		return NULL;
	case S_IFSOCK:
		return getpeername(fd, (struct sockaddr *)&peer, &size) == -1 &&
		       errno == ENOTCONN ? "a socket that is not connected" : NULL;
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return sys == EBADFD ? TAP_DEVICE " without an interface (TUNSETIFF)" :
				       "a device that is no tap";
	}
	return "nothing that carries frames";
}

static int check_usable(int fd, int sys, const char *where, struct husk_error *e)
{
	const char *why;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	why = unusable(fd, st.st_mode, sys);
	return why == NULL ? 0 :
	       husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is %s: give a tap, a "
			 "connected socket or a FIFO, open for reading and writing", where, why);
}

static int check_access(int flags, const char *where, struct husk_error *e)
{
	if ((flags & O_ACCMODE) == O_RDWR)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is open for %s only: "
			 "open it for reading and writing, in a shell N<>PATH", where,
			 (flags & O_ACCMODE) == O_RDONLY ? "reading" : "writing");
}

static int adopt_tap(struct tap *t, const struct ifreq *ifr, const char *where,
		     struct husk_error *e)
{
	struct link_facts facts, *known;

	memcpy(t->name, ifr->ifr_name, sizeof t->name - 1);
	t->uplink.mtu = mtu_inherited(t->uplink.fd, t->name);
	known = learn_inherited(t->uplink.fd, t->name, &facts) ? &facts : NULL;
	t->prefix = prefix_of(t->uplink.fd, ifr->ifr_flags, known);
	if (check_inherited(t, where, ifr->ifr_flags, known, e) == -1)
		return -1;
	tap_refuse_offloads(t->uplink.fd);
	return 0;
}

static int adopt(struct tap *t, const char *where, struct husk_error *e)
{
	struct ifreq ifr = {0};
	int flags = fcntl(t->uplink.fd, F_GETFL), rc;

	if (flags == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	t->uplink.mtu = UPLINK_MTU_DEFAULT;
	rc = ioctl(t->uplink.fd, TUNGETIFF, &ifr) == 0 ? adopt_tap(t, &ifr, where, e) :
	     check_usable(t->uplink.fd, errno, where, e);
	if (rc == -1 || check_access(flags, where, e) == -1)
		return -1;
	if (fcntl(t->uplink.fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	return 0;
}

static int not_inherited(const char *where, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Could not attach interface: %s", where);
	return sys != EBADF ? -1 :
	       husk_hint(e, "it is not open; what starts this program must open it and leave it so");
}

static const struct uplink_ops inherited = {
	.read = tap_read, .write = tap_write, .close = tap_close,
};

static int open_descriptor(struct tap *t, const char *where, struct husk_error *e)
{
	unsigned long long fd;

	if (option_number(where + 1, 0, INT_MAX, &fd, e) == -1)
		return husk_wrap(e, "Could not attach interface: %s", where);
	t->uplink.fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	if (t->uplink.fd == -1)
		return not_inherited(where, errno, e);
	return adopt(t, where, e);
}

int tap_adopt(struct uplink **u, const char *where, struct husk_error *e)
{
	struct tap *t = tap_new(&inherited, e);

	if (t == NULL)
		return -1;
	if (open_descriptor(t, where, e) == -1) {
		tap_close(&t->uplink);
		return -1;
	}
	*u = &t->uplink;
	return 0;
}
