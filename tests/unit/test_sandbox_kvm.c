/* SPDX-License-Identifier: ISC */
/*
 * test_sandbox_kvm.c: the system call filter says what the tables of rules say, and a filter that
 * was changed anywhere is found out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include "../../monitor/sandbox.h"
#include "../../monitor/sandbox/interpreter.h"
#include "../../monitor/sandbox/walk.h"
#include "../../monitor/sandbox_program.h"
#include "emulated.h"

#if defined(__x86_64__)
#define ARCH "x86_64"
#define AUDIT AUDIT_ARCH_X86_64
#else
#define ARCH "aarch64"
#define AUDIT AUDIT_ARCH_AARCH64
#endif

/* Numbers of the calls by their names, as the program itself knows them. */
static long number_of(const char *call)
{
	static struct {
		const char *call;
		long nr;
	} known[128];
	size_t i = 0;

	while (i < 127 && known[i].call != NULL && known[i].call != call)
		i++;
	if (known[i].call == call)
		return known[i].nr;
	known[i].call = call;
	known[i].nr = -1;
	for (long nr = 0; nr < (long)sandbox_program.n_names; nr++) {
		const char *name = sandbox_call_name(&sandbox_program, nr);

		if (name != NULL && strcmp(name, call) == 0)
			known[i].nr = nr;
	}
	return known[i].nr;
}

static const struct walk_machine machine = {ARCH, AUDIT, number_of, interpreter_run};

static bool agrees(const struct sandbox_program *p)
{
	struct walk_difference d;

	return sandbox_walk(p, rules_configured, &machine, walk_run, false, &d);
}

static void the_filter_says_what_the_rules_say(void **state)
{
	struct walk_difference d;

	(void)state;
	assert_true(sandbox_walk(&sandbox_program, rules_configured, &machine, walk_run, false, &d));
	assert_true(sandbox_walk(&sandbox_program, rules_configured, &machine, walk_run, true, &d));
}

/* libseccomp loads upper halves even where nothing of them counts. */
static bool is_idle(const struct sock_filter *i)
{
	return i[0].code == (BPF_LD | BPF_W | BPF_ABS) && i[1].code == (BPF_ALU | BPF_AND | BPF_K) &&
	       i[1].k == 0;
}

/* Each change takes half a walk, so that slow programs try some of them. */
#ifdef __OPTIMIZE__
#define OPTIMISED true
#else
#define OPTIMISED false
#endif

static void a_changed_filter_is_found_out(void **state)
{
	static struct sock_filter code[SANDBOX_LENGTH_MAX];
	const size_t every = OPTIMISED && !emulated() ? 1 : 16;
	struct sandbox_program p = sandbox_program;

	(void)state;
	p.code = code;
	for (size_t i = 0; i < p.n; i += every) {
		if (i + 1 < p.n && is_idle(&sandbox_program.code[i]))
			continue;
		memcpy(code, sandbox_program.code, p.n * sizeof code[0]);
		if (BPF_CLASS(code[i].code) == BPF_JMP && code[i].jt != code[i].jf) {
			const uint8_t jt = code[i].jt;

			code[i].jt = code[i].jf;
			code[i].jf = jt;
		} else {
			code[i].k ^= 4;
		}
		assert_false(agrees(&p));
	}
}

static void a_hole_that_is_missed_is_found_out(void **state)
{
	struct sandbox_program p = sandbox_program;

	(void)state;
	assert_in_range(p.n_holes, 3, 64);
	p.n_holes--;
	assert_false(agrees(&p));
}

static void a_program_that_the_kernel_would_refuse_is_none(void **state)
{
	const struct seccomp_data call = {0};
	const struct sock_filter bad[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
		BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(interpreter_run(&bad[i], 1, &call), INTERPRETER_INVALID);
	assert_int_equal(interpreter_run(bad, 0, &call), INTERPRETER_INVALID);
}

static void calls_have_names(void **state)
{
	(void)state;
	assert_string_equal(sandbox_call_name(&sandbox_program, number_of("openat")), "openat");
	assert_null(sandbox_call_name(&sandbox_program, -1));
	assert_null(sandbox_call_name(&sandbox_program, 100000));
	assert_true(number_of("no such call") == -1);
}

static void nothing_powerful_is_allowed(void **state)
{
	static const char *const never[] = {
		"mmap", "mprotect", "mremap", "openat", "clone", "clone3", "execve", "ptrace", "kill",
		"tkill", "bind", "listen", "memfd_create", "pidfd_getfd", "setns", "unshare",
		"mount", "bpf", "io_uring_setup", "process_vm_writev", "userfaultfd", "keyctl",
	};
	struct sock_filter code[SANDBOX_LENGTH_MAX];
	const size_t n = sandbox_fill(&sandbox_program, walk_run, false, code);

	(void)state;
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		const struct seccomp_data call = {.nr = (int)number_of(never[i]), .arch = AUDIT};

		assert_true(call.nr >= 0);
		assert_int_not_equal(interpreter_run(code, n, &call), SECCOMP_RET_ALLOW);
	}
}

static void descriptors_are_kept_in_order(void **state)
{
	struct sandbox s;

	(void)state;
	sandbox_init(&s);
	sandbox_keep(&s, 9, 0);
	sandbox_keep(&s, -1, 0);
	sandbox_keep(&s, 5, 0);
	sandbox_keep(&s, 9, 0);
	sandbox_keep(&s, 7, 0);
	assert_int_equal(s.n_keep, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(s.keep[i], i < 3 ? (int)i : 5 + 2 * ((int)i - 3));
	for (int fd = 10; fd < 10 + SANDBOX_KEEP_MAX - 6; fd++)
		sandbox_keep(&s, fd, 0);
	assert_false(s.full);
	sandbox_keep(&s, 2, 0);
	assert_false(s.full);
	sandbox_keep(&s, 100000, 0);
	assert_true(s.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_says_what_the_rules_say),
		cmocka_unit_test(a_changed_filter_is_found_out),
		cmocka_unit_test(a_hole_that_is_missed_is_found_out),
		cmocka_unit_test(a_program_that_the_kernel_would_refuse_is_none),
		cmocka_unit_test(calls_have_names),
		cmocka_unit_test(nothing_powerful_is_allowed),
		cmocka_unit_test(descriptors_are_kept_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
