/* SPDX-License-Identifier: ISC */
/* hv_vmm_aarch64.c: registers, counter and exits of a vcpu under FreeBSD's vmm on aarch64. */
#include "hv_vmm.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FREQUENCY "kern.timecounter.tc.ARM MPCore Timecounter.frequency"
#define CODE_PAGE 0x1000u
#define CACHE_LINE_MIN 16u		/* Arm ARM DDI 0487, CTR_EL0.DminLine: in words, as a power of 2 */
#define INSTRUCTION 4u

/* ESR_ELx: Arm ARM DDI 0487 D23.2.37. */
#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define CLASS_WFX 0x01u
#define CLASS_SMC 0x17u
#define ESR_UNDEFINED (1u << 25)	/* class 0, a 32-bit instruction */

#define NO_SUCH_CALL (~UINT64_C(0))	/* SMC Calling Convention DEN0028 5.2: -1 */

const uint64_t hv_vmm_own_page = 0;
const bool hv_vmm_protects_guest = false;
const bool hv_vmm_kick_signal = true;
const int hv_vmm_ip_register = VMM_REG_PC;

/* ---- entry ---- */

int hv_vmm_vcpu_init(struct hv *hv, struct husk_error *e)
{
	(void)hv, (void)e;
	return 0;
}

/* A vcpu starts with its caches off, and sees nothing that is only in the host's. */
static void clean_code(const struct hv *hv, uint64_t pc)
{
	const uint8_t *page = hv->ram.base + (pc & ~(uint64_t)(CODE_PAGE - 1));

	for (size_t i = 0; i < CODE_PAGE; i += CACHE_LINE_MIN)
		__asm__ __volatile__("dc cvac, %0" :: "r"(page + i) : "memory");
	__asm__ __volatile__("dsb ish" ::: "memory");
}

int hv_vmm_set_entry(struct hv *hv, const struct cpu_state *s, struct husk_error *e)
{
	const struct hv_vmm_value values[] = {
		{"CPSR", VMM_REG_CPSR, s->pstate}, {"SP", VMM_REG_SP, s->sp},
		{"X0", VMM_REG_X0, s->x0}, {"PC", VMM_REG_PC, s->pc},
	};

	if (hv_vmm_set_values(hv, values, sizeof values / sizeof values[0], e) == -1)
		return -1;
	clean_code(hv, s->pc);
	hv->ip = hv->next_ip = s->pc;
	return 0;
}

/* ---- registers ---- */

/* In the order of struct cpu_regs, but PC last. */
static const int32_t numbers[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
	26, 27, 28, 29, VMM_REG_LR, VMM_REG_SP, VMM_REG_CPSR, VMM_REG_PC,
};
#define N_NUMBERS (sizeof numbers / sizeof numbers[0])
#define N_X (VMM_REG_LR + 1)

/* After an instruction's exit vmm tells its address, and goes on behind it all the same. */
static int get_regs(struct hv *hv, struct cpu_regs *r, struct husk_error *e)
{
	uint64_t v[N_NUMBERS];
	struct vmm_registers call = {.count = N_NUMBERS, .numbers = numbers, .values = v};

	if (VMM_IOCTL(hv->vm, VMM_GET_REGISTERS, &call) == -1)
		return husk_fail_sys(e, errno, "VM_GET_REGISTER_SET");
	memcpy(r->x, v, sizeof r->x);
	r->sp = v[N_X];
	r->pstate = v[N_X + 1];
	r->pc = hv->next_ip;
	return 0;
}

/* PC is written only if it changes. */
static int set_regs(struct hv *hv, const struct cpu_regs *r, struct husk_error *e)
{
	uint64_t v[N_NUMBERS];
	bool same = r->pc == hv->next_ip;
	struct vmm_registers call = {.count = N_NUMBERS - same, .numbers = numbers, .values = v};

	memcpy(v, r->x, sizeof r->x);
	v[N_X] = r->sp;
	v[N_X + 1] = r->pstate;
	v[N_X + 2] = r->pc;
	if (VMM_IOCTL(hv->vm, VMM_SET_REGISTERS, &call) == -1)
		return husk_fail_sys(e, errno, "VM_SET_REGISTER_SET");
	hv->ip = hv->next_ip = r->pc;
	return 0;
}

