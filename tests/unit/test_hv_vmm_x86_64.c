/* SPDX-License-Identifier: ISC */
/* test_hv_vmm_x86_64.c: the backend for FreeBSD's vmm, on it or on its stand-in: what only x86_64 has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../../monitor/vmm_abi.h"
#include "../../monitor/vmm_host.h"
#include "bare.h"
#include "vmm_kernels.h"

#define CODE(b, ...) code_bytes(&(b)->code, (const uint8_t[]){__VA_ARGS__}, \
				sizeof((const uint8_t[]){__VA_ARGS__}))
#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define PORT 0x510u
#define MOV_EDX_PORT 0xba, PORT & 0xff, PORT >> 8, 0, 0
#define MOV_RAX(byte) 0x48, 0xb8, byte, byte, byte, byte, byte, byte, byte, byte
#define ROTATE_RAX 0x48, 0xc1, 0xc0, 0x20	/* rol rax, 32 */
#define OUT_EAX 0xef
#define HLT 0xf4

/* What the kernel says to the next runs, instead of running. */
static struct {
	unsigned n, at;
	struct {
		int error;
		struct vmm_exit exit;
	} answers[8];
} script;

int __real_vmm_host_ioctl(int fd, unsigned long code, void *arg);
int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg);

/* What it says to one kind of call. */
static struct {
	unsigned long code;
	int error;
} refusal;

/* On AMD's processors EFER is told with the host's SVME. */
static int get_registers_as_on_amd(int fd, struct vmm_registers *r)
{
	int rc = __real_vmm_host_ioctl(fd, VMM_GET_REGISTERS, r);

	for (uint32_t i = 0; i < r->count; i++)
		if (r->numbers[i] == VMM_REG_EFER)
			r->values[i] |= 0x1000;
	return rc;
}

int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg)
{
	if (refusal.code == code) {
		errno = refusal.error;
		return -1;
	}
	if (code == VMM_GET_REGISTERS)
		return get_registers_as_on_amd(fd, arg);
	if (code != VMM_RUN || script.at == script.n)
		return __real_vmm_host_ioctl(fd, code, arg);
	errno = script.answers[script.at].error;
	if (errno != 0) {
		script.at++;
		return -1;
	}
	*((struct vmm_run *)arg)->exit = script.answers[script.at++].exit;
	return 0;
}

/* What the kernel says of its counter, in place of what it would. */
static struct {
	bool asked;
	int error, invariant;
} counter;

int __real_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len);
int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len);

int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len)
{
	if (!counter.asked || strcmp(name, "kern.timecounter.invariant_tsc") != 0)
		return __real_vmm_host_sysctl(name, old, old_len, new, new_len);
	assert_int_equal(*old_len, sizeof counter.invariant);
	memcpy(old, &counter.invariant, sizeof counter.invariant);
	errno = counter.error;
	return counter.error == 0 ? 0 : -1;
}

static void answer(int error, struct vmm_exit exit)
{
	assert_true(script.n < COUNT(script.answers));
	script.answers[script.n].error = error;
	script.answers[script.n++].exit = exit;
}

static int set_up(void **state)
{
	static struct bare b;

	memset(&script, 0, sizeof script);
	memset(&counter, 0, sizeof counter);
	memset(&refusal, 0, sizeof refusal);
	*state = &b;
	return bare_make(&b);
}

static int tear_down(void **state)
{
	bare_free(*state);
	return 0;
}

static void start(struct bare *b)
{
	if (bare_start(b) != 0)
		fail_msg("%s", b->e.message);
}

static void assert_exit(struct bare *b, enum hv_exit_kind kind)
{
	if (bare_run(b) != 0)
		fail_msg("%s", b->e.message);
	if (b->exit.kind != kind)
		fail_msg("exit of kind %s, expected %s, ip 0x%llx", hv_exit_name(b->exit.kind),
			 hv_exit_name(kind), (unsigned long long)bare_ip(b));
}

static void assert_port(struct bare *b, unsigned width, bool write, const void *data)
{
	assert_exit(b, HV_EXIT_PIO);
	assert_int_equal(b->exit.io.addr, PORT);
	assert_int_equal(b->exit.io.width, width);
	assert_int_equal(b->exit.io.count, 1);
	assert_int_equal(b->exit.io.write, write);
	if (write)
		assert_memory_equal(b->exit.io.data, data, width);
}

/* ---- ports ---- */

