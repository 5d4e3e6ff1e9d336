/* SPDX-License-Identifier: ISC */
/* main_words.c: the program's own options, and which words are whose. */
#include "main_words.h"

#include <string.h>

#include "main_sandbox.h"

#define EVERY_MAX 86400u	/* seconds */

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

bool words_ask(const struct command *c, const char *option)
{
	return settings_find(&c->settings, option, NULL) != NULL;
}

const char *words_value(const struct command *c, const char *option)
{
	const struct setting *s = settings_find(&c->settings, option, NULL);

	return s == NULL ? NULL : s->value;
}

bool words_have_value(const struct command *c, const char *option)
{
	const char *value = words_value(c, option);

	return value != NULL && value[0] != '\0';
}

void words_help(FILE *out)
{
	fprintf(out, "Options of %s:\n", action_group.title);
	option_group_help(&action_group, out);
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

int words_check_version(const struct command *c, struct husk_error *e)
{
	const struct setting *version = settings_find(&c->settings, "version", NULL);

	return version == NULL ? 0 : check_format(version, e);
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

int words_parse(struct command *c, struct husk_error *e)
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

/* Each of them says what is to be done instead of a run, so that one of two would be ignored. */
int words_check_goal(const struct command *c, struct husk_error *e)
{
	static const char *const goals[] = {"inspect", "check", "dry-run"};
	const char *goal = NULL;

	for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
		if (!words_ask(c, goals[i]))
			continue;
		if (goal != NULL)
			return husk_fail(e, HUSK_E_USAGE, "--%s and --%s: give one of them, each "
					 "is a run of its own", goal, goals[i]);
		goal = goals[i];
	}
	return 0;
}
