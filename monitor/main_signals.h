/*
 * main_signals.h: the signals that end husk, which each of them does, whatever it is doing.
 *
 * SIGTERM does whatever was inherited; SIGINT and SIGHUP unless they are ignored, as nohup and a
 * shell's background jobs have it. Every other signal is as it was inherited, but for SIGPIPE and
 * SIGXFSZ: what a reader or a quota does is told by the write.
 *
 * A process has one set of these, so the state is the file's.
 */
#ifndef HUSK_MAIN_SIGNALS_H
#define HUSK_MAIN_SIGNALS_H

#include "error.h"
#include "husk.h"

/* From a signal on, so much time to end in order; then the process ends where it stands. */
#define SIGNALS_GRACE_MS 2000

/* From here on a signal that asks for the end is noted. HUSK_E_HOST. */
int signals_catch(struct husk_error *e);

/*
 * The machine that such a signal stops, also one that came before; NULL: none. It must be loaded.
 */
void signals_stop(struct husk *machine);

/* The signal that asked for the end, 0 if none did. A call that it interrupts fails with EINTR. */
int signals_asked(void);

#endif
