/* SPDX-License-Identifier: ISC */
/* double_host.c: the stand-in's side of vmm_host.h: descriptors, /dev/vmmctl and the sysctls. */
#include "double_handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capsicum_host.h"
#include "vmm_host.h"

#define CONTROL_FLAGS_SINCE 16	/* destroy-on-close */
#define CONTROL_SINCE 15

#define RUN_NUMBER_END 0x10000u	/* group and number of a code; the rest is of the argument */

/* The kernel's state: the same for all that a process links. */
static struct machine *machines;
static pthread_mutex_t giant = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void giant_lock(sigset_t *mask)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, mask);
	pthread_mutex_lock(&giant);
}

void giant_unlock(const sigset_t *mask)
{
	pthread_mutex_unlock(&giant);
	pthread_sigmask(SIG_SETMASK, mask, NULL);
}

void giant_leave(void)
{
	pthread_mutex_unlock(&giant);
}

void giant_return(void)
{
	pthread_mutex_lock(&giant);
}

void giant_wait(void)
{
	pthread_cond_wait(&changed, &giant);
}

void giant_wake(void)
{
	pthread_cond_broadcast(&changed);
}

static const struct personality *parse(struct personality *p, const char *text)
{
	*p = (struct personality){.release = atoi(text)};
	p->amd = strstr(text, "amd") != NULL;
	p->apic = strstr(text, "apic") != NULL;
	p->calm = strstr(text, "calm") != NULL;
	p->drift = strstr(text, "drift") != NULL;
	if (p->release < 13 || p->release > 16) {
		dprintf(STDERR_FILENO, "HUSK_VMM_DOUBLE=%s: no such release\n", text);
		abort();
	}
	return p;
}

const struct personality *double_personality(void)
{
	static struct personality p;
	const char *text = getenv("HUSK_VMM_DOUBLE");

	return p.release != 0 ? &p : parse(&p, text == NULL ? "15" : text);
}

static int result(int error)
{
	errno = error == 0 ? errno : error;
	return error == 0 ? 0 : -1;
}

static struct machine *machine_of(const char *name)
{
	struct machine *m = machines;

	while (m != NULL && (m->destroyed || strcmp(m->name, name) != 0))
		m = m->next;
	return m;
}

static int open_control(int flags)
{
	if (double_personality()->release < CONTROL_SINCE)
		return result(ENOENT);
	if (!names_privileged())
		return result(EACCES);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return result(EPERM);
	return handle_open(true, NULL, flags);
}

static int open_node(const char *name, int flags)
{
	if (!names_exist(name))
		return result(ENOENT);
	if (!names_privileged())
		return result(EACCES);
	return handle_open(false, machine_of(name), flags);
}

int vmm_host_open(const char *path, int flags)
{
	static const char nodes[] = VMM_NODES "/";
	sigset_t mask;
	int fd;

	mark_begin("open");
	giant_lock(&mask);
	if (capsicum_mode())
		fd = result(capsicum_refuse(CAPSICUM_ECAPMODE));
	else if (strcmp(path, VMM_CONTROL) == 0)
		fd = open_control(flags);
	else if (strncmp(path, nodes, sizeof nodes - 1) == 0)
		fd = open_node(path + sizeof nodes - 1, flags);
	else
		fd = result(ENOENT);
	giant_unlock(&mask);
	mark_end(fd != -1);
	return fd;
}

/* Machines of which all descriptors and the name are gone. */
static void machines_sweep(void)
{
	struct machine **at = &machines;

	while (*at != NULL) {
		struct machine *m = *at;

		if (!m->destroyed || handle_has(m) || m->state != VCPU_IDLE) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
	}
}

static int destroy(const char *name)
{
	struct machine *m = machine_of(name);
	int error = names_destroy(name);

	if (error == 0 && m != NULL)
		vm_destroy(m);
	return error;
}

/* A machine that went with the descriptor that was closed. */
static void destroy_orphans(void)
{
	for (struct machine *m = machines; m != NULL; m = m->next)
		if (!m->destroyed && !names_exist(m->name))
			vm_destroy(m);
}

int vmm_host_close(int fd)
{
	sigset_t mask;
	int rc;

	mark_begin("close");
	giant_lock(&mask);
	if (handle_forget(fd)) {
		destroy_orphans();
		machines_sweep();
	}
	rc = close(fd);
	giant_unlock(&mask);
	mark_end(rc == 0);
	return rc;
}

static int create(const char *name, bool on_close, int *lock)
{
	struct machine *m;
	int error = names_create(name, on_close, lock);

	if (error != 0)
		return error;
	m = vm_create(name);
	if (m == NULL) {
		error = errno;
		names_destroy(name);
		if (*lock != -1)
			close(*lock);
		return error;
	}
	m->next = machines;
	machines = m;
	return 0;
}

static int create_by_control(struct handle *h, const struct vmmctl *c)
{
	bool on_close = c->flags == VMMCTL_DESTROY_ON_CLOSE;
	size_t slot = 0;
	int lock, error;

	if (c->flags != 0 && (double_personality()->release < CONTROL_FLAGS_SINCE || !on_close))
		return EINVAL;
	while (slot < sizeof h->locks / sizeof h->locks[0] - 1 && h->locks[slot] != -1)
		slot++;
	error = create(c->name, on_close, &lock);
	if (error == 0 && lock != -1)
		h->locks[slot] = lock;
	return error;
}

