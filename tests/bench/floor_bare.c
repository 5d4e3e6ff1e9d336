/* SPDX-License-Identifier: ISC */
/*
 * floor_bare.c: what a start costs a program that has no C library, for a guest that halts at once.
 *
 * Usage: floor_bare MIB [DISK TAP]. The same calls as floor.c, and the same machine (floor_<machine>.c);
 * every failure ends it with status 1.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/syscall.h>

#include "../../include/hvt_abi.h"
#include "floor.h"
#include "loop.h"

#define CODE_GPA HVT_GUEST_MIN_BASE
#define HALT_GPA (CODE_GPA + 0x800)	/* struct hvt_halt, not read */

/* What is on the stack of a program that begins, on every architecture. */
struct words {
	long n;
	const char *at[];
};

/* floor_bare_<machine>.S; a failure is -errno. */
long floor_syscall(long nr, long a, long b, long c, long d, long e);
_Noreturn void floor_bare(const struct words *words);

static _Noreturn void leave(int status)
{
	for (;;)
		floor_syscall(SYS_exit_group, status, 0, 0, 0, 0);
}

_Noreturn void floor_die(const char *what)
{
	for (; *what != '\0'; what++)
		floor_syscall(SYS_write, 2, (long)what, 1, 0, 0);
	floor_syscall(SYS_write, 2, (long)": failed\n", sizeof ": failed\n" - 1, 0, 0);
	leave(1);
}

int floor_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	const long ret = floor_syscall(SYS_ioctl, fd, (long)request, (long)arg, 0, 0);

	if (ret < 0)
		floor_die(what);
	return (int)ret;
}

/* There is no clock here. */
void floor_step(struct floor *f, const char *name)
{
	(void)f;
	(void)name;
}

static int file_open(const char *path, int flags)
{
	const long fd = floor_syscall(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0);

	if (fd < 0)
		floor_die(path);
	return (int)fd;
}

/* The sixth argument, the offset, is 0. */
static void *map(size_t size, int flags, int fd)
{
	const long at = floor_syscall(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, flags, fd);

	if (at < 0 && at > -4096)
		floor_die("mmap");
	return (void *)at;
}

static void tap_open(const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	for (size_t i = 0; i < sizeof ifr.ifr_name - 1 && name[i] != '\0'; i++)
		ifr.ifr_name[i] = name[i];
	floor_ioctl(file_open("/dev/net/tun", O_RDWR | O_NONBLOCK), TUNSETIFF, &ifr, name);
}

static size_t number(const char *text)
{
	size_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (size_t)(*text - '0');
	return n;
}

static void machine_make(struct floor *f)
{
	struct kvm_userspace_memory_region slot = {.memory_size = f->mem_size};

	f->kvm = file_open("/dev/kvm", O_RDWR);
	f->vm = floor_ioctl(f->kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	f->mem = map(f->mem_size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	slot.userspace_addr = (uintptr_t)f->mem;
	floor_ioctl(f->vm, KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");
	f->vcpu = floor_ioctl(f->vm, KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");
	f->run_size = floor_ioctl(f->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
	f->run = map((size_t)f->run_size, MAP_SHARED, f->vcpu);
}

static void guest_place(struct floor *f)
{
	struct floor_entry entry = {.sp = f->mem_size, .args = {HALT_GPA}};

	memcpy(f->mem + CODE_GPA, bench_blob, (size_t)(bench_blob_end - bench_blob));
	entry.pc = CODE_GPA + (uint64_t)((const char *)bench_halt - bench_blob);
	floor_machine_enter(f, &entry);
}

_Noreturn void floor_bare(const struct words *words)
{
	struct floor f = {.cpuid = true};
	struct floor_call call;

	if (words->n != 2 && words->n != 4)
		floor_die("usage: floor_bare MIB [DISK TAP]");
	f.mem_size = number(words->at[1]) << 20;
	if (words->n == 4) {
		file_open(words->at[2], O_RDWR);
		tap_open(words->at[3]);
	}
	machine_make(&f);
	guest_place(&f);
	floor_ioctl(f.vcpu, KVM_RUN, NULL, "KVM_RUN");
	leave(floor_machine_call(&f, &call) && call.nr == HVT_HYPERCALL_HALT ? 0 : 1);
}
