/* SPDX-License-Identifier: ISC */
/* double_vcpu_aarch64.c: a vcpu's registers: those that vmm knows, no others. */
#include "double.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Linux arch/arm64/include/uapi/asm/kvm.h; encodings: Arm ARM DDI 0487, by name. */
#define CORE_REG(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(field))
#define SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define CPACR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 2)
#define TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define TTBR1_EL1 ARM64_SYS_REG(3, 0, 2, 0, 1)
#define TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define MAIR_EL1 ARM64_SYS_REG(3, 0, 10, 2, 0)
#define VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)

#define CPSR_NEW 0x3c5u		/* EL1h, exceptions masked */
#define SCTLR_NEW 0x30d00820u	/* seen on FreeBSD 15.0 */
#define MPIDR_NEW 0x80000000u
#define SCTLR_M 1u
#define IPA_BITS 39
#define NAME_LIMIT 229	/* 15.0 refused one of that length; amd64 did not */
#define WFI 0xd503207fu
#define FREQUENCY "kern.timecounter.tc.ARM MPCore Timecounter.frequency"

const int cpu_reqidle_exit = VMM_EXIT_BOGUS;
const unsigned cpu_bogus_rate = 3;
const unsigned cpu_slice = 1;
const int cpu_suspends_max = VMM_SUSPEND_DESTROY;

/* Linux virt/kvm/devices/vm.rst 5.1: newer than the headers of some systems. */
#define SMCCC_CTRL 0
#define SMCCC_FILTER 0
#define SMCCC_FORWARD 2
struct smccc_filter {
	uint32_t base, functions;
	uint8_t action, pad[15];
};

static uint64_t id_of(int number)
{
	switch (number) {
	case VMM_REG_SP:
		return CORE_REG(sp_el1);
	case VMM_REG_PC:
		return CORE_REG(regs.pc);
	case VMM_REG_CPSR:
		return CORE_REG(regs.pstate);
	case VMM_REG_SCTLR:
		return SCTLR_EL1;
	case VMM_REG_TTBR0:
		return TTBR0_EL1;
	case VMM_REG_TTBR1:
		return TTBR1_EL1;
	case VMM_REG_TCR:
		return TCR_EL1;
	}
	if (number < 0 || number > VMM_REG_LR)
		return 0;
	return CORE_REG(regs.regs[0]) + 2 * (uint64_t)number;
}

static bool one_reg(const struct machine *m, unsigned long call, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return id != 0 && ioctl(m->vcpu, call, &reg) == 0;
}

bool register_read(const struct machine *m, int number, uint64_t *value)
{
	return one_reg(m, KVM_GET_ONE_REG, id_of(number), value);
}

bool register_write(const struct machine *m, int number, uint64_t value)
{
	return one_reg(m, KVM_SET_ONE_REG, id_of(number), &value);
}

/* ---- creation ---- */

/* HVC #0 is user space's but for the architecture's own calls, which KVM keeps. */
static void forward_hvc(struct machine *m)
{
	static const struct smccc_filter filters[] = {
		{0, 0x80000000u, SMCCC_FORWARD, {0}},
		{0x84000000u, 0x20, SMCCC_FORWARD, {0}},	/* PSCI */
		{0xc4000000u, 0x20, SMCCC_FORWARD, {0}},
	};

	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		struct kvm_device_attr attr = {
			.group = SMCCC_CTRL, .attr = SMCCC_FILTER,
			.addr = (uintptr_t)&filters[i],
		};

		(void)ioctl(m->vm, KVM_SET_DEVICE_ATTR, &attr);
	}
}

static int init(struct machine *m)
{
	struct kvm_vcpu_init target;

	if (ioctl(m->vm, KVM_ARM_PREFERRED_TARGET, &target) == -1)
		return -1;
	return ioctl(m->vcpu, KVM_ARM_VCPU_INIT, &target);
}

int cpu_create(struct machine *m)
{
	struct kvm_enable_cap nisv = {.cap = KVM_CAP_ARM_NISV_TO_USER};

	(void)ioctl(m->vm, KVM_ENABLE_CAP, &nisv);
	forward_hvc(m);
	return init(m);
}

/* What vmm zeroes, KVM may leave with the values of a processor's reset. */
void cpu_reset(struct machine *m)
{
	static const uint64_t zeroed[] = {CPACR_EL1, MAIR_EL1, VBAR_EL1, TTBR0_EL1, TTBR1_EL1,
					  TCR_EL1};
	uint64_t zero = 0;

	(void)init(m);
	for (size_t i = 0; i < sizeof zeroed / sizeof zeroed[0]; i++)
		(void)one_reg(m, KVM_SET_ONE_REG, zeroed[i], &zero);
	for (int n = VMM_REG_X0; n <= VMM_REG_PC; n++)
		(void)register_write(m, n, 0);
	(void)register_write(m, VMM_REG_CPSR, CPSR_NEW);
	(void)register_write(m, VMM_REG_SCTLR, SCTLR_NEW);
	m->cpu.at_exit = false;
}

