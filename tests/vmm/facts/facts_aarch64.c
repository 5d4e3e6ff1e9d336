/* SPDX-License-Identifier: ISC */
/* facts_aarch64.c: registers and exits of a vmm on arm64. */
#include "facts.h"

const int pc_register = VMM_REG_PC, bogus_exit = VMM_EXIT_BOGUS, debug_exit = VMM_EXIT_DEBUG,
	  suspended_exit = VMM_EXIT_SUSPENDED;

#define VECTOR 0x200u		/* where exceptions of EL1 go, VBAR_EL1 being 0 */
#define STACK 0x20000u
#define CPSR 0x3c5u		/* EL1h, exceptions masked */

/* Guest code, as bytes between name and name_end. */
#define GUEST(name, text) \
	__asm__(".text\n.balign 8\n.globl " #name "\n" #name ":\n" text "\n.globl " #name "_end\n" \
		#name "_end:\n"); \
	extern const char name[], name##_end[]

#define X9_HOLE "movz x9, #0x3000, lsl #16\n"

GUEST(guest_access, "movz x1, #0x3000, lsl #16\n movz w2, #0x1234\n str w2, [x1]\n"
      "ldr w3, [x1, #4]\n str x3, [x1, #8]\n strb w3, [x1, #16]\n ldrsb x4, [x1, #17]\n"
      "ldrsb w5, [x1, #18]\n str wzr, [x1, #20]\n ldr xzr, [x1, #24]\n stp x2, x3, [x1, #32]\n"
      "str w2, [x1, #64]!\n b .");
GUEST(guest_hvc, "movz x0, #0x1234\n movz x1, #7\n hvc #0\n" X9_HOLE "str x0, [x9]\n b .");
GUEST(guest_fetch, "movz x1, #0x3000, lsl #16\n br x1");
GUEST(guest_vector, X9_HOLE "mrs x10, esr_el1\n str x10, [x9, #0x100]\n mrs x10, far_el1\n"
      "str x10, [x9, #0x108]\n b .");
GUEST(guest_read_only, "movz x1, #0x10, lsl #16\n ldr w2, [x1]\n str w2, [x1]\n" X9_HOLE
      "str w2, [x9]\n b .");
GUEST(guest_undefined, ".inst 0");
GUEST(guest_wfe, "wfe\n" X9_HOLE "str x0, [x9]\n b .");
GUEST(guest_reset, "mrs x3, cpacr_el1\n" X9_HOLE "str x3, [x9]\n mrs x3, mair_el1\n str x3, [x9]\n"
      "b .");
GUEST(guest_spin, "b .");
GUEST(guest_sleep, "1: wfi\n b 1b");

#define RUN(name) code(name, (size_t)(name##_end - name))

uint64_t exit_pc(void)
{
	return last.pc;
}

bool is_bogus(void)
{
	return last.code == VMM_EXIT_BOGUS;
}

/* arm64 came with 15. */
long arch_run_13(void)
{
	struct vmm_run r = {.exit = &last};

	return host_ioctl(node, 0xc0907601u, &r);
}

void arch_tables(void)
{
	for (size_t i = 0; i < (size_t)(guest_vector_end - guest_vector); i++)
		ram[VECTOR + i] = (uint8_t)guest_vector[i];
}

long arch_registers(void)
{
	long error = set(VMM_REG_CPSR, CPSR) | set(VMM_REG_SP, STACK) | set(VMM_REG_PC, CODE_AT);

	for (int n = VMM_REG_X0; n <= VMM_REG_LR; n++)
		error |= set(n, 0);
	return error;
}

void code_spin(void)
{
	RUN(guest_spin);
}

void code_sleep(void)
{
	RUN(guest_sleep);
}

void probe_arch_vcpu(void)
{
	static const int numbers[] = {VMM_REG_X0, VMM_REG_LR, VMM_REG_SP, VMM_REG_PC, VMM_REG_CPSR,
				      VMM_REG_SCTLR, VMM_REG_TTBR0, VMM_REG_TTBR1, VMM_REG_TCR,
				      VMM_REG_TCR2, VMM_REG_MPIDR, VMM_REG_LAST};

	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t value = 0x1111;

		fact(numbered("new.get_", numbers[i]), get(numbers[i], &value));
		fact_hex(numbered("new.value_", numbers[i]), value);
	}
}

static void show_access(const char *name, const char *gpa, const char *access, const char *reg)
{
	show(name);
	fact_hex(gpa, last.inst_emul.gpa);
	fact_hex(access, last.inst_emul.access & (VMM_ACCESS_SIZE | VMM_ACCESS_SIGN_EXTEND |
						  VMM_ACCESS_WRITE));
	fact(reg, last.inst_emul.reg);
}
#define SHOW_ACCESS(name) show_access(name, name ".gpa", name ".access", name ".reg")

static void probe_accesses(void)
{
	RUN(guest_access);
	SHOW_ACCESS("str_w");
	fact_hex("str_w.value", value_of(2));
	SHOW_ACCESS("ldr_w");
	fact_hex("ldr_w.before", value_of(3));
	(void)set(3, UINT64_C(0x1122334455667788));
	SHOW_ACCESS("str_x");
	fact_hex("str_x.value", value_of(3));
	SHOW_ACCESS("strb");
	SHOW_ACCESS("ldrsb_x");
	SHOW_ACCESS("ldrsb_w");
	SHOW_ACCESS("str_zero");
	SHOW_ACCESS("ldr_zero");
	SHOW_ACCESS("stp");
	SHOW_ACCESS("str_pre_index");
}

static void probe_hvc(void)
{
	RUN(guest_hvc);
	show("hvc");
	fact_hex("hvc.function", last.smccc.function);
	fact_hex("hvc.arg_0", last.smccc.args[0]);
	(void)set(0, 0x77);
	SHOW_ACCESS("after_hvc");
	fact_hex("after_hvc.value", value_of(0));
}

/* The upper half of ESR_EL1 is FreeBSD's own. */
static void probe_exceptions(void)
{
	RUN(guest_fetch);
	SHOW_ACCESS("fetch");
	fact_hex("fetch.esr", (uint32_t)value_of(10));
	SHOW_ACCESS("fetch_far");
	fact_hex("fetch_far.value", value_of(10));
	RUN(guest_undefined);
	SHOW_ACCESS("undefined");
	fact_hex("undefined.esr", (uint32_t)value_of(10));
}

static void probe_read_only(void)
{
	const struct vmm_exit poison = {.code = 0x5a5a};

	RUN(guest_read_only);
	do
		last = poison;
	while (run() == 0 && is_bogus());
	fact_hex("read_only.record", (uint32_t)last.code);
	fact_hex("read_only.pc", value_of(VMM_REG_PC));
	fact("read_only.again", go());
}

static void probe_rest(void)
{
	RUN(guest_wfe);
	SHOW_ACCESS("wfe");
	RUN(guest_reset);
	SHOW_ACCESS("cpacr");
	fact_hex("cpacr.value", value_of(3));
	SHOW_ACCESS("mair");
	fact_hex("mair.value", value_of(3));
}

void probe_exits(void)
{
	probe_accesses();
	probe_hvc();
	probe_exceptions();
	probe_read_only();
	probe_rest();
}
