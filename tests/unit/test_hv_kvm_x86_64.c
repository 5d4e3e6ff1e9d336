/* SPDX-License-Identifier: ISC */
/* test_hv_kvm_x86_64.c: the KVM backend on a real /dev/kvm: what only x86_64 has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../monitor/core.h"
#include "../../monitor/cpuid_x86_64.h"
#include "../../monitor/hv_kvm.h"
#include "bare.h"

#define CODE(b, ...) code_bytes(&(b)->code, (const uint8_t[]){__VA_ARGS__}, \
				sizeof((const uint8_t[]){__VA_ARGS__}))
#define MOV_EDX(port) 0xba, (port) & 0xff, (port) >> 8, 0, 0
#define OUT_AL 0xee
#define OUT_AX 0x66, 0xef
#define OUT_EAX 0xef
#define IN_AL 0xec
#define IN_AX 0x66, 0xed
#define IN_EAX 0xed
#define HLT 0xf4
/* Five elements at BARE_DATA: mov esi or edi, imm32; mov ecx, 5; rep outsd or insd. */
#define REP_OUTSD 0xbe, 0x00, 0x00, 0x11, 0x00, 0xb9, 5, 0, 0, 0, 0xf3, 0x6f
#define REP_INSD 0xbf, 0x00, 0x00, 0x11, 0x00, 0xb9, 5, 0, 0, 0, 0xf3, 0x6d
#define UD2 0x0f, 0x0b

/* The next calls of this request have this answer. */
static struct {
	unsigned long request;
	int result, error;
	unsigned times;
} special;

/* What the host supports, and what the processor was given of it. */
#define LEAVES 4u
static struct {
	bool stand_in;		/* for the kernel */
	unsigned room;		/* that the kernel was offered */
	uint32_t n_given;
	struct kvm_cpuid_entry2 supported[LEAVES], given[LEAVES];
} leaves;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static int exchange_leaves(unsigned long request, struct kvm_cpuid2 *cpuid)
{
	assert_int_equal(cpuid->padding, 0);
	if (request == KVM_GET_SUPPORTED_CPUID) {
		leaves.room = cpuid->nent;	/* all of it is used */
		memset(cpuid->entries, 0, leaves.room * sizeof cpuid->entries[0]);
		memcpy(cpuid->entries, leaves.supported, sizeof leaves.supported);
	} else {
		leaves.n_given = cpuid->nent;
		memcpy(leaves.given, cpuid->entries, sizeof leaves.given);
	}
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (leaves.stand_in && (request == KVM_GET_SUPPORTED_CPUID || request == KVM_SET_CPUID2))
		return exchange_leaves(request, arg);
	if (special.request != request || special.times == 0)
		return __real_ioctl(fd, request, arg);
	special.times--;
	errno = special.error;
	return special.result;
}

static void answer_often(unsigned long request, int result, int error, unsigned times)
{
	special.request = request;
	special.result = result;
	special.error = error;
	special.times = times;
}

static void answer(unsigned long request, int result, int error)
{
	answer_often(request, result, error, 1);
}

