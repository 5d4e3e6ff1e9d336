/* SPDX-License-Identifier: ISC */
/*
 * husk.h: the library's face: make a machine, configure it, load an image, run it.
 *
 * Nothing here prints or exits, and there is no global state: a process may have several machines,
 * each used by one thread at a time; only husk_stop, husk_attend and husk_net_deliver may come from
 * elsewhere. The caller ignores SIGPIPE if the console or a disk may refuse writes, and SIGXFSZ if
 * it has a limit of file sizes.
 *
 *	struct husk_error e = {0};
 *	struct husk *h = husk_create(&(struct husk_config){.size = sizeof(struct husk_config),
 *							   .console_fd = 1}, &e);
 *	if (h != NULL && husk_option(h, "--mem=64M", &e) == 0 &&
 *	    husk_load(h, "hello.hvt", 0, NULL, &e) == 0)
 *		end = husk_run(h, &status, &e);
 *	husk_destroy(h);
 *
 * Structures that grow begin with their size, which the caller sets to sizeof. A library that is older
 * than the caller's header refuses what it does not know, unless that is 0; a newer one takes what is
 * missing as 0. A size of 0 stands for the structure of version 0.1.
 */
#ifndef HUSK_H
#define HUSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "husk_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct husk;

#define HUSK_OUTPUTS_MAX 4

/* A descriptor that the program writes to, and what messages call it. */
struct husk_output {
	int fd;			/* -1: none */
	const char *name;
};

/*
 * A clock of the program's own in place of the host's, for guests of husk's bindings: a run depends on
 * nothing then but the image, the options, and what wait does. Times are ns; they go on in waits, and by
 * tick with each call that the guest makes. Other guests read the processor's counter themselves, and
 * only their waits and their wall clock are so.
 */
struct husk_clock {
	size_t size;
	uint64_t wall;		/* ns since 1970-01-01 at the start of the run */
	uint64_t tick;		/* ns for each call of the guest's */
	/*
	 * The guest waits at now for a frame, until until at the latest, UINT64_MAX: for ever. Returns
	 * when it is to look again, now to until, and may have called husk_net_deliver or husk_stop.
	 * UINT64_MAX without husk_stop ends the run: nothing more is to come. NULL: nothing ever comes.
	 * In the thread that runs the guest.
	 */
	uint64_t (*wait)(void *ctx, uint64_t now, uint64_t until);
	void *ctx;
};

struct husk_config {
	size_t size;		/* sizeof(struct husk_config) */
	/* where the guest's console goes, -1: nowhere; stays the caller's; not to the image */
	int console_fd;
	/*
	 * Where else the program writes to, at most HUSK_OUTPUTS_MAX, seen by husk_load and
	 * husk_check: no disk may be there.
	 */
	const struct husk_output *outputs;
	size_t n_outputs;
	/* Told of each output, the console too, that was to be a disk: write nothing there. May be NULL. */
	void (*output_is_disk)(void *ctx, int fd);
	void *output_ctx;
	/* Told what does not end the run, one line without a newline; may be NULL. */
	void (*notice)(void *ctx, const char *text);
	void *notice_ctx;
	/*
	 * Asked while an image is read, and between devices: true makes husk_load and husk_inspect
	 * fail soon, with EINTR, and husk_check leave out the rest. May be NULL.
	 */
	bool (*stopping)(void *ctx);
	void *stopping_ctx;
	/*
	 * Called soon after husk_attend, in the thread that runs the guest, between two of its
	 * instructions; it may call husk_report and husk_place. May be NULL.
	 */
	void (*attend)(void *ctx);
	void *attend_ctx;
	/*
	 * Is given what the guest writes to its console, in place of console_fd; a part of it at a time,
	 * as the guest sends it, in the thread that runs the guest, which waits meanwhile. May be NULL.
	 */
	void (*console)(void *ctx, const void *text, size_t len);
	void *console_ctx;
	/* NULL: the host's. Is copied. */
	const struct husk_clock *clock;
	const char *console_name;	/* what messages call console_fd; NULL: the guest's console */
	/*
	 * How many of outputs, the last ones, are overwritten: what the guest's trace and the like are given
	 * may not be the same file, not even as a descriptor.
	 */
	size_t n_overwritten;
};

/* The library's version, "0.1.0". */
const char *husk_version(void);

/*
 * An empty machine; NULL and HUSK_E_HOST if there is no memory for it, HUSK_E_USAGE if the
 * configuration has what this library does not know. config is copied; what it points to is not.
 */
struct husk *husk_create(const struct husk_config *config, struct husk_error *e);

/*
 * Applies one option word as on the command line, "--mem=64M" or "--block:NAME=PATH", which is
 * copied. HUSK_E_USAGE, also once husk_load was called; HUSK_E_HOST without memory.
 */
int husk_option(struct husk *h, const char *word, struct husk_error *e);

/* ---- network devices that are the program's own ---- */

