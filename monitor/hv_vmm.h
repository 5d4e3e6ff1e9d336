/* SPDX-License-Identifier: ISC */
/*
 * hv_vmm.h: what the files of the backend for FreeBSD's vmm(4) share.
 *
 * A machine of vmm is an object of the kernel with a name, which outlives the process that made it
 * up to FreeBSD 15; so it is destroyed by name, and what a process that was killed has left is
 * destroyed by the next start. Its memory is the kernel's too, and seen through a mapping.
 *
 * Where the architecture needs a signal to reach a sleeping vcpu (hv_vmm_kick_signal), it is SIGURG:
 * between own and disown it is not blocked in the thread that runs, and it gets an empty handler if
 * it is at its default or ignored, which stays: another machine of the process may need it.
 */
#ifndef HUSK_HV_VMM_H
#define HUSK_HV_VMM_H

#include <pthread.h>
#include <signal.h>

#include "hv.h"
#include "memory.h"
#include "memory_host.h"
#include "vmm_abi.h"
#include "vmm_host.h"

/* 22 maps on FreeBSD 15, 8 before: as many read-only pieces as could be told apart, and one more. */
#define HV_VMM_PIECES_MAX 32

/* Memory that the guest may not write; closed intervals, sorted, disjoint, never neighbours. */
struct hv_vmm_piece {
	uint64_t start, last;
};

/* What a release does differently, found out by asking. */
struct hv_vmm_release {
	bool old_run;		/* FreeBSD 13 */
	bool old_segment;	/* 13, 14 */
};

struct hv {
	int control;		/* /dev/vmmctl, kept to destroy by; -1: there are only the sysctls */
	int vm;			/* the machine's node; -1 when not open */
	char name[64];		/* "" when there is no machine */
	struct hv_caps caps;
	char leftovers[100];	/* what hv_vmm_open has swept, for a remark */
	struct hv_vmm_release release;
	struct memory_host ram;
	uint64_t ram_size;
	size_t n_pieces;
	struct hv_vmm_piece pieces[HV_VMM_PIECES_MAX];
	size_t n_maps;		/* what the guest sees now, from gpa 0 on */
	uint64_t maps[2 * HV_VMM_PIECES_MAX + 2];	/* where each begins, and the end */
	bool maps_stale;	/* pieces have changed since */
	struct vmm_exit exit;	/* the last one */
	uint64_t ip;		/* of the last exit, or of what was set since */
	uint64_t next_ip;	/* where the next run starts, unless it is set */
	uint64_t data[2];	/* of the access */
	struct hv_vmm_access {
		bool pending;	/* a read, to be completed */
		int reg;
		uint8_t width;
		bool sign_extend;
	} access;
	bool owned;		/* owner may be kicked by other threads; atomic */
	unsigned kickers;	/* threads inside kick; atomic */
	pthread_t owner;
	sigset_t saved_mask;	/* the owner's signal mask before */
};

/* An ioctl that cannot be given the wrong structure. */
#define VMM_IOCTL(fd, code, argp) (__extension__({ \
	_Static_assert(sizeof *(argp) == VMM_CODE_SIZE(code), #code ": wrong structure"); \
	vmm_host_ioctl((fd), (code), (argp)); }))

/* ---- hv_vmm_name.c ---- */

/* Makes a machine under a free name and opens it; HUSK_E_HOST. Failing leaves none behind. */
int hv_vmm_open(struct hv *hv, struct husk_error *e);

/* Closes and destroys what hv_vmm_open made; nothing to do is fine. */
void hv_vmm_close(struct hv *hv);

/* Machines that processes have left that are gone; of our own kind only. */
struct hv_vmm_leftovers {
	unsigned destroyed;
	unsigned kept;		/* could not be destroyed */
};

struct hv_vmm_leftovers hv_vmm_sweep(int control);

/* Says what a sweep has done; false, and nothing, if there was nothing to do. */
bool hv_vmm_describe(const struct hv_vmm_leftovers *l, char *text, size_t size);

/* /dev/vmmctl; -1 and errno, ENOENT where there are only the sysctls. */
int hv_vmm_open_control(void);

/* ---- hv_vmm_memory.c ---- */

/* RAM from gpa 0, and its view; HUSK_E_HOST. hv->ram is for memory_host_release. */
int hv_vmm_memory_create(struct hv *hv, uint64_t size, struct husk_error *e);

/* hv_ops.protect. */
int hv_vmm_protect(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
		   struct husk_error *e);

/* Gives the guest the rights that protect has left it; not while it runs. HUSK_E_HOST. */
int hv_vmm_memory_map(struct hv *hv, struct husk_error *e);

/* ---- common calls: 0, or -1 and errno ---- */

int hv_vmm_get(const struct hv *hv, int number, uint64_t *value);
int hv_vmm_set(const struct hv *hv, int number, uint64_t value);

struct hv_vmm_value {
	const char *name;
	int number;
	uint64_t value;
};

/* Sets n registers, one by one, so that a failure names its register; HUSK_E_HOST. */
int hv_vmm_set_values(const struct hv *hv, const struct hv_vmm_value *values, size_t n,
		      struct husk_error *e);

/* ---- the architecture: hv_vmm_<architecture>.c ---- */

enum hv_vmm_next { HV_VMM_AGAIN, HV_VMM_EXIT };

/* A page that the kernel may keep for itself, or 0. */
extern const uint64_t hv_vmm_own_page;

/* RIP or PC. */
extern const int hv_vmm_ip_register;

/* Whether a map without the right to write binds the guest. */
extern const bool hv_vmm_protects_guest;

/* A signal has to wake a sleeping vcpu. */
extern const bool hv_vmm_kick_signal;

/* VM_RUN of one form or another: -1 and errno, or hv->exit. */
int hv_vmm_run(struct hv *hv);

/* The code that it makes. */
unsigned long hv_vmm_run_code(const struct hv *hv);

/* Capabilities of a new vcpu. HUSK_E_HOST. */
int hv_vmm_vcpu_init(struct hv *hv, struct husk_error *e);

/* Address of hv->exit and of the instruction behind it. */
uint64_t hv_vmm_exit_ip(const struct hv *hv);

/* Turns hv->exit into a neutral one, or says that it is none. */
enum hv_vmm_next hv_vmm_translate(struct hv *hv, struct hv_exit *exit);

/* Gives the guest what it was to read: hv->access, hv->data. HUSK_E_HOST. */
int hv_vmm_complete_read(struct hv *hv, struct husk_error *e);

/* A failure of VM_RUN that is the guest's doing and of this architecture; false if it is none. */
bool hv_vmm_translate_errno(struct hv *hv, int error, struct hv_exit *exit);

int hv_vmm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e);
int hv_vmm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e);
extern const struct hv_register_ops hv_vmm_registers;

/* The codes that these take and only this architecture has; ends with 0. */
extern const unsigned long hv_vmm_own_codes[];

/* What is amiss with the host's counter, which guests read as it is; NULL: nothing that is known. */
const char *hv_vmm_counter_flaw(void);

#endif
