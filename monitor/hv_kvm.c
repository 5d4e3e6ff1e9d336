/* SPDX-License-Identifier: ISC */
/* hv_kvm.c: the Linux KVM backend, as far as it is the same on every architecture. */
#include "hv_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"

#define DEVICE "/dev/kvm"
/* Retries of KVM_RUN after EAGAIN: how many, and at what interval. */
#define RETRIES 100
#define RETRY_NS 10000000l

#define API_VERSION 12		/* Linux virt/kvm/api.rst 4.1: the only stable one */

/* Linux virt/kvm/api.rst 5, KVM_EXIT_MEMORY_FAULT: newer than the headers of some systems. */
#define EXIT_MEMORY_FAULT 39
struct memory_fault {
	uint64_t flags, gpa, size;
};

static int open_device(struct hv *hv, struct husk_error *e)
{
	hv->kvm = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (hv->kvm != -1)
		return 0;
	husk_fail_sys(e, errno, DEVICE);
	if (e->sys == ENOENT)
		husk_hint(e, "%s; a container must be given the device", hv_kvm_missing);
	if (e->sys == EACCES || e->sys == EPERM)
		husk_hint(e, "join the group that owns it (usually kvm), as root: usermod -a -G kvm "
			  "USER; it counts from the next login on");
	return -1;
}

void hv_kvm_enable(int fd, uint32_t cap, uint64_t arg)
{
	const struct kvm_enable_cap enable = {.cap = cap, .args = {arg}};

	(void)KVM_IOCTL(fd, KVM_ENABLE_CAP, &enable);
}

/* Linux virt/kvm/api.rst 4.2; EINTR comes from signals while the kernel takes its locks. */
static int create_vm(struct hv *hv, struct husk_error *e)
{
	unsigned long type;

	if (hv_kvm_machine_type(hv, &type, e) == -1)
		return -1;
	do
		hv->vm = ioctl(hv->kvm, KVM_CREATE_VM, type);
	while (hv->vm == -1 && errno == EINTR);
	return hv->vm == -1 ? husk_fail_sys(e, errno, "KVM_CREATE_VM") : hv_kvm_machine_init(hv, e);
}

static int create_memory(struct hv *hv, uint64_t size, struct husk_error *e)
{
	struct kvm_userspace_memory_region slot = {.memory_size = size};

	if (memory_host_reserve(&hv->ram, size, e) == -1 || memory_host_commit(&hv->ram, e) == -1)
		return -1;
	hv->ram_size = size;
	slot.userspace_addr = (uintptr_t)hv->ram.base;
	if (KVM_IOCTL(hv->vm, KVM_SET_USER_MEMORY_REGION, &slot) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_USER_MEMORY_REGION of %llu bytes",
				     (unsigned long long)size);
	return 0;
}

static int create_vcpu(struct hv *hv, struct husk_error *e)
{
	int size = ioctl(hv->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < (int)sizeof *hv->run)
		return husk_fail_sys(e, size == -1 ? errno : EINVAL, "KVM_GET_VCPU_MMAP_SIZE");
	hv->vcpu = ioctl(hv->vm, KVM_CREATE_VCPU, 0);
	if (hv->vcpu == -1)
		return husk_fail_sys(e, errno, "KVM_CREATE_VCPU");
	hv->run_size = (size_t)size;
	hv->run = mmap(NULL, hv->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, hv->vcpu, 0);
	if (hv->run == MAP_FAILED)
		return husk_fail_sys(e, errno, "mapping the vcpu's run page");
	return hv_kvm_vcpu_init(hv, e);
}

/* An attacker who takes over the monitor must not find the descriptor that makes new machines. */
static void close_device(struct hv *hv)
{
	if (hv->kvm != -1)
		close(hv->kvm);
	hv->kvm = -1;
}

static void kvm_destroy(struct hv *hv)
{
	if (hv == NULL)
		return;
	if (hv->run != MAP_FAILED)
		munmap(hv->run, hv->run_size);
	if (hv->vcpu != -1)
		close(hv->vcpu);
	if (hv->vm != -1)
		close(hv->vm);
	close_device(hv);
	memory_host_release(&hv->ram);
	free(hv);
}

