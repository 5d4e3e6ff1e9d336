/* main.c: the program: argv in, exit status out; the only file that talks to a user. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../include/hvt_abi.h"
#include "husk.h"
#include "options.h"

/* Never 60 to 64, which orchestrators give meanings of their own. */
enum { STATUS_OK = 0, STATUS_FAILED = 1 };

struct command {
	const char *program;		/* base name, in front of every message */
	struct settings settings;	/* the options of this file */
	struct husk *machine;
	const char *kernel;
	int guest_argc;
	char **guest_argv;
};

static const struct option actions[] = {
	{.name = "help", .form = OPTION_FLAG, .help = "print this and exit"},
	{.name = "version", .form = OPTION_FLAG, .help = "print version and features and exit"},
	{.name = "inspect", .form = OPTION_MAYBE, .value = "json",
	 .help = "print what the image says about itself; no machine is made"},
	{.name = "check", .form = OPTION_FLAG,
	 .help = "look at the host, and at KERNEL and its devices if given; run nothing"},
	{.name = "dry-run", .form = OPTION_FLAG, .help = "do everything but run the guest"},
	{.name = "stats", .form = OPTION_MAYBE, .value = "json",
	 .help = "print exits, hypercalls, bytes and system calls to stderr at the end"},
};
static const struct option_group action_group = {
	"the monitor", actions, sizeof actions / sizeof actions[0],
};

/* What a signal handler must reach; the only objects that are not on main's stack. */
static struct husk *volatile running;
static volatile sig_atomic_t stop_signal;

static void on_signal(int signal)
{
	stop_signal = signal;
	if (running != NULL)
		husk_stop(running, signal);
}

static void complain(const struct command *c, const char *text)
{
	fprintf(stderr, "%s: %s\n", c->program, text);
}

static void on_notice(void *ctx, const char *text)
{
	complain(ctx, text);
}

static int fail(const struct command *c, const struct husk_error *e)
{
	complain(c, e->message);
	return STATUS_FAILED;
}

static void print_help(const struct command *c)
{
	printf("usage: %s [ OPTIONS ] [ -- ] KERNEL [ ARGS ]\n\n"
	       "KERNEL is the unikernel to run, an ELF image for the Solo5 hvt target.\n"
	       "ARGS are handed to it.\n\n", c->program);
	printf("Options of %s:\n", action_group.title);
	option_group_help(&action_group, stdout);
	husk_help(stdout);
	printf("Compiled-in modules: ");
	husk_modules(stdout);
	putchar('\n');
}

static void print_version(const struct command *c)
{
	printf("%s tender, version husk %s\nABI version %u\nbackend: %s\narchitecture: %s\nmodules: ",
	       c->program, HUSK_VERSION, HVT_ABI_VERSION, HUSK_BACKEND, HUSK_ARCH);
	husk_modules(stdout);
	putchar('\n');
}

static bool asked(const struct command *c, const char *action)
{
	return settings_find(&c->settings, action, NULL) != NULL;
}

static bool asked_json(const struct command *c, const char *action)
{
	return settings_find(&c->settings, action, NULL)->value[0] != '\0';
}

static int check_format(const struct command *c, struct husk_error *e)
{
	for (size_t i = 0; i < c->settings.n; i++)
		if (c->settings.list[i].value[0] != '\0' &&
		    strcmp(c->settings.list[i].value, "json") != 0)
			return husk_fail(e, HUSK_E_USAGE, "Invalid option: `--%s=%s': the only "
					 "format is json", c->settings.list[i].option->name,
					 c->settings.list[i].value);
	return 0;
}

/* An option is ours or the machine's; the machine's message covers both if it is neither. */
static int take_option(struct command *c, const char *word, struct husk_error *e)
{
	size_t len = strcspn(word, "=:");

	for (size_t i = 0; i < action_group.n; i++)
		if (strncmp(word, "--", 2) == 0 && len == strlen(actions[i].name) + 2 &&
		    memcmp(word + 2, actions[i].name, len - 2) == 0)
			return settings_add(&c->settings, &action_group, 1, word, e);
	return husk_option(c->machine, word, e);
}

