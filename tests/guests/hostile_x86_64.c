/* SPDX-License-Identifier: ISC */
/*
 * hostile_x86_64.c: what a guest can do to its own processor, or with ports; one act for each
 * word that the command line may be.
 *
 * Exits with 0 if the act did no harm. Most acts end the run, by the monitor's decision (1)
 * or by the trap handler of the bindings (255).
 */
#include "guest.h"
#include "hypercall.h"

#define GIB UINT64_C(0x40000000)
#define HOLE (4 * GIB)		/* no guest memory reaches it */
#define HYPERCALL_PUTS_PORT (HVT_HYPERCALL_PIO_BASE + HVT_HYPERCALL_PUTS)

/* Intel SDM vol. 3A 4.5; vol. 4 table 2-2. */
#define PTE_P_RW 3u
#define PTE_PS 0x80u
#define LARGE_PAGE UINT64_C(0x200000)
#define EFER 0xc0000080u
#define EFER_NXE 0x800u

static const uint64_t rodata[512] = {1};
static uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directories[2][512] __attribute__((aligned(4096)));

static void write_cr3(uint64_t value)
{
	__asm__ __volatile__("mov %0, %%cr3" :: "r"(value) : "memory");
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ __volatile__("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ __volatile__("wrmsr" :: "c"(msr), "a"((uint32_t)value),
			     "d"((uint32_t)(value >> 32)) : "memory");
}

/* Everything writable and executable: the first GiB, and one that is a hole in physical memory. */
static void use_own_tables(void)
{
	for (uint64_t i = 0; i < 512; i++) {
		directories[0][i] = (i * LARGE_PAGE) | PTE_PS | PTE_P_RW;
		directories[1][i] = (HOLE + i * LARGE_PAGE) | PTE_PS | PTE_P_RW;
	}
	pdpt[0] = (uintptr_t)directories[0] | PTE_P_RW;
	pdpt[HOLE / GIB] = (uintptr_t)directories[1] | PTE_P_RW;
	pml4[0] = (uintptr_t)pdpt | PTE_P_RW;
	write_cr3((uintptr_t)pml4);
}

static void jump(uintptr_t to)
{
	__asm__ __volatile__("jmp *%0" :: "r"(to));
}

static void push_at(uintptr_t stack)
{
	__asm__ __volatile__("mov %0, %%rsp\n\tpush %%rax" :: "r"(stack) : "memory");
}

static void hlt(void) { __asm__ __volatile__("hlt"); }
static void int3(void) { __asm__ __volatile__("int3"); }
static void ud2(void) { __asm__ __volatile__("ud2"); }
static void interrupt(void) { __asm__ __volatile__("int $0x80"); }
static void cli(void) { __asm__ __volatile__("cli"); }
static void sti(void) { __asm__ __volatile__("sti\n\tnop\n\tcli"); }
static void wbinvd(void) { __asm__ __volatile__("wbinvd"); }
static void system_call(void) { __asm__ __volatile__("syscall" ::: "rcx", "r11", "memory"); }
static void xsetbv(void) { __asm__ __volatile__("xsetbv" :: "a"(1), "d"(0), "c"(0)); }
static void vmcall(void) { __asm__ __volatile__("vmcall" : : "a"(~0u) : "memory"); }

static void single_step(void)
{
	__asm__ __volatile__("pushf\n\torl $0x100, (%rsp)\n\tpopf\n\tnop");
}

static void divide(void)
{
	__asm__ __volatile__("div %1" :: "a"(1), "r"(0), "d"(0));
}

static void triple_fault(void)
{
	static const uint8_t no_idt[10];

	__asm__ __volatile__("lidt %0\n\tud2" :: "m"(no_idt));
}

static void user_mode(void)
{
	__asm__ __volatile__("push $0x23\n\tpush %rsp\n\tpush $2\n\tpush $0x1b\n\t"
			     "push $0x100000\n\tiretq");
}

static void bad_selector(void)
{
	__asm__ __volatile__("mov %0, %%ds" :: "r"(0xfff8));
}

static void no_paging(void)
{
	uint64_t cr0;

	__asm__ __volatile__("mov %%cr0, %0\n\tbtr $31, %0\n\tmov %0, %%cr0" : "=&r"(cr0));
}

static void bad_cr4(void)
{
	__asm__ __volatile__("mov %0, %%cr4" :: "r"(UINT64_C(1) << 40));
}

static void cr3_zero(void) { write_cr3(0); }
static void cr3_hole(void) { write_cr3(2 * HOLE); }
static void cr3_reserved(void) { write_cr3(UINT64_C(1) << 60); }
static void cr3_rodata(void) { write_cr3((uintptr_t)rodata & ~UINT64_C(0xfff)); }
static void msr_read(void) { (void)rdmsr(0x12345678); }
static void msr_write(void) { wrmsr(0x12345678, 1); }
static void msr_efer(void) { wrmsr(EFER, UINT64_C(1) << 63); }
static void no_nxe(void) { wrmsr(EFER, rdmsr(EFER) & ~(uint64_t)EFER_NXE); }
static void jump_null(void) { jump(0); }
static void jump_low(void) { jump(HVT_BOOT_INFO_GPA); }
static void jump_high(void) { jump(UINT64_C(0x8000000000000000)); }
static void stack_null(void) { push_at(8); }
static void stack_low(void) { push_at(HVT_GUEST_MIN_BASE); }

