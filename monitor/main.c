/* SPDX-License-Identifier: ISC */
/* main.c: the program, from argv to the exit status; only main.c and main_*.c write to a user. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../include/hvt_abi.h"
#include "../include/husk/husk.h"
#include "main_figures.h"
#include "main_inherited.h"
#include "main_messages.h"
#include "main_sandbox.h"
#include "main_signals.h"
#include "options.h"

/* 60 to 64 are not used: some orchestrators give them meanings of their own. */
enum { STATUS_OK = 0, STATUS_FAILED = 1 };

struct command {
	struct messages messages;
	struct settings settings;	/* the options of this file */
	struct husk *machine;
	struct figures figures;
	struct figures metrics;		/* that are written while the guest runs */
	struct husk_output outputs[3];	/* stderr, and where the figures go */
	bool stdout_is_disk, stderr_is_disk;	/* a disk of the guest: nothing is written there */
	bool ended;			/* the guest did, whatever is asked for afterwards */
	bool told;			/* that we end on a signal */
	bool metrics_told;		/* that they could not be written */
	int argc;
	char **argv;
	const char *kernel;
	int guest_argc;
	char **guest_argv;
};

#define EVERY_DEFAULT 10u	/* seconds; collectors ask every 15 to 60 */
#define EVERY_MAX 86400u

static int check_seconds(const char *value, struct husk_error *e)
{
	unsigned long long n;

	return option_number(value, 1, EVERY_MAX, &n, e);
}

static const struct option actions[] = {
	{.name = "help", .form = OPTION_FLAG, .help = "print this and exit; -h too"},
	{.name = "version", .form = OPTION_MAYBE, .value = "full",
	 .help = "print version and features, or also what is linked in, and exit; -v too"},
	{.name = "inspect", .form = OPTION_MAYBE, .value = "json",
	 .help = "print what the image says about itself; no machine is made"},
	{.name = "check", .form = OPTION_FLAG,
	 .help = "look at the host, and at KERNEL and its devices if given; run nothing"},
	{.name = "dry-run", .form = OPTION_FLAG, .help = "do everything but run the guest"},
	{.name = "sandbox", .form = OPTION_VALUE, .value = "HOW", .check = sandbox_check_how,
	 .help = "on (default), require (fail if a part is missing), kill (a signal), off"},
	{.name = "user", .form = OPTION_VALUE, .value = "UID", .check = sandbox_check_user,
	 .help = "run the guest as that user, a number, or UID:GID; start husk as root"},
	{.name = "stats", .form = OPTION_MAYBE, .value = "json",
	 .help = "print exits, hypercalls, bytes and system calls to stderr at the end"},
	{.name = "stats-to", .form = OPTION_VALUE, .value = "PATH",
	 .help = "print them to a file (or @FD) instead"},
	{.name = "metrics", .form = OPTION_VALUE, .value = "FILE",
	 .help = "keep them in FILE while the guest runs, for Prometheus (OpenMetrics)"},
	{.name = "metrics-every", .form = OPTION_VALUE, .value = "SECONDS", .check = check_seconds,
	 .help = "how often, 10 by default; at SIGUSR1 too"},
};
static const struct option_group action_group = {
	"the monitor", actions, sizeof actions / sizeof actions[0],
};

static void on_notice(void *ctx, const char *text)
{
	struct command *c = ctx;

	messages_say(&c->messages, text);
}

static void on_output_is_disk(void *ctx, int fd)
{
	struct command *c = ctx;

	c->stdout_is_disk |= fd == STDOUT_FILENO;
	c->stderr_is_disk |= fd == STDERR_FILENO;
	messages_redirect(&c->messages, !c->stderr_is_disk ? STDERR_FILENO :
			  !c->stdout_is_disk ? STDOUT_FILENO : -1);
}

static bool asked(const struct command *c, const char *action)
{
	return settings_find(&c->settings, action, NULL) != NULL;
}

static bool has_value(const struct command *c, const char *action)
{
	const struct setting *s = settings_find(&c->settings, action, NULL);

	return s != NULL && s->value[0] != '\0';
}

