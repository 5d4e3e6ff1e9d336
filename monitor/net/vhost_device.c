/* SPDX-License-Identifier: ISC */
/*
 * vhost_device.c: --net-vhost: network devices whose queues the host's kernel serves, and what is left
 * to do here: to pass on what is waited for, and to stop and go on with the machine.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "clock.h"
#include "net.h"

#define DEVICE "/dev/vhost-net"

/* What the guest has sent last leaves before the machine stands still, or never. */
#define SETTLE_NS 250000000u
#define SETTLE_YIELDS 100u		/* before it sleeps for a millisecond each time */

/* ---- the option, and opening ---- */

int net_vhost_check(const char *value, struct husk_error *e)
{
	if (strcmp(value, "auto") == 0 || strcmp(value, "off") == 0 || value[0] == '@' ||
	    strchr(value, '/') != NULL)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "`%s' is none of auto, off, the path of a vhost-net device such as "
			 DEVICE ", and the number of an open descriptor, @N", value);
}

/* 0: nothing is in front of its frames; VHOST_HEADER; -1: HUSK_E_USAGE. */
static int take_header(const struct net_device *d, struct husk_error *e)
{
	struct uplink *u = d->dev.uplink;
	const int carries = u->ops->carry_header != NULL ? u->ops->carry_header(u) : -1;
	const int header = carries == 0 ? VHOST_HEADER : u->ops->vhost_header(u);

	if (header == 0 || header == VHOST_HEADER)
		return header;
	return husk_fail(e, HUSK_E_USAGE, "vhost: the header of its tap must be none, or one of %u bytes "
			 "(TUNSETVNETHDRSZ)", VHOST_HEADER);
}

/* Why the kernel cannot serve the device: HUSK_E_USAGE, HUSK_E_HOST. */
static int open_one(struct net_module *s, struct net_device *d, const char *where, struct husk_error *e)
{
	if (s->n_vhosts == VHOST_DEVICES_MAX)
		return husk_fail(e, HUSK_E_USAGE, "vhost: it serves at most %u devices", VHOST_DEVICES_MAX);
	if (where[0] == '@' && s->n_vhosts > 0)
		return husk_fail(e, HUSK_E_USAGE, "vhost: %s serves one device; give a path, which is opened "
				 "for each", where);
	if (vhost_open(&d->vhost.host, where, e) == -1)
		return -1;
	if (!d->dev.uplink->tap) {
		vhost_close(&d->vhost.host);
		return husk_fail(e, HUSK_E_USAGE, "vhost: it is not attached to a tap, as vhost needs");
	}
	s->n_vhosts++;
	d->vhost.on = !s->look;
	d->vhost.could = true;
	if (s->look)
		vhost_close(&d->vhost.host);
	return 0;
}

static void give_up(struct net_device *d)
{
	vhost_close(&d->vhost.host);
	d->vhost.on = false;
}

/* With auto the reason is kept, for --check. */
int net_vhost_open(struct net_module *s, const struct settings *settings, struct husk_error *e)
{
	const struct setting *how = settings_find(settings, "net-vhost", NULL);
	const char *where = how == NULL ? "off" : how->value;

	s->look = settings->look;
	s->vhost_auto = strcmp(where, "auto") == 0;
	if (strcmp(where, "off") == 0 || (s->no_queues && s->vhost_auto))
		return 0;
	if (s->no_queues)
		return husk_fail(e, HUSK_E_USAGE, "--net-vhost=%s: with %s there are no queues to serve; leave one "
				 "of the two out", where, settings->steady ? "a clock of the program's own" :
				 "--no-net-queues");
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (open_one(s, d, s->vhost_auto ? DEVICE : where, &d->vhost.why_not) == 0)
			continue;
		if (s->vhost_auto)
			continue;
		*e = d->vhost.why_not;
		return husk_wrap_device(e, "network device", d->is.name);
	}
	s->vhost_wanted = s->set.n > 0;
	return 0;
}

void net_vhost_close(struct net_device *d)
{
	give_up(d);
}

void net_vhost_confirm(const struct net_module *s, const struct module_host *host)
{
	char text[sizeof ((struct husk_error *)0)->message];

	for (unsigned i = 0; s->look && s->vhost_wanted && i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		if (d->vhost.could)
			snprintf(text, sizeof text, "network device %s: the kernel can serve its queues "
				 "(vhost)", d->is.name);
		else
			snprintf(text, sizeof text, "network device %s: the kernel does not serve its queues: "
				 "%.300s", d->is.name, d->vhost.why_not.message);
		host->notice(host->notice_ctx, text);
	}
}