/*
 * One pass. An invalid option is held back until --help and --version have had their chance;
 * an empty word before KERNEL is what is left of a doubled space, and skipped.
 */
static int parse(struct command *c, int argc, char **argv, struct husk_error *e)
{
	struct husk_error this;
	int i, rc = 0;

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
	return rc == 0 ? check_format(c, e) : rc;
}

/* SIGPIPE and SIGXFSZ would end the guest for what a reader or a quota did. */
static int catch_signals(struct husk_error *e)
{
	const struct sigaction stop = {.sa_handler = on_signal};
	sigset_t deaf;

	sigemptyset(&deaf);
	sigaddset(&deaf, SIGPIPE);
	sigaddset(&deaf, SIGXFSZ);
	if (sigprocmask(SIG_BLOCK, &deaf, NULL) == -1 || sigaction(SIGTERM, &stop, NULL) == -1 ||
	    sigaction(SIGINT, &stop, NULL) == -1)
		return husk_fail_sys(e, errno, "signals");
	return 0;
}

/*
 * A descriptor that the caller closed would be the next one that we open, and the console would
 * be written to a disk. A directory takes its place: it can be neither read nor written.
 */
static int occupy_standard_descriptors(struct husk_error *e)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};

	if (poll(fds, 3, 0) <= 0)
		return 0;
	for (int i = 0; i < 3; i++)
		if ((fds[i].revents & POLLNVAL) != 0 && open("/", O_RDONLY | O_DIRECTORY) == -1)
			return husk_fail_sys(e, errno, "standing in for closed descriptor %d", i);
	return 0;
}

static int stopped(const struct command *c, int signal)
{
	char text[48];

	snprintf(text, sizeof text, "Exiting on signal %d", signal);
	complain(c, text);
	return STATUS_FAILED;
}

static int run_guest(struct command *c, struct husk_error *e)
{
	int status = 0;

	running = c->machine;
	if (stop_signal != 0)
		husk_stop(c->machine, stop_signal);
	switch (husk_run(c->machine, &status, e)) {
	case HUSK_HALTED:
		return status & 0xff;
	case HUSK_STOPPED:
		return stopped(c, status);
	case HUSK_FAILED:
		break;
	}
	return fail(c, e);
}

static int launch(struct command *c, struct husk_error *e)
{
	int status = STATUS_OK;

	if (occupy_standard_descriptors(e) == -1 || catch_signals(e) == -1 ||
	    husk_load(c->machine, c->kernel, c->guest_argc, c->guest_argv, e) == -1)
		return fail(c, e);
	if (!asked(c, "dry-run"))
		status = run_guest(c, e);
	if (asked(c, "stats"))
		husk_report_write(c->machine, asked_json(c, "stats"), stderr);
	running = NULL;
	return status;
}

static int missing_kernel(const struct command *c)
{
	complain(c, "Missing KERNEL operand; see --help");
	return STATUS_FAILED;
}

static int inspect(const struct command *c, struct husk_error *e)
{
	if (husk_inspect(c->kernel, asked_json(c, "inspect"), stdout, e) == -1)
		return fail(c, e);
	return STATUS_OK;
}

static int act(struct command *c, int parsed, struct husk_error *e)
{
	if (asked(c, "help"))
		return print_help(c), STATUS_OK;
	if (asked(c, "version"))
		return print_version(c), STATUS_OK;
	if (parsed == -1)
		return fail(c, e);
	if (asked(c, "check"))
		return husk_check(c->machine, c->kernel, stdout) == 0 ? STATUS_OK : STATUS_FAILED;
	if (c->kernel == NULL)
		return missing_kernel(c);
	return asked(c, "inspect") ? inspect(c, e) : launch(c, e);
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct command c = {.program = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "husk"};
	const struct husk_config config = {
		.console_fd = STDOUT_FILENO, .notice = on_notice, .notice_ctx = &c,
	};
	struct husk_error e = {0};
	int status;

	c.machine = husk_create(&config, &e);
	if (c.machine == NULL)
		return fail(&c, &e);
	status = act(&c, parse(&c, argc, argv, &e), &e);
	husk_destroy(c.machine);
	settings_free(&c.settings);
	return status;
}
