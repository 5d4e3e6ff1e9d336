/* SPDX-License-Identifier: ISC */
/* detour_aarch64.c: finds the end of what begins with a load-exclusive (Arm ARM DDI 0487, B2.12, C4.1). */
#include "detour.h"

#define INSTRUCTION 4u
#define LOOK_AHEAD 16u		/* instructions; compilers put fewer between the two */

static bool fetch(const struct gdb_breaks *b, uint64_t addr, uint32_t *op)
{
	uint8_t bytes[INSTRUCTION];

	if (gdb_peek(b, addr, bytes, sizeof bytes) != GDB_OK)
		return false;
	*op = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	      (uint32_t)bytes[3] << 24;
	return true;
}

/* Those of pairs exist in two sizes only: the other two are compare-and-swap. */
static bool is_exclusive(uint32_t op, bool load)
{
	const bool pair = (op & 1u << 21) != 0;

	return (op & 0x3f800000) == 0x08000000 && ((op & 1u << 22) != 0) == load &&
	       (!pair || (op & 1u << 31) != 0);
}

/* The number in size bits from bit at on, of instructions. */
static uint64_t offset(uint32_t op, unsigned at, unsigned size)
{
	const uint64_t sign = 1ull << (size - 1);
	const uint64_t n = op >> at & ((1ull << size) - 1);

	return ((n ^ sign) - sign) * INSTRUCTION;
}

/* Whether it may go elsewhere than to the next one; *known: to addr + *by. */
static bool is_branch(uint32_t op, bool *known, uint64_t *by)
{
	*known = true;
	if ((op & 0xff000000) == 0x54000000 || (op & 0x7e000000) == 0x34000000)
		*by = offset(op, 5, 19);	/* b.cond, cbz, cbnz */
	else if ((op & 0x7e000000) == 0x36000000)
		*by = offset(op, 5, 14);	/* tbz, tbnz */
	else if ((op & 0xfc000000) == 0x14000000)
		*by = offset(op, 0, 26);	/* b */
	else if ((op & 0xfc000000) == 0x94000000 || (op & 0xfe000000) == 0xd6000000 ||
		 (op & 0xff000000) == 0xd4000000)
		*known = false;			/* bl; br and its like; svc and its like */
	else
		return false;
	return true;
}

/* Leaves out those that stay within [first, last]. */
static unsigned keep_outside(uint64_t *ends, unsigned n, uint64_t first, uint64_t last)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (ends[i] < first || ends[i] > last)
			ends[kept++] = ends[i];
	return kept;
}

unsigned gdb_sequence(const struct gdb_breaks *b, uint64_t ip, uint64_t ends[GDB_DETOUR_MAX])
{
	uint64_t at = ip, by;
	unsigned n = 0;
	uint32_t op;
	bool known;

	if (!fetch(b, ip, &op) || !is_exclusive(op, true))
		return 0;
	for (unsigned i = 0; i < LOOK_AHEAD && n < GDB_DETOUR_MAX; i++) {
		at += INSTRUCTION;
		if (!fetch(b, at, &op))
			return 0;
		if (is_exclusive(op, false)) {
			ends[n++] = at + INSTRUCTION;
			return keep_outside(ends, n, ip, at);
		}
		if (!is_branch(op, &known, &by))
			continue;
		if (!known)
			return 0;
		ends[n++] = at + by;
	}
	return 0;
}