static void what_is_written_to_a_port_has_its_width(void **state)
{
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT, 0xb8, 0x44, 0x33, 0x22, 0x11, 0xee, 0x66, 0xef, OUT_EAX);
	start(b);
	assert_port(b, 1, true, "\x44");
	assert_port(b, 2, true, "\x44\x33");
	assert_port(b, 4, true, "\x44\x33\x22\x11");
}

/* in; out eax; rol rax, 32; out eax: both halves of what RAX is then. */
static void assert_read(struct bare *b, unsigned width, const char *data, const char *low,
			const char *high)
{
	assert_port(b, width, false, NULL);
	memcpy(b->exit.io.data, data, width);
	assert_port(b, 4, true, low);
	assert_port(b, 4, true, high);
}

static void what_is_read_from_a_port_changes_as_much_of_rax(void **state)
{
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT);
	CODE(b, MOV_RAX(0xaa), 0xec, OUT_EAX, ROTATE_RAX, OUT_EAX);
	CODE(b, MOV_RAX(0xaa), 0x66, 0xed, OUT_EAX, ROTATE_RAX, OUT_EAX);
	CODE(b, MOV_RAX(0xaa), 0xed, OUT_EAX, ROTATE_RAX, OUT_EAX);
	start(b);
	assert_read(b, 1, "\x11", "\x11\xaa\xaa\xaa", "\xaa\xaa\xaa\xaa");
	assert_read(b, 2, "\x11\x22", "\x11\x22\xaa\xaa", "\xaa\xaa\xaa\xaa");
	assert_read(b, 4, "\x11\x22\x33\x44", "\x11\x22\x33\x44", "\0\0\0");
}

static void a_read_is_completed_before_a_kick_is_seen(void **state)
{
	const struct hv_register_ops *r;
	struct bare *b = *state;
	struct cpu_regs regs;

	CODE(b, MOV_EDX_PORT, 0xed, OUT_EAX);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	assert_port(b, 4, false, NULL);
	memcpy(b->exit.io.data, "\1\2\3\4", 4);
	hv_backend.kick(b->hv);
	assert_int_equal(hv_backend.complete(b->hv, &b->exit, &b->e), 0);
	assert_int_equal(r->get(b->hv, &regs, &b->e), 0);
	assert_true(regs.rax == 0x04030201);
	assert_true(regs.rip == BARE_TEXT + 6);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_port(b, 4, true, "\1\2\3\4");
}

/* Intel SDM vol. 4, IA32_FS_BASE, IA32_GS_BASE. */
#define SET_BASE(msr, base) 0xb9, msr, 0x01, 0x00, 0xc0, 0xb8, base & 0xff, base >> 8 & 0xff, base >> 16, 0, \
	0x31, 0xd2, 0x0f, 0x30	/* mov ecx, msr; mov eax, base; xor edx, edx; wrmsr */

static void segments_and_control_registers_are_the_guests(void **state)
{
	const struct hv_register_ops *r;
	struct cpu_system s;
	struct bare *b = *state;

	CODE(b, SET_BASE(0x00, 0x123456), SET_BASE(0x01, 0x654321), MOV_EDX_PORT, OUT_EAX);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	assert_exit(b, HV_EXIT_PIO);
	assert_int_equal(r->get_system(b->hv, &s, &b->e), 0);
	assert_true(s.fs_base == 0x123456 && s.gs_base == 0x654321);
	assert_true((s.cr0 & 0x80000001) == 0x80000001);	/* PG, PE */
	assert_true((s.cr4 & 0x20) != 0);			/* PAE */
	assert_true((s.efer & 0x1500) == 0x500);		/* LMA, LME; SVME is the host's */
	assert_true(s.cr3 != 0 && s.cr3 % 4096 == 0);
	assert_true(s.cs != 0 && s.ss != 0 && s.cs != s.ss);
	assert_true(s.ds == s.ss && s.es == s.ss && s.fs == s.ss && s.gs == s.ss);
	assert_exit(b, HV_EXIT_SHUTDOWN);	/* what is behind the code is none */
}

static void registers_that_cannot_be_had_are_an_error(void **state)
{
	static const struct { unsigned long code; const char *message; } cases[] = {
		{VMM_GET_REGISTERS, "VM_GET_REGISTER_SET: "},
		{VMM_GET_DESCRIPTOR, "VM_GET_SEGMENT_DESCRIPTOR: "},
	};
	const struct hv_register_ops *r;
	struct bare *b = *state;
	struct cpu_system s;

	start(b);
	r = hv_backend.caps(b->hv)->registers;
	for (size_t i = 0; i < COUNT(cases); i++) {
		refusal = (typeof(refusal)){cases[i].code, EIO};
		assert_int_equal(r->get_system(b->hv, &s, &b->e), -1);
		assert_int_equal(b->e.kind, HUSK_E_HOST);
		assert_int_equal(strncmp(b->e.message, cases[i].message, strlen(cases[i].message)), 0);
	}
}

