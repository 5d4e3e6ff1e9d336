/* SPDX-License-Identifier: ISC */
/* test_hv_kvm_aarch64.c: the aarch64 part of the KVM backend, against a scripted kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../../monitor/hv_kvm.h"

#define RAM 0x200000ull
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* Linux virt/kvm/api.rst 4.68: arm64 registers, as numbers. */
#define X0 0x6030000000100000ull
#define PC 0x6030000000100040ull
#define PSTATE 0x6030000000100042ull
#define SP_EL1 0x6030000000100044ull

static struct {
	int ipa_bits;			/* what KVM_CAP_ARM_VM_IPA_SIZE answers */
	uint64_t type;			/* of the machine that was made */
	unsigned long refused;		/* a request that fails */
	unsigned refused_after;		/* so many of it that do not */
	uint32_t target;		/* preferred, and what a vcpu got */
	uint32_t got_target, got_features;
	int can_tell;			/* what KVM_CAP_ARM_NISV_TO_USER answers */
	bool tells;			/* it was enabled */
	struct { uint64_t id, value; } set[64];
	unsigned n_set;
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, uintptr_t arg);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

int __wrap_open(const char *path, int flags, ...)
{
	return __real_open(strcmp(path, "/dev/kvm") == 0 ? "/dev/null" : path, flags);
}

/* The run page is anonymous memory. */
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return __real_mmap(addr, len, prot, fd != -1 ? MAP_PRIVATE | MAP_ANONYMOUS : flags, -1,
			   offset);
}

static size_t size_of(uint64_t id)
{
	return (size_t)1 << (id >> KVM_REG_SIZE_SHIFT & 0xf);
}

/* The lowest byte of its number is what a register holds, in each byte; but for the PC. */
static void get_register(struct kvm_one_reg *reg)
{
	memset((void *)(uintptr_t)reg->addr, (int)(reg->id & 0xff), size_of(reg->id));
	if (reg->id == PC)
		*(uint64_t *)(uintptr_t)reg->addr = 0x123456;
}

static void set_register(const struct kvm_one_reg *reg)
{
	assert_true(host.n_set < COUNT(host.set));
	host.set[host.n_set].id = reg->id;
	memcpy(&host.set[host.n_set++].value, (const void *)(uintptr_t)reg->addr,
	       size_of(reg->id) < 8 ? size_of(reg->id) : 8);
}

static void init_vcpu(const struct kvm_vcpu_init *init)
{
	host.got_target = init->target;
	host.got_features = init->features[0];
}

static int usual_answer(int fd, unsigned long request, uintptr_t arg)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return 12;
	case KVM_CHECK_EXTENSION:
		return arg == KVM_CAP_ARM_VM_IPA_SIZE ? host.ipa_bits : host.can_tell;
	case KVM_CREATE_VM:
		host.type = arg;
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	case KVM_CREATE_VCPU:
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	case KVM_GET_VCPU_MMAP_SIZE:
		return 0x3000;
	case KVM_ENABLE_CAP:
		host.tells = ((struct kvm_enable_cap *)arg)->cap == KVM_CAP_ARM_NISV_TO_USER;
		break;
	case KVM_ARM_PREFERRED_TARGET:
		*(struct kvm_vcpu_init *)arg = (struct kvm_vcpu_init){.target = host.target};
		break;
	case KVM_ARM_VCPU_INIT:
		init_vcpu((const struct kvm_vcpu_init *)arg);
		break;
	case KVM_GET_ONE_REG:
		get_register((struct kvm_one_reg *)arg);
		break;
	case KVM_SET_ONE_REG:
		set_register((const struct kvm_one_reg *)arg);
		break;
	}
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, uintptr_t arg)
{
	if (request == host.refused && host.refused_after-- == 0) {
		errno = EPERM;
		return -1;
	}
	return usual_answer(fd, request, arg);
}

struct fixture {
	struct hv *hv;
	struct hv_exit exit;
	struct husk_error e;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.ipa_bits = 48;
	host.can_tell = 1;
	host.target = 5;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hv_backend.destroy(f->hv);
	return 0;
}

