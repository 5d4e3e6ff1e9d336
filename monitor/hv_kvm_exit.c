/* SPDX-License-Identifier: ISC */
/* hv_kvm_exit.c: what KVM says of an exit, in the words of hv.h. */
#include "hv_kvm.h"

/* Linux virt/kvm/api.rst 5, KVM_EXIT_MEMORY_FAULT: newer than the headers of some systems. */
#define EXIT_MEMORY_FAULT 39
struct memory_fault {
	uint64_t flags, gpa, size;
};

static void error_exit(struct hv_exit *exit, const char *what, uint64_t code)
{
	*exit = (struct hv_exit){.kind = HV_EXIT_ERROR, .error = {what, code, NULL}};
}

/* A KVM without hardware support emulates all that the guest executes. */
static void internal_error(const struct hv *hv, struct hv_exit *exit)
{
	error_exit(exit, "internal error exit: suberror", hv->run->internal.suberror);
	if (hv->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
		exit->error.hint = "an instruction that could not be emulated: it lies outside "
				   "memory, or this KVM has no hardware support and lacks it; then "
				   "compile the guest with -mgeneral-regs-only";
}

static void pio_exit(const struct hv *hv, struct hv_exit *exit)
{
	struct kvm_run *run = hv->run;

	*exit = (struct hv_exit){.kind = HV_EXIT_PIO, .io = {
		.addr = run->io.port,
		.count = run->io.count,
		.width = run->io.size,
		.write = run->io.direction == KVM_EXIT_IO_OUT,
		.data = (uint8_t *)run + run->io.data_offset,
	}};
}

/*
 * A hypervisor that emulates the guest's instructions reports a store to write-protected
 * memory as MMIO; hardware reports it as EFAULT (hv_kvm_fault_exit). Neither may be lost.
 */
static void mmio_exit(const struct hv *hv, struct hv_exit *exit)
{
	struct kvm_run *run = hv->run;

	if (run->mmio.phys_addr < hv->ram_size) {
		*exit = (struct hv_exit){.kind = HV_EXIT_FAULT,
					 .fault = {true, run->mmio.phys_addr}};
		return;
	}
	*exit = (struct hv_exit){.kind = HV_EXIT_MMIO, .io = {
		.addr = run->mmio.phys_addr,
		.count = 1,
		.width = (uint8_t)run->mmio.len,
		.write = run->mmio.is_write,
		.data = run->mmio.data,
	}};
}

void hv_kvm_fault_exit(const struct hv *hv, struct hv_exit *exit)
{
	const struct memory_fault *where = (const void *)hv->run->padding;

	*exit = (struct hv_exit){.kind = HV_EXIT_FAULT};
	if (hv->run->exit_reason == EXIT_MEMORY_FAULT)
		*exit = (struct hv_exit){.kind = HV_EXIT_FAULT, .fault = {true, where->gpa}};
}

/* Linux virt/kvm/api.rst 5, "The kvm_run structure". */
void hv_kvm_exit(struct hv *hv, struct hv_exit *exit)
{
	if (hv->debug.on && hv_kvm_debug_translate(hv, exit))
		return;
	switch (hv->run->exit_reason) {
	case KVM_EXIT_IO:
		pio_exit(hv, exit);
		break;
	case KVM_EXIT_MMIO:
		mmio_exit(hv, exit);
		break;
	case KVM_EXIT_HLT:
		exit->kind = HV_EXIT_HALT;
		break;
	case KVM_EXIT_SHUTDOWN:
		exit->kind = HV_EXIT_SHUTDOWN;
		break;
	case KVM_EXIT_DEBUG:
		*exit = (struct hv_exit){.kind = HV_EXIT_DEBUG};
		break;
	case KVM_EXIT_FAIL_ENTRY:
		error_exit(exit, "entry failure: hw_entry_failure_reason",
			   hv->run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		internal_error(hv, exit);
		break;
	default:
		if (!hv_kvm_translate(hv, exit))
			error_exit(exit, "unhandled exit: exit_reason", hv->run->exit_reason);
	}
}
