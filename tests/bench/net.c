/*
 * net.c: frames in bursts, to a guest and from it: by hypercall, by the ring, and on the floor,
 * which makes one exit and one system call for each; an idle device; starts with devices.
 *
 * A round is a burst one way and one frame the other way, which says that the burst has
 * arrived. All of them count as frames. The floor always goes by hypercall. System calls are
 * those that husk counts, KVM_RUN included.
 */
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"
#include "peer.h"
#include "report.h"

/* What husk aims at, for a burst of TARGET_BURST by the ring. */
#define TARGET_BURST 256
#define TARGET_EXITS 0.02
#define TARGET_CALLS 1.1
#define TARGET_IDLE 0		/* ticks of the processor */
#define TARGET_START 1.5

#define MEM_MIB 8
#define START_MIB 32
#define RUNS 3			/* of each case; their median counts */
#define TRIES 3			/* of a run */
#define RUN_SECONDS 0.3
#define BRIEF_SECONDS 0.01
#define ROUNDS_FEW 4		/* to see how long they take */
#define ROUNDS_MAX 100000
#define IDLE_SECONDS 2
#define SETTLE_US 500000

enum way { FLOOR, BY_CALL, BY_RING, WAYS };

struct shape {
	bool sending;		/* the guest */
	size_t size, burst;
};

/* Of a whole run, which starts and ends a guest. */
struct run {
	double wall;		/* seconds for all rounds but the first */
	double cpu;
	double exits, calls;	/* calls: all of them, KVM_RUN included */
};

