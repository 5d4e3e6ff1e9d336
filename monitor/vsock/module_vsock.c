/* SPDX-License-Identifier: ISC */
/* module_vsock.c: socket devices: --vsock, the hypercall that announces queues, their doorbells. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "device.h"
#include "device_set.h"
#include "io_thread.h"
#include "module.h"
#include "nospec.h"
#include "routes.h"
#include "wake.h"
#include "words.h"

#define BELL_KEY IO_KEY_MAX		/* of the thread's events; all others are the connections' */
#define WHAT_SIZE (MFT_NAME_SIZE + 40)

struct vsock_module;

struct vsock_guest {
	struct set_device is;
	struct vsock_module *module;
	struct vsock_routes routes;
	struct vsock_mux *mux;
	struct vsock_device device;
	struct wake bell, call;		/* by the guest, and for it */
	bool called;			/* since POLL last said so; atomic */
	bool is_source;			/* of POLL */
	unsigned client;		/* of the thread */
	unsigned n_bells;		/* that the hypervisor rings without an exit */
	uint64_t calls;			/* that it was called */
	uint64_t thread_calls, vcpu_calls;	/* system calls, by each thread */
	char what[VSOCK_QUEUES][WHAT_SIZE];
};

struct vsock_module {
	struct core *core;
	struct device_set set;		/* of struct vsock_guest */
	struct io_thread thread;	/* owns all devices while it is not paused */
	unsigned client;		/* of the run loop */
	struct device_resource window;
	uint32_t window_id;		/* 0: not on the bus */
	uint64_t trapped;		/* doorbells that were exits */
};

static const enum bus_kind *const bell_kind = &cpu_hypercall_window.kind;

static uint64_t bell_address(void)
{
	return *bell_kind == BUS_PIO ? HUSK_DOORBELL_PIO_BASE : HUSK_DOORBELL_MMIO_BASE;
}

/* ---- options ---- */

static const struct option options[] = {
	{.name = "vsock", .form = OPTION_DEVICE, .value = "connect=PORT:PATH", .attaches = true,
	 .check = vsock_words_check,
	 .help = "attach Unix sockets to NAME; also ,listen=PORT:PATH ,uds=PREFIX ,cid=N"},
};
#define N_OPTIONS (sizeof options / sizeof options[0])

static const struct setting *how_attached(const struct settings *settings, const char *name)
{
	return settings_attaching(settings, options, N_OPTIONS, name);
}

/* Before anything is opened: otherwise our own socket would be reported as another program's. */
static int check_shared(const struct settings *settings, const struct setting *how,
			struct husk_error *e)
{
	struct vsock_word w;

	for (size_t i = 0; i < settings->n; i++) {
		const struct setting *other = &settings->list[i];

		if (other->option == how->option && strcmp(other->device, how->device) != 0 &&
		    how_attached(settings, other->device) == other &&
		    vsock_words_share(how->value, other->value, &w))
			return husk_fail(e, HUSK_E_USAGE, "`%.*s': device %s listens there too",
					 w.text_len < 200 ? w.text_len : 200, w.text,
					 other->device);
	}
	return 0;
}

/* What opening a device takes. */
struct opening {
	struct vsock_module *module;
	const struct settings *settings;
};

static int open_device(void *ctx, void *dev, struct mft_entry *entry, struct husk_error *e)
{
	const struct opening *o = ctx;
	struct vsock_guest *g = dev;
	const struct setting *how = how_attached(o->settings, entry->name);
	struct husk_vsock_properties properties = {0};

	g->module = o->module;
	g->bell.fd = g->call.fd = -1;
	if (check_shared(o->settings, how, e) == -1 ||
	    vsock_routes_open(&g->routes, how->value, o->settings->look, e) == -1)
		return husk_wrap(e, "device %s", entry->name);
	properties.guest_cid = g->routes.cid;
	memcpy(&entry->u, &properties, sizeof entry->u);
	return 0;
}

static void close_device(void *dev)
{
	struct vsock_guest *g = dev;

	vsock_routes_close(&g->routes);
}

static const struct device_set_ops device_ops = {open_device, close_device};

static void vsock_close(void *state)
{
	struct vsock_module *s = state;

	device_set_close(&s->set, &device_ops);
	free(s);
}

