/* SPDX-License-Identifier: ISC */
/*
 * bench.c: husk beside the floor (floor.c), which does the same guest work on bare KVM: counts
 * first, then times, then memory. A missed target is printed and is no failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "net.h"
#include "other.h"
#include "report.h"
#include "resident.h"

/* What husk aims at. */
#define TARGET_FIRST_RUN 45
#define TARGET_START 1.3
#define TARGET_HYPERCALL 1.05
#define TARGET_POLL 1.5
#define TARGET_MIB_EXITS 16		/* for a MiB in small blocks by the bindings */
#define TARGET_MIB_CALLS 16
#define TARGET_RESIDENT 1024		/* KiB */
#define TARGET_PSS 100			/* KiB, with IDLE_MAX guests */

#define IDLE_MAX 200
#define IDLE_MIB 2			/* memory of an idle guest */
#define IDLE_TIMEOUT_MS 60000		/* for all of them to be idle */
#define START_MIB 32
#define COUNT_N 64			/* requests under strace */
#define CALIBRATE_N 2000
#define LOOP_SECONDS 0.05		/* how long the floor should take for one loop at least, */
#define LOOP_STARTS 8			/* and at least as long as so many starts */
#define NET_SECONDS 0.3			/* of a run with frames */
#define SECONDS_MAX 60

/* To see that everything is measured, not how much it is. */
#define BRIEF_ROUNDS 3
#define BRIEF_IDLE 8
#define BRIEF_SECONDS 0.005
#define BRIEF_STARTS 1

struct bench {
	struct report report;
	const char *husk;		/* NULL: the floor alone */
	const char *dir, *programs;	/* tests/bench here and in the build */
	const char *block;		/* a scratch file */
	size_t rounds;			/* of a start; loops take fewer */
	size_t idle;
	double loop_seconds, loop_starts;
	double net_seconds;
	const char *net_only;		/* one burst */
	bool brief;
};

/* A loop that both guests can run, in the words of floor.c and guest_loop.c. */
struct loop {
	const char *name;		/* for people */
	const char *mode;		/* up to the number of requests */
	bool block;			/* needs the block device */
	double target;			/* ratio of the round trips, 0: none */
	double target_calls;		/* system calls each, 0: none */
	bool filtered;			/* the floor has husk's system call filter, too */
};

static const struct loop loops[] = {
	{"hypercall (WALLTIME)", "hypercall", false, TARGET_HYPERCALL, 0, false},
	{"hypercall, floor filtered", "hypercall", false, TARGET_HYPERCALL, 0, true},
	{"refused block request", "null", true, 0, 0, false},
	{"POLL, timeout 0", "poll", false, TARGET_POLL, 1, false},
	{"block read, 512 bytes", "read 512", true, 0, 1, false},
	{"block read, 4096 bytes", "read 4096", true, 0, 1, false},
	{"block read, 65536 bytes", "read 65536", true, 0, 1, false},
	{"block write, 512 bytes", "write 512", true, 0, 1, false},
	{"block write, 4096 bytes", "write 4096", true, 0, 1, false},
	{"block write, 65536 bytes", "write 65536", true, 0, 1, false},
};

#define N_LOOPS (sizeof loops / sizeof loops[0])

static struct command floor_start(const struct bench *b, const char *mode)
{
	return command_make("%s/floor --mem=%d %s", b->programs, START_MIB, mode);
}

/* The floor that has no C library, for a guest that halts at once. */
static struct command floor_bare(const struct bench *b)
{
	return command_make("%s/floor_bare %d", b->programs, START_MIB);
}

static struct command husk_command(const struct bench *b, unsigned mib, const char *image,
				   const char *args)
{
	return command_make("%s --mem=%u %s/%s.hvt %s", b->husk, mib, b->programs, image, args);
}

