/* SPDX-License-Identifier: ISC */
/* notes_x86_64.c: registers of a core file: Linux arch/x86/include/asm/user_64.h. */
#include <string.h>

#include "notes.h"

#define REGISTERS 27u

const size_t notes_registers_size = REGISTERS * sizeof(uint64_t);
const size_t notes_fp_size = 512;

void notes_registers(const struct remains *r, uint64_t *out)
{
	const struct cpu_regs *g = &r->regs;
	const struct cpu_system *s = &r->system;
	const uint64_t all[REGISTERS] = {
		g->r15, g->r14, g->r13, g->r12, g->rbp, g->rbx, g->r11, g->r10, g->r9, g->r8, g->rax,
		g->rcx, g->rdx, g->rsi, g->rdi, UINT64_MAX /* orig_rax: no system call */, g->rip,
		s->cs, g->rflags, g->rsp, s->ss, s->fs_base, s->gs_base, s->ds, s->es, s->fs, s->gs,
	};

	memcpy(out, all, sizeof all);
}

/* What FXSAVE stores: Intel SDM vol. 1, table 10-2. */
struct fxsave {
	uint16_t fcw, fsw, ftw, fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[16][16], unused[96];
};
_Static_assert(sizeof(struct fxsave) == 512, "NT_FPREGSET");

void notes_fp(const struct cpu_fp *fp, uint8_t *out)
{
	struct fxsave x = {
		.fcw = fp->fcw, .fsw = fp->fsw, .ftw = fp->ftw, .fop = fp->fop, .fip = fp->fip,
		.fdp = fp->fdp, .mxcsr = fp->mxcsr,
	};

	memcpy(x.st, fp->st, sizeof x.st);
	memcpy(x.xmm, fp->xmm, sizeof x.xmm);
	memcpy(out, &x, sizeof x);
}