static int vsock_open(void **state, const struct settings *settings, struct manifest *mft,
		      struct husk_error *e)
{
	struct vsock_module *s = calloc(1, sizeof *s);
	struct opening o = {s, settings};

	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module vsock");
	if (device_set_open(&s->set, &device_ops, &o, mft, HUSK_DEV_VSOCK,
			    sizeof(struct vsock_guest), e) == -1) {
		free(s);
		return -1;
	}
	*state = s;
	return 0;
}

/* ---- sockets of the host ---- */

/* The device, one system call of which is about to be made. */
static struct vsock_guest *counted(void *ctx)
{
	struct vsock_guest *g = ctx;

	g->thread_calls++;
	return g;
}

static int host_connect(void *ctx, uint32_t port)
{
	const struct vsock_guest *g = counted(ctx);

	return vsock_routes_connect(&g->routes, port);
}

static int host_accept(void *ctx, int listener)
{
	const struct vsock_guest *g = counted(ctx);

	return vsock_routes_accept(&g->routes, listener);
}

static ssize_t host_read(void *ctx, int fd, const struct iovec *iov, int n)
{
	counted(ctx);
	return unix_socket_read(fd, iov, n);
}

static ssize_t host_write(void *ctx, int fd, const struct iovec *iov, int n)
{
	counted(ctx);
	return unix_socket_write(fd, iov, n);
}

static ssize_t host_peek(void *ctx, int fd, void *buf, size_t size)
{
	counted(ctx);
	return unix_socket_peek(fd, buf, size);
}

static void host_shutdown(void *ctx, int fd, int how)
{
	counted(ctx);
	(void)shutdown(fd, how);
}

static void host_close(void *ctx, int fd)
{
	counted(ctx);
	close(fd);
}

static int host_watch(void *ctx, int fd, uint64_t key)
{
	struct vsock_guest *g = counted(ctx);

	return io_thread_watch(&g->module->thread, g->client, fd, key);
}

static int host_watch_writable(void *ctx, int fd, uint64_t key, bool wanted)
{
	struct vsock_guest *g = counted(ctx);

	return io_thread_watch_writable(&g->module->thread, g->client, fd, key, wanted);
}

static const struct vsock_host host_calls = {
	.connect = host_connect, .accept = host_accept, .read = host_read, .write = host_write,
	.peek = host_peek, .shutdown = host_shutdown, .close = host_close, .watch = host_watch,
	.watch_writable = host_watch_writable,
};

/* ---- the thread ---- */

static enum io_turn on_turn(void *ctx, uint64_t now, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	return vsock_device_turn(&g->device, now, e);
}

/* A doorbell needs no more than the turn that follows. */
static void on_event(void *ctx, uint64_t key, unsigned events, uint64_t now)
{
	const struct vsock_guest *g = ctx;

	_Static_assert((int)IO_READABLE == VSOCK_READABLE && (int)IO_WRITABLE == VSOCK_WRITABLE &&
		       (int)IO_HUNG_UP == VSOCK_HUNG_UP, "events are passed on");
	if (key != BELL_KEY)
		vsock_mux_event(g->mux, key, events, now);
}

static uint64_t on_deadline(void *ctx)
{
	const struct vsock_guest *g = ctx;

	return vsock_mux_deadline(g->mux);
}

static const struct io_client thread_client = {on_turn, on_event, on_deadline};

static void on_alarm(void *ctx)
{
	const struct vsock_module *s = ctx;

	core_post(s->core, s->client);
}

static int check_thread(void *ctx, struct husk_error *e)
{
	struct vsock_module *s = ctx;

	return io_thread_check(&s->thread, e);
}

static void resume_thread(void *ctx)
{
	struct vsock_module *s = ctx;

	io_thread_resume(&s->thread);
}

static int pause_thread(void *ctx, struct husk_error *e)
{
	struct vsock_module *s = ctx;

	io_thread_pause(&s->thread);
	return io_thread_check(&s->thread, e);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	const struct vsock_module *s = ctx;

	for (unsigned i = 0; how->end == CORE_HALTED && i < s->set.n; i++) {
		struct vsock_guest *g = device_set_at(&s->set, i);

		vsock_device_finish(&g->device, clock_now_ns());
	}
}