static int set_up(void **state)
{
	static struct bare b;

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

static void assert_port(struct bare *b, uint16_t port, unsigned width, bool write)
{
	assert_exit(b, HV_EXIT_PIO);
	assert_true(b->exit.io.addr == port);
	assert_int_equal(b->exit.io.width, width);
	assert_int_equal(b->exit.io.write, write);
}

static void assert_out(struct bare *b, uint16_t port, unsigned width, uint32_t value)
{
	uint32_t got = 0;

	assert_port(b, port, width, true);
	assert_int_equal(b->exit.io.count, 1);
	memcpy(&got, b->exit.io.data, width);
	assert_int_equal(got, value);
}

static void outputs_come_in_their_width(void **state)
{
	struct bare *b = *state;

	CODE(b, 0xb8, 0x78, 0x56, 0x34, 0x12);		/* mov eax, 0x12345678 */
	CODE(b, MOV_EDX(0x600), OUT_AL, OUT_AX, OUT_EAX);
	CODE(b, MOV_EDX(0xffff), OUT_EAX);
	start(b);
	assert_out(b, 0x600, 1, 0x78);
	assert_out(b, 0x600, 2, 0x5678);
	assert_out(b, 0x600, 4, 0x12345678);
	assert_out(b, 0xffff, 4, 0x12345678);
}

static void inputs_get_what_was_filled_in(void **state)
{
	struct bare *b = *state;

	CODE(b, 0x31, 0xc0);				/* xor eax, eax */
	CODE(b, MOV_EDX(0x600), IN_AL, OUT_EAX, IN_AX, OUT_EAX, IN_EAX, OUT_EAX);
	start(b);
	for (unsigned width = 1; width <= 4; width *= 2) {
		assert_port(b, 0x600, width, false);
		assert_int_equal(b->exit.io.count, 1);
		memcpy(b->exit.io.data, "\x0a\x0b\x0c\x0d", width);
		assert_out(b, 0x600, 4, width == 1 ? 0x0a : width == 2 ? 0x0b0a : 0x0d0c0b0a);
	}
}

static void string_output_brings_every_element_in_order(void **state)
{
	static const uint32_t values[] = {11, 22, 33, 44, 55};
	struct bare *b = *state;
	unsigned n = 0;

	memcpy(bare_at(b, BARE_DATA), values, sizeof values);
	CODE(b, MOV_EDX(0x600), REP_OUTSD, HLT);
	start(b);
	while (n < 5) {
		assert_port(b, 0x600, 4, true);
		assert_in_range(b->exit.io.count, 1, 5 - n);
		assert_memory_equal(b->exit.io.data, values + n, 4 * b->exit.io.count);
		n += b->exit.io.count;
	}
	assert_exit(b, HV_EXIT_HALT);
}

static void string_input_takes_every_element_in_order(void **state)
{
	static const uint32_t values[] = {11, 22, 33, 44, 55};
	struct bare *b = *state;
	unsigned n = 0;

	CODE(b, MOV_EDX(0x600), REP_INSD, HLT);
	start(b);
	while (n < 5) {
		assert_port(b, 0x600, 4, false);
		assert_in_range(b->exit.io.count, 1, 5 - n);
		memcpy(b->exit.io.data, values + n, 4 * b->exit.io.count);
		n += b->exit.io.count;
	}
	assert_exit(b, HV_EXIT_HALT);
	assert_memory_equal(bare_at(b, BARE_DATA), values, sizeof values);
}

static void a_halted_processor_is_an_exit_each_time(void **state)
{
	struct bare *b = *state;

	CODE(b, HLT, HLT);
	start(b);
	assert_exit(b, HV_EXIT_HALT);
	assert_in_range(bare_ip(b), BARE_TEXT, BARE_TEXT + 1);
	assert_exit(b, HV_EXIT_HALT);
	assert_in_range(bare_ip(b), BARE_TEXT + 1, BARE_TEXT + 2);
}

static void an_exception_without_a_handler_is_a_triple_fault(void **state)
{
	struct bare *b = *state;

	CODE(b, UD2);
	start(b);
	assert_exit(b, HV_EXIT_SHUTDOWN);
}

static void a_null_pointer_is_a_triple_fault(void **state)
{
	struct bare *b = *state;

	code_load(&b->code, 0);
	start(b);
	assert_exit(b, HV_EXIT_SHUTDOWN);
}

static void data_does_not_run(void **state)
{
	struct bare *b = *state;

	memset(bare_at(b, BARE_DATA), HLT, 16);
	CODE(b, 0xe9, 0xfb, 0xff, 0x00, 0x00);		/* jmp BARE_DATA */
	start(b);
	assert_exit(b, HV_EXIT_SHUTDOWN);
}

/* There is nothing to emulate in a hole; the tables of a real guest do not even map it. */
static void code_in_a_hole_is_an_error_of_the_hypervisor(void **state)
{
	struct bare *b = *state;
	struct cpu_state cpu;

	start(b);
	assert_int_equal(memory_declare(&b->m, BARE_HOLE, BARE_HOLE + 0x1fffff,
					MEMORY_R | MEMORY_X, "hole", &b->e), 0);
	resource_space_init(&b->gpas, 0, BARE_MEMORY - 1);
	assert_int_equal(cpu_boot(&b->m, &b->gpas, BARE_HOLE, &cpu, &b->e), 0);
	assert_int_equal(hv_backend.set_entry(b->hv, &cpu, &b->e), 0);
	assert_exit(b, HV_EXIT_ERROR);
	assert_string_equal(b->exit.error.what, "internal error exit: suberror");
	assert_true(bare_ip(b) == BARE_HOLE);
}

/* What lies in memory is written there; what lies behind it is reported with its own address. */
static void a_store_across_the_end_of_memory_is_split(void **state)
{
	struct bare *b = *state;

	code_store(&b->code, BARE_MEMORY - 2, 0x44332211);
	CODE(b, HLT);
	start(b);
	assert_exit(b, HV_EXIT_MMIO);
	assert_true(b->exit.io.addr == BARE_HOLE);
	assert_int_equal(b->exit.io.width, 2);
	assert_memory_equal(b->exit.io.data, "\x33\x44", 2);
	assert_exit(b, HV_EXIT_HALT);
	assert_memory_equal(bare_at(b, BARE_MEMORY - 2), "\x11\x22", 2);
}

static void an_access_across_a_page_of_the_hole_is_split(void **state)
{
	struct bare *b = *state;

	code_store(&b->code, BARE_HOLE + 0xffe, 0x44332211);
	CODE(b, HLT);
	start(b);
	assert_exit(b, HV_EXIT_MMIO);
	assert_true(b->exit.io.addr == BARE_HOLE + 0xffe);
	assert_int_equal(b->exit.io.width, 2);
	assert_memory_equal(b->exit.io.data, "\x11\x22", 2);
	assert_exit(b, HV_EXIT_MMIO);
	assert_true(b->exit.io.addr == BARE_HOLE + 0x1000);
	assert_int_equal(b->exit.io.width, 2);
	assert_memory_equal(b->exit.io.data, "\x33\x44", 2);
	assert_exit(b, HV_EXIT_HALT);
}

static uint64_t rung(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

static void a_doorbell_port_takes_one_width_only(void **state)
{
	struct bare *b = *state;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_int_equal(hv_backend.caps(b->hv)->doorbells->add(b->hv, BUS_PIO, 0x700, 4, fd, &b->e), 0);
	CODE(b, MOV_EDX(0x700), OUT_EAX, OUT_AX);
	CODE(b, MOV_EDX(0x701), OUT_EAX, HLT);
	start(b);
	assert_port(b, 0x700, 2, true);
	assert_true(rung(fd) == 1);
	assert_port(b, 0x701, 4, true);
	assert_exit(b, HV_EXIT_HALT);
	assert_true(rung(fd) == 0);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_PIO, 0x700, 4, fd);
	close(fd);
}

static void string_output_rings_once_for_each_element(void **state)
{
	struct bare *b = *state;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_int_equal(hv_backend.caps(b->hv)->doorbells->add(b->hv, BUS_PIO, 0x700, 4, fd, &b->e), 0);
	CODE(b, MOV_EDX(0x700), REP_OUTSD, HLT);
	start(b);
	assert_exit(b, HV_EXIT_HALT);
	assert_true(rung(fd) == 5);
	close(fd);
}

/* ---- refusals ---- */

static void assert_no_frequency(struct bare *b, int result, int error, const char *message)
{
	uint64_t hz;

	answer(KVM_GET_TSC_KHZ, result, error);
	assert_int_equal(hv_backend.cycle_freq(b->hv, &hz, &b->e), -1);
	assert_int_equal(b->e.kind, HUSK_E_HOST);
	assert_string_equal(b->e.message, message);
}

static void a_counter_without_a_frequency_is_an_error(void **state)
{
	assert_no_frequency(*state, -1, EIO, "KVM: host TSC is unstable, cannot continue");
	assert_no_frequency(*state, -1, EINVAL, "KVM_GET_TSC_KHZ: Invalid argument");
	assert_no_frequency(*state, 0, EIO, "KVM_GET_TSC_KHZ: Invalid argument");
}

static void the_frequency_is_in_hertz(void **state)
{
	struct bare *b = *state;
	uint64_t hz;

	answer(KVM_GET_TSC_KHZ, 2100000, 0);
	assert_int_equal(hv_backend.cycle_freq(b->hv, &hz, &b->e), 0);
	assert_true(hz == 2100000000);
	answer(KVM_GET_TSC_KHZ, 1, 0);
	assert_int_equal(hv_backend.cycle_freq(b->hv, &hz, &b->e), 0);
	assert_true(hz == 1000);
}

static void a_processor_that_is_kept_too_long_is_an_error_and_a_bus_lock_is_not(void **state)
{
	struct bare *b = *state;

	start(b);
	answer(KVM_RUN, 0, 0);
	b->hv->run->exit_reason = KVM_EXIT_NOTIFY;
	assert_exit(b, HV_EXIT_ERROR);
	assert_non_null(strstr(b->exit.error.hint, "where no interrupt reaches it"));
	answer(KVM_RUN, 0, 0);
	b->hv->run->exit_reason = KVM_EXIT_X86_BUS_LOCK;
	assert_exit(b, HV_EXIT_INTERRUPTED);
}

/* As on AMD, where the processor has reset the vcpu by then. */
static void an_instruction_pointer_is_lost_in_a_reset(void **state)
{
	const struct kvm_regs reset = {.rip = 0xfff0};
	struct bare *b = *state;
	uint64_t ip;

	start(b);
	assert_int_equal(ioctl(b->hv->vcpu, KVM_SET_REGS, &reset), 0);
	assert_true(hv_backend.ip(b->hv, &ip));
	b->hv->run->exit_reason = KVM_EXIT_SHUTDOWN;
	assert_false(hv_backend.ip(b->hv, &ip));
}

static void an_instruction_pointer_that_cannot_be_had_is_0(void **state)
{
	struct bare *b = *state;

	start(b);
	answer(KVM_GET_REGS, -1, EIO);
	assert_true(bare_ip(b) == 0);
	assert_true(bare_ip(b) == BARE_TEXT);
}

static void registers_that_are_refused_are_an_error(void **state)
{
	static const struct { unsigned long request; const char *message; } sets[] = {
		{KVM_SET_SREGS, "KVM_SET_SREGS: Invalid argument"},
		{KVM_SET_REGS, "KVM_SET_REGS: Invalid argument"},
	};

	for (size_t i = 0; i < 2; i++) {
		struct bare *b = *state;

		bare_free(b);
		assert_int_equal(bare_make(b), 0);
		answer(sets[i].request, -1, EINVAL);
		assert_int_equal(bare_start(b), -1);
		assert_int_equal(b->e.kind, HUSK_E_HOST);
		assert_string_equal(b->e.message, sets[i].message);
	}
}

static void a_processor_that_is_refused_is_an_error(void **state)
{
	static const struct { unsigned long request; const char *message; } sets[] = {
		{KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID: Invalid argument"},
		{KVM_SET_CPUID2, "KVM_SET_CPUID2: Invalid argument"},
	};
	struct husk_error e;
	struct hv *hv;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		answer(sets[i].request, -1, EINVAL);
		assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), -1);
		assert_int_equal(e.kind, HUSK_E_HOST);
		assert_string_equal(e.message, sets[i].message);
	}
}

