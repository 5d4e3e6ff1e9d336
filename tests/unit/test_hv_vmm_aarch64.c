/* SPDX-License-Identifier: ISC */
/*
 * test_hv_vmm_aarch64.c: what only aarch64 has of the backend for FreeBSD's vmm, against a scripted
 * kernel.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../../monitor/hv_vmm.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define RAM 0x200000ull
#define CODE 0x100000ull
#define WINDOW 0x100000010ull
#define WRITE 0x20u
#define SIGNED 0x10u
#define ESR_SMC 0x5e000000u
#define ESR_WFX 0x06000001u
#define UNDEFINED 0x02000000u
#define KICK 1ul		/* pthread_kill, in the log of calls */

/* FreeBSD sys/arm64/include/vmm.h, as numbers. */
enum { X0 = 0, LR = 30, SP = 31, PC = 32, CPSR = 33, ZERO = 31 };

/* ---- a kernel that answers as it is told ---- */

static struct {
	uint64_t regs[40];
	unsigned long log[64];
	unsigned n_log;
	bool armed;
	unsigned seen, at;	/* the call that fails, from 1 on */
	int error;
	unsigned n_answers, answered;
	struct {
		int error;
		struct vmm_exit exit;
	} answers[8];
	uint64_t esr;		/* of the exception that was injected */
	uint64_t frequency;	/* what the sysctl says, 0: there is none */
	int frequency_error;
} host;

static bool refused(unsigned long code)
{
	if (host.n_log < COUNT(host.log))
		host.log[host.n_log++] = code;
	if (!host.armed || ++host.seen != host.at)
		return false;
	errno = host.error;
	return true;
}

int __wrap_vmm_host_open(const char *path, int flags);
int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg);
void *__wrap_vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new,
			   size_t new_len);
int __wrap_vmm_host_machines(int (*each)(void *ctx, const char *name), void *ctx);
int __wrap_pthread_kill(pthread_t thread, int number);

int __wrap_vmm_host_open(const char *path, int flags)
{
	(void)path;
	return refused(0) ? -1 : open("/dev/null", flags);
}

void *__wrap_vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	(void)fd, (void)offset;
	return refused(0) ? MAP_FAILED
			  : mmap(at, len, prot, (flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
}

int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new,
			   size_t new_len)
{
	(void)new, (void)new_len;
	assert_string_equal(name, "kern.timecounter.tc.ARM MPCore Timecounter.frequency");
	assert_true(*old_len == 8);
	if (host.frequency == 0) {
		errno = host.frequency_error;
		return -1;
	}
	memcpy(old, &host.frequency, 8);
	return 0;
}

int __wrap_vmm_host_machines(int (*each)(void *ctx, const char *name), void *ctx)
{
	(void)each, (void)ctx;
	return 0;
}

int __wrap_pthread_kill(pthread_t thread, int number)
{
	(void)thread;
	assert_int_equal(number, SIGURG);
	return refused(KICK) ? errno : 0;
}

static int run(const struct vmm_run *r)
{
	assert_in_range(host.answered, 0, host.n_answers - 1);
	errno = host.answers[host.answered].error;
	if (errno == 0)
		*r->exit = host.answers[host.answered].exit;
	host.answered++;
	return errno == 0 ? 0 : -1;
}

static int set_registers(const struct vmm_registers *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		host.regs[r->numbers[i]] = r->values[i];
	return 0;
}

static int get_registers(const struct vmm_registers *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->values[i] = host.regs[r->numbers[i]];
	return 0;
}

int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg)
{
	struct vmm_register *reg = arg;

	(void)fd;
	if (refused(code))
		return -1;
	switch (code) {
	case 0xc0207601:
		return run(arg);
	case 0x80107614:
		host.regs[reg->number] = reg->value;
		break;
	case 0xc0107615:
		reg->value = host.regs[reg->number];
		break;
	case 0x80187618:
		return set_registers(arg);
	case 0xc0187619:
		return get_registers(arg);
	case 0x80187653:
		host.esr = ((struct vmm_exception *)arg)->esr;
		break;
	}
	return 0;
}

static void answer(int error, struct vmm_exit exit)
{
	assert_true(host.n_answers < COUNT(host.answers));
	host.answers[host.n_answers].error = error;
	host.answers[host.n_answers++].exit = exit;
}

static void forget(void)
{
	host.n_answers = host.answered = host.n_log = 0;
	host.armed = false;
}