static const struct core_client run_client = {
	.resume = resume_thread, .attend = check_thread, .quiesce = pause_thread, .end = on_end,
};

/* ---- what the guest waits for ---- */

/* By the thread: completions are there that the guest asked to be told of. */
static void on_call(void *ctx)
{
	struct vsock_guest *g = ctx;

	g->calls++;
	g->thread_calls++;
	__atomic_store_n(&g->called, true, __ATOMIC_RELEASE);
	wake_signal(&g->call);
}

static int source_fd(void *ctx)
{
	const struct vsock_guest *g = ctx;

	return g->call.fd;
}

/* The signal may come after the flag was seen: the descriptor is then readable for nothing, once. */
static int source_ready(void *ctx, bool readable, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	(void)e;
	if (readable || __atomic_load_n(&g->called, __ATOMIC_RELAXED)) {
		wake_drain(&g->call);
		g->vcpu_calls++;
	}
	return __atomic_exchange_n(&g->called, false, __ATOMIC_ACQUIRE);
}

/* ---- doorbells ---- */

static int ring(const struct vsock_module *s, uint32_t number)
{
	const struct vsock_guest *g = device_set_find(&s->set, number / HUSK_QUEUES_MAX);

	if (g == NULL || number % HUSK_QUEUES_MAX >= VSOCK_QUEUES)
		return -1;
	wake_signal(&g->bell);
	return 0;
}

static enum vmexit_result on_doorbell(void *ctx, uint64_t offset, const struct bus_access *a,
				      struct husk_error *e)
{
	struct vsock_module *s = ctx;
	const uint8_t *data = a->data;
	uint32_t number, last = 0;		/* 0 is the number of no queue */

	if (!a->write || a->width != sizeof number || offset != 0)
		return bus_refuse(*bell_kind, a, "a doorbell is one 32-bit store", e);
	for (uint32_t i = 0; i < a->count; i++, last = number) {
		memcpy(&number, data + (size_t)i * sizeof number, sizeof number);
		if ((number == 0 || number != last) && ring(s, number) == -1)
			return bus_refuse(*bell_kind, a, "no queue has the number of this doorbell",
					  e);
		s->trapped++;
	}
	return VMEXIT_RESUME;
}

/* Where the hypervisor has none, or no more, they are exits. */
static void add_bells(struct vsock_guest *g, struct core *c)
{
	const struct hv_doorbell_ops *ops = c->caps->doorbells;
	struct husk_error ignored;

	if (ops == NULL || ops->add_value == NULL)
		return;
	while (g->n_bells < VSOCK_QUEUES &&
	       ops->add_value(c->hv, *bell_kind, bell_address(), sizeof(uint32_t),
			      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells), g->bell.fd,
			      &ignored) == 0)
		g->n_bells++;
}

static void remove_bells(struct vsock_guest *g, struct core *c)
{
	while (g->n_bells > 0) {
		g->n_bells--;
		c->caps->doorbells->del_value(c->hv, *bell_kind, bell_address(), sizeof(uint32_t),
					      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells),
					      g->bell.fd);
	}
}

/* ---- queues ---- */

/* No byte is of two queues, of whichever devices. */
static int check_apart(const struct vsock_module *s, const struct virtqueue *new,
		       struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n * VSOCK_QUEUES; i++) {
		const struct vsock_guest *g = device_set_at(&s->set, i / VSOCK_QUEUES);
		const struct virtqueue *q = &g->device.queues[i % VSOCK_QUEUES];

		if (q->memory != NULL && virtqueue_overlap(&q->layout, &new->layout))
			return husk_fail(e, HUSK_E_GUEST, "%s: it shares memory with %s", new->what,
					 q->what);
	}
	return 0;
}

static int announce(struct vsock_module *s, struct vsock_guest *g, const struct husk_queue *rq,
		    struct husk_error *e)
{
	const struct virtqueue_layout layout = {rq->desc, rq->avail, rq->used, rq->size};
	const size_t index = nospec_index(rq->index, VSOCK_QUEUES);
	struct virtqueue q;

	if (virtqueue_init(&q, g->what[index], &s->core->memory, &layout, e) == -1 ||
	    check_apart(s, &q, e) == -1)
		return -1;
	io_thread_pause(&s->thread);
	g->device.queues[index] = q;
	io_thread_resume(&s->thread);
	return 0;
}