static void a_processor_with_more_features_than_expected_is_asked_again(void **state)
{
	struct husk_error e;
	struct hv *hv;

	(void)state;
	answer(KVM_GET_SUPPORTED_CPUID, -1, E2BIG);
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
	hv_backend.destroy(hv);
	answer_often(KVM_GET_SUPPORTED_CPUID, -1, E2BIG, 2);
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), -1);
	assert_string_equal(e.message, "KVM_GET_SUPPORTED_CPUID: Argument list too long");
	special.times = 0;
}

/* Intel SDM vol. 2A CPUID: leaf 1, ECX bit 5 is VMX; leaf 0 is passed on as it is. */
static void the_processor_has_what_the_host_supports_and_a_guest_may_see(void **state)
{
	static const uint32_t functions[LEAVES] = {1, 0, 7, 5};
	struct cpuid_regs all = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	struct husk_error e;
	struct hv *hv;

	(void)state;
	for (unsigned i = 0; i < LEAVES; i++)
		leaves.supported[i] = (struct kvm_cpuid_entry2){
			.function = functions[i], .index = i, .flags = 1,
			.eax = all.eax, .ebx = all.ebx, .ecx = all.ecx, .edx = all.edx,
		};
	leaves.stand_in = true;
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
	leaves.stand_in = false;
	hv_backend.destroy(hv);
	assert_in_range(leaves.room, 80, 256);
	assert_int_equal(leaves.n_given, leaves.room);
	for (unsigned i = 0; i < LEAVES; i++) {
		const struct kvm_cpuid_entry2 *given = &leaves.given[i];
		struct cpuid_regs seen = all;

		cpuid_filter(functions[i], &seen);
		assert_true(given->function == functions[i] && given->index == i);
		assert_true(given->eax == seen.eax && given->ebx == seen.ebx);
		assert_true(given->ecx == seen.ecx && given->edx == seen.edx);
	}
	assert_int_equal(leaves.given[0].ecx & 1u << 5, 0);
	assert_int_equal(leaves.given[1].ecx, UINT32_MAX);
}

