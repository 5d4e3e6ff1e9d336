/* SPDX-License-Identifier: ISC */
/* code_x86_64.c: writes x86_64 instructions, as the Intel SDM vol. 2 encodes them. */
#include "code.h"

#include <stdlib.h>
#include <string.h>

#include "../../include/hvt_abi.h"

void code_bytes(struct code *c, const void *bytes, size_t len)
{
	if (len > sizeof c->bytes - c->n)
		abort();
	memcpy(c->bytes + c->n, bytes, len);
	c->n += len;
}

static void opcode_8(struct code *c, uint8_t op)
{
	code_bytes(c, &op, sizeof op);
}

static void opcode_16(struct code *c, uint8_t first, uint8_t second)
{
	opcode_8(c, first);
	opcode_8(c, second);
}

static void load_rbx(struct code *c, uint64_t value)
{
	opcode_16(c, 0x48, 0xbb);	/* mov rbx, imm64 */
	code_bytes(c, &value, sizeof value);
}

void code_hypercall(struct code *c, unsigned nr, uint32_t arg)
{
	opcode_8(c, 0xb8);		/* mov eax, imm32 */
	code_bytes(c, &arg, sizeof arg);
	code_hypercall_loaded(c, nr);
}

void code_hypercall_loaded(struct code *c, unsigned nr)
{
	uint32_t port = HVT_HYPERCALL_PIO_BASE + nr;

	opcode_8(c, 0xba);		/* mov edx, imm32 */
	code_bytes(c, &port, sizeof port);
	opcode_8(c, 0xef);		/* out dx, eax */
}

void code_load(struct code *c, uint64_t addr)
{
	load_rbx(c, addr);
	opcode_16(c, 0x8b, 0x03);	/* mov eax, [rbx] */
}

void code_store(struct code *c, uint64_t addr, uint32_t value)
{
	load_rbx(c, addr);
	opcode_16(c, 0xc7, 0x03);	/* mov dword [rbx], imm32 */
	code_bytes(c, &value, sizeof value);
}

void code_store_16(struct code *c, uint64_t addr, uint16_t value)
{
	load_rbx(c, addr);
	opcode_8(c, 0x66);
	opcode_16(c, 0xc7, 0x03);	/* mov word [rbx], imm16 */
	code_bytes(c, &value, sizeof value);
}

void code_spin(struct code *c)
{
	opcode_16(c, 0xeb, 0xfe);	/* jmp . */
}
