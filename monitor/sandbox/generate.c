/* SPDX-License-Identifier: ISC */
/*
 * generate.c: makes the system call filter from the tables of rules, and writes it as C.
 *
 * A program of the building machine: generate ARCH >FILE. The filter is made by libseccomp, twice,
 * with two sets of numbers in place of what is known only at run time: where the two differ is a
 * hole. Neither libseccomp nor what shortens its program is relied on: the result is walked (walk.c),
 * and any difference from the tables fails.
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dispatch.h"
#include "interpreter.h"
#include "shorten.h"
#include "walk.h"

/* Of both sets in the same order, as libseccomp sorts; the upper half of a value has one bit more. */
#define FIRST_SET 0x7e500000u
#define SECOND_SET 0x7e600000u
#define VALUE_SHIFT 12
#define UPPER_BIT 0x800u
_Static_assert(SANDBOX_VALUES << VALUE_SHIFT <= SECOND_SET - FIRST_SET, "the sets are apart");

#define HOLES_MAX 64
#define NAMES_MAX 512

static const struct {
	const char *name;
	uint32_t seccomp, audit;
} machines[] = {
	{"x86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"aarch64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
};
static size_t target;

/* Whose rules the program that is being made has. */
#define TABLES_MAX 32
static const struct rules *chosen[TABLES_MAX + 1];

static void die(const char *what, const char *which, int error)
{
	fprintf(stderr, "generate: %s%s%s%s%s\n", what, which[0] != '\0' ? ": " : "", which,
		error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	exit(1);
}

/* libseccomp looks names up one by one; a walk asks for few of them very often. */
static long number_of(const char *call)
{
	static struct {
		const char *call;
		long nr;
	} known[NAMES_MAX];
	size_t i = 0;

	while (i < NAMES_MAX - 1 && known[i].call != NULL && known[i].call != call)
		i++;
	if (known[i].call != call) {
		known[i].call = call;
		known[i].nr = seccomp_syscall_resolve_name_arch(machines[target].seccomp, call);
	}
	return known[i].nr;
}

/* Rules are given with the building machine's numbers, and libseccomp translates them. */
static int native_number(const char *call)
{
	return seccomp_syscall_resolve_name(call);
}

/* ---- the filter ---- */

static uint64_t stand_in(enum sandbox_value v, uint32_t set)
{
	const uint32_t low = set | (uint32_t)v << VALUE_SHIFT;

	return (uint64_t)(low | UPPER_BIT) << 32 | low;
}

static struct scmp_arg_cmp compare(const struct rule_check *c, uint32_t set)
{
	const uint64_t value = c->from == SANDBOX_CONSTANT ? c->value : stand_in(c->from, set);

	return (struct scmp_arg_cmp){c->arg, SCMP_CMP_MASKED_EQ, c->mask, value & c->mask};
}

static void add_rule(scmp_filter_ctx ctx, const struct rule *r, uint32_t set)
{
	struct scmp_arg_cmp checks[RULE_CHECKS_MAX];
	unsigned n = 0;
	int rc;

	if (r->arch != NULL && strcmp(r->arch, machines[target].name) != 0)
		return;
	if (number_of(r->call) < 0)
		die("no such call on this architecture", r->call, 0);
	for (; n < RULE_CHECKS_MAX && r->checks[n].mask != 0; n++)
		checks[n] = compare(&r->checks[n], set);
	rc = seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, native_number(r->call), n, checks);
	if (rc != 0 && rc != -EEXIST)
		die("rule", r->call, -rc);
}

static void add_rules(scmp_filter_ctx ctx, uint32_t set)
{
	for (const struct rules *const *t = chosen; *t != NULL; t++)
		for (size_t i = 0; i < (*t)->n; i++)
			add_rule(ctx, &(*t)->list[i], set);
	for (const char *const *f = rules_fatal; *f != NULL; f++) {
		int rc = seccomp_rule_add_exact(ctx, SCMP_ACT_KILL_PROCESS, native_number(*f), 0);

		if (rc != 0)
			die("rule", *f, -rc);
	}
}

static scmp_filter_ctx begin(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	const uint32_t arch = machines[target].seccomp;

	if (ctx == NULL || seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE) != 0 ||
	    seccomp_arch_add(ctx, arch) != 0)
		die("a filter for", machines[target].name, 0);
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		die("libseccomp is too old: 2.5 has what is needed", "", 0);
	return ctx;
}

