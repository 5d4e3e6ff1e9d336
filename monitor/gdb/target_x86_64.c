/* SPDX-License-Identifier: ISC */
/* target_x86_64.c: the registers of x86_64 as gdb numbers them. */
#include "target.h"

const char gdb_architecture[] = "i386:x86-64";

#define REG(name, type) {#name, type, 8, GDB_REGS, offsetof(struct cpu_regs, name), 8}
#define SEGMENT(name) {#name, "int32", 4, GDB_SYSTEM, offsetof(struct cpu_system, name), 2}
#define STACK(n) {"st" #n, "i387_ext", 10, GDB_FP, offsetof(struct cpu_fp, st) + (n) * 16, 10}
#define CONTROL(name, field, at, width) \
	{name, "int", 4, GDB_FP, offsetof(struct cpu_fp, field) + (at), width}
#define VECTOR(n) {"xmm" #n, "vec128", 16, GDB_FP, offsetof(struct cpu_fp, xmm) + (n) * 16, 16}
#define SYSTEM(name, type) {#name, type, 8, GDB_SYSTEM, offsetof(struct cpu_system, name), 8}

const struct gdb_register gdb_registers[] = {
	REG(rax, "int64"), REG(rbx, "int64"), REG(rcx, "int64"), REG(rdx, "int64"),
	REG(rsi, "int64"), REG(rdi, "int64"), REG(rbp, "data_ptr"), REG(rsp, "data_ptr"),
	REG(r8, "int64"), REG(r9, "int64"), REG(r10, "int64"), REG(r11, "int64"),
	REG(r12, "int64"), REG(r13, "int64"), REG(r14, "int64"), REG(r15, "int64"),
	REG(rip, "code_ptr"),
	{"eflags", "i386_eflags", 4, GDB_REGS, offsetof(struct cpu_regs, rflags), 4},
	SEGMENT(cs), SEGMENT(ss), SEGMENT(ds), SEGMENT(es), SEGMENT(fs), SEGMENT(gs),
	STACK(0), STACK(1), STACK(2), STACK(3), STACK(4), STACK(5), STACK(6), STACK(7),
	CONTROL("fctrl", fcw, 0, 2), CONTROL("fstat", fsw, 0, 2),
	{"ftag", "int", 4, GDB_FP_TAGS, offsetof(struct cpu_fp, ftw), 1},
	CONTROL("fiseg", fip, 4, 4), CONTROL("fioff", fip, 0, 4),
	CONTROL("foseg", fdp, 4, 4), CONTROL("fooff", fdp, 0, 4), CONTROL("fop", fop, 0, 2),
	VECTOR(0), VECTOR(1), VECTOR(2), VECTOR(3), VECTOR(4), VECTOR(5), VECTOR(6), VECTOR(7),
	VECTOR(8), VECTOR(9), VECTOR(10), VECTOR(11), VECTOR(12), VECTOR(13), VECTOR(14),
	VECTOR(15),
	{"mxcsr", "i386_mxcsr", 4, GDB_FP, offsetof(struct cpu_fp, mxcsr), 4},
	SYSTEM(fs_base, "int64"), SYSTEM(gs_base, "int64"),
	SYSTEM(cr0, "uint64"), SYSTEM(cr2, "data_ptr"), SYSTEM(cr3, "uint64"),
	SYSTEM(cr4, "uint64"), SYSTEM(efer, "uint64"),
};
const unsigned gdb_n_registers = sizeof gdb_registers / sizeof gdb_registers[0];

/* Bits by Intel SDM vol. 1, 3.4.3 and 10.2.3. */
#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"
static const char core_types[] =
	"<flags id=\"i386_eflags\" size=\"4\">" BIT("CF", 0) BIT("PF", 2) BIT("AF", 4) BIT("ZF", 6)
	BIT("SF", 7) BIT("TF", 8) BIT("IF", 9) BIT("DF", 10) BIT("OF", 11) BIT("NT", 14) BIT("RF", 16)
	BIT("AC", 18) BIT("ID", 21) "</flags>";
static const char sse_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
	"<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>"
	"<flags id=\"i386_mxcsr\" size=\"4\">" BIT("IE", 0) BIT("DE", 1) BIT("ZE", 2) BIT("OE", 3)
	BIT("UE", 4) BIT("PE", 5) BIT("DAZ", 6) BIT("IM", 7) BIT("DM", 8) BIT("ZM", 9) BIT("OM", 10)
	BIT("UM", 11) BIT("PM", 12) BIT("FZ", 15) "</flags>";

const struct gdb_feature gdb_features[] = {
	{"org.gnu.gdb.i386.core", core_types, NULL, 0, 40},
	{"org.gnu.gdb.i386.sse", sse_types, NULL, 40, 17},
	{"org.gnu.gdb.i386.segments", "", NULL, 57, 2},
	{"husk.x86_64.system", "", "system", 59, 5},
};
const unsigned gdb_n_features = sizeof gdb_features / sizeof gdb_features[0];

const unsigned gdb_expedited[3] = {16, 7, 6};

uint64_t gdb_ip(const struct gdb_values *v)
{
	return v->regs.rip;
}

void gdb_set_ip(struct gdb_values *v, uint64_t ip)
{
	v->regs.rip = ip;
}

/* Two bits for each register: 3 empty, else 0 valid; which valid value it has is not worth finding out. */
uint16_t gdb_tags(const struct gdb_values *v)
{
	unsigned tags = 0;

	for (unsigned i = 0; i < 8; i++)
		tags |= (v->fp.ftw >> i & 1) != 0 ? 0 : 3u << 2 * i;
	return (uint16_t)tags;
}

void gdb_set_tags(struct gdb_values *v, uint16_t tags)
{
	v->fp.ftw = 0;
	for (unsigned i = 0; i < 8; i++)
		v->fp.ftw |= (uint8_t)(((tags >> 2 * i & 3) != 3) << i);
}
