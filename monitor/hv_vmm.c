/* SPDX-License-Identifier: ISC */
/* hv_vmm.c: the backend for FreeBSD's vmm, as far as it is the same on every architecture. */
#include "hv_vmm.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"

#define KICK_SIGNAL SIGURG

int hv_vmm_get(const struct hv *hv, int number, uint64_t *value)
{
	struct vmm_register r = {.number = number};
	int rc = VMM_IOCTL(hv->vm, VMM_GET_REGISTER, &r);

	*value = r.value;
	return rc;
}

int hv_vmm_set(const struct hv *hv, int number, uint64_t value)
{
	struct vmm_register r = {.number = number, .value = value};

	return VMM_IOCTL(hv->vm, VMM_SET_REGISTER, &r);
}

int hv_vmm_set_values(const struct hv *hv, const struct hv_vmm_value *values, size_t n,
		      struct husk_error *e)
{
	for (size_t i = 0; i < n; i++)
		if (hv_vmm_set(hv, values[i].number, values[i].value) == -1)
			return husk_fail_sys(e, errno, "VM_SET_REGISTER: %s", values[i].name);
	return 0;
}

/* ---- life ---- */

static void vmm_destroy(struct hv *hv)
{
	if (hv == NULL)
		return;
	hv_vmm_close(hv);
	memory_host_release(&hv->ram);
	free(hv);
}

/* Active from the start, so that a kick can come before the first run. */
static int create_vcpu(struct hv *hv, struct husk_error *e)
{
	int32_t cpu = 0;

	if (hv_vmm_vcpu_init(hv, e) == -1)
		return -1;
	if (VMM_IOCTL(hv->vm, VMM_ACTIVATE_CPU, &cpu) == -1)
		return husk_fail_sys(e, errno, "VM_ACTIVATE_CPU");
	return 0;
}

static int vmm_create(struct hv **out, uint64_t mem_size, struct husk_error *e)
{
	struct hv *hv = malloc(sizeof *hv);

	if (hv == NULL)
		return husk_fail_sys(e, ENOMEM, "vmm machine");
	*hv = (struct hv){.control = -1, .vm = -1, .caps = {
		.registers = &hv_vmm_registers, .protects_guest = hv_vmm_protects_guest,
	}};
	if (hv_vmm_open(hv, e) == -1 || hv_vmm_memory_create(hv, mem_size, e) == -1 ||
	    create_vcpu(hv, e) == -1) {
		vmm_destroy(hv);
		return -1;
	}
	hv->caps.remarks[hv->caps.remarks[0] != NULL] = hv_vmm_counter_flaw();
	*out = hv;
	return 0;
}

static const struct hv_caps *vmm_caps(const struct hv *hv)
{
	return &hv->caps;
}

static void *vmm_memory(struct hv *hv)
{
	return hv->ram.base;
}

/* ---- kicks ---- */

static void nothing(int number)
{
	(void)number;
}

/* A signal that is blocked or ignored does not even mark a sleeping vcpu's thread. */
static int let_signal_in(struct hv *hv, struct husk_error *e)
{
	const struct sigaction handle = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	struct sigaction now;
	sigset_t kick;

	if (sigaction(KICK_SIGNAL, NULL, &now) == -1 ||
	    ((now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) &&
	     sigaction(KICK_SIGNAL, &handle, NULL) == -1))
		return husk_fail_sys(e, errno, "handling signal %d", KICK_SIGNAL);
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	errno = pthread_sigmask(SIG_UNBLOCK, &kick, &hv->saved_mask);
	return errno != 0 ? husk_fail_sys(e, errno, "unblocking signal %d", KICK_SIGNAL) : 0;
}

static int vmm_own(struct hv *hv, struct husk_error *e)
{
	if (hv_vmm_kick_signal && let_signal_in(hv, e) == -1)
		return -1;
	hv->owner = pthread_self();
	(void)__atomic_exchange_n(&hv->owned, true, __ATOMIC_SEQ_CST);
	return 0;
}

