/* SPDX-License-Identifier: ISC */
/*
 * main_messages.h: output for the user: messages on stderr, and requested output.
 *
 * A message waits only a little for its reader, while the guest runs and at the end. Requested
 * output waits as long as it has a reader. After a signal that asks for the end, see
 * main_signals.h, both have 100 ms.
 */
#ifndef HUSK_MAIN_MESSAGES_H
#define HUSK_MAIN_MESSAGES_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"
#include "output.h"

#define MESSAGES_PATIENCE_MS 100

struct messages {
	const char *program;	/* in front of every line */
	struct output out;	/* to, from the first line on */
	int to;			/* stderr, if nothing else is said; -1: nowhere */
	bool stuck;		/* the last message was not taken */
	unsigned lost;		/* lines, since the last one that was taken */
};

void messages_init(struct messages *m, const char *program);
void messages_fini(struct messages *m);

/* From now on messages go to fd, -1: nowhere. */
void messages_redirect(struct messages *m, int fd);

/* Whether a line changes the file at the path, which may be NULL. */
bool messages_overwrite(struct messages *m, const char *path);

/* No file can be opened from now on: does it before, if it would have to. */
void messages_settle(struct messages *m);

/*
 * One line, control characters made harmless; lost, and counted, if it is not taken in time. The
 * next line that is taken is preceded by how many were lost.
 */
void messages_say(struct messages *m, const char *text);

/* A text of several lines, with one write if all of it is taken; the same limit. */
void messages_write(struct messages *m, const char *text, size_t len);

/* Requested output: a stream whose close reports whether all was written. */
struct answer {
	struct output out;
	FILE *stream;		/* to write to; each line goes out when it is complete */
	int failed;		/* errno of the write that failed, 0 if none did */
};

/* Standard output, or another descriptor that stays the caller's. HUSK_E_HOST. */
int answer_open(struct answer *a, int fd, struct husk_error *e);

/* Writes what is left. HUSK_E_HOST if not all was taken: "writing to WHAT: No space left". */
int answer_close(struct answer *a, const char *what, struct husk_error *e);

/* The same for a complete text: one write, if all of it is taken. */
int answer_with(int fd, const char *text, size_t len, const char *what, struct husk_error *e);

/* The same to an output, which is finished then. */
int answer_to(struct output *out, const char *text, size_t len, const char *what,
	      struct husk_error *e);

/* Whether the descriptor is open for writing to the file at the path; not if there is none, or for NULL. */
bool answer_overwrites(int fd, const char *path);

#endif