/* A disk that is full is told of once; it may have room again later. */
static void update_metrics(struct command *c)
{
	struct husk_error e;

	if (figures_rewrite(&c->metrics, c->machine, &e) == 0)
		return;
	if (!c->metrics_told)
		messages_say(&c->messages, e.message);
	c->metrics_told = true;
}

/* A program that reads the figures has no use for the place. */
static void show(struct command *c)
{
	const bool json = has_value(c, "stats");
	struct husk_error e;

	if (figures_show(c->machine, json, &c->messages, &e) == -1)
		messages_say(&c->messages, e.message);
	if (!json)
		husk_place(c->machine, on_notice, c);
}

/* SIGUSR1, or the time for metrics: the guest waits meanwhile. */
static void on_attend(void *ctx)
{
	struct command *c = ctx;
	const unsigned looks = signals_take_looks();

	if (looks != SIGNALS_TIME)
		show(c);
	if (asked(c, "metrics"))
		update_metrics(c);
}

static int stopped(struct command *c, int signal)
{
	char text[48];

	snprintf(text, sizeof text, "Exiting on signal %d", signal);
	messages_say(&c->messages, text);
	c->told = true;
	return STATUS_FAILED;
}

static bool is_stopping(void *ctx)
{
	(void)ctx;
	return signals_asked() != 0;
}

/*
 * If a signal has asked for the end, reports that instead of the failure, which it may have caused.
 */
static int fail(struct command *c, const struct husk_error *e)
{
	if (signals_asked() == 0 || c->ended)
		messages_say(&c->messages, e->message);
	else if (!c->told)
		(void)stopped(c, signals_asked());
	return STATUS_FAILED;
}

static void print_help(const struct command *c, FILE *out)
{
	fprintf(out, "usage: %s [ OPTIONS ] [ -- ] KERNEL [ ARGS ]\n\n"
		"KERNEL is the unikernel to run, an ELF image for the Solo5 hvt target.\n"
		"ARGS are handed to it.\n\n", c->messages.program);
	fprintf(out, "Options of %s:\n", action_group.title);
	option_group_help(&action_group, out);
	husk_help(out);
	fputs("Compiled-in modules: ", out);
	husk_modules(out);
	putc('\n', out);
}

/* configure.sh has put semicolons between them. */
static void print_linked(FILE *out)
{
	const char *rest = HUSK_LINKED;

	while (*rest != '\0') {
		size_t len = strcspn(rest, ";");

		fprintf(out, "linked: %.*s\n", (int)len, rest);
		rest += len;
		rest += strspn(rest, "; ");
	}
}

static void print_version(const struct command *c, FILE *out)
{
	fprintf(out, "%s tender, version husk %s\nABI version %u\nbackend: %s\narchitecture: %s\n"
		"modules: ", c->messages.program, HUSK_VERSION, HVT_ABI_VERSION, HUSK_BACKEND,
		HUSK_ARCH);
	husk_modules(out);
	fputs("\nsandbox: ", out);
	husk_confine_describe(out);
	putc('\n', out);
	if (has_value(c, "version"))
		print_linked(out);
}

/* The value of an option; NULL without it. */
static const char *value_of(const struct command *c, const char *action)
{
	const struct setting *s = settings_find(&c->settings, action, NULL);

	return s == NULL ? NULL : s->value;
}

static int check_format(const struct setting *s, struct husk_error *e)
{
	if (s->option->form != OPTION_MAYBE || s->value[0] == '\0' ||
	    strcmp(s->value, s->option->value) == 0)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "Invalid option: `--%s=%s': the only %s is %s",
			 s->option->name, s->value,
			 strcmp(s->option->value, "json") == 0 ? "format" : "value",
			 s->option->value);
}

static int check_formats(const struct command *c, struct husk_error *e)
{
	for (size_t i = 0; i < c->settings.n; i++)
		if (check_format(&c->settings.list[i], e) == -1)
			return -1;
	return 0;
}

/* An option is ours or the machine's; the machine's message covers both if it is neither. */
static int take_option(struct command *c, const char *word, struct husk_error *e)
{
	size_t len = strcspn(word, "=:");

	if (strcmp(word, "-h") == 0 || strcmp(word, "-v") == 0)
		return take_option(c, word[1] == 'h' ? "--help" : "--version", e);
	for (size_t i = 0; i < action_group.n; i++)
		if (strncmp(word, "--", 2) == 0 && len == strlen(actions[i].name) + 2 &&
		    memcmp(word + 2, actions[i].name, len - 2) == 0)
			return settings_add(&c->settings, &action_group, 1, word, e);
	return husk_option(c->machine, word, e);
}

