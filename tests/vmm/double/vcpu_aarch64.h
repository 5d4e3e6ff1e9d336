/* SPDX-License-Identifier: ISC */
/* vcpu_aarch64.h: what the stand-in keeps of an aarch64 vcpu; include vcpu.h instead. */
#ifndef HUSK_DOUBLE_VCPU_AARCH64_H
#define HUSK_DOUBLE_VCPU_AARCH64_H

struct cpu {
	bool at_exit;		/* m->exit is an instruction's: PC reads as its address */
};

struct machine;

/* registers of KVM by vmm's number; false if vmm has none of that number */
bool register_read(const struct machine *m, int number, uint64_t *value);
bool register_write(const struct machine *m, int number, uint64_t value);
/* The instruction at a guest's virtual address, or 0. */
uint32_t instruction_at(const struct machine *m, uint64_t address);

#endif
