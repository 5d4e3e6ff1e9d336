/* SPDX-License-Identifier: ISC */
/* facts_x86_64.c: registers, entry and exits of a vmm on amd64. */
#include "facts.h"

const int pc_register = VMM_REG_RIP, bogus_exit = VMM_EXIT_BOGUS, debug_exit = VMM_EXIT_DEBUG,
	  suspended_exit = VMM_EXIT_SUSPENDED;

/* Where things lie: GDT, tables, IDT, TSS, and a stub for each exception: OUT 0x600 its number. */
#define GDT 0x1000u
#define PML4 0x2000u
#define PDPT 0x3000u
#define PD 0x4000u
#define IDT 0x5000u
#define TSS 0x6000u
#define STUBS 0x8000u
#define STACK 0x20000u
#define LOCAL_APIC 0xfee00000u	/* the last 2 MiB of what is mapped lead there */

uint64_t exit_pc(void)
{
	return last.rip;
}

bool is_bogus(void)
{
	return last.code == VMM_EXIT_BOGUS || last.code == VMM_EXIT_REQIDLE;
}

long arch_run_13(void)
{
	struct vmm_run_13 r = {.exit = last};
	long error = host_ioctl(node, VMM_RUN_13, &r);

	last = r.exit;
	return error;
}

static void put64(uint64_t at, uint64_t value)
{
	*(volatile uint64_t *)(ram + at) = value;
}

void arch_tables(void)
{
	static const uint8_t stub[] = {0xb8, 0, 0, 0, 0, 0x66, 0xba, 0x00, 0x06, 0xef, 0xf4};

	put64(GDT, 0);
	put64(GDT + 8, UINT64_C(0x00209b0000000000));
	put64(GDT + 16, UINT64_C(0x00cf93000000ffff));
	put64(GDT + 24, UINT64_C(0x00008b0060000067));
	put64(PML4, PDPT | 3);
	put64(PDPT, PD | 3);
	for (uint64_t i = 0; i < 511; i++)
		put64(PD + 8 * i, i << 21 | 0x83);
	put64(PD + 8 * 511, LOCAL_APIC | 0x83);
	for (uint64_t i = 0; i < 32; i++) {
		uint64_t handler = STUBS + 16 * i;

		put64(IDT + 16 * i, (handler & 0xffff) | UINT64_C(8) << 16 |
		      UINT64_C(0x8e00) << 32 | handler >> 16 << 48);
		put64(IDT + 16 * i + 8, 0);
		for (unsigned k = 0; k < sizeof stub; k++)
			ram[handler + k] = stub[k];
		ram[handler + 1] = (uint8_t)i;
	}
}

static long describe(int number, uint64_t base, uint32_t limit, uint32_t access)
{
	struct vmm_descriptor d = {.number = number, .base = base, .limit = limit,
				   .access = access};

	return host_ioctl(node, VMM_SET_DESCRIPTOR, &d);
}

static long segments(void)
{
	long error = describe(VMM_REG_CS, 0, 0xffffffff, 0xa09b) | set(VMM_REG_CS, 8);

	for (int n = VMM_REG_ES; n <= VMM_REG_GS; n++)
		if (n != VMM_REG_CS)
			error |= describe(n, 0, 0xffffffff, 0xc093) | set(n, 16);
	return error | describe(VMM_REG_TR, TSS, 0x67, 0x8b) | set(VMM_REG_TR, 24) |
	       describe(VMM_REG_LDTR, 0, 0xffff, VMM_ACCESS_UNUSABLE) | set(VMM_REG_LDTR, 0) |
	       describe(VMM_REG_GDTR, GDT, 39, 0) | describe(VMM_REG_IDTR, IDT, 511, 0);
}

