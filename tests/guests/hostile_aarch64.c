/* SPDX-License-Identifier: ISC */
/*
 * hostile_aarch64.c: what a guest can do to its own processor, or with the hypercall window; one
 * act for each word that the command line may be.
 *
 * Exits with 0 if the act did no harm. Most acts end the run, by the monitor's decision (1)
 * or by the trap handler of the bindings (255); some never end.
 */
#include "guest.h"
#include "hypercall.h"

#define GIB UINT64_C(0x40000000)
#define WINDOW HVT_HYPERCALL_MMIO_BASE
#define PUTS_OFFSET (HVT_HYPERCALL_PUTS * HVT_HYPERCALL_MMIO_STRIDE)
#define HOLE (5 * GIB)		/* behind the window; own tables map it as memory */

/* Descriptors, Arm ARM DDI 0487 D8.3, with the monitor's MAIR_EL1. */
#define TABLE 3u
#define NORMAL_BLOCK 0x711u
#define DEVICE_BLOCK 0x705u

/* Linux arch/arm64/include/uapi/asm/kvm.h, KVM_PSCI_FN_CPU_OFF; Arm DEN 0022, SYSTEM_OFF. */
#define PSCI_0_1_CPU_OFF 0x95c1ba5fu
#define PSCI_SYSTEM_OFF 0x84000008u

static const uint64_t rodata[512] = {1};
static uint64_t level0[512] __attribute__((aligned(4096)));
static uint64_t level1[512] __attribute__((aligned(4096)));

static void write_ttbr0(uint64_t value)
{
	__asm__ __volatile__("dsb ish\n\tmsr ttbr0_el1, %0\n\tisb\n\ttlbi vmalle1\n\tdsb ish\n\tisb"
			     :: "r"(value) : "memory");
}

/* Everything writable and executable: the first GiB, the window, and a hole in physical memory. */
static void use_own_tables(void)
{
	level1[0] = NORMAL_BLOCK;
	level1[WINDOW / GIB] = WINDOW | DEVICE_BLOCK;
	level1[HOLE / GIB] = HOLE | NORMAL_BLOCK;
	level0[0] = (uintptr_t)level1 | TABLE;
	write_ttbr0((uintptr_t)level0);
}

static void jump(uintptr_t to)
{
	__asm__ __volatile__("br %0" :: "r"(to));
}

static void push_at(uintptr_t stack)
{
	__asm__ __volatile__("mov sp, %0\n\tstr x0, [sp, #-16]!" :: "r"(stack) : "memory");
}

static void brk(void) { __asm__ __volatile__("brk #0"); }
static void udf(void) { __asm__ __volatile__(".inst 0"); }
static void svc(void) { __asm__ __volatile__("svc #0"); }
static void smc(void) { __asm__ __volatile__(".inst 0xd4000003" ::: "x0", "x1", "x2", "x3"); }
static void wfi(void) { __asm__ __volatile__("wfi"); }
static void wfe(void) { __asm__ __volatile__("sevl\n\twfe\n\twfe"); }
static void unmask(void) { __asm__ __volatile__("msr daifclr, #15\n\tisb\n\tmsr daifset, #15"); }

static void hypervisor_call(uint32_t function)
{
	register uint64_t x0 __asm__("x0") = function;

	__asm__ __volatile__("hvc #0" : "+r"(x0) :: "x1", "x2", "x3", "memory");
}

static void hvc(void) { hypervisor_call(0); }
static void cpu_off(void) { hypervisor_call(PSCI_0_1_CPU_OFF); }
static void system_off(void) { hypervisor_call(PSCI_SYSTEM_OFF); }

static void user_mode(void)
{
	__asm__ __volatile__("msr elr_el1, %0\n\tmsr spsr_el1, %1\n\teret"
			     :: "r"(UINT64_C(0x100000)), "r"(UINT64_C(0x3c0)));
}

static void illegal_return(void)
{
	__asm__ __volatile__("msr elr_el1, %0\n\tmsr spsr_el1, %1\n\teret"
			     :: "r"(UINT64_C(0x100000)), "r"(UINT64_C(0x3cd)));
}