static struct command floor_loop(const struct bench *b, const struct loop *l, size_t n)
{
	if (!l->block)
		return command_make("%s/floor --mem=%d%s %s %zu", b->programs, IDLE_MIB,
				    l->filtered ? " --filter" : "", l->mode, n);
	return command_make("%s/floor --mem=%d --block=%s %s %zu", b->programs, IDLE_MIB, b->block,
			    l->mode, n);
}

static struct command husk_loop(const struct bench *b, const struct loop *l, size_t n)
{
	if (!l->block)
		return command_make("%s --mem=%d %s/guest_loop.hvt --solo5:quiet %s %zu", b->husk,
				    IDLE_MIB, b->programs, l->mode, n);
	return command_make("%s --mem=%d --block:disk=%s %s/guest_block.hvt --solo5:quiet %s %zu",
			    b->husk, IDLE_MIB, b->block, b->programs, l->mode, n);
}

/* Memory for the guest to read ahead. */
static struct command husk_blocks(const struct bench *b, const char *verb, unsigned size, unsigned n)
{
	return command_make("%s --mem=8 --block:disk=%s %s/guest_blocks.hvt --solo5:quiet %s %u %u",
			    b->husk, b->block, b->programs, verb, size, n);
}

/* ---- counts ---- */

static bool count(const struct bench *b, struct command c, struct counts *counts)
{
	bool counted = command_count(&c, b->dir, counts);

	command_free(&c);
	return counted;
}

static void first_run(struct bench *b, const char *name, const char *image, const char *args)
{
	struct figure f = {"counts", name, "", NONE, NONE, NONE, NONE, TARGET_HUSK,
			   TARGET_FIRST_RUN};
	struct counts counts;

	if (!count(b, floor_start(b, "start"), &counts)) {
		report_skip(&b->report, "counts", name, "there is no strace, or it may not trace");
		return;
	}
	f.floor = (double)counts.first_run;
	if (b->husk != NULL && count(b, husk_command(b, START_MIB, image, args), &counts))
		f.husk = (double)counts.first_run;
	report_figure(&b->report, &f);
}

typedef struct command loop_command(const struct bench *b, const struct loop *l, size_t n);

/* What one request more costs. */
static bool count_loop(const struct bench *b, const struct loop *l, loop_command *command,
		       double *exits, double *calls)
{
	struct counts one, many;

	if (!count(b, command(b, l, 1), &one) || !count(b, command(b, l, 1 + COUNT_N), &many))
		return false;
	*exits = (double)(many.runs - one.runs) / COUNT_N;
	*calls = (double)(many.others - one.others) / COUNT_N;
	return true;
}

static void loop_counts(struct bench *b, const struct loop *l)
{
	char exits_name[80], calls_name[80];
	struct figure exits = {"counts", exits_name, "", NONE, NONE, NONE, NONE, TARGET_NONE, 0};
	struct figure calls = {"counts", calls_name, "", NONE, NONE, NONE, NONE,
			       l->target_calls > 0 ? TARGET_HUSK : TARGET_NONE, l->target_calls};

	snprintf(exits_name, sizeof exits_name, "%s: exits", l->name);
	snprintf(calls_name, sizeof calls_name, "%s: other calls", l->name);
	if (!count_loop(b, l, floor_loop, &exits.floor, &calls.floor))
		return;
	if (b->husk != NULL)
		(void)count_loop(b, l, husk_loop, &exits.husk, &calls.husk);
	report_figure(&b->report, &exits);
	report_figure(&b->report, &calls);
}

/* What a MiB more costs that the bindings move in requests of size bytes. */
static void mib_counts(struct bench *b, const char *verb, unsigned size)
{
	const unsigned n = (1u << 20) / size;
	struct command one = husk_blocks(b, verb, size, n), two = husk_blocks(b, verb, size, 2 * n);
	struct counts few, many;
	char name[80];

	snprintf(name, sizeof name, "MiB by the bindings, %s of %u bytes: exits", verb, size);
	if (count(b, one, &few) && count(b, two, &many)) {
		report_figure(&b->report, &(struct figure){
			"counts", name, "", (double)(many.runs - few.runs), NONE, NONE, NONE,
			TARGET_HUSK, TARGET_MIB_EXITS});
		snprintf(name, sizeof name, "MiB by the bindings, %s of %u bytes: other calls", verb,
			 size);
		report_figure(&b->report, &(struct figure){
			"counts", name, "", (double)(many.others - few.others), NONE, NONE, NONE,
			TARGET_HUSK, TARGET_MIB_CALLS});
	} else {
		report_skip(&b->report, "counts", name, "there is no strace, or it may not trace");
	}
}

