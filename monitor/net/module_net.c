/* SPDX-License-Identifier: ISC */
/* module_net.c: network devices: --net, the hypercalls that move frames, and the shared ring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "device_set.h"
#include "module.h"
#include "netdev.h"
#include "ring_thread.h"
#include "sandbox.h"
#include "sealed.h"

struct net_module;

struct net_device {
	struct set_device is;
	struct net_module *module;
	struct netdev dev;
};

struct net_module {
	struct core *core;
	struct device_set set;		/* of struct net_device */
	struct sealed sealed;		/* what their uplinks need to reattach */
	unsigned n_sources;		/* devices whose events are registered */
	bool want_ring;
	struct ring ring;
	struct ring_thread thread;
	struct device_resource doorbell;
	uint32_t doorbell_id;		/* 0: there is no ring */
	unsigned client;		/* of the run loop, while there is a ring */
	uint64_t kicks;
	uint64_t told_out, told_in;	/* of the ring's counts, to who looks on */
};

static struct netdev *device_of(void *ctx, uint64_t handle)
{
	const struct net_module *s = ctx;
	struct net_device *d = device_set_find(&s->set, handle);

	return d == NULL ? NULL : &d->dev;
}

static bool has_ring(const struct net_module *s)
{
	return s->doorbell_id != 0;
}

static int drain(struct net_module *s, struct husk_error *e)
{
	return has_ring(s) ? ring_thread_drain(&s->thread, e) : 0;
}

