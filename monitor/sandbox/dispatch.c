/* SPDX-License-Identifier: ISC */
/*
 * dispatch.c: libseccomp's tree has a test for each number that a rule is about. The kernel runs a new
 * filter once for every number, and most of them are in few ranges that no rule is about: these are
 * to be near the root, and calls whose arguments are checked, which are filtered each time, too.
 */
#include "dispatch.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "interpreter.h"
#include "walk.h"

#define X32_FIRST 0x40000000u		/* Linux arch/x86: numbers of x32 have bit 30 */
#define SAMPLES (WALK_NUMBERS + 2u)
#define RANGES_MAX 192u
#define LINUX_NUMBERS 480u		/* about as many as there are */
#define CHECKED_WEIGHT 16u		/* of a call whose arguments are checked */

/* From the number on, up to the next range, the filter comes to the same instruction. */
struct range {
	uint32_t from;
	size_t leaf;
	uint32_t weight;	/* how often it is looked for */
};

struct tree {
	struct range ranges[RANGES_MAX];
	size_t n;
	uint32_t cost[RANGES_MAX][RANGES_MAX];	/* of the ranges from one to another */
	uint8_t last[RANGES_MAX][RANGES_MAX];	/* the last one of the left branch */
	struct sock_filter code[SANDBOX_LENGTH_MAX];
	size_t n_code;
	bool full;
};

/* ---- where a number leads ---- */

static uint32_t sample(size_t i)
{
	return i < WALK_NUMBERS ? (uint32_t)i : i == WALK_NUMBERS ? X32_FIRST : UINT32_MAX;
}

static bool is_return(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_RET;
}

/* Equal returns are one. */
static size_t first_alike(const struct sock_filter *code, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (memcmp(&code[i], &code[at], sizeof code[i]) == 0)
			return i;
	return at;
}

/* The first instruction that answers, or looks at an argument. */
static size_t leaf_of(const struct sock_filter *code, uint32_t audit, uint32_t nr)
{
	uint32_t a = 0;
	size_t at = 0;

	for (;; at++) {
		const struct sock_filter *i = &code[at];
		const long over = interpreter_skip(i, a);

		if (is_return(i))
			return first_alike(code, at);
		if (over >= 0)
			at += (size_t)over;
		else if (i->code != (BPF_LD | BPF_W | BPF_ABS))
			return at;
		else if (i->k == offsetof(struct seccomp_data, nr))
			a = nr;
		else if (i->k == offsetof(struct seccomp_data, arch))
			a = audit;
		else
			return at;
	}
}

static void find_ranges(struct tree *t, const struct sock_filter *code, uint32_t audit)
{
	for (size_t i = 0; i < SAMPLES && !t->full; i++) {
		const size_t leaf = leaf_of(code, audit, sample(i));

		if (t->n == 0 || t->ranges[t->n - 1].leaf != leaf) {
			t->full = t->n == RANGES_MAX;
			if (t->full)
				return;
			t->ranges[t->n++] = (struct range){
				sample(i), leaf, is_return(&code[leaf]) ? 0 : CHECKED_WEIGHT,
			};
		}
		t->ranges[t->n - 1].weight += i < LINUX_NUMBERS;
	}
}

/* ---- the tree: of all that keep the order, the one with the shortest ways ---- */

static uint32_t weight_of(const struct tree *t, size_t first, size_t last)
{
	uint32_t sum = 0;

	for (size_t i = first; i <= last; i++)
		sum += t->ranges[i].weight;
	return sum;
}

/* A number by itself in the middle of what is said to all around it: one test finds it. */
static bool is_exception(const struct tree *t, size_t first, size_t last)
{
	const struct range *r = &t->ranges[first];

	return last - first == 2 && r[0].leaf == r[2].leaf && r[2].from - r[1].from == 1;
}

static void part(struct tree *t, size_t first, size_t last)
{
	uint32_t best = is_exception(t, first, last) ? 0 : UINT32_MAX;

	for (size_t k = first; k < last; k++) {
		const uint32_t cost = t->cost[first][k] + t->cost[k + 1][last];

		if (cost < best) {
			best = cost;
			t->last[first][last] = (uint8_t)k;
		}
	}
	t->cost[first][last] = best + weight_of(t, first, last);
}

static void plan(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->cost[i][i] = 0;
	for (size_t len = 1; len < t->n; len++)
		for (size_t first = 0; first + len < t->n; first++)
			part(t, first, first + len);
}

/* ---- its code ---- */

static void emit(struct tree *t, struct sock_filter i)
{
	t->full |= t->n_code == SANDBOX_LENGTH_MAX;
	if (!t->full)
		t->code[t->n_code++] = i;
}

/* Jumps to leaves have their place among the filter's instructions until these have theirs. */
static void emit_leaf(struct tree *t, size_t leaf)
{
	emit(t, (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = (uint32_t)leaf});
}

static void emit_ranges(struct tree *t, size_t first, size_t last)
{
	const size_t at = t->n_code;

	if (first == last) {
		emit_leaf(t, t->ranges[first].leaf);
		return;
	}
	if (is_exception(t, first, last)) {
		emit(t, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, t->ranges[first + 1].from, 1, 0));
		emit_leaf(t, t->ranges[first].leaf);
		emit_leaf(t, t->ranges[first + 1].leaf);
		return;
	}
	emit(t, (struct sock_filter){.code = BPF_JMP | BPF_JGE | BPF_K,
				     .k = t->ranges[t->last[first][last] + 1].from});
	emit_ranges(t, first, t->last[first][last]);
	t->full |= t->n_code - at - 1 > UINT8_MAX;
	t->code[at].jt = (uint8_t)(t->n_code - at - 1);
	emit_ranges(t, t->last[first][last] + 1u, last);
}

static void emit_all(struct tree *t, uint32_t audit, size_t foreign)
{
	emit(t, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	emit(t, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 1, 0));
	emit_leaf(t, foreign);
	emit(t, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	emit_ranges(t, 0, t->n - 1);
}

static size_t put_in_front(const struct tree *t, struct sock_filter *code, size_t n)
{
	if (t->full || t->n_code + n > SANDBOX_LENGTH_MAX)
		return 0;
	memmove(code + t->n_code, code, n * sizeof *code);
	memcpy(code, t->code, t->n_code * sizeof *code);
	for (size_t at = 0; at < t->n_code; at++)
		if (code[at].code == (BPF_JMP | BPF_JA))
			code[at].k += (uint32_t)(t->n_code - at - 1);
	return t->n_code + n;
}

size_t dispatch(struct sock_filter *code, size_t n, uint32_t audit)
{
	static struct tree t;

	memset(&t, 0, sizeof t);
	find_ranges(&t, code, audit);
	if (t.full)
		return 0;
	plan(&t);
	emit_all(&t, audit, leaf_of(code, ~audit, 0));
	return put_in_front(&t, code, n);
}
