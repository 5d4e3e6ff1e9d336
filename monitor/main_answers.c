/* SPDX-License-Identifier: ISC */
/* main_answers.c: help, versions, and what was found out about the host and an image. */
#include "main_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../include/hvt_abi.h"
#include "main_sandbox.h"

static void print_help(const struct command *c, FILE *out)
{
	fprintf(out, "usage: %s [ OPTIONS ] [ -- ] KERNEL [ ARGS ]\n\n"
		"KERNEL is the unikernel to run, an ELF image for the Solo5 hvt target.\n"
		"ARGS are handed to it.\n\n", c->messages.program);
	words_help(out);
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
	if (words_have_value(c, "version"))
		print_linked(out);
}

static int inspect(struct command *c, FILE *out, struct husk_error *e)
{
	if (c->guest_argc > 0)
		return husk_fail(e, HUSK_E_USAGE, "--inspect takes one image, and `%.60s' comes after "
				 "it: options go in front, and another image has a run of its own",
				 c->guest_argv[0]);
	return husk_inspect(c->machine, c->kernel, words_have_value(c, "inspect"), out, e);
}

int answers_check_metrics(struct command *c, struct husk_error *e)
{
	if (figures_write_over(&c->metrics, e) == -1 ||
	    figures_spare_image(&c->metrics, c->kernel, e) == -1)
		return -1;
	if (c->figures.fd == -1 || !figures_share_file(c->metrics.fd, c->figures.fd))
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "--metrics=%s is where %s goes, too; name another file",
			 c->metrics.where, words_ask(c, "stats-to") ? "--stats-to" : c->figures.where);
}

void answers_note_outputs(struct command *c)
{
	c->outputs[c->figures.file ? OUTPUT_FIGURES_FILE : OUTPUT_FIGURES] = (struct husk_output){
		c->figures.fd, words_ask(c, "stats-to") ? "--stats-to" : c->figures.where,
	};
	c->outputs[OUTPUT_METRICS] = (struct husk_output){c->metrics.fd, "--metrics"};
}

/* Returns 1 for a place at which figures cannot be written. */
static int check_place(struct command *c, const char *option, struct figures *f, FILE *out)
{
	const char *where = words_value(c, option + strlen("--"));
	struct husk_error e;

	if (where == NULL || (figures_check(f, option, where, c->kernel, &e) == 0 &&
			      (f != &c->metrics || f->fd == -1 || answers_check_metrics(c, &e) == 0)))
		return 0;
	fprintf(out, "FAIL %s\n", e.message);
	return 1;
}

/* The figures come first, as no disk may be where they go. */
static int check_all(struct command *c, FILE *out)
{
	int bad = check_place(c, "--stats-to", &c->figures, out) + check_place(c, "--metrics", &c->metrics, out);

	answers_note_outputs(c);
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

	if (findings == NULL)
		return husk_fail_sys(e, ENOMEM, "findings");
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
	if (words_ask(c, "help"))
		return print_help(c, out), STATUS_OK;
	if (words_ask(c, "version"))
		return print_version(c, out), STATUS_OK;
	if (words_ask(c, "check"))
		return check(c, out, e);
	return inspect(c, out, e);
}

int answers_print(struct command *c, struct husk_error *e)
{
	struct husk_error unwritten;
	struct answer a;
	int status;

	if (answer_open(&a, STDOUT_FILENO, e) == -1)
		return -1;
	status = answer(c, a.stream, e);
	if (answer_close(&a, "standard output", &unwritten) == 0 || status == -1)
		return status;
	*e = unwritten;
	return -1;
}
