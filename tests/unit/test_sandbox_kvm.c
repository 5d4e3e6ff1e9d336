/* SPDX-License-Identifier: ISC */
/*
 * test_sandbox_kvm.c: the system call filter says what the tables of rules say, shortly, and a filter that
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
#include "../../monitor/sandbox/shorten.h"
#include "../../monitor/sandbox/walk.h"
#include "../../monitor/sandbox_program.h"
#include "call_number_kvm.h"
#include "emulated.h"

#if defined(__x86_64__)
#define ARCH "x86_64"
#define AUDIT AUDIT_ARCH_X86_64
#else
#define ARCH "aarch64"
#define AUDIT AUDIT_ARCH_AARCH64
#endif

static const struct walk_machine machine = {ARCH, AUDIT, call_number, interpreter_run};

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

/* The rules that are for these calls, and for every run. */
static const struct rules **rules_for(unsigned calls)
{
	static const struct rules *chosen[16];
	size_t n = 0;

	for (const struct rules *const *r = rules_configured; *r != NULL && n < 15; r++)
		if (((*r)->calls & ~calls) == 0)
			chosen[n++] = *r;
	chosen[n] = NULL;
	return chosen;
}

static void a_smaller_filter_says_what_fewer_rules_say(void **state)
{
	struct walk_difference d;

	(void)state;
	for (size_t i = 0; i < SANDBOX_SMALLER; i++) {
		const struct sandbox_program *p = &sandbox_smaller[i];

		assert_true(sandbox_walk(p, rules_for(p->calls), &machine, walk_run, false, &d));
		assert_true(p->n <= sandbox_program.n);
	}
	assert_true(sandbox_program.n_calls <= 60);
	assert_true(sandbox_smaller[1].n_calls <= 50);
	assert_true(sandbox_smaller[0].n_calls <= 40);
}

static void a_run_has_the_least_filter_that_does(void **state)
{
	(void)state;
	assert_int_equal(sandbox_program_for(0)->calls, 0);
	assert_int_equal(sandbox_program_for(SANDBOX_DISKS)->calls, SANDBOX_DISKS | SANDBOX_FRAMES);
	assert_int_equal(sandbox_program_for(SANDBOX_FRAMES)->calls, SANDBOX_DISKS | SANDBOX_FRAMES);
	assert_int_equal(sandbox_program_for(SANDBOX_VHOSTS)->calls,
			 SANDBOX_DISKS | SANDBOX_FRAMES | SANDBOX_VHOSTS);
	assert_ptr_equal(sandbox_program_for(SANDBOX_REST), &sandbox_program);
	assert_ptr_equal(sandbox_program_for(SANDBOX_DISKS | SANDBOX_REST), &sandbox_program);
	for (unsigned calls = 0; calls <= SANDBOX_ALL_CALLS; calls++)
		assert_int_equal(calls & ~sandbox_program_for(calls)->calls, 0);
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

#define NUMBERS 480u		/* about as many as Linux has */

/* How many instructions are run until the call is answered, or an argument is looked at. */
static unsigned steps_to_answer(uint32_t nr)
{
	const struct sock_filter *code = sandbox_program.code;
	unsigned steps = 0;
	uint32_t a = 0;

	for (size_t at = 0; at < sandbox_program.n; at++) {
		const long over = interpreter_skip(&code[at], a);

		steps++;
		if (over >= 0)
			at += (size_t)over;
		else if (BPF_CLASS(code[at].code) == BPF_RET || code[at].k > 4)
			break;
		else
			a = code[at].k == 0 ? nr : AUDIT;
	}
	return steps;
}

/* Call 5 with argument 0 of 7, in the way of libseccomp: words loaded twice, and halves that do not count. */
static const struct sock_filter lengthy[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 6),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
#define LENGTHY (sizeof lengthy / sizeof lengthy[0])
#define CONCISE 6

static void what_changes_nothing_is_left_out(void **state)
{
	struct sock_filter code[LENGTHY], again[LENGTHY];
	size_t n;

	(void)state;
	memcpy(code, lengthy, sizeof code);
	n = shorten(code, LENGTHY);
	assert_int_equal(n, CONCISE);
	for (unsigned i = 0; i < 16; i++) {
		const struct seccomp_data call = {
			.nr = i % 2 == 0 ? 5 : 6, .args = {i / 2 + ((uint64_t)i << 32)},
		};

		assert_int_equal(interpreter_run(code, n, &call), interpreter_run(lengthy, LENGTHY, &call));
	}
	memcpy(again, code, sizeof code);
	assert_int_equal(shorten(code, n), n);
	assert_memory_equal(code, again, n * sizeof code[0]);
}

/* The accumulator differs by the way that was taken: nothing is known then. */
/* The build has done it. */
static void the_filter_cannot_be_shortened(void **state)
{
	static struct sock_filter code[SANDBOX_LENGTH_MAX];

	(void)state;
	memcpy(code, sandbox_program.code, sandbox_program.n * sizeof code[0]);
	assert_int_equal(shorten(code, sandbox_program.n), sandbox_program.n);
}

/* Most numbers are answered after few instructions: the kernel tries them all at a start. */
static void numbers_are_found_soon(void **state)
{
	unsigned long steps = 0;

	(void)state;
	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		steps += steps_to_answer(nr);
	assert_in_range(steps, NUMBERS, 12 * NUMBERS);
}

static void what_depends_on_the_way_stays(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	const size_t n = sizeof code / sizeof code[0];

	(void)state;
	assert_int_equal(shorten(code, n), n);
}

static void calls_have_names(void **state)
{
	(void)state;
	assert_string_equal(sandbox_call_name(&sandbox_program, call_number("openat")), "openat");
	assert_null(sandbox_call_name(&sandbox_program, -1));
	assert_null(sandbox_call_name(&sandbox_program, 100000));
	assert_true(call_number("no such call") == -1);
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
		const struct seccomp_data call = {.nr = (int)call_number(never[i]), .arch = AUDIT};

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
		cmocka_unit_test(a_smaller_filter_says_what_fewer_rules_say),
		cmocka_unit_test(a_run_has_the_least_filter_that_does),
		cmocka_unit_test(a_changed_filter_is_found_out),
		cmocka_unit_test(a_hole_that_is_missed_is_found_out),
		cmocka_unit_test(a_program_that_the_kernel_would_refuse_is_none),
		cmocka_unit_test(what_changes_nothing_is_left_out),
		cmocka_unit_test(what_depends_on_the_way_stays),
		cmocka_unit_test(the_filter_cannot_be_shortened),
		cmocka_unit_test(numbers_are_found_soon),
		cmocka_unit_test(calls_have_names),
		cmocka_unit_test(nothing_powerful_is_allowed),
		cmocka_unit_test(descriptors_are_kept_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
