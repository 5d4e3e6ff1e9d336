/* SPDX-License-Identifier: ISC */
/* calls.c: the hypercalls that move frames. */
#include "net.h"

struct netdev *net_device_of(void *ctx, uint64_t handle)
{
	const struct net_module *s = ctx;
	struct net_device *d = device_set_find(&s->set, handle);

	return d == NULL ? NULL : &d->dev;
}

static bool has_thread(const struct net_module *s)
{
	return net_has_ring(s) || s->has_queues;
}

/* What the guest has submitted to the ring or to queues is served before what it asks for by hypercall. */
static int begin_call(struct net_module *s, struct husk_error *e)
{
	return has_thread(s) ? ring_thread_begin_call(&s->thread, e) : 0;
}

/* What is told of a call: the copy with its answer, and the length that the guest gave. */
struct told_call {
	struct hvt_net rq;
	uint64_t len;
};

static enum vmexit_result answer(struct net_module *s, gpa_t arg, struct hvt_net *rq, int ret,
				 struct husk_error *e)
{
	rq->ret = ret;
	if (MEMORY_PUT_FIELD(&s->core->memory, arg, struct hvt_net, ret, rq, e) == -1)
		return VMEXIT_FAIL;
	if (has_thread(s))
		ring_thread_end_call(&s->thread);
	return VMEXIT_RESUME;
}

static void keep_call(struct net_module *s, const struct hvt_net *rq, uint64_t len, int ret)
{
	struct told_call t = {*rq, len};

	t.rq.ret = ret;
	HYPERCALLS_KEEP(&s->core->hypercalls, &t);
}

static enum vmexit_result net_write(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct net_module *s = ctx;
	struct hvt_net rq;
	struct iovec frame;
	struct netdev *dev;
	int settled;

	if (begin_call(s, e) == -1 || MEMORY_GET(&s->core->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	dev = net_device_of(s, rq.handle);
	keep_call(s, &rq, rq.len, dev == NULL ? HVT_EINVAL : HVT_OK);
	if (dev == NULL)
		return answer(s, arg, &rq, HVT_EINVAL, e);
	if (memory_source(&s->core->memory, (gpa_t){rq.data}, rq.len, &frame, e) == -1) {
		husk_wrap_device(e, "network device", dev->name);
		return VMEXIT_FAIL;
	}
	settled = net_vhost_settle(device_set_find(&s->set, rq.handle), e);
	if (settled != 1)
		return settled == 0 ? VMEXIT_RETRY : VMEXIT_FAIL;
	netdev_send(dev, frame);
	return answer(s, arg, &rq, HVT_OK, e);
}

static enum vmexit_result net_read(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct net_module *s = ctx;
	const struct memory *m = &s->core->memory;
	struct hvt_net rq;
	struct iovec buffer;
	struct netdev *dev;
	size_t len = 0;
	uint64_t room;
	int ret;

	if (begin_call(s, e) == -1 || MEMORY_GET(m, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	dev = net_device_of(s, rq.handle);
	keep_call(s, &rq, rq.len, HVT_EINVAL);
	if (dev == NULL)
		return answer(s, arg, &rq, HVT_EINVAL, e);
	if (memory_sink(m, (gpa_t){rq.data}, rq.len, &buffer, e) == -1) {
		husk_wrap_device(e, "network device", dev->name);
		return VMEXIT_FAIL;
	}
	net_vhost_notice(device_set_find(&s->set, rq.handle));
	ret = (int)netdev_receive(dev, buffer, &len);
	room = rq.len;
	rq.len = len;
	keep_call(s, &rq, room, ret);
	if (ret == HVT_OK && MEMORY_PUT_FIELD(m, arg, struct hvt_net, len, &rq, e) == -1)
		return VMEXIT_FAIL;
	return answer(s, arg, &rq, ret, e);
}

static enum vmexit_result net_offloads(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct net_module *s = ctx;
	const struct memory *m = &s->core->memory;
	struct husk_net_offloads rq;

	if (MEMORY_GET(m, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	HYPERCALLS_KEEP(&s->core->hypercalls, &rq);
	if (net_queues_offload(s, &rq, e) == -1)
		return VMEXIT_FAIL;
	HYPERCALLS_KEEP(&s->core->hypercalls, &rq);
	return MEMORY_PUT_FIELD(m, arg, struct husk_net_offloads, granted, &rq, e) == -1 ||
	       MEMORY_PUT_FIELD(m, arg, struct husk_net_offloads, ret, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static void describe_offloads(const void *ctx, const void *copy, struct facts *f)
{
	const struct net_module *s = ctx;
	const struct husk_net_offloads *rq = copy;
	const struct net_device *d;

	if (rq == NULL)
		return;
	d = device_set_find(&s->set, rq->handle);
	facts_device(f, rq->handle, d == NULL ? NULL : d->dev.name);
	facts_address(f, "wanted", rq->wanted);
	facts_address(f, "granted", rq->granted);
	facts_result_word(f, rq->ret);
}

static void describe_call(const struct net_module *s, const struct told_call *t, struct facts *f)
{
	const struct net_device *d = device_set_find(&s->set, t->rq.handle);

	facts_device(f, t->rq.handle, d == NULL ? NULL : d->dev.name);
	facts_address(f, "data", t->rq.data);
	facts_number(f, "len", t->len);
	facts_result_word(f, t->rq.ret);
}

static void describe_write(const void *ctx, const void *copy, struct facts *f)
{
	if (copy != NULL)
		describe_call(ctx, copy, f);
}

static void describe_read(const void *ctx, const void *copy, struct facts *f)
{
	const struct told_call *t = copy;

	if (t == NULL)
		return;
	describe_call(ctx, t, f);
	if (t->rq.ret == HVT_OK)
		facts_number(f, "len", t->rq.len);
}

const struct module_call net_calls[NET_CALLS] = {
	{HVT_HYPERCALL_NET_WRITE, "net_write", net_write, describe_write},
	{HVT_HYPERCALL_NET_READ, "net_read", net_read, describe_read},
	{HUSK_HYPERCALL_NET_OFFLOADS, "net_offloads", net_offloads, describe_offloads},
};