static void fail_at(unsigned n, int error)
{
	host.armed = true;
	host.seen = 0;
	host.at = n;
	host.error = error;
}

/* ---- a machine ---- */

struct fixture {
	struct hv *hv;
	struct hv_exit exit;
	struct husk_error e;
};

static const struct cpu_state first = {.pc = CODE, .sp = 2, .x0 = 3, .pstate = 4};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	*state = &f;
	if (hv_backend.create(&f.hv, RAM, &f.e) == -1 ||
	    hv_backend.set_entry(f.hv, &first, &f.e) == -1)
		fail_msg("%s", f.e.message);
	forget();
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hv_backend.destroy(f->hv);
	return 0;
}

static void assert_exit(struct fixture *f, enum hv_exit_kind kind)
{
	if (hv_backend.run(f->hv, &f->exit, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_string_equal(hv_exit_name(f->exit.kind), hv_exit_name(kind));
}

static struct vmm_exit mmio(uint8_t how, int reg)
{
	return (struct vmm_exit){.code = VMM_EXIT_INST_EMUL, .inst_length = 4, .pc = CODE,
				 .inst_emul = {.gpa = WINDOW, .access = how, .reg = reg}};
}

static uint64_t ip(struct fixture *f)
{
	uint64_t at = 0;

	assert_true(hv_backend.ip(f->hv, &at));
	return at;
}

static void instruct(struct fixture *f, uint32_t word)
{
	memcpy((uint8_t *)hv_backend.memory(f->hv) + CODE, &word, sizeof word);
}

/* ---- entry and registers ---- */

static void the_first_registers_arrive(void **state)
{
	struct fixture *f = *state;

	assert_true(host.regs[PC] == CODE && host.regs[SP] == 2 && host.regs[X0] == 3 &&
		    host.regs[CPSR] == 4);
	assert_true(ip(f) == CODE);
	assert_false(hv_backend.caps(f->hv)->protects_guest);
	assert_null(hv_backend.caps(f->hv)->doorbells);
}

static unsigned ioctls(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < host.n_log; i++)
		n += host.log[i] > KICK;
	return n;
}

/* docs/porting.md tells both numbers. Before FreeBSD 16 the first way to make a machine is refused. */
static void a_start_is_ten_ioctls_and_a_hypercall_two(void **state)
{
	struct fixture *f = *state;
	struct hv *hv;

	forget();
	fail_at(2, EINVAL);
	answer(0, (struct vmm_exit){.code = VMM_EXIT_SUSPENDED, .suspended = {VMM_SUSPEND_HALT}});
	answer(0, mmio(WRITE | 4, X0));
	assert_int_equal(hv_backend.create(&hv, RAM, &f->e), 0);
	assert_int_equal(hv_backend.protect(hv, CODE, CODE + 0xffff, MEMORY_R, &f->e), 0);
	assert_int_equal(hv_backend.set_entry(hv, &first, &f->e), 0);
	assert_int_equal(hv_backend.run(hv, &f->exit, &f->e), 0);
	assert_int_equal(ioctls(), 10);
	assert_int_equal(hv_backend.run(hv, &f->exit, &f->e), 0);
	assert_int_equal(f->exit.kind, HV_EXIT_MMIO);
	assert_int_equal(ioctls(), 12);
	hv_backend.destroy(hv);
}

static void a_register_that_is_refused_is_named(void **state)
{
	static const char *const names[] = {"CPSR", "SP", "X0", "PC"};
	struct fixture *f = *state;
	char message[100];

	for (unsigned i = 0; i < COUNT(names); i++) {
		fail_at(i + 1, EINVAL);
		assert_int_equal(hv_backend.set_entry(f->hv, &first, &f->e), -1);
		snprintf(message, sizeof message, "VM_SET_REGISTER: %s: %s", names[i],
			 strerror(EINVAL));
		assert_string_equal(f->e.message, message);
	}
}

static void registers_have_the_numbers_of_vmm(void **state)
{
	struct fixture *f = *state;
	const struct hv_register_ops *ops = hv_backend.caps(f->hv)->registers;
	struct cpu_regs r;

	for (unsigned i = 0; i < 40; i++)
		host.regs[i] = 100 + i;
	assert_int_equal(ops->get(f->hv, &r, &f->e), 0);
	for (unsigned i = 0; i <= LR; i++)
		assert_true(r.x[i] == 100 + i);
	assert_true(r.sp == 131 && r.pstate == 133 && r.pc == CODE);
	for (unsigned i = 0; i <= LR; i++)
		r.x[i] = 200 + i;
	r.sp = 231;
	r.pstate = 233;
	assert_int_equal(ops->set(f->hv, &r, &f->e), 0);
	for (unsigned i = 0; i < 32; i++)
		assert_true(host.regs[i] == 200 + i);
	assert_true(host.regs[CPSR] == 233 && host.regs[PC] == 132);
	r.pc = 0x300;
	assert_int_equal(ops->set(f->hv, &r, &f->e), 0);
	assert_true(host.regs[PC] == 0x300 && ip(f) == 0x300);
	fail_at(1, EIO);
	assert_int_equal(ops->get(f->hv, &r, &f->e), -1);
	fail_at(1, EIO);
	assert_int_equal(ops->set(f->hv, &r, &f->e), -1);
}

/* Behind the instruction: vmm is there already, and says that it is at it. */
static void after_an_access_registers_show_the_next_instruction(void **state)
{
	struct fixture *f = *state;
	struct cpu_regs r;

	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_true(ip(f) == CODE);
	assert_int_equal(hv_backend.caps(f->hv)->registers->get(f->hv, &r, &f->e), 0);
	assert_true(r.pc == CODE + 4);
}

/* ---- accesses ---- */

static void a_store_brings_what_is_in_its_register(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	host.regs[2] = 0x1122334455667788;
	for (uint8_t width = 1; width <= 8; width *= 2) {
		forget();
		answer(0, mmio(width | WRITE, 2));
		assert_exit(f, HV_EXIT_MMIO);
		memcpy(&value, f->exit.io.data, sizeof value);
		assert_true(value == 0x1122334455667788);
		assert_true(f->exit.io.addr == WINDOW && f->exit.io.width == width);
		assert_true(f->exit.io.write && f->exit.io.count == 1);
	}
}

/* Number 31 is the stack pointer's among vmm's registers, and the zero register's in its exits. */
static void register_31_is_zero(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	host.regs[SP] = 77;
	answer(0, mmio(4 | WRITE, ZERO));
	assert_exit(f, HV_EXIT_MMIO);
	memcpy(&value, f->exit.io.data, sizeof value);
	assert_true(value == 0);
	answer(0, mmio(8, ZERO));
	assert_exit(f, HV_EXIT_MMIO);
	memset(f->exit.io.data, 0xff, 8);
	assert_int_equal(hv_backend.complete(f->hv, &f->exit, &f->e), 0);
	assert_true(host.regs[SP] == 77);
}

static void a_read_fills_its_register(void **state)
{
	static const struct { uint8_t how; uint64_t value; } cases[] = {
		{1, 0x88}, {2, 0x9988}, {4, 0xbbaa9988}, {8, 0xffeeddccbbaa9988},
		{1 | SIGNED, 0xffffffffffffff88}, {2 | SIGNED, 0xffffffffffff9988},
		{4 | SIGNED, 0xffffffffbbaa9988},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		forget();
		host.regs[7] = 0x5555555555555555;
		answer(0, mmio(cases[i].how, 7));
		answer(0, mmio(4 | WRITE, 2));
		assert_exit(f, HV_EXIT_MMIO);
		assert_false(f->exit.io.write);
		memcpy(f->exit.io.data, "\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 8);
		assert_true(host.regs[7] == 0x5555555555555555);
		assert_exit(f, HV_EXIT_MMIO);
		assert_true(host.regs[7] == cases[i].value);
	}
	forget();
	answer(0, mmio(4, 7));
	assert_exit(f, HV_EXIT_MMIO);
	fail_at(1, ENXIO);
	assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), -1);
	assert_non_null(strstr(f->e.message, "VM_SET_REGISTER: X7"));
}

