/* SPDX-License-Identifier: ISC */
/* main.c: the program, from argv to the exit status; only main.c and main_*.c write to a user. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main_answers.h"
#include "main_figures.h"
#include "main_inherited.h"
#include "main_messages.h"
#include "main_sandbox.h"
#include "main_signals.h"
#include "main_words.h"

#define METRICS_EVERY 10u	/* seconds, unless said otherwise; collectors ask every 15 to 60 */

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
	const bool json = words_have_value(c, "stats");
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

	if ((looks & SIGNALS_USER) != 0)
		show(c);
	if (words_ask(c, "metrics"))
		update_metrics(c);
}

static int stopped(struct command *c, int signal)
{
	char text[48];

	snprintf(text, sizeof text, "Exiting on signal %d", signal);
	messages_say(&c->messages, text);
	c->told = signal;
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
	else if (c->told == 0)
		(void)stopped(c, signals_asked());
	return STATUS_FAILED;
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
	const char *every = words_value(c, "metrics-every");

	if (!words_ask(c, "metrics") || words_ask(c, "dry-run"))
		return 0;
	if (figures_claim(&c->metrics, e) == -1 || figures_empty(&c->metrics, e) == -1)
		return -1;
	return signals_look_every(every == NULL ? METRICS_EVERY : (unsigned)strtoul(every, NULL, 10), e);
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

/* A dry run makes no file. */
static int open_metrics(struct command *c, const char *place, struct husk_error *e)
{
	if (!words_ask(c, "dry-run"))
		return figures_open(&c->metrics, "--metrics", place, e) == -1 ? -1 : answers_check_metrics(c, e);
	if (figures_check(&c->metrics, "--metrics", place, c->kernel, e) == -1)
		return -1;
	return c->metrics.fd == -1 ? 0 : answers_check_metrics(c, e);
}

static int open_figures(struct command *c, struct husk_error *e)
{
	const char *place = words_value(c, "stats-to"), *metrics = words_value(c, "metrics");

	if (words_ask(c, "stats") || place != NULL || metrics != NULL)
		husk_count_time(c->machine);
	if ((words_ask(c, "stats") || place != NULL) &&
	    figures_open(&c->figures, "--stats-to", place, e) == -1)
		return -1;
	if (place != NULL && figures_spare_image(&c->figures, c->kernel, e) == -1)
		return -1;
	if (metrics == NULL)
		return words_ask(c, "metrics-every") ?
		       husk_fail(e, HUSK_E_USAGE, "--metrics-every: there is no --metrics=FILE to go with it") : 0;
	return open_metrics(c, metrics, e);
}

static int launch(struct command *c, struct husk_error *e)
{
	const bool counting = words_ask(c, "stats") || words_ask(c, "stats-to");
	int status = STATUS_OK;

	if (words_ask(c, "dry-run"))
		husk_check_only(c->machine);
	if (open_figures(c, e) == -1)
		return fail(c, e);
	answers_note_outputs(c);
	if (start_guest(c, e) == -1)
		return fail(c, e);
	if (!words_ask(c, "dry-run"))
		status = run_guest(c, e);
	if (words_ask(c, "metrics") && !words_ask(c, "dry-run"))
		update_metrics(c);
	if (counting && figures_take(&c->figures, c->machine, words_have_value(c, "stats"), e) == -1)
		status = fail(c, e);
	return status;
}

/*
 * What is written would become part of the image, if only of what the next run reads. husk_load looks
 * at the guest's console.
 */
static int spare_image(struct command *c, struct husk_error *e)
{
	const bool answers = words_ask(c, "check") || words_ask(c, "inspect");
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

static int print_answer(struct command *c, struct husk_error *e)
{
	const int status = answers_print(c, e);

	return status == -1 ? fail(c, e) : status;
}

static int missing_kernel(struct command *c)
{
	messages_say(&c->messages, "Missing KERNEL operand; see --help");
	return STATUS_FAILED;
}

static int act(struct command *c, int parsed, struct husk_error *e)
{
	if (words_ask(c, "help"))
		return print_answer(c, e);
	if (words_ask(c, "version"))
		return words_check_version(c, e) == -1 ? fail(c, e) : print_answer(c, e);
	if (parsed == -1 || words_check_goal(c, e) == -1 || spare_image(c, e) == -1)
		return fail(c, e);
	if (words_ask(c, "check"))
		return print_answer(c, e);
	if (c->kernel == NULL)
		return missing_kernel(c);
	return words_ask(c, "inspect") ? print_answer(c, e) : launch(c, e);
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
		.outputs = c->outputs, .n_outputs = COMMAND_OUTPUTS, .n_overwritten = 2,
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
	status = act(c, words_parse(c, e), e);
	signals_stop(NULL);
	husk_destroy(c->machine);
	status = write_figures(c, status, e);
	if (signals_asked() != 0 && !c->ended && c->told == 0)
		(void)stopped(c, signals_asked());
	return c->told != 0 ? signals_status(c->told) : status;
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
		.outputs = {{STDERR_FILENO, "standard error"}, {-1, NULL}, {-1, NULL}, {-1, NULL}},
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
