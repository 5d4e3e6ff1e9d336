/* SPDX-License-Identifier: ISC */
/* odd_x86_64.h: odd instructions of x86_64. */
#ifndef ODD_X86_64_H
#define ODD_X86_64_H

/* One after the other 1, 1, 2, 1, 2, 2, 1, 2 and 2 bytes long. */
static ONCE void odd_instructions(void)
{
	__asm__ __volatile__(
		".globl odd_steps\n"
		"odd_steps:\n\t"
		"pushfq\n\t"
		"popq %%rax\n\t"
		"pushq $2\n\t"
		"popfq\n\t"
		"movl %%ss, %%eax\n\t"
		"movl %%eax, %%ss\n\t"	/* holds exceptions off up to behind the next one */
		"nop\n\t"
		"rdtsc\n\t"
		"cpuid"
		::: "rax", "rbx", "rcx", "rdx", "cc", "memory");
}

static ONCE void odd_take(struct odd_taken *t)
{
	uint64_t vector[2] __attribute__((aligned(16)));

	__asm__ __volatile__(
		".globl odd_registers\n"
		"odd_registers:\n\t"
		"nop\n\t"
		"movq %%rax, %0\n\t"
		"movdqu %%xmm3, %1\n\t"
		"movl $0, %%eax\n\t"
		"adcl $0, %%eax\n\t"
		"movq %%rax, %2"
		: "=m"(t->general), "=m"(vector), "=m"(t->carry) :: "rax", "cc");
	t->vector = vector[0];
}

static void odd_leave(void)
{
	__asm__ __volatile__("movdqu %0, %%xmm3" :: "m"(odd_left));
}

/* A page fault: hypervisors that emulate all instructions have no int3. */
static ONCE void odd_exception(void)
{
	__asm__ __volatile__(".globl odd_break\nodd_break:\n\tmovb $0, (%0)" :: "r"(0ul) : "memory");
}

/*
 * Breakpoints of the guest's own, each between two instructions that are nothing: what a debugger puts into others'
 * places, and what processors have for it. Both are one byte long.
 */
static ONCE void odd_halt(void)
{
	__asm__ __volatile__(".globl odd_own\nodd_own:\n\tnop\n\thlt\n\tnop\n\tnop");
}

static ONCE void odd_trap(void)
{
	__asm__ __volatile__(".globl odd_other\nodd_other:\n\tnop\n\tint3\n\tnop\n\tnop");
}

#endif
