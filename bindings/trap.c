/* SPDX-License-Identifier: ISC */
/* trap.c: where in the source an exception came from: the command that tells. */
#include "trap.h"

#include "bindings.h"
#include "image.h"

#define CALLERS_MAX 6			/* the nearest tell most */

static bool is_text(uint64_t address)
{
	return address > (uintptr_t)_stext && address < (uintptr_t)_etext;
}

/* x86_64 and aarch64 alike: a frame begins with the caller's, and then where that goes on. */
static const uint64_t *frame_at(uint64_t frame)
{
	return memory_is_data(frame, 16) && frame % 8 == 0 ? (const uint64_t *)frame : NULL;
}

/* A frame's caller lies above it: so this ends. */
static void print_callers(uint64_t frame)
{
	const uint64_t *f = frame_at(frame);

	for (unsigned i = 0; i < CALLERS_MAX && f != NULL && is_text(f[1]); i++) {
		/* Where it goes on may be another line than the call. */
		log_printf(LOG_INFO, " 0x%lx", f[1] - 1);
		f = f[0] > (uintptr_t)f ? frame_at(f[0]) : NULL;
	}
}

void trap_print_lines(uint64_t pc, uint64_t frame)
{
	log_printf(LOG_INFO, "Solo5: trap: lines of the source: addr2line -ipfe IMAGE 0x%lx", pc);
	print_callers(frame);
	log_printf(LOG_INFO, "\n");
}