/* ---- before the guest runs ---- */

static bool has_bells(const struct core *c)
{
	return c->caps->doorbells != NULL && c->caps->doorbells->add_value != NULL;
}

/* The guest is told which devices it is about, so that it rings doorbells and makes no calls. */
int net_vhost_attach(struct net_module *s, struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (!d->vhost.on)
			continue;
		if (has_bells(s->core)) {
			s->core->net_direct |= UINT64_C(1) << d->is.handle;
			continue;
		}
		give_up(d);
		if (!s->vhost_auto)
			return husk_fail(e, HUSK_E_HOST, "vhost: %s has no doorbells without an exit, which it "
					 "needs; leave --net-vhost out", s->core->ops->title);
	}
	return 0;
}

/* The image has no use for it. */
void net_vhost_decline(struct net_module *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		any |= d->vhost.on;
		give_up(d);
	}
	if (any && !s->vhost_auto)
		core_say(s->core, "--net-vhost: the image asks for no network queues, and has no use for it");
}

static const enum bus_kind *const bell_kind = &cpu_hypercall_window.kind;

static int add_bells(struct net_device *d, struct husk_error *e)
{
	const struct core *c = d->module->core;

	for (; d->vhost.n_bells < NET_QUEUES; d->vhost.n_bells++)
		if (c->caps->doorbells->add_value(c->hv, *bell_kind, queues_bell_address(), sizeof(uint32_t),
						  HUSK_QUEUE_NUMBER(d->is.handle, d->vhost.n_bells),
						  d->vhost.host.kick[d->vhost.n_bells], e) == -1)
			return -1;
	return 0;
}

static void remove_bells(struct net_device *d)
{
	const struct core *c = d->module->core;

	while (d->vhost.n_bells > 0) {
		const unsigned i = --d->vhost.n_bells;

		c->caps->doorbells->del_value(c->hv, *bell_kind, queues_bell_address(), sizeof(uint32_t),
					      HUSK_QUEUE_NUMBER(d->is.handle, i), d->vhost.host.kick[i]);
	}
}

static int start_one(struct net_device *d, struct husk_error *e)
{
	const struct memory *m = &d->module->core->memory;
	const int header = take_header(d, e);

	if (header == -1)
		return -1;
	if (vhost_begin(&d->vhost.host, m, d->dev.uplink->fd, (unsigned)header, e) == -1)
		return -1;
	return add_bells(d, e);
}

int net_vhost_start(struct net_module *s, struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (!d->vhost.on || start_one(d, e) == 0)
			continue;
		remove_bells(d);
		give_up(d);
		s->core->net_direct &= ~(UINT64_C(1) << d->is.handle);
		husk_wrap_device(e, "network device", d->is.name);
		if (!s->vhost_auto)
			return -1;
		core_say(s->core, "%s; its queues are served without", e->message);
	}
	return 0;
}

bool net_vhost_serves_all(const struct net_module *s)
{
	bool all = true;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		all &= d->vhost.on;
	}
	return all;
}

void net_vhost_confine(const struct net_module *s, struct sandbox *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		if (d->vhost.on)
			vhost_confine(&d->vhost.host, n++, out);
	}
}

/* ---- queues that come and go ---- */

static bool in_use(const struct net_device *d, unsigned index)
{
	return d->vhost.queues[index].memory != NULL;
}

/* What it has not seen of before it sees now. */
static int connect_queue(struct net_device *d, unsigned index, struct husk_error *e)
{
	struct net_vhost *v = &d->vhost;

	if (vhost_connect(&v->host, index, d->dev.uplink->fd, e) == -1)
		return husk_wrap(e, "%s", d->what[index]);
	vhost_kick(&v->host, index);
	return 0;
}

static int connect_all(struct net_device *d, struct husk_error *e)
{
	for (unsigned i = 0; i < NET_QUEUES; i++)
		if (in_use(d, i) && connect_queue(d, i, e) == -1)
			return -1;
	d->vhost.connected = true;
	return 0;
}

static void disconnect_all(struct net_device *d)
{
	for (unsigned i = 0; i < NET_QUEUES; i++)
		if (in_use(d, i))
			(void)vhost_disconnect(&d->vhost.host, i);
	d->vhost.connected = false;
}