/* The kernel takes what the processor has not described for a byte of X0. */
static void an_access_that_is_not_described_has_no_width(void **state)
{
	static const struct { uint32_t word; unsigned width; } cases[] = {
		{0xa9000c22, 0},	/* stp x2, x3, [x1] */
		{0xb8040c22, 0},	/* str w2, [x1, #64]! */
		{0x38001420, 0},	/* strb w0, [x1], #1 */
		{0x38001c20, 0},	/* strb w0, [x1, #1]! */
		{0x3d000020, 0},	/* str b0, [x1] */
		{0x38200020, 0},	/* ldaddb w0, w0, [x1] */
		{0x08007c20, 0},	/* stxrb w0, w0, [x1] */
		{0x39000020, 1},	/* strb w0, [x1] */
		{0x38001020, 1},	/* sturb w0, [x1, #1] */
		{0x38000820, 1},	/* sttrb w0, [x1] */
		{0x38226820, 1},	/* strb w0, [x1, x2] */
		{0x089ffc20, 1},	/* stlrb w0, [x1] */
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		forget();
		instruct(f, cases[i].word);
		answer(0, mmio(1 | WRITE, X0));
		assert_exit(f, HV_EXIT_MMIO);
		assert_int_equal(f->exit.io.width, cases[i].width);
		assert_true(f->exit.io.write);
	}
	answer(0, mmio(1, X0));
	assert_exit(f, HV_EXIT_MMIO);
	assert_int_equal(f->exit.io.width, 1);
	assert_int_equal(hv_backend.complete(f->hv, &f->exit, &f->e), 0);
}