/*
 * One pass. An invalid option is reported only if neither --help nor --version follows. An empty
 * word before KERNEL, left by a doubled space in a script, is skipped.
 */
static int parse(struct command *c, struct husk_error *e)
{
	char **argv = c->argv;
	struct husk_error this;
	int argc = c->argc, i, rc = 0;

	for (i = 1; i < argc && (argv[i][0] == '-' || argv[i][0] == '\0'); i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (argv[i][0] != '\0' && take_option(c, argv[i], &this) == -1 && rc == 0) {
			*e = this;
			rc = -1;
		}
	}
	if (i < argc) {
		c->kernel = argv[i];
		c->guest_argc = argc - i - 1;
		c->guest_argv = argv + i + 1;
	}
	return rc == 0 ? check_formats(c, e) : rc;
}

/* The last words of a guest that hangs. */
static int quit(struct command *c)
{
	const int status = stopped(c, SIGQUIT);

	signals_rest();
	husk_place(c->machine, on_notice, c);
	husk_post_mortem(c->machine, true);
	return status;
}

static int run_guest(struct command *c, struct husk_error *e)
{
	int status = 0;
	enum husk_end end = husk_run(c->machine, &status, e);

	if (end == HUSK_STOPPED && status == SIGQUIT)
		return quit(c);
	if (end == HUSK_STOPPED)
		return stopped(c, status);
	c->ended = true;
	status = end == HUSK_HALTED ? status & 0xff : fail(c, e);
	husk_post_mortem(c->machine, false);
	return status;
}

static int enter_sandbox(struct command *c, struct husk_error *e)
{
	struct sandbox_own own;

	if (!sandbox_is_wanted(&c->settings))
		return 0;
	messages_settle(&c->messages);
	figures_settle(&c->figures);
	own = (struct sandbox_own){
		.messages = c->messages.out.fd, .figures = c->figures.fd == -1 ? -1 : c->figures.out.fd,
		.cut = c->figures.file ? c->figures.fd : -1, .metrics = c->metrics.fd,
	};
	return sandbox_enter(c->machine, &c->settings, &own, e);
}

static int claim_metrics(const struct command *c, struct husk_error *e)
{
	const char *every = value_of(c, "metrics-every");

	if (!asked(c, "metrics") || asked(c, "dry-run"))
		return 0;
	if (figures_claim(&c->metrics, e) == -1 || figures_empty(&c->metrics, e) == -1)
		return -1;
	return signals_look_every(every == NULL ? EVERY_DEFAULT : (unsigned)strtoul(every, NULL, 10), e);
}

static int start_guest(struct command *c, struct husk_error *e)
{
	if (husk_load(c->machine, c->kernel, c->guest_argc, c->guest_argv, e) == -1)
		return -1;
	signals_stop(c->machine);
	if (figures_claim(&c->figures, e) == -1 || claim_metrics(c, e) == -1)
		return -1;
	return enter_sandbox(c, e);
}

static int open_figures(struct command *c, struct husk_error *e)
{
	const char *place = value_of(c, "stats-to"), *metrics = value_of(c, "metrics");

	if (asked(c, "stats") || place != NULL || metrics != NULL)
		husk_count_time(c->machine);
	if ((asked(c, "stats") || place != NULL) &&
	    figures_open(&c->figures, "--stats-to", place, e) == -1)
		return -1;
	if (place != NULL && figures_spare_image(&c->figures, c->kernel, e) == -1)
		return -1;
	if (metrics == NULL)
		return asked(c, "metrics-every") ?
		       husk_fail(e, HUSK_E_USAGE, "--metrics-every: there is no --metrics=FILE to go with it") : 0;
	if (figures_open(&c->metrics, "--metrics", metrics, e) == -1 ||
	    figures_require_file(&c->metrics, e) == -1)
		return -1;
	return figures_spare_image(&c->metrics, c->kernel, e);
}

