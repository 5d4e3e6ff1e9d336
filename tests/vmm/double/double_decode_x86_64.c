/* SPDX-License-Identifier: ISC */
/* double_decode_x86_64.c: lengths of the few instructions that guests of tests trap at. */
#include "double.h"

struct form {
	uint8_t opcode;
	bool modrm;
	uint8_t immediate;	/* bytes; 4 shrinks with an operand-size prefix */
	bool stores;
};

/* Intel SDM vol. 2, appendix A: moves, arithmetic to memory, stack, strings, port I/O. */
static const struct form forms[] = {
	{0x00, true, 0, true}, {0x01, true, 0, true}, {0x02, true, 0, false},
	{0x03, true, 0, false}, {0x08, true, 0, true}, {0x09, true, 0, true},
	{0x20, true, 0, true}, {0x21, true, 0, true}, {0x30, true, 0, true},
	{0x31, true, 0, true}, {0x38, true, 0, false}, {0x39, true, 0, false},
	{0x3a, true, 0, false}, {0x3b, true, 0, false}, {0x80, true, 1, true},
	{0x81, true, 4, true}, {0x83, true, 1, true}, {0x86, true, 0, true},
	{0x87, true, 0, true}, {0x88, true, 0, true}, {0x89, true, 0, true},
	{0x8a, true, 0, false}, {0x8b, true, 0, false}, {0xa4, false, 0, true},
	{0xa5, false, 0, true}, {0xaa, false, 0, true}, {0xab, false, 0, true},
	{0xc6, true, 1, true}, {0xc7, true, 4, true}, {0xe4, false, 1, false},
	{0xe5, false, 1, false}, {0xe6, false, 1, false}, {0xe7, false, 1, false},
	{0xec, false, 0, false}, {0xed, false, 0, false}, {0xee, false, 0, false},
	{0xef, false, 0, false},
};

static const struct form *form_of(uint8_t opcode)
{
	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (forms[i].opcode == opcode)
			return &forms[i];
	return NULL;
}

static bool is_prefix(uint8_t byte)
{
	return byte == 0x66 || byte == 0xf2 || byte == 0xf3 || byte == 0xf0 ||
	       (byte >= 0x40 && byte <= 0x4f);
}

static unsigned prefixes(const uint8_t *code, unsigned n, bool *short_operand)
{
	unsigned at = 0;

	*short_operand = false;
	while (at < n && is_prefix(code[at]))
		*short_operand |= code[at++] == 0x66;
	return at;
}

/* ModRM, SIB and displacement, Intel SDM vol. 2 2.1.5; 0 for a register, which never traps. */
static unsigned modrm_length(const uint8_t *code, unsigned n)
{
	unsigned mod, rm, length;

	if (n < 2)
		return 0;
	mod = code[0] >> 6;
	rm = code[0] & 7;
	length = 1 + (rm == 4);
	if (mod == 1)
		return length + 1;
	if (mod == 2)
		return length + 4;
	if (mod == 0 && (rm == 5 || (rm == 4 && (code[1] & 7) == 5)))
		return length + 4;
	return mod == 0 ? length : 0;
}

unsigned instruction_length(const uint8_t *code, unsigned n)
{
	bool short_operand;
	unsigned at = prefixes(code, n, &short_operand), modrm = 0, immediate;
	const struct form *f = at < n ? form_of(code[at]) : NULL;

	if (f == NULL)
		return 0;
	at++;
	if (f->modrm) {
		modrm = modrm_length(code + at, n - at);
		if (modrm == 0)
			return 0;
	}
	immediate = f->immediate == 4 && short_operand ? 2 : f->immediate;
	return at + modrm + immediate;
}

bool instruction_stores(const uint8_t *code)
{
	bool short_operand;

	return form_of(code[prefixes(code, 15, &short_operand)])->stores;
}