/* Where addresses are not those of memory, nothing is known. */
static void an_instruction_outside_memory_is_not_read(void **state)
{
	static const uint64_t places[] = {RAM, RAM + 1, UINT64_MAX, CODE + 1, UINT64_MAX - 3};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(places); i++) {
		struct vmm_exit x = mmio(1 | WRITE, X0);

		forget();
		x.pc = places[i];
		answer(0, x);
		assert_exit(f, HV_EXIT_MMIO);
		assert_int_equal(f->exit.io.width, 0);
	}
}

/* ---- exits ---- */

static void exits_that_are_none_are_run_again(void **state)
{
	struct fixture *f = *state;

	answer(0, (struct vmm_exit){.code = VMM_EXIT_BOGUS, .inst_length = 4, .pc = CODE});
	answer(EINTR, (struct vmm_exit){0});
	answer(0, (struct vmm_exit){.code = VMM_EXIT_BOGUS, .inst_length = 4, .pc = CODE + 4});
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_int_equal(host.answered, 4);
}

static void a_debug_exit_is_an_interruption_and_taken_back(void **state)
{
	struct fixture *f = *state;

	answer(0, (struct vmm_exit){.code = VMM_EXIT_DEBUG, .inst_length = 4, .pc = CODE + 8});
	assert_exit(f, HV_EXIT_INTERRUPTED);
	assert_true(host.log[host.n_log - 1] == 0x8004765d);
	assert_true(ip(f) == CODE + 8);
}

static void calls_to_firmware_find_none(void **state)
{
	struct fixture *f = *state;

	host.regs[X0] = 0x84000000;
	answer(0, (struct vmm_exit){.code = VMM_EXIT_SMCCC, .pc = CODE + 4});
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_true(host.regs[X0] == UINT64_MAX && host.regs[PC] == CODE);
	host.regs[X0] = 5;
	answer(0, (struct vmm_exit){.code = VMM_EXIT_HYP, .pc = CODE, .hyp = {.esr = ESR_SMC}});
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_true(host.regs[X0] == UINT64_MAX && host.regs[PC] == CODE + 4);
}

/* VM_RUN itself fails then, and is behind it. */
static void a_call_with_a_number_finds_none_either(void **state)
{
	struct fixture *f = *state;

	host.regs[PC] = CODE + 8;
	answer(EPERM, (struct vmm_exit){0});
	assert_exit(f, HV_EXIT_INTERRUPTED);
	assert_true(host.regs[X0] == UINT64_MAX && ip(f) == CODE + 8);
	for (unsigned n = 2; n <= 3; n++) {
		forget();
		answer(EPERM, (struct vmm_exit){0});
		fail_at(n, ENXIO);
		assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), -1);
		assert_int_equal(f->e.sys, EPERM);
	}
}

static void waiting_for_an_event_is_over_at_once(void **state)
{
	struct fixture *f = *state;

	answer(0, (struct vmm_exit){.code = VMM_EXIT_HYP, .pc = CODE, .hyp = {.esr = ESR_WFX}});
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_true(host.regs[PC] == CODE + 4);
}