/* Whoever waits for what was completed just before has to look once more. */
static void lose(struct net_device *d)
{
	disconnect_all(d);
	vhost_forget_broken(&d->vhost.host);
	if (!d->dev.gone)
		netdev_lose(&d->dev);
	d->vhost.called = true;
}

/* What used the uplink last was told that it is gone, and nobody has told the kernel, whose it was, too. */
void net_vhost_notice(struct net_device *d)
{
	if (d->vhost.on && d->dev.gone && d->vhost.connected)
		lose(d);
}

/*
 * Frames that were read ahead, before there was a queue, are the first that come by it. For those that find
 * no buffer it is too late: the kernel's would overtake them.
 */
static int take_over(struct net_device *d, struct virtqueue *q, struct husk_error *e)
{
	struct net_queues *own = &d->queues;
	int rc;

	own->queues[NET_QUEUE_RX] = *q;
	rc = net_queues_receive(own, e);
	*q = own->queues[NET_QUEUE_RX];
	own->queues[NET_QUEUE_RX].memory = NULL;
	d->vhost.called |= own->called;
	own->called = own->starved = false;
	netdev_forget_ahead(&d->dev);
	return rc;
}

int net_vhost_announce(struct net_device *d, unsigned index, const struct virtqueue *q,
		       struct husk_error *e)
{
	struct net_vhost *v = &d->vhost;

	net_vhost_notice(d);
	v->queues[index] = *q;
	if (index == NET_QUEUE_RX && netdev_waiting(&d->dev) && take_over(d, &v->queues[index], e) == -1)
		return -1;
	v->told[index] = v->queues[index].next_avail;
	if (vhost_set_queue(&v->host, index, q, v->queues[index].next_avail, e) == -1)
		return husk_wrap(e, "%s", d->what[index]);
	if (index == NET_QUEUE_RX)
		vhost_watch_frames(&v->host, false);
	return d->dev.gone ? 0 : (v->connected = true, connect_queue(d, index, e));
}

void net_vhost_take_back(struct net_device *d)
{
	disconnect_all(d);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		d->vhost.queues[i] = (struct virtqueue){.memory = NULL};
	d->vhost.called = false;
	if (d->dev.offloads != 0)
		(void)netdev_offload(&d->dev, 0);
	vhost_watch_frames(&d->vhost.host, true);
}

void net_vhost_ring(struct net_device *d, unsigned index)
{
	vhost_kick(&d->vhost.host, index);
}

/* ---- what POLL asks ---- */

static int broken(const struct net_device *d, unsigned seen, struct husk_error *e)
{
	for (unsigned i = 0; i < NET_QUEUES; i++)
		if ((seen & (unsigned)VHOST_BROKEN << i) != 0)
			return husk_fail(e, HUSK_E_GUEST, "%s: network queue broken: the kernel has found "
					 "something in it that cannot be", d->what[i]);
	return 0;
}

/* A queue whose interface is deleted while it sends is broken to the kernel: nothing the guest did. */
static int look(struct net_device *d, struct husk_error *e)
{
	const unsigned seen = vhost_look(&d->vhost.host);

	d->vhost.called |= (seen & VHOST_CALLED) != 0;
	d->vhost.frames |= (seen & VHOST_FRAMES) != 0;
	if ((seen & VHOST_GONE) == 0)
		return broken(d, seen, e);
	if (!d->dev.gone || d->vhost.connected)
		lose(d);
	return 0;
}

/* Whether there is a queue that the kernel should serve and does not. */
static bool is_idle(const struct net_device *d)
{
	return !d->vhost.connected && (in_use(d, NET_QUEUE_RX) || in_use(d, NET_QUEUE_TX));
}

/*
 * While the kernel does not serve it: what is to be sent, with what the kernel has taken and not given
 * back, goes where the frames of every device without an interface go.
 */
static int send_here(struct net_device *d, struct husk_error *e)
{
	struct net_queues *own = &d->queues;
	struct virtqueue *tx = &d->vhost.queues[NET_QUEUE_TX];
	int rc;

	virtqueue_continue(tx);
	own->queues[NET_QUEUE_TX] = *tx;
	rc = net_queues_send(own, tx->size, e);
	*tx = own->queues[NET_QUEUE_TX];
	own->queues[NET_QUEUE_TX].memory = NULL;
	d->vhost.called |= own->called;
	own->called = false;
	if (rc == -1)
		return -1;
	if (vhost_set_queue(&d->vhost.host, NET_QUEUE_TX, tx, tx->next_avail, e) == -1)
		return husk_wrap(e, "%s", d->what[NET_QUEUE_TX]);
	return 0;
}

