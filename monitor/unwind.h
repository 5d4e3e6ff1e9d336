/* SPDX-License-Identifier: ISC */
/*
 * unwind.h: who called the code that a guest is at, by the frame pointers that its compiler kept.
 *
 * Memory and registers are the guest's, and hostile: any contents give an answer of at most
 * UNWIND_MAX addresses, if a wrong one. Code without frame pointers gives its own address, and
 * whatever its frame pointer happens to lead to.
 */
#ifndef HUSK_UNWIND_H
#define HUSK_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "memory.h"

#define UNWIND_MAX 128u

/*
 * Fills in where the guest is and, from the inside out, where from it was called: in places[1] and
 * behind, the last byte of the call instruction (the return address - 1), so that a symbol or a line
 * found for it is the caller's. begin is where the function of unwind_pc begins (symbols_at), so that
 * no caller is left out at its first instructions; 0: not known. Returns how many, 1 at least. Reads
 * at most 2 KiB of guest memory, takes no system call, and allocates nothing.
 */
size_t unwind(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
	      uint64_t places[UNWIND_MAX]);

/* Architecture: the instruction pointer, and the frame pointer. */
uint64_t unwind_pc(const struct cpu_regs *regs);
uint64_t unwind_frame(const struct cpu_regs *regs);

/* Architecture: a return address without what protects it. */
uint64_t unwind_plain(uint64_t address);

/*
 * Architecture: whether the guest is so near to begin (0: unknown) or end of a function that the frame
 * pointer is still or again its caller's; *address is where it will return to then.
 */
bool unwind_at_edge(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
		    uint64_t *address);

/*
 * Architecture: the registers of a guest when an exception ended it, if one has, as far as it left them at
 * its halt's cookie; or, where an architecture's guests may leave nothing there, the instruction pointer
 * alone, by the system registers, which may be NULL. The others stay. False if that is not known.
 */
bool unwind_to_trap(const struct memory *m, gpa_t cookie, const struct cpu_system *system,
		    struct cpu_regs *regs);
extern const bool unwind_needs_system;

/* Copies len bytes of guest memory; false if they lie outside. */
bool unwind_read(const struct memory *m, uint64_t gpa, void *to, size_t len);

#endif
