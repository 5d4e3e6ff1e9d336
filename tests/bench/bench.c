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
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "report.h"
#include "resident.h"

/* docs/architecture.md, "What it may cost". */
#define TARGET_FIRST_RUN 45
#define TARGET_START 1.3
#define TARGET_HYPERCALL 1.05
#define TARGET_POLL 1.5
#define TARGET_RESIDENT 1024		/* KiB */
#define TARGET_PSS 100			/* KiB, with IDLE_MAX guests */

#define IDLE_MAX 200
#define IDLE_MIB 2			/* memory of an idle guest */
#define IDLE_TIMEOUT_MS 60000		/* for all of them to be idle */
#define START_MIB 32
#define COUNT_N 64			/* requests under strace */
#define CALIBRATE_N 2000
#define LOOP_SECONDS 0.15		/* how long the floor should take for one loop */

struct bench {
	struct report report;
	const char *husk;		/* NULL: the floor alone */
	const char *dir, *programs;	/* tests/bench here and in the build */
	const char *block;		/* a scratch file */
	size_t rounds;			/* of a start; loops take fewer */
	size_t idle;
};

/* A loop that both guests can run, in the words of floor.c and guest_loop.c. */
struct loop {
	const char *name;		/* for people */
	const char *mode;		/* up to the number of requests */
	bool block;			/* needs the block device */
	double target;			/* ratio of the round trips, 0: none */
	double target_calls;		/* system calls each, 0: none */
};

static const struct loop loops[] = {
	{"hypercall (WALLTIME)", "hypercall", false, TARGET_HYPERCALL, 0},
	{"hypercall that is refused (block handle 63)", "null", true, 0, 0},
	{"POLL, timeout 0", "poll", false, TARGET_POLL, 1},
	{"block read, 512 bytes", "read 512", true, 0, 1},
	{"block read, 4096 bytes", "read 4096", true, 0, 1},
	{"block read, 65536 bytes", "read 65536", true, 0, 1},
	{"block write, 512 bytes", "write 512", true, 0, 1},
	{"block write, 4096 bytes", "write 4096", true, 0, 1},
	{"block write, 65536 bytes", "write 65536", true, 0, 1},
};

#define N_LOOPS (sizeof loops / sizeof loops[0])

static struct command floor_command(const struct bench *b, unsigned mib, const char *mode)
{
	return command_make("%s/floor --mem=%u --block=%s %s", b->programs, mib, b->block, mode);
}

static struct command husk_command(const struct bench *b, unsigned mib, const char *image,
				   const char *args)
{
	return command_make("%s --mem=%u %s/%s.hvt %s", b->husk, mib, b->programs, image, args);
}

static struct command floor_loop(const struct bench *b, const struct loop *l, size_t n)
{
	if (!l->block)
		return command_make("%s/floor --mem=%d %s %zu", b->programs, IDLE_MIB, l->mode, n);
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
	struct command floor = command_make("%s/floor --mem=%d start", b->programs, START_MIB);
	struct counts counts;

