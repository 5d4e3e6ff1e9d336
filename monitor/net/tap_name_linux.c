/* tap_name_linux.c: attaches to a tap interface by its name, and again after it has vanished. */
#include "tap_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

/* Something else in place of a name that a shell would not take for one word. */
static const char *word(const char *name)
{
	const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] != '-' && name[strspn(name, plain)] == '\0' ? name : "NAME";
}

int tap_attach_failed(const char *name, int sys, struct husk_error *e)
{
	const char *w = word(name);

	husk_fail_sys(e, sys, "Could not attach interface: %s", name);
	switch (sys) {
	case ENODEV:
	case ENXIO:
		return husk_hint(e, "no such interface; make it, as root: ip tuntap add %s mode "
				 "tap user %u && ip link set %s up", w, geteuid(), w);
	case ENETDOWN:
		return husk_hint(e, "it is not up: ip link set %s up", w);
	case EBUSY:
		return husk_hint(e, "busy: used by another process; stop that, or give another "
				 "interface");
	case EPERM:
		return husk_hint(e, "it belongs to another user; make it anew, as root: ip link "
				 "del %s && ip tuntap add %s mode tap user %u && ip link set %s up",
				 w, w, geteuid(), w);
	case EINVAL:
		return husk_hint(e, "it is not a tap interface; give one that `ip tuntap' lists");
	case ENOTTY:
		return husk_hint(e, TAP_DEVICE " is something else; make it anew, as root: rm " TAP_DEVICE
				 " && mknod -m 666 " TAP_DEVICE " c 10 200");
	}
	return -1;
}

static int open_failed(const char *name, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Could not attach interface: %s: " TAP_DEVICE, name);
	switch (sys) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return husk_hint(e, "there is no driver, or it is not seen here; as root: modprobe "
				 "tun; a container must be given the device");
	case EACCES:
	case EPERM:
		return husk_hint(e, "it must be open to this user; as root: chmod 666 " TAP_DEVICE
				 "; a container must be allowed it");
	}
	return -1;
}

/* Linux net/core/dev.c, dev_valid_name: names that no interface has. */
static int check_name(const char *name, struct husk_error *e)
{
	bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;

	if (strlen(name) >= IFNAMSIZ) {
		husk_fail_sys(e, ENAMETOOLONG, "Could not attach interface: %.60s%s", name,
			      strlen(name) > 60 ? "..." : "");
		return husk_hint(e, "a name has at most %u characters; give one that `ip link' "
				 "lists", IFNAMSIZ - 1);
	}
	if (!dots && name[strcspn(name, "/: \t\n\v\f\r\xa0")] == '\0')
		return 0;
	husk_fail_sys(e, ENODEV, "Could not attach interface: %s", name);
	return husk_hint(e, "no interface can have that name; give one that `ip link' lists");
}

static int check_up(const char *name, struct husk_error *e)
{
	struct ifreq ifr;

	if (check_name(name, e) == -1)
		return -1;
	if (tap_ask(&ifr, name, SIOCGIFFLAGS) == -1)
		return tap_attach_failed(name, errno, e);
	if ((ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == 0)
		return tap_attach_failed(name, ENETDOWN, e);
	return 0;
}

/*
 * With more queues in use than are ours, each would get some of the frames. The kernel refuses
 * that only for interfaces that were made for one.
 */
static int check_alone(const char *name, unsigned ours)
{
	struct link_facts facts;

	if (!link_learn(name, &facts) || facts.queues <= ours)
		return 0;
	errno = EBUSY;
	return -1;
}

/*
 * Without vnet header, whatever the interface was made with. One that was made for several queues
 * takes only attachments that say so. Of two that come at the same time, none may stay.
 */
static int attach_queue(int fd, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	if (errno != EINVAL || check_alone(name, 0) == -1)
		return -1;
	ifr.ifr_flags |= IFF_MULTI_QUEUE;
	return ioctl(fd, TUNSETIFF, &ifr) == -1 ? -1 : check_alone(name, 1);
}

/* Returns the descriptor. */
static int attach(const char *name, struct husk_error *e)
{
	int fd = open(TAP_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return open_failed(name, errno, e);
	if (attach_queue(fd, name) == 0) {
		tap_refuse_offloads(fd);
		return fd;
	}
	tap_attach_failed(name, errno, e);
	close(fd);
	return -1;
}

static int reattach(struct uplink *u)
{
	const struct tap *t = (struct tap *)u;
	int fd;
	struct husk_error ignored;

	if (check_up(t->name, &ignored) == -1)
		return -1;
	fd = attach(t->name, &ignored);
	if (fd == -1)
		return -1;
	close(u->fd);
	u->fd = fd;
	return 0;
}

static const struct uplink_ops named_tap = {
	.read = tap_read, .write = tap_write, .reattach = reattach, .close = tap_close,
};

int tap_attach(struct uplink **u, const char *name, struct husk_error *e)
{
	struct tap *t;

	if (check_up(name, e) == -1)
		return -1;
	t = tap_new(&named_tap, e);
	if (t == NULL)
		return -1;
	snprintf(t->name, sizeof t->name, "%s", name);
	t->uplink.fd = attach(name, e);
	if (t->uplink.fd == -1) {
		tap_close(&t->uplink);
		return -1;
	}
	t->uplink.mtu = tap_mtu(name);
	*u = &t->uplink;
	return 0;
}
