/* SPDX-License-Identifier: ISC */
/*
 * sink.h: where lines of a trace go: through a buffer, to an output whose reader may be slow or gone.
 *
 * The guest waits for the reader as it waits for its console's, and no longer; what is not taken then
 * is dropped, a whole line at a time where it can be, and counted.
 */
#ifndef HUSK_TRACE_SINK_H
#define HUSK_TRACE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console.h"

#define SINK_SIZE ((size_t)64 << 10)

struct sink {
	struct console to;
	bool at_once;		/* each line is written when it comes: somebody is watching */
	uint8_t *buffer;	/* SINK_SIZE bytes; owned */
	size_t n;		/* bytes in it */
	uint64_t dropped;	/* lines that there was no room for */
};

/* HUSK_E_HOST: no memory; then *s is as after sink_fini. */
int sink_init(struct sink *s, struct husk_error *e);

/* From here on lines go to fd, which stays the caller's. */
void sink_attach(struct sink *s, int fd, struct waiter *w, uint64_t patience_ns, bool at_once);

/* Adds a line with its end, or drops it; len is at most SINK_SIZE. */
void sink_put(struct sink *s, const void *line, size_t len);

/* Writes what the output takes; last: now or never, at most for CONSOLE_GRACE_MS. */
void sink_flush(struct sink *s, bool last);

/* Closes what sink_attach opened. */
void sink_detach(struct sink *s);

/* Accepts the same sink twice. */
void sink_fini(struct sink *s);

#endif
