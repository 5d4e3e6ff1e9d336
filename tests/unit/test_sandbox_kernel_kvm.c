/* SPDX-License-Identifier: ISC */
/*
 * test_sandbox_kernel_kvm.c: the kernel itself answers as the tables of rules say, call by call.
 *
 * A child sets the filter with its answers replaced by error numbers, so that every call, allowed or
 * not, comes back with the answer and none is made; then it walks as the build does. It can do
 * nothing else from then on, and is killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/sandbox/interpreter.h"
#include "../../monitor/sandbox/walk.h"
#include "call_number_kvm.h"

#if defined(__x86_64__)
#define ARCH "x86_64"
#define AUDIT AUDIT_ARCH_X86_64
#else
#define ARCH "aarch64"
#define AUDIT AUDIT_ARCH_AARCH64
#endif

/* What the answers are replaced by: error numbers that nothing else gives here. */
static const uint32_t answers[] = {
	SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP | SANDBOX_TRAP_DATA, SECCOMP_RET_KILL_PROCESS,
};
#define N_ANSWERS (sizeof answers / sizeof answers[0])
#define FIRST_ERROR 3001	/* Linux include/linux/err.h, MAX_ERRNO: up to 4095 */

enum outcome { RUNNING, NO_FILTERS, SAME, DIFFERENT };

/* Shared with the child. */
static struct shared {
	volatile enum outcome outcome;
	volatile unsigned long asked;	/* calls that the kernel has answered */
	struct walk_difference d;
} *shared;

/*
 * Linux 6.14, kernel/seccomp.c: on x86_64 no filter sees uretprobe (335), nor uprobe (336) later;
 * made elsewhere than where the kernel has put them they do nothing but signal. -1 is no call, and
 * another architecture's is not to be made here.
 */
static bool cannot_be_asked(const struct seccomp_data *call)
{
	return call->arch != AUDIT || call->nr == -1 ||
	       (AUDIT == AUDIT_ARCH_X86_64 && (call->nr == 335 || call->nr == 336));
}

static uint32_t kernel_run(const struct sock_filter *code, size_t n, const struct seccomp_data *call)
{
	long rc;

	if (cannot_be_asked(call))
		return interpreter_run(code, n, call);
	rc = syscall(call->nr, call->args[0], call->args[1], call->args[2], call->args[3],
		     call->args[4], call->args[5]);
	shared->asked++;
	return rc == -1 && errno >= FIRST_ERROR && errno < FIRST_ERROR + (int)N_ANSWERS ?
	       answers[errno - FIRST_ERROR] : INTERPRETER_INVALID;
}

/* False: there is another answer than those. */
static bool replace_answers(struct sock_filter *code, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t a = 0;

		if (BPF_CLASS(code[i].code) != BPF_RET)
			continue;
		while (a < N_ANSWERS && code[i].k != answers[a])
			a++;
		if (a == N_ANSWERS)
			return false;
		code[i].k = SECCOMP_RET_ERRNO | (uint32_t)(FIRST_ERROR + a);
	}
	return true;
}

static bool set_filter(void)
{
	struct sock_filter code[SANDBOX_LENGTH_MAX];
	const size_t n = sandbox_fill(&sandbox_program, walk_run, false, code);
	const struct sock_fprog program = {(unsigned short)n, code};

	return replace_answers(code, n) && prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0ul, &program) == 0;
}

static void child(const struct rules *const *tables)
{
	const struct walk_machine machine = {ARCH, AUDIT, call_number, kernel_run};
	enum outcome end = NO_FILTERS;

	if (set_filter())
		end = sandbox_walk(&sandbox_program, tables, &machine, walk_run, false, &shared->d) ?
		      SAME : DIFFERENT;
	shared->outcome = end;
	for (;;)
		__asm__ volatile("" ::: "memory");
}

/* Walks in a child, against the tables. */
static enum outcome ask_kernel(const struct rules *const *tables)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	enum outcome end;
	pid_t pid;
	int status;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(tables);
	while (shared->outcome == RUNNING && waitpid(pid, &status, WNOHANG) == 0)
		nanosleep(&nap, NULL);
	end = shared->outcome;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	if (end == DIFFERENT)
		print_message("call %ld(0x%llx, 0x%llx, 0x%llx, ...): 0x%x expected, 0x%x found\n",
			      shared->d.nr, (unsigned long long)shared->d.args[0],
			      (unsigned long long)shared->d.args[1],
			      (unsigned long long)shared->d.args[2], shared->d.expected, shared->d.found);
	return end;
}

static void the_kernel_answers_every_call_as_the_rules_say(void **state)
{
	enum outcome end;

	(void)state;
	end = ask_kernel(rules_configured);
	if (end == NO_FILTERS) {
		print_message("# no filter can be set here\n");
		skip();
	}
	assert_int_equal(end, SAME);
	assert_true(shared->asked > 10000);
	munmap(shared, sizeof *shared);
}

/* The walk would find a table that has one rule more. */
static void a_call_that_the_kernel_refuses_is_found_out(void **state)
{
	static const struct rule more[] = {{.call = "openat"}};
	static const struct rules extra = {"extra", more, 1, 0};
	const struct rules *tables[64];
	size_t n = 0;
	enum outcome end;

	(void)state;
	for (; rules_configured[n] != NULL; n++)
		tables[n] = rules_configured[n];
	tables[n] = &extra;
	tables[n + 1] = NULL;
	end = ask_kernel(tables);
	if (end == NO_FILTERS)
		skip();
	assert_int_equal(end, DIFFERENT);
	assert_int_equal(shared->d.nr, call_number("openat"));
	munmap(shared, sizeof *shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_answers_every_call_as_the_rules_say),
		cmocka_unit_test(a_call_that_the_kernel_refuses_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
