/* SPDX-License-Identifier: ISC */
/* double_machine.c: one machine of the stand-in: its KVM underneath and the ioctls of its node. */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void close_kvm(struct machine *m)
{
	if (m->run != MAP_FAILED)
		munmap(m->run, m->run_size);
	if (m->vcpu != -1)
		close(m->vcpu);
	if (m->vm != -1)
		close(m->vm);
	if (m->kvm != -1)
		close(m->kvm);
	if (m->tick_thread != 0)
		timer_delete(m->tick);
	m->run = MAP_FAILED;
	m->vcpu = m->vm = m->kvm = -1;
	m->tick_thread = 0;
}

static int open_kvm(struct machine *m)
{
	int size;

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm == -1)
		return -1;
	do
		m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	while (m->vm == -1 && errno == EINTR);
	if (m->vm == -1)
		return -1;
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (m->vcpu == -1 || size == -1)
		return -1;
	m->run_size = (size_t)size;
	m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	return m->run == MAP_FAILED ? -1 : cpu_create(m);
}

struct machine *vm_create(const char *name)
{
	struct machine *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->kvm = m->vm = m->vcpu = -1;
	m->run = MAP_FAILED;
	m->random = (uint32_t)getpid();
	strcpy(m->name, name);
	if (open_kvm(m) == -1) {
		int error = errno;

		close_kvm(m);
		free(m);
		errno = error;
		return NULL;
	}
	cpu_reset(m);
	return m;
}

void vm_destroy(struct machine *m)
{
	m->destroyed = true;
	if (double_personality()->release >= 15)
		m->how = VMM_SUSPEND_DESTROY;
	vcpu_idle(m);
	close_kvm(m);
	ram_free(m);
}

/* ---- ioctls; -1 is every vcpu for suspend and resume alone ---- */

/* Both forms of a segment's structure begin alike. */
static int alloc_segment(struct machine *m, const struct vmm_segment_13 *s)
{
	return ram_segment(m, s->id, s->len);
}

static int get_segment(struct machine *m, struct vmm_segment_13 *s)
{
	if (s->id < 0 || s->id >= SEGMENTS_MAX)
		return EINVAL;
	s->len = m->segments[s->id].len;
	return 0;
}

static int set_registers(struct machine *m, const struct vmm_registers *r)
{
	int error = r->count > VMM_REG_LAST ? EINVAL : 0;

	for (uint32_t i = 0; i < r->count && error == 0; i++)
		error = cpu_set(m, r->numbers[i], r->values[i]);
	return error;
}

static int get_registers(struct machine *m, const struct vmm_registers *r)
{
	uint64_t values[VMM_REG_LAST];

	if (r->count > VMM_REG_LAST)
		return EINVAL;
	for (uint32_t i = 0; i < r->count; i++) {
		int error = cpu_get(m, r->numbers[i], &values[i]);

		if (error != 0)
			return error;
	}
	memcpy(r->values, values, r->count * sizeof values[0]);
	return 0;
}

static int get_register(struct machine *m, struct vmm_register *r)
{
	uint64_t value;
	int error = cpu_get(m, r->number, &value);

	if (error == 0)
		r->value = value;
	return error;
}

static int capability(struct machine *m, unsigned long code, struct vmm_capability *c)
{
	if (c->type < 0 || c->type >= VMM_CAP_MAX)
		return EINVAL;
	return code == VMM_GET_CAPABILITY ? cpu_capability_get(m, c->type, &c->value)
					  : cpu_capability_set(m, c->type, c->value);
}

static int activate(struct machine *m)
{
	if (m->active)
		return EBUSY;
	m->active = true;
	return 0;
}

static int suspend(struct machine *m, int how)
{
	if (how <= 0 || how > cpu_suspends_max)
		return EINVAL;
	if (m->how != 0)
		return EALREADY;
	m->how = how;
	vcpu_kick(m);
	return 0;
}

static int suspend_cpu(struct machine *m, int cpu)
{
	if (cpu < -1 || cpu > 0 || !m->active)
		return cpu == -1 ? 0 : EINVAL;
	m->debug = true;
	vcpu_kick(m);
	return 0;
}

static int resume_cpu(struct machine *m, int cpu)
{
	if (cpu < -1 || cpu > 0 || (cpu == 0 && !m->debug))
		return EINVAL;
	m->debug = false;
	return 0;
}

