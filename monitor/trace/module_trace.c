/* SPDX-License-Identifier: ISC */
/* module_trace.c: --trace: what a guest asks for, call by call, in words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "module.h"
#include "output_file.h"
#include "sandbox.h"

struct trace_module {
	bool wanted;
	struct trace trace;
	struct output_file file;	/* fd -1: standard error */
	uint64_t patience_ns;		/* as the console's */
	unsigned client;
};

static const struct option options[] = {
	{.name = "trace", .form = OPTION_MAYBE, .value = "FILE",
	 .help = "write each hypercall to stderr or FILE, in words; .json is for viewers"},
};

static bool ends_in(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

static int open_trace(struct trace_module *s, const struct setting *how, bool look,
		      struct husk_error *e)
{
	if (how->value[0] != '\0' &&
	    output_file_open(&s->file, "--trace", how->value, look, e) == -1)
		return -1;
	if (trace_init(&s->trace, ends_in(how->value, ".json") ? &form_chrome : &form_lines,
		       e) == 0)
		return 0;
	output_file_close(&s->file);
	return -1;
}

static int trace_open(void **state, const struct settings *settings, struct manifest *mft,
		      struct husk_error *e)
{
	const struct setting *how = settings_find(settings, "trace", NULL);
	struct trace_module *s = calloc(1, sizeof *s);

	(void)mft;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module trace");
	s->file.fd = -1;
	s->wanted = how != NULL;
	s->patience_ns = console_patience(settings);
	if (s->wanted && open_trace(s, how, settings->look, e) == -1) {
		free(s);
		return -1;
	}
	*state = s;
	return 0;
}

static int trace_confirm(const void *state, const struct module_host *host, struct husk_error *e)
{
	const struct trace_module *s = state;

	return module_host_spares(host, &s->file, e);
}

/* ---- while the guest is stopped ---- */

static void obey(void *ctx, const char *words, command_answer *answer, void *to)
{
	struct trace_module *s = ctx;

	if (strcmp(words, "on") == 0)
		trace_go_on(&s->trace);
	else if (strcmp(words, "off") == 0)
		trace_pause(&s->trace);
	answer(to, s->trace.paused ? "trace: off; `trace on' has it go on" :
	       "trace: on; `trace off' has it pause");
}

static const struct command command = {"trace", "on, off: calls are written, or not", obey};

static int trace_attach(void *state, struct core *c, struct husk_error *e)
{
	struct trace_module *s = state;
	const int fd = s->file.fd != -1 ? s->file.fd : STDERR_FILENO;

	if (!s->wanted)
		return 0;
	if (output_file_claim(&s->file, e) == -1 || commands_add(&c->commands, &command, s, e) == -1)
		return -1;
	if (core_add_client(c, &trace_client, &s->trace, &s->client, e) == -1) {
		commands_remove(&c->commands, &command);
		return -1;
	}
	s->trace.core = c;
	sink_attach(&s->trace.sink, fd, &c->waiter, s->patience_ns, !s->file.file);
	return 0;
}

/* Also of what was never attached. */
static void trace_detach(void *state, struct core *c)
{
	struct trace_module *s = state;

	commands_remove(&c->commands, &command);
	core_remove_client(c, s->client);
	s->client = CORE_NO_CLIENT;
	trace_fini(&s->trace);
}

static void trace_confine(void *state, struct sandbox *out)
{
	struct trace_module *s = state;

	if (!s->wanted)
		return;
	output_settle(&s->trace.sink.to.out);
	sandbox_keep(out, s->trace.sink.to.out.fd, SANDBOX_OUTPUT);
	sandbox_keep(out, s->file.fd, SANDBOX_OUTPUT);
}

static void trace_close(void *state)
{
	struct trace_module *s = state;

	trace_fini(&s->trace);
	output_file_close(&s->file);
	free(s);
}

static void trace_report(const void *state, module_figure *tell, void *ctx)
{
	const struct trace_module *s = state;

	if (!s->wanted)
		return;
	tell(ctx, "trace", "lines", s->trace.sink.lines);
	tell(ctx, "trace", "lines_dropped", s->trace.sink.dropped);
	tell(ctx, "trace", "bytes_dropped", s->trace.sink.to.lost);
}

extern const struct module module_trace;
const struct module module_trace = {
	.name = "trace",
	.options = options,
	.n_options = sizeof options / sizeof options[0],
	.open = trace_open,
	.confirm = trace_confirm,
	.attach = trace_attach,
	.confine = trace_confine,
	.detach = trace_detach,
	.close = trace_close,
	.report = trace_report,
};
