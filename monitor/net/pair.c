/* SPDX-License-Identifier: ISC */
/* pair.c: frames come by one uplink and go by another. */
#include "pair.h"

#include <string.h>

#include "adopt.h"

struct pair {
	struct uplink uplink;		/* fd is that of in, which owns it; -1: nothing comes any more */
	struct uplink *in, *out;	/* owned */
};

bool pair_is_meant(const char *where)
{
	return where[0] == '@' && strchr(where, ',') != NULL;
}

const char *pair_in(const char *where, char *text)
{
	const size_t len = strcspn(where, ",");

	if (!pair_is_meant(where) || len >= PAIR_TEXT)
		return where;
	memcpy(text, where, len);
	text[len] = '\0';
	return text;
}

/* Who sends no more may receive still. */
static enum uplink_result pair_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	struct uplink *in = ((struct pair *)u)->in;
	enum uplink_result r;

	if (u->fd == -1)
		return UPLINK_AGAIN;
	r = in->ops->read(in, buffer, len);
	u->fd = r == UPLINK_GONE ? -1 : in->fd;
	return r == UPLINK_GONE ? UPLINK_AGAIN : r;
}

static enum uplink_result pair_write(struct uplink *u, struct iovec frame)
{
	struct uplink *out = ((struct pair *)u)->out;

	return out->ops->write(out, frame);
}

static void pair_confine(struct uplink *u, struct sandbox *s)
{
	const struct pair *p = (const struct pair *)u;

	uplink_confine(p->in, s);
	uplink_confine(p->out, s);
}

static void pair_close(struct uplink *u)
{
	const struct pair *p = (const struct pair *)u;

	uplink_close(p->in);
	uplink_close(p->out);
	u->fd = -1;
	uplink_free(u);
}

/* 0 is no limit. */
static unsigned least(unsigned a, unsigned b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static int open_ends(struct pair *p, const struct uplink_request *rq, struct husk_error *e)
{
	const char *out = strchr(rq->where, ',') + 1;
	struct uplink_request one = *rq;
	char text[PAIR_TEXT];

	if (out[0] != '@')
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it needs the numbers of "
				 "two open descriptors: @IN,@OUT", rq->where);
	one.where = pair_in(rq->where, text);
	if (adopt_one_way(&p->in, &one, true, e) == -1)
		return -1;
	one.where = out;
	return adopt_one_way(&p->out, &one, false, e);
}

int pair_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = pair_read, .write = pair_write, .confine = pair_confine, .close = pair_close,
	};
	struct pair *p = uplink_new(sizeof *p, &ops, e);

	if (p == NULL)
		return -1;
	if (open_ends(p, rq, e) == -1) {
		pair_close(&p->uplink);
		return -1;
	}
	p->uplink.fd = p->in->fd;
	p->uplink.mtu = least(p->in->mtu, p->out->mtu);
	p->uplink.mtu_max = least(p->in->mtu_max, p->out->mtu_max);
	*u = &p->uplink;
	return 0;
}