static int reinit(struct machine *m)
{
	vcpu_idle(m);
	if (m->active && !m->stopped)
		return EBUSY;
	m->active = m->stopped = m->debug = false;
	m->how = 0;
	memset(m->capabilities, 0, sizeof m->capabilities);
	cpu_reset(m);
	return 0;
}

static int topology(unsigned long code, struct vmm_topology *t)
{
	const struct vmm_topology one = {1, 1, 1, 2};

	if (code == VMM_GET_TOPOLOGY)
		*t = one;
	else if (t->sockets * t->cores * t->threads > 2)
		return EINVAL;
	return 0;
}

/* Ioctls that need no vcpu idle. */
static int unlocked_ioctl(struct machine *m, unsigned long code, void *arg)
{
	switch (code) {
	case VMM_SUSPEND:
		return suspend(m, *(int32_t *)arg);
	case VMM_SUSPEND_CPU:
		return suspend_cpu(m, *(int32_t *)arg);
	case VMM_RESUME_CPU:
		return resume_cpu(m, *(int32_t *)arg);
	case VMM_MAP_NEXT:
		return ram_next(m, arg);
	case VMM_SET_TOPOLOGY:
	case VMM_GET_TOPOLOGY:
		return topology(code, arg);
	}
	return ENOTTY;
}

/* Those that lock all vcpus. */
static int memory_ioctl(struct machine *m, unsigned long code, void *arg)
{
	switch (code) {
	case VMM_ALLOC_SEGMENT:
	case VMM_ALLOC_SEGMENT_13:
		return alloc_segment(m, arg);
	case VMM_GET_SEGMENT:
	case VMM_GET_SEGMENT_13:
		return get_segment(m, arg);
	case VMM_MAP:
		return ram_map(m, arg);
	case VMM_UNMAP:
		return ram_unmap(m, arg);
	}
	return ENOTTY;
}

/* Those that lock one vcpu, with whose number the argument begins. */
static int vcpu_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask)
{
	switch (code) {
	case VMM_SET_CAPABILITY:
	case VMM_GET_CAPABILITY:
		return capability(m, code, arg);
	case VMM_SET_REGISTER:
		return cpu_set(m, ((struct vmm_register *)arg)->number,
			       ((struct vmm_register *)arg)->value);
	case VMM_GET_REGISTER:
		return get_register(m, arg);
	case VMM_SET_REGISTERS:
		return set_registers(m, arg);
	case VMM_GET_REGISTERS:
		return get_registers(m, arg);
	case VMM_ACTIVATE_CPU:
		return activate(m);
	}
	return cpu_ioctl(m, code, arg, mask);
}

static bool known(unsigned long code)
{
	static const uint32_t codes[] = {
		VMM_SET_CAPABILITY, VMM_GET_CAPABILITY, VMM_SUSPEND, VMM_REINIT, VMM_MAP,
		VMM_MAP_NEXT, VMM_SET_REGISTER, VMM_GET_REGISTER, VMM_SET_REGISTERS,
		VMM_GET_REGISTERS, VMM_SET_TOPOLOGY, VMM_GET_TOPOLOGY, VMM_ACTIVATE_CPU,
		VMM_SUSPEND_CPU, VMM_RESUME_CPU, VMM_UNMAP,
	};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == code)
			return true;
	return cpu_knows(code);
}

static int run(struct machine *m, const struct vmm_run *r, const sigset_t *mask)
{
	int error = vcpu_run(m, mask);

	if (error == 0 && r->exit == NULL)
		return EFAULT;
	if (error == 0)
		*r->exit = m->exit;
	return error;
}

int vm_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask)
{
	int error;

	if (!known(code))
		return ENOTTY;
	if (code == VMM_REINIT)
		return reinit(m);
	if (arg == NULL)
		return EFAULT;
	error = unlocked_ioctl(m, code, arg);
	if (error != ENOTTY)
		return error;
	vcpu_idle(m);
	if (m->destroyed)
		return ENXIO;
	error = memory_ioctl(m, code, arg);
	if (error != ENOTTY)
		return error;
	if (*(int32_t *)arg != 0)
		return EINVAL;
	return code == VMM_RUN ? run(m, arg, mask) : vcpu_ioctl(m, code, arg, mask);
}
