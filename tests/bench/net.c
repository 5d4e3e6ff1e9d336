/* SPDX-License-Identifier: ISC */
/*
 * net.c: frames in bursts, to a guest, from it, or both: by hypercall, by the ring, by queues, by queues
 * that the host's kernel serves where it can, by another monitor, solo5-hvt say, and on the floor, which
 * makes one exit and one system call for each; an idle device; starts with devices.
 *
 * A round is a burst one way and one frame the other way, which says that the burst has arrived; or
 * a burst of requests and the answer to each. All of them count as frames. The floor always goes
 * by hypercall. System calls are those that husk counts, KVM_RUN included; processor time is that
 * of all threads, with and without the guest's own instructions.
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

/* What the ring and queues may take, against hypercalls. */
#define TARGET_CPU 1.1
#define TARGET_TIME (1 / 0.95)

/* What queues may take, against another monitor's better way: the same image uses its ring or hypercalls. */
#define TARGET_OTHER_TIME (1 / 1.5)
#define TARGET_OTHER_CPU 0.7

#define VHOST "/dev/vhost-net"
#define VHOST_GROUP "network, vhost beside queues"

#define BURST_MAX 256
#define TARGET_IDLE 0		/* ticks of the processor */
#define TARGET_START 1.5

#define MEM_MIB 8
#define START_MIB 32
#define RUNS 5			/* of each case, in turns; their medians count */
#define TRIES 3			/* of a run */
#define BRIEF_SECONDS 0.01
#define ROUNDS_FEW 4		/* to see how long they take */
#define ROUNDS_MAX 100000
#define IDLE_SECONDS 2
#define SETTLE_US 500000

enum way { FLOOR, BY_CALL, BY_RING, BY_QUEUES, BY_VHOST, OTHER, WAYS };

enum traffic { RECEIVE, SEND, ANSWER };	/* by the guest */

static const char *const traffic_names[] = {"receive", "send", "answer"};

struct shape {
	enum traffic traffic;
	size_t size, burst;
};

/* Of a whole run, which starts and ends a guest. */
struct run {
	double wall;		/* seconds for all rounds but the first */
	double cpu, guest;	/* of all threads; of it, the guest's own instructions */
	double exits, calls, handovers;	/* calls: all of them, KVM_RUN included */
};

/* For one frame: of each run. */
struct cost {
	double wall[RUNS], cpu[RUNS];
	double host[RUNS];	/* of cpu, without the guest's own instructions */
	double exits[RUNS], calls[RUNS], handovers[RUNS];
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
	const char *mode = traffic_names[s->traffic];

	if (way == FLOOR)
		return command_make("%s/floor --mem=%d --net=" PEER_TAP " net-%s %zu %zu %zu",
				    b->programs, MEM_MIB, mode, s->size, s->burst, rounds);
	if (way == OTHER)
		return command_make("%s --mem=%d --net:net=" PEER_TAP " -- %s/guest_net.hvt "
				    "--solo5:quiet %s %zu %zu %zu", b->other, MEM_MIB, b->programs,
				    mode, s->size, s->burst, rounds);
	return command_make("%s --mem=%d --stats %s --net:net=" PEER_TAP " %s/guest_net.hvt "
			    "--solo5:quiet %s %zu %zu %zu %s", b->husk, MEM_MIB,
			    way == BY_CALL ? "--no-net-queues --no-net-ring" :
			    way == BY_RING ? "--no-net-queues" :
			    way == BY_VHOST ? "--net-vhost=" VHOST : "", b->programs, mode, s->size,
			    s->burst, rounds, then);
}