/*
 * ptrace(2), PTRACE_SYSCALL: a tracer that has a call skipped puts -1 in its place, which the filter
 * sees. No architecture has a call of that number, and libseccomp no rule for it.
 */
static size_t allow_skipping(struct sock_filter *code)
{
	const struct sock_filter skipped[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	memcpy(code, skipped, sizeof skipped);
	return sizeof skipped / sizeof skipped[0];
}

/* Returns the number of instructions. */
static size_t make(uint32_t set, struct sock_filter *code)
{
	const size_t begun = allow_skipping(code);
	scmp_filter_ctx ctx = begin();
	FILE *file = tmpfile();
	size_t n;

	add_rules(ctx, set);
	if (file == NULL || seccomp_export_bpf(ctx, fileno(file)) != 0)
		die("exporting the filter", "", errno);
	rewind(file);
	n = begun + fread(code + begun, sizeof *code, SANDBOX_LENGTH_MAX - begun, file);
	if (n == begun || n == SANDBOX_LENGTH_MAX || fgetc(file) != EOF)
		die("the filter is too long", "", 0);
	fclose(file);
	seccomp_release(ctx);
	n = dispatch(code, n, machines[target].audit);
	if (n == 0)
		die("the filter is too long", "", 0);
	return shorten(code, n);
}

/* ---- holes ---- */

static void take_hole(const struct sock_filter *a, const struct sock_filter *b, size_t at,
		      struct sandbox_hole *h)
{
	const uint32_t within = a->k - FIRST_SET;

	*h = (struct sandbox_hole){(uint16_t)at, (uint8_t)(within >> VALUE_SHIFT),
				   (within & UPPER_BIT) != 0};
	if (a->code != (BPF_JMP | BPF_JEQ | BPF_K) || b->code != a->code || b->jt != a->jt ||
	    b->jf != a->jf || within != b->k - SECOND_SET || h->value == SANDBOX_CONSTANT ||
	    h->value >= SANDBOX_VALUES || (within & ((1u << VALUE_SHIFT) - 1) & ~UPPER_BIT) != 0)
		die("the filter depends on the stand-ins for what is not known yet", "", 0);
}

static size_t find_holes(const struct sock_filter *a, const struct sock_filter *b, size_t n,
			 struct sandbox_hole *holes)
{
	size_t n_holes = 0;

	for (size_t i = 0; i < n; i++) {
		if (memcmp(&a[i], &b[i], sizeof a[i]) == 0)
			continue;
		if (n_holes == HOLES_MAX)
			die("too many holes", "", 0);
		take_hole(&a[i], &b[i], i, &holes[n_holes++]);
	}
	return n_holes;
}

/* libseccomp has no parameter for the data that comes with the signal. */
static void mark_traps(struct sock_filter *code, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (code[i].code == (BPF_RET | BPF_K) && code[i].k == SCMP_ACT_TRAP)
			code[i].k |= SANDBOX_TRAP_DATA;
}

/* ---- the proof ---- */

static void prove_with(const struct sandbox_program *p, const uint64_t values[SANDBOX_VALUES],
		       bool kill)
{
	const struct walk_machine machine = {machines[target].name, machines[target].audit, number_of,
					     interpreter_run};
	struct walk_difference d;

	if (sandbox_walk(p, chosen, &machine, values, kill, &d))
		return;
	fprintf(stderr, "generate: the filter differs from the rules: architecture 0x%x, call %ld",
		d.arch, d.nr);
	for (unsigned i = 0; i < RULE_ARGS; i++)
		fprintf(stderr, "%s0x%llx", i == 0 ? "(" : ", ", (unsigned long long)d.args[i]);
	fprintf(stderr, "): 0x%x expected, 0x%x found\n", d.expected, d.found);
	exit(1);
}

static void prove(const struct sandbox_program *p)
{
	prove_with(p, walk_run, false);
	prove_with(p, walk_run, true);
	prove_with(p, walk_none, false);
}

/* ---- the output ---- */

static size_t count_calls(void)
{
	size_t n = 0;

	for (long nr = 0; nr < WALK_NUMBERS; nr++) {
		bool allowed = false;

		for (const struct rules *const *t = chosen; *t != NULL; t++)
			for (size_t i = 0; i < (*t)->n; i++)
				allowed |= number_of((*t)->list[i].call) == nr;
		n += allowed;
	}
	return n;
}

static size_t count_names(void)
{
	size_t n = 0;

	for (int nr = 0; nr < NAMES_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(machines[target].seccomp, nr);

		if (name != NULL)
			n = (size_t)nr + 1;
		free(name);
	}
	return n;
}

static void write_names(size_t n)
{
	printf("\nstatic const char names[] =\n");
	for (size_t nr = 0; nr < n; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(machines[target].seccomp, (int)nr);

		printf("\t\"%s\\0\"\n", name == NULL ? "" : name);
		free(name);
	}
	printf("\t\"\";\n");
}

static void write_code(const struct sandbox_program *p)
{
	printf("\nstatic const struct sock_filter code_%u[] = {\n", p->calls);
	for (size_t i = 0; i < p->n; i++)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", p->code[i].code, p->code[i].jt,
		       p->code[i].jf, p->code[i].k);
	printf("};\n\nstatic const struct sandbox_hole holes_%u[] = {\n", p->calls);
	for (size_t i = 0; i < p->n_holes; i++)
		printf("\t{%u, %u, %s},\n", p->holes[i].at, p->holes[i].value,
		       p->holes[i].upper ? "true" : "false");
	printf("};\n");
}

