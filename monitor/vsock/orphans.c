/* SPDX-License-Identifier: ISC */
/* orphans.c: a ring of ports. */
#include "orphans.h"

#include <assert.h>

static struct vsock_orphan *at(struct vsock_orphans *o, unsigned i)
{
	return &o->ring[(o->first + i) % VSOCK_ORPHANS_MAX];
}

bool vsock_orphans_are_full(const struct vsock_orphans *o)
{
	return o->n == VSOCK_ORPHANS_MAX;
}

void vsock_orphans_add(struct vsock_orphans *o, const struct vsock_header *asked)
{
	assert(!vsock_orphans_are_full(o));
	*at(o, o->n++) = (struct vsock_orphan){asked->dst_port, asked->src_port, asked->type};
}

void vsock_orphans_forget(struct vsock_orphans *o, const struct vsock_header *asked)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < o->n; i++) {
		const struct vsock_orphan one = *at(o, i);

		if (one.host_port != asked->dst_port || one.guest_port != asked->src_port)
			*at(o, kept++) = one;
	}
	o->n = kept;
}

bool vsock_orphans_take(struct vsock_orphans *o, struct vsock_header *header, uint64_t guest_cid)
{
	const struct vsock_orphan *one = at(o, 0);

	if (o->n == 0)
		return false;
	*header = (struct vsock_header){
		.src_cid = VSOCK_CID_HOST, .dst_cid = guest_cid, .src_port = one->host_port,
		.dst_port = one->guest_port, .type = one->type, .op = VSOCK_OP_RST,
	};
	o->first = (o->first + 1) % VSOCK_ORPHANS_MAX;
	o->n--;
	return true;
}
