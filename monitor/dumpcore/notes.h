/* SPDX-License-Identifier: ISC */
/*
 * notes.h: what a core file says beside memory: registers, and why it was made.
 *
 * Layouts are those of Linux's core files for a program of the architecture, which debuggers read.
 */
#ifndef HUSK_DUMPCORE_NOTES_H
#define HUSK_DUMPCORE_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core.h"
#include "cpu.h"

/* What is known when a run has ended. */
struct remains {
	struct cpu_regs regs;
	struct cpu_fp fp;
	struct cpu_system system;
	bool has_fp, has_system;
	bool lost;		/* the registers are those of a reset: they are all 0 then */
	int signal;		/* as a program would have had it: SIGABRT, SIGSEGV, ... */
	int status;		/* of the guest's halt */
	char reason[400];	/* one line */
};

/* Enough for a name and figures of each hypercall and device. */
#define NOTES_MAX 65536u

/* Writes the notes to out, which has NOTES_MAX bytes; returns how many. */
size_t notes_write(const struct core *c, const struct remains *r, int pid, uint8_t *out);

/* Architecture: sizes in bytes and contents of NT_PRSTATUS's registers and of NT_FPREGSET. */
#define NOTES_FP_MAX 1024u
extern const size_t notes_registers_size;
extern const size_t notes_fp_size;
void notes_registers(const struct remains *r, uint64_t *out);
void notes_fp(const struct cpu_fp *fp, uint8_t *out);

#endif
