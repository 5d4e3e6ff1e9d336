/* SPDX-License-Identifier: ISC */
/* floor.h: what the floor's two halves, floor.c and floor_<machine>.c, ask of each other. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#define FLOOR_STEPS_MAX 24

struct floor_step {
	const char *name;
	uint64_t at;		/* CLOCK_MONOTONIC, ns, when the step had ended */
};

struct floor {
	bool filtered;		/* under husk's own system call filter */
	int kvm, vm, vcpu, block, net;
	struct kvm_run *run;
	int run_size;
	uint8_t *mem;
	size_t mem_size;
	bool cpuid;		/* give the guest the CPUID leaves that KVM supports */
	bool steps_wanted;
	uint64_t exits, calls;	/* of the network modes; system calls but for KVM_RUN */
	size_t n_steps;
	struct floor_step steps[FLOOR_STEPS_MAX];
};

/* Where the guest starts, with what in its argument registers. */
struct floor_entry {
	uint64_t pc, sp;
	uint64_t args[3];
	uint64_t ret;		/* where the code at pc returns to */
};

/* A hypercall that the guest made. */
struct floor_call {
	unsigned nr;
	uint32_t gpa;
};

_Noreturn void floor_die(const char *what);

/* Like ioctl, but a failure ends the program with what. */
int floor_ioctl(int fd, unsigned long request, void *arg, const char *what);

/* Notes that everything since the last step was spent on name. */
void floor_step(struct floor *f, const char *name);

/* Writes the page tables, and sets up the vCPU. */
void floor_machine_enter(struct floor *f, const struct floor_entry *entry);

/* Whether the vCPU's last exit is a hypercall, and which. */
bool floor_machine_call(const struct floor *f, struct floor_call *call);

/* From the run on, which has to end soon; false: there is no such filter. */
bool floor_filter(const struct floor *f);

#endif
