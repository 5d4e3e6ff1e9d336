/* SPDX-License-Identifier: ISC */
/* detour_x86_64.c: every instruction can be stepped over. */
#include "detour.h"

unsigned gdb_sequence(const struct gdb_breaks *b, uint64_t ip, uint64_t ends[GDB_DETOUR_MAX])
{
	(void)b, (void)ip, (void)ends;
	return 0;
}
