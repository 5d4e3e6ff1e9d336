/* SPDX-License-Identifier: ISC */
/* vmm_abi_aarch64.h: what vmm's ioctls have of their own on arm64; include vmm_abi.h instead. */
#ifndef HUSK_VMM_ABI_AARCH64_H
#define HUSK_VMM_ABI_AARCH64_H

#define VMM_RUN 0xc0207601u
#define VMM_UNMAP 0x80107612u
#define VMM_INJECT_EXCEPTION 0x80187653u

struct vmm_exception {
	int32_t cpu;
	uint64_t esr, far;		/* ESR_EL1 and FAR_EL1 */
};
VMM_ABI_SIZE(struct vmm_exception, 24);
VMM_ABI_AT(struct vmm_exception, far, 16);

/* FreeBSD sys/arm64/include/vmm.h, enum vm_reg_name. X0 to X29 are 0 to 29. */
enum vmm_register_number {
	VMM_REG_X0,
	VMM_REG_LR = 30,
	VMM_REG_SP,			/* SP_EL1 */
	VMM_REG_PC, VMM_REG_CPSR, VMM_REG_SCTLR, VMM_REG_TTBR0, VMM_REG_TTBR1, VMM_REG_TCR,
	VMM_REG_TCR2, VMM_REG_MPIDR, VMM_REG_LAST,
};

/* What struct vmm_exit calls the zero register, which is no register of the list. */
#define VMM_REG_ZERO 31

enum vmm_capability_number {
	VMM_CAP_HALT_EXIT, VMM_CAP_PAUSE_EXIT, VMM_CAP_UNRESTRICTED_GUEST, VMM_CAP_BRK_EXIT,
	VMM_CAP_SS_EXIT, VMM_CAP_MASK_HWINTR, VMM_CAP_MAX,
};

enum {
	VMM_SUSPEND_DESTROY = 4,
};

enum vmm_exit_code {
	VMM_EXIT_BOGUS = 0,		/* a host interrupt, a signal: run again */
	VMM_EXIT_INST_EMUL = 1,
	VMM_EXIT_REG_EMUL = 2,
	VMM_EXIT_HVC = 3,
	VMM_EXIT_SUSPENDED = 4,
	VMM_EXIT_HYP = 5,
	VMM_EXIT_WFI = 6,
	VMM_EXIT_PAGING = 7,
	VMM_EXIT_SMCCC = 8,
	VMM_EXIT_DEBUG = 9,		/* VMM_SUSPEND_CPU */
	VMM_EXIT_BRK = 10,
	VMM_EXIT_SS = 11,
};

#define VMM_ACCESS_SIZE 0x0fu		/* bytes */
#define VMM_ACCESS_SIGN_EXTEND 0x10u
#define VMM_ACCESS_WRITE 0x20u

struct vmm_exit {
	int32_t code;			/* enum vmm_exit_code */
	int32_t inst_length;		/* 4, also where no instruction is meant */
	uint64_t pc;			/* of the instruction; the next run starts behind it */
	union {
		struct {
			uint64_t gpa;
			uint64_t paging[5];
			uint8_t access;	/* VMM_ACCESS_* */
			int32_t reg;	/* VMM_REG_ZERO or a number of the list */
		} inst_emul;
		struct {
			uint32_t syndrome;
			uint8_t access;	/* bit 0: a write */
			int32_t reg;	/* VMM_REG_ZERO or a number of the list */
		} reg_emul;
		struct {
			uint32_t exception;
			uint64_t esr, far, hpfar;
		} hyp;
		struct {
			uint64_t function, args[7];
		} smccc;
		struct {
			int32_t how;	/* enum vmm_suspend */
		} suspended;
		uint64_t raw[8];
	};
};
VMM_ABI_SIZE(struct vmm_exit, 80);
VMM_ABI_AT(struct vmm_exit, inst_emul.access, 64);
VMM_ABI_AT(struct vmm_exit, inst_emul.reg, 68);
VMM_ABI_AT(struct vmm_exit, reg_emul.reg, 24);
VMM_ABI_AT(struct vmm_exit, hyp.hpfar, 40);
VMM_ABI_AT(struct vmm_exit, smccc.args, 24);

#endif
