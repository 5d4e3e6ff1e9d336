/* SPDX-License-Identifier: ISC */
/*
 * main_signals.h: the signals that end husk at any time.
 *
 * SIGTERM always; SIGINT and SIGHUP unless they were inherited as ignored, as by nohup and a
 * shell's background jobs. Other signals stay as inherited, except SIGPIPE and SIGXFSZ, which are
 * ignored: the write reports the failure.
 *
 * A process has one set of these, so the state is the file's.
 */
#ifndef HUSK_MAIN_SIGNALS_H
#define HUSK_MAIN_SIGNALS_H

#include "error.h"
#include "husk.h"

/* Time to end in order after a signal; then the process ends at once. */
#define SIGNALS_GRACE_MS 2000

/* From here on a signal that asks for the end is noted. HUSK_E_HOST. */
int signals_catch(struct husk_error *e);

/*
 * Sets the machine that such a signal stops, also one that came earlier; NULL: none. It must be
 * loaded.
 */
void signals_stop(struct husk *machine);

/* The signal that asked for the end, 0 if none did. A call that it interrupts fails with EINTR. */
int signals_asked(void);

#endif
