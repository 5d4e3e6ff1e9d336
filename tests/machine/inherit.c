/* SPDX-License-Identifier: ISC */
/*
 * inherit.c: runs a command with something handed down that a starter may hand down.
 *
 *	inherit WORD... -- COMMAND...
 *
 * WORD is one of those in the table below: ignore=15, stack=16384, nonblock=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;
static char *no_environment[] = {NULL};
static const char *own_name;

static int signal_mask(int how, long signal)
{
	sigset_t set;

	sigemptyset(&set);
	if (signal == 0)
		sigfillset(&set);
	else
		sigaddset(&set, (int)signal);
	return sigprocmask(how, &set, NULL);
}

/* 0: all that can be. */
static int block(long signal)
{
	return signal_mask(SIG_BLOCK, signal);
}

static int pending(long signal)
{
	return block(signal) == -1 ? -1 : raise((int)signal);
}

static int disposition(long signal, void (*handler)(int))
{
	if (signal != 0)
		return sigaction((int)signal, &(struct sigaction){.sa_handler = handler}, NULL);
	for (int s = 1; s < 32; s++)
		(void)sigaction(s, &(struct sigaction){.sa_handler = handler}, NULL);
	return 0;
}

static int ignore(long signal)
{
	return disposition(signal, SIG_IGN);
}

static int by_default(long signal)
{
	return disposition(signal, SIG_DFL);
}

static int limit(int what, long value)
{
	const struct rlimit both = {(rlim_t)value, (rlim_t)value};

	return setrlimit((__rlimit_resource_t)what, &both);
}

static int limit_as(long n) { return limit(RLIMIT_AS, n); }
static int limit_core(long n) { return limit(RLIMIT_CORE, n); }
static int limit_data(long n) { return limit(RLIMIT_DATA, n); }
static int limit_fsize(long n) { return limit(RLIMIT_FSIZE, n); }
static int limit_memlock(long n) { return limit(RLIMIT_MEMLOCK, n); }
static int limit_nofile(long n) { return limit(RLIMIT_NOFILE, n); }
static int limit_stack(long n) { return limit(RLIMIT_STACK, n); }

/* A soft limit, which is told each second, and a hard one two seconds later. */
static int limit_cpu(long n)
{
	return setrlimit(RLIMIT_CPU, &(struct rlimit){(rlim_t)n, (rlim_t)n + 2});
}

static int add_flag(long fd, int flag)
{
	return fcntl((int)fd, F_SETFL, fcntl((int)fd, F_GETFL) | flag);
}

static int nonblock(long fd) { return add_flag(fd, O_NONBLOCK); }
static int append(long fd) { return add_flag(fd, O_APPEND); }
static int closed(long fd) { return close((int)fd); }

/* Every descriptor up to this one is taken. */
static int descriptors(long last)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd != -1 && fd < last)
		fd = dup(fd);
	return fd == -1 ? -1 : 0;
}

/* So many pipes that keep frames apart, the first read from as 100 and written to as 101. */
static int pipes(long n)
{
	for (int i = 0, ends[2]; i < 2 * n; i += 2) {
		if (pipe2(ends, O_DIRECT) == -1 || dup2(ends[0], 100 + i) == -1 || dup2(ends[1], 101 + i) == -1)
			return -1;
		close(ends[0]);
		close(ends[1]);
	}
	return 0;
}

static int mask_of_files(long mode)
{
	umask((mode_t)mode);
	return 0;
}

/* A working directory that is deleted. */
static int directory(long ignored)
{
	char path[] = "/tmp/inherit.XXXXXX";

	(void)ignored;
	return mkdtemp(path) == NULL || chdir(path) == -1 ? -1 : rmdir(path);
}

static int environment(long ignored)
{
	(void)ignored;
	environ = no_environment;
	return 0;
}

static int name(long length)
{
	own_name = length == 0 ? "" : "a\033[31mname\n";
	return 0;
}

static int group(long gid) { return setgroups(1, (gid_t[]){(gid_t)gid}); }
static int niceness(long n) { return setpriority(PRIO_PROCESS, 0, (int)n); }
static int slack(long ns) { return prctl(PR_SET_TIMERSLACK, ns, 0, 0, 0); }
static int privileges(long n) { return prctl(PR_SET_NO_NEW_PRIVS, n, 0, 0, 0); }
static int personal(long flags) { return personality((unsigned long)flags) == -1 ? -1 : 0; }

static int timer(long ms)
{
	const struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	return setitimer(ITIMER_REAL, &t, NULL);
}

static int oom(long score)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	return f == NULL || fprintf(f, "%ld", score) < 0 ? -1 : fclose(f);
}

static const struct word {
	const char *name;
	int (*apply)(long value);
} words[] = {
	{"append", append}, {"as", limit_as}, {"block", block}, {"close", closed},
	{"core", limit_core}, {"cpu", limit_cpu}, {"data", limit_data}, {"default", by_default},
	{"descriptors", descriptors}, {"directory", directory}, {"environment", environment},
	{"fsize", limit_fsize}, {"group", group}, {"ignore", ignore}, {"memlock", limit_memlock},
	{"name", name}, {"nice", niceness}, {"nofile", limit_nofile}, {"nonblock", nonblock},
	{"oom", oom}, {"pending", pending}, {"personality", personal}, {"privileges", privileges},
	{"pipes", pipes}, {"slack", slack}, {"stack", limit_stack}, {"timer", timer}, {"umask", mask_of_files},
};

static int apply(const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strlen(words[i].name) == len && strncmp(words[i].name, text, len) == 0)
			return words[i].apply(text[len] == '=' ? strtol(text + len + 1, NULL, 0) : 0);
	errno = ENOSYS;
	return -1;
}

int main(int argc, char **argv)
{
	const char *command;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (apply(argv[i]) == -1) {
			fprintf(stderr, "inherit: %s: %s\n", argv[i], strerror(errno));
			return 77;
		}
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: inherit WORD... -- COMMAND...\n");
		return 2;
	}
	command = argv[i + 1];
	if (own_name != NULL)
		argv[i + 1] = (char *)(size_t)own_name;
	execv(command, argv + i + 1);
	fprintf(stderr, "inherit: %s: %s\n", command, strerror(errno));
	return 126;
}
