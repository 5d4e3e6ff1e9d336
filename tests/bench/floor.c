/* SPDX-License-Identifier: ISC */
/*
 * floor.c: the least that a process can do on KVM for the same guest work as husk's: no ELF,
 * no options worth the name, no checks of what the guest asks for. For measuring only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../include/hvt_abi.h"
#include "floor.h"
#include "floor_net.h"
#include "loop.h"
#include "net.h"

/* The guest's memory, above the tables of floor_<machine>.c. */
#define CODE_GPA HVT_GUEST_MIN_BASE
#define HALT_GPA (CODE_GPA + 0x800)	/* struct hvt_halt, not read */
#define CALL_GPA (CODE_GPA + 0x900)	/* the loop's argument structure */
#define NET_CODE_GPA (CODE_GPA + 0x1000)
#define NET_GPA (CODE_GPA + 0x2000)	/* struct floor_net */
#define DATA_GPA (CODE_GPA + 0x10000)	/* what the block and network modes transfer */

#define FLOOR_NULL_NR 63		/* a hypercall that nobody serves */
#define FLOOR_NOTHING_NR 64		/* no guest at all: what exec and exit cost */

struct mode {
	const char *name;
	unsigned nr;		/* 0: none, halt at once */
	int n_args;
};

static const struct mode modes[] = {
	{"nothing", FLOOR_NOTHING_NR, 0},
	{"start", 0, 0},
	{"null", FLOOR_NULL_NR, 1},
	{"hypercall", HVT_HYPERCALL_WALLTIME, 1},
	{"poll", HVT_HYPERCALL_POLL, 1},
	{"read", HVT_HYPERCALL_BLOCK_READ, 2},
	{"write", HVT_HYPERCALL_BLOCK_WRITE, 2},
	{"idle", HVT_HYPERCALL_POLL, 0},
	{"net-send", HVT_HYPERCALL_NET_WRITE, 3},
	{"net-receive", HVT_HYPERCALL_NET_READ, 3},
};

struct options {
	const struct mode *mode;
	uint64_t n, size;	/* how many hypercalls; bytes each */
	uint64_t frame;		/* network: bytes each; of them size in a burst, n bursts */
	uint64_t mem_mib;
	const char *block, *net;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

_Noreturn void floor_die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

int floor_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		floor_die(what);
	return ret;
}

void floor_step(struct floor *f, const char *name)
{
	if (f->steps_wanted && f->n_steps < FLOOR_STEPS_MAX)
		f->steps[f->n_steps++] = (struct floor_step){name, now_ns(CLOCK_MONOTONIC)};
}

/* The kernel would do all of this at exit, where it cannot be timed. */
static void steps_tear_down(struct floor *f)
{
	munmap(f->run, (size_t)f->run_size);
	close(f->vcpu);
	floor_step(f, "close of the vCPU");
	close(f->vm);
	close(f->kvm);
	floor_step(f, "close of the VM");
	munmap(f->mem, f->mem_size);
	floor_step(f, "munmap of guest memory");
}

static void steps_print(const struct floor *f)
{
	for (size_t i = 1; i < f->n_steps; i++)
		printf("step\t%s\t%llu\n", f->steps[i].name,
		       (unsigned long long)(f->steps[i].at - f->steps[i - 1].at));
}

