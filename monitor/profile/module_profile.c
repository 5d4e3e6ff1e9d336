/* SPDX-License-Identifier: ISC */
/* module_profile.c: --profile: where a guest's time goes, by samples of its stack. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "output_file.h"
#include "picture.h"
#include "sandbox.h"
#include "timer.h"

#define NS_PER_S 1000000000u
#define RATE_DEFAULT 199u	/* no divisor of what guests do so many times a second */
#define RATE_MAX 5000u
#define HURRY_MS 1000u		/* for who reads the profile of a guest that was stopped */

struct profile_module {
	bool wanted;
	picture *draw;
	struct sampler sampler;
	struct profile_timer timer;
	struct output_file file;
	struct sink sink;
	uint64_t patience_ns;		/* as the console's */
	unsigned client, timer_client;
};

static picture *picture_for(const char *file)
{
	static const struct {
		const char *ending;
		picture *draw;
	} kinds[] = {
		{".folded", picture_folded}, {".txt", picture_folded},
		{".json", picture_speedscope}, {".svg", picture_svg},
	};
	const size_t len = strlen(file);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const size_t n = strlen(kinds[i].ending);

		if (len > n && strcmp(file + len - n, kinds[i].ending) == 0)
			return kinds[i].draw;
	}
	return NULL;
}

static int check_file(const char *value, struct husk_error *e)
{
	if (picture_for(value) != NULL)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "`%s' ends in none of .svg (a flame graph), .json (for "
			 "speedscope), .folded and .txt (for other tools)", value);
}

static int check_rate(const char *value, struct husk_error *e)
{
	unsigned long long n;

	return option_number(value, 1, RATE_MAX, &n, e);
}

static const struct option options[] = {
	{.name = "profile", .form = OPTION_VALUE, .value = "FILE", .check = check_file,
	 .help = "sample where the guest's time goes: .svg, .json (speedscope), .folded"},
	{.name = "profile-rate", .form = OPTION_VALUE, .value = "HZ", .check = check_rate,
	 .help = "samples a second, up to 5000 (default 199)"},
};

static uint64_t period(const struct settings *settings)
{
	const struct setting *s = settings_find(settings, "profile-rate", NULL);

	return NS_PER_S / (s == NULL ? RATE_DEFAULT : strtoul(s->value, NULL, 10));
}

static void close_profile(struct profile_module *s)
{
	tree_free(&s->sampler.tree);
	callers_free(&s->sampler.callers);
	symbols_free(&s->sampler.symbols);
	sink_fini(&s->sink);
	output_file_close(&s->file);
}

static int open_profile(struct profile_module *s, const struct settings *settings,
			struct husk_error *e)
{
	const struct setting *how = settings_find(settings, "profile", NULL);

	s->file.fd = -1;
	s->wanted = how != NULL;
	if (!s->wanted && settings_find(settings, "profile-rate", NULL) != NULL)
		return husk_fail(e, HUSK_E_USAGE, "--profile-rate: there is no --profile=FILE to go with it");
	if (!s->wanted)
		return 0;
	if (settings_find(settings, "gdb", NULL) != NULL)
		return husk_fail(e, HUSK_E_USAGE, "--profile and --gdb: time in which a debugger holds "
				 "the guest says nothing; give one of them");
	s->draw = picture_for(how->value);
	s->patience_ns = console_patience(settings);
	s->sampler.period_ns = period(settings);
	if (output_file_open(&s->file, "--profile", how->value, settings->look, e) == -1 ||
	    sink_init(&s->sink, e) == -1 || tree_init(&s->sampler.tree, e) == -1 ||
	    callers_init(&s->sampler.callers, e) == -1) {
		close_profile(s);
		return -1;
	}
	return 0;
}

static int profile_open(void **state, const struct settings *settings, struct manifest *mft,
			struct husk_error *e)
{
	struct profile_module *s = calloc(1, sizeof *s);

