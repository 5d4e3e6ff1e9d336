/* SPDX-License-Identifier: ISC */
/* tap_name_linux.c: attaches to a tap interface by name, and reattaches after it has vanished. */
#include "tap_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "link.h"

/* What the kernel is asked by address, each where the sandbox will look for it. */
struct tap_questions {
	_Alignas(SEALED_ALIGN) struct ifreq single;	/* TUNSETIFF */
	_Alignas(SEALED_ALIGN) struct ifreq multi;	/* of one that was created with multi_queue */
	_Alignas(SEALED_ALIGN) int header;		/* TUNSETVNETHDRSZ; 0: it has none */
};

_Static_assert(IFNAMSIZ == 16, "messages have the number");

/* The name, or a placeholder if a shell would not take it as one word. */
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
		return husk_hint(e, "make it, as root: ip tuntap add %s mode "
				 "tap user %u && ip link set %s up", w, geteuid(), w);
	case ENETDOWN:
		return husk_hint(e, "it is not up: ip link set %s up", w);
	case EBUSY:
		return husk_hint(e, "used by another process; stop that, or give another interface");
	case EPERM:
		return husk_hint(e, "it belongs to another user; make it anew, as root: ip link "
				 "del %s && ip tuntap add %s mode tap user %u && ip link set %s up",
				 w, w, geteuid(), w);
	case EINVAL:
		return husk_hint(e, "it is not a tap interface; make one, as root: ip tuntap add "
				 "NAME mode tap user %u && ip link set NAME up", geteuid());
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

/* Linux net/core/dev.c, dev_valid_name: refuses names that no interface can have. */
static int check_name(const char *name, struct husk_error *e)
{
	bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;

	if (strchr(name, '/') != NULL) {
		husk_fail_sys(e, ENODEV, "Could not attach interface: %.100s%s", name,
			      strlen(name) > 100 ? "..." : "");
		return husk_hint(e, "no interface can have that name; a socket is given as "
				 "unix:PATH");
	}
	if (strlen(name) >= IFNAMSIZ) {
		husk_fail_sys(e, ENAMETOOLONG, "Could not attach interface: %.60s%s", name,
			      strlen(name) > 60 ? "..." : "");
		return husk_hint(e, "a name has at most %u characters; give one that `ip link' "
				 "lists", IFNAMSIZ - 1);
	}
	if (!dots && name[strcspn(name, ": \t\n\v\f\r\xa0")] == '\0')
		return 0;
	husk_fail_sys(e, ENODEV, "Could not attach interface: %s", name);
	return husk_hint(e, "no interface can have that name; give one that `ip link' lists");
}

static int tun_failed(const char *name, struct husk_error *e)
{
	const char *w = word(name);

	husk_fail_sys(e, EINVAL, "Could not attach interface: %s", name);
	return husk_hint(e, "it is a tun interface, which carries no Ethernet frames; make it anew, "
			 "as root: ip link del %s && ip tuntap add %s mode tap user %u && ip link "
			 "set %s up", w, w, geteuid(), w);
}

/*
 * The error of TUNSETIFF, tried or predicted. The kernel has one errno for everything that is no
 * tap.
 */
static int refused(const char *name, int sys, struct husk_error *e)
{
	struct link_facts facts;

	if (sys == EINVAL && link_learn(name, &facts) && facts.type == LINK_TUN)
		return tun_failed(name, e);
	return tap_attach_failed(name, sys, e);
}

static int index_of(int control, const char *name)
{
	struct ifreq ifr;

	return tap_ask(control, &ifr, name, SIOCGIFINDEX) == -1 ? -1 : ifr.ifr_ifindex;
}

static int check_up(int control, const char *name, struct husk_error *e)
{
	struct ifreq ifr;

	if (tap_ask(control, &ifr, name, SIOCGIFFLAGS) == -1)
		return tap_attach_failed(name, errno, e);
	if ((ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == 0)
		return tap_attach_failed(name, ENETDOWN, e);
	return 0;
}

/*
 * With more queues attached than ours, each would get some of the frames. The kernel refuses that
 * only for interfaces without multi_queue.
 */
static int check_alone(const char *name, unsigned ours)
{
	struct link_facts facts;

	if (!link_learn(name, &facts) || facts.queues <= ours)
		return 0;
	errno = EBUSY;
	return -1;
}

/* With a vnet header or without, whatever the interface was created with. */
static struct tap_questions prepare(const char *name, bool header)
{
	struct tap_questions q = {.header = header ? TAP_HEADER : 0};

	q.single.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (header ? IFF_VNET_HDR : 0));
	memcpy(q.single.ifr_name, name, strlen(name) + 1);
	q.multi = q.single;
	q.multi.ifr_flags |= IFF_MULTI_QUEUE;
	return q;
}

