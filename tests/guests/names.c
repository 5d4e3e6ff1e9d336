/* SPDX-License-Identifier: ISC */
/*
 * names.c: functions with names as OCaml's compiler makes them, Tcp.input below Main.entry: computes for a
 * while, and ends by an exception there.
 */
#include "guest.h"

#define WHILE_NS 300000000u

void input(void) __asm__("camlDune__exe__Tcp__input_307");
void entry(void) __asm__("camlDune__exe__Main__entry");

static volatile uint64_t sum;

__attribute__((noinline)) void input(void)
{
	const solo5_time_t until = solo5_clock_monotonic() + WHILE_NS;

	while (solo5_clock_monotonic() < until)
		for (unsigned i = 0; i < 1000; i++)
			sum += i;
	*(volatile uint8_t *)0x400000000 = 1;	/* nothing is mapped there */
}

__attribute__((noinline)) void entry(void)
{
	input();
	sum++;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	entry();
	return (int)sum;
}
