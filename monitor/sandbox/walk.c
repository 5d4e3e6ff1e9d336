/* SPDX-License-Identifier: ISC */
/* walk.c: compares a filter with the tables that it was made of. */
#include "walk.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#define CORNERS_MAX 1024		/* of one argument */
#define RULES_MAX 64		/* of one call */
#define NOT_VARIED RULE_ARGS	/* no argument has all its corners */

#define NONE UINT32_MAX

const uint64_t walk_run[SANDBOX_VALUES] = {
	[SANDBOX_PID] = 4711, [SANDBOX_VCPU] = 6, [SANDBOX_VM] = 5, [SANDBOX_CUT] = 8,
	[SANDBOX_SEALED] = 0x7fa04926c000, [SANDBOX_SEALED_2] = 0x7fa04926d000,
	[SANDBOX_FAMILY] = 1, [SANDBOX_ADDRESS] = 110, [SANDBOX_LSTAT] = 0x100, [SANDBOX_UNLINK] = 0,
	[SANDBOX_ASK_INDEX] = 0x8933, [SANDBOX_ASK_TAP] = 0x800454d2,
	[SANDBOX_HEADER] = 0x400454d8, [SANDBOX_OFFLOADS] = 0x400454d0,
	[SANDBOX_VHOST] = 20, [SANDBOX_VHOST_2] = 21, [SANDBOX_VHOST_3] = 22, [SANDBOX_VHOST_4] = 23,
	[SANDBOX_WRITABLE] = 3, [SANDBOX_READABLE] = 1,
	[SANDBOX_MAKE] = 9, [SANDBOX_MAKE_NAME] = 0x7fa04926e000, [SANDBOX_SYMBOLS] = 7,
	[SANDBOX_FOOTPRINT] = 10,
};

const uint64_t walk_none[SANDBOX_VALUES] = {
	[SANDBOX_PID] = 4711, [SANDBOX_VCPU] = NONE, [SANDBOX_VM] = NONE, [SANDBOX_CUT] = NONE,
	[SANDBOX_FAMILY] = NONE, [SANDBOX_ADDRESS] = NONE, [SANDBOX_LSTAT] = NONE,
	[SANDBOX_UNLINK] = NONE, [SANDBOX_ASK_INDEX] = NONE, [SANDBOX_ASK_TAP] = NONE,
	[SANDBOX_HEADER] = NONE, [SANDBOX_OFFLOADS] = NONE,
	[SANDBOX_VHOST] = NONE, [SANDBOX_VHOST_2] = NONE, [SANDBOX_VHOST_3] = NONE,
	[SANDBOX_VHOST_4] = NONE,
	[SANDBOX_WRITABLE] = NONE, [SANDBOX_READABLE] = NONE, [SANDBOX_MAKE] = NONE,
	[SANDBOX_SYMBOLS] = NONE, [SANDBOX_FOOTPRINT] = NONE,
};

struct walker {
	const struct rules *const *tables;
	const struct walk_machine *machine;
	const uint64_t *values;
	uint32_t refusal;		/* what is said to calls that no rule has */
	struct sock_filter code[SANDBOX_LENGTH_MAX];
	size_t n;
	struct walk_difference *d;

	/* of the number in hand */
	const struct rule *rules[RULES_MAX];
	size_t n_rules;
	bool fatal;
	uint64_t corners[RULE_ARGS][CORNERS_MAX];	/* the few that matter most come first */
	size_t n_few[RULE_ARGS], n_corners[RULE_ARGS];
};

/* ---- what the tables say ---- */

static uint64_t value_of(const struct walker *w, const struct rule_check *c)
{
	return c->from == SANDBOX_CONSTANT ? c->value : w->values[c->from];
}

static bool has_check(const struct rule *r, unsigned i)
{
	return i < RULE_CHECKS_MAX && r->checks[i].mask != 0;
}

static bool holds(const struct walker *w, const struct rule *r, const uint64_t args[RULE_ARGS])
{
	for (unsigned i = 0; has_check(r, i); i++) {
		const struct rule_check *c = &r->checks[i];

		if ((args[c->arg] & c->mask) != (value_of(w, c) & c->mask))
			return false;
	}
	return true;
}

static uint32_t expected(const struct walker *w, uint32_t arch, const uint64_t args[RULE_ARGS])
{
	if (arch != w->machine->audit)
		return SECCOMP_RET_KILL_PROCESS;
	for (size_t i = 0; i < w->n_rules; i++)
		if (holds(w, w->rules[i], args))
			return SECCOMP_RET_ALLOW;
	return w->fatal ? SECCOMP_RET_KILL_PROCESS : w->refusal;
}

/* False: there are more rules than room. */
static bool find_rules(struct walker *w, long nr)
{
	w->n_rules = 0;
	w->fatal = false;
	for (const struct rules *const *t = w->tables; *t != NULL; t++)
		for (size_t i = 0; i < (*t)->n; i++) {
			const struct rule *r = &(*t)->list[i];

			if (w->machine->number(r->call) != nr ||
			    (r->arch != NULL && strcmp(r->arch, w->machine->arch) != 0))
				continue;
			if (w->n_rules == RULES_MAX)
				return false;
			w->rules[w->n_rules++] = r;
		}
	for (const char *const *f = rules_fatal; *f != NULL; f++)
		w->fatal |= w->machine->number(*f) == nr;
	return true;
}

/* ---- corners ---- */

static void add(struct walker *w, unsigned arg, uint64_t value)
{
	for (size_t i = 0; i < w->n_corners[arg]; i++)
		if (w->corners[arg][i] == value)
			return;
	if (w->n_corners[arg] < CORNERS_MAX)
		w->corners[arg][w->n_corners[arg]++] = value;
}