static void counts(struct bench *b)
{
	first_run(b, "system calls to the first KVM_RUN", "guest_halt", "--solo5:quiet");
	first_run(b, "the same, image without bindings", "guest_bare", "");
	for (size_t i = 0; i < N_LOOPS; i++)
		if (!loops[i].filtered)
			loop_counts(b, &loops[i]);
	if (b->husk == NULL)
		return;
	mib_counts(b, "read", 512);
	mib_counts(b, "read", 65536);
	mib_counts(b, "write", 65536);
	mib_counts(b, "submit", 4096);
	mib_counts(b, "submit", 32768);
}

/* ---- times ---- */

/* Takes over the commands. */
static void compare(const struct bench *b, struct command husk, struct sample *sh,
		    struct command floor, struct sample *sf, size_t n)
{
	sh->n = sf->n = 0;
	if (b->husk != NULL)
		command_compare(&husk, sh, &floor, sf, n);
	else
		for (size_t i = 0; i < n; i++)
			command_time(&floor, sf);
	command_free(&husk);
	command_free(&floor);
}

/* The ratio is that of neighbours in time, so that a busy host hits both. */
static void time_figure(struct bench *b, const char *name, const double *husk, const double *floor,
			size_t n, double target)
{
	double ratios[MEASURE_ROUNDS_MAX];
	struct figure f = {"times", name, "us", NONE, NONE, NONE, NONE,
			   target > 0 ? TARGET_RATIO : TARGET_NONE, target};

	f.floor = sample_median(floor, n);
	if (b->husk != NULL) {
		for (size_t i = 0; i < n; i++)
			ratios[i] = husk[i] / floor[i];
		f.husk = sample_median(husk, n);
		f.ratio = sample_median(ratios, n);
		f.best = sample_least(husk, n) / sample_least(floor, n);
	}
	report_figure(&b->report, &f);
}

/* What one of per things took, in us, beyond what all runs take. */
static void scale(double *values, size_t n, double base, size_t per)
{
	for (size_t i = 0; i < n; i++)
		values[i] = (values[i] - base) / (double)per * 1e6;
}

static void wall_and_cpu(struct bench *b, const char *name, const struct sample *husk,
			 const struct sample *floor, double target)
{
	char full[80];

	snprintf(full, sizeof full, "%s, wall", name);
	time_figure(b, full, husk->wall, floor->wall, floor->n, target);
	snprintf(full, sizeof full, "%s, CPU", name);
	time_figure(b, full, husk->cpu, floor->cpu, floor->n, target);
}

/* Takes over the floor's command. */
static void start_times(struct bench *b, const char *name, const char *image, const char *args,
			struct command floor_command, double target)
{
	static struct sample husk, floor;
	struct command c = {{NULL}};

	if (b->husk != NULL)
		c = husk_command(b, START_MIB, image, args);
	compare(b, c, &husk, floor_command, &floor, b->rounds);
	scale(husk.wall, husk.n, 0, 1);
	scale(husk.cpu, husk.n, 0, 1);
	scale(floor.wall, floor.n, 0, 1);
	scale(floor.cpu, floor.n, 0, 1);
	wall_and_cpu(b, name, &husk, &floor, target);
}

static void loop_compare(const struct bench *b, const struct loop *l, size_t n, struct sample *husk,
			 struct sample *floor)
{
	struct command c = {{NULL}};