/* The kernel has gone on behind the instruction, and a guest that goes on would read what was in RAX. */
static void a_read_that_cannot_be_completed_is_an_error(void **state)
{
	static const struct { unsigned long code; const char *message; } cases[] = {
		{VMM_GET_REGISTER, "VM_GET_REGISTER: RAX"}, {VMM_SET_REGISTER, "VM_SET_REGISTER: RAX"},
	};
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT, 0xec, 0xec);
	start(b);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_port(b, 1, false, NULL);
		refusal = (typeof(refusal)){cases[i].code, EIO};
		assert_int_equal(i == 0 ? bare_run(b) : hv_backend.complete(b->hv, &b->exit, &b->e), -1);
		refusal.code = 0;
		assert_int_equal(strncmp(b->e.message, cases[i].message, strlen(cases[i].message)), 0);
	}
}

/* Bits of the flags that say nothing hold what an earlier exit left there. */
static void leftover_bits_of_a_port_exit_mean_nothing(void **state)
{
	struct bare *b = *state;

	start(b);
	answer(0, (struct vmm_exit){.code = VMM_EXIT_INOUT, .inst_length = 1, .rip = 7,
				    .inout = {0x8044, PORT, 0x12345678}});
	assert_port(b, 4, true, "\x78\x56\x34\x12");
	assert_true(bare_ip(b) == 7);
}

/* ---- other exits ---- */

static void exits_that_are_none_are_run_again(void **state)
{
	static const int codes[] = {VMM_EXIT_BOGUS, VMM_EXIT_REQIDLE, VMM_EXIT_BOGUS,
				    VMM_EXIT_PAUSE, VMM_EXIT_RENDEZVOUS};
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT, 0xb8, 1, 0, 0, 0, OUT_EAX);
	start(b);
	for (unsigned i = 0; i < COUNT(codes); i++)
		answer(0, (struct vmm_exit){.code = codes[i], .rip = BARE_TEXT});
	answer(EINTR, (struct vmm_exit){0});
	assert_port(b, 4, true, "\1\0\0");
}

static void a_debug_exit_that_nobody_asked_for_is_harmless(void **state)
{
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT, 0xb8, 1, 0, 0, 0, OUT_EAX);
	start(b);
	answer(0, (struct vmm_exit){.code = VMM_EXIT_DEBUG, .rip = BARE_TEXT});
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_port(b, 4, true, "\1\0\0");
}

static void each_exit_has_a_neutral_one(void **state)
{
	static const struct {
		struct vmm_exit exit;
		enum hv_exit_kind kind;
		const char *what;
		uint64_t code;
	} cases[] = {
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {VMM_SUSPEND_HALT}}, HV_EXIT_HALT, NULL, 0},
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {VMM_SUSPEND_POWEROFF}}, HV_EXIT_ERROR,
		 "suspended: how", VMM_SUSPEND_POWEROFF},
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {VMM_SUSPEND_DESTROY}}, HV_EXIT_ERROR,
		 "suspended: how", VMM_SUSPEND_DESTROY},
		{{.code = VMM_EXIT_VMX, .vmx = {.reason = 2}}, HV_EXIT_SHUTDOWN, NULL, 0},
		{{.code = VMM_EXIT_VMX, .vmx = {.reason = 0x80000021}}, HV_EXIT_ERROR,
		 "entry failure: VMX exit reason", 0x80000021},
		{{.code = VMM_EXIT_VMX, .vmx = {.reason = 48}}, HV_EXIT_ERROR, "VMX exit: reason", 48},
		{{.code = VMM_EXIT_VMX, .vmx = {.reason = 77}}, HV_EXIT_ERROR, "VMX exit: reason", 77},
		{{.code = VMM_EXIT_SVM, .svm = {.code = 0x400}}, HV_EXIT_ERROR, "SVM exit: code", 0x400},
		{{.code = VMM_EXIT_SVM, .svm = {.code = 0xffffffff}}, HV_EXIT_ERROR,
		 "entry failure: SVM exit code", 0xffffffff},
		{{.code = VMM_EXIT_SVM, .svm = {.code = 0x60}}, HV_EXIT_ERROR, "SVM exit: code", 0x60},
		{{.code = VMM_EXIT_HLT}, HV_EXIT_ERROR, "unhandled exit: exitcode", VMM_EXIT_HLT},
		{{.code = VMM_EXIT_PAGING}, HV_EXIT_ERROR, "unhandled exit: exitcode",
		 VMM_EXIT_PAGING},
		{{.code = 99}, HV_EXIT_ERROR, "unhandled exit: exitcode", 99},
		{{.code = -1}, HV_EXIT_ERROR, "unhandled exit: exitcode", 0xffffffff},
	};
	struct bare *b = *state;

	start(b);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		memset(&script, 0, sizeof script);
		answer(0, cases[i].exit);
		assert_exit(b, cases[i].kind);
		if (cases[i].what == NULL)
			continue;
		assert_string_equal(b->exit.error.what, cases[i].what);
		assert_true(b->exit.error.code == cases[i].code);
	}
}