static void vm_create(struct floor *f)
{
	floor_step(f, "begin");
	f->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (f->kvm < 0)
		floor_die("/dev/kvm");
	floor_step(f, "open /dev/kvm");
	f->vm = floor_ioctl(f->kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	floor_step(f, "KVM_CREATE_VM");
}

static void memory_map(struct floor *f)
{
	struct kvm_userspace_memory_region slot = {.memory_size = f->mem_size};

	f->mem = mmap(NULL, f->mem_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->mem == MAP_FAILED)
		floor_die("guest memory");
	floor_step(f, "mmap of guest memory");
	slot.userspace_addr = (uintptr_t)f->mem;
	floor_ioctl(f->vm, KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");
	floor_step(f, "KVM_SET_USER_MEMORY_REGION");
}

static void vcpu_create(struct floor *f)
{
	f->vcpu = floor_ioctl(f->vm, KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");
	floor_step(f, "KVM_CREATE_VCPU");
	f->run_size = floor_ioctl(f->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL,
				  "KVM_GET_VCPU_MMAP_SIZE");
	f->run = mmap(NULL, (size_t)f->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->vcpu, 0);
	if (f->run == MAP_FAILED)
		floor_die("kvm_run");
	floor_step(f, "mmap of kvm_run");
}

/* Where the blob's symbol lies once the blob is at CODE_GPA. */
static uint64_t blob_gpa(const void *symbol)
{
	return CODE_GPA + (uint64_t)((const char *)symbol - bench_blob);
}

static void call_place(struct floor *f, const struct options *o)
{
	const struct hvt_block block = {.data = DATA_GPA, .len = o->size};
	const struct hvt_poll poll = {.timeout_nsecs = o->mode->n_args == 0 ? UINT64_MAX : 0};

	if (o->mode->nr == HVT_HYPERCALL_POLL)
		memcpy(f->mem + CALL_GPA, &poll, sizeof poll);
	else
		memcpy(f->mem + CALL_GPA, &block, sizeof block);
}

static bool is_net(const struct mode *m)
{
	return m->nr == HVT_HYPERCALL_NET_WRITE || m->nr == HVT_HYPERCALL_NET_READ;
}

/* Frames to everybody, from 02:ff:ff:ff:ff:ff. */
static void net_place(struct floor *f, const struct options *o, struct floor_entry *entry)
{
	const struct floor_net net = {
		.write = {.data = DATA_GPA}, .read = {.data = DATA_GPA + 0x1000},
		.poll = {.timeout_nsecs = UINT64_MAX},
		.size = o->frame, .burst = o->size, .rounds = o->n,
		.sending = o->mode->nr == HVT_HYPERCALL_NET_WRITE, .gpa = NET_GPA,
	};
	uint8_t *frame = f->mem + DATA_GPA;

	memcpy(f->mem + NET_CODE_GPA, __start_floor_net_blob,
	       (size_t)(__stop_floor_net_blob - __start_floor_net_blob));
	memcpy(f->mem + NET_GPA, &net, sizeof net);
	memset(frame, 0xff, NET_TYPE_AT);
	frame[NET_TYPE_AT / 2] = 0x02;
	frame[NET_TYPE_AT] = NET_TYPE >> 8;
	frame[NET_TYPE_AT + 1] = NET_TYPE & 0xff;
	entry->pc = NET_CODE_GPA + (uint64_t)((const char *)floor_net_bursts -
					      __start_floor_net_blob);
	entry->args[0] = NET_GPA;
	entry->ret = blob_gpa((const void *)bench_halt);
}

static void guest_place(struct floor *f, const struct options *o, struct floor_entry *entry)
{
	uint64_t halt = blob_gpa((const void *)bench_halt);

	memcpy(f->mem + CODE_GPA, bench_blob, (size_t)(bench_blob_end - bench_blob));
	*entry = (struct floor_entry){.pc = halt, .sp = f->mem_size, .args = {HALT_GPA}};
	if (is_net(o->mode)) {
		net_place(f, o, entry);
	} else if (o->mode->nr != 0) {
		*entry = (struct floor_entry){
			.pc = blob_gpa((const void *)bench_hypercalls), .sp = f->mem_size,
			.args = {o->mode->nr, CALL_GPA, o->n}, .ret = halt,
		};
		call_place(f, o);
	}
	floor_step(f, "guest code");
}

static void serve_net_poll(struct floor *f, uint32_t gpa)
{
	struct pollfd fd = {.fd = f->net, .events = POLLIN};
	struct hvt_poll *p = (struct hvt_poll *)(void *)(f->mem + gpa);

	p->ret = ppoll(&fd, 1, NULL, NULL);
	p->ready_set = 2;
}

static void serve_poll(struct floor *f, uint32_t gpa)
{
	struct hvt_poll p;
	const struct timespec none = {0, 0};

	memcpy(&p, f->mem + gpa, sizeof p);
	if (p.timeout_nsecs != 0 && write(1, "r", 1) < 0)	/* idle, see guest_loop.c */
		floor_die("write");
	p.ret = ppoll(NULL, 0, p.timeout_nsecs == 0 ? &none : NULL, NULL);
	p.ready_set = 0;
	memcpy(f->mem + gpa, &p, sizeof p);
}

static void serve_block(struct floor *f, struct floor_call call)
{
	struct hvt_block b;
	ssize_t n;

	memcpy(&b, f->mem + call.gpa, sizeof b);
	if (call.nr == HVT_HYPERCALL_BLOCK_READ)
		n = pread(f->block, f->mem + b.data, b.len, (off_t)b.offset);
	else
		n = pwrite(f->block, f->mem + b.data, b.len, (off_t)b.offset);
	if (n < 0 || (uint64_t)n != b.len)
		floor_die("--block");
	b.ret = HVT_OK;
	memcpy(f->mem + call.gpa, &b, sizeof b);
}

/* Returns whether the guest goes on. */
static bool serve(struct floor *f, struct floor_call call)
{
	uint64_t nsecs;

	switch (call.nr) {
	case HVT_HYPERCALL_WALLTIME:
		nsecs = now_ns(CLOCK_REALTIME);
		memcpy(f->mem + call.gpa, &nsecs, sizeof nsecs);
		break;
	case HVT_HYPERCALL_POLL:
		f->calls++;
		if (call.gpa == NET_GPA + offsetof(struct floor_net, poll))
			serve_net_poll(f, call.gpa);
		else
			serve_poll(f, call.gpa);
		break;
	case HVT_HYPERCALL_NET_WRITE:
		f->calls++;
		floor_net_write(f, call.gpa);
		break;
	case HVT_HYPERCALL_NET_READ:
		f->calls++;
		floor_net_read(f, call.gpa);
		break;
	case HVT_HYPERCALL_BLOCK_WRITE:
	case HVT_HYPERCALL_BLOCK_READ:
		serve_block(f, call);
		break;
	case HVT_HYPERCALL_HALT:
		return false;
	default:
		break;
	}
	return true;
}

static void run(struct floor *f)
{
	struct floor_call call;

	do {
		if (ioctl(f->vcpu, KVM_RUN, NULL) < 0)
			floor_die("KVM_RUN");
		f->exits++;
		if (!floor_machine_call(f, &call)) {
			fprintf(stderr, "floor: exit reason %u\n", f->run->exit_reason);
			exit(1);
		}
	} while (serve(f, call));
	floor_step(f, "guest");
}

static bool mode_parse(struct options *o, char **argv)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (argv[0] != NULL && strcmp(argv[0], modes[i].name) == 0)
			o->mode = &modes[i];
	}
	if (o->mode == NULL)
		return false;
	for (int i = 1; i <= o->mode->n_args; i++) {
		if (argv[i] == NULL)
			return false;
		o->frame = o->size;
		o->size = o->n;
		o->n = strtoull(argv[i], NULL, 10);
	}
	return o->n > 0 && o->frame <= NET_SIZE_MAX && (!is_net(o->mode) || o->net != NULL);
}

static bool options_parse(struct options *o, struct floor *f, char **argv)
{
	for (; *argv != NULL && (*argv)[0] == '-'; argv++) {
		if (strncmp(*argv, "--mem=", 6) == 0)
			o->mem_mib = strtoull(*argv + 6, NULL, 10);
		else if (strncmp(*argv, "--block=", 8) == 0)
			o->block = *argv + 8;
		else if (strncmp(*argv, "--net=", 6) == 0)
			o->net = *argv + 6;
		else if (strcmp(*argv, "--no-cpuid") == 0)
			f->cpuid = false;
		else if (strcmp(*argv, "--filter") == 0)
			f->filtered = true;
		else if (strcmp(*argv, "--steps") == 0)
			f->steps_wanted = true;
		else
			return false;
	}
	return o->mem_mib >= 2 && mode_parse(o, argv);
}

int main(int argc, char **argv)
{
	struct floor f = {.cpuid = true, .block = -1, .net = -1};
	struct options o = {.mem_mib = 2, .n = 1};
	struct floor_entry entry;

	if (argc < 2 || !options_parse(&o, &f, argv + 1)) {
		fprintf(stderr, "usage: floor [--mem=MIB] [--block=PATH] [--net=TAP] [--no-cpuid] "
			"[--filter] [--steps] "
			"nothing|start|null N|hypercall N|poll N|"
			"read SIZE N|write SIZE N|idle|net-send SIZE BURST N|"
			"net-receive SIZE BURST N\n");
		return 2;
	}
	if (o.mode->nr == FLOOR_NOTHING_NR)
		return 0;
	f.mem_size = (size_t)o.mem_mib << 20;
	if (o.block != NULL && (f.block = open(o.block, O_RDWR | O_CLOEXEC)) < 0)
		floor_die(o.block);
	if (o.net != NULL)
		f.net = floor_net_open(o.net);
	vm_create(&f);
	memory_map(&f);
	vcpu_create(&f);
	guest_place(&f, &o, &entry);
	floor_machine_enter(&f, &entry);
	if (f.filtered && !floor_filter(&f))
		floor_die("--filter");
	run(&f);
	if (is_net(o.mode))
		printf("exits all %llu\ntotal system_calls %llu\n", (unsigned long long)f.exits,
		       (unsigned long long)(f.exits + f.calls));
	if (f.steps_wanted) {
		steps_tear_down(&f);
		steps_print(&f);
	}
	return 0;
}