/* PC is set first: what the exception saves is where it is. */
static void a_system_register_that_vmm_lacks_is_undefined(void **state)
{
	struct fixture *f = *state;

	host.regs[PC] = CODE + 4;
	answer(0, (struct vmm_exit){.code = VMM_EXIT_REG_EMUL, .pc = CODE, .reg_emul = {.reg = 3}});
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_true(host.esr == UNDEFINED && host.regs[PC] == CODE);
	assert_true(host.log[1] == 0x80107614 && host.log[2] == 0x80187653);
}

static void each_exit_has_a_neutral_one(void **state)
{
	static const struct {
		struct vmm_exit exit;
		enum hv_exit_kind kind;
		const char *what;
		uint64_t code;
	} cases[] = {
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {3}}, HV_EXIT_HALT, NULL, 0},
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {4}}, HV_EXIT_ERROR, "suspended: how", 4},
		{{.code = VMM_EXIT_SUSPENDED, .suspended = {2}}, HV_EXIT_ERROR, "suspended: how", 2},
		{{.code = VMM_EXIT_HYP, .hyp = {.esr = 0x96000010}}, HV_EXIT_ERROR,
		 "unhandled exception: ESR_EL2", 0x96000010},
		{{.code = VMM_EXIT_HVC}, HV_EXIT_ERROR, "unhandled exit: exitcode", 3},
		{{.code = VMM_EXIT_WFI}, HV_EXIT_ERROR, "unhandled exit: exitcode", 6},
		{{.code = VMM_EXIT_PAGING}, HV_EXIT_ERROR, "unhandled exit: exitcode", 7},
		{{.code = VMM_EXIT_BRK}, HV_EXIT_ERROR, "unhandled exit: exitcode", 10},
		{{.code = VMM_EXIT_SS}, HV_EXIT_ERROR, "unhandled exit: exitcode", 11},
		{{.code = 12}, HV_EXIT_ERROR, "unhandled exit: exitcode", 12},
		{{.code = -1}, HV_EXIT_ERROR, "unhandled exit: exitcode", 0xffffffff},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		forget();
		answer(0, cases[i].exit);
		assert_exit(f, cases[i].kind);
		if (cases[i].what == NULL)
			continue;
		assert_string_equal(f->exit.error.what, cases[i].what);
		assert_true(f->exit.error.code == cases[i].code);
	}
}

/* Whatever the calls are that an exit takes. */
static void a_call_that_fails_after_an_exit_ends_the_guest(void **state)
{
	static const struct vmm_exit exits[] = {
		{.code = VMM_EXIT_INST_EMUL, .inst_emul = {.gpa = WINDOW, .access = 4 | WRITE, .reg = 2}},
		{.code = VMM_EXIT_SMCCC}, {.code = VMM_EXIT_REG_EMUL},
		{.code = VMM_EXIT_HYP, .hyp = {.esr = ESR_SMC}},
		{.code = VMM_EXIT_HYP, .hyp = {.esr = ESR_WFX}},
	};
	static const unsigned calls[] = {1, 1, 2, 2, 1};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(exits); i++)
		for (unsigned n = 1; n <= calls[i]; n++) {
			forget();
			answer(0, exits[i]);
			fail_at(1 + n, ENXIO);
			assert_exit(f, HV_EXIT_ERROR);
			assert_non_null(f->exit.error.what);
		}
}

static void memory_that_cannot_be_had_is_a_fault(void **state)
{
	struct fixture *f = *state;

	host.regs[PC] = CODE + 12;
	answer(EFAULT, (struct vmm_exit){0});
	assert_exit(f, HV_EXIT_FAULT);
	assert_false(f->exit.fault.known);
	assert_true(ip(f) == CODE + 12);
}

/* ---- memory ---- */

/* All rights, whatever is asked for: vmm's second stage knows no others here. */
static void the_guests_maps_stay_as_they_are(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hv_backend.protect(f->hv, CODE, CODE + 0xffff, MEMORY_R, &f->e), 0);
	answer(0, mmio(4 | WRITE, 2));
	assert_exit(f, HV_EXIT_MMIO);
	assert_int_equal(host.n_log, 2);
	assert_true(host.log[0] == 0xc0207601 && host.log[1] == 0xc0107615);
}

/* ---- kicks ---- */

static void *kick(void *ctx)
{
	hv_backend.kick(ctx);
	return NULL;
}

