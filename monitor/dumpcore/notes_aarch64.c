/* SPDX-License-Identifier: ISC */
/* notes_aarch64.c: registers of a core file: Linux arch/arm64/include/uapi/asm/ptrace.h. */
#include <string.h>

#include "notes.h"

#define REGISTERS 34u		/* x0 to x30, sp, pc, pstate: as struct cpu_regs has them */
_Static_assert(sizeof(struct cpu_regs) == REGISTERS * sizeof(uint64_t), "struct user_pt_regs");

const size_t notes_registers_size = REGISTERS * sizeof(uint64_t);
const size_t notes_fp_size = 528;

void notes_registers(const struct remains *r, uint64_t *out)
{
	memcpy(out, &r->regs, sizeof r->regs);
}

void notes_fp(const struct cpu_fp *fp, uint8_t *out)
{
	memset(out, 0, notes_fp_size);
	memcpy(out, fp->v, sizeof fp->v);
	memcpy(out + sizeof fp->v, &fp->fpsr, sizeof fp->fpsr);
	memcpy(out + sizeof fp->v + sizeof fp->fpsr, &fp->fpcr, sizeof fp->fpcr);
}
