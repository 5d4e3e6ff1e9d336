/* SPDX-License-Identifier: ISC */
/* tls_align.c: thread-local variables that want more alignment than a word. */
#include "guest.h"

#define ALIGN 64u

static _Thread_local volatile uint8_t small = 0x5a;
static _Thread_local _Alignas(ALIGN) volatile uint64_t aligned_data[3] = {1, 2, 3};
static _Thread_local _Alignas(ALIGN) volatile uint64_t aligned_zeros[3];
static _Thread_local volatile uint16_t last;

static uint8_t block[1024] __attribute__((aligned(ALIGN)));

static bool misaligned(const volatile void *p)
{
	return (uintptr_t)p % ALIGN != 0;
}

static bool inside(const volatile void *p, size_t n)
{
	uintptr_t at = (uintptr_t)p, start = (uintptr_t)block;

	return at >= start && at + n <= start + solo5_tls_size();
}

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	if (solo5_tls_size() > sizeof block)
		return 10;
	if (solo5_tls_init((uintptr_t)block) != SOLO5_R_OK)
		return 1;
	if (solo5_set_tls_base(solo5_tls_tp_offset((uintptr_t)block)) != SOLO5_R_OK)
		return 2;
	if (misaligned(aligned_data) || misaligned(aligned_zeros))
		return 3;
	if (!inside(&small, sizeof small) || !inside(aligned_data, sizeof aligned_data) ||
	    !inside(aligned_zeros, sizeof aligned_zeros) || !inside(&last, sizeof last))
		return 4;
	if (small != 0x5a || aligned_data[0] != 1 || aligned_data[2] != 3)
		return 5;
	return aligned_zeros[0] == 0 && aligned_zeros[2] == 0 && last == 0 ? succeed() : 6;
}
