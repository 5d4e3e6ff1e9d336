/* SPDX-License-Identifier: ISC */
/*
 * shorten.c: libseccomp loads words that are loaded already, and tests halves of arguments under a
 * mask of zeros. The kernel runs a new filter once for every call number, translates it, and runs it
 * at every call whose arguments are checked.
 */
#include "shorten.h"

#include <stdbool.h>
#include <stdint.h>

#include "sandbox_program.h"

#define JUMP (BPF_JMP | BPF_JA)
#define OFFSET_MAX 255u		/* of a conditional jump */

/* What the accumulator has before an instruction. */
struct known {
	enum { NEVER, NOTHING, WORD, VALUE } what;	/* NEVER: the instruction is not reached */
	uint32_t is;			/* the offset of the word in struct seccomp_data, or the value */
};

static bool is_load(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_LD;
}

static bool is_mask(const struct sock_filter *i)
{
	return i->code == (BPF_ALU | BPF_AND | BPF_K);
}

static bool is_test(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_JMP && i->code != JUMP;
}

/* Jumps lead forward only, and the last instruction is a return. */
static void meet(struct known *there, struct known k)
{
	if (there->what == NEVER)
		*there = k;
	else if (there->what != k.what || there->is != k.is)
		*there = (struct known){NOTHING, 0};
}

static struct known after(const struct sock_filter *i, struct known k)
{
	if (is_load(i))
		return (struct known){WORD, i->k};
	if (is_mask(i) && i->k == 0)
		return (struct known){VALUE, 0};
	return is_mask(i) ? (struct known){NOTHING, 0} : k;
}

static void jump(struct sock_filter *i, uint32_t over)
{
	*i = (struct sock_filter){.code = JUMP, .k = over};
}

/* A load of what is there already; a test for equality whose outcome is known. */
static void decide(struct sock_filter *code, size_t n, struct known *known)
{
	known[0].what = NOTHING;
	for (size_t at = 0; at < n; at++) {
		struct sock_filter *i = &code[at];
		const struct known k = known[at];

		if (k.what == NEVER || BPF_CLASS(i->code) == BPF_RET)
			continue;
		if (is_load(i) && k.what == WORD && k.is == i->k)
			jump(i, 0);
		if (k.what == VALUE && i->code == (BPF_JMP | BPF_JEQ | BPF_K))
			jump(i, k.is == i->k ? i->jt : i->jf);
		if (is_test(i)) {
			meet(&known[at + 1 + i->jt], k);
			meet(&known[at + 1 + i->jf], k);
		} else {
			meet(&known[at + 1 + (i->code == JUMP ? i->k : 0)], after(i, k));
		}
	}
}

/* What is loaded or masked and then tested by nobody. */
static void forget_unused(struct sock_filter *code, size_t n)
{
	bool used[SANDBOX_LENGTH_MAX + 1] = {false};

	for (size_t at = n; at-- > 0;) {
		struct sock_filter *i = &code[at];

		if ((is_load(i) || is_mask(i)) && !used[at + 1])
			jump(i, 0);
		if (i->code == JUMP)
			used[at] = used[at + 1 + i->k];
		else
			used[at] = is_test(i) || is_mask(i);
	}
}

/* Where control comes to in the end. */
static size_t follow(const struct sock_filter *code, size_t at)
{
	while (code[at].code == JUMP)
		at += 1 + code[at].k;
	return at;
}

static void lead_on(struct sock_filter *code, size_t at, uint8_t *offset)
{
	const size_t from = at + 1, to = follow(code, from + *offset);

	if (to - from <= OFFSET_MAX)
		*offset = (uint8_t)(to - from);
}

/* Jumps to jumps lead to where these do. */
static void straighten(struct sock_filter *code, size_t n)
{
	for (size_t at = 0; at < n; at++) {
		struct sock_filter *i = &code[at];

		if (i->code == JUMP)
			i->k = (uint32_t)(follow(code, at) - at - 1);
		if (is_test(i)) {
			lead_on(code, at, &i->jt);
			lead_on(code, at, &i->jf);
		}
	}
}

/* Leaves out what is not reached, and jumps over nothing. */
static size_t pack(struct sock_filter *code, size_t n, const struct known *known)
{
	size_t to[SANDBOX_LENGTH_MAX + 1], kept = 0;

	for (size_t at = 0; at < n; at++) {
		to[at] = kept;
		kept += known[at].what != NEVER && (code[at].code != JUMP || code[at].k != 0);
	}
	to[n] = kept;
	for (size_t at = 0; at < n; at++) {
		struct sock_filter i = code[at];
		const size_t next = to[at] + 1;

		if (to[at + 1] == to[at])
			continue;
		if (i.code == JUMP)
			i.k = (uint32_t)(to[at + 1 + i.k] - next);
		if (is_test(&i)) {
			i.jt = (uint8_t)(to[at + 1 + i.jt] - next);
			i.jf = (uint8_t)(to[at + 1 + i.jf] - next);
		}
		code[to[at]] = i;
	}
	return kept;
}

size_t shorten(struct sock_filter *code, size_t n)
{
	size_t before;

	do {
		struct known known[SANDBOX_LENGTH_MAX + 1] = {{NEVER, 0}};

		before = n;
		decide(code, n, known);
		forget_unused(code, n);
		straighten(code, n);
		n = pack(code, n, known);
	} while (n < before);
	return n;
}
