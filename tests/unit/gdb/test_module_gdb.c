/* SPDX-License-Identifier: ISC */
/*
 * test_module_gdb.c: --gdb from its option to the end of the run, with a debugger that has sent all that it
 * has to say before the run begins.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../monitor/symbols.h"
#include "../rig.h"

extern const struct module module_gdb;

#define TEXT 0x100000ull

struct fixture {
	struct rig rig;
	char dir[40], path[60], option[80];
	int fd, other;
	char replies[20000];
	uint8_t text_at_end[4];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	if (f == NULL || rig_make(&f->rig, RIG_MEMORY) == -1)
		return -1;
	f->rig.core.memory.host_page = 4096;
	f->fd = f->other = -1;
	snprintf(f->dir, sizeof f->dir, "/tmp/husk-gdb.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/gdb", f->dir);
	snprintf(f->option, sizeof f->option, "--gdb=%s", f->path);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hv_fake_faults = (struct hv_fake_faults){0};
	if (f->fd != -1)
		close(f->fd);
	if (f->other != -1)
		close(f->other);
	rig_free(&f->rig);
	assert_int_equal(access(f->path, F_OK), -1);
	(void)unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void attach(struct fixture *f, const char *option)
{
	assert_int_equal(rig_option(&f->rig, &module_gdb, option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_gdb), 0);
}

static void come(struct fixture *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s", f->path);
	f->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(f->fd, (const struct sockaddr *)&a, sizeof a), 0);
}

static void put(struct fixture *f, const void *bytes, size_t n)
{
	assert_int_equal(send(f->fd, bytes, n, 0), n);
}

static void say(struct fixture *f, const char *packet)
{
	uint8_t sum = 0;
	char frame[300];

	for (const char *c = packet; *c != '\0'; c++)
		sum = (uint8_t)(sum + (uint8_t)*c);
	put(f, frame, (size_t)snprintf(frame, sizeof frame, "$%s#%02x", packet, sum));
}

/* What was said is enough for all stops, or leave was called. */
static enum rig_end play(struct fixture *f)
{
	const enum rig_end end = rig_run(&f->rig);
	size_t at = 0;
	ssize_t n;

	while ((n = recv(f->fd, f->replies + at, sizeof f->replies - 1 - at, MSG_DONTWAIT)) > 0)
		at += (size_t)n;
	f->replies[at] = '\0';
	return end;
}

static void leave(struct fixture *f)
{
	assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
}

#define ASSERT_SAID(f, text) assert_non_null(strstr((f)->replies, text))
#define ASSERT_NOT_SAID(f, text) assert_null(strstr((f)->replies, text))

#define GUESTS_NUMBER 7		/* of a breakpoint */

static void exit_debug(struct fixture *f, enum hv_debug_kind kind, int point, uint64_t addr)
{
	const struct hv_exit exit = {.kind = HV_EXIT_DEBUG, .debug = {kind, point, addr, GUESTS_NUMBER}};

	hv_fake_exit(f->rig.core.hv, &exit);
}

static void without_the_option_there_is_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_attach(&f->rig, &module_gdb), 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(f->rig.core.hv->debug_sets, 0);
	assert_int_equal(f->rig.n_notices, 0);
}

static void the_guest_waits_for_a_debugger(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	attach(f, f->option);
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	come(f);
	say(f, "?");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "+$T05thread:1;");
	ASSERT_SAID(f, "$X0b#");
	assert_string_equal(f->rig.notices[0], "Waiting for a debugger. Connect to it like this:");
	assert_non_null(strstr(f->rig.notices[1], f->path));
	assert_string_equal(f->rig.notices[2], "Connection from debugger");
	assert_int_equal(rig_figure(&f->rig, 0, "gdb", "connections"), 1);
}

static void a_stop_ends_the_wait(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	core_stop(&f->rig.core, 1);
	assert_int_equal(rig_run(&f->rig), RIG_STOPPED);
	assert_int_equal(f->rig.core.hv->runs, 0);
}

