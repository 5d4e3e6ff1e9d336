/* SPDX-License-Identifier: ISC */
/*
 * sandbox.h: what the process gives up for ever before the guest runs, and what it keeps.
 *
 * Closed in two steps. sandbox_limit takes away what a thread inherits when it is created:
 * privileges and files. Then threads are started. sandbox_close takes away descriptors and system
 * calls, of the whole process. Both are called by the only thread, or by the one that is to run the
 * guest. One file per system implements them; SECURITY.md says what holds.
 */
#ifndef HUSK_SANDBOX_H
#define HUSK_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

/* Enough for 64 devices of three descriptors each, and what else there is. */
#define SANDBOX_KEEP_MAX 256
#define SANDBOX_REMOVES_MAX 64
#define SANDBOX_IOCTLS_MAX 96		/* one for each device, and those of the hypervisor */

/* What a descriptor is for, once the sandbox is closed; ored. */
enum sandbox_use {
	SANDBOX_READS = 1 << 0,		/* read from, receive */
	SANDBOX_WRITES = 1 << 1,	/* write to, send */
	SANDBOX_WAITS = 1 << 2,		/* wait for, directly or by a queue */
	SANDBOX_WATCHES = 1 << 3,	/* it is such a queue */
	SANDBOX_READS_AT = 1 << 4,	/* read at an offset, */
	SANDBOX_WRITES_AT = 1 << 5,	/* write at one */
	SANDBOX_LOOKS = 1 << 6,		/* fstat */
	SANDBOX_CUTS = 1 << 7,		/* empty the file */
	SANDBOX_LOCKS = 1 << 8,		/* lock or unlock it */
	SANDBOX_FLAGS = 1 << 9,		/* ask for its status flags, or set them */
	SANDBOX_ACCEPTS = 1 << 10,	/* take connections, which are for the same */
	SANDBOX_CONNECTS = 1 << 11,	/* a directory: connect to sockets in it, */
	SANDBOX_REMOVES = 1 << 12,	/* remove files from it, */
	SANDBOX_MAKES = 1 << 13,	/* make a file in it and write that */
	SANDBOX_SYNCS = 1 << 14,	/* have what was written brought to its medium */
};

#define SANDBOX_OUTPUT (SANDBOX_WRITES | SANDBOX_WAITS)
#define SANDBOX_BOTH_WAYS (SANDBOX_READS | SANDBOX_OUTPUT)
#define SANDBOX_QUEUE (SANDBOX_WATCHES | SANDBOX_WAITS)
#define SANDBOX_PROGRAM (SANDBOX_BOTH_WAYS | SANDBOX_WRITES_AT | SANDBOX_LOOKS)	/* a program's own */

/*
 * Sets of system calls beside the core's, ored. A filter that allows less is smaller as well, and a start
 * pays for each instruction and for each call that it allows.
 */
enum sandbox_calls {
	SANDBOX_DISKS = 1 << 0,
	SANDBOX_FRAMES = 1 << 1,
	SANDBOX_REST = 1 << 2,		/* sockets, debuggers, profiles, core files */
	SANDBOX_VHOSTS = 1 << 3,
	SANDBOX_ALL_CALLS = SANDBOX_DISKS | SANDBOX_FRAMES | SANDBOX_REST | SANDBOX_VHOSTS,
};

/* What a system call may be made with, as far as it is known only at run time. */
enum sandbox_value {
	SANDBOX_CONSTANT,	/* known when husk is built */
	SANDBOX_PID,		/* of this process */
	SANDBOX_VCPU,		/* the descriptor of the vcpu */
	SANDBOX_VM,		/* that of the machine */
	SANDBOX_CUT,		/* the descriptor of the file that is emptied before it is written */
	SANDBOX_MAKE,		/* that of the directory that a core file is made in, */
	SANDBOX_MAKE_NAME,	/* and the page in which files' names lie, which cannot be changed */
	SANDBOX_SYMBOLS,	/* the descriptor that names of functions are read from */
	SANDBOX_FOOTPRINT,	/* that of footprint.h */
	SANDBOX_SEALED,		/* the first page of net/sealed.h */
	SANDBOX_SEALED_2,	/* the second */
	SANDBOX_FAMILY,		/* AF_UNIX if a device is to make connections */
	SANDBOX_ADDRESS,	/* the size of an address, if it is not known where they lead */
	SANDBOX_LSTAT,		/* AT_SYMLINK_NOFOLLOW, and */
	SANDBOX_UNLINK,		/* 0, if files are to be removed at the end */
	SANDBOX_ASK_INDEX,	/* SIOCGIFINDEX, and */
	SANDBOX_ASK_TAP,	/* TUNGETIFF, if CAP_NET_ADMIN is kept */
	SANDBOX_HEADER,		/* TUNSETVNETHDRSZ, if a tap carries virtio headers, and */
	SANDBOX_OFFLOADS,	/* TUNSETOFFLOAD */
	SANDBOX_VHOST,		/* descriptors of vhost, net/vhost.h: of so many */
	SANDBOX_VHOST_2,
	SANDBOX_VHOST_3,
	SANDBOX_VHOST_4,
	SANDBOX_WRITABLE,	/* PROT_READ | PROT_WRITE, if breakpoints are written to text, and */
	SANDBOX_READABLE,	/* PROT_READ */
	SANDBOX_TIMER_CLOCK,	/* CLOCK_MONOTONIC, and */
	SANDBOX_TIMER_FLAGS,	/* TIMER_ABSTIME, if a profile's timer may have to change its thread */
	SANDBOX_VALUES
};

