/* SPDX-License-Identifier: ISC */
/*
 * tls_x86_64.c: blocks of thread-local variables, x86_64's layout.
 *
 * ELF Handling For Thread-Local Storage, section 3, variant II: the variables end where
 * the thread pointer points, and there lies the thread pointer's own value. The linker
 * counts offsets from an end that is a multiple of the largest alignment, so both the
 * variables' length and the thread pointer are rounded up to it.
 */
#include "bindings.h"
#include "cpu.h"
#include "image.h"

#define SELF_ALIGN sizeof(uintptr_t)

static uintptr_t round_up(uintptr_t value, uintptr_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static uintptr_t tls_align(void)
{
	uintptr_t align = (uintptr_t)_ltalign;

	return align > SELF_ALIGN ? align : SELF_ALIGN;
}

/* Bytes from the first variable to the thread pointer. */
static uintptr_t tls_length(void)
{
	uintptr_t align = (uintptr_t)_ltalign;

	return round_up((uintptr_t)_ltdata + (uintptr_t)_ltbss, align > 0 ? align : 1);
}

size_t solo5_tls_size(void)
{
	/* Blocks come with any alignment; the slack makes up for it. */
	return tls_length() + tls_align() - 1 + sizeof(uintptr_t);
}

uintptr_t solo5_tls_tp_offset(uintptr_t block)
{
	return round_up(block + tls_length(), tls_align());
}

solo5_result_t solo5_tls_init(uintptr_t block)
{
	uintptr_t tp = solo5_tls_tp_offset(block);
	uint8_t *variables = (uint8_t *)(tp - tls_length());

	if (block == 0)
		return SOLO5_R_EINVAL;
	memcpy(variables, _stdata, (size_t)_ltdata);
	*(uintptr_t *)tp = tp;
	return SOLO5_R_OK;
}

solo5_result_t solo5_set_tls_base(uintptr_t base)
{
	cpu_set_tls_base(base);
	return SOLO5_R_OK;
}