#define STRING_EXIT(f, n, bytes) ((struct vmm_exit){.code = VMM_EXIT_INOUT_STR, .rip = 7, \
	.inout_str = {.flags = (f), .port = PORT, .count = (n), .address_bytes = (bytes)}})

static void string_io_is_a_bad_access(void **state)
{
	const struct vmm_exit exits[] = {
		STRING_EXIT(0x34, 1, 8), STRING_EXIT(0x34, UINT64_C(1) << 32, 8),
		STRING_EXIT(0x34, 0x10000, 4), STRING_EXIT(0x14, 1, 8), STRING_EXIT(0x14, 0, 8),
	};
	struct bare *b = *state;

	start(b);
	for (unsigned i = 0; i < COUNT(exits); i++) {
		memset(&script, 0, sizeof script);
		answer(0, exits[i]);
		assert_exit(b, HV_EXIT_PIO);
		assert_int_equal(b->exit.io.addr, PORT);
		assert_int_equal(b->exit.io.count, 0);
		assert_int_equal(b->exit.io.width, 4);
	}
}

/* The guest goes on. The count is as wide as the addresses are. */
static void string_io_of_nothing_is_no_access(void **state)
{
	struct bare *b = *state;

	CODE(b, MOV_EDX_PORT, OUT_EAX);
	start(b);
	answer(0, STRING_EXIT(0x34, 0, 8));
	answer(0, STRING_EXIT(0x3c, 0, 8));
	answer(0, STRING_EXIT(0x34, UINT64_C(1) << 32, 4));
	answer(0, STRING_EXIT(0x34, 0x10000, 2));
	assert_exit(b, HV_EXIT_PIO);
	assert_int_equal(script.at, 4);
	assert_int_equal(b->exit.io.count, 1);
}

/* The kernel has decoded the instruction and does not tell the width. */
static void the_width_of_an_access_is_in_its_instruction(void **state)
{
	static const struct {
		uint8_t inst[15];
		uint8_t width;
		bool write;
	} cases[] = {
		{{0x88, 0x03}, 1, true}, {{0x89, 0x43, 0x04}, 4, true}, {{0x66, 0x89, 0x03}, 2, true},
		{{0x48, 0x89, 0x03}, 8, true}, {{0x41, 0x89, 0x03}, 4, true},
		{{0x66, 0xc7, 0x03, 1, 0}, 2, true}, {{0xc6, 0x03, 1}, 1, true},
		{{0x8b, 0x03}, 4, false}, {{0x8a, 0x03}, 1, false}, {{0x4c, 0x8b, 0x03}, 8, false},
		{{0x0f, 0xb6, 0x03}, 0, false}, {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}, 0, false},
	};
	struct bare *b = *state;

	start(b);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct vmm_exit x = {.code = VMM_EXIT_INST_EMUL, .inst_emul = {.gpa = BARE_HOLE}};

		memcpy(x.inst_emul.inst, cases[i].inst, sizeof cases[i].inst);
		memset(&script, 0, sizeof script);
		answer(0, x);
		assert_exit(b, HV_EXIT_MMIO);
		assert_int_equal(b->exit.io.addr, BARE_HOLE);
		assert_int_equal(b->exit.io.width, cases[i].width);
		assert_int_equal(b->exit.io.write, cases[i].write);
	}
}

/* ---- a guest that does wrong ---- */

/* Of a triple fault on an AMD processor a kernel says nothing: the run goes on until it is kicked. */
static bool triple_faults_are_told(void)
{
	unsigned a, vendor, c, d;

	return strcmp(vmm_kernels[0], VMM_THIS_KERNEL) != 0 ||
	       __get_cpuid(0, &a, &vendor, &c, &d) == 0 || vendor != signature_AMD_ebx;
}