bool cpu_name_ok(const char *name)
{
	return strlen(name) < NAME_LIMIT;
}

bool cpu_gpa_ok(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint64_t top = UINT64_C(1) << IPA_BITS;

	(void)m;
	return gpa < top && len <= top - gpa;
}

int cpu_frequency(const char *name, uint64_t *hz)
{
	if (strcmp(name, FREQUENCY) != 0)
		return ENOENT;
	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(*hz));
	return 0;
}

int cpu_number(const char *name, int *number)
{
	(void)name, (void)number;
	return ENOENT;
}

/* ---- ioctls ---- */

int cpu_get(struct machine *m, int number, uint64_t *value)
{
	if (number == VMM_REG_PC && m->cpu.at_exit)
		*value = m->exit.pc;
	else if (number == VMM_REG_MPIDR)
		*value = MPIDR_NEW;
	else if (number == VMM_REG_TCR2)
		*value = 0;
	else if (!register_read(m, number, value))
		return EINVAL;
	return 0;
}

int cpu_set(struct machine *m, int number, uint64_t value)
{
	if (number == VMM_REG_MPIDR || number == VMM_REG_TCR2)
		return 0;
	if (!register_write(m, number, value))
		return EINVAL;
	if (number == VMM_REG_PC)
		m->cpu.at_exit = false;
	return 0;
}

bool cpu_knows(unsigned long code)
{
	return code == VMM_ALLOC_SEGMENT || code == VMM_GET_SEGMENT || code == VMM_RUN;
}

int cpu_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask)
{
	(void)m, (void)code, (void)arg, (void)mask;
	return ENOTTY;
}

/* 15.0 fills a capability's value and says ENOENT all the same. */
int cpu_capability_get(const struct machine *m, int type, int *value)
{
	if (type == VMM_CAP_UNRESTRICTED_GUEST) {
		*value = 1;
		return 0;
	}
	(void)m;
	return ENOENT;
}

int cpu_capability_set(struct machine *m, int type, int value)
{
	if (type != VMM_CAP_BRK_EXIT && type != VMM_CAP_SS_EXIT && type != VMM_CAP_MASK_HWINTR)
		return ENOENT;
	m->capabilities[type] = value;
	return 0;
}

/* ---- entry ---- */

int cpu_entry(struct machine *m, const sigset_t *mask)
{
	(void)mask;
	m->cpu.at_exit = false;
	return CPU_AGAIN;
}

/* Stage 2 of vmm resolves a fault for all rights at once, so less than all of them is none. */
int cpu_view_prot(int prot)
{
	return prot == (VMM_PROT_R | VMM_PROT_W | VMM_PROT_X) ? PROT_READ | PROT_WRITE : PROT_NONE;
}

void cpu_event(struct machine *m, int code)
{
	m->exit.code = code;
	m->exit.inst_length = 4;
	(void)register_read(m, VMM_REG_PC, &m->exit.pc);
	m->cpu.at_exit = false;
}

/* Arm ARM DDI 0487, D8.2: granules of 4 KiB, which is all that guests of tests use. */
static bool translate(const struct machine *m, uint64_t va, uint64_t *gpa)
{
	uint64_t sctlr = 0, tcr = 0, table = 0, entry;
	unsigned bits, level;

	*gpa = va;
	(void)register_read(m, VMM_REG_SCTLR, &sctlr);
	if ((sctlr & SCTLR_M) == 0)
		return true;
	(void)register_read(m, VMM_REG_TCR, &tcr);
	(void)register_read(m, VMM_REG_TTBR0, &table);
	bits = 64 - (tcr & 63);
	for (level = 4 - (bits - 12 + 8) / 9; level <= 3; level++) {
		unsigned shift = 12 + 9 * (3 - level);
		uint64_t base = table & UINT64_C(0xfffffffff000);

		if (!ram_copy(m, base + (va >> shift & 511) * 8, &entry, 8) || (entry & 1) == 0)
			return false;
		table = entry;
		if (level == 3 || (entry & 2) == 0) {
			uint64_t inside = (UINT64_C(1) << shift) - 1;

			*gpa = (entry & UINT64_C(0xfffffffff000) & ~inside) | (va & inside);
			return true;
		}
	}
	return false;
}

uint32_t instruction_at(const struct machine *m, uint64_t address)
{
	uint32_t instruction;
	uint64_t gpa;

	if (!translate(m, address, &gpa) || !ram_copy(m, gpa, &instruction, 4))
		return 0;
	return instruction;
}

/* KVM is behind a WFI that it was interrupted in. */
bool cpu_sleeps(struct machine *m)
{
	uint64_t pc = 0;

	(void)register_read(m, VMM_REG_PC, &pc);
	return instruction_at(m, pc - 4) == WFI;
}
