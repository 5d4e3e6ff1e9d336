/* SPDX-License-Identifier: ISC */
/*
 * target.h: the registers that gdb sees: their names, order and places, per architecture.
 *
 * One table says what the description, target.xml, tells, and where each register lies in the reply
 * to g: gdb refuses one that is longer than the description.
 */
#ifndef HUSK_GDB_TARGET_H
#define HUSK_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "hv.h"

/* All registers of a vcpu that has stopped. */
struct gdb_values {
	struct cpu_regs regs;
	struct cpu_fp fp;
	struct cpu_system system;
	bool has_fp, has_system;	/* the hypervisor tells them */
};

enum gdb_home { GDB_REGS, GDB_FP, GDB_FP_TAGS, GDB_SYSTEM };

/* A register: size bytes of gdb's, of which the lowest width are held in its home. */
struct gdb_register {
	const char *name, *type;
	uint8_t size;
	enum gdb_home home;
	uint16_t offset;
	uint8_t width;
};

/* Registers that go together, for gdb by a name that it knows. */
struct gdb_feature {
	const char *name;
	const char *types;	/* XML that defines those of its registers */
	const char *group;	/* of "info registers GROUP"; NULL: gdb's own idea */
	unsigned first, n;
};

/* ---- architecture: target_<architecture>.c ---- */

extern const char gdb_architecture[];
extern const struct gdb_register gdb_registers[];
extern const unsigned gdb_n_registers;
extern const struct gdb_feature gdb_features[];
extern const unsigned gdb_n_features;

/* Those told with a stop: instruction pointer, stack pointer, frame pointer. */
extern const unsigned gdb_expedited[3];

uint64_t gdb_ip(const struct gdb_values *v);
void gdb_set_ip(struct gdb_values *v, uint64_t ip);

/* What gdb sees of the x87 tag word, from the abridged one, and back. */
uint16_t gdb_tags(const struct gdb_values *v);
void gdb_set_tags(struct gdb_values *v, uint16_t tags);

/* ---- target.c ---- */

#define GDB_REGISTER_MAX 16u	/* bytes */

/* Copies a register's bytes, size of them; false if it cannot be had, or written. */
bool gdb_register_get(const struct gdb_values *v, unsigned n, uint8_t *bytes);
bool gdb_register_set(struct gdb_values *v, unsigned n, const uint8_t *bytes);

/* Bytes of all registers, as they follow each other in g. */
size_t gdb_registers_size(void);

/* Writes target.xml, as a string; returns its length, or what it would be if that is not below room. */
size_t gdb_description(char *text, size_t room);

/* HUSK_E_HOST. After the last exit has been completed. */
int gdb_values_load(const struct hv_caps *caps, struct hv *hv, struct gdb_values *v,
		    struct husk_error *e);
int gdb_values_store(const struct hv_caps *caps, struct hv *hv, const struct gdb_values *v,
		     struct husk_error *e);

#endif
