/* SPDX-License-Identifier: ISC */
/* measure.h: runs commands and says what they cost. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MEASURE_ARGS_MAX 15
#define MEASURE_ROUNDS_MAX 1000

struct command {
	char *argv[MEASURE_ARGS_MAX + 1];	/* owned; NULL-terminated */
};

/* What one side of a comparison took, seconds. */
struct sample {
	size_t n;
	double wall[MEASURE_ROUNDS_MAX], cpu[MEASURE_ROUNDS_MAX];
};

struct counts {
	long first_run;		/* system calls from execve to the first KVM_RUN */
	long runs;		/* KVM_RUN */
	long others;
};

/* Splits a printf-formatted line at its spaces; paths with spaces are not supported. */
__attribute__((format(printf, 1, 2))) struct command command_make(const char *fmt, ...);
void command_free(struct command *c);

/* Starts the command with standard output to out and returns its pid. */
pid_t command_start(const struct command *c, int out);

/* The same with both standard output and standard error to out. */
pid_t command_start_both(const struct command *c, int out);

/*
 * Waits for the end; returns the processor time in seconds, or -1 unless it exited with 0. *guest
 * becomes what of it was spent in a guest, to 1/100 s (proc(5), /proc/PID/stat, guest_time).
 */
double command_wait(pid_t pid, double *guest);

/* Of a process that runs, or has ended and is not waited for: of the guest, or all; clock ticks. */
double process_ticks(pid_t pid, bool guest);

/* Whether it exits with 0; its output is discarded. */
bool command_works(const struct command *c);

/* Runs to the end and adds what it took to s; a failure ends this program. */
void command_time(const struct command *c, struct sample *s);

/* Runs a and b in turns, n times each, so that what drifts hits both. */
void command_compare(const struct command *a, struct sample *sa, const struct command *b,
		     struct sample *sb, size_t n);

/* By count.sh in the given directory. False where nothing can be counted. */
bool command_count(const struct command *c, const char *dir, struct counts *counts);

double sample_median(const double *values, size_t n);
double sample_least(const double *values, size_t n);

_Noreturn __attribute__((format(printf, 1, 2))) void bench_die(const char *fmt, ...);

#endif
