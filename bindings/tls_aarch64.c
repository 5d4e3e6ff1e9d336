/* SPDX-License-Identifier: ISC */
/*
 * tls_aarch64.c: blocks of thread-local variables, aarch64's layout.
 *
 * ELF Handling For Thread-Local Storage, section 3, variant I: the thread pointer points to a
 * control block of two words, the first of which is the thread pointer's own value, and
 * the variables follow, at the next multiple of their alignment.
 */
#include "bindings.h"
#include "cpu.h"
#include "image.h"

#define CONTROL_BLOCK (2 * sizeof(uintptr_t))

static uintptr_t round_up(uintptr_t value, uintptr_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static uintptr_t tls_align(void)
{
	uintptr_t align = (uintptr_t)_ltalign;

	return align > CONTROL_BLOCK ? align : CONTROL_BLOCK;
}

/* Bytes from the thread pointer to the first variable. */
static uintptr_t tls_offset(void)
{
	return round_up(CONTROL_BLOCK, tls_align());
}

size_t solo5_tls_size(void)
{
	/* Blocks come with any alignment; the slack makes up for it. */
	return tls_align() - 1 + tls_offset() + (uintptr_t)_ltdata + (uintptr_t)_ltbss;
}

uintptr_t solo5_tls_tp_offset(uintptr_t block)
{
	return round_up(block, tls_align());
}

solo5_result_t solo5_tls_init(uintptr_t block)
{
	uintptr_t tp = solo5_tls_tp_offset(block);

	if (block == 0)
		return SOLO5_R_EINVAL;
	memcpy((uint8_t *)tp + tls_offset(), _stdata, (size_t)_ltdata);
	*(uintptr_t *)tp = tp;
	return SOLO5_R_OK;
}

solo5_result_t solo5_set_tls_base(uintptr_t base)
{
	cpu_set_tls_base(base);
	return SOLO5_R_OK;
}
