/* SPDX-License-Identifier: ISC */
/* test_profile.c: ticks of a clock become samples of stacks, and these what other tools read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../monitor/profile/picture.h"
#include "../../../monitor/profile/timer.h"
#include "../../../monitor/unwind.h"
#include "json_read.h"
#include "regs.h"
#include "rig.h"
#include "expect.h"

extern const struct module module_profile;

#define PERIOD 1000000u
#define CODE HVT_GUEST_MIN_BASE
#define OUTER CODE
#define INNER (CODE + 0x100)
#define ODD (CODE + 0x200)
#define BEHIND (CODE + 0x300)	/* code without a name */
#define STACK (CODE + 0x10000)
#define TEXT_MAX ((size_t)1 << 20)

/* ---- the host ---- */

static uint64_t now_ns;
static unsigned no_memory_in;	/* the allocation that fails, counted from 1; 0: none */
static bool no_timer;
static int timers;

uint64_t __wrap_clock_now_ns(void);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __wrap_profile_timer_start(struct profile_timer *t, const struct core *c, uint64_t start,
			       uint64_t period_ns, struct husk_error *e);
void __wrap_profile_timer_stop(struct profile_timer *t);

uint64_t __wrap_clock_now_ns(void)
{
	return now_ns;
}

static bool denied(void)
{
	return no_memory_in > 0 && --no_memory_in == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return denied() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return denied() ? NULL : __real_malloc(size);
}

int __wrap_profile_timer_start(struct profile_timer *t, const struct core *c, uint64_t start,
			       uint64_t period_ns, struct husk_error *e)
{
	(void)c, (void)start;
	assert_true(period_ns > 0);
	if (no_timer)
		return husk_fail(e, HUSK_E_HOST, "no timer");
	t->running = 1;
	timers++;
	return 0;
}

void __wrap_profile_timer_stop(struct profile_timer *t)
{
	timers -= t->running;
	t->running = 0;
}

/* ---- a guest that is sampled ---- */

static char names[] = "outer\0inner\0a<b&\"c;d";
static struct symbol list[] = {{OUTER, 0x100, 0}, {INNER, 0x100, 6}, {ODD, 0x100, 12}};

struct fixture {
	struct rig rig;
	struct sampler sampler;
	struct sink sink;
	char path[64];
	int fd;
	unsigned client;
	char text[TEXT_MAX];
};