static void vectors_that_are_written_are_there_after_a_run(void **state)
{
	const struct hv_register_ops *r;
	struct bare *b = *state;
	struct cpu_fp fp, back;

	CODE(b, HLT);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	assert_int_equal(r->get_fp(b->hv, &fp, &b->e), 0);
	for (unsigned i = 0; i < 16; i++)
		fp.xmm[2][i] = (uint8_t)(0xa0 + i);
	for (unsigned i = 0; i < 10; i++)
		fp.st[5][i] = (uint8_t)(0x50 + i);
	fp.mxcsr = 0x1fa0;
	fp.ftw = 0x20;
	fp.fcw = 0x37e;
	assert_int_equal(r->set_fp(b->hv, &fp, &b->e), 0);
	assert_exit(b, HV_EXIT_HALT);
	assert_int_equal(r->get_fp(b->hv, &back, &b->e), 0);
	assert_memory_equal(back.xmm, fp.xmm, sizeof fp.xmm);
	assert_memory_equal(back.st[5], fp.st[5], 10);
	assert_int_equal(back.mxcsr, 0x1fa0);
	assert_int_equal(back.ftw, 0x20);
	assert_int_equal(back.fcw, 0x37e);
}

static void system_registers_are_those_of_the_start(void **state)
{
	const struct hv_register_ops *r;
	struct cpu_system system;
	struct bare *b = *state;

	CODE(b, HLT);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	assert_int_equal(r->get_system(b->hv, &system, &b->e), 0);
	assert_true((system.cr0 & 0x80000001) == 0x80000001);	/* PG, PE */
	assert_true((system.efer & 0x500) == 0x500);		/* LMA, LME */
	assert_true(system.cr3 != 0 && system.cr3 % 4096 == 0);
	assert_true(system.cs != 0 && system.ss != 0);
}