/* The access is served and completed, and the guest does not go further. */
static void a_step_over_an_access_ends_behind_it(void **state)
{
	struct fixture *f = *state;
	struct hv *hv = f->rig.core.hv;

	attach(f, f->option);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	come(f);
	hv_fake_hypercall(hv, HVT_HYPERCALL_WALLTIME, 0x180000);
	say(f, "vCont;s:-1;c");
	say(f, "k");
	assert_int_equal(play(f), RIG_STOPPED);
	assert_int_equal(f->rig.reason, 0);
	ASSERT_SAID(f, "$T05thread:1;");
	assert_int_equal(hv->completions, 1);
	assert_int_equal(f->rig.core.hypercalls.table[HVT_HYPERCALL_WALLTIME].count, 1);
}

static void a_step_is_one_only(void **state)
{
	struct fixture *f = *state;
	struct hv *hv = f->rig.core.hv;

	attach(f, f->option);
	come(f);
	exit_debug(f, HV_DEBUG_STEP, -1, TEXT);
	say(f, "s");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "$T05thread:1;");
	assert_false(hv->debug.step);
	assert_int_equal(hv->debug_sets, 3);	/* step, continue, the end */
}

static void breakpoints_and_points_say_what_they_are(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	exit_debug(f, HV_DEBUG_SOFT, -1, TEXT);
	exit_debug(f, HV_DEBUG_HARD, 0, 0x110004);
	say(f, "qSupported:swbreak+;hwbreak+");
	say(f, "Z0,100000,4");
	say(f, "Z2,110000,8");
	say(f, "c");
	say(f, "c");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "swbreak:;");
	ASSERT_SAID(f, "watch:110004;");
	/* The run is over: nothing of it is left. */
	assert_memory_equal(rig_at(&f->rig, TEXT), "\0\0\0\0", 4);
	assert_int_equal(f->rig.core.hv->debug.n, 0);
}

static void a_breakpoint_of_the_guests_own_is_given_back(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	exit_debug(f, HV_DEBUG_SOFT, -1, HV_FAKE_IP);
	say(f, "qSupported:swbreak+");
	say(f, "c");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_FAILED);
	ASSERT_SAID(f, "$T05thread:1;");
	ASSERT_NOT_SAID(f, "swbreak:;");
	assert_int_equal(f->rig.core.hv->reinjections, 1);
	assert_int_equal(f->rig.core.hv->reinjected, GUESTS_NUMBER);
	assert_non_null(strstr(f->rig.e.message, "guest halted its processor"));
}

/* Where one of ours lies upon it, too: a step is over what is below. What an earlier exit told is not its. */
static void a_step_at_one_of_the_guests_own_runs_nothing(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	memcpy(rig_at(&f->rig, HV_FAKE_IP), cpu_breakpoint, cpu_breakpoint_size);
	exit_debug(f, HV_DEBUG_SOFT, -1, TEXT);		/* it is taken on by hand */
	exit_debug(f, HV_DEBUG_STEP, -1, HV_FAKE_IP + 4);
	say(f, "qSupported:swbreak+");
	say(f, "c");
	say(f, "Z0,100abc,4");
	say(f, "s");
	say(f, "z0,100abc,4");
	say(f, "s");
	say(f, "c");
	assert_int_equal(play(f), RIG_FAILED);
	ASSERT_SAID(f, "$T05thread:1;");
	ASSERT_NOT_SAID(f, "swbreak:;");
	assert_int_equal(f->rig.core.hv->reinjections, 1);
	assert_int_equal(f->rig.core.hv->reinjected, 0);
	assert_non_null(strstr(f->rig.e.message, "guest halted its processor"));
	assert_int_equal(f->rig.core.hv->at, 1);
}

/* Of another kind, such as brk #3: the processor tells. */
static void a_step_below_one_of_ours_that_meets_the_guests_own_says_so(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	exit_debug(f, HV_DEBUG_SOFT, -1, HV_FAKE_IP);
	say(f, "qSupported:swbreak+");
	say(f, "Z0,100abc,4");
	say(f, "s");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_FAILED);
	ASSERT_SAID(f, "$T05thread:1;");
	ASSERT_NOT_SAID(f, "swbreak:;");
	assert_int_equal(f->rig.core.hv->reinjections, 1);
}

