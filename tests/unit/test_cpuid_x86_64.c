/* SPDX-License-Identifier: ISC */
/* test_cpuid_x86_64.c: which processor features a guest is told of. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../monitor/cpuid_x86_64.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define ALL UINT32_MAX

static const struct cpuid_regs everything = {ALL, ALL, ALL, ALL};

static struct cpuid_regs filtered(uint32_t leaf, struct cpuid_regs r)
{
	cpuid_filter(leaf, &r);
	return r;
}

static void assert_regs(struct cpuid_regs got, uint32_t eax, uint32_t ebx, uint32_t ecx,
			uint32_t edx)
{
	assert_int_equal(got.eax, eax);
	assert_int_equal(got.ebx, ebx);
	assert_int_equal(got.ecx, ecx);
	assert_int_equal(got.edx, edx);
}

/* Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E. */
static void what_a_guest_cannot_use_is_hidden(void **state)
{
	const uint32_t monitor = 1u << 3, vmx = 1u << 5, x2apic = 1u << 21, deadline = 1u << 24;
	const uint32_t sgx = 1u << 2, sgx_lc = 1u << 30, svm = 1u << 2, monitorx = 1u << 29;

	(void)state;
	assert_regs(filtered(1, everything), ALL, ALL, ~(monitor | vmx | x2apic | deadline), ALL);
	assert_regs(filtered(7, everything), ALL, ~sgx, ~sgx_lc, ALL);
	assert_regs(filtered(0x80000001, everything), ALL, ALL, ~(svm | monitorx), ALL);
}

static void leaves_of_what_is_hidden_are_empty(void **state)
{
	static const uint32_t leaves[] = {5, 0x12, 0x8000000a};

	(void)state;
	for (size_t i = 0; i < COUNT(leaves); i++)
		assert_regs(filtered(leaves[i], everything), 0, 0, 0, 0);
}

/* Linux virt/kvm/x86/cpuid.rst: what needs no interrupt is the clock, and that I/O has no delay. */
static void of_kvms_own_features_the_clock_stays(void **state)
{
	const uint32_t clock = 1u << 0, no_delay = 1u << 1, clock2 = 1u << 3, stable = 1u << 24;

	(void)state;
	assert_regs(filtered(0x40000001, everything), clock | no_delay | clock2 | stable, 0, 0, 0);
}

static void what_guests_are_compiled_for_stays(void **state)
{
	const uint32_t sse3 = 1u << 0, tsc = 1u << 4, fxsr = 1u << 24, sse = 1u << 25;
	const uint32_t sse2 = 1u << 26, rdrand = 1u << 30, rdseed = 1u << 18;
	const uint32_t nx = 1u << 20, rdtscp = 1u << 27, long_mode = 1u << 29;
	const uint32_t invariant_tsc = 1u << 8;

	(void)state;
	assert_regs(filtered(1, (struct cpuid_regs){0, 0, sse3 | rdrand, tsc | fxsr | sse | sse2}),
		    0, 0, sse3 | rdrand, tsc | fxsr | sse | sse2);
	assert_regs(filtered(7, (struct cpuid_regs){0, rdseed, 0, 0}), 0, rdseed, 0, 0);
	assert_regs(filtered(0x80000001, (struct cpuid_regs){0, 0, 0, nx | rdtscp | long_mode}),
		    0, 0, 0, nx | rdtscp | long_mode);
	assert_regs(filtered(0x80000007, (struct cpuid_regs){0, 0, 0, invariant_tsc}),
		    0, 0, 0, invariant_tsc);
}

static void bits_that_are_not_there_do_not_appear(void **state)
{
	static const uint32_t leaves[] = {1, 5, 7, 0x12, 0x40000001, 0x80000001, 0x8000000a};

	(void)state;
	for (size_t i = 0; i < COUNT(leaves); i++)
		assert_regs(filtered(leaves[i], (struct cpuid_regs){0}), 0, 0, 0, 0);
}

static void is_left_alone(uint32_t leaf)
{
	assert_regs(filtered(leaf, everything), ALL, ALL, ALL, ALL);
	assert_regs(filtered(leaf, (struct cpuid_regs){1, 2, 4, leaf}), 1, 2, 4, leaf);
}

static void all_other_leaves_stay_as_they_are(void **state)
{
	static const uint32_t filters[] = {1, 5, 7, 0x12, 0x40000001, 0x80000001, 0x8000000a};
	uint32_t x = 2463534242u;

	(void)state;
	for (size_t i = 0; i < COUNT(filters); i++) {
		is_left_alone(filters[i] - 1);
		is_left_alone(filters[i] + 1);
	}
	is_left_alone(0xd);
	is_left_alone(0x40000000);
	is_left_alone(ALL);
	for (unsigned i = 0; i < 10000; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		is_left_alone(x & 0x0fffff00);	/* none of the above */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_guest_cannot_use_is_hidden),
		cmocka_unit_test(leaves_of_what_is_hidden_are_empty),
		cmocka_unit_test(of_kvms_own_features_the_clock_stays),
		cmocka_unit_test(what_guests_are_compiled_for_stays),
		cmocka_unit_test(bits_that_are_not_there_do_not_appear),
		cmocka_unit_test(all_other_leaves_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