	if (!count(b, floor, &counts)) {
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

static void counts(struct bench *b)
{
	first_run(b, "system calls to the first KVM_RUN", "guest_halt", "--solo5:quiet");
	first_run(b, "the same, image without bindings", "guest_bare", "");
	for (size_t i = 0; i < N_LOOPS; i++)
		loop_counts(b, &loops[i]);
}

/* ---- times ---- */

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

static void start_figure(struct bench *b, const char *name, const double *husk, size_t n_husk,
			 const double *floor, size_t n_floor, double target)
{
	struct figure f = {.group = "times", .name = name, .unit = "us", .husk = NONE,
			   .ratio = NONE, .best = NONE, .target = target,
			   .kind = target > 0 ? TARGET_RATIO : TARGET_NONE};

	f.floor = sample_median(floor, n_floor) * 1e6;
	if (n_husk > 0) {
		f.husk = sample_median(husk, n_husk) * 1e6;
		f.ratio = f.husk / f.floor;
		f.best = sample_least(husk, n_husk) / sample_least(floor, n_floor);
	}
	report_figure(&b->report, &f);
}

static struct command husk_start(const struct bench *b, const char *image, const char *args)
{
	return b->husk == NULL ? (struct command){{NULL}} : husk_command(b, START_MIB, image, args);
}

static void starts(struct bench *b)
{
	static struct sample sh, sf;

	compare(b, husk_start(b, "guest_bare", ""), &sh, floor_command(b, START_MIB, "start"), &sf,
		b->rounds);
	start_figure(b, "exec to exit, wall", sh.wall, sh.n, sf.wall, sf.n, TARGET_START);
	start_figure(b, "exec to exit, CPU", sh.cpu, sh.n, sf.cpu, sf.n, 0);
	compare(b, husk_start(b, "guest_halt", "--solo5:quiet"), &sh,
		floor_command(b, START_MIB, "start"), &sf, b->rounds);
	start_figure(b, "image with bindings, wall", sh.wall, sh.n, sf.wall, sf.n, 0);
	start_figure(b, "image with bindings, CPU", sh.cpu, sh.n, sf.cpu, sf.n, 0);
}

/* So many requests take the floor LOOP_SECONDS: an exit costs 1 us here and 200 us there. */
static size_t loop_length(const struct bench *b, const struct loop *l)
{
	static struct sample one, many;
	struct command c1 = floor_loop(b, l, 1), cn = floor_loop(b, l, 1 + CALIBRATE_N);
	double each;

	one.n = many.n = 0;
	command_compare(&c1, &one, &cn, &many, 3);
	command_free(&c1);
	command_free(&cn);
	each = (sample_median(many.wall, many.n) - sample_median(one.wall, one.n)) / CALIBRATE_N;
	return each <= 0 ? CALIBRATE_N : (size_t)(LOOP_SECONDS / each) + 1;
}

static double each(const struct sample *one, const struct sample *many, size_t n,
		   double value(const double *, size_t))
{
	return (value(many->wall, many->n) - value(one->wall, one->n)) / (double)n * 1e6;
}

static void loop_times(struct bench *b, const struct loop *l)
{
	static struct sample h1, f1, hn, fn;
	const struct command none = {{NULL}};
	size_t n = loop_length(b, l), rounds = b->rounds / 10 + 3;
	struct figure f = {"times", l->name, "us", NONE, NONE, NONE, NONE,
			   l->target > 0 ? TARGET_RATIO : TARGET_NONE, l->target};

	compare(b, b->husk == NULL ? none : husk_loop(b, l, 1), &h1, floor_loop(b, l, 1), &f1, rounds);
	compare(b, b->husk == NULL ? none : husk_loop(b, l, n + 1), &hn, floor_loop(b, l, n + 1), &fn,
		rounds);
	f.floor = each(&f1, &fn, n, sample_median);
	if (b->husk != NULL) {
		f.husk = each(&h1, &hn, n, sample_median);
		f.ratio = f.husk / f.floor;
		f.best = each(&h1, &hn, n, sample_least) / each(&f1, &fn, n, sample_least);
	}
	report_figure(&b->report, &f);
}

static void times(struct bench *b)
{
	starts(b);
	for (size_t i = 0; i < N_LOOPS; i++)
		loop_times(b, &loops[i]);
}

/* ---- memory ---- */

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

static bool idle_mean(const pid_t *pids, size_t n, double *rss, double *pss)
{
	struct resident r;

	*rss = *pss = 0;
	for (size_t i = 0; i < n; i++) {
		if (!resident_read(pids[i], (size_t)IDLE_MIB << 20, &r))
			return false;
		*rss += (double)r.rss / (double)n;
		*pss += (double)r.pss / (double)n;
	}
	return true;
}

static bool idle_measure(const struct command *c, size_t n, double *rss, double *pss)
{
	pid_t pids[IDLE_MAX];
	int ends[2];
	bool ok;

	if (pipe2(ends, O_CLOEXEC) == -1)
		bench_die("pipe: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		pids[i] = command_start(c, ends[1]);
	close(ends[1]);
	ok = idle_wait(ends[0], n) == n && idle_mean(pids, n, rss, pss);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (size_t i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	close(ends[0]);
	return ok;
}

static void idle_figures(struct bench *b, size_t n)
{
	char rss_name[64], pss_name[64];
	struct figure rss = {"memory", rss_name, "KiB", NONE, NONE, NONE, NONE, TARGET_HUSK,
			     TARGET_RESIDENT};
	struct figure pss = {"memory", pss_name, "KiB", NONE, NONE, NONE, NONE,
			     n == IDLE_MAX ? TARGET_HUSK : TARGET_NONE, TARGET_PSS};
	struct command floor = command_make("%s/floor --mem=%d idle", b->programs, IDLE_MIB);
	struct command husk = {{NULL}};

	snprintf(rss_name, sizeof rss_name, "resident beside the guest, %zu idle", n);
	snprintf(pss_name, sizeof pss_name, "Pss beside the guest, %zu idle", n);
	if (b->husk != NULL)
		husk = husk_command(b, IDLE_MIB, "guest_loop", "--solo5:quiet idle");
	if (!idle_measure(&floor, n, &rss.floor, &pss.floor) ||
	    (b->husk != NULL && !idle_measure(&husk, n, &rss.husk, &pss.husk))) {
		report_skip(&b->report, "memory", rss_name, "not all of them became idle");
	} else {
		report_figure(&b->report, &rss);
		report_figure(&b->report, &pss);
	}
	command_free(&floor);
	command_free(&husk);
}

static void memory(struct bench *b)
{
	idle_figures(b, 1);
	if (b->idle > 1)
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
	report_figure(&b->report, &(struct figure){"floor", name, "us", NONE, us, NONE, NONE,
						   TARGET_NONE, 0});
}

static void floor_whole(struct bench *b, const char *name, const char *mode)
{
	static struct sample s;
	struct command c = floor_command(b, START_MIB, mode);

	s.n = 0;
	for (size_t i = 0; i < b->rounds; i++)
		command_time(&c, &s);
	floor_figure(b, name, sample_median(s.wall, s.n) * 1e6);
	command_free(&c);
}

static void floor_parts(struct bench *b)
{
	static struct steps steps;
	struct command c = floor_command(b, START_MIB, "--steps start");

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

static void usage(void)
{
	fputs("usage: run.sh [--json] [--rounds=N] [--idle=N]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	struct bench b = {.rounds = 100, .idle = IDLE_MAX, .husk = getenv("HUSK")};
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strncmp(argv[i], "--rounds=", 9) == 0)
			b.rounds = number(argv[i] + 9, MEASURE_ROUNDS_MAX);
		else if (strncmp(argv[i], "--idle=", 7) == 0)
			b.idle = number(argv[i] + 7, IDLE_MAX);
		else
			usage();
	}
	b.dir = need_env("BENCH_DIR");
	b.programs = need_env("BENCH_PROGRAMS");
	b.block = need_env("BENCH_BLOCK");
	if (b.husk != NULL && *b.husk == '\0')
		b.husk = NULL;
	report_begin(&b.report, json);
	counts(&b);
	times(&b);
	memory(&b);
	floor_parts(&b);
	report_end(&b.report);
	return 0;
}
