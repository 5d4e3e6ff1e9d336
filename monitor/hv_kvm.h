/* hv_kvm.h: what the KVM backend's common part and its architecture files share. */
#ifndef HUSK_HV_KVM_H
#define HUSK_HV_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "hv.h"
#include "memory.h"

struct hv {
	int kvm, vm, vcpu;	/* -1 when not open */
	struct kvm_run *run;	/* MAP_FAILED when not mapped */
	size_t run_size;
	struct memory_host ram;
	uint64_t ram_size;
	bool owned;		/* owner may be kicked by other threads; atomic */
	pthread_t owner;
	sigset_t saved_mask;	/* the owner's signal mask before */
};

/* An ioctl that cannot be given the wrong structure. */
#define KVM_IOCTL(fd, request, argp) (__extension__({ \
	_Static_assert(sizeof *(argp) == _IOC_SIZE(request), #request ": wrong structure"); \
	ioctl((fd), (request), (argp)); }))

/* Architecture: what to do where there is no KVM. */
extern const char hv_kvm_missing[];

/* Architecture: what KVM_CREATE_VM is asked for, once hv->kvm is open. */
int hv_kvm_machine_type(const struct hv *hv, unsigned long *type, struct husk_error *e);

/* Architecture: makes a new vcpu ready for set_entry. */
int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e);

/* Architecture: hv_ops.cycle_freq, set_entry and ip. */
int hv_kvm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e);
int hv_kvm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e);
uint64_t hv_kvm_ip(struct hv *hv);

/* Architecture: translates an exit that no other architecture has; false if it is not one. */
bool hv_kvm_translate(const struct hv *hv, struct hv_exit *exit);

#endif