/* The interface may be back, on the same descriptor or another. */
static int come_back(struct net_device *d, struct husk_error *e)
{
	struct net_vhost *v = &d->vhost;

	if (in_use(d, NET_QUEUE_TX) && send_here(d, e) == -1)
		return -1;
	if (!netdev_present(&d->dev))
		return 0;
	v->host.tap = d->dev.uplink->fd;
	vhost_watch_frames(&v->host, !in_use(d, NET_QUEUE_RX));
	return connect_all(d, e);
}

/* A guest that goes to wait needs no doorbell. */
static void pass_on(struct net_device *d)
{
	struct net_vhost *v = &d->vhost;

	for (unsigned i = 0; i < NET_QUEUES; i++)
		if (in_use(d, i) && virtqueue_wants_doorbell(&v->queues[i], &v->told[i]))
			vhost_kick(&v->host, i);
}

int net_vhost_fd(const struct net_device *d)
{
	return d->dev.gone ? -1 : d->vhost.host.watch;
}

int net_vhost_ready(struct net_device *d, bool readable, struct husk_error *e)
{
	struct net_vhost *v = &d->vhost;
	bool called, frames;

	net_vhost_notice(d);
	if (readable && look(d, e) == -1)
		return -1;
	if (is_idle(d) && come_back(d, e) == -1)
		return -1;
	if (!readable)
		pass_on(d);
	called = v->called;
	frames = v->frames;
	v->called = v->frames = false;
	return called || (!in_use(d, NET_QUEUE_RX) && netdev_ready(&d->dev, frames));
}

/* ---- standing still ---- */

/* A moment in which the worker may get on, or it is seen why not. -1: the queue is broken. */
static int pause_once(struct net_device *d, unsigned turn, struct husk_error *e)
{
	struct pollfd p = {.fd = d->vhost.host.broken[NET_QUEUE_TX], .events = POLLIN};

	if (turn < SETTLE_YIELDS) {
		(void)sched_yield();
		return 0;
	}
	return poll(&p, 1, 1) == 1 ? look(d, e) : 0;
}

static bool all_sent(const struct net_device *d)
{
	return !d->vhost.connected || !in_use(d, NET_QUEUE_TX) ||
	       virtqueue_all_back(&d->vhost.queues[NET_QUEUE_TX]);
}

/* What was sent by the queue leaves before what is sent by a call. 0: the vcpu's thread is asked for. */
int net_vhost_settle(struct net_device *d, struct husk_error *e)
{
	if (!d->vhost.on)
		return 1;
	net_vhost_notice(d);
	if (is_idle(d) && in_use(d, NET_QUEUE_TX) && send_here(d, e) == -1)
		return -1;
	if (all_sent(d))
		return 1;
	vhost_kick(&d->vhost.host, NET_QUEUE_TX);
	for (unsigned turn = 0; !all_sent(d); turn++) {
		if (pause_once(d, turn, e) == -1)
			return -1;
		if (turn > SETTLE_YIELDS && core_wanted(d->module->core))
			return 0;
	}
	return 1;
}

static int stop_one(struct net_device *d, uint64_t end, struct husk_error *e)
{
	int rc = 0;

	if (!all_sent(d))
		vhost_kick(&d->vhost.host, NET_QUEUE_TX);
	for (unsigned turn = 0; rc == 0 && !all_sent(d) && clock_now_ns() < end; turn++)
		rc = pause_once(d, turn, e);
	if (rc == 0)
		rc = look(d, e);
	disconnect_all(d);
	return rc;
}

int net_vhost_quiesce(struct net_module *s, struct husk_error *e)
{
	const uint64_t end = clock_deadline(SETTLE_NS);
	int rc = 0;

	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (d->vhost.on && d->vhost.connected && stop_one(d, end, e) == -1)
			rc = -1;
	}
	return rc;
}

/* What cannot be told here the next POLL sees: the interface is gone then. */
void net_vhost_resume(struct net_module *s)
{
	struct husk_error ignored;

	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (d->vhost.on && !d->dev.gone && connect_all(d, &ignored) == -1)
			lose(d);
	}
}

void net_vhost_detach(struct net_module *s)
{
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (!d->vhost.on)
			continue;
		if (d->vhost.connected)
			disconnect_all(d);
		remove_bells(d);
		for (unsigned k = 0; k < NET_QUEUES; k++)
			d->vhost.queues[k] = (struct virtqueue){.memory = NULL};
	}
}