/* What the guest has submitted to the ring is served before what it asks for by hypercall. */
static int begin_call(struct net_module *s, struct husk_error *e)
{
	return has_ring(s) ? ring_thread_begin_call(&s->thread, e) : 0;
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
	if (has_ring(s))
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

	if (begin_call(s, e) == -1 || MEMORY_GET(&s->core->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	dev = device_of(s, rq.handle);
	keep_call(s, &rq, rq.len, dev == NULL ? HVT_EINVAL : HVT_OK);
	if (dev == NULL)
		return answer(s, arg, &rq, HVT_EINVAL, e);
	if (memory_source(&s->core->memory, (gpa_t){rq.data}, rq.len, &frame, e) == -1) {
		husk_wrap_device(e, "network device", dev->name);
		return VMEXIT_FAIL;
	}
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
	dev = device_of(s, rq.handle);
	keep_call(s, &rq, rq.len, HVT_EINVAL);
	if (dev == NULL)
		return answer(s, arg, &rq, HVT_EINVAL, e);
	if (memory_sink(m, (gpa_t){rq.data}, rq.len, &buffer, e) == -1) {
		husk_wrap_device(e, "network device", dev->name);
		return VMEXIT_FAIL;
	}
	ret = (int)netdev_receive(dev, buffer, &len);
	room = rq.len;
	rq.len = len;
	keep_call(s, &rq, room, ret);
	if (ret == HVT_OK && MEMORY_PUT_FIELD(m, arg, struct hvt_net, len, &rq, e) == -1)
		return VMEXIT_FAIL;
	return answer(s, arg, &rq, ret, e);
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

static const struct option options[] = {
	{.name = "net", .form = OPTION_DEVICE, .value = "IFACE", .attaches = true,
	 .help = "attach a tap to NAME; or @FD, unix:PATH, stream:@FD"},
	{.name = "net-mac", .form = OPTION_DEVICE, .value = "MAC", .check = net_check_mac,
	 .help = "hardware address of NAME (default: a random one)"},
	{.name = "net-mtu", .form = OPTION_DEVICE, .value = "N", .check = net_check_mtu,
	 .help = "MTU of NAME (default: what it is attached to has, else 1500)"},
	{.name = "no-net-ring", .form = OPTION_FLAG,
	 .help = "offer no shared ring: every frame is a hypercall"},
};
#define N_OPTIONS (sizeof options / sizeof options[0])

/*
 * Two devices on one interface would take each other's frames. Checked before any is opened, and by
 * --check.
 */
static int check_shared(const struct settings *settings, const struct setting *how,
			struct husk_error *e)
{
	for (size_t i = 0; i < settings->n; i++) {
		const struct setting *other = &settings->list[i];

		if (other->option == how->option && strcmp(other->device, how->device) != 0 &&
		    uplink_same(other->value, how->value) &&
		    settings_attaching(settings, options, N_OPTIONS, other->device) == other)
			return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: devices "
					 "%s and %s cannot share it; make one for each", how->value,
					 how->device, other->device);
	}
	return 0;
}

/* What opening a device takes. */
struct opening {
	struct net_module *module;
	const struct settings *settings;
};

static int open_device(void *ctx, void *dev, struct mft_entry *entry, struct husk_error *e)
{
	const struct opening *o = ctx;
	struct net_device *d = dev;
	const struct setting *how = settings_attaching(o->settings, options, N_OPTIONS, entry->name);
	const struct uplink_request rq = {
		.where = how->value, .given = how->given, .look = o->settings->look,
		.sealed = &o->module->sealed,
	};
	unsigned mtu;

	d->module = o->module;
	entry->u.net = (struct mft_net){0};
	if (net_choose_mac(o->settings, entry->name, entry->u.net.mac, e) == -1 ||
	    net_choose_mtu(o->settings, entry->name, &mtu, e) == -1 ||
	    check_shared(o->settings, how, e) == -1)
		return -1;
	if (netdev_open(&d->dev, entry->name, &rq, mtu, e) == -1)
		return husk_wrap_device(e, "device", entry->name);
	entry->u.net.mtu = (uint16_t)d->dev.mtu;
	return 0;
}

static void close_device(void *dev)
{
	struct net_device *d = dev;

	netdev_close(&d->dev);
}

static const struct device_set_ops device_ops = {open_device, close_device};

static void net_close(void *state)
{
	struct net_module *s = state;

	device_set_close(&s->set, &device_ops);
	sealed_free(&s->sealed);
	free(s);
}

static int net_open(void **state, const struct settings *settings, struct manifest *mft,
		    struct husk_error *e)
{
	struct net_module *s = calloc(1, sizeof *s);
	struct opening o = {s, settings};

	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module net");
	if (device_set_open(&s->set, &device_ops, &o, mft, MFT_DEV_NET_BASIC,
			    sizeof(struct net_device), e) == -1 ||
	    sealed_protect(&s->sealed, e) == -1) {
		net_close(s);
		return -1;
	}
	s->want_ring = s->set.n > 0 && !settings->steady &&
		       settings_find(settings, "no-net-ring", NULL) == NULL;
	*state = s;
	return 0;
}

/* Reports an assumed MTU, which the user may know better. */
static int net_confirm(const void *state, const struct module_host *host, struct husk_error *e)
{
	const struct net_module *s = state;
	char text[sizeof e->message];

	for (unsigned i = 0; i < s->set.n && host->notice != NULL; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		if (!d->dev.mtu_assumed)
			continue;
		snprintf(text, sizeof text, "network device %s: the MTU of its interface cannot be "
			 "found out, %u is assumed: --net-mtu:%s=N says another", d->dev.name,
			 d->dev.mtu, d->dev.name);
		host->notice(host->notice_ctx, text);
	}
	return 0;
}

#define PAGE 0x1000u
#define RING_SIZE ((sizeof(struct hvt_ring) + PAGE - 1) / PAGE * PAGE)

/* The ring is in low memory, so that it takes nothing from the memory that the guest manages. */
static int net_reserve(void *state, struct core *c, struct husk_error *e)
{
	const struct net_module *s = state;
	const struct resource_request rq = {
		.size = RING_SIZE, .align = PAGE, .min = HVT_BOOT_INFO_GPA,
		.max = HVT_GUEST_MIN_BASE - 1, .owner = "network ring",
	};
	struct resource_range at;
	enum resource_status st;

	if (!s->want_ring)
		return 0;
	st = resource_alloc(&c->gpas, &rq, &at);
	if (st != RESOURCE_OK)
		return husk_fail(e, HUSK_E_IMAGE, "network ring: %s", resource_status_text(st));
	c->net_ring = at.start;
	return memory_declare(&c->memory, at.start, at.last, MEMORY_R | MEMORY_RING,
			      "network ring", e);
}

static enum vmexit_result on_kick(void *ctx, uint64_t offset, const struct bus_access *a,
				  struct husk_error *e)
{
	struct net_module *s = ctx;

	if (!a->write || a->width != sizeof(uint32_t) || offset != 0)
		return bus_refuse(cpu_ring_kick.kind, a, "a kick is one 32-bit store", e);
	s->kicks++;
	return ring_thread_kick(&s->thread, e) == -1 ? VMEXIT_FAIL : VMEXIT_RESUME;
}

/* Called by the I/O thread when it has failed. */
static void on_alarm(void *ctx)
{
	const struct net_module *s = ctx;

	core_post(s->core, s->client);
}

/* Each batch once, however often it is asked. */
static void on_batch(void *ctx, bool by_thread)
{
	struct net_module *s = ctx;
	const uint64_t out = s->ring.out - s->told_out, in = s->ring.in - s->told_in;
	struct facts f = {.n = 0};

	s->told_out += out;
	s->told_in += in;
	if (!core_is_noted(s->core) || out + in == 0)
		return;
	facts_number(&f, "out", out);
	facts_number(&f, "in", in);
	core_note(s->core, by_thread ? "ring_thread" : "ring", &f);
}

static bool on_stopping(void *ctx)
{
	const struct net_module *s = ctx;

	return core_stopping(s->core);
}

static int drain_ring(void *ctx, struct husk_error *e)
{
	return drain(ctx, e);
}

/* attend reports the failure of the I/O thread, quiesce stops its work at the end of a run. */
static const struct core_client ring_client = {.attend = drain_ring, .quiesce = drain_ring};

static int source_fd(void *ctx)
{
	const struct net_device *d = ctx;

	return netdev_fd(&d->dev);
}

/* A device is ready only if a frame was read that the guest will get. */
static int source_ready(void *ctx, bool readable, struct husk_error *e)
{
	struct net_device *d = ctx;

	if (drain(d->module, e) == -1)
		return -1;
	return netdev_ready(&d->dev, readable);
}

static int attach_ring(struct net_module *s, struct husk_error *e)
{
	struct core *c = s->core;
	const struct device_description what = {
		.name = "network ring", .resources = &s->doorbell, .n_resources = 1, .ctx = s,
	};

	s->doorbell = (struct device_resource){
		.kind = cpu_ring_kick.kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = cpu_ring_kick.base, .last = cpu_ring_kick.base + sizeof(uint32_t) - 1,
		.handler = on_kick,
	};
	if (ring_init(&s->ring, &c->memory, c->net_ring, device_of, s, e) == -1 ||
	    core_add_client(c, &ring_client, s, &s->client, e) == -1)
		return -1;
	if (devices_add(&c->devices, &what, &s->doorbell_id, e) == 0)
		return 0;
	core_remove_client(c, s->client);
	return -1;
}

static int attach_devices(struct net_module *s, struct husk_error *e)
{
	for (; s->n_sources < s->set.n; s->n_sources++) {
		struct net_device *d = device_set_at(&s->set, s->n_sources);
		const struct event_source source = {source_fd, source_ready, d};

		if (events_add(&s->core->events, d->is.handle, &source, e) == -1)
			return -1;
	}
	return 0;
}

static void detach_devices(struct net_module *s)
{
	while (s->n_sources > 0) {
		const struct net_device *d = device_set_at(&s->set, --s->n_sources);

		events_remove(&s->core->events, d->is.handle);
	}
}

/* Also undoes an attach that failed half-way. Does nothing to a bus that is sealed. */
static void net_detach(void *state, struct core *c)
{
	struct net_module *s = state;
	struct husk_error ignored;

	if (has_ring(s)) {
		ring_thread_stop(&s->thread);
		core_remove_client(c, s->client);
		(void)devices_remove(&c->devices, s->doorbell_id, &ignored);
		s->doorbell_id = 0;
	}
	detach_devices(s);
}

static void net_limit(const void *state, struct sandbox *out)
{
	const struct net_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		netdev_limit(&d->dev, out);
	}
}

static void net_confine(void *state, struct sandbox *out)
{
	const struct net_module *s = state;
	const uintptr_t sealed = (uintptr_t)s->sealed.bytes;

	out->threads |= s->thread.io.running;
	sandbox_keep(out, s->thread.io.poll_fd, SANDBOX_QUEUE);
	sandbox_keep(out, s->thread.io.wake.fd, SANDBOX_BOTH_WAYS);
	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		netdev_confine(&d->dev, out);
	}
	if (sealed == 0)
		return;
	out->values[SANDBOX_SEALED] = sealed;
	out->values[SANDBOX_SEALED_2] = sealed + SEALED_SIZE / 2;
}