static void registers_that_cannot_be_had_are_an_error(void **state)
{
	static const struct { unsigned long request; const char *name; } cases[] = {
		{KVM_GET_XSAVE, "KVM_GET_XSAVE"}, {KVM_SET_XSAVE, "KVM_SET_XSAVE"},
		{KVM_GET_SREGS, "KVM_GET_SREGS"},
	};
	const struct hv_register_ops *r;
	struct cpu_system system;
	struct bare *b = *state;
	struct cpu_fp fp = {0};

	CODE(b, HLT);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	for (size_t i = 0; i < 3; i++) {
		answer(cases[i].request, -1, EIO);
		assert_int_equal(i == 0 ? r->get_fp(b->hv, &fp, &b->e) :
				 i == 1 ? r->set_fp(b->hv, &fp, &b->e) :
				 r->get_system(b->hv, &system, &b->e), -1);
		assert_int_equal(b->e.kind, HUSK_E_HOST);
		assert_non_null(strstr(b->e.message, cases[i].name));
	}
}

/* ---- a debugger's control ---- */

static void assert_debug(struct bare *b, enum hv_debug_kind kind, uint64_t addr)
{
	assert_exit(b, HV_EXIT_DEBUG);
	assert_int_equal(b->exit.debug.kind, kind);
	assert_true(b->exit.debug.addr == addr);
	assert_true(bare_ip(b) == addr);
}