static int control_ioctl(struct handle *h, unsigned long code, const void *arg)
{
	struct vmmctl c;

	if (code != VMMCTL_CREATE && code != VMMCTL_DESTROY)
		return ENOTTY;
	if (arg == NULL)
		return EFAULT;
	memcpy(&c, arg, sizeof c);
	c.name[VMM_NAME_MAX] = '\0';
	for (size_t i = 0; i < sizeof c.reserved / sizeof c.reserved[0]; i++)
		if (c.reserved[i] != 0)
			return EINVAL;
	return code == VMMCTL_CREATE ? create_by_control(h, &c) : destroy(c.name);
}

unsigned double_own_from(unsigned number)
{
	unsigned best;
	sigset_t mask;

	giant_lock(&mask);
	best = handle_own_from(number);
	for (const struct machine *m = machines; m != NULL; m = m->next) {
		best = handle_nearer(best, m->kvm, number);
		best = handle_nearer(best, m->vm, number);
		best = handle_nearer(best, m->vcpu, number);
	}
	giant_unlock(&mask);
	return best;
}

int vmm_host_ioctl(int fd, unsigned long code, void *arg)
{
	struct machine *m;
	struct handle *h;
	sigset_t mask;
	int error;

	mark_begin(code % RUN_NUMBER_END == VMM_RUN % RUN_NUMBER_END ? "run" : "ioctl");
	giant_lock(&mask);
	h = handle_of(fd);
	m = h == NULL ? NULL : h->machine;
	if (h == NULL)
		error = fcntl(fd, F_GETFD) == -1 ? EBADF : ENOTTY;
	else if (!handle_may_ioctl(h, code))
		error = capsicum_refuse(CAPSICUM_ENOTCAPABLE);
	else if (h->control)
		error = control_ioctl(h, code, arg);
	else if (m == NULL || m->destroyed)
		error = ENXIO;
	else
		error = vm_ioctl(m, code, arg, &mask);
	machines_sweep();
	giant_unlock(&mask);
	mark_end(error == 0);
	return result(error);
}

void *vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *view = MAP_FAILED;
	struct machine *m;
	struct handle *h;
	sigset_t mask;
	int error;

	mark_begin("mmap");
	giant_lock(&mask);
	h = handle_of(fd);
	m = h == NULL ? NULL : h->machine;
	if (h == NULL)
		error = EBADF;
	else if (h->limited)
		error = capsicum_refuse(CAPSICUM_ENOTCAPABLE);
	else if (m == NULL || m->destroyed)
		error = ENXIO;
	else
		error = ram_mmap(m, &view, at, len, prot, flags, offset, h->access != O_RDONLY);
	giant_unlock(&mask);
	mark_end(error == 0);
	return result(error) == 0 ? view : MAP_FAILED;
}

static int sysctl_name(const char *sysctl, const char *text, size_t len)
{
	char name[VMM_NAME_MAX + 1];
	int lock;

	if (!names_privileged())
		return EPERM;
	if (len == 0 || len > VMM_NAME_MAX)
		return EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	return strcmp(sysctl, VMM_SYSCTL_CREATE) == 0 ? create(name, false, &lock) : destroy(name);
}

static int sysctl_read(const char *name, void *old, size_t *old_len)
{
	static const int versions[] = {1302001, 1400097, 1500068, 1600000};
	uint64_t hz;
	int number;

	if (cpu_frequency(name, &hz) == 0) {
		if (*old_len < sizeof hz)
			return ENOMEM;
		memcpy(old, &hz, sizeof hz);
		*old_len = sizeof hz;
		return 0;
	}
	if (strcmp(name, "kern.osreldate") == 0)
		number = versions[double_personality()->release - 13];
	else if (strcmp(name, "hw.vmm.maxcpu") == 0)
		number = 2;
	else if (cpu_number(name, &number) != 0)
		return ENOENT;
	if (*old_len < sizeof number)
		return ENOMEM;
	memcpy(old, &number, sizeof number);
	*old_len = sizeof number;
	return 0;
}

int vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len)
{
	sigset_t mask;
	int error;

	mark_begin("sysctl");
	giant_lock(&mask);
	if (capsicum_mode())
		error = EPERM;
	else if (strcmp(name, VMM_SYSCTL_CREATE) == 0 || strcmp(name, VMM_SYSCTL_DESTROY) == 0)
		error = new == NULL ? 0 : sysctl_name(name, new, new_len);
	else if (new != NULL)
		error = EPERM;
	else
		error = old == NULL ? 0 : sysctl_read(name, old, old_len);
	giant_unlock(&mask);
	mark_end(error == 0);
	return result(error);
}

int vmm_host_machines(int (*each)(void *ctx, const char *name), void *ctx)
{
	int rc;

	mark_begin("names");
	rc = names_each(each, ctx);
	mark_end(rc == 0);
	return rc;
}
