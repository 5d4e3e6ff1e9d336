/* SPDX-License-Identifier: ISC */
/*
 * vmm_host.h: the host calls of the vmm backend, in one place, so that tests can link a stand-in of
 * FreeBSD's kernel instead of them.
 *
 * Each is the system call of its name: -1 (or MAP_FAILED) and errno on failure. Any thread; ioctl
 * also in a signal handler for VMM_SUSPEND_CPU.
 */
#ifndef HUSK_VMM_HOST_H
#define HUSK_VMM_HOST_H

#include <stddef.h>
#include <sys/types.h>

int vmm_host_open(const char *path, int flags);
int vmm_host_close(int fd);
int vmm_host_ioctl(int fd, unsigned long code, void *arg);
void *vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

/* sysctlbyname: reads into old (*old_len bytes) and writes new, either of which may be NULL. */
int vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len);

/*
 * Calls each for every machine there is, with its name, until it returns false. Machines may come
 * and go meanwhile. None is no failure.
 */
int vmm_host_machines(int (*each)(void *ctx, const char *name), void *ctx);

#endif
