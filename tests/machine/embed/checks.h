/* SPDX-License-Identifier: ISC */
/* checks.h: what the checks of the library share: a machine with a console, and a guest to run in it. */
#ifndef EMBED_CHECKS_H
#define EMBED_CHECKS_H

#include <husk.h>

/* A guest, its words and options, and what became of it. */
struct run {
	const char *guest;		/* in the folder of guests, without .hvt */
	const char *args[4];		/* NULL behind the last one */
	const char *options[3];		/* likewise */
	struct husk *h;
	struct husk_error e;
	int status;
	char console[4096];
	size_t len;			/* atomic, as others wait for it */
	bool over;			/* atomic: the run has ended */
	void (*attend)(void *ctx);
};

/* Makes the machine and applies the options. NULL, or what is wrong. */
const char *create(struct run *r);

/* Loads the guest. */
const char *load(struct run *r);
const char *create_and_load(struct run *r);

/* NULL if the run ends so, else what it did. */
const char *ends(struct run *r, enum husk_end end, int status);

/* Waits until the guest has said something, or the run is over. */
void wait_for_words(struct run *r);

/* The path of a guest's image, until the next call. */
const char *image_of(const char *guest);

#define CHECKS(list, ...) \
	const struct check list[] = {__VA_ARGS__, {0, 0}}

/* One check: its name, and a function that gives NULL or what is wrong, with the machine in *r. */
struct check {
	const char *name;
	const char *(*check)(struct run *r);
};

extern const struct check run_checks[], device_checks[], face_checks[];

#endif