/*
 * The kernel writes its answer over the request. Sealed memory makes that EFAULT, after everything
 * is done. EEXIST: it was done before.
 */
static int set_interface(int fd, const struct ifreq *rq)
{
	return ioctl(fd, TUNSETIFF, rq) == 0 || errno == EFAULT || errno == EEXIST ? 0 : -1;
}

/* The size is the interface's, and may be another user's. */
static int set_header(int fd, const struct tap_questions *q)
{
	return q->header == 0 ? 0 : ioctl(fd, TUNSETVNETHDRSZ, &q->header);
}

/*
 * An interface with multi_queue takes only requests with that flag. If two processes attach at the
 * same time, neither may stay.
 */
static int attach_queue(int fd, const char *name, const struct tap_questions *q)
{
	if (set_interface(fd, &q->single) == 0)
		return set_header(fd, q);
	if (errno != EINVAL || check_alone(name, 0) == -1)
		return -1;
	if (set_interface(fd, &q->multi) == -1 || check_alone(name, 1) == -1)
		return -1;
	return set_header(fd, q);
}

/*
 * With CAP_NET_ADMIN the kernel creates an interface if there is none of that name, and removes it
 * when the descriptor is closed. before is the index of the interface that was meant.
 */
static bool is_new_interface(int fd, int control, const char *name, int before)
{
	struct ifreq ifr = {0};

	return ioctl(fd, TUNGETIFF, &ifr) == 0 && (ifr.ifr_flags & IFF_PERSIST) == 0 &&
	       index_of(control, name) != before;
}

static int open_device(const char *name, struct husk_error *e)
{
	int fd = open(TAP_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd == -1 ? open_failed(name, errno, e) : fd;
}

/* Returns the descriptor. */
static int attach(int control, const char *name, const struct tap_questions *q,
		  struct husk_error *e)
{
	int before = index_of(control, name), fd = open_device(name, e), sys;

	if (fd == -1)
		return -1;
	sys = attach_queue(fd, name, q) == -1 ? errno :
	      is_new_interface(fd, control, name, before) ? ENODEV : 0;
	if (sys == 0) {
		tap_refuse_offloads(fd);
		return fd;
	}
	close(fd);
	return refused(name, sys, e);
}

/* capabilities(7): whether the kernel may create interfaces for this thread. */
static bool may_make_interfaces(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &head, sets) == -1 ||
	       (sets[0].effective & 1u << CAP_NET_ADMIN) != 0;
}

/* Linux drivers/net/tun.c, tun_not_capable: whether this user may attach. */
static bool is_ours(const struct link_facts *facts)
{
	gid_t groups[64];
	int n = getgroups(sizeof groups / sizeof groups[0], groups);
	/* In more groups than there is room for: this one may be among them. */
	bool member = n == -1 || facts->group == LINK_ANYONE || facts->group == getegid();

	for (int i = 0; i < n; i++)
		member = member || groups[i] == facts->group;
	return member && (facts->owner == LINK_ANYONE || facts->owner == geteuid());
}

/*
 * What TUNSETIFF would fail with, 0 for nothing. A single-queue tap has a carrier while a process
 * is attached to it.
 */
static int predict_attach(const char *name)
{
	struct link_facts facts;

	if (!link_learn(name, &facts) || facts.type == LINK_TUN_OR_TAP)
		return 0;
	if (facts.type != LINK_TAP)
		return EINVAL;
	if (facts.multi_queue ? facts.queues > 0 : facts.carrier)
		return EBUSY;
	return is_ours(&facts) || may_make_interfaces() ? 0 : EPERM;
}

/* Does not attach: that would switch the carrier, which is visible to others. */
static int probe_tap(const char *name, struct husk_error *e)
{
	int fd = open_device(name, e), sys;

	if (fd == -1)
		return -1;
	close(fd);
	sys = predict_attach(name);
	return sys == 0 ? 0 : refused(name, sys, e);
}