	if (b->husk != NULL)
		c = husk_loop(b, l, n);
	compare(b, c, husk, floor_loop(b, l, n), floor, b->rounds / 5 + 3);
}

/* So many requests take the floor as long as is wanted: an exit costs 1 us here and 200 us there. */
static size_t loop_length(const struct bench *b, const struct loop *l)
{
	static struct sample s;
	struct command one = floor_loop(b, l, 1), many = floor_loop(b, l, 1 + CALIBRATE_N);
	double each, wanted;

	s.n = 0;
	command_time(&one, &s);
	command_time(&many, &s);
	command_free(&one);
	command_free(&many);
	each = (s.wall[1] - s.wall[0]) / CALIBRATE_N;
	wanted = s.wall[0] * b->loop_starts;
	if (wanted < b->loop_seconds)
		wanted = b->loop_seconds;
	return each <= 0 ? CALIBRATE_N : (size_t)(wanted / each) + 1;
}

/* What each request takes, from what many take longer than one. */
static void per_request(struct sample *many, const struct sample *one, size_t n)
{
	if (many->n == 0)
		return;
	scale(many->wall, many->n, sample_median(one->wall, one->n), n);
	scale(many->cpu, many->n, sample_median(one->cpu, one->n), n);
}

static void loop_times(struct bench *b, const struct loop *l)
{
	static struct sample husk_one, floor_one, husk_many, floor_many;
	size_t n = loop_length(b, l);

	loop_compare(b, l, 1, &husk_one, &floor_one);
	loop_compare(b, l, n + 1, &husk_many, &floor_many);
	per_request(&husk_many, &husk_one, n);
	per_request(&floor_many, &floor_one, n);
	wall_and_cpu(b, l->name, &husk_many, &floor_many, l->target);
}

static bool can_filter(const struct bench *b)
{
	struct command c = floor_start(b, "--filter start");
	const bool can = command_works(&c);

	command_free(&c);
	return can;
}

static void times(struct bench *b)
{
	const bool filter = can_filter(b);

	start_times(b, "exec to exit", "guest_bare", "", floor_start(b, "start"), TARGET_START);
	start_times(b, "exec to exit, floor without libc", "guest_bare", "", floor_bare(b), TARGET_START);
	start_times(b, "exec to exit, image with bindings", "guest_halt", "--solo5:quiet",
		    floor_start(b, "start"), 0);
	for (size_t i = 0; i < N_LOOPS; i++)
		if (filter || !loops[i].filtered)
			loop_times(b, &loops[i]);
}

/* ---- memory, beside the guest's own ---- */

/* An idle guest says one byte as its last act. */
static size_t idle_wait(int in, size_t wanted)
{
	struct pollfd fd = {.fd = in, .events = POLLIN};
	char bytes[IDLE_MAX];
	size_t seen = 0;
	ssize_t n;

	while (seen < wanted && poll(&fd, 1, IDLE_TIMEOUT_MS) > 0) {
		n = read(in, bytes, wanted - seen);
		if (n <= 0)
			break;
		seen += (size_t)n;
	}
	usleep(50000);		/* the byte comes just before the sleep */
	return seen;
}

struct idle {
	double rss, pss, part[RESIDENT_PARTS];	/* KiB each, without the guest */
};

static bool idle_mean(const pid_t *pids, size_t n, struct idle *mean)
{
	struct resident r;

	*mean = (struct idle){0};
	for (size_t i = 0; i < n; i++) {
		if (!resident_read(pids[i], (size_t)IDLE_MIB << 20, &r))
			return false;
		mean->rss += (double)r.rss / (double)n;
		mean->pss += (double)r.pss / (double)n;
		for (size_t p = 0; p < RESIDENT_PARTS; p++)
			mean->part[p] += (double)r.part[p] / (double)n;
	}
	return true;
}

