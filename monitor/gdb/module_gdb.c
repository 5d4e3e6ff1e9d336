/* SPDX-License-Identifier: ISC */
/* module_gdb.c: a debugger for the guest: --gdb, and its life from open to close. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "debugger.h"
#include "module.h"
#include "sandbox.h"
#include "symbols.h"

static const struct option options[] = {
	{.name = "gdb", .form = OPTION_MAYBE, .value = "PATH",
	 .help = "wait for gdb at a Unix socket or port (1234) of 127.0.0.1; also ,nowait"},
	{.name = "gdb-port", .form = OPTION_VALUE, .value = "N", .check = gdb_port_check,
	 .help = "the port of --gdb"},
};

static void gdb_close(void *state)
{
	struct debugger *d = state;

	if (d == NULL)
		return;
	gdb_listener_close(&d->listener);
	gdb_session_fini(&d->session);
	free(d);
}

/* Before a machine exists; --check only looks at the options. */
static int open_all(struct debugger *d, const struct settings *settings, struct husk_error *e)
{
	if (gdb_place_read(&d->place, settings, e) == -1)
		return -1;
	if (!d->place.wanted || settings->look)
		return 0;
	if (gdb_session_init(&d->session, e) == -1)
		return -1;
	return gdb_listener_open(&d->listener, &d->place, e);
}

static int gdb_open(void **state, const struct settings *settings, struct manifest *mft,
		    struct husk_error *e)
{
	struct debugger *d;

	(void)mft;
	*state = NULL;
	if (settings_find(settings, "gdb", NULL) == NULL &&
	    settings_find(settings, "gdb-port", NULL) == NULL)
		return 0;
	d = calloc(1, sizeof *d);
	if (d == NULL)
		return husk_fail_sys(e, ENOMEM, "module gdb");
	d->connection.fd = d->listener.fd = d->listener.dir = -1;
	if (open_all(d, settings, e) == -1) {
		gdb_close(d);
		return -1;
	}
	*state = d;
	return 0;
}

/* Without --gdb there is no state, which is large. */
static bool is_open(const struct debugger *d)
{
	return d != NULL && d->listener.fd != -1;
}

static int check_backend(const struct core *c, struct husk_error *e)
{
	if (c->caps->debug != NULL && c->caps->registers != NULL)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "--gdb: %s cannot stop a guest for a debugger",
			 c->ops->name);
}

/* ---- the command that the user is told ---- */

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+=:,@%"

/* As a shell takes it for one word; false if there is no room. */
static bool quote(const char *word, char *out, size_t room)
{
	size_t n = 0;

	if (word[strspn(word, PLAIN)] == '\0')
		return (size_t)snprintf(out, room, "%s", word) < room;
	for (out[n++] = '\''; *word != '\0' && n + 6 < room; word++)
		n += (size_t)snprintf(out + n, room - n, *word == '\'' ? "'\\''" : "%c", *word);
	snprintf(out + n, room - n, "'");
	return *word == '\0';
}

/* The file that has the names has the lines too. */
static void name_image(struct debugger *d, const struct symbol_file *f)
{
	const char *name = f == NULL ? NULL : f->copy.name != NULL ? f->copy.name : f->image->name;

	if (name == NULL || !quote(name, d->image, sizeof d->image))
		snprintf(d->image, sizeof d->image, "KERNEL");
}

static void gdb_detach(void *state, struct core *c)
{
	struct debugger *d = state;

	if (!is_open(d))
		return;
	debugger_disconnect(d);
	gdb_watch_stop(&d->watch);
	core_unregister_vmexit(c, HV_EXIT_DEBUG);
	core_remove_client(c, d->id);
	d->id = CORE_NO_CLIENT;
}

/* The first run begins with us. */
static int gdb_attach(void *state, struct core *c, struct husk_error *e)
{
	struct debugger *d = state;

	if (!is_open(d))
		return 0;
	if (check_backend(c, e) == -1 ||
	    core_register_vmexit(c, HV_EXIT_DEBUG, debugger_exit, d, e) == -1)
		return -1;
	d->core = c;
	d->waiting = !d->place.nowait;
	name_image(d, c->symbols);
	gdb_session_attach(&d->session, c);
	if (core_add_client(c, &debugger_client, d, &d->id, e) == -1 ||
	    gdb_watch_init(&d->watch, d->listener.fd, c, d->id, e) == -1) {
		core_remove_client(c, d->id);
		core_unregister_vmexit(c, HV_EXIT_DEBUG);
		return -1;
	}
	core_post(c, d->id);
	return 0;
}

static int gdb_start(void *state, struct husk_error *e)
{
	struct debugger *d = state;

	return is_open(d) ? gdb_watch_start(&d->watch, e) : 0;
}

static void gdb_limit(const void *state, struct sandbox *s)
{
	const struct debugger *d = state;

	if (is_open(d) && d->listener.dir != -1)
		sandbox_will_remove(s, d->listener.dir);
}

static void gdb_confine(void *state, struct sandbox *s)
{
	struct debugger *d = state;

	if (!is_open(d))
		return;
	s->threads = true;
	s->calls |= SANDBOX_REST;
	s->values[SANDBOX_READABLE] = PROT_READ;
	s->values[SANDBOX_WRITABLE] = PROT_READ | PROT_WRITE;
	sandbox_keep(s, d->listener.fd, SANDBOX_ACCEPTS | SANDBOX_BOTH_WAYS);
	sandbox_keep(s, d->listener.dir, SANDBOX_REMOVES);
	sandbox_keep(s, d->watch.thread.poll_fd, SANDBOX_QUEUE);
	sandbox_keep(s, d->watch.thread.wake.fd, SANDBOX_BOTH_WAYS);
	if (d->listener.dir != -1)
		d->listener.file_stays = !sandbox_may_remove(s);
}

static void gdb_report(const void *state, module_figure *tell, void *ctx)
{
	const struct debugger *d = state;

	if (!is_open(d))
		return;
	tell(ctx, "gdb", "connections", d->connections);
	tell(ctx, "gdb", "stops", d->stops);
	tell(ctx, "gdb", "packets", d->session.packets);
}

extern const struct module module_gdb;
const struct module module_gdb = {
	.name = "gdb",
	.options = options,
	.n_options = sizeof options / sizeof options[0],
	.open = gdb_open,
	.attach = gdb_attach,
	.limit = gdb_limit,
	.start = gdb_start,
	.confine = gdb_confine,
	.detach = gdb_detach,
	.close = gdb_close,
	.report = gdb_report,
};