static int launch(struct command *c, struct husk_error *e)
{
	const bool counting = asked(c, "stats") || asked(c, "stats-to");
	int status = STATUS_OK;

	if (asked(c, "dry-run"))
		husk_check_only(c->machine);
	if (open_figures(c, e) == -1)
		return fail(c, e);
	c->outputs[1] = (struct husk_output){
		c->figures.fd, asked(c, "stats-to") ? "--stats-to" : c->figures.where,
	};
	c->outputs[2] = (struct husk_output){c->metrics.fd, "--metrics"};
	if (start_guest(c, e) == -1)
		return fail(c, e);
	if (!asked(c, "dry-run"))
		status = run_guest(c, e);
	if (asked(c, "metrics") && !asked(c, "dry-run"))
		update_metrics(c);
	if (counting && figures_take(&c->figures, c->machine, has_value(c, "stats"), e) == -1)
		status = fail(c, e);
	return status;
}

static int inspect(struct command *c, FILE *out, struct husk_error *e)
{
	if (c->guest_argc > 0) {
		husk_fail(e, HUSK_E_USAGE, "--inspect takes one image, and `%.60s' comes after it: "
			  "options go in front, and another image has a run of its own",
			  c->guest_argv[0]);
		return fail(c, e);
	}
	if (husk_inspect(c->machine, c->kernel, has_value(c, "inspect"), out, e) == -1)
		return fail(c, e);
	return STATUS_OK;
}

/* Returns 1 for a place at which figures cannot be written. */
static int check_place(const struct command *c, const char *option, struct figures *f,
		       struct husk_output *output, FILE *out)
{
	const char *where = value_of(c, option + strlen("--"));
	struct husk_error e;

	if (where == NULL)
		return 0;
	if (figures_check(f, option, where, c->kernel, &e) == -1) {
		fprintf(out, "FAIL %s\n", e.message);
		return 1;
	}
	*output = (struct husk_output){f->fd, option};
	return 0;
}

/* The figures come first, as no disk may be where they go. */
static int check_all(struct command *c, FILE *out)
{
	int bad = check_place(c, "--stats-to", &c->figures, &c->outputs[1], out) +
		  check_place(c, "--metrics", &c->metrics, &c->outputs[2], out);

	bad += husk_check(c->machine, c->kernel, c->guest_argc, c->guest_argv, out);
	return bad + sandbox_check_host(&c->settings, out);
}

/* Nothing is written before standard output is known not to be a disk of the guest. */
static int check(struct command *c, FILE *out, struct husk_error *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *findings = open_memstream(&text, &len);
	int bad;

	if (findings == NULL) {
		husk_fail_sys(e, ENOMEM, "findings");
		return fail(c, e);
	}
	bad = check_all(c, findings);
	if (fclose(findings) == 0 && !c->stdout_is_disk)
		fwrite(text, 1, len, out);
	else
		messages_say(&c->messages, "standard output is a disk of the guest: nothing was "
			     "written there");
	free(text);
	return bad == 0 ? STATUS_OK : STATUS_FAILED;
}

/* What goes to standard output, other than the guest's console. */
static int answer(struct command *c, FILE *out, struct husk_error *e)
{
	if (asked(c, "help"))
		return print_help(c, out), STATUS_OK;
	if (asked(c, "version"))
		return print_version(c, out), STATUS_OK;
	if (asked(c, "check"))
		return check(c, out, e);
	return inspect(c, out, e);
}

static int answer_in_full(struct command *c, struct husk_error *e)
{
	struct answer a;
	int status;

	if (answer_open(&a, STDOUT_FILENO, e) == -1)
		return fail(c, e);
	status = answer(c, a.stream, e);
	return answer_close(&a, "standard output", e) == -1 ? fail(c, e) : status;
}

/* Each of them says what is to be done instead of a run, so that one of two would be ignored. */
static int check_goal(const struct command *c, struct husk_error *e)
{
	static const char *const goals[] = {"inspect", "check", "dry-run"};
	const char *goal = NULL;

	for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
		if (!asked(c, goals[i]))
			continue;
		if (goal != NULL)
			return husk_fail(e, HUSK_E_USAGE, "--%s and --%s: give one of them, each "
					 "is a run of its own", goal, goals[i]);
		goal = goals[i];
	}
	return 0;
}

