/* SPDX-License-Identifier: ISC */
/* uplink.c: opens the kind of uplink that the value of --net asks for. */
#include "uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt.h"
#include "callback.h"
#include "pair.h"
#include "stream.h"
#include "tap.h"

#define UNIX "unix:"
#define STREAM "stream:"

/* What follows the prefix, or NULL. */
static const char *after_prefix(const char *where, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(where, prefix, len) == 0 ? where + len : NULL;
}

/* A colon tells the other kinds from names of interfaces, which have none. */
int uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	*u = NULL;
	if (rq->given != NULL)
		return callback_open(u, rq, e);
	if (after_prefix(rq->where, UNIX) != NULL)
		return stream_connect(u, rq, after_prefix(rq->where, UNIX), e);
	if (after_prefix(rq->where, STREAM) != NULL)
		return adopt_stream(u, rq, after_prefix(rq->where, STREAM), e);
	if (pair_is_meant(rq->where))
		return pair_open(u, rq, e);
	return rq->where[0] == '@' ? adopt_frames(u, rq, e) : tap_attach(u, rq, e);
}

void uplink_close(struct uplink *u)
{
	if (u != NULL)
		u->ops->close(u);
}

/* Connections to one socket path are separate. Of a pair counts who takes frames away from whom. */
bool uplink_same(const char *where, const char *other)
{
	char text[PAIR_TEXT], other_text[PAIR_TEXT];

	where = pair_in(where, text);
	other = pair_in(other, other_text);
	if (after_prefix(where, UNIX) != NULL || after_prefix(other, UNIX) != NULL)
		return false;
	if (after_prefix(where, STREAM) != NULL)
		where = after_prefix(where, STREAM);
	if (after_prefix(other, STREAM) != NULL)
		other = after_prefix(other, STREAM);
	if (strcmp(where, other) == 0)
		return true;
	return (where[0] == '@' || other[0] == '@') && tap_same(where, other);
}

void *uplink_new(size_t size, const struct uplink_ops *ops, struct husk_error *e)
{
	struct uplink *u = calloc(1, size);

	if (u == NULL)
		husk_fail_sys(e, ENOMEM, "network device");
	else
		*u = (struct uplink){.ops = ops, .fd = -1};
	return u;
}

void uplink_free(struct uplink *u)
{
	if (u->fd != -1)
		close(u->fd);
	free(u);
}

static enum uplink_result read_none(struct uplink *u, struct iovec buffer, size_t *len)
{
	(void)u, (void)buffer, (void)len;
	return UPLINK_AGAIN;
}

static enum uplink_result write_none(struct uplink *u, struct iovec frame)
{
	(void)u, (void)frame;
	return UPLINK_DOWN;
}

void uplink_look_only(struct uplink *u)
{
	static const struct uplink_ops none = {
		.read = read_none, .write = write_none, .close = uplink_free,
	};

	if (u->fd != -1)
		close(u->fd);
	u->fd = -1;
	u->ops = &none;
}

void uplink_limit(const struct uplink *u, struct sandbox *s)
{
	if (u->privileged)
		sandbox_will_attach(s);
}

void uplink_confine(struct uplink *u, struct sandbox *s)
{
	if (u->ops->confine != NULL)
		u->ops->confine(u, s);
	else
		sandbox_keep(s, u->fd, SANDBOX_BOTH_WAYS);
}
