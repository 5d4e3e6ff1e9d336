/* SPDX-License-Identifier: ISC */
/* target_aarch64.c: the registers of aarch64 as gdb numbers them. */
#include "target.h"

const char gdb_architecture[] = "aarch64";

#define X(n) {"x" #n, "int", 8, GDB_REGS, offsetof(struct cpu_regs, x) + (n) * 8, 8}
#define V(n) {"v" #n, "aarch64v", 16, GDB_FP, offsetof(struct cpu_fp, v) + (n) * 16, 16}
#define SYSTEM(name, field) {name, "uint64", 8, GDB_SYSTEM, offsetof(struct cpu_system, field), 8}

const struct gdb_register gdb_registers[] = {
	X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14),
	X(15), X(16), X(17), X(18), X(19), X(20), X(21), X(22), X(23), X(24), X(25), X(26), X(27),
	X(28), X(29), X(30),
	{"sp", "data_ptr", 8, GDB_REGS, offsetof(struct cpu_regs, sp), 8},
	{"pc", "code_ptr", 8, GDB_REGS, offsetof(struct cpu_regs, pc), 8},
	{"cpsr", "cpsr_flags", 4, GDB_REGS, offsetof(struct cpu_regs, pstate), 4},
	V(0), V(1), V(2), V(3), V(4), V(5), V(6), V(7), V(8), V(9), V(10), V(11), V(12), V(13), V(14),
	V(15), V(16), V(17), V(18), V(19), V(20), V(21), V(22), V(23), V(24), V(25), V(26), V(27),
	V(28), V(29), V(30), V(31),
	{"fpsr", "int", 4, GDB_FP, offsetof(struct cpu_fp, fpsr), 4},
	{"fpcr", "int", 4, GDB_FP, offsetof(struct cpu_fp, fpcr), 4},
	SYSTEM("SCTLR_EL1", sctlr_el1), SYSTEM("TTBR0_EL1", ttbr0_el1), SYSTEM("TCR_EL1", tcr_el1),
	SYSTEM("ESR_EL1", esr_el1), SYSTEM("FAR_EL1", far_el1), SYSTEM("ELR_EL1", elr_el1),
	SYSTEM("VBAR_EL1", vbar_el1), SYSTEM("TPIDR_EL0", tpidr_el0),
};
const unsigned gdb_n_registers = sizeof gdb_registers / sizeof gdb_registers[0];

/* Arm ARM DDI 0487, C5.2: SPSR_EL1 of AArch64. */
#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"
static const char core_types[] =
	"<flags id=\"cpsr_flags\" size=\"4\">" BIT("SP", 0) "<field name=\"EL\" start=\"2\" end=\"3\"/>"
	BIT("F", 6) BIT("I", 7) BIT("A", 8) BIT("D", 9) BIT("IL", 20) BIT("SS", 21) BIT("PAN", 22)
	BIT("V", 28) BIT("C", 29) BIT("Z", 30) BIT("N", 31) "</flags>";
static const char fpu_types[] =
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v2u\" type=\"uint64\" count=\"2\"/>"
	"<vector id=\"v2i\" type=\"int64\" count=\"2\"/>"
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
	"<vector id=\"v4i\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
	"<union id=\"vnd\"><field name=\"f\" type=\"v2d\"/><field name=\"u\" type=\"v2u\"/>"
	"<field name=\"s\" type=\"v2i\"/></union>"
	"<union id=\"vns\"><field name=\"f\" type=\"v4f\"/><field name=\"u\" type=\"v4u\"/>"
	"<field name=\"s\" type=\"v4i\"/></union>"
	"<union id=\"vnb\"><field name=\"u\" type=\"v16u\"/></union>"
	"<union id=\"aarch64v\"><field name=\"d\" type=\"vnd\"/><field name=\"s\" type=\"vns\"/>"
	"<field name=\"b\" type=\"vnb\"/><field name=\"q\" type=\"uint128\"/></union>";

const struct gdb_feature gdb_features[] = {
	{"org.gnu.gdb.aarch64.core", core_types, NULL, 0, 34},
	{"org.gnu.gdb.aarch64.fpu", fpu_types, NULL, 34, 34},
	{"husk.aarch64.system", "", "system", 68, 8},
};
const unsigned gdb_n_features = sizeof gdb_features / sizeof gdb_features[0];

const unsigned gdb_expedited[3] = {32, 31, 29};

uint64_t gdb_ip(const struct gdb_values *v)
{
	return v->regs.pc;
}

void gdb_set_ip(struct gdb_values *v, uint64_t ip)
{
	v->regs.pc = ip;
}

uint16_t gdb_tags(const struct gdb_values *v)
{
	(void)v;
	return 0;
}

void gdb_set_tags(struct gdb_values *v, uint16_t tags)
{
	(void)v, (void)tags;
}
