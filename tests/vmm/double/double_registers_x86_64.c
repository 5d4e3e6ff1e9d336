/* SPDX-License-Identifier: ISC */
/* double_registers_x86_64.c: a vcpu's registers, held back until it is entered. */
#include "double.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EFER_SVME 0x1000u	/* AMD APM vol. 2, 3.1.7: read back, not the guest's */

struct descriptor *descriptor(struct machine *m, int number)
{
	return &m->cpu.descriptors[number - VMM_REG_ES];
}

static struct descriptor from_kvm(const struct kvm_segment *s)
{
	return (struct descriptor){
		.base = s->base, .limit = s->limit, .selector = s->selector,
		.access = s->type | (uint32_t)s->s << 4 | (uint32_t)s->dpl << 5 |
			  (uint32_t)s->present << 7 | (uint32_t)s->avl << 12 |
			  (uint32_t)s->l << 13 | (uint32_t)s->db << 14 | (uint32_t)s->g << 15 |
			  (s->unusable != 0 ? VMM_ACCESS_UNUSABLE : 0),
	};
}

void segments_of(struct kvm_sregs *s, struct kvm_segment *out[8])
{
	struct kvm_segment *const all[8] = {&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs,
					    &s->ldt, &s->tr};

	memcpy(out, all, sizeof all);
}

void know_regs(struct machine *m)
{
	if (!m->cpu.regs_known)
		(void)ioctl(m->vcpu, KVM_GET_REGS, &m->cpu.regs);
	m->cpu.regs_known = true;
}

void know_sregs(struct machine *m)
{
	struct cpu *c = &m->cpu;
	struct kvm_segment *segments[8];

	if (c->sregs_known)
		return;
	(void)ioctl(m->vcpu, KVM_GET_SREGS, &c->sregs);
	segments_of(&c->sregs, segments);
	for (int i = 0; i < 8; i++)
		c->descriptors[i] = from_kvm(segments[i]);
	descriptor(m, VMM_REG_GDTR)->base = c->sregs.gdt.base;
	descriptor(m, VMM_REG_GDTR)->limit = c->sregs.gdt.limit;
	descriptor(m, VMM_REG_IDTR)->base = c->sregs.idt.base;
	descriptor(m, VMM_REG_IDTR)->limit = c->sregs.idt.limit;
	c->sregs_known = true;
}

static __u64 *general(struct cpu *c, int number)
{
	struct kvm_regs *r = &c->regs;
	__u64 *const all[] = {&r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp, &r->r8,
			      &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15};

	switch (number) {
	case VMM_REG_RSP:
		return &r->rsp;
	case VMM_REG_RIP:
		return &r->rip;
	case VMM_REG_RFLAGS:
		return &r->rflags;
	}
	return number >= 0 && number <= VMM_REG_R15 ? all[number] : NULL;
}

static __u64 *control(struct cpu *c, int number)
{
	switch (number) {
	case VMM_REG_CR0:
		return &c->sregs.cr0;
	case VMM_REG_CR2:
		return &c->sregs.cr2;
	case VMM_REG_CR3:
		return &c->sregs.cr3;
	case VMM_REG_CR4:
		return &c->sregs.cr4;
	case VMM_REG_EFER:
		return &c->sregs.efer;
	}
	return NULL;
}

/* Registers that the stand-in only remembers. */
static uint64_t *remembered(struct cpu *c, int number)
{
	static uint64_t others;

	switch (number) {
	case VMM_REG_DR7:
		return &c->dr7;
	case VMM_REG_DR6:
		return &c->dr6;
	case VMM_REG_TPR:
		return &c->tpr;
	case VMM_REG_INTR_SHADOW:
	case VMM_REG_DR0:
	case VMM_REG_DR1:
	case VMM_REG_DR2:
	case VMM_REG_DR3:
	case VMM_REG_FS_BASE:
	case VMM_REG_GS_BASE:
	case VMM_REG_KGS_BASE:
		others = 0;
		return &others;
	}
	return NULL;
}

static bool is_selector(int number)
{
	return number >= VMM_REG_ES && number <= VMM_REG_TR;
}

