/* SPDX-License-Identifier: ISC */
/* odd_aarch64.h: odd instructions of aarch64. */
#ifndef ODD_AARCH64_H
#define ODD_AARCH64_H

/*
 * Two, then a load-exclusive with its store at the third place behind it, which a branch follows; then
 * three, and a return from an exception to behind the next one.
 */
static ONCE void odd_instructions(void)
{
	static uint32_t word;
	uint64_t t = 0;

	__asm__ __volatile__(
		".globl odd_steps\n"
		"odd_steps:\n\t"
		"mrs %0, nzcv\n\t"
		"msr nzcv, %0\n"
		"1:\tldaxr %w0, [%1]\n\t"
		"cbz %2, 2f\n\t"
		"add %w0, %w0, #1\n\t"
		"stlxr w9, %w0, [%1]\n\t"
		"cbnz w9, 1b\n"
		"2:\tadr %0, 3f\n\t"
		"msr elr_el1, %0\n\t"
		"mov %0, #0x3c5\n\t"	/* Arm ARM C5.2: EL1 with its own stack, all masked */
		"msr spsr_el1, %0\n\t"
		"eret\n\t"
		".inst 0\n"
		"3:\tnop"
		: "+r"(t) : "r"(&word), "r"((uint64_t)1) : "w9", "cc", "memory");
}

static ONCE void odd_take(struct odd_taken *t)
{
	uint64_t vector[2] __attribute__((aligned(16)));

	__asm__ __volatile__(
		".globl odd_registers\n"
		"odd_registers:\n\t"
		"nop\n\t"
		"str x0, %0\n\t"
		"str q3, %1\n\t"
		"cset x0, cs\n\t"
		"str x0, %2"
		: "=m"(t->general), "=m"(vector), "=m"(t->carry) :: "x0", "cc");
	t->vector = vector[0];
}

static void odd_leave(void)
{
	__asm__ __volatile__("ldr q3, [%0]" :: "r"(odd_left) : "memory");
}

static ONCE void odd_exception(void)
{
	__asm__ __volatile__(".globl odd_break\nodd_break:\n\tsvc #0\n\tnop");
}

/*
 * Breakpoints of the guest's own, each between two instructions that are nothing: what a debugger puts into others'
 * places, and one with a number of its own.
 */
static ONCE void odd_halt(void)
{
	__asm__ __volatile__(".globl odd_own\nodd_own:\n\tnop\n\tbrk #0\n\tnop\n\tnop");
}

static ONCE void odd_trap(void)
{
	__asm__ __volatile__(".globl odd_other\nodd_other:\n\tnop\n\tbrk #3\n\tnop\n\tnop");
}

#endif