static int open_again(struct uplink *u)
{
	if (u->fd == -1 && !((struct tap *)u)->confined)
		u->fd = open(TAP_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return u->fd == -1 ? -1 : 0;
}

/*
 * Removes an interface that is_new_interface has found: it goes with its descriptor. In the sandbox
 * there is no other, and the device is down from then on.
 */
static void undo(struct uplink *u)
{
	close(u->fd);
	u->fd = -1;
	(void)open_again(u);
}

static int attach_again(const struct tap *t)
{
	const int fd = t->uplink.fd;

	if (set_interface(fd, &t->again->single) == -1 &&
	    (errno != EINVAL || set_interface(fd, &t->again->multi) == -1))
		return -1;
	(void)ioctl(fd, TUNSETOFFLOAD, (unsigned long)t->offloads);
	return set_header(fd, t->again);
}

/*
 * Opens nothing: one call on the old descriptor, which the kernel has detached from the interface
 * that is gone. With CAP_NET_ADMIN the name is looked up first, as the kernel would create an
 * interface otherwise.
 */
static int reattach(struct uplink *u)
{
	const struct tap *t = (struct tap *)u;
	int before = t->control == -1 ? 0 : index_of(t->control, t->name);

	if (before == -1 || open_again(u) == -1 || attach_again(t) == -1)
		return -1;
	if (t->control == -1 || !is_new_interface(u->fd, t->control, t->name, before))
		return 0;
	undo(u);
	return -1;
}

static void forget_control(struct tap *t)
{
	if (t->control != -1)
		close(t->control);
	t->control = -1;
}

static void named_close(struct uplink *u)
{
	forget_control((struct tap *)u);
	uplink_free(u);
}

/* Without CAP_NET_ADMIN, which may be gone by now, nothing is looked up. */
static void named_confine(struct uplink *u, struct sandbox *s)
{
	struct tap *t = (struct tap *)u;

	t->confined = true;
	sandbox_keep(s, u->fd, SANDBOX_BOTH_WAYS);
	s->values[SANDBOX_OFFLOADS] = TUNSETOFFLOAD;
	if (u->header != 0)
		s->values[SANDBOX_HEADER] = TUNSETVNETHDRSZ;
	if (t->control == -1)
		return;
	if (!may_make_interfaces()) {
		forget_control(t);
		return;
	}
	sandbox_keep(s, t->control, 0);
	s->values[SANDBOX_ASK_INDEX] = SIOCGIFINDEX;
	s->values[SANDBOX_ASK_TAP] = TUNGETIFF;
}

static const struct uplink_ops named_tap = {
	.read = tap_read, .write = tap_write, .reattach = reattach, .confine = named_confine,
	.carry_header = tap_carry_header, .read_parts = tap_read_parts, .write_parts = tap_write_parts,
	.offload = tap_offload, .vhost_header = tap_vhost_header, .close = named_close,
};

static void learn_mtu(struct tap *t)
{
	struct ifreq ifr;

	t->uplink.mtu_hidden = tap_ask(t->control, &ifr, t->name, SIOCGIFMTU) == -1 ||
			       ifr.ifr_mtu <= 0;
	if (!t->uplink.mtu_hidden)
		t->uplink.mtu = t->uplink.mtu_max = (unsigned)ifr.ifr_mtu;
}

static int open_named(struct tap *t, const struct uplink_request *rq, struct husk_error *e)
{
	const struct tap_questions questions = prepare(t->name, rq->header);
	void *again;

	t->control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->control == -1)
		return tap_attach_failed(t->name, errno, e);
	if (check_up(t->control, t->name, e) == -1)
		return -1;
	learn_mtu(t);
	if (rq->look)
		return probe_tap(t->name, e);
	if (sealed_put(rq->sealed, &questions, sizeof questions, &again, e) == -1)
		return -1;
	t->again = again;
	t->prefix = t->uplink.header = (unsigned)questions.header;
	t->uplink.fd = attach(t->control, t->name, &questions, e);
	return t->uplink.fd == -1 ? -1 : 0;
}

int tap_attach(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	struct tap *t;

	if (check_name(rq->where, e) == -1)
		return -1;
	t = uplink_new(sizeof *t, &named_tap, e);
	if (t == NULL)
		return -1;
	t->control = -1;
	t->uplink.tap = true;
	snprintf(t->name, sizeof t->name, "%s", rq->where);
	if (open_named(t, rq, e) == -1) {
		named_close(&t->uplink);
		return -1;
	}
	t->uplink.privileged = may_make_interfaces();
	if (rq->look || !t->uplink.privileged)
		forget_control(t);
	if (rq->look)
		uplink_look_only(&t->uplink);
	*u = &t->uplink;
	return 0;
}