long arch_registers(void)
{
	return set(VMM_REG_CR0, 0x80050033) | set(VMM_REG_CR3, PML4) | set(VMM_REG_CR4, 0x620) |
	       set(VMM_REG_EFER, 0x500) | set(VMM_REG_DR7, 0x400) | segments() |
	       set(VMM_REG_RSP, STACK) | set(VMM_REG_RFLAGS, 2) | set(VMM_REG_RIP, CODE_AT) |
	       set(VMM_REG_RAX, 0);
}

void code_spin(void)
{
	code(LITERAL("\xeb\xfe"));
}

void code_sleep(void)
{
	code(LITERAL("\xfb\xf4\xeb\xfd"));
}

/* ---- a new vcpu ---- */

void probe_arch_vcpu(void)
{
	static const int numbers[] = {VMM_REG_RAX, VMM_REG_CR0, VMM_REG_DR7, VMM_REG_RIP,
				      VMM_REG_RFLAGS, VMM_REG_CS, VMM_REG_IDTR, VMM_REG_GDTR,
				      VMM_REG_EFER, VMM_REG_PDPTE0, VMM_REG_DR6,
				      VMM_REG_ENTRY_INST_LENGTH, VMM_REG_LAST};

	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t value = 0x1111;

		fact(numbered("new.get_", numbers[i]), get(numbers[i], &value));
		fact_hex(numbered("new.value_", numbers[i]), value);
	}
	for (int n = VMM_REG_ES; n <= VMM_REG_GDTR; n++) {
		struct vmm_descriptor d = {.number = n, .access = 1};

		fact(numbered("new.describe_", n), host_ioctl(node, VMM_GET_DESCRIPTOR, &d));
		fact_hex(numbered("new.access_", n), d.access);
	}
}

/* ---- ports ---- */

static void show_io(const char *name, const char *port, const char *flags, const char *eax)
{
	show(name);
	fact_hex(port, last.inout.port);
	fact_hex(flags, last.inout.flags & (VMM_INOUT_BYTES | VMM_INOUT_IN));
	fact_hex(eax, last.inout.eax);
}
#define SHOW_IO(name) show_io(name, name ".port", name ".flags", name ".eax")

static void probe_ports(void)
{
	/* mov $0x12345678,%eax; mov $0x500,%dx; out %eax; in %eax; mov $0x501,%dx; out %eax; hlt */
	code(LITERAL("\xb8\x78\x56\x34\x12\x66\xba\x00\x05\xef\xed\x66\xba\x01\x05\xef\xf4"));
	SHOW_IO("out32");
	SHOW_IO("in32");
	fact_hex("in32.rax", value_of(VMM_REG_RAX));
	(void)set(VMM_REG_RAX, 0xcafebabe);
	SHOW_IO("out32_after");
	/* in %al; in %ax; out %al; out %ax; out %al,$0x80; in $0x61; 0x408; out $0x70; hlt */
	code(LITERAL("\x66\xba\x00\x05\xec\x66\xed\xee\x66\xef\xe6\x80"
		     "\xe4\x61\x66\xba\x08\x04\xed\xe6\x70\xf4"));
	(void)set(VMM_REG_RAX, UINT64_C(0x1122334455667788));
	SHOW_IO("in8");
	(void)set(VMM_REG_RAX, (value_of(VMM_REG_RAX) & ~UINT64_C(0xff)) | 0x99);
	SHOW_IO("in16");
	SHOW_IO("out8");
	SHOW_IO("out16");
	SHOW_IO("out_imm");
	show("after_kernel_ports");
	fact("after_kernel_ports.how", last.suspended.how);
}

static void fresh(void)
{
	(void)host_ioctl(node, VMM_REINIT, NULL);
	(void)cpu_call(VMM_ACTIVATE_CPU, 0);
	(void)set_capability(VMM_CAP_HALT_EXIT, 1);
	(void)arch_registers();
}