static void take_back(struct vsock_module *s, struct vsock_guest *g)
{
	io_thread_pause(&s->thread);
	vsock_device_reset(&g->device);
	io_thread_resume(&s->thread);
}

static enum vmexit_result queue_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct vsock_module *s = ctx;
	const bool granted = (s->core->granted & HUSK_FEATURE_VSOCK) != 0;
	struct vsock_guest *g;
	struct husk_queue rq;

	if (MEMORY_GET(&s->core->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	g = granted ? device_set_find(&s->set, rq.handle) : NULL;
	rq.ret = HVT_EINVAL;
	if (g != NULL && rq.size == 0) {
		take_back(s, g);
		rq.ret = HVT_OK;
	} else if (g != NULL && rq.index < VSOCK_QUEUES &&
		   g->device.queues[nospec_index(rq.index, VSOCK_QUEUES)].memory == NULL) {
		if (announce(s, g, &rq, e) == -1)
			return VMEXIT_FAIL;
		rq.ret = HVT_OK;
	}
	return MEMORY_PUT_FIELD(&s->core->memory, arg, struct husk_queue, ret, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

/* ---- attaching ---- */

static int add_listeners(struct vsock_guest *g, struct husk_error *e)
{
	for (unsigned i = 0; i < g->routes.n_listens; i++) {
		const struct vsock_route *r = &g->routes.listens[i];
		const int rc = vsock_mux_listen(g->mux, r->listener.fd, r->port);

		if (rc < 0)
			return husk_fail_sys(e, -rc, "vsock device %s: a socket to listen at",
					     g->is.name);
	}
	return 0;
}

static int add_client(struct vsock_module *s, struct vsock_guest *g, struct husk_error *e)
{
	const int client = io_thread_add(&s->thread, &thread_client, g);
	int rc;

	if (client == -1)
		return husk_fail(e, HUSK_E_HOST, "vsock device %s: there are too many", g->is.name);
	g->client = (unsigned)client;
	rc = io_thread_watch(&s->thread, g->client, g->bell.fd, BELL_KEY);
	return rc == 0 ? 0 : husk_fail_sys(e, -rc, "vsock device %s: its doorbell", g->is.name);
}

static int attach_device(struct vsock_module *s, struct vsock_guest *g, struct husk_error *e)
{
	const struct event_source source = {source_fd, source_ready, g};
	struct vsock_host host = host_calls;

	host.ctx = g;
	if (wake_init(&g->bell, e) == -1 || wake_init(&g->call, e) == -1 ||
	    vsock_mux_create(&g->mux, g->routes.cid, VSOCK_CONNECTIONS_MAX, &host, e) == -1 ||
	    add_client(s, g, e) == -1 || add_listeners(g, e) == -1 ||
	    events_add(&s->core->events, g->is.handle, &source, e) == -1)
		return -1;
	g->is_source = true;
	g->device = (struct vsock_device){.mux = g->mux, .call = on_call, .ctx = g};
	for (unsigned i = 0; i < VSOCK_QUEUES; i++)
		snprintf(g->what[i], sizeof g->what[i], "vsock device %s, queue %u", g->is.name, i);
	add_bells(g, s->core);
	return 0;
}

static void detach_device(struct vsock_guest *g, struct core *c)
{
	remove_bells(g, c);
	if (g->is_source)
		events_remove(&c->events, g->is.handle);
	g->is_source = false;
	vsock_mux_destroy(g->mux);
	g->mux = NULL;
	wake_fini(&g->bell);
	wake_fini(&g->call);
}

/* Also undoes an attach that failed half-way. Does nothing to a bus that is sealed. */
static void vsock_detach(void *state, struct core *c)
{
	struct vsock_module *s = state;
	struct husk_error ignored;

	io_thread_stop(&s->thread);
	for (unsigned i = 0; i < s->set.n; i++)
		detach_device(device_set_at(&s->set, i), c);
	core_remove_client(c, s->client);
	s->client = CORE_NO_CLIENT;
	if (s->window_id != 0)
		(void)devices_remove(&c->devices, s->window_id, &ignored);
	s->window_id = 0;
}

static int attach_window(struct vsock_module *s, struct husk_error *e)
{
	const struct device_description what = {
		.name = "queue doorbells", .resources = &s->window, .n_resources = 1, .ctx = s,
	};

	s->window = (struct device_resource){
		.kind = *bell_kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = bell_address(), .last = bell_address() + sizeof(uint32_t) - 1,
		.handler = on_doorbell,
	};
	return devices_add(&s->core->devices, &what, &s->window_id, e);
}

static int attach_all(struct vsock_module *s, struct husk_error *e)
{
	if (io_thread_init(&s->thread, on_alarm, s, e) == -1 || attach_window(s, e) == -1 ||
	    core_add_client(s->core, &run_client, s, &s->client, e) == -1)
		return -1;
	for (unsigned i = 0; i < s->set.n; i++)
		if (attach_device(s, device_set_at(&s->set, i), e) == -1)
			return -1;
	return 0;
}

static void grant(struct core *c)
{
	c->granted |= c->wanted & HUSK_FEATURE_VSOCK;
	if ((c->wanted & HUSK_FEATURE_VSOCK) == 0)
		core_say(c, "vsock: the image has devices of type VSOCK but no note that asks for "
			 "them, and cannot use them: HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK) makes one");
}

static int vsock_attach(void *state, struct core *c, struct husk_error *e)
{
	struct vsock_module *s = state;

	s->core = c;
	if (s->set.n == 0)
		return 0;
	if (attach_all(s, e) == -1) {
		vsock_detach(s, c);
		return -1;
	}
	grant(c);
	return 0;
}

static int vsock_start(void *state, struct husk_error *e)
{
	struct vsock_module *s = state;

	if (s->set.n == 0)
		return 0;
	if (io_thread_start(&s->thread, e) == -1)
		return husk_wrap(e, "vsock");
	io_thread_pause(&s->thread);	/* until the guest runs */
	return 0;
}

static const struct module_call calls[] = {
	{HUSK_HYPERCALL_QUEUE, "queue", queue_call},
};

/* ---- figures ---- */

static void report_drops(const struct vsock_guest *g, const char *subject, module_figure *tell,
			 void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);

	tell(ctx, subject, "malformed", g->device.malformed);
	tell(ctx, subject, "wrong_cid", n->wrong_cid);
	tell(ctx, subject, "wrong_type", n->wrong_type);
	tell(ctx, subject, "no_connection", n->no_connection);
	tell(ctx, subject, "ignored", n->ignored);
	tell(ctx, subject, "payload_ignored", n->payload_ignored);
	tell(ctx, subject, "overruns", n->overrun);
}

static void report_device(const struct vsock_guest *g, module_figure *tell, void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);
	char subject[SET_SUBJECT_SIZE];
	unsigned commands;

	set_device_subject(&g->is, "vsock", subject);
	tell(ctx, subject, "packets_received", n->packets_out);
	tell(ctx, subject, "bytes_received", n->bytes_out);
	tell(ctx, subject, "packets_sent", n->packets_in);
	tell(ctx, subject, "bytes_sent", n->bytes_in);
	tell(ctx, subject, "connections", vsock_mux_connections(g->mux, &commands));
	tell(ctx, subject, "opened", n->opened);
	tell(ctx, subject, "refused", n->refused);
	tell(ctx, subject, "timed_out", n->timed_out);
	tell(ctx, subject, "resets_received", n->resets_out);
	tell(ctx, subject, "resets_sent", n->resets_in);
	report_drops(g, subject, tell, ctx);
	tell(ctx, subject, "calls", g->calls);
	tell(ctx, subject, "system_calls", g->thread_calls + g->vcpu_calls);
}

static void vsock_report(const void *state, module_figure *tell, void *ctx)
{
	const struct vsock_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), tell, ctx);
	if (s->set.n == 0)
		return;
	tell(ctx, "doorbells", "trapped", s->trapped);
	tell(ctx, "io_thread", "system_calls", s->thread.calls);
}

extern const struct module module_vsock;
const struct module module_vsock = {
	.name = "vsock",
	.device_type = HUSK_DEV_VSOCK,
	.options = options,
	.n_options = N_OPTIONS,
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = vsock_open,
	.attach = vsock_attach,
	.start = vsock_start,
	.detach = vsock_detach,
	.close = vsock_close,
	.report = vsock_report,
};
