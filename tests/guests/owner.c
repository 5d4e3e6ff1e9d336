/* SPDX-License-Identifier: ISC */
/*
 * owner.c: makes one system call of a monitor that it owns, husk-owned.
 *
 * The command line has the number and up to six arguments: a number, or :TEXT for the address of the
 * text up to the next blank, in which ^ and two hexadecimal digits are a byte. A first word "thread"
 * asks for another thread than the guest's. Prints what the kernel returns.
 */
#include "../machine/owned/owned.h"
#include "guest.h"
#include "hypercall.h"

static char texts[OWNED_ARGS][256] __attribute__((aligned(16)));

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void take_text(const char **s, char *to)
{
	for (; **s != '\0' && **s != ' '; (*s)++) {
		if (**s == '^') {
			*to++ = (char)(digit((*s)[1]) << 4 | digit((*s)[2]));
			*s += 2;
		} else {
			*to++ = **s;
		}
	}
	*s += **s == ' ';
}

static uint64_t take_argument(const char **s, unsigned i, struct owned_call *c)
{
	if (**s != ':')
		return take_number(s);
	(*s)++;
	take_text(s, texts[i]);
	c->pointers |= 1u << i;
	return (uintptr_t)texts[i];
}

int solo5_app_main(const struct solo5_start_info *si)
{
	static volatile struct owned_call c;
	struct owned_call filled = {.nr = 0};
	const char *s = si->cmdline;

	filled.in_thread = take_word(&s, "thread");
	filled.nr = take_number(&s);
	for (unsigned i = 0; i < OWNED_ARGS && *s != '\0'; i++)
		filled.args[i] = take_argument(&s, i, &filled);
	c = filled;
	hypercall(OWNED_HYPERCALL, (uintptr_t)&c);
	say("returned ");
	if (c.result < 0)
		say("-");
	say_number((uint64_t)(c.result < 0 ? -c.result : c.result));
	say("\n");
	return succeed();
}
