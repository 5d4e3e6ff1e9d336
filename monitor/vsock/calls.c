/* SPDX-License-Identifier: ISC */
/* calls.c: puts off calls of the guest while bulk data comes. */
#include "calls.h"

#define VAIN_MAX 6u

/* Of what comes from here on the guest knows nothing. */
static void begin_anew(struct vsock_calls *c)
{
	c->asked = c->urgent = false;
	c->bytes = c->known = 0;
}

static bool call(struct vsock_calls *c)
{
	begin_anew(c);
	return true;
}

/* Whether it was right to put a call off. */
static void learn(struct vsock_calls *c, bool more_came)
{
	c->vain = more_came ? 0 : c->vain < VAIN_MAX ? (uint8_t)(c->vain + 1) : VAIN_MAX;
	c->at_once = (uint8_t)((1u << c->vain) - 1);
}

void vsock_calls_packet(struct vsock_calls *c, uint32_t bytes, bool can_wait)
{
	c->urgent |= !can_wait;
	c->bytes += bytes;
}

bool vsock_calls_publish(struct vsock_calls *c, bool asks, bool bulk)
{
	c->asked |= asks;
	c->urgent |= asks && !bulk;
	if (c->asked && (c->urgent || c->bytes >= VSOCK_BULK_MAX)) {
		if (c->known > 0)
			learn(c, c->bytes > c->known);
		return call(c);
	}
	if (!c->asked)			/* it is awake, and sees what has come */
		begin_anew(c);
	return false;
}

static bool may_put_off(struct vsock_calls *c)
{
	if (c->bytes < VSOCK_BULK_MIN)
		return false;
	if (c->at_once == 0)
		return true;
	c->at_once--;
	return false;
}

bool vsock_calls_rest(struct vsock_calls *c, uint64_t began, uint64_t now)
{
	const bool is_put_off = c->known > 0, more = c->bytes > c->known;

	if (!c->asked)
		return false;
	if (!is_put_off && !may_put_off(c))
		return call(c);
	if (!more && now < c->until)
		return false;
	if (is_put_off)
		learn(c, more);
	if (!more || now == began)
		return call(c);
	c->known = c->bytes;
	c->until = now + (now - began);
	return false;
}

uint64_t vsock_calls_deadline(const struct vsock_calls *c)
{
	return c->asked && c->known > 0 ? c->until : VSOCK_CALL_NEVER;
}
