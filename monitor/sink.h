/* SPDX-License-Identifier: ISC */
/*
 * sink.h: where lines of a module go: through a buffer, to an output whose reader may be slow or gone.
 *
 * The guest waits for the reader as it waits for its console's, and no longer; what is not taken then
 * is dropped, a whole line at a time where it can be, and counted.
 */
#ifndef HUSK_SINK_H
#define HUSK_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "console.h"

#define SINK_SIZE ((size_t)64 << 10)
#define SINK_LINE_MAX ((size_t)40 << 10)

struct sink {
	struct console to;
	bool at_once;		/* each line is written when it comes: somebody is watching */
	char *buffer;		/* SINK_SIZE bytes, and what line needs; owned */
	size_t n;		/* bytes in it */
	uint64_t deadline;	/* clock.h; nothing is written after it; 0: none */
	uint64_t lines, dropped;	/* made; of these, what there was no room for */
	FILE *line;		/* to print into; owned. It allocates nothing */
};

/* HUSK_E_HOST: no memory; then *s is as after sink_fini. */
int sink_init(struct sink *s, struct husk_error *e);

/* From here on lines go to fd, which stays the caller's. */
void sink_attach(struct sink *s, int fd, struct waiter *w, uint64_t patience_ns, bool at_once);

/*
 * What was printed into line, with its end, is added or dropped as a whole: dropped also if it is
 * SINK_LINE_MAX or longer. Nothing if that is nothing.
 */
void sink_put(struct sink *s);

/* Writes what the output takes. */
void sink_flush(struct sink *s);

/*
 * The run has ended, and a stop ends no wait any more: the reader has ms for all that is still written,
 * and what it does not take then is lost. 0: there is time again.
 */
void sink_hurry(struct sink *s, unsigned ms);

/* Closes what sink_attach opened. */
void sink_detach(struct sink *s);

/* Accepts the same sink twice. */
void sink_fini(struct sink *s);

#endif
