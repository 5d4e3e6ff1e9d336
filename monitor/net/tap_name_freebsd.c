/* SPDX-License-Identifier: ISC */
/* tap_name_freebsd.c: attaches to a tap interface by name: opening its node is the attachment. */
#include "tap_freebsd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <sys/sockio.h>

#define NODE_MAX (sizeof "/dev/" + IFNAMSIZ)

_Static_assert(IFNAMSIZ == 16, "messages have the number");

int tap_ask(struct ifreq *ifr, const char *name, unsigned long request)
{
	int fd = socket(AF_LOCAL, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, saved;

	*ifr = (struct ifreq){0};
	snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", name);
	rc = fd == -1 ? -1 : ioctl(fd, request, ifr);
	saved = errno;
	if (fd != -1)
		close(fd);
	errno = saved;
	return rc;
}

/* The name, or a placeholder if a shell would not take it as one word. */
static const char *word(const char *name)
{
	const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] != '-' && name[strspn(name, plain)] == '\0' ? name : "NAME";
}

/* tap0, tap1 and so on: names that the driver gives. */
static bool is_unit(const char *name)
{
	const char *unit = name + strlen("tap");

	return strncmp(name, "tap", strlen("tap")) == 0 && unit[0] != '\0' &&
	       unit[strspn(unit, "0123456789")] == '\0';
}

static int attach_failed(const char *name, int sys, struct husk_error *e)
{
	const char *w = word(name);

	husk_fail_sys(e, sys, "Could not attach interface: %s", name);
	switch (sys) {
	case ENXIO:
		return is_unit(name) ? husk_hint(e, "make it, as root: ifconfig %s create", name) :
		       husk_hint(e, "make it, as root: ifconfig tap create name %s", w);
	case ENOENT:
		return husk_hint(e, "it has no node in /dev, so it is no tap, or this jail does not "
				 "see it; make one, as root: ifconfig tap create");
	case EBUSY:
		return husk_hint(e, "used by another process; stop that, or give another interface");
	case EACCES:
		return husk_hint(e, "its node must be open to this user; as root: chown %u /dev/%s",
				 geteuid(), w);
	case EPERM:
		return husk_hint(e, "only root may open taps unless, as root: sysctl "
				 "net.link.tap.user_open=1");
	case EPROTOTYPE:
		return husk_hint(e, "it is a tun interface, which carries no Ethernet frames; make a "
				 "tap, as root: ifconfig tap create");
	}
	return -1;
}

static int check_name(const char *name, struct husk_error *e)
{
	if (strchr(name, '/') != NULL) {
		husk_fail_sys(e, ENXIO, "Could not attach interface: %.100s%s", name,
			      strlen(name) > 100 ? "..." : "");
		return husk_hint(e, "no interface can have that name; a socket is given as "
				 "unix:PATH");
	}
	if (strlen(name) >= IFNAMSIZ) {
		husk_fail_sys(e, ENAMETOOLONG, "Could not attach interface: %.60s%s", name,
			      strlen(name) > 60 ? "..." : "");
		return husk_hint(e, "a name has at most %d characters; give one that `ifconfig -l' "
				 "lists", IFNAMSIZ - 1);
	}
	if (name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return 0;
	husk_fail_sys(e, ENXIO, "Could not attach interface: %s", name);
	return husk_hint(e, "no interface can have that name; give one that `ifconfig -l' lists");
}

/* -1 if there is no such interface. */
static int index_of(const char *name)
{
	struct ifreq ifr;

	return tap_ask(&ifr, name, SIOCGIFINDEX) == -1 ? -1 : ifr.ifr_index;
}

/*
 * Opening a node makes an interface if there is none, for whoever may. before is the index of the
 * one that was meant.
 */
static int check_opened(struct tap *t, const char *name, int before)
{
	struct ifreq ifr;
	unsigned type;

	if (tap_describe(t->uplink.fd, &type, &t->uplink.mtu) == -1) {
		errno = errno == ENOTTY ? ENOENT : errno;
		return -1;
	}
	t->uplink.mtu_max = t->uplink.mtu;
	if (index_of(name) != before) {
		close(t->uplink.fd);
		t->uplink.fd = -1;
		(void)tap_ask(&ifr, name, SIOCIFDESTROY);
		errno = ENXIO;
		return -1;
	}
	if (type == TAP_TYPE)
		return 0;
	errno = EPROTOTYPE;
	return -1;
}

static int open_node(struct tap *t, const char *name, int before)
{
	char node[NODE_MAX];

	snprintf(node, sizeof node, "/dev/%s", name);
	t->uplink.fd = open(node, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return t->uplink.fd == -1 ? -1 : check_opened(t, name, before);
}

/* tap(4): whether users may open taps whose nodes they can. */
static bool user_may_open(void)
{
	int yes = 0;
	size_t size = sizeof yes;

	return sysctlbyname("net.link.tap.user_open", &yes, &size, NULL, 0) == -1 || yes != 0;
}

/*
 * What opening would fail with, 0 for nothing. It is not tried: closing the node again would take
 * the interface down and its addresses away. It is RUNNING while a process has it open.
 */
static int predict_open(const char *name)
{
	char node[NODE_MAX];
	struct ifreq ifr;
	struct stat st;

	snprintf(node, sizeof node, "/dev/%s", name);
	if (tap_ask(&ifr, name, SIOCGIFFLAGS) == -1)
		return errno;
	if (stat(node, &st) == -1 || !S_ISCHR(st.st_mode))
		return ENOENT;
	if ((ifr.ifr_flags & IFF_BROADCAST) == 0)
		return EPROTOTYPE;
	if ((ifr.ifr_flags & IFF_DRV_RUNNING) != 0)
		return EBUSY;
	if (eaccess(node, R_OK | W_OK) == -1)
		return errno;
	return geteuid() == 0 || user_may_open() ? 0 : EPERM;
}

static int look_at(struct tap *t, const char *name, struct husk_error *e)
{
	const int sys = predict_open(name);
	struct ifreq ifr;

	if (sys != 0)
		return attach_failed(name, sys, e);
	t->uplink.mtu_hidden = tap_ask(&ifr, name, SIOCGIFMTU) == -1 || ifr.ifr_mtu <= 0;
	if (!t->uplink.mtu_hidden)
		t->uplink.mtu = t->uplink.mtu_max = (unsigned)ifr.ifr_mtu;
	uplink_look_only(&t->uplink);
	return 0;
}

/* Opening a tun would have effects on it as well. */
static int attach(struct tap *t, const char *name, struct husk_error *e)
{
	const int before = index_of(name);
	struct ifreq ifr;

	if (before == -1 || tap_ask(&ifr, name, SIOCGIFFLAGS) == -1)
		return attach_failed(name, errno, e);
	if ((ifr.ifr_flags & IFF_BROADCAST) == 0)
		return attach_failed(name, EPROTOTYPE, e);
	return open_node(t, name, before) == -1 ? attach_failed(name, errno, e) : 0;
}

/* An interface that is down may come up later; one that is attached cannot vanish. */
int tap_attach(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = tap_read, .write = tap_write, .close = uplink_free,
	};
	struct tap *t;

	if (check_name(rq->where, e) == -1)
		return -1;
	t = uplink_new(sizeof *t, &ops, e);
	if (t == NULL)
		return -1;
	if ((rq->look ? look_at(t, rq->where, e) : attach(t, rq->where, e)) == -1) {
		uplink_free(&t->uplink);
		return -1;
	}
	*u = &t->uplink;
	return 0;
}