struct cost {			/* for one frame */
	double wall, cpu, exits, calls;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct command command_for(const struct net_bench *b, enum way way, const struct shape *s,
				  size_t rounds, const char *then)
{
	const char *mode = s->sending ? "send" : "receive";

	if (way == FLOOR)
		return command_make("%s/floor --mem=%d --net=" PEER_TAP " net-%s %zu %zu %zu",
				    b->programs, MEM_MIB, mode, s->size, s->burst, rounds);
	return command_make("%s --mem=%d --stats %s --net:net=" PEER_TAP " %s/guest_net.hvt "
			    "--solo5:quiet %s %zu %zu %zu %s", b->husk, MEM_MIB,
			    way == BY_CALL ? "--no-net-ring" : "", b->programs, mode, s->size,
			    s->burst, rounds, then);
}

/* The host's side of a run; the first round is for warming up. */
static bool play(const struct peer *p, const struct shape *s, size_t rounds, double *wall)
{
	size_t answer = s->sending ? 1 : s->burst;
	double start = now();

	if (!peer_await(p) || !peer_attached(p))
		return false;
	for (size_t i = 0; i < rounds; i++) {
		bool last = s->sending && i + 1 == rounds;

		if (i == 1)
			start = now();
		if (!peer_send(p, s->size, answer) || (!last && !peer_await(p)))
			return false;
	}
	*wall = now() - start;
	return true;
}

/* Lines of husk's --stats, and of the floor: SUBJECT NAME NUMBER. */
static bool read_stats(int fd, struct run *r)
{
	char line[256], subject[64], name[64];
	FILE *in = fdopen(fd, "r");
	double n;

	if (in == NULL)
		bench_die("fdopen: %s", strerror(errno));
	r->exits = r->calls = 0;
	while (fgets(line, sizeof line, in) != NULL) {
		if (sscanf(line, "%63s %63s %lf", subject, name, &n) != 3)
			continue;
		if (strcmp(subject, "exits") == 0)
			r->exits += n;
		if (strcmp(subject, "total") == 0 && strcmp(name, "system_calls") == 0)
			r->calls = n;
	}
	fclose(in);
	return r->calls > 0;
}

static bool run_once(const struct net_bench *b, const struct peer *p, enum way way,
		     const struct shape *s, size_t rounds, struct run *r)
{
	struct command c = command_for(b, way, s, rounds, "");
	int ends[2];
	bool played;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		bench_die("pipe: %s", strerror(errno));
	pid = command_start_both(&c, ends[1]);
	close(ends[1]);
	command_free(&c);
	played = play(p, s, rounds, &r->wall);
	if (!played)
		kill(pid, SIGKILL);
	r->cpu = command_wait(pid);
	return read_stats(ends[0], r) && played && r->cpu >= 0;
}

/* A frame may get lost on its way, and a run with it. */
static bool run(const struct net_bench *b, const struct peer *p, enum way way,
		const struct shape *s, size_t rounds, struct run *r)
{
	for (int i = 0; i < TRIES; i++)
		if (run_once(b, p, way, s, rounds, r))
			return true;
	return false;
}

/* So many rounds that a run takes RUN_SECONDS; 0 if none works. */
static size_t rounds_for(const struct net_bench *b, const struct peer *p, enum way way,
			 const struct shape *s)
{
	struct run r;
	double rounds;

	if (!run(b, p, way, s, 1 + ROUNDS_FEW, &r))
		return 0;
	rounds = (b->brief ? BRIEF_SECONDS : RUN_SECONDS) / (r.wall / ROUNDS_FEW) + ROUNDS_FEW;
	return rounds < ROUNDS_MAX ? (size_t)rounds : ROUNDS_MAX;
}

static double at_least_0(double value)
{
	return value < 0 ? 0 : value;
}

/* What a frame costs: what many rounds take beyond what one does. */
static bool measure(const struct net_bench *b, const struct peer *p, enum way way,
		    const struct shape *s, struct cost *cost)
{
	double wall[RUNS], cpu[RUNS], exits[RUNS], calls[RUNS];
	size_t rounds = rounds_for(b, p, way, s), runs = b->brief ? 1 : RUNS;
	double frames = (double)(rounds * (s->burst + 1));
	struct run one, many;

	for (size_t i = 0; i < runs; i++) {
		if (rounds == 0 || !run(b, p, way, s, 1, &one) ||
		    !run(b, p, way, s, 1 + rounds, &many))
			return false;
		wall[i] = many.wall / frames;
		cpu[i] = (many.cpu - one.cpu) / frames;
		exits[i] = (many.exits - one.exits) / frames;
		calls[i] = (many.calls - one.calls) / frames;
	}
	*cost = (struct cost){
		sample_median(wall, runs), at_least_0(sample_median(cpu, runs)),
		at_least_0(sample_median(exits, runs)), at_least_0(sample_median(calls, runs)),
	};
	return true;
}

static void tell(const struct net_bench *b, const char *what, const char *quantity,
		 const char *unit, double husk, double floor, double target)
{
	char name[96];
	struct figure f = {"network", name, unit, husk, floor, NONE, NONE,
			   target >= 0 ? TARGET_HUSK : TARGET_NONE, target};

	snprintf(name, sizeof name, "%s: %s", what, quantity);
	if (husk > NONE && unit[0] != '\0' && floor > 0)
		f.ratio = husk / floor;
	report_figure(b->report, &f);
}

static void tell_way(const struct net_bench *b, const struct shape *s, enum way way,
		     const struct cost *husk, const struct cost *floor)
{
	bool judged = way == BY_RING && s->burst == TARGET_BURST;
	char what[64];

	snprintf(what, sizeof what, "%s %zu x %zu, %s", s->sending ? "send" : "receive", s->burst,
		 s->size, way == BY_RING ? "ring" : "hypercall");
	tell(b, what, "frames", "/s", husk == NULL ? NONE : 1 / husk->wall, 1 / floor->wall, NONE);
	tell(b, what, "CPU each", "us", husk == NULL ? NONE : husk->cpu * 1e6, floor->cpu * 1e6,
	     NONE);
	tell(b, what, "exits each", "", husk == NULL ? NONE : husk->exits, floor->exits,
	     judged ? TARGET_EXITS : NONE);
	tell(b, what, "calls each", "", husk == NULL ? NONE : husk->calls, floor->calls,
	     judged ? TARGET_CALLS : NONE);
}

static void bursts(const struct net_bench *b, const struct peer *p, const struct shape *s)
{
	struct cost floor, husk;
	char name[64];

	snprintf(name, sizeof name, "%s %zu x %zu", s->sending ? "send" : "receive", s->burst,
		 s->size);
	if (!measure(b, p, FLOOR, s, &floor)) {
		report_skip(b->report, "network", name, "the floor's frames do not arrive");
		return;
	}
	for (enum way way = BY_CALL; way < WAYS; way++) {
		if (b->husk == NULL)
			tell_way(b, s, way, NULL, &floor);
		else if (measure(b, p, way, s, &husk))
			tell_way(b, s, way, &husk, &floor);
		else
			report_skip(b->report, "network", name, "husk's frames do not arrive");
	}
}

/* ---- a guest that sleeps after its bursts ---- */

/* utime and stime of proc(5), /proc/PID/stat. */
static double ticks(pid_t pid)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, system = 0;
	const char *after;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	in = fopen(path, "r");
	if (in == NULL || fgets(line, sizeof line, in) == NULL)
		bench_die("%s: %s", path, strerror(errno));
	fclose(in);
	after = strrchr(line, ')');
	if (after == NULL || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				    &user, &system) != 2)
		bench_die("%s: %s", path, line);
	return (double)(user + system);
}

