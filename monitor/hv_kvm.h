/* hv_kvm.h: what the KVM backend's common part and its architecture files share. */
#ifndef HUSK_HV_KVM_H
#define HUSK_HV_KVM_H

#include <linux/kvm.h>
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
};

/* An ioctl that cannot be given the wrong structure. */
#define KVM_IOCTL(fd, request, argp) (__extension__({ \
	_Static_assert(sizeof *(argp) == _IOC_SIZE(request), #request ": wrong structure"); \
	ioctl((fd), (request), (argp)); }))

/* Architecture: makes a new vcpu ready for set_entry. */
int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e);

/* Architecture: hv_ops.cycle_freq, set_entry and ip. */
int hv_kvm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e);
int hv_kvm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e);
uint64_t hv_kvm_ip(struct hv *hv);


#endif
