/* SPDX-License-Identifier: ISC */
/*
 * husk.h: the library's face: make a machine, configure it, load an image, run it.
 *
 * Nothing here prints or exits, and there is no global state: a process may have several
 * machines, each used by one thread at a time; only husk_stop may come from elsewhere. The
 * caller ignores SIGPIPE (and SIGXFSZ) if the console or a disk may refuse writes.
 *
 *	struct husk_error e = {0};
 *	struct husk *h = husk_create(&(struct husk_config){.console_fd = 1}, &e);
 *	if (h != NULL && husk_option(h, "--mem=64M", &e) == 0 &&
 *	    husk_load(h, "hello.hvt", 0, NULL, &e) == 0)
 *		end = husk_run(h, &status, &e);
 *	husk_destroy(h);
 */
#ifndef HUSK_H
#define HUSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

struct husk;

#define HUSK_OUTPUTS_MAX 3

/* A descriptor that the program writes to, and what messages call it. */
struct husk_output {
	int fd;			/* -1: none */
	const char *name;
};

struct husk_config {
	/* where the guest's console goes, -1: nowhere; stays the caller's */
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
};

/* An empty machine; NULL and HUSK_E_HOST if there is no memory for it. */
struct husk *husk_create(const struct husk_config *config, struct husk_error *e);

/*
 * Applies one option word as on the command line, "--mem=64M" or "--block:NAME=PATH", which is
 * copied. HUSK_E_USAGE, also once husk_load was called; HUSK_E_HOST without memory.
 */
int husk_option(struct husk *h, const char *word, struct husk_error *e);

/*
 * Reads the image, opens its devices, makes the virtual machine and fills its memory: all but
 * running it. args are the guest's command line. Once per machine. On failure (any class)
 * nothing stays open and the machine can only be destroyed.
 */
int husk_load(struct husk *h, const char *path, int argc, char *const args[],
	      struct husk_error *e);

/*
 * From here on husk_load only looks at devices, and leaves no trace of that on the host: no lock, no
 * flag, no link that goes up. husk_run refuses. Before husk_load.
 */
void husk_check_only(struct husk *h);

/* What husk_confine takes away, beside what it always does. */
struct husk_confinement {
	bool require;		/* fail where the host lacks a part of the sandbox */
	bool kill;		/* a forbidden system call ends the process without SIGSYS */
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
 * threads, which are to be the process's first. A forbidden system call is then a SIGSYS, for which
 * the program should have a handler that says so and ends; without one the kernel ends the process.
 * What the host lacks is left out, with a notice if system calls are not filtered. HUSK_E_HOST; a
 * part may be in force then.
 */
int husk_confine(struct husk *h, const struct husk_confinement *how, struct husk_error *e);

/*
 * Writes which parts of the sandbox this host has, a line each as husk_check does; returns how many
 * it lacks, 0 unless they are required. Changes nothing.
 */
int husk_check_confinement(int require, FILE *out);

/* Writes what husk_confine can do in this build, on one line without its end. */
void husk_confine_describe(FILE *out);

/* The name of a system call, for a handler of SIGSYS, async-signal-safe; NULL if it has none. */
const char *husk_confine_call_name(long nr);

enum husk_end {
	HUSK_FAILED = -1,	/* e says why */
	HUSK_HALTED = 0,	/* *status is what the guest gave to halt, untruncated */
	/* *status is what husk_stop was given; husk_run may be called again */
	HUSK_STOPPED = 1,
};

/*
 * Runs the loaded guest in the calling thread until it ends. The first call starts the threads that
 * serve devices, unless husk_confine has. HUSK_E_HOST, also where the host denies one of them;
 * HUSK_E_GUEST.
 */
enum husk_end husk_run(struct husk *h, int *status, struct husk_error *e);

/*
 * Ends husk_run soon, or the next one at once, whatever the guest does. From any thread or signal
 * handler. reason is not 0. Not before husk_load has succeeded: it does nothing then. On Linux
 * husk_run takes SIGURG for this: blocked in its thread while it runs, without a handler.
 */
void husk_stop(struct husk *h, int reason);

/*
 * Has the configuration's attend called soon, once for all calls before that: whatever the guest does,
 * and without it noticing. From any thread or signal handler. Not before husk_load has succeeded: it
 * does nothing then; what comes while the guest does not run is seen when it does.
 */
void husk_attend(struct husk *h);

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

/* One figure: what it is about ("exits", a device's name), its name ("pio"), its value. */
typedef void husk_figure(void *ctx, const char *subject, const char *name, uint64_t value);

/* Tells every figure of a loaded machine. */
void husk_report(const struct husk *h, husk_figure *tell, void *ctx);

/* Writes them to out: lines of "subject name value", or one JSON object of objects. */
void husk_report_write(const struct husk *h, int json, FILE *out);

/* Frees everything; accepts NULL and a machine in any state. */
void husk_destroy(struct husk *h);

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

#endif