static bool idle_measure(const struct command *c, size_t n, struct idle *mean)
{
	pid_t pids[IDLE_MAX];
	int ends[2];
	bool ok;

	if (pipe2(ends, O_CLOEXEC) == -1)
		bench_die("pipe: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		pids[i] = command_start(c, ends[1]);
	close(ends[1]);
	ok = idle_wait(ends[0], n) == n && idle_mean(pids, n, mean);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (size_t i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	close(ends[0]);
	return ok;
}

/* No target: 0. */
static void idle_figure(struct bench *b, const char *name, double husk, double floor, double target)
{
	report_figure(&b->report, &(struct figure){
		"memory", name, "KiB", b->husk == NULL ? NONE : husk, floor, NONE, NONE,
		target > 0 ? TARGET_HUSK : TARGET_NONE, target});
}

static void idle_parts(struct bench *b, const struct idle *husk, const struct idle *floor)
{
	char name[64];

	for (size_t p = 0; p < RESIDENT_PARTS; p++) {
		snprintf(name, sizeof name, "of it: %s", resident_part_names[p]);
		idle_figure(b, name, husk->part[p], floor->part[p], 0);
	}
}

static void idle_figures(struct bench *b, size_t n)
{
	struct command floor = command_make("%s/floor --mem=%d idle", b->programs, IDLE_MIB);
	struct command husk = {{NULL}};
	struct idle hm = {0}, fm;
	char name[64];

	if (b->husk != NULL)
		husk = husk_command(b, IDLE_MIB, "guest_loop", "--solo5:quiet idle");
	if (!idle_measure(&floor, n, &fm) || (b->husk != NULL && !idle_measure(&husk, n, &hm))) {
		report_skip(&b->report, "memory", "idle guests", "not all of them became idle");
	} else {
		snprintf(name, sizeof name, "resident each, %zu idle", n);
		idle_figure(b, name, hm.rss, fm.rss, TARGET_RESIDENT);
		snprintf(name, sizeof name, "Pss each, %zu idle", n);
		idle_figure(b, name, hm.pss, fm.pss, n == IDLE_MAX ? TARGET_PSS : 0);
		idle_parts(b, &hm, &fm);
	}
	command_free(&floor);
	command_free(&husk);
}

static void memory(struct bench *b)
{
	idle_figures(b, b->idle);
}

/* ---- where the floor's own time goes ---- */

#define STEPS_MAX 32

struct steps {
	size_t n;
	char name[STEPS_MAX][48];
	struct sample sample[STEPS_MAX];
};

static void steps_run(const struct command *c, struct steps *s)
{
	char line[128], name[48];
	unsigned long long ns;
	int ends[2];
	FILE *in;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1 || (in = fdopen(ends[0], "r")) == NULL)
		bench_die("pipe: %s", strerror(errno));
	pid = command_start(c, ends[1]);
	close(ends[1]);
	for (s->n = 0; s->n < STEPS_MAX && fgets(line, sizeof line, in) != NULL; s->n++) {
		struct sample *sample = &s->sample[s->n];

		if (sscanf(line, "step\t%47[^\t]\t%llu", name, &ns) != 2)
			bench_die("%s: %s", c->argv[0], line);
		memcpy(s->name[s->n], name, sizeof name);
		sample->wall[sample->n++] = (double)ns;
	}
	fclose(in);
	waitpid(pid, NULL, 0);
}

static void floor_figure(struct bench *b, const char *name, double us)
{
	report_figure(&b->report, &(struct figure){FLOOR_GROUP, name, "us", NONE, us, NONE, NONE,
						   TARGET_NONE, 0});
}

static void floor_whole(struct bench *b, const char *name, const char *mode)
{
	static struct sample s;
	struct command c = floor_start(b, mode);

	if (command_works(&c)) {
		s.n = 0;
		for (size_t i = 0; i < b->rounds; i++)
			command_time(&c, &s);
		floor_figure(b, name, sample_median(s.wall, s.n) * 1e6);
	} else {
		report_skip(&b->report, FLOOR_GROUP, name, "this KVM does not run it");
	}
	command_free(&c);
}

static void floor_parts(struct bench *b)
{
	static struct steps steps;
	struct command c = floor_start(b, "--steps start");

	floor_whole(b, "exec and exit, without KVM", "nothing");
	floor_whole(b, "exec to exit, without CPUID leaves", "--no-cpuid start");
	for (size_t i = 0; i < b->rounds; i++)
		steps_run(&c, &steps);
	for (size_t i = 0; i < steps.n; i++)
		floor_figure(b, steps.name[i],
			     sample_median(steps.sample[i].wall, steps.sample[i].n) / 1e3);
	command_free(&c);
}

/* ---- the program ---- */

static const char *need_env(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL || *value == '\0')
		bench_die("%s is not set: run make bench, or run.sh", name);
	return value;
}