static void control_c_with_the_packet_is_seen(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "c");
	put(f, "\x03", 1);
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "$T02thread:1;");
}

static void a_debugger_that_leaves_takes_its_breakpoints(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "Z0,100000,4");
	say(f, "Z1,100100,4");
	leave(f);
	assert_int_equal(play(f), RIG_RESUMED);
	assert_memory_equal(rig_at(&f->rig, TEXT), "\0\0\0\0", 4);
	assert_int_equal(f->rig.core.hv->debug.n, 0);
	assert_false(f->rig.core.hv->debug.soft);
}

/* Nor does the guest's next stop have to come for that. */
static void one_that_speaks_out_of_turn_and_leaves_is_gone(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "c");
	put(f, "x", 1);
	leave(f);
	assert_int_equal(play(f), RIG_RESUMED);
	assert_string_equal(f->replies, "+");
	assert_false(f->rig.core.hv->debug.soft);
}

static void come_beside(struct fixture *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (f->other != -1)
		close(f->other);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", f->path);
	f->other = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(f->other, (const struct sockaddr *)&a, sizeof a), 0);
}

/* As the watching thread asks for it; to a guest that runs. */
static void another_comes(void *ctx)
{
	struct fixture *f = ctx;

	come_beside(f);
	core_post(&f->rig.core, 1);
}

static void one_that_comes_beside_another_is_turned_away(void **state)
{
	struct fixture *f = *state;
	char byte;

	attach(f, f->option);
	come(f);
	for (unsigned i = 0; i < 2; i++)
		hv_fake_hook(f->rig.core.hv, another_comes, f);
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	assert_int_equal(recv(f->other, &byte, 1, MSG_DONTWAIT), 0);
	assert_string_equal(f->rig.notices[3], "gdb: another debugger was turned away: there is one already");
	assert_int_equal(f->rig.n_notices, 4);
	assert_int_equal(rig_figure(&f->rig, 0, "gdb", "connections"), 1);
}

/* Before the guest goes on, and nobody tells of it any more. */
static void one_that_came_while_the_first_was_served_is_turned_away(void **state)
{
	struct fixture *f = *state;
	char byte;

	attach(f, f->option);
	come(f);
	come_beside(f);
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	assert_int_equal(recv(f->other, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(rig_figure(&f->rig, 0, "gdb", "connections"), 1);
}

static void another_run_has_another_debugger(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "k");
	assert_int_equal(play(f), RIG_STOPPED);
	close(f->fd);
	come(f);
	say(f, "?");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "+$T05thread:1;");
	assert_int_equal(rig_figure(&f->rig, 0, "gdb", "connections"), 2);
}

static void look_at_text(void *ctx, const struct core_ending *how)
{
	struct fixture *f = ctx;

	(void)how;
	memcpy(f->text_at_end, rig_at(&f->rig, TEXT), sizeof f->text_at_end);
}

/* Who writes a core file sees the guest's own memory, whoever comes first. */
static void at_the_end_no_breakpoint_is_in_memory(void **state)
{
	static const struct core_client looks = {.end = look_at_text};
	struct fixture *f = *state;
	unsigned id;

	memset(f->text_at_end, 0xff, sizeof f->text_at_end);
	assert_int_equal(core_add_client(&f->rig.core, &looks, f, &id, &f->rig.e), 0);
	attach(f, f->option);
	come(f);
	say(f, "Z0,100000,4");
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	assert_memory_equal(f->text_at_end, "\0\0\0\0", 4);
}

/* There was an instruction that the hypervisor could not emulate, or none. */
static void an_error_of_the_hypervisor_is_told_as_an_illegal_instruction(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "c");
	say(f, "c");
	hv_fake_exit(f->rig.core.hv, &(struct hv_exit){.kind = HV_EXIT_ERROR});
	assert_int_equal(play(f), RIG_FAILED);
	ASSERT_SAID(f, "$T04thread:1;");
	ASSERT_SAID(f, "$X04#");
}