static void *kick_later(void *hv)
{
	usleep(300000);
	hv_backend.kick(hv);
	return NULL;
}

static void assert_shut_down(struct bare *b)
{
	pthread_t kicker;

	if (triple_faults_are_told()) {
		assert_exit(b, HV_EXIT_SHUTDOWN);
		return;
	}
	assert_int_equal(pthread_create(&kicker, NULL, kick_later, b->hv), 0);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	pthread_join(kicker, NULL);
}

static void a_guest_without_handlers_that_traps_is_shut_down(void **state)
{
	struct bare *b = *state;

	CODE(b, 0x0f, 0x0b);		/* ud2 */
	start(b);
	assert_shut_down(b);
}

/* The guest gets #GP, and without handlers that is its end. */
static void an_unknown_model_specific_register_is_the_guests_fault(void **state)
{
	struct bare *b = *state;

	CODE(b, 0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32);	/* mov ecx, 0x12345678; rdmsr */
	start(b);
	assert_shut_down(b);
}

/* In a loop: a time slice that ends in the HLT lets the guest go on behind it. */
static void a_halted_guest_is_halted(void **state)
{
	struct bare *b = *state;

	CODE(b, HLT, 0xeb, 0xfd);	/* jmp to it */
	start(b);
	assert_exit(b, HV_EXIT_HALT);
}

static void the_counter_has_a_frequency(void **state)
{
	struct bare *b = *state;
	uint64_t hz = 0;

	assert_int_equal(hv_backend.cycle_freq(b->hv, &hz, &b->e), 0);
	assert_in_range(hz, 1000000, 100000000000);
}

static void a_counter_that_is_not_invariant_is_a_remark_of_each_machine(void **state)
{
	static const struct {
		int error, invariant;
		bool told;
	} cases[] = {{0, 1, false}, {0, 0, true}, {ENOENT, 0, false}, {EPERM, 0, false}};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct husk_error e;
		const char *remark;
		struct hv *hv;

		counter = (typeof(counter)){true, cases[i].error, cases[i].invariant};
		assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
		remark = hv_backend.caps(hv)->remarks[0];
		assert_int_equal(remark != NULL && strstr(remark, "TSC is not invariant") != NULL,
				 cases[i].told);
		assert_null(hv_backend.caps(hv)->remarks[1]);
		hv_backend.destroy(hv);
	}
}

static void count_flaws(void *ctx, bool ok, const char *what, const char *remedy)
{
	assert_true(ok);
	assert_string_equal(remedy, "");
	*(int *)ctx += strstr(what, "TSC is not invariant") != NULL;
}

static void a_probe_tells_it_too(void **state)
{
	(void)state;
	for (int invariant = 0; invariant <= 1; invariant++) {
		int told = 0;

		counter = (typeof(counter)){.asked = true, .invariant = invariant};
		assert_int_equal(hv_backend.probe(count_flaws, &told), 0);
		assert_int_equal(told, 1 - invariant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_MACHINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		WITH_MACHINE(what_is_written_to_a_port_has_its_width),
		WITH_MACHINE(what_is_read_from_a_port_changes_as_much_of_rax),
		WITH_MACHINE(a_read_is_completed_before_a_kick_is_seen),
		WITH_MACHINE(segments_and_control_registers_are_the_guests),
		WITH_MACHINE(registers_that_cannot_be_had_are_an_error),
		WITH_MACHINE(a_read_that_cannot_be_completed_is_an_error),
		WITH_MACHINE(leftover_bits_of_a_port_exit_mean_nothing),
		WITH_MACHINE(exits_that_are_none_are_run_again),
		WITH_MACHINE(a_debug_exit_that_nobody_asked_for_is_harmless),
		WITH_MACHINE(each_exit_has_a_neutral_one),
		WITH_MACHINE(string_io_is_a_bad_access),
		WITH_MACHINE(string_io_of_nothing_is_no_access),
		WITH_MACHINE(the_width_of_an_access_is_in_its_instruction),
		WITH_MACHINE(a_guest_without_handlers_that_traps_is_shut_down),
		WITH_MACHINE(an_unknown_model_specific_register_is_the_guests_fault),
		WITH_MACHINE(a_halted_guest_is_halted),
		WITH_MACHINE(the_counter_has_a_frequency),
		WITH_MACHINE(a_counter_that_is_not_invariant_is_a_remark_of_each_machine),
		WITH_MACHINE(a_probe_tells_it_too),
	};

	if (bare_skip_all())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