	(void)mft;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module profile");
	if (open_profile(s, settings, e) == -1) {
		free(s);
		return -1;
	}
	*state = s;
	return 0;
}

static int profile_confirm(const void *state, const struct module_host *host, struct husk_error *e)
{
	const struct profile_module *s = state;

	return module_host_spares(host, &s->file, e);
}

/* Without a symbol table there are addresses instead of names. */
static int load_symbols(struct profile_module *s, const struct core *c, struct husk_error *e)
{
	int rc;

	if (c->symbols == NULL)
		return 0;
	rc = symbols_load(&s->sampler.symbols, c->symbols, e);
	if (rc == 0 && s->sampler.symbols.n == 0)
		core_say(c, "profile: the image has no symbols, so that functions are addresses");
	return rc;
}

/* A library's user may start the machine in one thread, and run it in another. */
static void on_resume(void *ctx)
{
	struct profile_module *s = ctx;
	struct husk_error e;

	if (profile_timer_follow(&s->timer, &e) == -1)
		core_say(s->sampler.core, "%s; samples are taken at exits only", e.message);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct profile_module *s = ctx;

	(void)how;
	profile_timer_rest(&s->timer);
}

static const struct core_client timer_client = {.resume = on_resume, .end = on_end};

static int add_clients(struct profile_module *s, struct core *c, struct husk_error *e)
{
	if (core_add_client(c, &sampler_client, &s->sampler, &s->client, e) == -1)
		return -1;
	if (core_add_client(c, &timer_client, s, &s->timer_client, e) == 0)
		return 0;
	core_remove_client(c, s->client);
	s->client = CORE_NO_CLIENT;
	return -1;
}

static int profile_attach(void *state, struct core *c, struct husk_error *e)
{
	struct profile_module *s = state;

	if (!s->wanted)
		return 0;
	if (c->caps->registers == NULL)
		return husk_fail(e, HUSK_E_HOST, "--profile: %s does not tell the guest's registers",
				 c->ops->title);
	if (load_symbols(s, c, e) == -1 || output_file_claim(&s->file, e) == -1 ||
	    add_clients(s, c, e) == -1) {
		symbols_free(&s->sampler.symbols);
		return -1;
	}
	s->sampler.core = c;
	sink_attach(&s->sink, s->file.fd, &c->waiter, s->patience_ns, false);
	return 0;
}

/* The caller is the thread that will run the guest, most likely: on_resume. */
static int profile_start(void *state, struct husk_error *e)
{
	struct profile_module *s = state;

	if (!s->wanted)
		return 0;
	sampler_start(&s->sampler);
	return profile_timer_start(&s->timer, s->sampler.core, s->sampler.start, s->sampler.period_ns,
				   e);
}

/* The kernel is to signal the vcpu's thread, which the hypervisor's backend has to expect. */
static void profile_confine(void *state, struct sandbox *out)
{
	struct profile_module *s = state;

	if (!s->wanted)
		return;
	profile_timer_confine(out);
	out->threads = true;
	out->calls |= SANDBOX_REST;
	output_settle(&s->sink.to.out);
	sandbox_keep(out, s->sink.to.out.fd, SANDBOX_OUTPUT);
	sandbox_keep(out, s->file.fd, SANDBOX_OUTPUT);
}

/* ---- the end ---- */

/* The place of the guest's own code that most samples ended in; NULL if there is none. */
static const struct tree_place *top_of(const struct tree *t)
{
	const struct tree_place *top = NULL;

	for (uint32_t i = 0; i < t->n_places; i++)
		if (t->places[i].self > 0 && t->places[i].is.kind != PLACE_WAIT &&
		    t->places[i].is.kind != PLACE_OFF &&
		    (top == NULL || t->places[i].self > top->self))
			top = &t->places[i];
	return top;
}

static unsigned long long percent(uint64_t part, uint64_t all)
{
	return (part * 100 + all / 2) / all;
}

