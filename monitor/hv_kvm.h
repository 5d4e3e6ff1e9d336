/* SPDX-License-Identifier: ISC */
/*
 * hv_kvm.h: what the KVM backend's common part and its architecture files share.
 *
 * The backend's signal is SIGURG. Between own and disown it is blocked in the thread that runs, but
 * not in KVM_RUN, so that it interrupts the guest and nothing else, without a handler, which a
 * library should not install. Its default action is to be ignored, in case one is left over.
 */
#ifndef HUSK_HV_KVM_H
#define HUSK_HV_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "hv.h"
#include "memory.h"
#include "memory_host.h"

struct hv {
	int kvm;		/* /dev/kvm, open only while the machine is made; else -1 */
	int vm, vcpu;		/* -1 when not open */
	struct hv_caps caps;
	struct kvm_run *run;	/* MAP_FAILED when not mapped */
	size_t run_size;
	struct memory_host ram;
	uint64_t ram_size;
	bool lone;		/* nobody but the owner kicks: no signal is needed */
	bool owned;		/* owner may be kicked by other threads; atomic */
	unsigned kickers;	/* threads that may be about to signal owner; atomic */
	pthread_t owner;
	sigset_t saved_mask;	/* the owner's signal mask before */
	struct hv_kvm_debug_state {
		bool on;		/* the vcpu is being debugged */
		unsigned exec, watch;	/* what limits told; 0 before */
		struct hv_debug set;
		int slots[HV_POINTS_MAX];	/* the architecture's: whose point a register holds */
	} debug;
};

/* An ioctl that checks the size of its argument. */
#define KVM_IOCTL(fd, request, argp) (__extension__({ \
	_Static_assert(sizeof *(argp) == _IOC_SIZE(request), #request ": wrong structure"); \
	ioctl((fd), (request), (argp)); }))

/* Architecture: the remedy where there is no KVM. */
extern const char hv_kvm_missing[];

/* Architecture: the argument of KVM_CREATE_VM, once hv->kvm is open. */
int hv_kvm_machine_type(const struct hv *hv, unsigned long *type, struct husk_error *e);

/* Architecture: sets up a new machine before it has a vcpu. */
int hv_kvm_machine_init(struct hv *hv, struct husk_error *e);

/* Architecture: makes a new vcpu ready for set_entry. */
int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e);

/* Architecture: hv_caps.filters_cpuid. */
extern const bool hv_kvm_filters_cpuid;

/* Architecture: hv_ops.cycle_freq, set_entry and ip, and the registers. */
int hv_kvm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e);
int hv_kvm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e);
bool hv_kvm_ip(struct hv *hv, uint64_t *ip);
extern const struct hv_register_ops hv_kvm_registers;
extern const struct hv_debug_ops hv_kvm_debug;

/*
 * x86_64: whether breakpoints and watchpoints of debug registers are ever hit. Opens the device and makes
 * a machine for it; where that cannot be, they are taken to be hit.
 */
void hv_kvm_try_points(bool *exec, bool *watch);

/* ---- hv_kvm_doorbell.c, hv_kvm_exit.c ---- */

extern const struct hv_doorbell_ops hv_kvm_doorbells;

/* What hv->run tells of the exit that KVM_RUN has returned 0 for. */
void hv_kvm_exit(struct hv *hv, struct hv_exit *exit);

/* The same where it has failed with EFAULT: what the guest did to memory that it has no right to. */
void hv_kvm_fault_exit(const struct hv *hv, struct hv_exit *exit);

/* ---- hv_kvm_kick.c ---- */

/* hv_ops.own, disown and kick. */
int hv_kvm_own(struct hv *hv, struct husk_error *e);
void hv_kvm_disown(struct hv *hv);
void hv_kvm_kick(struct hv *hv);

/* Whether a kick has come that no exit has told of yet. */
bool hv_kvm_kicked(const struct hv *hv);

/* The exit of a run that a kick has ended, or any other signal: HV_EXIT_INTERRUPTED. */
void hv_kvm_interrupted(struct hv *hv, struct hv_exit *exit);

/* ---- hv_kvm.c ---- */

/* Turns a capability on if the kernel has it; fd is the machine's or the vcpu's. */
void hv_kvm_enable(int fd, uint32_t cap, uint64_t arg);

/* Architecture: the same for an exit that is only one while hv->debug.on. */
bool hv_kvm_debug_translate(struct hv *hv, struct hv_exit *exit);

/* Architecture: translates an exit that no other architecture has; false if it is not one. */
bool hv_kvm_translate(const struct hv *hv, struct hv_exit *exit);

#endif