static void kill_ends_the_run(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "vKill;1");
	assert_int_equal(play(f), RIG_STOPPED);
	ASSERT_SAID(f, "$OK#9a");
}

static void a_packet_that_came_broken_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	put(f, "$?#00", 5);
	say(f, "QStartNoAckMode");
	put(f, "$?#00", 5);
	say(f, "D");
	assert_int_equal(play(f), RIG_RESUMED);
	assert_string_equal(f->replies, "-+$OK#9a$OK#9a");
}

static void control_that_is_refused_ends_the_run(void **state)
{
	struct fixture *f = *state;

	attach(f, f->option);
	come(f);
	say(f, "c");
	say(f, "c");
	hv_fake_faults = (struct hv_fake_faults){.op = HV_FAKE_DEBUG, .fail_at = 1};
	assert_int_equal(play(f), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "gdb: fake debug"));
}

static void a_machine_without_debugging_refuses_by_name(void **state)
{
	static const struct hv_caps none;
	struct fixture *f = *state;

	f->rig.core.caps = &none;
	assert_int_equal(rig_option(&f->rig, &module_gdb, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_gdb), -1);
	assert_string_equal(f->rig.e.message, "--gdb: fake cannot stop a guest for a debugger");
}

static void options_that_do_not_fit_are_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_option(&f->rig, &module_gdb, "--gdb-port=65536"), -1);
	assert_non_null(strstr(f->rig.e.message, "Malformed argument to --gdb-port"));
	assert_int_equal(rig_option(&f->rig, &module_gdb, "--gdb-port=12"), 0);
	assert_int_equal(rig_attach(&f->rig, &module_gdb), -1);
	assert_non_null(strstr(f->rig.e.message, "there is no --gdb"));
	assert_int_equal(rig_option(&f->rig, &module_gdb, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_gdb), -1);
	assert_non_null(strstr(f->rig.e.message, "give one place"));
}

static void what_is_no_place_makes_no_file(void **state)
{
	static const char *const words[] = {
		"--gdb=localhost:1234", "--gdb=:1234", "--gdb=@7", "--gdb=1a", "--gdb=1a,nowait",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		assert_int_equal(rig_option(&f->rig, &module_gdb, words[i]), 0);
		assert_int_equal(rig_attach(&f->rig, &module_gdb), -1);
		assert_non_null(strstr(f->rig.e.message, "neither a port of this host nor a path"));
	}
}

static void a_file_that_is_no_socket_stays(void **state)
{
	struct fixture *f = *state;
	const int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(close(fd), 0);
	assert_int_equal(rig_option(&f->rig, &module_gdb, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_gdb), -1);
	assert_non_null(strstr(f->rig.e.message, "or the file is no socket: name another"));
	assert_true(stat(f->path, &st) == 0 && S_ISREG(st.st_mode));
	assert_int_equal(unlink(f->path), 0);
}

static struct core *to_stop;

static void stop_it(int signal)
{
	(void)signal;
	core_stop(to_stop, 1);
}

