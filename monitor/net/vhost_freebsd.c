/* SPDX-License-Identifier: ISC */
/* vhost_freebsd.c: FreeBSD's kernel serves no queues. */
#include "vhost.h"

int vhost_open(struct vhost *v, const char *where, struct husk_error *e)
{
	*v = (struct vhost)VHOST_CLOSED;
	husk_fail(e, HUSK_E_HOST, "%s: FreeBSD has no vhost", where);
	return husk_hint(e, "leave --net-vhost out: husk serves the queues itself");
}

void vhost_close(struct vhost *v)
{
	*v = (struct vhost)VHOST_CLOSED;
}

int vhost_begin(struct vhost *v, const struct memory *m, int tap, unsigned header,
		struct husk_error *e)
{
	(void)v, (void)m, (void)tap, (void)header;
	return husk_fail(e, HUSK_E_HOST, "FreeBSD has no vhost");
}

int vhost_set_queue(struct vhost *v, unsigned index, const struct virtqueue *q, uint16_t base,
		    struct husk_error *e)
{
	(void)v, (void)index, (void)q, (void)base;
	return husk_fail(e, HUSK_E_HOST, "FreeBSD has no vhost");
}

int vhost_connect(struct vhost *v, unsigned index, int tap, struct husk_error *e)
{
	(void)v, (void)index, (void)tap;
	return husk_fail(e, HUSK_E_HOST, "FreeBSD has no vhost");
}

uint16_t vhost_disconnect(struct vhost *v, unsigned index)
{
	(void)v, (void)index;
	return 0;
}

void vhost_kick(const struct vhost *v, unsigned index)
{
	(void)v, (void)index;
}

unsigned vhost_look(const struct vhost *v)
{
	(void)v;
	return 0;
}

void vhost_forget_broken(const struct vhost *v)
{
	(void)v;
}

void vhost_watch_frames(struct vhost *v, bool watch)
{
	(void)v, (void)watch;
}

void vhost_confine(const struct vhost *v, unsigned n, struct sandbox *s)
{
	(void)v, (void)n, (void)s;
}