/* The owner may end as soon as this returns: nobody may still be about to signal it. */
static void vmm_disown(struct hv *hv)
{
	(void)__atomic_exchange_n(&hv->owned, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&hv->kickers, __ATOMIC_SEQ_CST) != 0)
		(void)sched_yield();
	if (hv_vmm_kick_signal)
		(void)pthread_sigmask(SIG_SETMASK, &hv->saved_mask, NULL);
}

static void suspend_cpu(struct hv *hv)
{
	int32_t cpu = 0;

	(void)VMM_IOCTL(hv->vm, VMM_SUSPEND_CPU, &cpu);
}

/*
 * The kernel keeps the request until VM_RESUME_CPU. On arm64 a sleeping vcpu looks for signals alone
 * when it is woken, and a signal does not wake it: so one before, to make every later entry return,
 * the signal, and one after it, to wake.
 */
static void vmm_kick(struct hv *hv)
{
	int saved = errno;

	(void)__atomic_fetch_add(&hv->kickers, 1, __ATOMIC_SEQ_CST);
	suspend_cpu(hv);
	if (hv_vmm_kick_signal && __atomic_load_n(&hv->owned, __ATOMIC_SEQ_CST) &&
	    !pthread_equal(hv->owner, pthread_self())) {
		(void)pthread_kill(hv->owner, KICK_SIGNAL);
		suspend_cpu(hv);
	}
	(void)__atomic_fetch_sub(&hv->kickers, 1, __ATOMIC_RELEASE);
	errno = saved;
}

/* ---- runs ---- */

static int complete_access(struct hv *hv, struct husk_error *e)
{
	if (!hv->access.pending)
		return 0;
	hv->access.pending = false;
	return hv_vmm_complete_read(hv, e);
}

/* Nothing but EFAULT is known: the kernel leaves the record as it was. */
static void fault_exit(struct hv *hv, struct hv_exit *exit)
{
	uint64_t ip;

	*exit = (struct hv_exit){.kind = HV_EXIT_FAULT};
	hv->ip = hv->next_ip = hv_vmm_get(hv, hv_vmm_ip_register, &ip) == 0 ? ip : 0;
}

static int run_failed(struct hv *hv, int error, struct hv_exit *exit, struct husk_error *e)
{
	if (error == EFAULT) {
		fault_exit(hv, exit);
		return 0;
	}
	if (hv_vmm_translate_errno(hv, error, exit))
		return 0;
	husk_fail_sys(e, error, "VM_RUN");
	if (error == ENXIO)
		return husk_hint(e, "somebody destroyed the machine %s", hv->name);
	return -1;
}

static enum hv_vmm_next suspended_exit(int how, struct hv_exit *exit)
{
	if (how == VMM_SUSPEND_HALT) {
		*exit = (struct hv_exit){.kind = HV_EXIT_HALT};
		return HV_VMM_EXIT;
	}
	*exit = (struct hv_exit){.kind = HV_EXIT_ERROR, .error = {
		"suspended: how", (uint64_t)how, "somebody else stopped or destroyed the machine",
	}};
	return HV_VMM_EXIT;
}

static enum hv_vmm_next debug_exit(struct hv *hv, struct hv_exit *exit)
{
	int32_t cpu = 0;

	(void)VMM_IOCTL(hv->vm, VMM_RESUME_CPU, &cpu);
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return HV_VMM_EXIT;
}

static enum hv_vmm_next translate(struct hv *hv, struct hv_exit *exit)
{
	hv->ip = hv->next_ip = hv_vmm_exit_ip(hv);
	switch (hv->exit.code) {
	case VMM_EXIT_BOGUS:
		return HV_VMM_AGAIN;
	case VMM_EXIT_DEBUG:
		return debug_exit(hv, exit);
	case VMM_EXIT_SUSPENDED:
		return suspended_exit(hv->exit.suspended.how, exit);
	}
	return hv_vmm_translate(hv, exit);
}

