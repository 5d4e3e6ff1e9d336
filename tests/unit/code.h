/* SPDX-License-Identifier: ISC */
/*
 * code.h: writes guest instructions, a few at a time: guests for tests without an image.
 *
 * What they do is the same on every architecture; how, code_<architecture>.c knows.
 */
#ifndef CODE_H
#define CODE_H

#include <stddef.h>
#include <stdint.h>

struct code {
	uint8_t bytes[1024];
	size_t n;
};

/* Running out of room ends the program. */
void code_bytes(struct code *c, const void *bytes, size_t len);

/* Calls the monitor; arg below 4 GiB. */
void code_hypercall(struct code *c, unsigned nr, uint32_t arg);

/* Loads 32 bits, which code_hypercall_loaded then takes as the argument. */
void code_load(struct code *c, uint64_t addr);
void code_hypercall_loaded(struct code *c, unsigned nr);

void code_store(struct code *c, uint64_t addr, uint32_t value);
void code_store_16(struct code *c, uint64_t addr, uint16_t value);

/* Runs for ever. */
void code_spin(struct code *c);

#endif
