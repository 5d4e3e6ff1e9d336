/* SPDX-License-Identifier: ISC */
/* code_aarch64.c: writes aarch64 instructions, as the Arm ARM DDI 0487 C6.2 encodes them. */
#include "code.h"

#include <stdlib.h>
#include <string.h>

#include "../../include/hvt_abi.h"

#define MOVZ 0xd2800000u
#define MOVK 0xf2800000u
#define STR_W 0xb9000000u
#define STRH_W 0x79000000u
#define LDR_W 0xb9400000u
#define B_SELF 0x14000000u

#define VALUE 0u	/* X0: what is loaded or stored */
#define ADDRESS 1u	/* X1 */

void code_bytes(struct code *c, const void *bytes, size_t len)
{
	if (len > sizeof c->bytes - c->n)
		abort();
	memcpy(c->bytes + c->n, bytes, len);
	c->n += len;
}

static void instruction(struct code *c, uint32_t word)
{
	code_bytes(c, &word, sizeof word);
}

static void set(struct code *c, unsigned reg, uint64_t value)
{
	instruction(c, MOVZ | (uint32_t)(value & 0xffff) << 5 | reg);
	for (unsigned part = 1; part < 4; part++)
		if ((value >> 16 * part & 0xffff) != 0)
			instruction(c, MOVK | part << 21 |
				       (uint32_t)(value >> 16 * part & 0xffff) << 5 | reg);
}

static void access(struct code *c, uint32_t what, uint64_t addr)
{
	set(c, ADDRESS, addr);
	instruction(c, what | ADDRESS << 5 | VALUE);
}

void code_hypercall(struct code *c, unsigned nr, uint32_t arg)
{
	set(c, VALUE, arg);
	code_hypercall_loaded(c, nr);
}

void code_hypercall_loaded(struct code *c, unsigned nr)
{
	access(c, STR_W, HVT_HYPERCALL_MMIO_BASE + (uint64_t)nr * HVT_HYPERCALL_MMIO_STRIDE);
}

void code_load(struct code *c, uint64_t addr)
{
	access(c, LDR_W, addr);
}

void code_store(struct code *c, uint64_t addr, uint32_t value)
{
	set(c, VALUE, value);
	access(c, STR_W, addr);
}

void code_store_16(struct code *c, uint64_t addr, uint16_t value)
{
	set(c, VALUE, value);
	access(c, STRH_W, addr);
}

void code_spin(struct code *c)
{
	instruction(c, B_SELF);
}