/* What is needed once the sandbox is closed. Filled in by whoever needs it. */
struct sandbox {
	int removes[SANDBOX_REMOVES_MAX];	/* directories that files will be removed from */
	unsigned n_removes;
	int makes;			/* a directory that a file will be made in; -1: none */
	int keep[SANDBOX_KEEP_MAX];	/* descriptors, in order, */
	unsigned uses[SANDBOX_KEEP_MAX];	/* and what for: enum sandbox_use */
	unsigned n_keep;
	struct sandbox_ioctl {
		int fd;
		unsigned long code;
	} ioctls[SANDBOX_IOCTLS_MAX];	/* of descriptors that are kept; on FreeBSD no others */
	unsigned n_ioctls;
	bool by_name;			/* the end takes calls by name, which capability mode has none of */
	bool full;			/* there were more than room: no other is closed then */
	bool moves;			/* another thread than this one may run the guest */
	bool threads;			/* some thread will signal another: SANDBOX_PID is needed */
	bool net_admin;			/* CAP_NET_ADMIN is to be kept: sandbox_will_attach */
	bool removes_only;		/* sandbox_limits_removal */
	unsigned calls;			/* enum sandbox_calls: on Linux, the others are refused */
	uint64_t values[SANDBOX_VALUES];
};

/* Descriptors 0, 1 and 2, and no value. */
void sandbox_init(struct sandbox *s);

/*
 * No-op for -1. A descriptor that is closed already may be named too, and one again, for what else it
 * is used. Linux keeps it for everything, FreeBSD for these uses alone.
 */
void sandbox_keep(struct sandbox *s, int fd, unsigned uses);

/* An ioctl of a descriptor that is kept, for FreeBSD; no-op for -1. Linux has rules for them. */
void sandbox_allow_ioctl(struct sandbox *s, int fd, unsigned long code);

/* What is to be taken away beside what always is; see struct husk_confinement. */
struct sandbox_request {
	bool kill, close_others, change_user;
	uint32_t uid, gid;
};

/*
 * Before sandbox_limit: files may be removed from the directory, and what is below it, afterwards.
 * Where landlock cannot limit that, they cannot: sandbox_may_remove.
 */
void sandbox_will_remove(struct sandbox *s, int dir);

/*
 * Before sandbox_limit: files will be made in the directory, and written. There is one such directory,
 * as only core files are made so late.
 */
void sandbox_will_make(struct sandbox *s, int dir);

/*
 * Before sandbox_limit, by who has CAP_NET_ADMIN: it is kept, as some kernels attach to taps that have
 * no owner only with it, and every kernel to those of another user. Not if the user is changed.
 */
void sandbox_will_attach(struct sandbox *s);

/* What messages say of left_open below. */
#define SANDBOX_LEFT_OPEN "other descriptors stay open (close_range): the kernel cannot close them or " \
			  "does not let this process, or more than 256 are kept"
_Static_assert(SANDBOX_KEEP_MAX == 256, "as SANDBOX_LEFT_OPEN says");

/* The layers that the host offers, or that are in force. */
struct sandbox_layers {
	unsigned deadly;	/* calls that a filter of the starter's ends husk for: sandbox_starter.h */
	bool left_open;		/* descriptors that were to be closed are not */
	bool privileges;	/* none, and none to come, but for */
	bool net_admin;		/* CAP_NET_ADMIN */
	int landlock;		/* ABI; 0: none */
	bool seccomp;
	bool rights;		/* Capsicum: each descriptor is for its uses alone */
	bool capability_mode;	/* Capsicum: nothing is found by name */
	bool by_name;		/* which is why not */
};

/* Receives one figure: its name ("seccomp") and value. */
typedef void sandbox_figure(void *ctx, const char *name, uint64_t value);

/* Tells what is in force. */
void sandbox_report(const struct sandbox_layers *l, sandbox_figure *tell, void *ctx);

/*
 * Writes a line for each layer that the host offers, "ok   sandbox: ", or that it does not, with
 * missing in front. Returns how many it lacks.
 */
int sandbox_check(const struct sandbox_layers *l, const char *missing, FILE *out);

/* The first layer that is missing, in words; NULL if all are there. */
const char *sandbox_lacks(const struct sandbox_layers *l);

/* The same of the layer that is told of even where it is not required. */
const char *sandbox_lacks_most(const struct sandbox_layers *l);

/* Whether files can be removed from directories that were named for it, and nowhere else. */
bool sandbox_limits_removal(const struct sandbox_layers *l);

/*
 * Changes the user if asked for, drops privileges, and closes the file system. *l has what could be
 * had. HUSK_E_HOST: the user could not be changed.
 */
int sandbox_limit(const struct sandbox *s, const struct sandbox_request *rq,
		  struct sandbox_layers *l, struct husk_error *e);

/*
 * Closes other descriptors if asked for, and system calls, or what they can find. HUSK_E_HOST: a
 * filter is half in force.
 */
int sandbox_close(struct sandbox *s, const struct sandbox_request *rq, struct sandbox_layers *l,
		  struct husk_error *e);

/* In module.h's confine: whether a file can be removed at the end. Asks for the calls to do so. */
bool sandbox_may_remove(struct sandbox *s);

/* Whether this binary has a sandbox at all. */
extern const bool sandbox_built_in;

/* Looks at what the host offers; changes nothing. */
void sandbox_probe(struct sandbox_layers *l);

/* What this binary can, for --version: "seccomp (40 system calls), landlock". */
void sandbox_describe(char *text, size_t size);

/* The name of a system call; NULL if it has none, or none is known. */
const char *sandbox_name_of(long nr);

#endif
