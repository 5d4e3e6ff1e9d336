/* SPDX-License-Identifier: ISC */
/* test_main.c: the program from argv to its status, and a signal at each turn of a run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Linked with the test's own; what the program says of itself is of no account here. */
#define HUSK_VERSION "0"
#define HUSK_LINKED "one 1, MIT; two 2, ISC"
#define HUSK_BACKEND "none"
#define HUSK_ARCH "none"
#undef fail	/* cmocka's */
#define main monitor_main
int monitor_main(int argc, char **argv);
#include "../../monitor/main.c"
#undef main

/* Where a signal may come. */
enum turn {
	NEVER, IN_CREATE, IN_LOAD, AFTER_LOAD, IN_CONFINE, IN_RUN, AFTER_RUN, IN_DESTROY,
	AFTER_DESTROY, TURNS,
};

/* In memory that the child shares. */
static struct life {
	enum turn turn;
	int signal;			/* that comes then */
	bool load_fails, loaded, running, gone;
	int stopped;			/* the reason that husk_stop was given */
	unsigned early_stops, late_stops, runs;
	char err[500];
} *life;

static struct husk *const machine = (struct husk *)(uintptr_t)0x1000;

struct husk *__wrap_husk_create(const struct husk_config *config, struct husk_error *e);
void __wrap_husk_check_only(struct husk *h);
int __wrap_husk_load(struct husk *h, const char *path, int argc, char *const args[],
		     struct husk_error *e);
int __wrap_husk_confine(struct husk *h, const struct husk_confinement *how, struct husk_error *e);
enum husk_end __wrap_husk_run(struct husk *h, int *status, struct husk_error *e);
void __wrap_husk_stop(struct husk *h, int reason);
void __wrap_husk_post_mortem(struct husk *h, bool always);
void __wrap_husk_destroy(struct husk *h);

static bool (*stopping)(void *ctx);
static void *stopping_ctx;

static void at(enum turn turn)
{
	if (life->turn == turn)
		raise(life->signal);
}

struct husk *__wrap_husk_create(const struct husk_config *config, struct husk_error *e)
{
	(void)e;
	stopping = config->stopping;
	stopping_ctx = config->stopping_ctx;
	at(IN_CREATE);
	return machine;
}

void __wrap_husk_check_only(struct husk *h)
{
	assert_ptr_equal(h, machine);
}

int __wrap_husk_load(struct husk *h, const char *path, int argc, char *const args[],
		     struct husk_error *e)
{
	(void)h, (void)path, (void)argc, (void)args;
	at(IN_LOAD);
	if (stopping(stopping_ctx))
		return husk_fail(e, HUSK_E_HOST, "stopped meanwhile");
	if (life->load_fails)
		return husk_fail(e, HUSK_E_HOST, "cannot be loaded");
	at(AFTER_LOAD);
	life->loaded = true;
	return 0;
}

int __wrap_husk_confine(struct husk *h, const struct husk_confinement *how, struct husk_error *e)
{
	(void)how, (void)e;
	assert_ptr_equal(h, machine);
	at(IN_CONFINE);
	return 0;
}

enum husk_end __wrap_husk_run(struct husk *h, int *status, struct husk_error *e)
{
	(void)h, (void)e;
	life->runs++;
	at(IN_RUN);
	if (life->stopped != 0) {
		*status = life->stopped;
		return HUSK_STOPPED;
	}
	*status = 7;
	at(AFTER_RUN);
	return HUSK_HALTED;
}

/* As husk.h has it: not before husk_load has succeeded, and not after husk_destroy has begun. */
void __wrap_husk_stop(struct husk *h, int reason)
{
	if (h != machine || !life->loaded)
		life->early_stops++;
	if (life->gone)
		life->late_stops++;
	life->stopped = reason;
}

void __wrap_husk_post_mortem(struct husk *h, bool always)
{
	assert_ptr_equal(h, machine);
	assert_false(always);
}

void __wrap_husk_destroy(struct husk *h)
{
	(void)h;
	life->gone = true;
	at(IN_DESTROY);
}

