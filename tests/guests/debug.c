/* SPDX-License-Identifier: ISC */
/*
 * debug.c: a guest to be debugged: says where its parts are, waits until a debugger changes value,
 * and then does what the command line says. Its exit status is 7.
 */
#include "guest.h"

#define TICK_NS 1000000u

volatile uint64_t value __attribute__((aligned(16))), rounds;
static volatile uint64_t lock;

void probe(void);

__attribute__((noinline)) void probe(void)
{
	__asm__ __volatile__("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
	rounds++;
}

static void say_address(const char *name, const volatile void *what)
{
	uint64_t n = (uintptr_t)what;
	char digits[17];
	size_t at = 16;

	digits[16] = '\0';
	do
		digits[--at] = "0123456789abcdef"[n & 15];
	while ((n >>= 4) != 0);
	say(name);
	say("=");
	say(digits + at);
	say("\n");
}

/* Whether the text of probe is what it was. */
static uint64_t sum(void)
{
	const volatile uint8_t *text = (const volatile uint8_t *)(uintptr_t)probe;
	uint64_t n = 0;

	for (unsigned i = 0; i < 16; i++)
		n = n * 31 + text[i];
	return n;
}

static void wait_for_value(void)
{
	while (value == 0)
		solo5_yield(solo5_clock_monotonic() + TICK_NS, NULL);
}

static void spin(void)
{
	while (value == 0)
		;
}

/* Takes the lock by load-exclusive and store-exclusive, where the processor has these. */
static void atomic(void)
{
	for (unsigned i = 0; i < 4; i++)
		(void)__atomic_fetch_add(&lock, 1, __ATOMIC_SEQ_CST);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const uint64_t before = sum();

	say_address("probe", (const volatile void *)(uintptr_t)probe);
	say_address("value", &value);
	say_address("rounds", &rounds);
	say("READY\n");
	if (same(si->cmdline, "spin"))
		spin();
	else
		wait_for_value();
	for (unsigned i = 0; i < 3; i++)
		probe();
	if (same(si->cmdline, "atomic"))
		atomic();
	value = 2;
	say(sum() == before ? "text is the same\n" : "text has changed\n");
	say("rounds ");
	say_number(rounds);
	say(" lock ");
	say_number(lock);
	say("\n");
	if (same(si->cmdline, "abort"))
		solo5_abort();
	if (same(si->cmdline, "trap"))
		__builtin_trap();
	if (same(si->cmdline, "fault"))
		*(volatile uint8_t *)(uintptr_t)probe = 0;
	return 7;
}
