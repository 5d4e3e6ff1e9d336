/* SPDX-License-Identifier: ISC */
/*
 * debug.c: a guest to be debugged: says where its parts are, waits until a debugger changes value,
 * and then does what the command line says. Its exit status is 7. With "leave" it waits for nobody, and
 * aborts with what is known in a vector register.
 */
#include "debug.h"
#include "odd.h"

volatile uint64_t rounds;
static volatile uint64_t lock;

void probe(void);

__attribute__((noinline)) void probe(void)
{
	__asm__ __volatile__("nop\n\tnop\n\tnop\n\tnop" ::: "memory");
	rounds++;
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

static void spin(void)
{
	while (value == 0)
		;
}

static void print(void)
{
	while (value == 0)
		say(".");
}

static void tell_registers(void)
{
	struct odd_taken t;

	odd_take(&t);
	say("general ");
	say_number(t.general);
	say(" vector ");
	say_number(t.vector);
	say(" carry ");
	say_number(t.carry);
	say("\n");
}

/* Before a debugger is done with us, and behind that. */
static void wait_as_told(const char *how)
{
	if (same(how, "spin"))
		spin();
	else if (same(how, "print"))
		print();
	else if (!same(how, "leave"))
		wait_for_value();
}

/* What is stepped over, written to and tried again. */
static void be_odd(void)
{
	odd_instructions();
	tell_registers();
	for (unsigned i = 0; i < 4; i++)
		(void)__atomic_fetch_add(&lock, 1, __ATOMIC_SEQ_CST);
}

static void end_as_told(const char *how)
{
	if (same(how, "leave"))
		odd_leave();
	if (same(how, "abort") || same(how, "leave"))
		solo5_abort();
	if (same(how, "trap"))
		__builtin_trap();
	if (same(how, "fault"))
		*(volatile uint8_t *)(uintptr_t)probe = 0;
	if (same(how, "exception"))
		odd_exception();
	if (same(how, "halt"))
		odd_halt();
	if (same(how, "other"))
		odd_trap();
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const uint64_t before = sum();

	say_address("probe", (const volatile void *)(uintptr_t)probe);
	say_address("value", &value);
	say_address("rounds", &rounds);
	say_address("exit", (const volatile void *)(uintptr_t)solo5_exit);
	say_address("steps", odd_steps);
	say_address("registers", odd_registers);
	say_address("break", odd_break);
	say_address("own", odd_own);
	say_address("other", odd_other);
	say("READY\n");
	wait_as_told(si->cmdline);
	for (unsigned i = 0; i < 3; i++)
		probe();
	if (same(si->cmdline, "odd"))
		be_odd();
	value = 2;
	say(sum() == before ? "text is the same\n" : "text has changed\n");
	say("rounds ");
	say_number(rounds);
	say(" lock ");
	say_number(lock);
	say("\n");
	end_as_told(si->cmdline);
	return 7;
}