static int net_attach(void *state, struct core *c, struct husk_error *e)
{
	struct net_module *s = state;

	s->core = c;
	if (attach_devices(s, e) == 0 && (!s->want_ring || attach_ring(s, e) == 0))
		return 0;
	net_detach(s, c);
	return -1;
}

static int net_start(void *state, struct husk_error *e)
{
	struct net_module *s = state;
	const struct ring_thread_host host = {on_alarm, on_stopping, s, on_batch};
	int denied;

	(void)e;
	if (!has_ring(s))
		return 0;
	denied = ring_thread_start(&s->thread, &s->ring, &host);
	if (denied != 0)
		core_say(s->core, "network ring: no thread of its own (%s); the guest's serves it",
			 strerror(denied));
	return 0;
}

static const struct module_call calls[] = {
	{HVT_HYPERCALL_NET_WRITE, "net_write", net_write, describe_write},
	{HVT_HYPERCALL_NET_READ, "net_read", net_read, describe_read},
};

static void report_device(const struct net_device *d, bool ring, module_figure *tell, void *ctx)
{
	const struct netdev_counters *n = &d->dev.counters;
	char subject[SET_SUBJECT_SIZE];

	set_device_subject(&d->is, "net", subject);
	tell(ctx, subject, "frames_received", n->rx_frames);
	tell(ctx, subject, "bytes_received", n->rx_bytes);
	tell(ctx, subject, "frames_sent", n->tx_frames);
	tell(ctx, subject, "bytes_sent", n->tx_bytes);
	for (enum netdev_drop k = 0; k < NETDEV_DROPS; k++)
		tell(ctx, subject, netdev_drop_name(k), n->drops[k]);
	tell(ctx, subject, "reattached", n->reattached);
	tell(ctx, subject, "system_calls", n->calls);
	if (!ring)
		return;
	tell(ctx, subject, "ring_entries", n->ring_entries);
	tell(ctx, subject, "ring_batches", n->ring_batches);
	tell(ctx, subject, "ring_kicks", n->ring_kicks);
}

static void net_report(const void *state, module_figure *tell, void *ctx)
{
	const struct net_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), has_ring(s), tell, ctx);
	if (!has_ring(s))
		return;
	tell(ctx, "ring", "entries", s->ring.entries);
	tell(ctx, "ring", "batches", s->ring.batches);
	tell(ctx, "ring", "kicks", s->kicks);
	tell(ctx, "ring", "handovers", s->thread.handovers);
}

extern const struct module module_net;
const struct module module_net = {
	.name = "net",
	.device_type = MFT_DEV_NET_BASIC,
	.options = options,
	.n_options = N_OPTIONS,
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = net_open,
	.confirm = net_confirm,
	.reserve = net_reserve,
	.attach = net_attach,
	.limit = net_limit,
	.start = net_start,
	.confine = net_confine,
	.detach = net_detach,
	.close = net_close,
	.report = net_report,
};