static void make(struct fixture *f)
{
	if (hv_backend.create(&f->hv, RAM, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void a_processor_is_what_the_host_prefers_without_extras(void **state)
{
	make(*state);
	assert_int_equal(host.got_target, 5);
	assert_int_equal(host.got_features, 0);
	assert_true(host.tells);
}

static void a_machine_has_no_more_address_bits_than_the_host(void **state)
{
	static const struct { int bits; uint64_t type; } cases[] = {
		{48, 0}, {40, 0}, {39, 39}, {36, 36}, {0, 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		host.ipa_bits = cases[i].bits;
		make(f);
		assert_true(host.type == cases[i].type);
		hv_backend.destroy(f->hv);
	}
	f->hv = NULL;
}

static void the_first_registers_arrive(void **state)
{
	static const struct cpu_state first = {.pc = 1, .sp = 2, .x0 = 3, .pstate = 4};
	static const struct { uint64_t id, value; } wanted[] = {
		{PSTATE, 4}, {SP_EL1, 2}, {X0, 3}, {PC, 1},
	};
	struct fixture *f = *state;

	make(f);
	assert_int_equal(hv_backend.set_entry(f->hv, &first, &f->e), 0);
	assert_int_equal(host.n_set, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_true(host.set[i].id == wanted[i].id);
		assert_true(host.set[i].value == wanted[i].value);
	}
}

static void a_register_that_is_refused_is_named(void **state)
{
	static const char *const names[] = {"PSTATE", "SP_EL1", "X0", "PC"};
	const struct cpu_state first = {0};
	struct fixture *f = *state;
	char message[100];

	make(f);
	for (unsigned i = 0; i < COUNT(names); i++) {
		host.refused = KVM_SET_ONE_REG;
		host.refused_after = i;
		host.n_set = 0;
		assert_int_equal(hv_backend.set_entry(f->hv, &first, &f->e), -1);
		snprintf(message, sizeof message, "KVM_SET_ONE_REG: %s: %s", names[i], strerror(EPERM));
		assert_string_equal(f->e.message, message);
	}
}

static void a_processor_that_is_refused_is_an_error(void **state)
{
	static const struct { unsigned long request; unsigned after; const char *name; } cases[] = {
		{KVM_CHECK_EXTENSION, 0, "KVM_CAP_ARM_VM_IPA_SIZE"},
		{KVM_CHECK_EXTENSION, 1, "KVM_CAP_ARM_NISV_TO_USER"},
		{KVM_ENABLE_CAP, 0, "KVM_CAP_ARM_NISV_TO_USER"},
		{KVM_ARM_PREFERRED_TARGET, 0, "KVM_ARM_PREFERRED_TARGET"},
		{KVM_ARM_VCPU_INIT, 0, "KVM_ARM_VCPU_INIT"},
	};
	struct fixture *f = *state;
	char message[100];

	for (size_t i = 0; i < COUNT(cases); i++) {
		host.refused = cases[i].request;
		host.refused_after = cases[i].after;
		assert_int_equal(hv_backend.create(&f->hv, RAM, &f->e), -1);
		snprintf(message, sizeof message, "%s: %s", cases[i].name, strerror(EPERM));
		assert_string_equal(f->e.message, message);
	}
}

/* An old kernel: then KVM_RUN itself fails on an access without a syndrome. */
static void accesses_that_are_not_decoded_need_not_be_offered(void **state)
{
	host.can_tell = 0;
	make(*state);
	assert_false(host.tells);
}

static void the_instruction_pointer_is_the_pc(void **state)
{
	struct fixture *f = *state;
	uint64_t ip;

	make(f);
	assert_true(hv_backend.ip(f->hv, &ip));
	assert_true(ip == 0x123456);
	host.refused = KVM_GET_ONE_REG;
	host.refused_after = 0;
	assert_false(hv_backend.ip(f->hv, &ip));
}

static void an_access_that_is_not_decoded_has_no_width(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *run;

	make(f);
	run = f->hv->run;
	run->exit_reason = KVM_EXIT_ARM_NISV;
	run->arm_nisv.fault_ipa = 0x100000010;
	run->arm_nisv.esr_iss = 1u << 6;
	assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), 0);
	assert_int_equal(f->exit.kind, HV_EXIT_MMIO);
	assert_true(f->exit.io.addr == 0x100000010 && f->exit.io.write);
	assert_true(f->exit.io.width == 0 && f->exit.io.count == 1);
	run->arm_nisv.esr_iss = 0;
	assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), 0);
	assert_false(f->exit.io.write);
}

