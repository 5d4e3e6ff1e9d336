/* main_figures.h: the figures of a run, and where --stats and --stats-to want them. */
#ifndef HUSK_MAIN_FIGURES_H
#define HUSK_MAIN_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "husk.h"

struct figures {
	int fd;			/* where they go; -1: nowhere */
	bool own;		/* fd is ours to close */
	bool file;		/* one that is overwritten */
	const char *where;	/* for messages */
	char *text;		/* owned; NULL until they are taken */
	size_t len;
};

/*
 * Before the guest runs: opens where, a path or @N for an inherited descriptor; NULL: stderr. A
 * file keeps what it holds until there is something new. HUSK_E_USAGE, HUSK_E_HOST; nothing is
 * left open.
 */
int figures_open(struct figures *f, const char *where, struct husk_error *e);

/* Whether a run could open where; leaves no trace. HUSK_E_USAGE, HUSK_E_HOST. */
int figures_check(const char *where, struct husk_error *e);

/* When the guest's disks are open: it is none of them, nor another monitor's. HUSK_E_USAGE. */
int figures_claim(const struct figures *f, struct husk_error *e);

/* Takes down what the machine has to tell. HUSK_E_HOST. */
int figures_take(struct figures *f, const struct husk *machine, bool json, struct husk_error *e);

/* Writes it, if there is something. HUSK_E_HOST. */
int figures_write(struct figures *f, struct husk_error *e);

/* Accepts what figures_open has refused, and the same twice. */
void figures_close(struct figures *f);

#endif
