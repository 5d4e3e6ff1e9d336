/* SPDX-License-Identifier: ISC */
/* trap_aarch64.c: reports an exception and ends the guest. */
#include "bindings.h"
#include "trap.h"

/* What vectors_aarch64.S has saved. */
struct trap_frame {
	uint64_t x[31];
	uint64_t sp;
	uint64_t vector;
	uint64_t padding;
	uint64_t record[2];		/* x29 and pc, for who unwinds */
};
_Static_assert(sizeof(struct trap_frame) == 36 * 8, "FRAME_SIZE");

/* What the halt hands over: the frame as monitors know it, and as many bytes as must be there. */
static union {
	struct hvt_trap_frame_aarch64 frame;
	uint8_t bytes[HVT_HALT_COOKIE_MAX];
} cookie;

#define READ_SYSTEM_REGISTER(name) (__extension__({ \
	uint64_t value_; \
	__asm__ __volatile__("mrs %0, " #name : "=r" (value_)); \
	value_; }))

/* Arm ARM DDI 0487, D1.4.1: the vector says kind, and with which stack pointer it was running. */
static const char kinds[][12] = {"synchronous", "IRQ", "FIQ", "SError"};
static const char sources[][12] = {"EL1t", "EL1h", "EL0 64-bit", "EL0 32-bit"};

_Noreturn void trap_report(const struct trap_frame *f);

/* Arm ARM DDI 0487, ESR_ELx: the commonest exception classes. */
static const char *class_name(uint64_t class)
{
	switch (class) {
	case 0x00: return "unknown instruction";
	case 0x07: return "SIMD access";
	case 0x0e: return "illegal execution state";
	case 0x15: return "SVC";
	case 0x18: return "system register";
	case 0x20:
	case 0x21: return "instruction abort";
	case 0x22: return "PC alignment";
	case 0x24:
	case 0x25: return "data abort";
	case 0x26: return "SP alignment";
	case 0x3c: return "BRK";
	}
	return "other";
}

static void print_registers(const struct trap_frame *f)
{
	for (unsigned i = 0; i < 30; i += 3)
		log_printf(LOG_INFO, "Solo5: trap: x%u=0x%lx x%u=0x%lx x%u=0x%lx\n",
			i, f->x[i], i + 1, f->x[i + 1], i + 2, f->x[i + 2]);
	log_printf(LOG_INFO, "Solo5: trap: x30=0x%lx sp=0x%lx\n", f->x[30], f->sp);
}

_Noreturn void trap_report(const struct trap_frame *f)
{
	static bool reporting;
	uint64_t esr = READ_SYSTEM_REGISTER(esr_el1);

	if (reporting)			/* the report itself has failed: no second try */
		machine_halt(SOLO5_EXIT_ABORT, &cookie);
	reporting = true;
	for (unsigned i = 0; i < 31; i++)
		cookie.frame.x[i] = f->x[i];
	cookie.frame.sp = f->sp;
	cookie.frame.pc = READ_SYSTEM_REGISTER(elr_el1);
	cookie.frame.pstate = READ_SYSTEM_REGISTER(spsr_el1);
	log_printf(LOG_INFO, "Solo5: trap: type=%s (%s) from %s esr=0x%lx far=0x%lx pc=0x%lx "
		"pstate=0x%lx\n", kinds[f->vector % 4], class_name(esr >> 26 & 0x3f),
		sources[f->vector / 4 % 4], esr, READ_SYSTEM_REGISTER(far_el1),
		cookie.frame.pc, cookie.frame.pstate);
	print_registers(f);
	trap_print_lines(cookie.frame.pc, f->x[29]);
	abort_printf(&cookie, __FILE__, __LINE__, "Fatal trap");
}
