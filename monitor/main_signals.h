/* SPDX-License-Identifier: ISC */
/*
 * main_signals.h: the signals that end husk at any time, and that have it tell about its guest.
 *
 * SIGTERM always; SIGINT and SIGHUP unless they were inherited as ignored, as by nohup and a
 * shell's background jobs. SIGQUIT ends it too, and is caught where it was ignored: there it counts
 * only if a process has sent it, not a keyboard. SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU and SIGUSR2 end it
 * too, unless ignored, handled or blocked, as a hypervisor may keep the machine of a process that they kill. SIGUSR1
 * asks for the figures. Other signals stay as inherited, except SIGPIPE and SIGXFSZ, which are ignored: the write
 * reports the failure.
 *
 * A process has one set of these, so the state is the file's.
 */
#ifndef HUSK_MAIN_SIGNALS_H
#define HUSK_MAIN_SIGNALS_H

#include "error.h"
#include "../include/husk/husk.h"

/* Time to end in order after a signal; then the process ends at once. */
#define SIGNALS_GRACE_MS 2000

/* Before main: from here on these signals do not kill, but wait until signals_catch. */
void signals_hold(void);

/* From here on they are noted. HUSK_E_HOST. */
int signals_catch(struct husk_error *e);

/*
 * Sets the machine that such a signal stops, or that attends to SIGUSR1, also if one came earlier;
 * NULL: none. It must be loaded.
 */
void signals_stop(struct husk *machine);

/*
 * The machine has ended in order after a signal: what is left to do may take longer than
 * SIGNALS_GRACE_MS, unless another signal comes.
 */
void signals_rest(void);

/* What figures are asked for; ored. */
enum signals_look {
	SIGNALS_USER = 1 << 0,	/* by SIGUSR1 */
	SIGNALS_TIME = 1 << 1,	/* as their time has come */
};

/* What was asked for since the last call. */
unsigned signals_take_looks(void);

/*
 * The machine attends now, and every so many seconds until another signal asks for the end. Takes
 * SIGALRM. HUSK_E_HOST.
 */
int signals_look_every(unsigned seconds, struct husk_error *e);

/* The signal that asked for the end, 0 if none did. A call that it interrupts fails with EINTR. */
int signals_asked(void);

/* The exit status after it: 1, or as a shell has it of a program that the signal has killed. */
int signals_status(int signal);

#endif