static void unknown_register(void)
{
	__asm__ __volatile__("msr s3_0_c15_c15_7, %0" :: "r"(UINT64_C(0)));
}

static void debug_registers(void)
{
	__asm__ __volatile__("msr mdscr_el1, %0\n\tmsr oslar_el1, xzr\n\tmsr dbgbcr0_el1, %0\n\tisb"
			     :: "r"(~UINT64_C(0) >> 32));
}

static void caches(void)
{
	__asm__ __volatile__("dc cisw, xzr\n\tic iallu\n\ttlbi vmalle1is\n\tdsb sy\n\tisb" ::: "memory");
}

/* Everything is device memory then, at the same addresses. */
static void no_mmu(void)
{
	uint64_t sctlr;

	__asm__ __volatile__("mrs %0, sctlr_el1\n\tbic %0, %0, #1\n\tmsr sctlr_el1, %0\n\tisb"
			     : "=&r"(sctlr) :: "memory");
}

static void no_vectors(void)
{
	__asm__ __volatile__("msr vbar_el1, xzr\n\tisb\n\tbrk #0");
}

static void no_floating_point(void)
{
	__asm__ __volatile__("msr cpacr_el1, xzr\n\tisb\n\t.inst 0x1e2703e0");	/* fmov s0, wzr */
}

/* A timer whose interrupt nobody can take: Arm ARM DDI 0487, CNTV_CTL_EL0: ENABLE, ISTATUS. */
static void timer(void)
{
	uint64_t control;

	__asm__ __volatile__("msr cntv_tval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb"
			     :: "r"(UINT64_C(1000)), "r"(UINT64_C(1)));
	do
		__asm__ __volatile__("mrs %0, cntv_ctl_el0" : "=r"(control));
	while ((control & 4) == 0);
	__asm__ __volatile__("msr daifclr, #15\n\tisb\n\tmsr daifset, #15\n\t"
			     "msr cntv_ctl_el0, xzr");
}

static void ttbr_zero(void) { write_ttbr0(0); }
static void ttbr_hole(void) { write_ttbr0(HOLE); }
static void ttbr_rodata(void) { write_ttbr0((uintptr_t)rodata & ~UINT64_C(0xfff)); }
static void jump_null(void) { jump(0); }
static void jump_odd(void) { jump(HVT_GUEST_MIN_BASE + 2); }
static void jump_low(void) { jump(HVT_BOOT_INFO_GPA); }
static void jump_high(void) { jump(UINT64_C(0x8000000000000000)); }
static void jump_window(void) { jump(WINDOW); }
static void stack_null(void) { push_at(8); }
static void stack_low(void) { push_at(HVT_GUEST_MIN_BASE); }
static void stack_window(void) { push_at(WINDOW + 64); }

/* A frame a page until it meets what it may not write: the image itself. */
static void stack_overflow(void)
{
	for (;;)
		__asm__ __volatile__("sub sp, sp, #4096\n\tstr wzr, [sp]" ::: "memory");
}

static void hole_read(void)
{
	use_own_tables();
	(void)*(volatile uint64_t *)HOLE;
}

static void hole_write(void)
{
	use_own_tables();
	*(volatile uint64_t *)(HOLE + 8) = 1;
}

static void hole_pair(void)
{
	use_own_tables();
	__asm__ __volatile__("stp xzr, xzr, [%0]" :: "r"(HOLE + 16) : "memory");
}

static void hole_jump(void)
{
	use_own_tables();
	jump(HOLE);
}

static void hole_stack(void)
{
	use_own_tables();
	push_at(HOLE + 64);
}

static void alias_rodata(void)
{
	use_own_tables();
	*(volatile uint64_t *)(uintptr_t)rodata = 2;
}

/* Low memory is the guest's own, once its tables let it: nobody needs what it held. */
static void alias_low(void)
{
	use_own_tables();
	for (uintptr_t at = 0; at < HVT_GUEST_MIN_BASE; at += 4096)
		*(volatile uint64_t *)(at + 8) = ~UINT64_C(0);
}