static void say_what_came_of_it(const struct profile_module *s)
{
	const struct tree *t = &s->sampler.tree;
	const struct tree_place *top = top_of(t);
	char line[400], text[64];
	size_t n = 0;

	if (t->samples == 0) {
		core_say(s->sampler.core, "profile: no samples; a guest that runs for less than %llu ms "
			 "needs a higher --profile-rate",
			 (unsigned long long)(20 * s->sampler.period_ns / 1000000));
		return;
	}
	line[0] = '\0';
	if (s->sampler.waits > 0)
		n += (size_t)snprintf(line, sizeof line, ", %llu %% waiting",
				      percent(s->sampler.waits, t->samples));
	if (percent(s->sampler.off, t->samples) > 0)
		n += (size_t)snprintf(line + n, sizeof line - n, ", %llu %% without a processor",
				      percent(s->sampler.off, t->samples));
	if (t->lost > 0)
		n += (size_t)snprintf(line + n, sizeof line - n, ", %llu %% lost",
				      percent(t->lost, t->samples));
	if (s->sampler.nested * 20 < s->sampler.in_guest)
		n += (size_t)snprintf(line + n, sizeof line - n, ", no frame pointers: flat");
	if (top != NULL)
		snprintf(line + n, sizeof line - n, ", top: %s %llu %%",
			 sampler_name(&s->sampler, &top->is, text, sizeof text),
			 percent(top->self, t->samples));
	core_say(s->sampler.core, "profile: %llu samples%s", (unsigned long long)t->samples, line);
}

static void write_profile(struct profile_module *s)
{
	const struct sink *to = &s->sink;
	uint64_t left_out;

	if (s->sampler.stopped && !s->file.file)
		sink_hurry(&s->sink, HURRY_MS);
	tree_sum(&s->sampler.tree);
	left_out = s->draw(&s->sampler, &s->sink);
	sink_flush(&s->sink);
	sink_hurry(&s->sink, CONSOLE_GRACE_MS);
	sink_flush(&s->sink);
	if (to->dropped > 0 || to->n > 0 || to->to.lost > 0)
		core_say(s->sampler.core, "profile: %s: not all of it could be written", s->file.where);
	if (left_out > 0)
		core_say(s->sampler.core, "profile: %s: stacks of %llu samples are left out, as the others "
			 "take %llu MiB; .svg and .json have room for them", s->file.where,
			 (unsigned long long)left_out, (unsigned long long)(PICTURE_FOLDED_MAX >> 20));
}

/* Figures and guest memory are no more needed by others; the machine is still there. */
static void profile_detach(void *state, struct core *c)
{
	struct profile_module *s = state;

	if (s->client == CORE_NO_CLIENT)
		return;
	profile_timer_stop(&s->timer);
	core_remove_client(c, s->client);
	core_remove_client(c, s->timer_client);
	s->client = s->timer_client = CORE_NO_CLIENT;
	if (s->sampler.ran) {
		write_profile(s);
		say_what_came_of_it(s);
	}
	sink_detach(&s->sink);
}

static void profile_close(void *state)
{
	struct profile_module *s = state;

	close_profile(s);
	free(s);
}

static void profile_report(const void *state, module_figure *tell, void *ctx)
{
	const struct profile_module *s = state;

	if (!s->wanted)
		return;
	tell(ctx, "profile", "samples", s->sampler.tree.samples);
	tell(ctx, "profile", "lost", s->sampler.tree.lost);
	callers_report(&s->sampler.callers, &s->sampler.symbols, tell, ctx);
}

extern const struct module module_profile;
const struct module module_profile = {
	.name = "profile",
	.options = options,
	.n_options = sizeof options / sizeof options[0],
	.open = profile_open,
	.confirm = profile_confirm,
	.attach = profile_attach,
	.start = profile_start,
	.confine = profile_confine,
	.detach = profile_detach,
	.close = profile_close,
	.report = profile_report,
};