static int set_up(void **state)
{
	struct fixture *f = __real_calloc(1, sizeof *f);
	struct sampler *s = &f->sampler;

	now_ns = 12345;
	no_timer = false;
	timers = 0;
	assert_int_equal(rig_make(&f->rig, 2 * RIG_MEMORY), 0);
	assert_int_equal(memory_declare(&f->rig.core.memory, CODE, CODE + 0xfff, MEMORY_R | MEMORY_X,
					"text", &f->rig.e), 0);
	strcpy(f->path, "/tmp/husk-profile-XXXXXX");
	f->fd = mkstemp(f->path);
	assert_int_equal(tree_init(&s->tree, &f->rig.e), 0);
	assert_int_equal(sink_init(&f->sink, &f->rig.e), 0);
	sink_attach(&f->sink, f->fd, &f->rig.core.waiter, 0, false);
	s->core = &f->rig.core;
	s->period_ns = PERIOD;
	s->symbols = (struct symbols){.n = 3, .list = list, .text = names, .text_len = sizeof names};
	sampler_start(s);
	assert_int_equal(core_add_client(&f->rig.core, &sampler_client, s, &f->client,
					 &f->rig.e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	no_memory_in = 0;
	sink_detach(&f->sink);
	sink_fini(&f->sink);
	tree_free(&f->sampler.tree);
	rig_free(&f->rig);
	close(f->fd);
	unlink(f->path);
	free(f);
	return 0;
}

/* Where the guest is, and from where it was called: 0: from nowhere. */
static void put_guest(struct fixture *f, uint64_t pc, uint64_t caller)
{
	const uint64_t frame[] = {0, caller};

	memcpy(rig_at(&f->rig, STACK), frame, sizeof frame);
	f->rig.core.hv->regs = regs_at(pc, STACK + 0x100, STACK);
}

/* A step of the script. */
struct moment {
	struct fixture *f;
	uint64_t pc, caller, ns;
	bool tick;	/* the timer's signal interrupts the guest */
};

static void pass(void *ctx)
{
	const struct moment *m = ctx;

	put_guest(m->f, m->pc, m->caller);
	now_ns += m->ns;
	m->f->rig.core.hv->kicked = m->tick;
}

static void play(struct moment *m)
{
	hv_fake_hook(m->f->rig.core.hv, pass, m);
	assert_int_equal(rig_run(&m->f->rig), RIG_RESUMED);
}

static const char *drawn(struct fixture *f, picture *draw)
{
	ssize_t n;

	tree_sum(&f->sampler.tree);
	draw(&f->sampler, &f->sink);
	sink_flush(&f->sink);
	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	n = read(f->fd, f->text, sizeof f->text - 1);
	assert_true(n >= 0);
	f->text[n] = '\0';
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	return f->text;
}

/* ---- from ticks to samples ---- */

static void a_tick_is_a_sample_of_the_stack(void **state)
{
	struct fixture *f = *state;
	struct moment inner = {f, INNER + 0x50, OUTER + 0x20, PERIOD, true};
	struct moment outer = {f, OUTER + 0x50, 0, PERIOD, true};
	struct moment nameless = {f, BEHIND + 8, 0, PERIOD, true};

	play(&inner);
	play(&inner);
	play(&outer);
	play(&nameless);
	assert_string_equal(drawn(f, picture_folded), "outer 1\nouter;inner 2\n0x100308 1\n");
}

/* Any signal may interrupt the guest, and late: only the clock says how many ticks there were. */
static void only_the_clock_counts(void **state)
{
	struct fixture *f = *state;
	struct moment early = {f, INNER + 0x50, 0, PERIOD / 2, true};
	struct moment late = {f, OUTER + 0x50, 0, 3 * PERIOD, true};

	play(&early);
	assert_true(f->sampler.tree.samples == 0);
	play(&late);
	assert_string_equal(drawn(f, picture_folded), "outer 1\nouter;[no processor] 2\n");
	assert_true(f->sampler.off == 2);
}

static enum vmexit_result slow(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	now_ns += 5 * PERIOD;
	return VMEXIT_RESUME;
}

static enum vmexit_result slow_port(void *ctx, uint64_t offset, const struct bus_access *a,
				    struct husk_error *e)
{
	const struct facts none = {.n = 0};
	struct fixture *f = ctx;

	(void)a, (void)e;
	now_ns += 2 * PERIOD;
	if (offset > 0)
		core_note(&f->rig.core, "ring", &none);
	return VMEXIT_RESUME;
}

static void what_the_monitor_does_is_its_own(void **state)
{
	static struct device_resource port = {DEVICE_PIO, 0x9000, 0x9003, slow_port, -1};
	struct fixture *f = *state;
	const struct device_description what = {
		.name = "port", .resources = &port, .n_resources = 1, .ctx = f,
	};
	struct moment before = {f, INNER + 0x50, OUTER + 0x20, PERIOD, false};
	uint32_t id;

	assert_int_equal(core_register_hypercall(&f->rig.core, HVT_HYPERCALL_PUTS, "puts", slow,
						 NULL, &f->rig.e), 0);
	assert_int_equal(core_register_hypercall(&f->rig.core, HVT_HYPERCALL_POLL, "poll", slow,
						 NULL, &f->rig.e), 0);
	assert_int_equal(devices_add(&f->rig.core.devices, &what, &id, &f->rig.e), 0);
	hv_fake_hook(f->rig.core.hv, pass, &before);	/* a tick that comes with the exit is the guest's */
	hv_fake_hypercall(f->rig.core.hv, HVT_HYPERCALL_PUTS, 0);
	hv_fake_hypercall(f->rig.core.hv, HVT_HYPERCALL_POLL, 0);
	hv_fake_store(f->rig.core.hv, BUS_PIO, 0x9000, 1, 0);
	hv_fake_store(f->rig.core.hv, BUS_PIO, 0x9001, 1, 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_string_equal(drawn(f, picture_folded),
		"outer;inner 1\n"
		"outer;inner;[husk: puts] 5\n"
		"outer;inner;[wait] 5\n"
		"outer;inner;[husk: pio] 2\n"
		"outer;inner;[husk: ring] 2\n");
	assert_true(f->sampler.waits == 5);
}

/* The machine stood still in between. */
static void time_between_runs_is_nobodys(void **state)
{
	struct fixture *f = *state;
	struct moment m = {f, OUTER + 0x50, 0, PERIOD, true};

	play(&m);
	now_ns += 1000 * PERIOD;
	play(&m);
	assert_true(f->sampler.tree.samples == 2);
}

static void a_guest_that_is_nowhere_is_told_so(void **state)
{
	struct fixture *f = *state;
	struct moment nowhere = {f, UINT64_MAX, UINT64_MAX, PERIOD, true};

	play(&nowhere);
	assert_string_equal(drawn(f, picture_folded), "0xffffffffffffffff 1\n");
}

/* ---- tables ---- */

static void what_finds_no_room_is_lost_and_counted(void **state)
{
	struct fixture *f = *state;
	struct tree *t = &f->sampler.tree;
	struct place at = {PLACE_CODE, BEHIND};
	uint32_t node = 0;

	for (unsigned i = 0; i < 2 * TREE_PLACES_MAX; i++, at.value++)
		tree_count(t, tree_child(t, 0, &at), 1);
	assert_int_equal(t->n_places, TREE_PLACES_MAX);
	assert_true(t->lost == TREE_PLACES_MAX + 1);
	at.value = BEHIND;
	while (node != TREE_NONE)
		node = tree_child(t, node, &at);
	assert_int_equal(t->n_nodes, TREE_NODES_MAX);
	assert_int_equal(tree_child(t, TREE_NONE, &at), TREE_NONE);
	tree_count(t, tree_child(t, 0, &at), 1);
	assert_true(t->samples == 2 * TREE_PLACES_MAX + 1 && t->lost == TREE_PLACES_MAX + 1);
	assert_non_null(strstr(drawn(f, picture_folded), "[lost] 16385\n"));
}

/* Names of the greatest length, one in another, as deep as stacks are followed. */
static void the_longest_stack_is_one_line(void **state)
{
	static char long_names[SYMBOL_NAME_MAX];
	struct fixture *f = *state;
	struct tree *t = &f->sampler.tree;
	const struct place at = {PLACE_CODE, OUTER}, leaf = {PLACE_WAIT, 0};
	uint32_t node = 0;

	memset(long_names, 'x', sizeof long_names - 1);
	f->sampler.symbols.text = long_names;
	for (unsigned i = 0; i < UNWIND_MAX; i++)
		node = tree_child(t, node, &at);
	tree_count(t, tree_child(t, node, &leaf), 7);
	assert_int_equal(strlen(drawn(f, picture_folded)), UNWIND_MAX * SYMBOL_NAME_MAX +
			 strlen("[wait] 7\n"));
	assert_null(json_fault(drawn(f, picture_speedscope)));
	assert_non_null(strstr(drawn(f, picture_svg), "</svg>\n"));
}

/* As many stacks of that kind as there is room for are more than a file should have. */
static void what_would_fill_a_disk_is_lost_and_counted(void **state)
{
	static char long_names[SYMBOL_NAME_MAX];
	struct fixture *f = *state;
	struct tree *t = &f->sampler.tree;
	const struct place at = {PLACE_CODE, OUTER};
	struct place leaf = {PLACE_CODE, BEHIND};
	uint32_t node = 0;
	struct stat st;
	char end[32] = "";
	uint64_t left_out;

	memset(long_names, 'x', sizeof long_names - 1);
	f->sampler.symbols.text = long_names;
	for (unsigned i = 0; i < UNWIND_MAX; i++)
		node = tree_child(t, node, &at);
	for (unsigned i = 0; i < 3000; i++, leaf.value++)
		tree_count(t, tree_child(t, node, &leaf), 10);
	tree_sum(t);
	left_out = picture_folded(&f->sampler, &f->sink);
	sink_flush(&f->sink);
	assert_int_equal(fstat(f->fd, &st), 0);
	assert_in_range(st.st_size, PICTURE_FOLDED_MAX, PICTURE_FOLDED_MAX + SINK_LINE_MAX);
	assert_in_range(left_out, 5000, 15000);
	assert_int_equal(pread(f->fd, end, sizeof end - 1, st.st_size - (off_t)(sizeof end - 1)),
			 sizeof end - 1);
	assert_non_null(strstr(end, "[lost] "));
	assert_true(strtoull(strstr(end, "[lost] ") + 7, NULL, 10) == left_out);
}

/* ---- pictures ---- */

static void sample_all(struct fixture *f)
{
	struct moment inner = {f, INNER + 0x50, OUTER + 0x20, PERIOD, true};
	struct moment odd = {f, ODD + 0x50, OUTER + 0x20, PERIOD, true};

	play(&inner);
	play(&odd);
	play(&odd);
}

static const char *get(const char *json, const char *path)
{
	static char value[400];

	if (!json_get(json, path, value, sizeof value))
		strcpy(value, "(none)");
	return value;
}

static void json_is_speedscopes(void **state)
{
	struct fixture *f = *state;
	const char *json;

	sample_all(f);
	json = drawn(f, picture_speedscope);
	assert_null(json_fault(json));
	assert_string_equal(get(json, "$schema"),
			    "https://www.speedscope.app/file-format-schema.json");
	assert_string_equal(get(json, "shared/frames/0/name"), "all");
	assert_string_equal(get(json, "shared/frames/3/name"), "a<b&\"c;d");
	assert_string_equal(get(json, "profiles/0/type"), "sampled");
	assert_string_equal(get(json, "profiles/0/unit"), "seconds");
	assert_string_equal(get(json, "profiles/0/endValue"), "0.003000000");
	assert_string_equal(get(json, "profiles/0/samples/0/0"), "1");
	assert_string_equal(get(json, "profiles/0/samples/1/1"), "3");
	assert_string_equal(get(json, "profiles/0/weights/0"), "0.001000000");
	assert_string_equal(get(json, "profiles/0/weights/1"), "0.002000000");
	assert_string_equal(get(json, "profiles/0/samples/2"), "(none)");
}

static void folded_names_have_no_separator(void **state)
{
	struct fixture *f = *state;

	sample_all(f);
	assert_string_equal(drawn(f, picture_folded), "outer;inner 1\nouter;a<b&\"c:d 2\n");
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void a_flame_graph_has_each_function_once(void **state)
{
	struct fixture *f = *state;
	const char *svg;

	sample_all(f);
	svg = drawn(f, picture_svg);
	assert_int_equal(count_of(svg, "<g><title>"), 4);
	assert_int_equal(count_of(svg, "</g>\n"), 4);
	assert_int_equal(count_of(svg, "<title>outer: 3 samples, 100.0 %</title>"), 1);
	assert_int_equal(count_of(svg, "<title>inner: 1 sample, 33.3 %</title>"), 1);
	assert_int_equal(count_of(svg, "<title>a&#60;b&#38;&#34;c;d: 2 samples, 66.6 %</title>"), 1);
	assert_null(strstr(svg, "script"));
	/* By name from the left, upon its caller. */
	assert_non_null(strstr(svg, "66.6 %</title><rect x=\"10.0\" y=\"50\" width=\"786.6\""));
	assert_non_null(strstr(svg, "33.3 %</title><rect x=\"796.6\" y=\"50\" width=\"393.3\""));
}

static void a_flame_graph_leaves_out_what_nobody_could_see(void **state)
{
	struct fixture *f = *state;
	struct moment inner = {f, INNER + 0x50, OUTER + 0x20, PERIOD, true};
	struct moment odd = {f, ODD + 0x50, OUTER + 0x20, PERIOD, true};
	const char *svg;

	play(&inner);
	for (unsigned i = 0; i < 2000; i++)
		play(&odd);
	svg = drawn(f, picture_svg);
	assert_int_equal(count_of(svg, "<g><title>"), 3);
	assert_null(strstr(svg, "inner"));
}

static void a_flame_graph_of_nothing_is_one(void **state)
{
	struct fixture *f = *state;

	assert_non_null(strstr(drawn(f, picture_svg), "</svg>\n"));
	assert_null(json_fault(drawn(f, picture_speedscope)));
	assert_string_equal(drawn(f, picture_folded), "");
}

/* ---- the module ---- */

static void an_option_says_how_to_draw(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile=a.png"), -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "`a.png' ends in none of .svg");
	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile=.svg"), -1);
	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile-rate=0"), -1);
	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile-rate=5001"), -1);
	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile-rate=5000"), 0);
	assert_int_equal(rig_attach(&f->rig, &module_profile), -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "there is no --profile=FILE");
	assert_int_equal(timers, 0);
}

static char option[80];

static void a_guest_that_is_debugged_has_no_profile(void **state)
{
	static const struct option gdb = {.name = "gdb", .form = OPTION_FLAG};
	const struct option_group group = {"gdb", &gdb, 1};
	struct fixture *f = *state;
	void *s;

	assert_int_equal(settings_add(&f->rig.settings, &group, 1, "--gdb", &f->rig.e), 0);
	assert_int_equal(rig_option(&f->rig, &module_profile, "--profile=/tmp/none.txt"), 0);
	assert_int_equal(module_profile.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "--profile and --gdb");
}

/* --profile=FILE, where FILE ends in .txt. */
static void want_profile(struct fixture *f)
{
	char made[sizeof f->path];

	core_remove_client(&f->rig.core, f->client);
	strcpy(made, f->path);
	strcat(f->path, ".txt");
	assert_int_equal(rename(made, f->path), 0);
	snprintf(option, sizeof option, "--profile=%s", f->path);
	assert_int_equal(rig_option(&f->rig, &module_profile, option), 0);
}

static void the_end_writes_the_file_and_tells_the_top(void **state)
{
	struct fixture *f = *state;
	struct moment m = {f, BEHIND, 0, 1000000000, true};
	struct stat st;

	want_profile(f);
	assert_int_equal(rig_attach(&f->rig, &module_profile), 0);
	assert_int_equal(timers, 1);
	play(&m);
	assert_true(rig_figure(&f->rig, 0, "profile", "samples") == 199);
	module_detach(&module_profile, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_int_equal(timers, 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, strlen("0x100300 1\n0x100300;[no processor] 198\n"));
	assert_string_equal(f->rig.notices[0], "profile: 199 samples, 99 % without a processor, no frame "
			    "pointers: flat, top: 0x100300 1 %");
}

static void a_run_too_short_for_a_sample_is_told(void **state)
{
	struct fixture *f = *state;

	want_profile(f);
	assert_int_equal(rig_attach(&f->rig, &module_profile), 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	module_detach(&module_profile, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_non_null(strstr(f->rig.notices[0], "profile: no samples; a guest that runs for less "
			       "than 100 ms needs a higher --profile-rate"));
}

/* As a dry run is, for which threads are started where it is confined. */
static void what_was_never_run_has_no_profile(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	want_profile(f);
	assert_int_equal(rig_attach(&f->rig, &module_profile), 0);
	module_detach(&module_profile, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_int_equal(f->rig.n_notices, 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void who_cannot_tell_registers_is_named(void **state)
{
	struct fixture *f = *state;
	struct hv_caps caps = *f->rig.core.caps;

	want_profile(f);
	caps.registers = NULL;
	f->rig.core.caps = &caps;
	assert_int_equal(rig_attach(&f->rig, &module_profile), -1);
	assert_error(&f->rig.e, HUSK_E_HOST, "does not tell the guest's registers");
	assert_int_equal(f->rig.core.exit_clients, 0);
}

static void what_the_host_denies_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	const int before = open_descriptors();
	unsigned n;
	void *s;

	want_profile(f);
	for (n = 1;; n++) {
		no_memory_in = n;
		if (module_profile.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e) == 0)
			break;
		assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
		assert_int_equal(open_descriptors(), before);
	}
	no_memory_in = 0;
	assert_in_range(n, 6, 12);
	module_profile.close(s);
	no_timer = true;
	assert_int_equal(rig_attach(&f->rig, &module_profile), -1);
	assert_string_equal(f->rig.e.message, "no timer");
	assert_int_equal(f->rig.core.exit_clients, 0);
	assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tick_is_a_sample_of_the_stack),
		TEST(only_the_clock_counts),
		TEST(what_the_monitor_does_is_its_own),
		TEST(time_between_runs_is_nobodys),
		TEST(a_guest_that_is_nowhere_is_told_so),
		TEST(what_finds_no_room_is_lost_and_counted),
		TEST(the_longest_stack_is_one_line),
		TEST(what_would_fill_a_disk_is_lost_and_counted),
		TEST(json_is_speedscopes),
		TEST(folded_names_have_no_separator),
		TEST(a_flame_graph_has_each_function_once),
		TEST(a_flame_graph_leaves_out_what_nobody_could_see),
		TEST(a_flame_graph_of_nothing_is_one),
		TEST(an_option_says_how_to_draw),
		TEST(a_guest_that_is_debugged_has_no_profile),
		TEST(the_end_writes_the_file_and_tells_the_top),
		TEST(a_run_too_short_for_a_sample_is_told),
		TEST(what_was_never_run_has_no_profile),
		TEST(who_cannot_tell_registers_is_named),
		TEST(what_the_host_denies_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
