/* SPDX-License-Identifier: ISC */
/* measure.c: runs commands and says what they cost. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define LINE_MAX_SIZE 2048
#define COUNT_SKIP 77		/* count.sh */

extern char **environ;

_Noreturn void bench_die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

struct command command_make(const char *fmt, ...)
{
	char line[LINE_MAX_SIZE], *save = NULL;
	struct command c = {{NULL}};
	va_list ap;
	size_t n = 0;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		if (n == MEASURE_ARGS_MAX || (c.argv[n++] = strdup(w)) == NULL)
			bench_die("command too long: %s", fmt);
	}
	return c;
}

void command_free(struct command *c)
{
	for (size_t i = 0; c->argv[i] != NULL; i++)
		free(c->argv[i]);
	c->argv[0] = NULL;
}

static pid_t start(const struct command *c, int out, int err_out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err_out, 2);
	err = posix_spawn(&pid, c->argv[0], &actions, NULL, c->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err != 0)
		bench_die("%s: %s", c->argv[0], strerror(err));
	return pid;
}

pid_t command_start(const struct command *c, int out)
{
	return start(c, out, 2);
}

pid_t command_start_both(const struct command *c, int out)
{
	return start(c, out, out);
}

bool command_works(const struct command *c)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid = start(c, null, null);

	close(null);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int wait_for(pid_t pid, double *cpu)
{
	struct rusage used;
	int status;

	while (wait4(pid, &status, 0, &used) == -1)
		if (errno != EINTR)
			bench_die("wait4: %s", strerror(errno));
	*cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
	return status;
}

/* Fields 14, 15 and 43 of proc(5), counted from the one behind the name, which is field 3. */
double process_ticks(pid_t pid, bool guest)
{
	char path[64], line[LINE_MAX_SIZE] = "", *save = NULL, *word;
	double ticks = 0;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	in = fopen(path, "r");
	if (in == NULL || fgets(line, sizeof line, in) == NULL)
		bench_die("%s: %s", path, strerror(errno));
	fclose(in);
	word = strrchr(line, ')');
	word = word == NULL ? NULL : strtok_r(word + 1, " ", &save);
	for (int field = 3; word != NULL && field <= 43; field++) {
		if (guest ? field == 43 : field == 14 || field == 15)
			ticks += atof(word);
		word = strtok_r(NULL, " ", &save);
	}
	return ticks;
}

double command_wait(pid_t pid, double *guest)
{
	siginfo_t ended;
	double cpu;

	while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) == -1)
		if (errno != EINTR)
			bench_die("waitid: %s", strerror(errno));
	*guest = process_ticks(pid, true) / (double)sysconf(_SC_CLK_TCK);
	return wait_for(pid, &cpu) == 0 ? cpu : -1;
}

void command_time(const struct command *c, struct sample *s)
{
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	double begin = now();
	pid_t pid = command_start(c, out);

	if (s->n == MEASURE_ROUNDS_MAX)
		bench_die("too many rounds");
	status = wait_for(pid, &s->cpu[s->n]);
	s->wall[s->n++] = now() - begin;
	close(out);
	if (status != 0)
		bench_die("%s %s: wait status 0x%x", c->argv[0], c->argv[1], (unsigned)status);
}

void command_compare(const struct command *a, struct sample *sa, const struct command *b,
		     struct sample *sb, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* a b b a ...: neither is always the one that finds the caches warm. */
		if (i % 2 == 0)
			command_time(a, sa);
		command_time(b, sb);
		if (i % 2 == 1)
			command_time(a, sa);
	}
}

static FILE *count_start(const struct command *c, const char *dir, pid_t *pid)
{
	struct command count = command_make("/bin/sh %s/count.sh", dir);
	struct command all = {{count.argv[0], count.argv[1]}};
	int ends[2];

	for (size_t i = 0; c->argv[i] != NULL; i++) {
		if (i + 2 == MEASURE_ARGS_MAX)
			bench_die("command too long: %s", c->argv[0]);
		all.argv[i + 2] = c->argv[i];
	}
	if (pipe2(ends, O_CLOEXEC) == -1)
		bench_die("pipe: %s", strerror(errno));
	*pid = command_start(&all, ends[1]);
	close(ends[1]);
	command_free(&count);
	return fdopen(ends[0], "r");
}

bool command_count(const struct command *c, const char *dir, struct counts *counts)
{
	char line[LINE_MAX_SIZE];
	pid_t pid;
	int status;
	FILE *in = count_start(c, dir, &pid);

	*counts = (struct counts){-1, -1, -1};
	while (fgets(line, sizeof line, in) != NULL) {
		(void)sscanf(line, "first_run %ld", &counts->first_run);
		(void)sscanf(line, "runs %ld", &counts->runs);
		(void)sscanf(line, "others %ld", &counts->others);
	}
	fclose(in);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == COUNT_SKIP)
		return false;
	if (status != 0 || counts->first_run == -1)
		bench_die("%s under strace: wait status 0x%x", c->argv[0], (unsigned)status);
	return true;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double sample_median(const double *values, size_t n)
{
	double sorted[MEASURE_ROUNDS_MAX];

	memcpy(sorted, values, n * sizeof *values);
	qsort(sorted, n, sizeof *sorted, by_value);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double sample_least(const double *values, size_t n)
{
	double least = values[0];

	for (size_t i = 1; i < n; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}