/* EINTR comes from the kernel stopping the process's threads, BOGUS from signals and time slices. */
static int vmm_run(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	if (complete_access(hv, e) == -1 || hv_vmm_memory_map(hv, e) == -1)
		return -1;
	for (;;) {
		if (hv_vmm_run(hv) == 0) {
			if (translate(hv, exit) == HV_VMM_EXIT)
				return 0;
		} else if (errno != EINTR) {
			return run_failed(hv, errno, exit, e);
		}
	}
}

static int vmm_complete(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return complete_access(hv, e);
}

static bool vmm_ip(struct hv *hv, uint64_t *ip)
{
	*ip = hv->ip;
	return hv->ip != 0;
}

/* ---- the sandbox ---- */

/* The view of memory is there, and what else was mapped stays. */
static void vmm_confine(struct hv *hv, struct sandbox *s)
{
	static const unsigned long codes[] = {
		VMM_GET_REGISTER, VMM_SET_REGISTER, VMM_GET_REGISTERS, VMM_SET_REGISTERS,
		VMM_SUSPEND_CPU, VMM_RESUME_CPU, VMM_INJECT_EXCEPTION,
	};
	struct husk_error later;	/* the first run says it */

	sandbox_keep(s, hv->vm, 0);
	sandbox_allow_ioctl(s, hv->vm, hv_vmm_run_code(hv));
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		sandbox_allow_ioctl(s, hv->vm, codes[i]);
	for (const unsigned long *code = hv_vmm_own_codes; *code != 0; code++)
		sandbox_allow_ioctl(s, hv->vm, *code);
	if (hv_vmm_memory_map(hv, &later) == -1) {
		sandbox_allow_ioctl(s, hv->vm, VMM_MAP);
		sandbox_allow_ioctl(s, hv->vm, VMM_UNMAP);
	}
	sandbox_keep(s, hv->control, 0);
	sandbox_allow_ioctl(s, hv->control, VMMCTL_DESTROY);
	s->by_name |= hv->control == -1;
}

/* ---- probe ---- */

static void say_leftovers(hv_finding *say, void *ctx)
{
	int control = hv_vmm_open_control();
	const struct hv_vmm_leftovers left = hv_vmm_sweep(control);
	char text[100];

	if (hv_vmm_describe(&left, text, sizeof text))
		say(ctx, left.kept == 0, text, left.kept == 0 ? "" : "destroy them with bhyvectl");
	if (control != -1)
		vmm_host_close(control);
}

static int vmm_probe(hv_finding *say, void *ctx)
{
	const char *flaw = hv_vmm_counter_flaw();
	struct hv *hv = NULL;
	struct husk_error e = {0};

	say_leftovers(say, ctx);
	if (vmm_create(&hv, 0x200000, &e) == -1) {
		say(ctx, false, e.message, "");
		return -1;
	}
	say(ctx, true, hv->control != -1 ? VMM_CONTROL ": a machine can be made"
					 : VMM_SYSCTL_CREATE ": a machine can be made", "");
	say(ctx, true, "no doorbells; nothing here needs them", "");
	hv_say_caps(&hv->caps, say, ctx);
	vmm_destroy(hv);
	if (flaw != NULL)
		say(ctx, true, flaw, "");
	return 0;
}

const struct hv_ops hv_backend = {
	.name = "vmm",
	.title = "vmm",
	.probe = vmm_probe,
	.create = vmm_create,
	.caps = vmm_caps,
	.memory = vmm_memory,
	.protect = hv_vmm_protect,
	.cycle_freq = hv_vmm_cycle_freq,
	.set_entry = hv_vmm_set_entry,
	.own = vmm_own,
	.disown = vmm_disown,
	.run = vmm_run,
	.complete = vmm_complete,
	.kick = vmm_kick,
	.confine = vmm_confine,
	.ip = vmm_ip,
	.destroy = vmm_destroy,
};
