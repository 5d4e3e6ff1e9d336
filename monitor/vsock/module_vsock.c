/* SPDX-License-Identifier: ISC */
/* module_vsock.c: socket devices: --vsock, and their lives from open to close. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "sandbox.h"
#include "words.h"

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
		return husk_wrap_device(e, "device", entry->name);
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

static int attach_device(struct vsock_module *s, struct vsock_guest *g, struct husk_error *e)
{
	const struct event_source source = guest_source(g);
	const struct vsock_host host = guest_host_calls(g);

	if (wake_init(&g->bell, e) == -1 || wake_init(&g->call, e) == -1 ||
	    vsock_mux_create(&g->mux, g->routes.cid, VSOCK_CONNECTIONS_MAX, &host, e) == -1 ||
	    serve_add(g, e) == -1 || add_listeners(g, e) == -1 ||
	    events_add(&s->core->events, g->is.handle, &source, e) == -1)
		return -1;
	g->is_source = true;
	if (queues_add(s->core, g->is.handle, g->is.name, &vsock_queue_ops, g, e) == -1)
		return -1;
	g->device = (struct vsock_device){.mux = g->mux, .call = guest_call, .ctx = g};
	for (unsigned i = 0; i < VSOCK_QUEUES; i++)
		snprintf(g->what[i], sizeof g->what[i], "vsock device %s, queue %u", g->is.name, i);
	doorbells_add(g);
	return 0;
}

static void detach_device(struct vsock_guest *g, struct core *c)
{
	doorbells_remove(g);
	queues_remove(c, g->is.handle);
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

	serve_fini(s);
	for (unsigned i = 0; i < s->set.n; i++)
		detach_device(device_set_at(&s->set, i), c);
}

static int attach_all(struct vsock_module *s, struct husk_error *e)
{
	if (serve_init(s, e) == -1)
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
	return serve_pause(s, e);	/* until the guest runs */
}

static void vsock_limit(const void *state, struct sandbox *out)
{
	const struct vsock_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct vsock_guest *g = device_set_at(&s->set, i);

		vsock_routes_limit(&g->routes, out);
	}
}

static void vsock_confine(void *state, struct sandbox *out)
{
	struct vsock_module *s = state;

	if (s->set.n == 0)
		return;
	out->threads = true;
	out->calls |= SANDBOX_REST;
	sandbox_keep(out, s->thread.poll_fd, SANDBOX_QUEUE);
	sandbox_keep(out, s->thread.wake.fd, SANDBOX_BOTH_WAYS);
	for (unsigned i = 0; i < s->set.n; i++) {
		struct vsock_guest *g = device_set_at(&s->set, i);

		sandbox_keep(out, g->bell.fd, SANDBOX_BOTH_WAYS);
		sandbox_keep(out, g->call.fd, SANDBOX_BOTH_WAYS);
		vsock_routes_confine(&g->routes, out);
	}
}

extern const struct module module_vsock;
const struct module module_vsock = {
	.name = "vsock",
	.device_type = HUSK_DEV_VSOCK,
	.options = options,
	.n_options = N_OPTIONS,
	.open = vsock_open,
	.attach = vsock_attach,
	.limit = vsock_limit,
	.start = vsock_start,
	.confine = vsock_confine,
	.detach = vsock_detach,
	.close = vsock_close,
	.report = vsock_report,
};