int cpu_get(struct machine *m, int number, uint64_t *value)
{
	struct cpu *c = &m->cpu;

	know_regs(m);
	know_sregs(m);
	if (number == VMM_REG_RIP && c->at_exit)
		*value = m->exit.rip;
	else if (general(c, number) != NULL)
		*value = *general(c, number);
	else if (control(c, number) != NULL)
		*value = *control(c, number);
	else if (remembered(c, number) != NULL)
		*value = *remembered(c, number);
	else if (is_selector(number))
		*value = descriptor(m, number)->selector;
	else
		return EINVAL;
	if (number == VMM_REG_EFER && double_personality()->amd)
		*value |= EFER_SVME;
	return 0;
}

static void set_general(struct machine *m, int number, uint64_t value)
{
	struct cpu *c = &m->cpu;

	*general(c, number) = value;
	c->regs_set = true;
	if (number != VMM_REG_RIP)
		return;
	c->at_exit = c->shut_down = c->stuck = false;
	/* Who sets it again and again writes what it has read, and repeats the instruction. */
	if (c->ran && getenv("HUSK_VMM_RIP_ONCE") != NULL)
		abort();
}

int cpu_set(struct machine *m, int number, uint64_t value)
{
	struct cpu *c = &m->cpu;

	know_regs(m);
	know_sregs(m);
	if (general(c, number) != NULL) {
		set_general(m, number, value);
		return 0;
	}
	c->sregs_set = true;
	if (control(c, number) != NULL)
		*control(c, number) = value;
	else if (remembered(c, number) != NULL)
		*remembered(c, number) = value;
	else if (is_selector(number))
		descriptor(m, number)->selector = (uint16_t)value;
	else
		return EINVAL;
	return 0;
}

static int descriptor_ioctl(struct machine *m, unsigned long code, struct vmm_descriptor *d)
{
	struct descriptor *mine;

	if (d->number < VMM_REG_ES || d->number > VMM_REG_GDTR)
		return EINVAL;
	know_regs(m);
	know_sregs(m);
	mine = descriptor(m, d->number);
	if (code == VMM_GET_DESCRIPTOR) {
		d->base = mine->base;
		d->limit = mine->limit;
		d->access = mine->access;
		return 0;
	}
	mine->base = d->base;
	mine->limit = d->limit;
	mine->access = d->access;
	m->cpu.sregs_set = true;
	return 0;
}

static int restart_instruction(struct machine *m)
{
	know_regs(m);
	if (m->cpu.at_exit)
		m->cpu.regs.rip = m->exit.rip;
	m->cpu.at_exit = false;
	m->cpu.regs_set = true;
	return 0;
}

/* Vectors that push an error code, Intel SDM vol. 3A 6.15. */
static int inject(struct machine *m, const struct vmm_exception *x)
{
	struct kvm_vcpu_events events;

	if (x->vector < 0 || x->vector >= 32 || x->vector == 8)
		return EINVAL;
	if (ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &events) == -1)
		return EIO;
	if (events.exception.injected || events.exception.pending)
		return EBUSY;
	if (x->restart != 0)
		(void)restart_instruction(m);
	events.exception.injected = 1;
	events.exception.nr = (uint8_t)x->vector;
	events.exception.has_error_code = x->error_code_valid != 0;
	events.exception.error_code = x->error_code;
	return ioctl(m->vcpu, KVM_SET_VCPU_EVENTS, &events) == -1 ? EIO : 0;
}

static int run_13(struct machine *m, struct vmm_run_13 *r, const sigset_t *mask)
{
	int error = vcpu_run(m, mask);

	if (error == 0)
		r->exit = m->exit;
	return error;
}

bool cpu_knows(unsigned long code)
{
	switch (code) {
	case VMM_ALLOC_SEGMENT:
	case VMM_GET_SEGMENT:
		return double_personality()->release >= 15;
	case VMM_RUN:
		return double_personality()->release >= 14;
	case VMM_ALLOC_SEGMENT_13:
	case VMM_GET_SEGMENT_13:
	case VMM_RUN_13:
	case VMM_SET_DESCRIPTOR:
	case VMM_GET_DESCRIPTOR:
	case VMM_RESTART_INSTRUCTION:
	case VMM_INJECT_EXCEPTION:
		return true;
	}
	return false;
}

int cpu_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask)
{
	switch (code) {
	case VMM_RUN_13:
		return run_13(m, arg, mask);
	case VMM_SET_DESCRIPTOR:
	case VMM_GET_DESCRIPTOR:
		return descriptor_ioctl(m, code, arg);
	case VMM_RESTART_INSTRUCTION:
		return restart_instruction(m);
	case VMM_INJECT_EXCEPTION:
		return inject(m, arg);
	}
	return ENOTTY;
}