static void kick_by_another_thread(struct hv *hv)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, kick, hv), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Any other order loses some, or takes a second: the kernel's sleep looks at neither alone. */
static void a_kick_is_a_request_a_signal_and_a_request(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	errno = 77;
	kick_by_another_thread(f->hv);
	assert_int_equal(errno, 77);
	assert_int_equal(host.n_log, 3);
	assert_true(host.log[0] == 0x8004765c && host.log[1] == KICK && host.log[2] == 0x8004765c);
	hv_backend.disown(f->hv);
}

static void without_an_owner_or_by_it_a_request_will_do(void **state)
{
	struct fixture *f = *state;

	kick_by_another_thread(f->hv);
	assert_int_equal(host.n_log, 1);
	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	hv_backend.kick(f->hv);
	assert_int_equal(host.n_log, 2);
	hv_backend.disown(f->hv);
	kick_by_another_thread(f->hv);
	assert_int_equal(host.n_log, 3);
}

/* Blocked or ignored, it would not even be noticed. */
static void the_owner_can_be_signalled(void **state)
{
	struct fixture *f = *state;
	struct sigaction action;
	sigset_t set, before;

	signal(SIGURG, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	assert_int_equal(sigismember(&set, SIGURG), 0);
	assert_int_equal(sigaction(SIGURG, NULL, &action), 0);
	assert_true(action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL);
	assert_true((action.sa_flags & SA_RESTART) != 0);
	assert_int_equal(raise(SIGURG), 0);
	hv_backend.disown(f->hv);
	pthread_sigmask(SIG_SETMASK, &before, &set);
	assert_int_equal(sigismember(&set, SIGURG), 1);
}

/* ---- failures ---- */

static void a_start_that_fails_says_why(void **state)
{
	static const int errors[] = {EPERM, EINVAL, ENOMEM, ENXIO, EFAULT, EBUSY, EIO};
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(errors); i++) {
		for (unsigned n = 1; n < 20; n++) {
			struct hv *hv = NULL;
			struct husk_error e = {0};
			bool made;

			forget();
			fail_at(n, errors[i]);
			made = hv_backend.create(&hv, RAM, &e) == 0;
			host.armed = false;
			hv_backend.destroy(hv);
			if (made && host.seen < n)
				break;
			assert_true(made || (e.kind == HUSK_E_HOST && e.message[0] != '\0'));
			assert_in_range(n, 1, 18);
		}
	}
	(void)f;
}

/* ---- the counter ---- */

static void the_kernel_knows_the_counters_frequency(void **state)
{
	struct fixture *f = *state;
	uint64_t hz = 0, own;

	host.frequency = 54000000;
	assert_int_equal(hv_backend.cycle_freq(f->hv, &hz, &f->e), 0);
	assert_true(hz == 54000000);
	host.frequency = 0;
	host.frequency_error = ENOENT;
	assert_int_equal(hv_backend.cycle_freq(f->hv, &hz, &f->e), 0);
	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(own));
	assert_true(hz == own);
	host.frequency_error = EPERM;
	assert_int_equal(hv_backend.cycle_freq(f->hv, &hz, &f->e), -1);
	assert_int_equal(f->e.sys, EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_registers_arrive),
		TEST(a_start_is_ten_ioctls_and_a_hypercall_two),
		TEST(a_register_that_is_refused_is_named),
		TEST(registers_have_the_numbers_of_vmm),
		TEST(after_an_access_registers_show_the_next_instruction),
		TEST(a_store_brings_what_is_in_its_register),
		TEST(register_31_is_zero),
		TEST(a_read_fills_its_register),
		TEST(an_access_that_is_not_described_has_no_width),
		TEST(an_instruction_outside_memory_is_not_read),
		TEST(exits_that_are_none_are_run_again),
		TEST(a_debug_exit_is_an_interruption_and_taken_back),
		TEST(calls_to_firmware_find_none),
		TEST(a_call_with_a_number_finds_none_either),
		TEST(waiting_for_an_event_is_over_at_once),
		TEST(a_system_register_that_vmm_lacks_is_undefined),
		TEST(each_exit_has_a_neutral_one),
		TEST(a_call_that_fails_after_an_exit_ends_the_guest),
		TEST(memory_that_cannot_be_had_is_a_fault),
		TEST(the_guests_maps_stay_as_they_are),
		TEST(a_kick_is_a_request_a_signal_and_a_request),
		TEST(without_an_owner_or_by_it_a_request_will_do),
		TEST(the_owner_can_be_signalled),
		TEST(a_start_that_fails_says_why),
		TEST(the_kernel_knows_the_counters_frequency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