#define STORE(name, instruction) \
	static void name(uint64_t at) \
	{ \
		__asm__ __volatile__(instruction \
				     :: "r"(at) : "x0", "x1", "memory"); \
	}

STORE(store_8, "strb wzr, [%0]")
STORE(store_16, "strh wzr, [%0]")
STORE(store_32, "str wzr, [%0]")
STORE(store_64, "str xzr, [%0]")
STORE(store_pair, "stp wzr, wzr, [%0]")
STORE(store_vector, "mov x0, %0\n\t.inst 0x3d800000")	/* str q0, [x0] */
STORE(store_release, "stlr wzr, [%0]")
STORE(store_exclusive, "ldxr w0, [%0]\n\tstxr w1, wzr, [%0]")
STORE(swap, "mov x0, %0\n\t.inst 0xb8208001")		/* swp w0, w1, [x0] */
STORE(zero_line, "dc zva, %0")
STORE(clean_line, "dc cvac, %0")
STORE(load_8, "ldrb w0, [%0]")
STORE(load_16, "ldrh w0, [%0]")
STORE(load_32, "ldr w0, [%0]")
STORE(load_signed, "ldrsw x0, [%0]")
STORE(load_64, "ldr x0, [%0]")

static void store_and_move(uint64_t at)
{
	__asm__ __volatile__("str wzr, [%0], #8" : "+r"(at) :: "memory");
}

static const struct act {
	const char *name;
	void (*act)(void);
} acts[] = {
	{"brk", brk}, {"udf", udf}, {"svc", svc}, {"smc", smc}, {"hvc", hvc}, {"wfi", wfi},
	{"wfe", wfe}, {"unmask", unmask}, {"cpu-off", cpu_off}, {"system-off", system_off},
	{"user-mode", user_mode}, {"illegal-return", illegal_return},
	{"unknown-register", unknown_register}, {"debug-registers", debug_registers},
	{"caches", caches}, {"no-mmu", no_mmu}, {"no-vectors", no_vectors},
	{"no-floating-point", no_floating_point}, {"timer", timer}, {"ttbr-zero", ttbr_zero},
	{"ttbr-hole", ttbr_hole}, {"ttbr-rodata", ttbr_rodata}, {"jump-null", jump_null},
	{"jump-odd", jump_odd}, {"jump-low", jump_low}, {"jump-high", jump_high},
	{"jump-window", jump_window}, {"stack-null", stack_null}, {"stack-low", stack_low},
	{"stack-window", stack_window}, {"stack-overflow", stack_overflow},
	{"hole-read", hole_read}, {"hole-write", hole_write}, {"hole-pair", hole_pair},
	{"hole-jump", hole_jump}, {"hole-stack", hole_stack}, {"alias-rodata", alias_rodata},
	{"alias-low", alias_low},
};

static const struct access {
	const char *name;
	void (*act)(uint64_t at);
} accesses[] = {
	{"store8", store_8}, {"store16", store_16}, {"store32", store_32}, {"store64", store_64},
	{"pair", store_pair}, {"vector", store_vector}, {"release", store_release},
	{"exclusive", store_exclusive}, {"swap", swap}, {"move", store_and_move},
	{"zero-line", zero_line}, {"clean-line", clean_line}, {"load8", load_8},
	{"load16", load_16}, {"load32", load_32}, {"load-signed", load_signed}, {"load64", load_64},
};

/* ACT, or ACCESS OFFSET; the offset in the window is that of PUTS if none is given. */
int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;

	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (take_word(&args, acts[i].name)) {
			acts[i].act();
			return 0;
		}
	for (size_t i = 0; i < sizeof accesses / sizeof accesses[0]; i++)
		if (take_word(&args, accesses[i].name)) {
			accesses[i].act(WINDOW + (*args == '\0' ? PUTS_OFFSET :
						  take_number(&args)));
			return 0;
		}
	return 99;
}
