/* SPDX-License-Identifier: ISC */
/* spin.c: says READY and never ends by itself; the command line says how it passes the time. */
#include "guest.h"

static void compute(void)
{
	for (;;)
		__asm__ __volatile__("" ::: "memory");
}

static void sleep_for_ever(void)
{
	for (;;)
		solo5_yield(~UINT64_C(0), NULL);
}

static void ask_time(void)
{
	for (;;)
		(void)solo5_clock_wall();
}

static void talk(void)
{
	static char line[4096];

	memset(line, '.', sizeof line);
	for (;;)
		solo5_console_write(line, sizeof line);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	say("READY\n");
	if (same(si->cmdline, "compute"))
		compute();
	if (same(si->cmdline, "sleep"))
		sleep_for_ever();
	if (same(si->cmdline, "ask"))
		ask_time();
	if (same(si->cmdline, "talk"))
		talk();
	return 1;
}
