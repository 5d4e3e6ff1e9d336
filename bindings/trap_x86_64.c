/* SPDX-License-Identifier: ISC */
/* trap_x86_64.c: reports an exception and ends the guest. */
#include "bindings.h"
#include "trap.h"

/* What vectors_x86_64.S and the CPU have pushed. */
struct trap_entry {
	uint64_t vector;
	uint64_t error_code;
	uint64_t rip, cs, rflags, rsp, ss;	/* Intel SDM vol. 3A 6.14.2, figure 6-9 */
};

#define VECTOR_PF 14

/* Intel SDM vol. 3A 6.3.1, table 6-1. */
static const char names[][4] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
	"#DF", "#9", "#TS", "#NP", "#SS", "#GP", "#PF", "#15",
	"#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

/* The monitor reads HVT_HALT_COOKIE_MAX bytes, so that many must exist. */
static union {
	struct hvt_trap_frame_x86_64 frame;
	uint8_t bytes[HVT_HALT_COOKIE_MAX];
} cookie;

_Noreturn void trap_report(const struct trap_entry *e, uint64_t frame);

static uint64_t cr2_get(void)
{
	uint64_t cr2;

	__asm__ __volatile__("movq %%cr2, %0" : "=r" (cr2));
	return cr2;
}

static const char *trap_name(uint64_t vector)
{
	return vector < sizeof names / sizeof names[0] ? names[vector] : "unknown";
}

_Noreturn void trap_report(const struct trap_entry *e, uint64_t frame)
{
	static bool reporting;

	if (reporting)			/* the report itself has failed: no second try */
		machine_halt(SOLO5_EXIT_ABORT, &cookie);
	reporting = true;
	cookie.frame = (struct hvt_trap_frame_x86_64){
		.cr2 = cr2_get(), .error_code = e->error_code, .rip = e->rip, .cs = e->cs,
		.rflags = e->rflags, .rsp = e->rsp, .ss = e->ss,
	};
	log_printf(LOG_INFO, "Solo5: trap: type=%s ec=0x%lx rip=0x%lx rsp=0x%lx rflags=0x%lx\n",
		trap_name(e->vector), e->error_code, e->rip, e->rsp, e->rflags);
	if (e->vector == VECTOR_PF)
		log_printf(LOG_INFO, "Solo5: trap: cr2=0x%lx\n", cookie.frame.cr2);
	trap_print_lines(e->rip, frame);
	abort_printf(&cookie, __FILE__, __LINE__, "Fatal trap");
}