/* RIP that is read after an exit is the instruction's; written back, it runs once more. */
static void probe_rip(void)
{
	static const char text[] = "\x66\xba\x00\x05\xef\xff\xc0\xef\xf4";

	code(LITERAL(text));
	(void)set(VMM_REG_RAX, 5);
	SHOW_IO("rip.first");
	(void)set(VMM_REG_RIP, value_of(VMM_REG_RIP));
	SHOW_IO("rip.written_back");
	SHOW_IO("rip.then");
	code(LITERAL(text));
	(void)set(VMM_REG_RAX, 5);
	(void)go();
	fact("rip.restart", cpu_call(VMM_RESTART_INSTRUCTION, 0));
	SHOW_IO("rip.restarted");
}

/* ---- memory ---- */

static void probe_holes(void)
{
	/* mov $HOLE,%ebx; mov (%rbx),%eax; mov %eax,4(%rbx); mov $0x500,%dx; out %eax; hlt */
	code(LITERAL("\xbb\x00\x00\x00\x30\x8b\x03\x89\x43\x04\x66\xba\x00\x05\xef\xf4"));
	(void)set(VMM_REG_RAX, 0x77);
	show("hole.read");
	fact_hex("hole.read_gpa", last.inst_emul.gpa);
	fact_hex("hole.read_gla", last.inst_emul.gla);
	fact("hole.read_decoded", last.inst_emul.decoded);
	fact("hole.read_bytes", last.inst_emul.n_inst);
	fact_hex("hole.read_byte_0", last.inst_emul.inst[0]);
	show("hole.write");
	fact_hex("hole.write_gpa", last.inst_emul.gpa);
	fact("hole.write_decoded", last.inst_emul.decoded);
	SHOW_IO("hole.after");
	/* mov $0x110000,%ebx; movl $1,(%rbx); ... */
	code(LITERAL("\xbb\x00\x00\x11\x00\xc7\x03\x01\x00\x00\x00\x66\xba\x00\x05\xef\xf4"));
	show("hole.in_ram");
	fact_hex("hole.in_ram_gpa", last.inst_emul.gpa);
}

/* The kernel answers: mov $0x3fe00030,%ebx; mov (%rbx),%eax; mov %eax,(%rbx); ... */
static void probe_local_apic(void)
{
	code(LITERAL("\xbb\x30\x00\xe0\x3f\x8b\x03\x89\x03\x66\xba\x00\x05\xef\xf4"));
	SHOW_IO("local_apic.version");
}

static void probe_read_only(void)
{
	struct vmm_exit poison = {.code = 0x5a5a};

	/* mov $READ_ONLY,%ebx; mov (%rbx),%eax; movl $1,(%rbx); mov $0x500,%dx; out %eax; hlt */
	code(LITERAL("\xbb\x00\x00\x10\x00\x8b\x03\xc7\x03\x01\x00\x00\x00"
		     "\x66\xba\x00\x05\xef\xf4"));
	last = poison;
	do {
		if (last.code != 0x5a5a)
			last = poison;
	} while (run() == 0 && is_bogus());
	fact_hex("read_only.record", (uint32_t)last.code);
	fact_hex("read_only.rip", value_of(VMM_REG_RIP));
	fact("read_only.again", go());
	fact_hex("read_only.again_rip", value_of(VMM_REG_RIP));
	fact("read_only.unmap", unmap(READ_ONLY, 0x10000));
	fact("read_only.map", map(READ_ONLY, 0, READ_ONLY, 0x10000, 7, 0));
	SHOW_IO("read_only.after");
	fact("read_only.unmap_again", unmap(READ_ONLY, 0x10000));
	fact("read_only.map_again", map(READ_ONLY, 0, READ_ONLY, 0x10000, 5, 0));
}

/* mov $HOLE,%eax; jmp *%rax */
static void probe_fetch(void)
{
	code(LITERAL("\xb8\x00\x00\x00\x30\xff\xe0"));
	show("fetch");
	fact_hex("fetch.why", last.code == VMM_EXIT_SVM ? last.svm.code : last.vmx.reason);
}