static int ioeventfd(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
		     uint64_t value, int fd, uint32_t flags)
{
	struct kvm_ioeventfd bell = {
		.datamatch = value, .addr = addr, .len = width, .fd = fd,
		.flags = flags | (kind == BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0),
	};

	return KVM_IOCTL(hv->vm, KVM_IOEVENTFD, &bell);
}

static int doorbell_add(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
			struct husk_error *e)
{
	if (ioeventfd(hv, kind, addr, width, 0, fd, 0) == -1)
		return husk_fail_sys(e, errno, "KVM_IOEVENTFD at 0x%llx",
				     (unsigned long long)addr);
	return 0;
}

static int doorbell_add_value(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			      uint64_t value, int fd, struct husk_error *e)
{
	if (ioeventfd(hv, kind, addr, width, value, fd, KVM_IOEVENTFD_FLAG_DATAMATCH) == -1)
		return husk_fail_sys(e, errno, "KVM_IOEVENTFD at 0x%llx, value 0x%llx",
				     (unsigned long long)addr, (unsigned long long)value);
	return 0;
}

static void doorbell_del(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd)
{
	(void)ioeventfd(hv, kind, addr, width, 0, fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void doorbell_del_value(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			       uint64_t value, int fd)
{
	(void)ioeventfd(hv, kind, addr, width, value, fd,
			KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* Every KVM since Linux 2.6.32 has them, so that only the probe asks. */
static const struct hv_doorbell_ops doorbells = {
	doorbell_add, doorbell_del, doorbell_add_value, doorbell_del_value,
};

static int kvm_create(struct hv **out, uint64_t mem_size, struct husk_error *e)
{
	struct hv *hv = malloc(sizeof *hv);

	if (hv == NULL)
		return husk_fail_sys(e, ENOMEM, "KVM machine");
	*hv = (struct hv){.kvm = -1, .vm = -1, .vcpu = -1, .run = MAP_FAILED, .caps = {
		.doorbells = &doorbells, .registers = &hv_kvm_registers,
		.debug = &hv_kvm_debug, .protects_guest = true, .filters_cpuid = hv_kvm_filters_cpuid,
	}};
	if (open_device(hv, e) == -1 || create_vm(hv, e) == -1 ||
	    create_memory(hv, mem_size, e) == -1 || create_vcpu(hv, e) == -1) {
		kvm_destroy(hv);
		return -1;
	}
	close_device(hv);
	*out = hv;
	return 0;
}

static const struct hv_caps *kvm_caps(const struct hv *hv)
{
	return &hv->caps;
}

static void *kvm_memory(struct hv *hv)
{
	return hv->ram.base;
}

/*
 * The guest's second-level rights follow the host mapping. A host mapping without R or W
 * would fault in the monitor too, so R always stays.
 */
static int kvm_protect(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
		       struct husk_error *e)
{
	int host = PROT_READ | ((prot & MEMORY_W) != 0 ? PROT_WRITE : 0);

	if (mprotect(hv->ram.base + start, (size_t)(last - start + 1), host) == -1)
		return husk_fail_sys(e, errno, "mprotect of guest memory 0x%llx-0x%llx",
				     (unsigned long long)start, (unsigned long long)last);
	return 0;
}

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
 * memory as MMIO; hardware reports it as EFAULT (fault_exit). Neither may be lost.
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

static void fault_exit(const struct hv *hv, struct hv_exit *exit)
{
	const struct memory_fault *where = (const void *)hv->run->padding;

	*exit = (struct hv_exit){.kind = HV_EXIT_FAULT};
	if (hv->run->exit_reason == EXIT_MEMORY_FAULT)
		*exit = (struct hv_exit){.kind = HV_EXIT_FAULT, .fault = {true, where->gpa}};
}

/* Linux virt/kvm/api.rst 5, "The kvm_run structure". */
static void translate(struct hv *hv, struct hv_exit *exit)
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

#define KICK_SIGNAL SIGURG

static sigset_t kick_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KICK_SIGNAL);
	return set;
}

/* Linux virt/kvm/api.rst 4.22. The kernel's signal set has 64 bits, the C library's more. */
static int run_with_mask(struct hv *hv, const sigset_t *mask)
{
	const struct kvm_signal_mask head = {.len = 8};
	uint8_t arg[sizeof head + 8];

	memcpy(arg, &head, sizeof head);
	memcpy(arg + sizeof head, mask, 8);
	return ioctl(hv->vcpu, KVM_SET_SIGNAL_MASK, arg);
}

/* A thread that is kicked by itself alone is never in the guest then: no signal is needed. */
static int kvm_own(struct hv *hv, struct husk_error *e)
{
	const sigset_t kick = kick_set();
	sigset_t running;
	int rc;

	if (hv->lone)
		return 0;
	rc = pthread_sigmask(SIG_BLOCK, &kick, &hv->saved_mask);
	if (rc != 0)
		return husk_fail_sys(e, rc, "blocking signal %d", KICK_SIGNAL);
	running = hv->saved_mask;
	sigdelset(&running, KICK_SIGNAL);
	if (run_with_mask(hv, &running) == -1) {
		husk_fail_sys(e, errno, "KVM_SET_SIGNAL_MASK");
		(void)pthread_sigmask(SIG_SETMASK, &hv->saved_mask, NULL);
		return -1;
	}
	hv->owner = pthread_self();
	(void)__atomic_exchange_n(&hv->owned, true, __ATOMIC_SEQ_CST);
	return 0;
}

/* Takes the signal of a kick, if there is one; one may wait for the thread, and another for the process. */
static bool take_kick(void)
{
	const sigset_t kick = kick_set();
	const struct timespec none = {0};

	return sigtimedwait(&kick, NULL, &none) == KICK_SIGNAL;
}

/* Removes kicks that came after the run, so that they interrupt nothing else in this thread. */
static void drain_kicks(void)
{
	while (take_kick())
		;
}

/* The owner may end as soon as this returns: nobody may still be about to signal it. */
static void kvm_disown(struct hv *hv)
{
	if (hv->lone)
		return;
	__atomic_store_n(&hv->owned, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&hv->kickers, __ATOMIC_SEQ_CST) != 0)
		(void)sched_yield();
	drain_kicks();
	(void)pthread_sigmask(SIG_SETMASK, &hv->saved_mask, NULL);
}

/*
 * Requests before this are seen by the caller now; later ones stay pending for the next run. So does a
 * second signal, which costs another interruption, and is rarer than the call that would look for it.
 */
static void interrupted_exit(struct hv *hv, struct hv_exit *exit)
{
	(void)__atomic_exchange_n(&hv->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (hv->owned)
		(void)take_kick();
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
}

/*
 * Before its first run a machine gets a thread of the kernel's, which counts as the user's. The
 * limit may be temporary or permanent.
 */
static int no_thread(struct husk_error *e)
{
	husk_fail_sys(e, EAGAIN, "KVM_RUN");
	return husk_hint(e, "the kernel cannot make the thread that a virtual machine needs: raise the "
			 "limit of processes, RLIMIT_NPROC (prlimit --nproc) or the cgroup's pids.max");
}

static bool kicked(const struct hv *hv)
{
	return __atomic_load_n(&hv->run->immediate_exit, __ATOMIC_SEQ_CST) != 0;
}

/* KVM_RUN; EAGAIN is retried for a second, or until a kick, which is EINTR. */
static int run_vcpu(struct hv *hv)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	int tries = 0;

	while (ioctl(hv->vcpu, KVM_RUN, 0) == -1) {
		if (errno != EAGAIN || ++tries == RETRIES)
			return -1;
		nanosleep(&pause, NULL);
		if (kicked(hv)) {
			errno = EINTR;
			return -1;
		}
	}
	return 0;
}

static int kvm_run(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	if (run_vcpu(hv) == 0) {
		translate(hv, exit);
		return 0;
	}
	switch (errno) {
	case EINTR:
		interrupted_exit(hv, exit);
		return 0;
	case EFAULT:
		fault_exit(hv, exit);
		return 0;
	case EAGAIN:
		return no_thread(e);
	}
	return husk_fail_sys(e, errno, "KVM_RUN");
}

/*
 * Linux virt/kvm/api.rst 5, the note on KVM_EXIT_IO: with immediate_exit set, KVM_RUN completes the
 * access and returns. The flag stays set, as a kick may have set it meanwhile.
 */
static int kvm_complete(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	(void)__atomic_exchange_n(&hv->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (ioctl(hv->vcpu, KVM_RUN, 0) == 0) {
		translate(hv, exit);
		return 0;
	}
	if (errno != EINTR)
		return husk_fail_sys(e, errno, "KVM_RUN");
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
}

/*
 * The kernel checks immediate_exit before it enters the guest; a run in progress needs a signal as
 * well. If no owner is found here, its next KVM_RUN will see immediate_exit.
 */
static void kvm_kick(struct hv *hv)
{
	(void)__atomic_fetch_add(&hv->kickers, 1, __ATOMIC_SEQ_CST);
	(void)__atomic_exchange_n(&hv->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&hv->owned, __ATOMIC_SEQ_CST) &&
	    !pthread_equal(hv->owner, pthread_self()))
		(void)pthread_kill(hv->owner, KICK_SIGNAL);
	(void)__atomic_fetch_sub(&hv->kickers, 1, __ATOMIC_RELEASE);
}

static void kvm_confine(struct hv *hv, struct sandbox *s)
{
	hv->lone = !s->threads;
	sandbox_keep(s, hv->vm, 0);
	sandbox_keep(s, hv->vcpu, 0);
	s->values[SANDBOX_VCPU] = (uint64_t)hv->vcpu;
	s->values[SANDBOX_VM] = (uint64_t)hv->vm;
}

/* Every kernel since Linux 2.6.22 has this version, so that only the probe asks. */
static int check_device(bool *bells, struct husk_error *e)
{
	struct hv hv;
	int version, saved;

	if (open_device(&hv, e) == -1)
		return -1;
	version = ioctl(hv.kvm, KVM_GET_API_VERSION, 0);
	saved = errno;
	*bells = ioctl(hv.kvm, KVM_CHECK_EXTENSION, KVM_CAP_IOEVENTFD) > 0;
	close(hv.kvm);
	if (version == -1)
		return husk_fail_sys(e, saved, DEVICE ": KVM_GET_API_VERSION");
	if (version != API_VERSION)
		return husk_fail(e, HUSK_E_HOST, DEVICE ": API version %d, need %d", version,
				 API_VERSION);
	return 0;
}

/* Tries whether the kernel lets a machine run, without a guest. */
static int try_run(struct hv_caps *caps, struct husk_error *e)
{
	struct hv_exit exit;
	struct hv *hv;
	int rc;

	if (kvm_create(&hv, 0x200000, e) == -1)
		return -1;
	*caps = hv->caps;
	kvm_kick(hv);
	rc = kvm_run(hv, &exit, e);
	kvm_destroy(hv);
	return rc;
}

static int kvm_probe(hv_finding *say, void *ctx)
{
	struct husk_error e = {0};
	struct hv_caps caps;
	bool bells = false;

	if (check_device(&bells, &e) == -1 || try_run(&caps, &e) == -1) {
		say(ctx, false, e.message, "");
		return -1;
	}
	say(ctx, true, DEVICE ": API version 12, a machine can be made", "");
	say(ctx, true, bells ? "doorbells (ioeventfd)" :
	    "no doorbells (ioeventfd); nothing here needs them", "");
	hv_say_caps(&caps, say, ctx);
	return 0;
}

const struct hv_ops hv_backend = {
	.name = "kvm",
	.title = "KVM",
	.probe = kvm_probe,
	.create = kvm_create,
	.caps = kvm_caps,
	.memory = kvm_memory,
	.protect = kvm_protect,
	.cycle_freq = hv_kvm_cycle_freq,
	.set_entry = hv_kvm_set_entry,
	.run = kvm_run,
	.complete = kvm_complete,
	.kick = kvm_kick,
	.own = kvm_own,
	.disown = kvm_disown,
	.confine = kvm_confine,
	.ip = hv_kvm_ip,
	.destroy = kvm_destroy,
};
