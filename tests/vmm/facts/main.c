/* SPDX-License-Identifier: ISC */
/* main.c: all probes in their order. */
#include "facts.h"

void facts_main(void);

void facts_main(void)
{
	probe_control();
	probe_memory();
	probe_vcpu();
	full_machine("g");
	probe_exits();
	probe_kicks();
	probe_life();
	probe_taps();
	probe_disks();
}