static void idle(const struct net_bench *b, const struct peer *p, enum way way)
{
	static const struct shape s = {false, NET_SIZE_MIN, TARGET_BURST};
	struct command c = command_for(b, way, &s, ROUNDS_FEW, "idle");
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = command_start_both(&c, out);
	double wall, before;

	close(out);
	command_free(&c);
	if (play(p, &s, ROUNDS_FEW, &wall)) {
		usleep(SETTLE_US);
		before = ticks(pid);
		usleep(IDLE_SECONDS * 1000000);
		tell(b, way == BY_RING ? "idle for 2 s, ring" : "idle for 2 s, hypercall", "ticks",
		     "", ticks(pid) - before, NONE, TARGET_IDLE);
	} else {
		report_skip(b->report, "network", "idle", "its frames do not arrive");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- starts ---- */

static void start_figure(const struct net_bench *b, const char *name, const double *husk,
			 const double *floor, size_t n, double target)
{
	double ratios[MEASURE_ROUNDS_MAX];
	struct figure f = {"network", name, "us", NONE, sample_median(floor, n) * 1e6, NONE, NONE,
			   target > NONE ? TARGET_RATIO : TARGET_NONE, target};

	if (b->husk != NULL) {
		for (size_t i = 0; i < n; i++)
			ratios[i] = husk[i] / floor[i];
		f.husk = sample_median(husk, n) * 1e6;
		f.ratio = sample_median(ratios, n);
		f.best = sample_least(husk, n) / sample_least(floor, n);
	}
	report_figure(b->report, &f);
}

static void start(const struct net_bench *b, const char *image, const char *name, double target)
{
	static struct sample husk, floor;
	struct command cf = command_make("%s/floor --mem=%d --block=%s --net=" PEER_TAP " start",
					 b->programs, START_MIB, b->block);
	struct command ch = command_make("%s --mem=%d --block:disk=%s --net:net=" PEER_TAP
					 " %s/%s.hvt --solo5:quiet", b->husk == NULL ? "" : b->husk,
					 START_MIB, b->block, b->programs, image);
	char what[64];

	husk.n = floor.n = 0;
	if (b->husk != NULL)
		command_compare(&ch, &husk, &cf, &floor, b->rounds);
	else
		for (size_t i = 0; i < b->rounds; i++)
			command_time(&cf, &floor);
	snprintf(what, sizeof what, "%s, wall", name);
	start_figure(b, what, husk.wall, floor.wall, floor.n, target);
	snprintf(what, sizeof what, "%s, CPU", name);
	start_figure(b, what, husk.cpu, floor.cpu, floor.n, target);
	command_free(&ch);
	command_free(&cf);
}

/* All attach the devices; the floor's guest has no start-up code. */
static void starts(const struct net_bench *b)
{
	start(b, "guest_bare_disk_net", "exec to exit, disk and network", TARGET_START);
	start(b, "guest_disk_net", "the same, image with bindings", NONE);
}

static void all_bursts(const struct net_bench *b, const struct peer *p, bool sending)
{
	static const size_t sizes[] = {NET_SIZE_MAX, NET_SIZE_MIN};
	static const size_t numbers[] = {TARGET_BURST, 32, 1};

	for (size_t i = 0; i < (b->brief ? 1 : sizeof sizes / sizeof sizes[0]); i++)
		for (size_t j = 0; j < (b->brief ? 1 : sizeof numbers / sizeof numbers[0]); j++) {
			const struct shape s = {sending, sizes[i], numbers[j]};

			bursts(b, p, &s);
		}
}

void net_figures(const struct net_bench *b)
{
	struct peer p;
	const char *failed = peer_open(&p);
	char why[128];

	if (failed != NULL) {
		snprintf(why, sizeof why, "cannot make %s: %s", failed, strerror(errno));
		report_skip(b->report, "network", "all figures", why);
		peer_close(&p);
		return;
	}
	all_bursts(b, &p, false);
	all_bursts(b, &p, true);
	for (enum way way = BY_CALL; b->husk != NULL && way < WAYS; way++)
		idle(b, &p, way);
	starts(b);
	peer_close(&p);
}