struct husk_net {
	size_t size;
	/*
	 * Takes a frame that the guest sends, without FCS. In the thread that runs the guest or in one
	 * of the machine's, with a stack of 256 KiB, never in two at a time. The frame is the callback's
	 * until it returns; a stop waits for that.
	 */
	void (*send)(void *ctx, const void *frame, size_t len);
	void *ctx;
	unsigned mtu;		/* without the Ethernet header, from 68 to 65521; 0: 1500 */
};

/*
 * Attaches the program itself to a network device of the image, in place of --net:NAME=...; net is
 * copied. A pair of descriptors is attached by an option: "--net:NAME=@FD" takes a socket whose
 * datagrams are frames, such as an end of a socketpair, and "--net:NAME=@IN,@OUT" one descriptor for
 * each direction, such as ends of two pipes in packet mode (O_DIRECT). Before husk_load. HUSK_E_USAGE,
 * HUSK_E_HOST.
 */
int husk_net(struct husk *h, const char *device, const struct husk_net *net, struct husk_error *e);

/*
 * Hands a frame to the guest, which finds it there when it reads or waits. From any thread. Never
 * waits: HUSK_E_HOST with EAGAIN if the guest has not read what was handed to it before, with EMSGSIZE
 * for what is no frame. HUSK_E_USAGE if husk_net has attached no such device.
 */
int husk_net_deliver(const struct husk *h, const char *device, const void *frame, size_t len,
		     struct husk_error *e);

/* ---- an image ---- */

/*
 * Reads the image, opens its devices, makes the virtual machine and fills its memory: all but
 * running it. args are the guest's command line. Once per machine. On failure (any class)
 * nothing stays open and the machine can only be destroyed.
 */
int husk_load(struct husk *h, const char *path, int argc, char *const args[],
	      struct husk_error *e);

/*
 * The same for an image in memory, which stays the caller's, unchanged until husk_destroy. HUSK_E_USAGE
 * without one.
 */
int husk_load_bytes(struct husk *h, const char *name, const void *bytes, size_t len, int argc,
		    char *const args[], struct husk_error *e);

/*
 * The same for one behind a descriptor, a file or a pipe, which stays the caller's and can be closed
 * when this returns. name is for messages, here as above.
 */
int husk_load_fd(struct husk *h, const char *name, int fd, int argc, char *const args[],
		 struct husk_error *e);

/*
 * From here on husk_load only looks at devices, and leaves no trace of that on the host: no lock, no
 * flag, no link that goes up. husk_run refuses. Before husk_load.
 */
void husk_check_only(struct husk *h);

/* ---- a sandbox ---- */

/* What husk_confine takes away, beside what it always does. */
struct husk_confinement {
	size_t size;
	bool require;		/* fail where the host lacks a part of the sandbox */
	bool kill;		/* a forbidden system call ends the process, whatever handlers it has */
	bool lone;		/* no thread but the caller's will use the machine, husk_stop too */
	bool close_others;	/* close all descriptors but 0 to 2, the machine's and keep */
	const int *keep;	/* further descriptors that the program goes on using */
	size_t n_keep;
	int cut_fd;		/* one that it will ftruncate to nothing; -1: none */
	bool change_user;	/* to uid and gid, without supplementary groups: needs root */
	uint32_t uid, gid;
};

/*
 * Confines the whole process, for ever: no privileges, no files, and of system calls only those that
 * a running guest and husk_destroy take. Between husk_load and husk_run; starts the machine's
 * threads, which are to be the process's first. A forbidden system call is then a SIGSYS, on FreeBSD a
 * SIGTRAP, for which the program should have a handler that says so and ends; without one the kernel
 * ends the process. What the host lacks is left out, with a notice if system calls are not filtered,
 * or on FreeBSD not limited, or if descriptors that were to be closed stay open, as where more than
 * 256 are kept. HUSK_E_HOST; a part may be in force then. HUSK_E_USAGE.
 */
int husk_confine(struct husk *h, const struct husk_confinement *how, struct husk_error *e);

/*
 * Writes which parts of the sandbox this host has, a line each as husk_check does; returns how many
 * it lacks, 0 unless they are required. Changes nothing.
 */
int husk_check_confinement(int require, FILE *out);

/* Writes what husk_confine can do in this build, on one line without its end. */
void husk_confine_describe(FILE *out);

/* The name of a system call, for such a handler, async-signal-safe; NULL if it has none. */
const char *husk_confine_call_name(long nr);

/* ---- a run ---- */

enum husk_end {
	HUSK_FAILED = -1,	/* e says why */
	HUSK_HALTED = 0,	/* *status is what the guest gave to halt, untruncated */
	/* *status is what husk_stop was given; husk_run may be called again */
	HUSK_STOPPED = 1,
	HUSK_TIMED_OUT = 2	/* the time of husk_run_for is over; husk_run may be called again */
};

/*
 * Runs the loaded guest in the calling thread until it ends. The first call starts the threads that
 * serve devices, unless husk_confine has. HUSK_E_HOST, also where the host denies one of them;
 * HUSK_E_GUEST. A guest that has halted or made an error has ended: HUSK_E_USAGE from then on.
 */
