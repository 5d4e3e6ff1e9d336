/* SPDX-License-Identifier: ISC */
/* main_figures.h: the figures of a run, written as --stats, --stats-to and --metrics say. */
#ifndef HUSK_MAIN_FIGURES_H
#define HUSK_MAIN_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "../include/husk/husk.h"
#include "main_messages.h"
#include "output.h"

struct figures {
	int fd;			/* where they go; -1: nowhere */
	bool own;		/* fd is ours to close */
	bool file;		/* a file, to be overwritten */
	bool over;		/* again and again, while the guest runs */
	const char *option;	/* that names the place, */
	const char *where;	/* and the place, for messages */
	struct output out;	/* of fd, once it is settled */
	char *text;		/* owned; NULL until they are taken */
	size_t len;
};

/*
 * Before the guest runs: opens where, a path or @N for an inherited descriptor; NULL: stderr. An
 * existing file keeps its contents until figures_write. HUSK_E_USAGE, HUSK_E_HOST; nothing is left
 * open.
 */
int figures_open(struct figures *f, const char *option, const char *where, struct husk_error *e);

/*
 * Checks that the file is not the image at this path, by whatever name; NULL: no image; nor one that
 * standard output or error goes to already, unless it was handed down to be written once. Before anything is written.
 * HUSK_E_USAGE.
 */
int figures_spare_image(const struct figures *f, const char *image, struct husk_error *e);

/*
 * Like figures_open, but changes nothing: a file that is not there is only checked for whether it could
 * be made, and f is nowhere then. Nor may it be the image, or NULL. HUSK_E_USAGE, HUSK_E_HOST.
 */
int figures_check(struct figures *f, const char *option, const char *where, const char *image,
		  struct husk_error *e);

/*
 * After the guest's disks are opened: checks that the file is neither one of them nor in use by
 * another monitor. HUSK_E_USAGE.
 */
int figures_claim(const struct figures *f, struct husk_error *e);

/* Whether both descriptors are of the same file, none of which may then be overwritten. */
bool figures_share_file(int fd, int other);

/* No file can be opened from now on: does it before, if writing would have to. */
void figures_settle(struct figures *f);

/* Tells the figures of the machine as messages are told, while the guest runs. HUSK_E_HOST. */
int figures_show(const struct husk *machine, bool json, struct messages *m, struct husk_error *e);

/* Collects the figures of the machine. HUSK_E_HOST. */
int figures_take(struct figures *f, const struct husk *machine, enum husk_format format,
		 struct husk_error *e);

/* ---- a file that is written over while the guest runs ---- */

/* It is to be one of these. HUSK_E_USAGE if it is no file, or open for appending. */
int figures_write_over(struct figures *f, struct husk_error *e);

/* Before the first time. HUSK_E_HOST. */
int figures_empty(const struct figures *f, struct husk_error *e);

/* Puts the machine's figures of now where the last ones were, with one write. HUSK_E_HOST. */
int figures_rewrite(struct figures *f, const struct husk *machine, struct husk_error *e);

/* ---- the end ---- */

/* Writes the figures, if any were collected. HUSK_E_HOST. */
int figures_write(struct figures *f, struct husk_error *e);

/* Accepts an object that figures_open has refused, and the same one twice. */
void figures_close(struct figures *f);

#endif
