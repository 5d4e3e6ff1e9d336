/* SPDX-License-Identifier: ISC */
/*
 * cputime.c: how much processor time commands take, each run in turn:
 *
 *   cputime TIMES COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...
 *
 * Prints a line for each command: least and median of the times in us, and the median of their
 * ratios to the first command's of the same turn, in millionths. Their standard output goes nowhere. The
 * status is 1 if one of them fails.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define TIMES_MAX 200

static int64_t us(struct timeval t)
{
	return t.tv_sec * (int64_t)1000000 + t.tv_usec;
}

static int64_t measure(char **command)
{
	const pid_t pid = fork();
	struct rusage used;
	int status;

	if (pid == 0) {
		(void)dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid == -1 || wait4(pid, &status, 0, &used) != pid || status != 0) {
		fprintf(stderr, "cputime: %s failed\n", command[0]);
		exit(1);
	}
	return us(used.ru_utime) + us(used.ru_stime);
}

static int ascending(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static int64_t taken[COMMANDS_MAX][TIMES_MAX], ratios[COMMANDS_MAX][TIMES_MAX];
	const int times = argc > 2 ? atoi(argv[1]) : 0;
	char **commands[COMMANDS_MAX];
	int n = 0;

	if (times < 1 || times > TIMES_MAX)
		return 1;
	for (int i = 2; i < argc && n < COMMANDS_MAX; i++) {
		commands[n++] = &argv[i];
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		argv[i] = NULL;
	}
	for (int t = 0; t < times; t++)
		for (int c = 0; c < n; c++) {
			taken[c][t] = measure(commands[c]);
			ratios[c][t] = taken[c][t] * 1000000 / taken[0][t];
		}
	for (int c = 0; c < n; c++) {
		qsort(taken[c], (size_t)times, sizeof taken[c][0], ascending);
		qsort(ratios[c], (size_t)times, sizeof ratios[c][0], ascending);
		printf("%lld %lld %lld\n", (long long)taken[c][0], (long long)taken[c][times / 2],
		       (long long)ratios[c][times / 2]);
	}
	return 0;
}
