/* SPDX-License-Identifier: ISC */
/*
 * other.c: husk beside another monitor that runs the same images, solo5-hvt say, in turns: exits and
 * system calls first, then times of starts and of requests.
 */
#include "other.h"

#include <stdio.h>

#include "measure.h"
#include "report.h"

#define MEM_MIB 32
#define MANY 20000		/* requests, in a run for their time */
#define MANY_BRIEF 100
#define COUNTED 64		/* requests under strace */
#define MIB (1u << 20)

/* What a guest does n times. */
struct work {
	const char *name;
	const char *image, *mode;
	bool block;		/* with the scratch file */
	unsigned per_mib;	/* requests in a MiB, which is then the unit; 0: each request */
};

static const struct work works[] = {
	{"hypercall (WALLTIME)", "guest_loop", "hypercall", false, 0},
	{"block read, 512 bytes", "guest_block", "read 512", true, 0},
	{"block read, 65536 bytes", "guest_block", "read 65536", true, 0},
	{"block write, 65536 bytes", "guest_block", "write 65536", true, 0},
	{"MiB by the bindings, read of 512 bytes", "guest_blocks", "read 512", true, MIB / 512},
	{"MiB by the bindings, read of 4096 bytes", "guest_blocks", "read 4096", true, MIB / 4096},
	{"MiB by the bindings, read of 65536 bytes", "guest_blocks", "read 65536", true, MIB / 65536},
	{"MiB by the bindings, 32 reads of 4096 bytes at a time", "guest_blocks", "submit 4096", true, MIB / 4096},
	{"MiB by the bindings, 32 reads of 32768 bytes at a time", "guest_blocks", "submit 32768", true,
	 MIB / 32768},
};

#define WORKS_BRIEF 2

static struct command command_of(const struct other_bench *b, const char *monitor, const struct work *w,
				 size_t n)
{
	if (!w->block)
		return command_make("%s --mem=%d -- %s/%s.hvt --solo5:quiet %s %zu", monitor, MEM_MIB,
				    b->programs, w->image, w->mode, n);
	return command_make("%s --mem=%d --block:disk=%s -- %s/%s.hvt --solo5:quiet %s %zu", monitor,
			    MEM_MIB, b->block, b->programs, w->image, w->mode, n);
}

/* Takes over the command. */
static bool count(const struct other_bench *b, struct command c, struct counts *counts)
{
	const bool counted = command_count(&c, b->dir, counts);

	command_free(&c);
	return counted;
}

static void tell(const struct other_bench *b, const char *what, const char *quantity, double husk,
		 double other)
{
	char name[96];

	snprintf(name, sizeof name, "%s: %s", what, quantity);
	report_figure(b->report, &(struct figure){OTHER_GROUP, name, "", husk, other, NONE, NONE,
						  TARGET_NONE, 0});
}

/* What one unit more costs. */
static bool unit_counts(const struct other_bench *b, const char *monitor, const struct work *w,
			double *exits, double *calls)
{
	const size_t n = w->per_mib != 0 ? w->per_mib : COUNTED, units = w->per_mib != 0 ? 1 : COUNTED;
	struct counts few, many;

	if (!count(b, command_of(b, monitor, w, n), &few) ||
	    !count(b, command_of(b, monitor, w, 2 * n), &many))
		return false;
	*exits = (double)(many.runs - few.runs) / (double)units;
	*calls = (double)(many.others - few.others) / (double)units;
	return true;
}

static void work_counts(const struct other_bench *b, const struct work *w)
{
	double exits, calls, other_exits, other_calls;

	if (!unit_counts(b, b->husk, w, &exits, &calls) ||
	    !unit_counts(b, b->other, w, &other_exits, &other_calls)) {
		report_skip(b->report, OTHER_GROUP, w->name, "there is no strace, or it may not trace");
		return;
	}
	tell(b, w->name, "exits", exits, other_exits);
	tell(b, w->name, "other calls", calls, other_calls);
}

/* ---- times ---- */

static void time_figure(const struct other_bench *b, const char *what, const char *quantity,
			const double *husk, const double *other, size_t n)
{
	double ratios[MEASURE_ROUNDS_MAX];
	char name[96];

	snprintf(name, sizeof name, "%s: %s", what, quantity);
	for (size_t i = 0; i < n; i++)
		ratios[i] = husk[i] > 0 && other[i] > 0 ? husk[i] / other[i] : 1;	/* noise */
	report_figure(b->report, &(struct figure){
		OTHER_GROUP, name, "us", sample_median(husk, n), sample_median(other, n),
		sample_median(ratios, n), sample_least(husk, n) / sample_least(other, n), TARGET_NONE, 0});
}

/* In us for each of units, less what base took. */
static void scale(double *values, size_t n, double base, size_t units)
{
	for (size_t i = 0; i < n; i++)
		values[i] = (values[i] - base) / (double)units * 1e6;
}

/* n runs of each, in turns. */
static void both(const struct other_bench *b, const struct work *w, size_t requests, size_t n,
		 struct sample *husk, struct sample *other)
{
	struct command ch = command_of(b, b->husk, w, requests);
	struct command co = command_of(b, b->other, w, requests);

	husk->n = other->n = 0;
	command_compare(&ch, husk, &co, other, n);
	command_free(&ch);
	command_free(&co);
}

static void start_times(const struct other_bench *b, const char *name, const struct work *w)
{
	static struct sample husk, other;

	both(b, w, 1, b->rounds, &husk, &other);
	scale(husk.wall, husk.n, 0, 1);
	scale(other.wall, other.n, 0, 1);
	time_figure(b, name, "wall", husk.wall, other.wall, husk.n);
	scale(husk.cpu, husk.n, 0, 1);
	scale(other.cpu, other.n, 0, 1);
	time_figure(b, name, "CPU", husk.cpu, other.cpu, husk.n);
}

static void work_times(const struct other_bench *b, const struct work *w)
{
	static struct sample husk_one, other_one, husk, other;
	const size_t many = b->brief ? MANY_BRIEF : MANY, rounds = b->rounds / 5 + 3;
	const size_t requests = w->per_mib != 0 ? 16 * w->per_mib : many;
	const size_t units = w->per_mib != 0 ? 16 : many;

	both(b, w, 1, rounds, &husk_one, &other_one);
	both(b, w, 1 + requests, rounds, &husk, &other);
	scale(husk.wall, husk.n, sample_median(husk_one.wall, husk_one.n), units);
	scale(other.wall, other.n, sample_median(other_one.wall, other_one.n), units);
	time_figure(b, w->name, "wall", husk.wall, other.wall, husk.n);
}

void other_figures(const struct other_bench *b)
{
	static const struct work nothing = {"", "guest_loop", "hypercall", false, 0};
	static const struct work disk = {"", "guest_block", "read 512", true, 0};
	const size_t n = b->brief ? WORKS_BRIEF : sizeof works / sizeof works[0];

	if (b->husk == NULL || b->other == NULL) {
		report_skip(b->report, OTHER_GROUP, "all figures", "SOLO5_HVT names no solo5-hvt");
		return;
	}
	for (size_t i = 0; i < n; i++)
		work_counts(b, &works[i]);
	start_times(b, "exec to exit", &nothing);
	start_times(b, "exec to exit, disk", &disk);
	for (size_t i = 0; i < n; i++)
		work_times(b, &works[i]);
}