/*
 * What is written would become part of the image, if only of what the next run reads. husk_load looks
 * at the guest's console.
 */
static int spare_image(struct command *c, struct husk_error *e)
{
	const bool answers = asked(c, "check") || asked(c, "inspect");
	const char *name;

	if (answers && answer_overwrites(STDOUT_FILENO, c->kernel)) {
		on_output_is_disk(c, STDOUT_FILENO);
		name = "standard output";
	} else if (messages_overwrite(&c->messages, c->kernel)) {
		on_output_is_disk(c, STDERR_FILENO);
		name = "standard error";
	} else {
		return 0;
	}
	return husk_fail(e, HUSK_E_USAGE, "%s is the image that is to run; send it to another file",
			 name);
}

static int missing_kernel(struct command *c)
{
	messages_say(&c->messages, "Missing KERNEL operand; see --help");
	return STATUS_FAILED;
}

static int act(struct command *c, int parsed, struct husk_error *e)
{
	const struct setting *version = settings_find(&c->settings, "version", NULL);

	if (asked(c, "help"))
		return answer_in_full(c, e);
	if (version != NULL)
		return check_format(version, e) == -1 ? fail(c, e) : answer_in_full(c, e);
	if (parsed == -1 || check_goal(c, e) == -1 || spare_image(c, e) == -1)
		return fail(c, e);
	if (asked(c, "check"))
		return answer_in_full(c, e);
	if (c->kernel == NULL)
		return missing_kernel(c);
	return asked(c, "inspect") ? answer_in_full(c, e) : launch(c, e);
}

/*
 * The machine has been destroyed, so that a slow reader of the figures holds none of its resources.
 * If the figures are lost, the status is a failure even if the guest succeeded.
 */
static int write_figures(struct command *c, int status, struct husk_error *e)
{
	if (figures_write(&c->figures, e) == 0)
		return status;
	c->ended = false;
	(void)fail(c, e);
	return status == STATUS_OK ? STATUS_FAILED : status;
}

static int work(struct command *c, struct husk_error *e)
{
	const struct husk_config config = {
		.size = sizeof config, .console_fd = STDOUT_FILENO,
		.console_name = "standard output",
		.outputs = c->outputs, .n_outputs = 3,
		.output_is_disk = on_output_is_disk, .output_ctx = c,
		.notice = on_notice, .notice_ctx = c,
		.stopping = is_stopping, .attend = on_attend, .attend_ctx = c,
	};
	int status;

	if (inherited_descriptors(e) == -1)
		return fail(c, e);
	c->machine = husk_create(&config, e);
	if (c->machine == NULL)
		return fail(c, e);
	status = act(c, parse(c, e), e);
	signals_stop(NULL);
	husk_destroy(c->machine);
	status = write_figures(c, status, e);
	if (signals_asked() != 0 && !c->ended && !c->told)
		status = stopped(c, signals_asked());
	return status;
}

static int tidy(void *ctx)
{
	struct command *c = ctx;
	struct husk_error e = {0};
	int status = work(c, &e);

	figures_close(&c->figures);
	figures_close(&c->metrics);
	settings_free(&c->settings);
	messages_fini(&c->messages);
	return status;
}

/* A name may be missing, empty, or end in a slash. */
static const char *program_name(int argc, char **argv)
{
	const char *name = argc > 0 ? argv[0] : "", *slash = strrchr(name, '/');

	if (slash != NULL)
		name = slash + 1;
	return name[0] != '\0' ? name : "husk";
}

/* Before main, so that neither a signal nor a refused call is early enough to end husk without a word. */
__attribute__((constructor)) static void before_main(void)
{
	sandbox_catch();
	signals_hold();
}

int main(int argc, char **argv)
{
	struct command c = {
		.figures = {.fd = -1}, .metrics = {.fd = -1},
		.outputs = {{STDERR_FILENO, "standard error"}, {-1, NULL}, {-1, NULL}},
		.argc = argc, .argv = argv,
	};
	struct husk_error e = {0};
	int status;

	messages_init(&c.messages, program_name(argc, argv));
	if (signals_catch(&e) == -1)
		return fail(&c, &e);
	status = inherited_stack(tidy, &c, &e);
	return status != -1 ? status : fail(&c, &e);
}