/* The initializer of one whose code has been written. */
static void write_entry(const struct sandbox_program *p, const char *names)
{
	printf("{\n\tcode_%u, %zu, holes_%u, %zu, %u, %zu, %s,\n}", p->calls, p->n, p->calls, p->n_holes,
	       p->calls, p->n_calls, names);
}

/* ---- the programs ---- */

/* As SANDBOX_SMALLER says. */
static const unsigned smaller[SANDBOX_SMALLER] = {
	0, SANDBOX_DISKS | SANDBOX_FRAMES, SANDBOX_DISKS | SANDBOX_FRAMES | SANDBOX_VHOSTS,
};

static void choose(unsigned calls)
{
	size_t n = 0;

	for (const struct rules *const *t = rules_configured; *t != NULL; t++) {
		if (((*t)->calls & ~calls) != 0)
			continue;
		if (n == TABLES_MAX)
			die("too many tables", (*t)->owner, 0);
		chosen[n++] = *t;
	}
	chosen[n] = NULL;
}

/* Its code is written, and overwritten by the next. */
static struct sandbox_program program(unsigned calls)
{
	static struct sock_filter first[SANDBOX_LENGTH_MAX], second[SANDBOX_LENGTH_MAX];
	static struct sandbox_hole holes[HOLES_MAX];
	struct sandbox_program p = {.code = first, .holes = holes, .calls = calls, .names = ""};

	choose(calls);
	p.n = make(FIRST_SET, first);
	if (make(SECOND_SET, second) != p.n)
		die("the filter depends on the stand-ins for what is not known yet", "", 0);
	p.n_holes = find_holes(first, second, p.n, holes);
	mark_traps(first, p.n);
	prove(&p);
	p.n_calls = count_calls();
	write_code(&p);
	return p;
}

static void write_all(void)
{
	struct sandbox_program p[SANDBOX_SMALLER], all;
	const size_t n_names = count_names();
	char names[32];

	for (size_t i = 0; i < SANDBOX_SMALLER; i++)
		p[i] = program(smaller[i]);
	all = program(SANDBOX_ALL_CALLS);
	write_names(n_names);
	printf("\nconst struct sandbox_program sandbox_smaller[SANDBOX_SMALLER] = {");
	for (size_t i = 0; i < SANDBOX_SMALLER; i++) {
		write_entry(&p[i], "\"\", 0");
		printf(", ");
	}
	snprintf(names, sizeof names, "names, %zu", n_names);
	printf("};\n\nconst struct sandbox_program sandbox_program = ");
	write_entry(&all, names);
	printf(";\n");
}

int main(int argc, char **argv)
{
	for (target = 0; target < sizeof machines / sizeof machines[0]; target++)
		if (argc == 2 && strcmp(argv[1], machines[target].name) == 0)
			break;
	if (target == sizeof machines / sizeof machines[0])
		die("usage: generate ARCHITECTURE", "", 0);
	printf("/* sandbox.gen.c: the system call filters for %s, made by generate.c. */\n"
	       "#include \"sandbox_program.h\"\n", machines[target].name);
	write_all();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
