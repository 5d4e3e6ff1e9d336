/* SPDX-License-Identifier: ISC */
/* hv_kvm.c: the Linux KVM backend, as far as it is the same on every architecture. */
#include "hv_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"

#define DEVICE "/dev/kvm"
/* Retries of KVM_RUN after EAGAIN: how many, and at what interval. */
#define RETRIES 100
#define RETRY_NS 10000000l

#define API_VERSION 12		/* Linux virt/kvm/api.rst 4.1: the only stable one */

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

static int kvm_create(struct hv **out, uint64_t mem_size, struct husk_error *e)
{
	struct hv *hv = malloc(sizeof *hv);

	if (hv == NULL)
		return husk_fail_sys(e, ENOMEM, "KVM machine");
	*hv = (struct hv){.kvm = -1, .vm = -1, .vcpu = -1, .run = MAP_FAILED, .caps = {
		.doorbells = &hv_kvm_doorbells, .registers = &hv_kvm_registers,
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

/* KVM_RUN; EAGAIN is retried for a second, or until a kick, which is EINTR. */
static int run_vcpu(struct hv *hv)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	int tries = 0;

	while (ioctl(hv->vcpu, KVM_RUN, 0) == -1) {
		if (errno != EAGAIN || ++tries == RETRIES)
			return -1;
		nanosleep(&pause, NULL);
		if (hv_kvm_kicked(hv)) {
			errno = EINTR;
			return -1;
		}
	}
	return 0;
}

static int kvm_run(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	if (run_vcpu(hv) == 0) {
		hv_kvm_exit(hv, exit);
		return 0;
	}
	switch (errno) {
	case EINTR:
		hv_kvm_interrupted(hv, exit);
		return 0;
	case EFAULT:
		hv_kvm_fault_exit(hv, exit);
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
		hv_kvm_exit(hv, exit);
		return 0;
	}
	if (errno != EINTR)
		return husk_fail_sys(e, errno, "KVM_RUN");
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
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
	hv_kvm_kick(hv);
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
	.kick = hv_kvm_kick,
	.own = hv_kvm_own,
	.disown = hv_kvm_disown,
	.confine = kvm_confine,
	.ip = hv_kvm_ip,
	.destroy = kvm_destroy,
};
