/* SPDX-License-Identifier: ISC */
/* hv_kvm_registers_x86_64.c: the registers of a vcpu under KVM on x86_64, read and written. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "hv_kvm.h"

static int get_regs(struct hv *hv, struct cpu_regs *regs, struct husk_error *e)
{
	struct kvm_regs r;

	if (KVM_IOCTL(hv->vcpu, KVM_GET_REGS, &r) == -1)
		return husk_fail_sys(e, errno, "KVM_GET_REGS");
	*regs = (struct cpu_regs){
		.rax = r.rax, .rbx = r.rbx, .rcx = r.rcx, .rdx = r.rdx, .rsi = r.rsi, .rdi = r.rdi,
		.rsp = r.rsp, .rbp = r.rbp, .r8 = r.r8, .r9 = r.r9, .r10 = r.r10, .r11 = r.r11,
		.r12 = r.r12, .r13 = r.r13, .r14 = r.r14, .r15 = r.r15, .rip = r.rip,
		.rflags = r.rflags,
	};
	return 0;
}

static int set_regs(struct hv *hv, const struct cpu_regs *regs, struct husk_error *e)
{
	const struct kvm_regs r = {
		.rax = regs->rax, .rbx = regs->rbx, .rcx = regs->rcx, .rdx = regs->rdx,
		.rsi = regs->rsi, .rdi = regs->rdi, .rsp = regs->rsp, .rbp = regs->rbp,
		.r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11,
		.r12 = regs->r12, .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15,
		.rip = regs->rip, .rflags = regs->rflags,
	};

	return KVM_IOCTL(hv->vcpu, KVM_SET_REGS, &r) == -1 ?
	       husk_fail_sys(e, errno, "KVM_SET_REGS") : 0;
}

/*
 * Intel SDM vol. 1, 10.5.1 and 13.4.1: the beginning of what XSAVE stores is what FXSAVE does.
 * KVM_GET_FPU, with the same but MXCSR, would not do.
 */
struct legacy_area {
	uint16_t fcw, fsw, ftw, fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[16][16];
	uint8_t rest[96];
	uint64_t in_use;	/* XSTATE_BV: 1 x87, 2 SSE; else they are as after a reset */
};
#define X87_AND_SSE 3u
_Static_assert(offsetof(struct legacy_area, in_use) == 512, "SDM vol. 1, table 10-2");

static int get_fp(struct hv *hv, struct cpu_fp *fp, struct husk_error *e)
{
	struct legacy_area a;
	struct kvm_xsave all;

	if (KVM_IOCTL(hv->vcpu, KVM_GET_XSAVE, &all) == -1)
		return husk_fail_sys(e, errno, "KVM_GET_XSAVE");
	memcpy(&a, &all, sizeof a);
	*fp = (struct cpu_fp){
		.fcw = a.fcw, .fsw = a.fsw, .ftw = (uint8_t)a.ftw, .fop = a.fop, .fip = a.fip,
		.fdp = a.fdp, .mxcsr = a.mxcsr,
	};
	memcpy(fp->st, a.st, sizeof fp->st);
	memcpy(fp->xmm, a.xmm, sizeof fp->xmm);
	return 0;
}

/* All else that XSAVE stores stays. */
static int set_fp(struct hv *hv, const struct cpu_fp *fp, struct husk_error *e)
{
	struct legacy_area a;
	struct kvm_xsave all;

	if (KVM_IOCTL(hv->vcpu, KVM_GET_XSAVE, &all) == -1)
		return husk_fail_sys(e, errno, "KVM_GET_XSAVE");
	memcpy(&a, &all, sizeof a);
	a.fcw = fp->fcw;
	a.fsw = fp->fsw;
	a.ftw = fp->ftw;
	a.fop = fp->fop;
	a.fip = fp->fip;
	a.fdp = fp->fdp;
	a.mxcsr = fp->mxcsr;
	memcpy(a.st, fp->st, sizeof a.st);
	memcpy(a.xmm, fp->xmm, sizeof a.xmm);
	a.in_use |= X87_AND_SSE;
	memcpy(&all, &a, sizeof a);
	return KVM_IOCTL(hv->vcpu, KVM_SET_XSAVE, &all) == -1 ?
	       husk_fail_sys(e, errno, "KVM_SET_XSAVE") : 0;
}

static int get_system(struct hv *hv, struct cpu_system *system, struct husk_error *e)
{
	struct kvm_sregs s;

	if (KVM_IOCTL(hv->vcpu, KVM_GET_SREGS, &s) == -1)
		return husk_fail_sys(e, errno, "KVM_GET_SREGS");
	*system = (struct cpu_system){
		.cs = s.cs.selector, .ss = s.ss.selector, .ds = s.ds.selector, .es = s.es.selector,
		.fs = s.fs.selector, .gs = s.gs.selector, .fs_base = s.fs.base,
		.gs_base = s.gs.base, .cr0 = s.cr0, .cr2 = s.cr2, .cr3 = s.cr3, .cr4 = s.cr4,
		.efer = s.efer,
	};
	return 0;
}

const struct hv_register_ops hv_kvm_registers = {
	get_regs, set_regs, get_fp, set_fp, get_system,
};