/* What a comparison of the wrong width or direction would take for the value. */
static void add_few(struct walker *w, unsigned arg, uint64_t value)
{
	add(w, arg, value);
	add(w, arg, value + 1);
	add(w, arg, value ^ 1u << 31);
	add(w, arg, value ^ (uint64_t)1 << 32);
}

static void add_bits(struct walker *w, unsigned arg, uint64_t value)
{
	for (unsigned bit = 0; bit < 64; bit++)
		add(w, arg, value ^ (uint64_t)1 << bit);
}

typedef void adder(struct walker *w, unsigned arg, uint64_t value);

static void add_all(struct walker *w, adder *how)
{
	for (size_t i = 0; i < w->n_rules; i++)
		for (unsigned k = 0; has_check(w->rules[i], k); k++)
			how(w, w->rules[i]->checks[k].arg, value_of(w, &w->rules[i]->checks[k]));
}

/* Arguments without a check have two values, the others also those around what is checked. */
static void collect(struct walker *w)
{
	memset(w->n_corners, 0, sizeof w->n_corners);
	for (unsigned arg = 0; arg < RULE_ARGS; arg++) {
		add(w, arg, 0);
		add(w, arg, UINT64_MAX);
	}
	add_all(w, add_few);
	memcpy(w->n_few, w->n_corners, sizeof w->n_few);
	add_all(w, add_bits);
}

/* ---- the comparison ---- */

static bool agree(const struct walker *w, uint32_t arch, long nr, const uint64_t args[RULE_ARGS])
{
	struct seccomp_data call = {.nr = (int)nr, .arch = arch};
	uint32_t want = expected(w, arch, args), got;

	memcpy(call.args, args, sizeof call.args);
	got = w->machine->run(w->code, w->n, &call);
	if (got == want)
		return true;
	*w->d = (struct walk_difference){.arch = arch, .nr = nr, .expected = want, .found = got};
	memcpy(w->d->args, args, sizeof w->d->args);
	return false;
}

/* All combinations from argument arg on: all corners of the one that is varied, few of the others. */
static bool combine(const struct walker *w, long nr, unsigned varied, unsigned arg,
		    uint64_t args[RULE_ARGS])
{
	size_t n;

	if (arg == RULE_ARGS)
		return agree(w, w->machine->audit, nr, args);
	n = arg == varied ? w->n_corners[arg] : w->n_few[arg];
	for (size_t i = 0; i < n; i++) {
		args[arg] = w->corners[arg][i];
		if (!combine(w, nr, varied, arg + 1, args))
			return false;
	}
	return true;
}

static bool walk_few(struct walker *w, long nr)
{
	static const uint32_t foreign[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0, UINT32_MAX,
	};
	uint64_t args[RULE_ARGS] = {0};

	if (!find_rules(w, nr))
		return false;
	collect(w);
	if (!combine(w, nr, NOT_VARIED, 0, args))
		return false;
	memset(args, 0, sizeof args);
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		if (foreign[i] != w->machine->audit && !agree(w, foreign[i], nr, args))
			return false;
	return true;
}

static bool walk_bits(struct walker *w, long nr)
{
	uint64_t args[RULE_ARGS] = {0};

	if (!find_rules(w, nr))
		return false;
	collect(w);
	for (unsigned varied = 0; varied < RULE_ARGS; varied++)
		if (w->n_corners[varied] > w->n_few[varied] && !combine(w, nr, varied, 0, args))
			return false;
	return true;
}

/* A number that no table has, without arguments. */
static bool is_answered(const struct walker *w, uint32_t arch, uint32_t nr, uint32_t answer)
{
	const struct seccomp_data call = {.nr = (int)nr, .arch = arch};
	const uint32_t got = w->machine->run(w->code, w->n, &call);

	if (got == answer)
		return true;
	*w->d = (struct walk_difference){.arch = arch, .nr = nr, .expected = answer, .found = got};
	return false;
}

/* Linux arch/x86: numbers of x32 have bit 30. The kernel reports them as x86_64's. */
static bool walk_x32(const struct walker *w)
{
	const uint32_t arch = w->machine->audit;

	for (uint32_t nr = 0x40000000; nr < 0x40000000 + WALK_NUMBERS; nr++)
		if (!is_answered(w, arch, nr, SECCOMP_RET_KILL_PROCESS))
			return false;
	for (unsigned bit = 0; bit < 32; bit++)
		if (!is_answered(w, arch, UINT32_MAX ^ 1u << bit, SECCOMP_RET_KILL_PROCESS))
			return false;
	return true;
}

bool sandbox_walk(const struct sandbox_program *p, const struct rules *const *tables,
	  const struct walk_machine *m, const uint64_t values[SANDBOX_VALUES], bool kill,
	  struct walk_difference *d)
{
	static struct walker w;

	w = (struct walker){
		.tables = tables, .machine = m, .values = values, .d = d,
		.refusal = kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRAP | SANDBOX_TRAP_DATA,
	};
	w.n = sandbox_fill(p, values, kill, w.code);
	for (long nr = 0; nr < WALK_NUMBERS; nr++)
		if (!walk_few(&w, nr))
			return false;
	for (long nr = 0; nr < WALK_NUMBERS; nr++)
		if (!walk_bits(&w, nr))
			return false;
	if (strcmp(m->arch, "x86_64") == 0 && !walk_x32(&w))
		return false;
	return is_answered(&w, m->audit, UINT32_MAX, SECCOMP_RET_ALLOW);
}