static void the_counter_has_the_hosts_own_frequency(void **state)
{
	struct fixture *f = *state;
	uint64_t hz = 0, own;

	make(f);
	assert_int_equal(hv_backend.cycle_freq(f->hv, &hz, &f->e), 0);
	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(own));
	assert_true(hz == own && hz != 0);
}

/* Linux virt/kvm/api.rst 4.68; the upper half of a vector's number tells its 16 bytes. */
#define V0 0x6040000000100054ull
#define FPSR 0x60200000001000d4ull
#define FPCR 0x60200000001000d5ull

static void vectors_have_the_numbers_of_kvm(void **state)
{
	struct fixture *f = *state;
	const struct hv_register_ops *r;
	struct cpu_fp fp;

	make(f);
	r = hv_backend.caps(f->hv)->registers;
	assert_int_equal(r->get_fp(f->hv, &fp, &f->e), 0);
	for (unsigned i = 0; i < 32; i++)
		assert_true(fp.v[i][0] == 0x54 + 4 * i && fp.v[i][15] == 0x54 + 4 * i);
	assert_true(fp.fpsr == 0xd4d4d4d4 && fp.fpcr == 0xd5d5d5d5);
	host.n_set = 0;
	assert_int_equal(r->set_fp(f->hv, &fp, &f->e), 0);
	assert_int_equal(host.n_set, 34);
	for (unsigned i = 0; i < 32; i++)
		assert_true(host.set[i].id == V0 + 4 * i);
	assert_true(host.set[32].id == FPSR && host.set[33].id == FPCR);
	assert_true(host.set[33].value == 0xd5d5d5d5);
}

static void system_registers_have_the_numbers_of_kvm(void **state)
{
	struct fixture *f = *state;
	struct cpu_system s;

	make(f);
	assert_int_equal(hv_backend.caps(f->hv)->registers->get_system(f->hv, &s, &f->e), 0);
	assert_true((s.sctlr_el1 & 0xff) == 0x80 && (s.ttbr0_el1 & 0xff) == 0);
	assert_true((s.tcr_el1 & 0xff) == 2 && (s.esr_el1 & 0xff) == 0x90);
	assert_true((s.far_el1 & 0xff) == 0 && (s.vbar_el1 & 0xff) == 0);
	assert_true((s.tpidr_el0 & 0xff) == 0x82 && (s.elr_el1 & 0xff) == 0x46);
}

static void registers_that_cannot_be_had_are_an_error(void **state)
{
	const struct hv_register_ops *r;
	struct fixture *f = *state;
	struct cpu_system system;
	struct cpu_fp fp = {0};

	make(f);
	r = hv_backend.caps(f->hv)->registers;
	host.refused = KVM_GET_ONE_REG;
	host.refused_after = 0;
	assert_int_equal(r->get_fp(f->hv, &fp, &f->e), -1);
	host.refused_after = 0;
	assert_int_equal(r->get_system(f->hv, &system, &f->e), -1);
	host.refused = KVM_SET_ONE_REG;
	host.refused_after = 33;
	assert_int_equal(r->set_fp(f->hv, &fp, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_non_null(strstr(f->e.message, "KVM_SET_ONE_REG 0x60200000001000d5"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_processor_is_what_the_host_prefers_without_extras),
		TEST(a_machine_has_no_more_address_bits_than_the_host),
		TEST(the_first_registers_arrive),
		TEST(a_register_that_is_refused_is_named),
		TEST(a_processor_that_is_refused_is_an_error),
		TEST(accesses_that_are_not_decoded_need_not_be_offered),
		TEST(the_instruction_pointer_is_the_pc),
		TEST(vectors_have_the_numbers_of_kvm),
		TEST(system_registers_have_the_numbers_of_kvm),
		TEST(registers_that_cannot_be_had_are_an_error),
		TEST(an_access_that_is_not_decoded_has_no_width),
		TEST(the_counter_has_the_hosts_own_frequency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
