/* SPDX-License-Identifier: ISC */
/*
 * double.h: a stand-in of FreeBSD's vmm(4) over Linux's /dev/kvm: what its files share.
 *
 * It implements monitor/vmm_host.h as FreeBSD's kernel was seen to behave, so that the real backend
 * runs real guests through it. One lock, like a kernel's giant one, is held in every call except
 * while a vcpu runs or sleeps. Machines are files of a directory, so that they outlive a process.
 *
 * HUSK_VMM_DOUBLE says which kernel: RELEASE[-VENDOR][-apic][-calm][-drift], with 13, 14, 15 or 16 and
 * intel or amd (default 15-intel); apic is APIC virtualisation, calm leaves out exits at random, and with
 * drift the counter is not invariant.
 * HUSK_VMM_DIR says where the machines are. HUSK_VMM_MARKS makes it mark its calls for a tracer, with
 * system calls of no effect: access("vmm:NAME") and access("vmm:end"), or "vmm:failed".
 */
#ifndef HUSK_DOUBLE_H
#define HUSK_DOUBLE_H

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

#include "vmm_abi.h"

#define PAGE 4096u
#define SEGMENTS_MAX 11
#define MAPS_MAX 22

struct personality {
	int release;		/* 13 to 16 */
	bool amd;
	bool calm;
	bool apic;		/* APIC virtualisation: a page is the processor's */
	bool drift;		/* x86_64: the TSC is not invariant */
};

/* Read from the environment at the first call. */
const struct personality *double_personality(void);

/* ---- marks for a tracer: double_marks.c. errno stays as it is ---- */

void mark_begin(const char *call);
void mark_end(bool good);

/* ---- the table of machines: double_names.c. 0 or an errno ---- */

/* Makes the name; *lock is a descriptor that keeps it alive with on_close, else -1. */
int names_create(const char *name, bool on_close, int *lock);
int names_destroy(const char *name);
bool names_exist(const char *name);
bool names_privileged(void);
int names_each(int (*each)(void *ctx, const char *name), void *ctx);

/* ---- capability mode: double_capsicum.c ---- */

bool capsicum_mode(void);
/* What a refused call returns; with SIGTRAP first, if the process has asked for it. */
int capsicum_refuse(int error);

/* double_host.c: the first descriptor from this number on that is the stand-in's own; ~0u: none. */
unsigned double_own_from(unsigned number);
/* double_handles.c: of a descriptor of the stand-in; 0 or an errno. */
int double_limit(int fd, bool ioctls);
int double_limit_ioctls(int fd, const unsigned long *codes, size_t n);

/* ---- one machine ---- */

struct segment {
	uint64_t len;		/* 0: not allocated */
	uint8_t *view;		/* the kernel's own */
};

struct map {
	bool used;
	struct vmm_map m;
	uint8_t *view;		/* the guest's, with its rights; MAP_FAILED if it has none */
};

#include "vcpu.h"

enum vcpu_state { VCPU_IDLE, VCPU_RUNNING };

struct machine {
	struct machine *next;
	char name[VMM_NAME_MAX + 1];
	bool destroyed;
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	struct segment segments[SEGMENTS_MAX];
	struct map maps[MAPS_MAX];
	bool active, debug, stopped;	/* stopped: SUSPENDED has been returned */
	int how;			/* VM_SUSPEND's, 0 if not suspended */
	int capabilities[VMM_CAP_MAX];
	enum vcpu_state state;
	pthread_t runner;
	unsigned waiting;		/* threads that want the vcpu idle */
	bool ast;			/* the host wants the runner: a signal, a new slice */
	unsigned ticks;
	timer_t tick;			/* of the thread that ran last */
	pid_t tick_thread;		/* 0: there is no timer yet */
	uint32_t random;
	struct vmm_exit exit;		/* never cleared, as in the kernel */
	struct cpu cpu;
};

/* double_machine.c. NULL and errno. */
struct machine *vm_create(const char *name);
/* Frees what can be freed now; calls on it fail with ENXIO from then on. */
void vm_destroy(struct machine *m);
/* 0 or an errno. */
int vm_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask);

