/* SPDX-License-Identifier: ISC */
/* vmm_abi_x86_64.h: what vmm's ioctls have of their own on amd64; include vmm_abi.h instead. */
#ifndef HUSK_VMM_ABI_X86_64_H
#define HUSK_VMM_ABI_X86_64_H

#define VMM_RUN 0x80207601u	/* 14 and later */
#define VMM_RUN_13 0xc0907601u	/* 13; taken by 14 and 15 too */
#define VMM_UNMAP 0x80107613u
#define VMM_SET_DESCRIPTOR 0x80187616u
#define VMM_GET_DESCRIPTOR 0xc0187617u
#define VMM_INJECT_EXCEPTION 0x8014761eu
#define VMM_RESTART_INSTRUCTION 0x80047627u	/* int32_t: vcpu */

/* FreeBSD sys/amd64/include/vmm.h, enum vm_reg_name. The order is not the encoding's. */
enum vmm_register_number {
	VMM_REG_RAX, VMM_REG_RBX, VMM_REG_RCX, VMM_REG_RDX, VMM_REG_RSI, VMM_REG_RDI, VMM_REG_RBP,
	VMM_REG_R8, VMM_REG_R9, VMM_REG_R10, VMM_REG_R11, VMM_REG_R12, VMM_REG_R13, VMM_REG_R14,
	VMM_REG_R15, VMM_REG_CR0, VMM_REG_CR3, VMM_REG_CR4, VMM_REG_DR7, VMM_REG_RSP, VMM_REG_RIP,
	VMM_REG_RFLAGS, VMM_REG_ES, VMM_REG_CS, VMM_REG_SS, VMM_REG_DS, VMM_REG_FS, VMM_REG_GS,
	VMM_REG_LDTR, VMM_REG_TR, VMM_REG_IDTR, VMM_REG_GDTR, VMM_REG_EFER, VMM_REG_CR2,
	VMM_REG_PDPTE0, VMM_REG_PDPTE1, VMM_REG_PDPTE2, VMM_REG_PDPTE3, VMM_REG_INTR_SHADOW,
	VMM_REG_DR0, VMM_REG_DR1, VMM_REG_DR2, VMM_REG_DR3, VMM_REG_DR6, VMM_REG_ENTRY_INST_LENGTH,
	VMM_REG_FS_BASE, VMM_REG_GS_BASE, VMM_REG_KGS_BASE, VMM_REG_TPR, VMM_REG_LAST,
};

enum vmm_capability_number {
	VMM_CAP_HALT_EXIT, VMM_CAP_MTRAP_EXIT, VMM_CAP_PAUSE_EXIT, VMM_CAP_UNRESTRICTED_GUEST,
	VMM_CAP_ENABLE_INVPCID, VMM_CAP_BPT_EXIT, VMM_CAP_RDPID, VMM_CAP_RDTSCP, VMM_CAP_IPI_EXIT,
	VMM_CAP_MASK_HWINTR, VMM_CAP_RFLAGS_TF, VMM_CAP_MAX,
};

enum {
	VMM_SUSPEND_TRIPLE_FAULT = 4,
	VMM_SUSPEND_DESTROY = 5,	/* 15 and later */
};

/* access: as in VMX, Intel SDM vol. 3C 25.4.1: type, S, DPL, P, AVL, L, D/B, G, unusable. */
struct vmm_descriptor {
	int32_t cpu, number;
	uint64_t base;
	uint32_t limit, access;
};
VMM_ABI_SIZE(struct vmm_descriptor, 24);

#define VMM_ACCESS_S (1u << 4)
#define VMM_ACCESS_P (1u << 7)
#define VMM_ACCESS_L (1u << 13)
#define VMM_ACCESS_DB (1u << 14)
#define VMM_ACCESS_G (1u << 15)
#define VMM_ACCESS_UNUSABLE (1u << 16)