const struct hv_register_ops hv_vmm_registers = {.get = get_regs, .set = set_regs};
const unsigned long hv_vmm_own_codes[] = {0};

/* ---- exits ---- */

int hv_vmm_run(struct hv *hv)
{
	struct vmm_run run = {.exit = &hv->exit};

	return VMM_IOCTL(hv->vm, VMM_RUN, &run);
}

unsigned long hv_vmm_run_code(const struct hv *hv)
{
	(void)hv;
	return VMM_RUN;
}

uint64_t hv_vmm_exit_ip(const struct hv *hv)
{
	return hv->exit.pc;
}

static enum hv_vmm_next error_exit(struct hv_exit *exit, const char *what, uint64_t code,
				   const char *hint)
{
	*exit = (struct hv_exit){.kind = HV_EXIT_ERROR, .error = {what, code, hint}};
	return HV_VMM_EXIT;
}

/* The instruction of the exit, where addresses are those of memory; else 0, which is none. */
static uint32_t instruction(const struct hv *hv)
{
	const uint64_t pc = hv->exit.pc;
	uint32_t word;

	if (pc % INSTRUCTION != 0 || pc >= hv->ram_size)
		return 0;
	memcpy(&word, hv->ram.base + pc, sizeof word);
	return word;
}

/* Arm ARM DDI 0487 C4.1.94: a byte of one register, and no change of the base. */
static bool moves_a_byte(uint32_t word)
{
	switch (word >> 24) {
	case 0x39:			/* an unsigned offset */
		return true;
	case 0x38:
		return (word & 0xc00) == 0x800 ||	/* a register as offset, unprivileged */
		       (word & 0x200c00) == 0;		/* unscaled */
	case 0x08:			/* with acquire or release */
		return (word & 0xa00000) == 0x800000;
	}
	return false;
}

/*
 * vmm does not say whether the processor has described the access to it. Where it has not, as with
 * pairs and write-back, a byte from or to X0 is what comes out.
 */
static bool described(const struct hv *hv)
{
	const uint8_t access = hv->exit.inst_emul.access;

	return hv->exit.inst_emul.reg != VMM_REG_X0 || (access & ~VMM_ACCESS_WRITE) != 1 ||
	       moves_a_byte(instruction(hv));
}

/* What is stored lies in a register. */
static enum hv_vmm_next mmio_exit(struct hv *hv, struct hv_exit *exit)
{
	const uint8_t access = hv->exit.inst_emul.access;
	const int reg = hv->exit.inst_emul.reg;
	uint8_t width = described(hv) ? access & VMM_ACCESS_SIZE : 0;
	bool write = (access & VMM_ACCESS_WRITE) != 0;

	hv->next_ip = hv->exit.pc + INSTRUCTION;
	memset(hv->data, 0, sizeof hv->data);
	if (write && reg != VMM_REG_ZERO && hv_vmm_get(hv, reg, &hv->data[0]) == -1)
		return error_exit(exit, "the register of a store: errno", (uint64_t)errno, NULL);
	hv->access = (struct hv_vmm_access){
		.pending = !write, .reg = reg, .width = width,
		.sign_extend = (access & VMM_ACCESS_SIGN_EXTEND) != 0,
	};
	*exit = (struct hv_exit){.kind = HV_EXIT_MMIO, .io = {
		.addr = hv->exit.inst_emul.gpa, .count = 1, .width = width, .write = write,
		.data = hv->data,
	}};
	return HV_VMM_EXIT;
}

int hv_vmm_complete_read(struct hv *hv, struct husk_error *e)
{
	unsigned unused = 64u - 8u * hv->access.width;
	uint64_t value = hv->data[0];

	if (hv->access.reg == VMM_REG_ZERO || hv->access.width == 0 || hv->access.width > 8)
		return 0;
	value <<= unused;
	value = hv->access.sign_extend ? (uint64_t)((int64_t)value >> unused) : value >> unused;
	return hv_vmm_set(hv, hv->access.reg, value) == -1 ?
	       husk_fail_sys(e, errno, "VM_SET_REGISTER: X%d", hv->access.reg) : 0;
}

