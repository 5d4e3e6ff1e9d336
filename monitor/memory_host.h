/* SPDX-License-Identifier: ISC */
/*
 * memory_host.h: where a guest's memory lies in the host: reserves address space, then commits
 * memory to it.
 *
 * Used by the thread that makes the machine.
 */
#ifndef HUSK_MEMORY_HOST_H
#define HUSK_MEMORY_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Alignment of huge pages of both architectures, and the minimum size of a guard area. */
#define MEMORY_HOST_ALIGN ((size_t)0x200000)

struct memory_host {
	void *map;		/* NULL when not reserved */
	size_t map_size;
	uint8_t *base;		/* 2 MiB aligned, with inaccessible guard areas on both sides */
	size_t size;		/* bytes from base to the guard area behind */
};

/*
 * Reserves address space for size bytes (a multiple of the host's page), none of it accessible: for
 * memory_host_commit, or for a backend to map an object of its own over. HUSK_E_HOST; *h is then as
 * after memory_host_release.
 */
int memory_host_reserve(struct memory_host *h, uint64_t size, struct husk_error *e);

/*
 * Makes all of it readable and writable: zero-filled, private to the process, and left out of its core
 * files, as it is the guest's. HUSK_E_HOST; it stays reserved then.
 */
int memory_host_commit(struct memory_host *h, struct husk_error *e);

/* Releases; accepts what was never reserved, and the same object twice. */
void memory_host_release(struct memory_host *h);

enum memory_host_pages { MEMORY_HOST_SMALL, MEMORY_HOST_HUGE };

/* ---- one file per host has these ---- */

/*
 * Advises the host which pages to use for len bytes at at; existing contents stay. No-op where the
 * host takes no such advice.
 */
void memory_host_prefer(void *at, size_t len, enum memory_host_pages pages);

/*
 * Which pages make reading what was never touched cheapest without taking memory. Opens a file of the
 * system's; not once the sandbox is closed.
 */
enum memory_host_pages memory_host_zeros(void);

/* The flag of mmap for addresses that may never be used; 0 where none is needed. */
extern const int memory_host_unused;

/* The advice of madvise that leaves memory out of core files. */
extern const int memory_host_no_core;

/* The advice for memory whose contents are of no use any more: the host has it back. */
extern const int memory_host_give_back;

#endif