/* Returns the status with which the program ends. */
static int run_with(enum turn turn, int signal, bool load_fails, char **argv)
{
	int status, argc = 0, ends[2];
	ssize_t n;
	pid_t pid;

	*life = (struct life){.turn = turn, .signal = signal, .load_fails = load_fails};
	while (argv[argc] != NULL)
		argc++;
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		status = monitor_main(argc, argv);
		at(AFTER_DESTROY);
		_exit(status);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	n = read(ends[0], life->err, sizeof life->err - 1);
	close(ends[0]);
	life->err[n > 0 ? n : 0] = '\0';
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(enum turn turn, bool load_fails, const char *option)
{
	char name[] = "husk", image[] = "image", word[20];
	char *argv[] = {name, word, image, NULL};

	snprintf(word, sizeof word, "%s", option);
	return run_with(turn, SIGTERM, load_fails, argv);
}

static int set_up(void **state)
{
	(void)state;
	life = mmap(NULL, sizeof *life, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return life == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap(life, sizeof *life);
}

static void assert_ends_on_a_signal(int status)
{
	assert_int_equal(status, STATUS_FAILED);
	assert_string_equal(life->err, "husk: Exiting on signal 15\n");
	assert_int_equal(life->late_stops, 0);
}

static void a_guests_status_is_the_programs(void **state)
{
	(void)state;
	assert_int_equal(run(NEVER, false, "--"), 7);
	assert_string_equal(life->err, "");
	assert_true(life->gone);
	assert_int_equal(life->stopped, 0);
}

static void a_signal_before_the_guest_runs_ends_it(void **state)
{
	(void)state;
	for (enum turn turn = IN_CREATE; turn <= IN_RUN; turn++) {
		assert_ends_on_a_signal(run(turn, false, "--sandbox=on"));
		assert_true(life->gone);
		assert_int_equal(life->runs, turn > IN_LOAD);
		assert_int_equal(life->stopped, turn > IN_LOAD ? SIGTERM : 0);
	}
}

/* The guest has ended, and what comes then changes nothing; the machine is not to be touched. */
static void a_signal_after_the_guests_end_changes_nothing(void **state)
{
	(void)state;
	for (enum turn turn = AFTER_RUN; turn < TURNS; turn++) {
		assert_int_equal(run(turn, false, "--"), 7);
		assert_string_equal(life->err, "");
		assert_int_equal(life->late_stops, 0);
	}
}

static void a_machine_that_goes_is_not_stopped(void **state)
{
	(void)state;
	assert_ends_on_a_signal(run(IN_DESTROY, false, "--dry-run"));
	assert_int_equal(life->stopped, 0);
	assert_int_equal(run(AFTER_DESTROY, false, "--dry-run"), 0);
	assert_int_equal(life->late_stops, 0);
}

/* A failure that no signal has brought about is what is told, and so is one that a signal has. */
static void a_failure_is_told_unless_a_signal_came_first(void **state)
{
	(void)state;
	assert_int_equal(run(NEVER, true, "--"), STATUS_FAILED);
	assert_string_equal(life->err, "husk: cannot be loaded\n");
	assert_ends_on_a_signal(run(IN_LOAD, true, "--"));
	assert_int_equal(life->early_stops, 0);
}

/* Those that kill other programs: the status is what a shell has of such an end. */
static void the_status_tells_an_alarm(void **state)
{
	char name[] = "husk", image[] = "image", dry[] = "--dry-run", confined[] = "--sandbox=on";
	char *argv[] = {name, confined, image, NULL}, *dry_argv[] = {name, dry, image, NULL};

	(void)state;
	for (enum turn turn = IN_CREATE; turn <= IN_RUN; turn++) {
		assert_int_equal(run_with(turn, SIGALRM, false, argv), 128 + SIGALRM);
		assert_string_equal(life->err, "husk: Exiting on signal 14\n");
	}
	assert_int_equal(run_with(IN_LOAD, SIGALRM, true, argv), 128 + SIGALRM);
	assert_int_equal(run_with(IN_DESTROY, SIGALRM, false, dry_argv), 128 + SIGALRM);
	assert_int_equal(run_with(AFTER_RUN, SIGALRM, false, argv), 7);
	assert_string_equal(life->err, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guests_status_is_the_programs),
		TEST(a_signal_before_the_guest_runs_ends_it),
		TEST(a_signal_after_the_guests_end_changes_nothing),
		TEST(a_machine_that_goes_is_not_stopped),
		TEST(a_failure_is_told_unless_a_signal_came_first),
		TEST(the_status_tells_an_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