static void a_halt_is_a_breakpoint_for_a_debugger(void **state)
{
	const struct hv_debug soft = {.soft = true}, none = {0};
	const struct hv_debug_ops *d;
	struct bare *b = *state;
	struct hv_exit exit;

	CODE(b, 0x90, HLT, 0x90, HLT);
	start(b);
	d = hv_backend.caps(b->hv)->debug;
	assert_int_equal(d->set(b->hv, &soft, &b->e), 0);
	assert_debug(b, HV_DEBUG_SOFT, BARE_TEXT + 1);
	assert_int_equal(d->reinject(b->hv, 0, &exit, &b->e), 0);
	assert_int_equal(exit.kind, HV_EXIT_HALT);
	assert_true(bare_ip(b) == BARE_TEXT + 2);
	assert_int_equal(d->set(b->hv, &none, &b->e), 0);
	assert_exit(b, HV_EXIT_HALT);
	assert_true(bare_ip(b) == BARE_TEXT + 4);
}

static void a_step_is_one_instruction(void **state)
{
	const struct hv_debug step = {.step = true}, none = {0};
	const struct hv_debug_ops *d;
	struct bare *b = *state;

	CODE(b, 0x90, 0x90, HLT);
	start(b);
	d = hv_backend.caps(b->hv)->debug;
	assert_int_equal(d->set(b->hv, &step, &b->e), 0);
	assert_debug(b, HV_DEBUG_STEP, BARE_TEXT + 1);
	assert_debug(b, HV_DEBUG_STEP, BARE_TEXT + 2);
	assert_int_equal(d->set(b->hv, &none, &b->e), 0);
	assert_exit(b, HV_EXIT_HALT);
}

/* Bytes that are not aligned take several registers, of which there are four. */
static void points_are_as_many_as_registers_hold(void **state)
{
	struct hv_debug points = {.n = 2, .points = {
		{HV_POINT_EXEC, BARE_TEXT, 1}, {HV_POINT_WRITE, BARE_DATA + 1, 7},
	}};
	const struct hv_debug_ops *d;
	struct bare *b = *state;

	CODE(b, HLT);
	start(b);
	d = hv_backend.caps(b->hv)->debug;
	assert_int_equal(d->set(b->hv, &points, &b->e), 0);
	points.points[points.n++] = (struct hv_point){HV_POINT_ACCESS, BARE_DATA, 1};
	assert_int_equal(d->set(b->hv, &points, &b->e), -1);
	assert_non_null(strstr(b->e.message, "only 4 debug registers"));
	answer(KVM_SET_GUEST_DEBUG, -1, EBUSY);
	points.n = 0;
	assert_int_equal(d->set(b->hv, &points, &b->e), -1);
	assert_non_null(strstr(b->e.message, "KVM_SET_GUEST_DEBUG"));
}