static size_t number(const char *text, size_t most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > most)
		bench_die("%s: must be a number from 1 to %zu", text, most);
	return n;
}

/* NULL: there is none. */
static const char *other_monitor(void)
{
	const char *other = getenv("SOLO5_HVT");

	return other != NULL && *other != '\0' ? other : NULL;
}

static void network(struct bench *b)
{
	const struct net_bench n = {&b->report, b->husk, other_monitor(), b->programs, b->block, b->rounds,
				    b->net_seconds, b->net_only, b->brief};

	net_figures(&n);
}

static void beside_another(struct bench *b)
{
	const struct other_bench o = {&b->report, b->husk, other_monitor(), b->dir, b->programs, b->block,
				      b->rounds, b->brief};

	other_figures(&o);
}

static void usage(void)
{
	fputs("usage: run.sh [--json] [--net] [--brief] [--rounds=N] [--idle=N]"
	      " [--seconds=N] [--burst=NAME]\n", stderr);
	exit(2);
}

static void make_brief(struct bench *b)
{
	b->brief = true;
	b->rounds = BRIEF_ROUNDS;
	b->idle = BRIEF_IDLE;
	b->loop_seconds = BRIEF_SECONDS;
	b->loop_starts = BRIEF_STARTS;
}

struct wanted {
	bool json, net_only;
};

static struct wanted take_options(struct bench *b, int argc, char **argv)
{
	struct wanted w = {false, false};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			w.json = true;
		else if (strcmp(argv[i], "--net") == 0)
			w.net_only = true;
		else if (strcmp(argv[i], "--brief") == 0)
			make_brief(b);
		else if (strncmp(argv[i], "--rounds=", 9) == 0)
			b->rounds = number(argv[i] + 9, MEASURE_ROUNDS_MAX);
		else if (strncmp(argv[i], "--idle=", 7) == 0)
			b->idle = number(argv[i] + 7, IDLE_MAX);
		else if (strncmp(argv[i], "--seconds=", 10) == 0)
			b->net_seconds = (double)number(argv[i] + 10, SECONDS_MAX);
		else if (strncmp(argv[i], "--burst=", 8) == 0)
			b->net_only = argv[i] + 8;
		else
			usage();
	}
	return w;
}

int main(int argc, char **argv)
{
	struct bench b = {.rounds = 100, .idle = IDLE_MAX, .loop_seconds = LOOP_SECONDS,
			  .loop_starts = LOOP_STARTS, .net_seconds = NET_SECONDS, .husk = getenv("HUSK")};
	struct wanted wanted = take_options(&b, argc, argv);

	/* An emulated processor translates code anew when it lies elsewhere; that is not husk's cost. */
	(void)personality(ADDR_NO_RANDOMIZE);
	b.dir = need_env("BENCH_DIR");
	b.programs = need_env("BENCH_PROGRAMS");
	b.block = need_env("BENCH_BLOCK");
	if (b.husk != NULL && *b.husk == '\0')
		b.husk = NULL;
	report_begin(&b.report, wanted.json);
	if (!wanted.net_only) {
		counts(&b);
		times(&b);
		memory(&b);
		floor_parts(&b);
		beside_another(&b);
	}
	network(&b);
	report_end(&b.report);
	return 0;
}