/* The host's side of a run; the first round is for warming up. */
static bool play(const struct peer *p, const struct shape *s, size_t rounds, double *wall)
{
	size_t answer = s->traffic == SEND ? 1 : s->burst;
	double start = now();

	if (!peer_await(p) || !peer_attached(p))
		return false;
	for (size_t i = 0; i < rounds; i++) {
		bool last = s->traffic == SEND && i + 1 == rounds;

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
	r->exits = r->calls = r->handovers = 0;
	while (fgets(line, sizeof line, in) != NULL) {
		if (sscanf(line, "%63s %63s %lf", subject, name, &n) != 3)
			continue;
		if (strcmp(subject, "exits") == 0)
			r->exits += n;
		if (strcmp(subject, "total") == 0 && strcmp(name, "system_calls") == 0)
			r->calls = n;
		if (strcmp(name, "handovers") == 0)
			r->handovers = n;
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
	r->cpu = command_wait(pid, &r->guest);
	return (read_stats(ends[0], r) || way == OTHER) && played && r->cpu >= 0;
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

/* So many rounds that a run takes as long as wanted; 0 if none works. */
static size_t rounds_for(const struct net_bench *b, const struct peer *p, enum way way,
			 const struct shape *s)
{
	struct run r;
	double rounds;

	if (!run(b, p, way, s, 1 + ROUNDS_FEW, &r))
		return 0;
	rounds = (b->brief ? BRIEF_SECONDS : b->seconds) / (r.wall / ROUNDS_FEW) + ROUNDS_FEW;
	return rounds < ROUNDS_MAX ? (size_t)rounds : ROUNDS_MAX;
}

static double at_least_0(double value)
{
	return value < 0 ? 0 : value;
}

static size_t frames_of(const struct shape *s)
{
	return s->traffic == ANSWER ? 2 * s->burst : s->burst + 1;
}

/* What a frame costs: what many rounds take beyond what one does. */
static bool measure_once(const struct net_bench *b, const struct peer *p, enum way way,
			 const struct shape *s, size_t rounds, struct cost *cost, size_t i)
{
	double frames = (double)(rounds * frames_of(s));
	struct run one, many;

	if (!run(b, p, way, s, 1, &one) || !run(b, p, way, s, 1 + rounds, &many))
		return false;
	cost->wall[i] = many.wall / frames;
	cost->cpu[i] = at_least_0((many.cpu - one.cpu) / frames);
	cost->host[i] = at_least_0((many.cpu - many.guest - one.cpu + one.guest) / frames);
	cost->exits[i] = at_least_0((many.exits - one.exits) / frames);
	cost->handovers[i] = at_least_0((many.handovers - one.handovers) / frames);
	cost->calls[i] = at_least_0((many.calls - one.calls) / frames);
	return true;
}

static size_t runs_of(const struct net_bench *b)
{
	return b->brief ? 1 : RUNS;
}

/* Whether this way there is something to measure. */
static bool has_way(const struct net_bench *b, const struct shape *s, enum way way)
{
	if (way == BY_VHOST && access(VHOST, R_OK | W_OK) == -1)
		return false;
	return way == FLOOR ? s->traffic != ANSWER :
	       way == OTHER ? b->husk != NULL && b->other != NULL : b->husk != NULL;
}

/* All ways in turns, so that a busy host hits each of them. */
static bool measure(const struct net_bench *b, const struct peer *p, const struct shape *s,
		    struct cost costs[WAYS])
{
	size_t rounds[WAYS];

	for (enum way way = FLOOR; way < WAYS; way++) {
		rounds[way] = has_way(b, s, way) ? rounds_for(b, p, way, s) : 1;
		if (rounds[way] == 0)
			return false;
	}
	for (size_t i = 0; i < runs_of(b); i++)
		for (enum way way = FLOOR; way < WAYS; way++)
			if (has_way(b, s, way) &&
			    !measure_once(b, p, way, s, rounds[way], &costs[way], i))
				return false;
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

/* The ring, or queues, beside hypercalls: medians, and that of the ratios of neighbours in time. */
static void tell_pair(const struct net_bench *b, const char *group, const char *what,
		      const char *quantity, const char *unit, const double *ring, const double *call,
		      double target)
{
	double ratios[RUNS];
	size_t n = runs_of(b);
	char name[96];
	struct figure f = {group, name, unit, sample_median(ring, n),
			   sample_median(call, n), NONE, NONE,
			   target > 0 ? TARGET_RATIO : TARGET_NONE, target};

	snprintf(name, sizeof name, "%s: %s", what, quantity);
	for (size_t i = 0; i < n; i++)
		ratios[i] = call[i] > 0 ? ring[i] / call[i] : 1;
	f.ratio = target > 0 ? sample_median(ratios, n) : NONE;
	report_figure(b->report, &f);
}

static void tell_ways(const struct net_bench *b, const char *group, const char *what,
		      const struct cost *ring, const struct cost *call)
{
	double ring_us[RUNS], call_us[RUNS];

	for (size_t i = 0; i < runs_of(b); i++)
		ring_us[i] = ring->wall[i] * 1e6, call_us[i] = call->wall[i] * 1e6;
	tell_pair(b, group, what, "time each", "us", ring_us, call_us, TARGET_TIME);
	for (size_t i = 0; i < runs_of(b); i++)
		ring_us[i] = ring->cpu[i] * 1e6, call_us[i] = call->cpu[i] * 1e6;
	tell_pair(b, group, what, "CPU each", "us", ring_us, call_us, 0);
	for (size_t i = 0; i < runs_of(b); i++)
		ring_us[i] = ring->host[i] * 1e6, call_us[i] = call->host[i] * 1e6;
	tell_pair(b, group, what, "CPU each, not the guest's", "us", ring_us, call_us, TARGET_CPU);
	tell_pair(b, group, what, "exits each", "", ring->exits, call->exits, 0);
	tell_pair(b, group, what, "calls each", "", ring->calls, call->calls, 0);
	tell_pair(b, group, what, "hand-overs each", "", ring->handovers, call->handovers, 0);
}

/* Of the other nothing is counted. */
static void tell_other(const struct net_bench *b, const char *what, const struct cost *queues,
		       const struct cost *other)
{
	double us[RUNS], other_us[RUNS];

	for (size_t i = 0; i < runs_of(b); i++)
		us[i] = queues->wall[i] * 1e6, other_us[i] = other->wall[i] * 1e6;
	tell_pair(b, OTHER_NET_GROUP, what, "time each", "us", us, other_us, TARGET_OTHER_TIME);
	for (size_t i = 0; i < runs_of(b); i++)
		us[i] = queues->cpu[i] * 1e6, other_us[i] = other->cpu[i] * 1e6;
	tell_pair(b, OTHER_NET_GROUP, what, "CPU each", "us", us, other_us, TARGET_OTHER_CPU);
}

static void tell_floor(const struct net_bench *b, const char *what, const struct cost *costs)
{
	const struct cost *floor = &costs[FLOOR], *call = &costs[BY_CALL];
	size_t n = runs_of(b);
	bool husk = b->husk != NULL;

	tell(b, what, "frames", "/s", husk ? 1 / sample_median(call->wall, n) : NONE,
	     1 / sample_median(floor->wall, n), NONE);
	tell(b, what, "CPU each", "us", husk ? sample_median(call->cpu, n) * 1e6 : NONE,
	     sample_median(floor->cpu, n) * 1e6, NONE);
	tell(b, what, "exits each", "", husk ? sample_median(call->exits, n) : NONE,
	     sample_median(floor->exits, n), NONE);
	tell(b, what, "calls each", "", husk ? sample_median(call->calls, n) : NONE,
	     sample_median(floor->calls, n), NONE);
}

static void shape(const struct net_bench *b, const struct peer *p, const struct shape *s,
		  bool floor)
{
	struct cost costs[WAYS];
	char name[64];

	snprintf(name, sizeof name, "%s %zu x %zu", traffic_names[s->traffic], s->burst, s->size);
	if (b->only != NULL && strcmp(b->only, name) != 0)
		return;
	if (!measure(b, p, s, costs))
		report_skip(b->report, floor ? "network" : RING_GROUP, name, "its frames do not arrive");
	else if (floor)
		tell_floor(b, name, costs);
	else {
		tell_ways(b, RING_GROUP, name, &costs[BY_RING], &costs[BY_CALL]);
		tell_ways(b, QUEUES_GROUP, name, &costs[BY_QUEUES], &costs[BY_CALL]);
		if (has_way(b, s, BY_VHOST))
			tell_ways(b, VHOST_GROUP, name, &costs[BY_VHOST], &costs[BY_QUEUES]);
		if (b->other != NULL)
			tell_other(b, name, &costs[BY_QUEUES], &costs[OTHER]);
	}
}

/* ---- a guest that sleeps after its bursts ---- */

static const struct shape idle_shape = {RECEIVE, NET_SIZE_MIN, BURST_MAX};

static const char *idle_name(enum way way)
{
	return way == BY_VHOST ? "idle for 2 s, vhost" : way == BY_QUEUES ? "idle for 2 s, queues" :
	       way == BY_RING ? "idle for 2 s, ring" : "idle for 2 s, hypercall";
}

static void idle(const struct net_bench *b, const struct peer *p, enum way way)
{
	struct command c = command_for(b, way, &idle_shape, ROUNDS_FEW, "idle");
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = command_start_both(&c, out);
	double wall, before;

	close(out);
	command_free(&c);
	if (play(p, &idle_shape, ROUNDS_FEW, &wall)) {
		usleep(SETTLE_US);
		before = process_ticks(pid, false);
		usleep(IDLE_SECONDS * 1000000);
		tell(b, idle_name(way), "ticks", "", process_ticks(pid, false) - before, NONE, TARGET_IDLE);
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

/* Takes over the floor's command. */
static void start(const struct net_bench *b, const char *image, const char *name, struct command cf,
		  double target)
{
	static struct sample husk, floor;
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

static struct command floor_start(const struct net_bench *b)
{
	return command_make("%s/floor --mem=%d --block=%s --net=" PEER_TAP " start", b->programs,
			    START_MIB, b->block);
}

static struct command floor_bare(const struct net_bench *b)
{
	return command_make("%s/floor_bare %d %s " PEER_TAP, b->programs, START_MIB, b->block);
}

/* All attach the devices; the floors' guest has no start-up code. */
static void starts(const struct net_bench *b)
{
	start(b, "guest_bare_disk_net", "exec to exit, disk and network", floor_start(b), TARGET_START);
	start(b, "guest_bare_disk_net", "the same, floor without libc", floor_bare(b), TARGET_START);
	start(b, "guest_disk_net", "the same, image with bindings", floor_start(b), NONE);
}

/* Requests: so many at a time, as from as many connections. */
static const struct shape shapes[] = {
	{RECEIVE, NET_SIZE_MAX, BURST_MAX}, {SEND, NET_SIZE_MAX, BURST_MAX},
	{RECEIVE, NET_SIZE_MAX, 32}, {SEND, NET_SIZE_MAX, 32},
	{RECEIVE, NET_SIZE_MAX, 1}, {SEND, NET_SIZE_MAX, 1},
	{RECEIVE, NET_SIZE_MIN, BURST_MAX}, {SEND, NET_SIZE_MIN, BURST_MAX},
	{ANSWER, NET_SIZE_MIN, 1}, {ANSWER, NET_SIZE_MIN, 16}, {ANSWER, NET_SIZE_MIN, 128},
};
#define SHAPES_BRIEF 2

static void all_shapes(const struct net_bench *b, const struct peer *p)
{
	size_t n = b->brief ? SHAPES_BRIEF : sizeof shapes / sizeof shapes[0];

	for (size_t i = 0; i < SHAPES_BRIEF; i++)
		shape(b, p, &shapes[i], true);
	for (size_t i = 0; b->husk != NULL && i < n; i++)
		shape(b, p, &shapes[i], false);
	if (b->husk != NULL && b->other == NULL)
		report_skip(b->report, OTHER_NET_GROUP, "all figures", "SOLO5_HVT names no solo5-hvt");
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
	all_shapes(b, &p);
	if (b->only != NULL) {
		peer_close(&p);
		return;
	}
	for (enum way way = BY_CALL; way < OTHER; way++)
		if (has_way(b, &idle_shape, way))
			idle(b, &p, way);
	starts(b);
	peer_close(&p);
}
