/* SPDX-License-Identifier: ISC */
/*
 * test_fuzz_confined_kvm.c: the fuzzer of hypercalls, with inputs at random, under the filter of a
 * running husk: no input makes a system call that it refuses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../monitor/sandbox/walk.h"
#include "../../monitor/sandbox_program.h"
#include "emulated.h"

/* The fuzzer itself, which has a rig of its own from its first input on. */
#include "../fuzz/fuzz_hypercall.c"

#define INPUT_MAX 256u
#define FAST_INPUTS 5000u
#define SLOW_INPUTS 300u
#define NO_FILTERS 77

/* Sanitizers bring calls of their own. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

static uint64_t state = 0x9e3779b97f4a7c15;

/* xorshift64: the same numbers everywhere. */
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Mostly what the records mean something by: calls that there are, and writes in front of them. */
static size_t make_input(uint8_t *input)
{
	static const char ops[] = "wwwio123456789:;";
	const size_t n = next() % (INPUT_MAX / 4) + 1;

	for (size_t i = 0; i < n; i++) {
		const uint64_t r = next();

		input[4 * i] = (uint8_t)(r % 8 == 0 ? r >> 8 : (uint64_t)ops[(r >> 8) % (sizeof ops - 1)]);
		input[4 * i + 1] = (uint8_t)('0' + (r >> 16) % 48);
		input[4 * i + 2] = (uint8_t)('0' + (r >> 24) % 8);
		input[4 * i + 3] = (uint8_t)('0' + (r >> 32) % 48);
	}
	return 4 * n;
}

static bool set_filter(void)
{
	static struct sock_filter code[SANDBOX_LENGTH_MAX];
	const size_t n = sandbox_fill(&sandbox_program, walk_none, false, code);
	const struct sock_fprog program = {(unsigned short)n, code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == 0 &&
	       prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0ul, 0ul) == 0;
}

/* Ends by SIGSYS at a call that is refused, and by SIGABRT where the fuzzer finds a fault. */
static void child(bool forbidden)
{
	const unsigned inputs = emulated() ? SLOW_INPUTS : FAST_INPUTS;
	uint8_t input[INPUT_MAX];

	(void)signal(SIGSYS, SIG_DFL);		/* cmocka has a handler */
	(void)signal(SIGABRT, SIG_DFL);
	LLVMFuzzerTestOneInput((const uint8_t *)"0000", 4);
	if (!set_filter())
		_exit(NO_FILTERS);
	for (unsigned i = 0; i < inputs; i++)
		LLVMFuzzerTestOneInput(input, make_input(input));
	if (forbidden)
		(void)open("/dev/null", O_RDONLY);
	_exit(0);
}

static int run(bool forbidden)
{
	const pid_t pid = fork();
	int status = 0;

	assert_true(pid != -1);
	if (pid == 0)
		child(forbidden);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTERS) {
		print_message("# no filter can be set here\n");
		skip();
	}
	return status;
}

static void no_input_makes_a_call_that_is_refused(void **unused)
{
	(void)unused;
	if (__asan_init != NULL || __tsan_init != NULL)
		skip();
	assert_int_equal(run(false), 0);
}

/* Or nothing would have been shown. */
static void a_call_that_is_refused_is_found_out(void **unused)
{
	int status;

	(void)unused;
	if (__asan_init != NULL || __tsan_init != NULL)
		skip();
	status = run(true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_input_makes_a_call_that_is_refused),
		cmocka_unit_test(a_call_that_is_refused_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