/* ---- exceptions, halts, entries ---- */

static long inject(int vector)
{
	struct vmm_exception x = {.vector = vector, .error_code_valid = 1, .restart = 1};

	return host_ioctl(node, VMM_INJECT_EXCEPTION, &x);
}

/* After a WRMSR of an unknown register. */
static void probe_inject(void)
{
	fact("inject.gp", inject(13));
	fact("inject.again", inject(13));
	fact("inject.vector_40", inject(40));
	fact("inject.double_fault", inject(8));
	SHOW_IO("inject.after");
}

static void probe_exceptions(void)
{
	code(LITERAL("\x0f\x0b"));
	SHOW_IO("ud2");
	/* mov $0x40000000,%eax; cpuid; mov $0x500,%dx; out %eax; hlt */
	code(LITERAL("\xb8\x00\x00\x00\x40\x0f\xa2\x66\xba\x00\x05\xef\xf4"));
	SHOW_IO("cpuid");
	fact_hex("cpuid.rbx", value_of(VMM_REG_RBX));
	fact_hex("cpuid.rcx", value_of(VMM_REG_RCX));
	fact_hex("cpuid.rdx", value_of(VMM_REG_RDX));
	/* mov $0x1234,%ecx; rdmsr; mov $0x500,%dx; out %eax; hlt */
	code(LITERAL("\xb9\x34\x12\x00\x00\x0f\x32\x66\xba\x00\x05\xef\xf4"));
	show("rdmsr");
	fact_hex("rdmsr.number", last.msr.number);
	/* mov $0x1234,%ecx; mov $5,%eax; wrmsr; ... */
	code(LITERAL("\xb9\x34\x12\x00\x00\xb8\x05\x00\x00\x00\x0f\x30\x66\xba\x00\x05\xef\xf4"));
	show("wrmsr");
	fact_hex("wrmsr.number", last.msr.number);
	probe_inject();
}

/* In a loop: a time slice that ends in the HLT ends the HLT too. */
static void probe_halt(void)
{
	code(LITERAL("\xf4\xeb\xfd"));
	show("halt");
	fact("halt.how", last.suspended.how);
	fact("halt.run_again", run());
	fresh();
}

static void probe_entry(void)
{
	static const char text[] = "\x66\xba\x00\x05\xef\xf4";

	code(LITERAL(text));
	(void)set(VMM_REG_RFLAGS, 0);
	show("entry.rflags_0");
	code(LITERAL(text));
	(void)set(VMM_REG_CR0, 0x80050032);
	(void)go();
	fact("entry.paging_unprotected", last.code);
	code(LITERAL(text));
	(void)describe(VMM_REG_CS, 0, 0xffffffff, 0xa09a);
	show("entry.code_not_accessed");
	fact_hex("entry.code_not_accessed_why", last.vmx.reason);
	code(LITERAL(text));
}

/*
 * Only BOGUS for as long as one looks, on AMD. The fault can still be waiting to be delivered then,
 * to whatever runs next: so a new machine follows.
 */
static void probe_triple_fault(void)
{
	uint64_t until = host_ms() + 300;
	long error;

	(void)host_ioctl(node, VMM_REINIT, NULL);
	code(LITERAL("\x0f\x0b"));
	(void)describe(VMM_REG_IDTR, 0, 0, 0);
	do
		error = run();
	while (error == 0 && is_bogus() && host_ms() < until);
	fact("triple_fault.run", error);
	fact_is("triple_fault.bogus", is_bogus());
	close_machine("g");
	full_machine("g");
}

void probe_exits(void)
{
	probe_ports();
	fresh();
	probe_rip();
	probe_holes();
	probe_local_apic();
	probe_read_only();
	probe_fetch();
	probe_exceptions();
	probe_halt();
	probe_entry();
	probe_triple_fault();
}
