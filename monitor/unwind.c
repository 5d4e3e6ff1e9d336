/* SPDX-License-Identifier: ISC */
/* unwind.c: follows a chain of frame pointers in guest memory. */
#include "unwind.h"

/* On both architectures: the caller's frame pointer, and above it the return address. */
struct frame {
	uint64_t next, address;
};

bool unwind_read(const struct memory *m, uint64_t gpa, void *to, size_t len)
{
	struct husk_error ignored;

	return gpa < m->size && len <= m->size - gpa &&
	       memory_read(m, (gpa_t){gpa}, to, len, &ignored) == 0;
}

/* What is no code is no return address: the chain has ended, or was none. */
static bool is_code(const struct memory *m, uint64_t address)
{
	const struct memory_range *r = memory_range_at(m, address);

	return r != NULL && (r->prot & MEMORY_X) != 0;
}

static bool add(const struct memory *m, uint64_t address, uint64_t *places, size_t *n)
{
	const uint64_t plain = unwind_plain(address);

	if (*n == UNWIND_MAX || plain == 0 || !is_code(m, plain - 1))
		return false;
	places[(*n)++] = plain - 1;
	return true;
}

/* Frames of callers lie higher up, so a chain that does not ascend is none. */
static size_t follow(const struct memory *m, uint64_t at, uint64_t *places, size_t n)
{
	uint64_t last = 0;
	struct frame f;

	while (at > last && at % sizeof at == 0 && unwind_read(m, at, &f, sizeof f) &&
	       add(m, f.address, places, &n)) {
		last = at;
		at = f.next;
	}
	return n;
}

size_t unwind(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
	      uint64_t places[UNWIND_MAX])
{
	uint64_t address;
	size_t n = 1;

	places[0] = unwind_pc(regs);
	if (unwind_at_edge(m, regs, begin, &address))
		(void)add(m, address, places, &n);
	return follow(m, unwind_frame(regs), places, n);
}