static bool go_on_at(struct hv *hv, uint64_t pc)
{
	hv->ip = hv->next_ip = pc;
	return hv_vmm_set(hv, VMM_REG_PC, pc) == 0;
}

/* A guest's calls to firmware: there is none. */
static bool refuse_call(struct hv *hv)
{
	return hv_vmm_set(hv, VMM_REG_X0, NO_SUCH_CALL) == 0;
}

/* A system register that vmm does not know is undefined, which is the guest's own to handle. */
static enum hv_vmm_next refuse_register(struct hv *hv, struct hv_exit *exit)
{
	struct vmm_exception undefined = {.esr = ESR_UNDEFINED};

	if (go_on_at(hv, hv->exit.pc) && VMM_IOCTL(hv->vm, VMM_INJECT_EXCEPTION, &undefined) == 0)
		return HV_VMM_AGAIN;
	return error_exit(exit, "unknown system register: syndrome", hv->exit.reg_emul.syndrome, NULL);
}

/* An instruction that came here of itself; vmm is still at it. */
static enum hv_vmm_next hyp_exit(struct hv *hv, struct hv_exit *exit)
{
	const uint64_t esr = hv->exit.hyp.esr;

	switch (ESR_CLASS(esr)) {
	case CLASS_WFX:
		if (go_on_at(hv, hv->exit.pc + INSTRUCTION))
			return HV_VMM_AGAIN;
		break;
	case CLASS_SMC:
		if (refuse_call(hv) && go_on_at(hv, hv->exit.pc + INSTRUCTION))
			return HV_VMM_AGAIN;
		break;
	}
	return error_exit(exit, "unhandled exception: ESR_EL2", esr, NULL);
}

enum hv_vmm_next hv_vmm_translate(struct hv *hv, struct hv_exit *exit)
{
	switch (hv->exit.code) {
	case VMM_EXIT_INST_EMUL:
		return mmio_exit(hv, exit);
	case VMM_EXIT_REG_EMUL:
		return refuse_register(hv, exit);
	case VMM_EXIT_SMCCC:
		if (refuse_call(hv))
			return HV_VMM_AGAIN;
		return error_exit(exit, "the result of a call: errno", (uint64_t)errno, NULL);
	case VMM_EXIT_HYP:
		return hyp_exit(hv, exit);
	}
	return error_exit(exit, "unhandled exit: exitcode", (uint32_t)hv->exit.code, NULL);
}

/*
 * What VM_RUN says of HVC with an immediate other than 0, which it is behind then. No loop here: a
 * kick would not end it if that were ever said for another reason.
 */
bool hv_vmm_translate_errno(struct hv *hv, int error, struct hv_exit *exit)
{
	uint64_t pc;

	if (error != EPERM || hv_vmm_get(hv, VMM_REG_PC, &pc) == -1 || !refuse_call(hv))
		return false;
	hv->ip = hv->next_ip = pc;
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return true;
}

/* ---- the counter ---- */

static uint64_t firmware_freq(void)
{
	uint64_t hz;

	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}

/* The guest's counter is the host's but for where it starts; the kernel may know its speed better. */
int hv_vmm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e)
{
	size_t len = sizeof *hz;

	(void)hv;
	*hz = 0;
	if (vmm_host_sysctl(FREQUENCY, hz, &len, NULL, 0) == -1 && errno != ENOENT)
		return husk_fail_sys(e, errno, FREQUENCY);
	if (*hz == 0)
		*hz = firmware_freq();
	if (*hz == 0)
		return husk_fail(e, HUSK_E_HOST, "vmm: the firmware has not set CNTFRQ_EL0, the "
				 "counter's frequency");
	return 0;
}

/* Arm ARM DDI 0487 D12.1: it never changes its speed. */
const char *hv_vmm_counter_flaw(void)
{
	return NULL;
}
