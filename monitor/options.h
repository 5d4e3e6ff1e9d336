/* SPDX-License-Identifier: ISC */
/*
 * options.h: the command line: options are a table, from which they are parsed, checked and listed
 * in --help.
 *
 * Words are --name, --name=VALUE or --name:DEVICE=VALUE, before KERNEL; what follows KERNEL is the
 * guest's. Options of modules and of the monitor are of one kind.
 */
#ifndef HUSK_OPTIONS_H
#define HUSK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../include/mft_abi.h"
#include "error.h"
#include "given.h"

enum option_form {
	OPTION_FLAG,		/* --name */
	OPTION_VALUE,		/* --name=VALUE */
	OPTION_MAYBE,		/* --name or --name=VALUE */
	OPTION_DEVICE,		/* --name:DEVICE=VALUE */
	OPTION_DEVICE_FLAG,	/* --name:DEVICE */
};

struct option {
	const char *name;
	enum option_form form;
	const char *value;	/* what VALUE stands for in --help; NULL without one */
	const char *help;
	bool attaches;		/* it attaches a device */
	int (*check)(const char *value, struct husk_error *e);	/* NULL: anything but "" is valid */
};

/* One use of an option. */
struct setting {
	const struct option *option;
	char device[MFT_NAME_SIZE];	/* "" without one */
	char *value;			/* "" without one; owned */
	struct given_net *given;	/* the program attaches itself; owned; NULL otherwise */
};

struct settings {
	size_t n, room;
	struct setting *list;	/* owned */
	bool steady;		/* runs are to be alike: nothing is random, or in a thread of its own */
	bool look;		/* --check: nothing will run, and opening leaves no trace */
	uint32_t wanted;	/* enum husk_feature: by the image that they are applied to */
};

/* A group of the table, such as a module's. */
struct option_group {
	const char *title;	/* "block" */
	const struct option *options;
	size_t n;
};

/*
 * Parses one word and appends a copy to s. HUSK_E_USAGE with the word, the cause and, if one is
 * similar, the option that was probably meant; HUSK_E_HOST without memory.
 */
int settings_add(struct settings *s, const struct option_group *groups, size_t n_groups,
		 const char *word, struct husk_error *e);

void settings_free(struct settings *s);

/*
 * The last setting of the named option for the device (NULL or "": without one); NULL if there is
 * none.
 */
const struct setting *settings_find(const struct settings *s, const char *option,
				    const char *device);

/* The last setting by which one of these n options attaches the device; NULL if there is none. */
const struct setting *settings_attaching(const struct settings *s, const struct option *options,
					 size_t n, const char *device);

/*
 * Parses a decimal number in [min, max] that is the whole text. HUSK_E_USAGE names the text.
 */
int option_number(const char *text, unsigned long long min, unsigned long long max,
		  unsigned long long *out, struct husk_error *e);

/*
 * Parses a memory size: MiB, or with suffix M or G. *bytes is a multiple of HVT_MEM_GRANULE,
 * rounded down, at least one granule; *rounded says whether that changed it. HUSK_E_USAGE:
 * "Malformed argument to --mem", or "exceeds the max size".
 */
int option_memory(const char *text, unsigned long long *bytes, bool *rounded,
		  struct husk_error *e);

/*
 * Parses a time: a number with its unit, ms, s or m; 0; or "forever", which is UINT64_MAX. *ns is in
 * nanoseconds. HUSK_E_USAGE.
 */
int option_time(const char *text, uint64_t *ns, struct husk_error *e);

/* Writes the block of --help for a group: a line or more per option. */
void option_group_help(const struct option_group *g, FILE *out);

#endif
