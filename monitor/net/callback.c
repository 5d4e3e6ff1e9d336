/* SPDX-License-Identifier: ISC */
/* callback.c: frames of the guest are copied, so that they do not change while the program looks at them. */
#include "callback.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "datagram.h"
#include "given.h"
#include "netdev.h"

#define FRAME_MAX (UINT16_MAX + UPLINK_HEADER + UPLINK_TAGS)

struct callback {
	struct uplink uplink;	/* fd is that of frames, which owns it */
	const struct given_net *given;
	struct uplink *frames;	/* what comes; owned */
	uint8_t out[FRAME_MAX];
};

static enum uplink_result callback_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	struct uplink *frames = ((struct callback *)u)->frames;

	return frames->ops->read(frames, buffer, len);
}

/* A thread that is ended because it does not come back (io_thread.h) is not ended in there. */
static void hand_over(const struct given_net *given, const void *frame, size_t len)
{
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	given->send(given->ctx, frame, len);
	(void)pthread_setcancelstate(before, &before);
}

static enum uplink_result callback_write(struct uplink *u, struct iovec frame)
{
	struct callback *c = (struct callback *)u;

	if (frame.iov_len > sizeof c->out)
		return UPLINK_ERROR;
	memcpy(c->out, frame.iov_base, frame.iov_len);
	hand_over(c->given, c->out, frame.iov_len);
	return UPLINK_OK;
}

static void callback_confine(struct uplink *u, struct sandbox *s)
{
	const struct callback *c = (const struct callback *)u;

	uplink_confine(c->frames, s);
	sandbox_keep(s, c->given->program, SANDBOX_BOTH_WAYS);
}

static void callback_close(struct uplink *u)
{
	uplink_close(((struct callback *)u)->frames);
	u->fd = -1;
	uplink_free(u);
}

int callback_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = callback_read, .write = callback_write, .confine = callback_confine,
		.close = callback_close,
	};
	const unsigned mtu = rq->given->mtu;
	struct callback *c;
	int fd;

	if (mtu != 0 && (mtu < NETDEV_MTU_MIN || mtu > NETDEV_MTU_MAX))
		return husk_fail(e, HUSK_E_USAGE, "mtu of %u: must be from %u to %u, or 0", mtu,
				 NETDEV_MTU_MIN, NETDEV_MTU_MAX);
	c = uplink_new(sizeof *c, &ops, e);
	if (c == NULL)
		return -1;
	c->given = rq->given;
	fd = fcntl(c->given->device, F_DUPFD_CLOEXEC, 0);
	if (fd == -1)
		husk_fail_sys(e, errno, "network device");
	if (fd == -1 || datagram_adopt(&c->frames, rq, fd, e) == -1) {
		uplink_free(&c->uplink);
		return -1;
	}
	c->uplink.fd = c->frames->fd;
	c->uplink.mtu = mtu;
	*u = &c->uplink;
	return 0;
}