struct vmm_exception {
	int32_t cpu, vector;
	uint32_t error_code;
	int32_t error_code_valid, restart;
};
VMM_ABI_SIZE(struct vmm_exception, 20);

enum vmm_exit_code {
	VMM_EXIT_INOUT = 0,
	VMM_EXIT_VMX = 1,
	VMM_EXIT_BOGUS = 2,		/* a signal, the end of a time slice: run again */
	VMM_EXIT_RDMSR = 3,
	VMM_EXIT_WRMSR = 4,
	VMM_EXIT_HLT = 5,
	VMM_EXIT_PAUSE = 7,
	VMM_EXIT_PAGING = 8,
	VMM_EXIT_INST_EMUL = 9,
	VMM_EXIT_RENDEZVOUS = 12,
	VMM_EXIT_SUSPENDED = 14,
	VMM_EXIT_INOUT_STR = 15,
	VMM_EXIT_SVM = 19,
	VMM_EXIT_REQIDLE = 20,		/* another thread wants the vcpu: run again */
	VMM_EXIT_DEBUG = 21,		/* VMM_SUSPEND_CPU */
	VMM_EXIT_BPT = 23,
	VMM_EXIT_DB = 25,
};

/* The bits above are left over from earlier exits. */
#define VMM_INOUT_BYTES 0x07u
#define VMM_INOUT_IN 0x08u
#define VMM_INOUT_STRING 0x10u
#define VMM_INOUT_REP 0x20u

#define VMM_VMX_ENTRY_FAILURE 0x80000021u	/* Intel SDM vol. 3D, appendix C, reason 33 */
#define VMM_VMX_TRIPLE_FAULT 2u
#define VMM_VMX_EPT_VIOLATION 48u
#define VMM_SVM_NESTED_PAGE_FAULT 0x400u	/* AMD APM vol. 2, appendix C */
#define VMM_SVM_INVALID UINT64_C(0xffffffffffffffff)	/* 32 bits of it on some processors */

struct vmm_exit {
	int32_t code;			/* enum vmm_exit_code */
	int32_t inst_length;
	uint64_t rip;			/* of the instruction; the next run starts behind it */
	union {
		struct {
			uint16_t flags, port;
			uint32_t eax;	/* also of an IN */
		} inout;
		struct {
			uint16_t flags, port;
			uint32_t eax;
			uint64_t paging[3], rflags, cr0, index;
			uint64_t count;	/* all of RCX if repeated, else 1 */
			int32_t address_bytes;
		} inout_str;
		struct {
			uint64_t gpa, gla, cs_base;
			int32_t cs_d;
			uint64_t paging[3];
			uint8_t inst[15], n_inst;
			uint8_t vie[40];
			uint8_t decoded, op[7];
		} inst_emul;
		struct {
			int32_t status;
			uint32_t reason;
			uint64_t qualification;
		} vmx;
		struct {
			uint64_t code, info1, info2;
		} svm;
		struct {
			uint32_t number;
			uint64_t value;	/* of a WRMSR */
		} msr;
		struct {
			int32_t how;	/* enum vmm_suspend */
		} suspended;
		uint64_t raw[15];
	};
};
VMM_ABI_SIZE(struct vmm_exit, 136);
VMM_ABI_AT(struct vmm_exit, inout.eax, 20);
VMM_ABI_AT(struct vmm_exit, inout_str.count, 72);
VMM_ABI_AT(struct vmm_exit, inst_emul.inst, 72);
VMM_ABI_AT(struct vmm_exit, inst_emul.decoded, 128);
VMM_ABI_AT(struct vmm_exit, vmx.qualification, 24);
VMM_ABI_AT(struct vmm_exit, svm.info2, 32);
VMM_ABI_AT(struct vmm_exit, msr.value, 24);

struct vmm_run_13 {
	int32_t cpu;
	struct vmm_exit exit;
};
VMM_ABI_SIZE(struct vmm_run_13, 144);

#endif
