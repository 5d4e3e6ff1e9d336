/* SPDX-License-Identifier: ISC */
/* vcpu_x86_64.h: shadow registers of an x86_64 vcpu of the stand-in; include vcpu.h instead. */
#ifndef HUSK_DOUBLE_VCPU_X86_64_H
#define HUSK_DOUBLE_VCPU_X86_64_H

#define DESCRIPTORS (VMM_REG_GDTR - VMM_REG_ES + 1)

struct descriptor {
	uint64_t base;
	uint32_t limit, access;
	uint16_t selector;
};

struct cpu {
	/* Read from KVM when asked for, written to it before the next entry. */
	bool regs_known, regs_set, sregs_known, sregs_set;
	struct kvm_regs regs;
	struct kvm_sregs sregs;		/* control registers alone */
	struct descriptor descriptors[DESCRIPTORS];	/* from VMM_REG_ES on */
	uint64_t dr7, dr6, tpr;
	bool at_exit;		/* m->exit is an instruction's: RIP reads as its address */
	bool shut_down;		/* after a triple fault */
	bool stuck;		/* at a store that cannot be repeated: EFAULT for ever */
	bool ran;		/* once at least */
};

struct machine;

/* double_decode_x86_64.c: the length of the instruction at code, at most n bytes; 0 if not known. */
unsigned instruction_length(const uint8_t *code, unsigned n);

/* Whether that instruction, of which the length is known, stores to memory. */
bool instruction_stores(const uint8_t *code);

/* double_registers_x86_64.c: what the shadow holds, read from KVM if it is not known. */
void know_regs(struct machine *m);
void know_sregs(struct machine *m);
struct descriptor *descriptor(struct machine *m, int number);
/* KVM's names for vmm's segment registers, in vmm's order from VMM_REG_ES on. */
void segments_of(struct kvm_sregs *s, struct kvm_segment *out[8]);

/* double_entry_x86_64.c: whether the processor would take this state. */
bool entry_ok(const struct machine *m);

#endif