/* movb $1, BARE_DATA: a watchpoint is told behind it. */
#define STORE 0xc6, 0x04, 0x25, 0x00, 0x00, 0x11, 0x00, 1

static void assert_hit_if(struct bare *b, unsigned n, enum hv_point_kind kind, uint64_t addr)
{
	const struct hv_debug d = {.n = 1, .points = {{kind, addr, 1}}};

	assert_true(n == 0 || n == 4);
	CODE(b, STORE, HLT);
	start(b);
	assert_int_equal(hv_backend.caps(b->hv)->debug->set(b->hv, &d, &b->e), 0);
	assert_int_equal(bare_run(b), 0);
	assert_int_equal(b->exit.kind, n == 0 ? HV_EXIT_HALT : HV_EXIT_DEBUG);
	if (n == 0)
		return;
	assert_int_equal(b->exit.debug.kind, HV_DEBUG_HARD);
	assert_int_equal(b->exit.debug.addr, addr);
}

/* What KVM never hits there is not, and the rest is. */
static void points_that_are_there_are_hit(void **state)
{
	struct bare *b = *state;
	unsigned exec, watch;

	hv_backend.caps(b->hv)->debug->limits(b->hv, &exec, &watch);
	assert_hit_if(b, exec, HV_POINT_EXEC, BARE_TEXT);
	assert_int_equal(tear_down(state) | set_up(state), 0);
	assert_hit_if(b, watch, HV_POINT_WRITE, BARE_DATA);
}

/* The host has no room for another machine. */
static void points_that_cannot_be_tried_are_there(void **state)
{
	struct bare *b = *state;
	unsigned exec, watch;

	answer(KVM_CREATE_VM, -1, ENOMEM);
	hv_backend.caps(b->hv)->debug->limits(b->hv, &exec, &watch);
	assert_true(exec == 4 && watch == 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(outputs_come_in_their_width),
		TEST(inputs_get_what_was_filled_in),
		TEST(string_output_brings_every_element_in_order),
		TEST(string_input_takes_every_element_in_order),
		TEST(a_halted_processor_is_an_exit_each_time),
		TEST(an_exception_without_a_handler_is_a_triple_fault),
		TEST(a_null_pointer_is_a_triple_fault),
		TEST(data_does_not_run),
		TEST(code_in_a_hole_is_an_error_of_the_hypervisor),
		TEST(a_store_across_the_end_of_memory_is_split),
		TEST(an_access_across_a_page_of_the_hole_is_split),
		TEST(a_doorbell_port_takes_one_width_only),
		TEST(string_output_rings_once_for_each_element),
		TEST(a_counter_without_a_frequency_is_an_error),
		TEST(the_frequency_is_in_hertz),
		TEST(a_processor_that_is_kept_too_long_is_an_error_and_a_bus_lock_is_not),
		TEST(an_instruction_pointer_is_lost_in_a_reset),
		TEST(an_instruction_pointer_that_cannot_be_had_is_0),
		TEST(registers_that_are_refused_are_an_error),
		TEST(a_halt_is_a_breakpoint_for_a_debugger),
		TEST(a_step_is_one_instruction),
		TEST(points_are_as_many_as_registers_hold),
		TEST(points_that_are_there_are_hit),
		TEST(points_that_cannot_be_tried_are_there),
		TEST(vectors_that_are_written_are_there_after_a_run),
		TEST(system_registers_are_those_of_the_start),
		TEST(registers_that_cannot_be_had_are_an_error),
		TEST(a_processor_that_is_refused_is_an_error),
		TEST(the_processor_has_what_the_host_supports_and_a_guest_may_see),
		TEST(a_processor_with_more_features_than_expected_is_asked_again),
	};

	if (bare_skip_all())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