/* double_memory.c: 0 or an errno. */
int ram_segment(struct machine *m, int id, uint64_t len);
int ram_map(struct machine *m, const struct vmm_map *map);
int ram_unmap(struct machine *m, const struct vmm_unmap *u);
int ram_next(const struct machine *m, struct vmm_map *map);
int ram_mmap(const struct machine *m, void **out, void *at, size_t len, int prot, int flags,
		off_t offset, bool writable);
/* The map that covers gpa, or NULL; and its bytes. */
const struct vmm_map *ram_at(const struct machine *m, uint64_t gpa);
bool ram_copy(const struct machine *m, uint64_t gpa, void *to, size_t len);
void ram_free(struct machine *m);

/* double_run.c: VM_RUN with the lock held and signals blocked but those of *mask; 0 or an errno. */
int vcpu_run(struct machine *m, const sigset_t *mask);
/* Makes the runner look at the flags. */
void vcpu_kick(struct machine *m);
/* Returns once the vcpu is idle. */
void vcpu_idle(struct machine *m);
/* Sleeps until a kick, at most ms milliseconds. */
void vcpu_sleep(struct machine *m, const sigset_t *mask, long ms);
#define SLEEP_SLICE 1000	/* of HLT and WFI: what no kick ends is looked for that often */
/* KVM_RUN; 0 or the errno. */
int vcpu_enter(struct machine *m, const sigset_t *mask);
/* Completes the access of the last KVM_RUN without entering the guest. */
void vcpu_complete(struct machine *m);

/* The lock, with every signal blocked. mask: the thread's before. */
void giant_lock(sigset_t *mask);
void giant_unlock(const sigset_t *mask);
void giant_leave(void);		/* the lock alone, not the signals */
void giant_return(void);
void giant_wait(void);
void giant_wake(void);

/* ---- the architecture: double_vcpu_<architecture>.c, double_exits_<architecture>.c ---- */

#define CPU_AGAIN (-1)

/* The state of a new vcpu, or of one after REINIT. */
void cpu_reset(struct machine *m);
int cpu_create(struct machine *m);
int cpu_get(struct machine *m, int number, uint64_t *value);
int cpu_set(struct machine *m, int number, uint64_t value);
/* Whether this kernel has a code, of those that not all have. */
bool cpu_knows(unsigned long code);
/* ioctls of a vcpu that only one architecture has. */
int cpu_ioctl(struct machine *m, unsigned long code, void *arg, const sigset_t *mask);
int cpu_capability_get(const struct machine *m, int type, int *value);
int cpu_capability_set(struct machine *m, int type, int value);
/* Writes what was set. CPU_AGAIN: enter; else what VM_RUN returns, 0 with m->exit. */
int cpu_entry(struct machine *m, const sigset_t *mask);
/* Translates the exit of KVM; 0 with m->exit, EFAULT, or CPU_AGAIN. */
int cpu_exit(struct machine *m, const sigset_t *mask);
/* After KVM_RUN was interrupted: true if the guest sleeps, which only some events end. */
bool cpu_sleeps(struct machine *m);
/* An exit that is no instruction's: BOGUS, REQIDLE, DEBUG, SUSPENDED. */
void cpu_event(struct machine *m, int code);
/* PROT_* of the view that the guest's memory with these rights is; PROT_NONE for none at all. */
int cpu_view_prot(int prot);
bool cpu_name_ok(const char *name);
bool cpu_gpa_ok(const struct machine *m, uint64_t gpa, uint64_t len);
/* sysctl; 0 or an errno. */
int cpu_frequency(const char *name, uint64_t *hz);
int cpu_number(const char *name, int *number);

extern const int cpu_reqidle_exit;	/* what another thread's request shows as */
extern const unsigned cpu_bogus_rate;	/* one of so many runs shows one */
extern const unsigned cpu_slice;	/* in ticks */
extern const int cpu_suspends_max;

#endif