enum husk_end husk_run(struct husk *h, int *status, struct husk_error *e);

/*
 * The same for at most ns nanoseconds of the host's time, whatever the guest does. Takes a thread of
 * its own while it runs, so not after husk_confine: HUSK_E_USAGE. husk_stop goes before the time: it ends
 * this run or the next one, even if both come at once.
 */
enum husk_end husk_run_for(struct husk *h, uint64_t ns, int *status, struct husk_error *e);

/*
 * Ends husk_run soon, or the next one at once, whatever the guest does. From any thread or signal
 * handler. reason is greater than 0. Not before husk_load has succeeded: it does nothing then. On Linux
 * husk_run takes SIGURG for this: blocked in its thread while it runs, without a handler.
 */
void husk_stop(struct husk *h, int reason);

/*
 * Has the configuration's attend called soon, once for all calls before that: whatever the guest does,
 * and without it noticing. From any thread or signal handler. Not before husk_load has succeeded: it
 * does nothing then; what comes while the guest does not run is seen when it does.
 */
void husk_attend(struct husk *h);

/* ---- how a run has ended ---- */

enum husk_how {
	HUSK_HOW_NONE,		/* no run has ended yet */
	HUSK_HOW_EXIT,		/* the guest halted with a status */
	HUSK_HOW_ABORT,		/* it gave up: status 255, which is also what an exception in it is */
	HUSK_HOW_STOP,		/* husk_stop, or the end of husk_run_for */
	HUSK_HOW_CALL,		/* it made a call that its ABI forbids, or an access to no device */
	HUSK_HOW_FAULT,		/* it wrote to memory that it may only read */
	HUSK_HOW_LOST,		/* its processor gave up: a triple fault */
	HUSK_HOW_IDLE,		/* its processor waits for what cannot come */
	HUSK_HOW_HOST		/* the host or the hypervisor failed, also before the run began */
};

struct husk_ending {
	size_t size;
	enum husk_how how;
	int status;		/* as husk_run gave it */
	bool located;		/* address is known */
	uint64_t address;	/* of the guest's instruction; of an exception where the bindings tell it */
	uint64_t offset;	/* of address from the start of function */
	char function[256];	/* "": it has no name, or there are no symbols */
	char device[HUSK_DEVICE_NAME_SIZE];	/* the guest's device that it was about; "": none */
};

/*
 * How the last run has ended; ending->size is set by the caller. Between runs. One that was refused
 * (HUSK_E_USAGE before the guest runs) is none.
 */
void husk_ending(const struct husk *h, struct husk_ending *ending);

/* Told one line, without its end. */
typedef void husk_line(void *ctx, const char *text);

/*
 * Tells where the guest is: function, callers as far as frame pointers lead, registers, and the command
 * that shows lines of the source. Between runs, or in attend.
 */
void husk_place(const struct husk *h, husk_line *line, void *ctx);

/*
 * After the end of a run has been told to the user: modules that were asked to keep what is left of the
 * guest do so, and say that by notice. always: even if nothing has gone wrong.
 */
void husk_post_mortem(struct husk *h, bool always);

/* ---- figures ---- */

/* One figure: what it is about ("exits", a device's name), its name ("pio"), its value. */
typedef void husk_figure(void *ctx, const char *subject, const char *name, uint64_t value);

/* Tells every figure of a loaded machine. Between runs, or in attend. */
void husk_report(const struct husk *h, husk_figure *tell, void *ctx);

enum husk_format {
	HUSK_LINES = 0,		/* of "subject name value" */
	HUSK_JSON = 1,		/* one object of objects, on one line */
	HUSK_METRICS = 2	/* OpenMetrics, as Prometheus reads it */
};

/* Writes them to out, in one of these formats. */
void husk_report_write(const struct husk *h, int format, FILE *out);

/*
 * Figures are to have the times of the guest, of the monitor's work for it, and of waits, which costs two
 * looks at the clock for each exit and each wait. Before husk_load.
 */
void husk_count_time(struct husk *h);

/* Frees everything; accepts NULL and a machine in any state. */
void husk_destroy(struct husk *h);

/* ---- what there is ---- */

/*
 * Writes the options that husk_option takes, as in --help, and the names of the modules compiled
 * in.
 */
void husk_help(FILE *out);
void husk_modules(FILE *out);

/* Writes what an image says about itself; loads nothing. HUSK_E_HOST, HUSK_E_IMAGE. */
int husk_inspect(const struct husk *h, const char *path, int json, FILE *out,
		 struct husk_error *e);

/*
 * Looks at the host, and with a path at the image, at the guest's command line and at each device as
 * the options attach it; writes a line per finding. Returns how many will not do. Before husk_load.
 */
int husk_check(struct husk *h, const char *path, int argc, char *const args[], FILE *out);

#ifdef __cplusplus
}
#endif

#endif
