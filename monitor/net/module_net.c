/* SPDX-License-Identifier: ISC */
/* module_net.c: network devices: --net, their life, and what is reported of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "counter.h"
#include "net.h"
#include "sandbox.h"

static const struct option options[] = {
	{.name = "net", .form = OPTION_DEVICE, .value = "IFACE", .attaches = true,
	 .help = "attach a tap to NAME; or @FD, unix:PATH, stream:@FD"},
	{.name = "net-mac", .form = OPTION_DEVICE, .value = "MAC", .check = net_check_mac,
	 .help = "hardware address of NAME (default: a random one)"},
	{.name = "net-mtu", .form = OPTION_DEVICE, .value = "N", .check = net_check_mtu,
	 .help = "MTU of NAME (default: what it is attached to has, else 1500)"},
	{.name = "no-net-ring", .form = OPTION_FLAG,
	 .help = "offer no shared ring: every frame is a hypercall"},
	{.name = "no-net-queues", .form = OPTION_FLAG,
	 .help = "offer no queues to images that want them"},
	{.name = "net-vhost", .form = OPTION_VALUE, .value = "HOW", .check = net_vhost_check,
	 .help = "auto, PATH or @FD: the host's kernel serves the queues"},
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
		.header = !o->module->no_queues && (o->settings->wanted & HUSK_FEATURE_NET) != 0,
		.sealed = &o->module->sealed,
	};
	unsigned mtu;

	d->module = o->module;
	d->vhost.host = (struct vhost)VHOST_CLOSED;
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

	net_vhost_close(d);
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
	s->no_ring = settings->steady || settings_find(settings, "no-net-ring", NULL) != NULL;
	s->no_queues = settings->steady || settings_find(settings, "no-net-queues", NULL) != NULL;
	if (device_set_open(&s->set, &device_ops, &o, mft, MFT_DEV_NET_BASIC,
			    sizeof(struct net_device), e) == -1 ||
	    sealed_protect(&s->sealed, e) == -1 || net_vhost_open(s, settings, e) == -1) {
		net_close(s);
		return -1;
	}
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
	if (host->notice != NULL)
		net_vhost_confirm(s, host);
	return 0;
}

static int attach_devices(struct net_module *s, struct husk_error *e)
{
	for (; s->n_sources < s->set.n; s->n_sources++) {
		struct net_device *d = device_set_at(&s->set, s->n_sources);
		const struct event_source source = {net_source_fd, net_source_ready, d};

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

	(void)c;
	ring_thread_stop(&s->thread);
	net_ring_detach(s);
	net_queues_detach(s);
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

	net_vhost_confine(s, out);
	if (s->set.n > 0)
		out->calls |= SANDBOX_FRAMES;
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
	if (!net_queues_wanted(s, c))
		net_vhost_decline(s);
	if (attach_devices(s, e) == 0 &&
	    (net_queues_wanted(s, c) ? net_queues_attach : net_ring_attach)(s, e) == 0)
		return 0;
	net_detach(s, c);
	return -1;
}

static int net_start(void *state, struct husk_error *e)
{
	struct net_module *s = state;
	const struct ring_thread_host ring = net_thread_host(s, net_tell_batch);
	const struct ring_thread_host queues = net_thread_host(s, net_tell_queues);
	int denied = 0;

	if (s->has_queues && net_vhost_start(s, e) == -1)
		return -1;
	if (s->has_queues && !net_vhost_serves_all(s))
		denied = ring_thread_start(&s->thread, &net_queues_work, s, &queues);
	if (net_has_ring(s))
		denied = ring_thread_start(&s->thread, &ring_work, &s->ring, &ring);
	if (denied != 0)
		core_say(s->core, "network %s: no thread of its own (%s); the guest's serves it",
			 s->has_queues ? "queues" : "ring", strerror(denied));
	return 0;
}

static void report_ring(const struct netdev_counters *n, const char *subject, module_figure *tell,
			void *ctx)
{
	tell(ctx, subject, "ring_entries", counter_get(&n->ring_entries));
	tell(ctx, subject, "ring_batches", counter_get(&n->ring_batches));
	tell(ctx, subject, "ring_kicks", counter_get(&n->ring_kicks));
}

static void report_queues(const struct net_queues *q, const char *subject, module_figure *tell,
			  void *ctx)
{
	tell(ctx, subject, "doorbells", q->doorbells);
	tell(ctx, subject, "queue_sent", counter_get(&q->sent));
	tell(ctx, subject, "queue_received", counter_get(&q->received));
	tell(ctx, subject, "queue_refused", counter_get(&q->refused));
	tell(ctx, subject, "offloaded_sent", counter_get(&q->offloaded_out));
	tell(ctx, subject, "offloaded_received", counter_get(&q->offloaded_in));
}

/* Frames pass by husk: what it has not seen it does not tell of. */
static void report_vhost(const struct netdev_counters *n, const char *subject, module_figure *tell,
			 void *ctx)
{
	tell(ctx, subject, "by_kernel", 1);
	tell(ctx, subject, "frames_received_by_call", counter_get(&n->rx_frames));
	tell(ctx, subject, "frames_sent_by_call", counter_get(&n->tx_frames));
	tell(ctx, subject, "reattached", counter_get(&n->reattached));
	tell(ctx, subject, "link_up", counter_get(&n->link_up));
	tell(ctx, subject, "system_calls", counter_get(&n->calls));
}

static void report_device(const struct net_device *d, module_figure *tell, void *ctx)
{
	const struct netdev_counters *n = &d->dev.counters;
	char subject[SET_SUBJECT_SIZE];

	set_device_subject(&d->is, "net", subject);
	if (d->vhost.on) {
		report_vhost(n, subject, tell, ctx);
		return;
	}
	tell(ctx, subject, "frames_received", counter_get(&n->rx_frames));
	tell(ctx, subject, "bytes_received", counter_get(&n->rx_bytes));
	tell(ctx, subject, "frames_sent", counter_get(&n->tx_frames));
	tell(ctx, subject, "bytes_sent", counter_get(&n->tx_bytes));
	for (enum netdev_drop k = 0; k < NETDEV_DROPS; k++)
		tell(ctx, subject, netdev_drop_name(k), counter_get(&n->drops[k]));
	tell(ctx, subject, "reattached", counter_get(&n->reattached));
	tell(ctx, subject, "link_up", counter_get(&n->link_up));
	tell(ctx, subject, "system_calls", counter_get(&n->calls));
	if (net_has_ring(d->module))
		report_ring(n, subject, tell, ctx);
	if (d->module->has_queues)
		report_queues(&d->queues, subject, tell, ctx);
}

static void net_report(const void *state, module_figure *tell, void *ctx)
{
	const struct net_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), tell, ctx);
	if (s->has_queues)
		tell(ctx, "net_queues", "handovers", s->thread.handovers);
	if (!net_has_ring(s))
		return;
	tell(ctx, "ring", "entries", counter_get(&s->ring.entries));
	tell(ctx, "ring", "batches", counter_get(&s->ring.batches));
	tell(ctx, "ring", "kicks", s->kicks);
	tell(ctx, "ring", "handovers", s->thread.handovers);
}

extern const struct module module_net;
const struct module module_net = {
	.name = "net",
	.device_type = MFT_DEV_NET_BASIC,
	.options = options,
	.n_options = N_OPTIONS,
	.calls = net_calls,
	.n_calls = NET_CALLS,
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
