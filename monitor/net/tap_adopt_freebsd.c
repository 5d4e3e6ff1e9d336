/* SPDX-License-Identifier: ISC */
/* tap_adopt_freebsd.c: takes over an inherited descriptor of a tap without changing its flags. */
#include "tap_freebsd.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <net/if_tap.h>

int tap_describe(int fd, unsigned *type, unsigned *mtu)
{
	struct tapinfo info;

	if (ioctl(fd, TAPGIFINFO, &info) == -1)
		return -1;
	*type = info.type;
	*mtu = info.mtu > 0 ? (unsigned)info.mtu : 0;
	return 0;
}

/*
 * Without a header in front, frames also have their checksums: the driver then offers no offloads.
 * Whoever hands the tap down gets its header back.
 */
static int set_prefix(int fd, int bytes)
{
	return ioctl(fd, TAPSVNETHDR, &bytes);
}

static void adopted_confine(struct uplink *u, struct sandbox *s)
{
	sandbox_keep(s, u->fd, SANDBOX_BOTH_WAYS);
	if (((const struct tap *)u)->prefix != 0)
		sandbox_allow_ioctl(s, u->fd, TAPSVNETHDR);
}

static void adopted_close(struct uplink *u)
{
	const struct tap *t = (struct tap *)u;

	if (t->prefix != 0)
		(void)set_prefix(u->fd, t->prefix);
	uplink_free(u);
}

static int adopt(struct tap *t, const struct uplink_request *rq, struct husk_error *e)
{
	int prefix = 0;
	unsigned type;

	if (tap_describe(t->uplink.fd, &type, &t->uplink.mtu) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", rq->where);
	if (type != TAP_TYPE)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is a tun "
				 "interface, not a tap; `ifconfig tap create' makes one",
				 rq->where);
	t->uplink.mtu_max = t->uplink.mtu;
	if (rq->look || ioctl(t->uplink.fd, TAPGVNETHDR, &prefix) == -1 || prefix == 0)
		return 0;
	if (set_prefix(t->uplink.fd, 0) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s: removing its "
				     "header of %d bytes", rq->where, prefix);
	t->prefix = prefix;
	return 0;
}

int tap_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = tap_read, .write = tap_write, .confine = adopted_confine,
		.close = adopted_close,
	};
	struct tap *t = uplink_new(sizeof *t, &ops, e);

	if (t == NULL) {
		close(fd);
		return -1;
	}
	t->shared = true;
	t->uplink.fd = fd;
	if (adopt(t, rq, e) == -1) {
		uplink_free(&t->uplink);
		return -1;
	}
	if (rq->look)
		uplink_look_only(&t->uplink);
	*u = &t->uplink;
	return 0;
}
