/* SPDX-License-Identifier: ISC */
/* tls.c: two threads' worth of thread-local variables, of the sizes that linkers round. */
#include "guest.h"

/* The linker rounds eight bytes of data and four of zeros to 16 before it computes offsets. */
static _Thread_local volatile uint64_t initialised = 0xc0ffee;
static _Thread_local volatile uint32_t zeroed;

static uint8_t blocks[2][256] __attribute__((aligned(16)));

static bool use(unsigned block)
{
	uintptr_t tp = solo5_tls_tp_offset((uintptr_t)blocks[block]);

	return solo5_set_tls_base(tp) == SOLO5_R_OK;
}

/* Compilers may read the thread pointer once in a function, so it does not change in these. */
static __attribute__((noinline)) int first_look(unsigned block)
{
	if (initialised != 0xc0ffee)
		return 3;
	if (zeroed != 0)
		return 4;
	zeroed = block + 1;
	initialised += block;
	return 0;
}

static __attribute__((noinline)) int second_look(unsigned block)
{
	if (zeroed != block + 1)
		return 6;
	return initialised == 0xc0ffee + block ? 0 : 7;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	int rc = 0;

	(void)si;
	if (solo5_tls_size() > sizeof blocks[0])
		return 10;
	if (solo5_tls_init(0) != SOLO5_R_EINVAL)
		return 11;
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		if (solo5_tls_init((uintptr_t)blocks[i]) != SOLO5_R_OK)
			return 1;
		rc = use(i) ? first_look(i) : 2;
	}
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = use(i) ? second_look(i) : 5;
	return rc == 0 ? succeed() : rc;
}