/* A frame a page until it meets what it may not write: the image itself. */
static void stack_overflow(void)
{
	for (;;)
		__asm__ __volatile__("sub $0x1000, %%rsp\n\tmovl $0, (%%rsp)" ::: "memory");
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

static void hole_string(void)
{
	static uint8_t to[64];
	uintptr_t from = HOLE;
	uint64_t n = sizeof to;
	void *di = to;

	use_own_tables();
	__asm__ __volatile__("rep movsb" : "+S"(from), "+D"(di), "+c"(n) :: "memory");
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

/* Where a local APIC would be, if there were one. */
static void hole_apic(void)
{
	use_own_tables();
	directories[1][0] = UINT64_C(0xfee00000) | PTE_PS | PTE_P_RW;
	(void)*(volatile uint32_t *)HOLE;
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

static void out8(uint16_t port)
{
	__asm__ __volatile__("outb %0, %1" :: "a"((uint8_t)0), "d"(port));
}

static void out16(uint16_t port)
{
	__asm__ __volatile__("outw %0, %1" :: "a"((uint16_t)0), "d"(port));
}

static void in8(uint16_t port)
{
	uint8_t value;

	__asm__ __volatile__("inb %1, %0" : "=a"(value) : "d"(port));
}

static void in16(uint16_t port)
{
	uint16_t value;

	__asm__ __volatile__("inw %1, %0" : "=a"(value) : "d"(port));
}

static void in32(uint16_t port)
{
	uint32_t value;

	__asm__ __volatile__("inl %1, %0" : "=a"(value) : "d"(port));
}

static void out32(uint16_t port) { port_out32(port, 0); }

static void rep_out(uint16_t port, unsigned width, const void *from, uint64_t n)
{
	if (width == 4)
		__asm__ __volatile__("rep outsl" : "+S"(from), "+c"(n) : "d"(port) : "memory");
	else
		__asm__ __volatile__("rep outsb" : "+S"(from), "+c"(n) : "d"(port) : "memory");
}

/* Three calls in one instruction. */
static void rep_puts(uint16_t port)
{
	static struct hvt_puts puts[3];
	uint32_t gpas[3];

	for (unsigned i = 0; i < 3; i++) {
		puts[i] = (struct hvt_puts){(uintptr_t)&"one two six "[i * 4], 4};
		gpas[i] = (uint32_t)(uintptr_t)&puts[i];
	}
	rep_out(port, 4, gpas, 3);
}

/* The second of two is bad. */
static void rep_bad(uint16_t port)
{
	static struct hvt_puts puts = {0, 0};
	const uint32_t gpas[2] = {(uint32_t)(uintptr_t)&puts, ~0u};

	rep_out(port, 4, gpas, 2);
}

static void rep_long(uint16_t port)
{
	static uint32_t nulls[4096];	/* the zero page is a request to print nothing */

	rep_out(port, 4, nulls, 4096);
}

static void rep_none(uint16_t port) { rep_out(port, 4, (const void *)HOLE, 0); }
static void rep_bytes(uint16_t port) { rep_out(port, 1, (const void *)(uintptr_t)rodata, 64); }

static void rep_in(uint16_t port)
{
	static uint32_t to[16];
	void *di = to;
	uint64_t n = 16;

	__asm__ __volatile__("rep insl" : "+D"(di), "+c"(n) : "d"(port) : "memory");
}

static const struct act {
	const char *name;
	void (*act)(void);
} acts[] = {
	{"hlt", hlt}, {"int3", int3}, {"ud2", ud2}, {"int80", interrupt}, {"cli", cli},
	{"sti", sti}, {"wbinvd", wbinvd}, {"syscall", system_call}, {"xsetbv", xsetbv},
	{"vmcall", vmcall}, {"single-step", single_step}, {"divide", divide},
	{"triple-fault", triple_fault}, {"user-mode", user_mode},
	{"bad-selector", bad_selector}, {"no-paging", no_paging}, {"bad-cr4", bad_cr4},
	{"cr3-zero", cr3_zero}, {"cr3-hole", cr3_hole}, {"cr3-reserved", cr3_reserved},
	{"cr3-rodata", cr3_rodata}, {"msr-read", msr_read}, {"msr-write", msr_write},
	{"msr-efer", msr_efer}, {"no-nxe", no_nxe}, {"jump-null", jump_null},
	{"jump-low", jump_low}, {"jump-high", jump_high}, {"stack-null", stack_null},
	{"stack-low", stack_low}, {"stack-overflow", stack_overflow}, {"hole-read", hole_read},
	{"hole-write", hole_write}, {"hole-string", hole_string}, {"hole-jump", hole_jump},
	{"hole-stack", hole_stack}, {"hole-apic", hole_apic}, {"alias-rodata", alias_rodata},
	{"alias-low", alias_low},
};

static const struct port_act {
	const char *name;
	void (*act)(uint16_t port);
} port_acts[] = {
	{"out8", out8}, {"out16", out16}, {"out32", out32}, {"in8", in8}, {"in16", in16},
	{"in32", in32}, {"rep-puts", rep_puts}, {"rep-bad", rep_bad}, {"rep-long", rep_long},
	{"rep-none", rep_none}, {"rep-bytes", rep_bytes}, {"rep-in", rep_in},
};

/* ACT, or ACT PORT; the port is that of PUTS if none is given. */
int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;

	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (take_word(&args, acts[i].name)) {
			acts[i].act();
			return 0;
		}
	for (size_t i = 0; i < sizeof port_acts / sizeof port_acts[0]; i++)
		if (take_word(&args, port_acts[i].name)) {
			port_acts[i].act(*args == '\0' ? HYPERCALL_PUTS_PORT :
					 (uint16_t)take_number(&args));
			return 0;
		}
	return 99;
}