/* Whoever comes stays in the queue until a descriptor is free, and husk does not spin meanwhile. */
static void without_a_descriptor_it_is_told_and_tried_again(void **state)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 350000}};
	struct fixture *f = *state;
	struct rlimit all, few;
	int next;

	attach(f, f->option);
	come(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	next = dup(f->fd);
	close(next);
	few = all;
	few.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	to_stop = &f->rig.core;
	(void)signal(SIGALRM, stop_it);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(rig_run(&f->rig), RIG_STOPPED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_string_equal(f->rig.notices[2], "gdb: a debugger cannot come in: Too many open files");
	assert_int_equal(f->rig.n_notices, 3);
	assert_true(f->rig.core.calls < 30);
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	ASSERT_SAID(f, "$X0b#");
}

static struct rlimit descriptors;

static void comes_in_vain(void *ctx)
{
	struct fixture *f = ctx;
	struct rlimit none = descriptors;
	int next;

	come_beside(f);
	next = dup(f->other);
	close(next);
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	core_post(&f->rig.core, 1);
}

static void one_is_free(void *ctx)
{
	struct fixture *f = ctx;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
	core_post(&f->rig.core, 1);
}

/* And what was told of it is told the next time, too. */
static void one_that_comes_beside_another_is_turned_away_when_a_descriptor_is_free(void **state)
{
	struct fixture *f = *state;
	char byte;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
	attach(f, f->option);
	come(f);
	for (unsigned i = 0; i < 2; i++) {
		hv_fake_hook(f->rig.core.hv, comes_in_vain, f);
		hv_fake_hook(f->rig.core.hv, one_is_free, f);
	}
	say(f, "c");
	say(f, "c");
	assert_int_equal(play(f), RIG_RESUMED);
	assert_int_equal(recv(f->other, &byte, 1, MSG_DONTWAIT), 0);
	assert_string_equal(f->rig.notices[3], "gdb: a debugger cannot come in: Too many open files");
	assert_string_equal(f->rig.notices[4], "gdb: another debugger was turned away: there is one already");
	assert_string_equal(f->rig.notices[5], f->rig.notices[3]);
	assert_int_equal(f->rig.n_notices, 6);
}

static void expect_command(struct fixture *f, char *name, const char *word)
{
	const struct elf_image image = {.name = name};
	const struct symbol_file symbols = {.image = &image};
	char wanted[140];

	f->rig.core.symbols = &symbols;
	attach(f, f->option);
	f->rig.core.symbols = NULL;
	come(f);
	say(f, "k");
	assert_int_equal(play(f), RIG_STOPPED);
	snprintf(wanted, sizeof wanted, "    gdb -ex 'target remote %s' %s", f->path, word);
	assert_string_equal(f->rig.notices[1], wanted);
}

static void the_command_that_is_told_names_the_image(void **state)
{
	char name[] = "/a-b/c.hvt";

	expect_command(*state, name, name);
}

static void a_name_is_quoted_as_shells_take_it(void **state)
{
	char name[] = "it's my image";

	expect_command(*state, name, "'it'\\''s my image'");
}

static void a_name_that_is_too_long_is_left_out(void **state)
{
	char name[260];

	memset(name, '\'', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	expect_command(*state, name, "KERNEL");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_the_option_there_is_nothing),
		TEST(the_guest_waits_for_a_debugger),
		TEST(a_stop_ends_the_wait),
		TEST(a_step_over_an_access_ends_behind_it),
		TEST(a_step_is_one_only),
		TEST(breakpoints_and_points_say_what_they_are),
		TEST(a_breakpoint_of_the_guests_own_is_given_back),
		TEST(a_step_at_one_of_the_guests_own_runs_nothing),
		TEST(a_step_below_one_of_ours_that_meets_the_guests_own_says_so),
		TEST(control_c_with_the_packet_is_seen),
		TEST(a_debugger_that_leaves_takes_its_breakpoints),
		TEST(one_that_speaks_out_of_turn_and_leaves_is_gone),
		TEST(one_that_comes_beside_another_is_turned_away),
		TEST(one_that_came_while_the_first_was_served_is_turned_away),
		TEST(one_that_comes_beside_another_is_turned_away_when_a_descriptor_is_free),
		TEST(another_run_has_another_debugger),
		TEST(at_the_end_no_breakpoint_is_in_memory),
		TEST(without_a_descriptor_it_is_told_and_tried_again),
		TEST(the_command_that_is_told_names_the_image),
		TEST(a_name_is_quoted_as_shells_take_it),
		TEST(a_name_that_is_too_long_is_left_out),
		TEST(an_error_of_the_hypervisor_is_told_as_an_illegal_instruction),
		TEST(kill_ends_the_run),
		TEST(a_packet_that_came_broken_is_asked_for_again),
		TEST(control_that_is_refused_ends_the_run),
		TEST(a_machine_without_debugging_refuses_by_name),
		TEST(options_that_do_not_fit_are_told),
		TEST(what_is_no_place_makes_no_file),
		TEST(a_file_that_is_no_socket_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
