/* SPDX-License-Identifier: ISC */
/* hv_vmm_name.c: making and destroying machines of FreeBSD's vmm, which have names and outlive us. */
#include "hv_vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "husk-"		/* then the process, a hyphen and a number */
#define NAMES_MAX 10000u	/* of one process */

int hv_vmm_open_control(void)
{
	return vmm_host_open(VMM_CONTROL, O_RDWR | O_CLOEXEC);
}

static int missing(int error, const char *what, struct husk_error *e)
{
	husk_fail_sys(e, error, "%s", what);
	switch (error) {
	case ENOENT:
		return husk_hint(e, "load the module: kldload vmm");
	case EACCES:
	case EPERM:
		return husk_hint(e, "machines are made by root, or from FreeBSD 16 on by the group "
				 "vmm; in a jail allow.vmm is needed");
	case ENXIO:
		return husk_hint(e, "the processor cannot run machines, or the firmware has turned "
				 "that off");
	}
	return -1;
}

static int control_call(int control, unsigned long code, const char *name, uint32_t flags)
{
	struct vmmctl c = {.flags = flags};

	snprintf(c.name, sizeof c.name, "%s", name);
	return vmm_host_ioctl(control, code, &c);
}

static int create_named(const struct hv *hv)
{
	int rc;

	if (hv->control == -1)
		return vmm_host_sysctl(VMM_SYSCTL_CREATE, NULL, NULL, hv->name, strlen(hv->name));
	rc = control_call(hv->control, VMMCTL_CREATE, hv->name, VMMCTL_DESTROY_ON_CLOSE);
	if (rc == -1 && errno == EINVAL)	/* before FreeBSD 16 */
		rc = control_call(hv->control, VMMCTL_CREATE, hv->name, 0);
	return rc;
}

static int destroy_named(int control, const char *name)
{
	if (control == -1)
		return vmm_host_sysctl(VMM_SYSCTL_DESTROY, NULL, NULL, name, strlen(name));
	return control_call(control, VMMCTL_DESTROY, name, 0);
}

/* Another thread of this process may be at it too, and a process of the same number before us. */
static int create_machine(struct hv *hv, struct husk_error *e)
{
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		snprintf(hv->name, sizeof hv->name, PREFIX "%ld-%u", (long)getpid(), i);
		if (create_named(hv) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	missing(errno, hv->control == -1 ? VMM_SYSCTL_CREATE : VMM_CONTROL ": creating a machine",
		e);
	hv->name[0] = '\0';
	return -1;
}

static int open_node(struct hv *hv, struct husk_error *e)
{
	char path[sizeof VMM_NODES "/" + sizeof hv->name];

	snprintf(path, sizeof path, VMM_NODES "/%s", hv->name);
	hv->vm = vmm_host_open(path, O_RDWR | O_CLOEXEC);
	if (hv->vm != -1)
		return 0;
	if (errno != ENOENT)
		return missing(errno, path, e);
	husk_fail_sys(e, errno, "%s", path);
	return husk_hint(e, "a jail's devfs rules have to unhide vmm and vmm/*");
}

int hv_vmm_open(struct hv *hv, struct husk_error *e)
{
	struct hv_vmm_leftovers leftovers;

	hv->control = hv_vmm_open_control();
	if (hv->control == -1 && errno != ENOENT)
		return missing(errno, VMM_CONTROL, e);
	leftovers = hv_vmm_sweep(hv->control);
	if (hv_vmm_describe(&leftovers, hv->leftovers, sizeof hv->leftovers))
		hv->caps.remarks[0] = hv->leftovers;
	if (create_machine(hv, e) == 0 && open_node(hv, e) == 0)
		return 0;
	hv_vmm_close(hv);
	return -1;
}

void hv_vmm_close(struct hv *hv)
{
	if (hv->vm != -1)
		vmm_host_close(hv->vm);
	if (hv->name[0] != '\0')
		(void)destroy_named(hv->control, hv->name);
	if (hv->control != -1)
		vmm_host_close(hv->control);
	hv->vm = hv->control = -1;
	hv->name[0] = '\0';
}

/* ---- what others have left ---- */

struct sweep {
	int control;
	struct hv_vmm_leftovers found;
};

/* The process in a name of ours; 0 if it is none. */
static pid_t owner_of(const char *name)
{
	char *end;
	long pid;

	if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 ||
	    name[sizeof PREFIX - 1] < '1' || name[sizeof PREFIX - 1] > '9')
		return 0;
	errno = 0;
	pid = strtol(name + sizeof PREFIX - 1, &end, 10);
	if (errno != 0 || *end != '-' || (pid_t)pid != pid || end[1] == '\0' ||
	    strspn(end + 1, "0123456789") != strlen(end + 1))
		return 0;
	return (pid_t)pid;
}

static int look(void *ctx, const char *name)
{
	struct sweep *s = ctx;
	pid_t owner = owner_of(name);

	if (owner == 0 || kill(owner, 0) == 0 || errno != ESRCH)
		return 1;
	if (destroy_named(s->control, name) == 0)
		s->found.destroyed++;
	else
		s->found.kept++;
	return 1;
}

struct hv_vmm_leftovers hv_vmm_sweep(int control)
{
	struct sweep s = {.control = control};

	(void)vmm_host_machines(look, &s);
	return s.found;
}

bool hv_vmm_describe(const struct hv_vmm_leftovers *l, char *text, size_t size)
{
	if (l->destroyed + l->kept == 0)
		return false;
	snprintf(text, size, "machines that processes have left which are gone: %u destroyed, %u not",
		 l->destroyed, l->kept);
	return true;
}
