/* SPDX-License-Identifier: ISC */
/* main_words.h: the words of the command line, and what the program keeps while it acts on them. */
#ifndef HUSK_MAIN_WORDS_H
#define HUSK_MAIN_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "../include/husk/husk.h"
#include "main_figures.h"
#include "main_messages.h"
#include "options.h"

/* 60 to 64 are not used: some orchestrators give them meanings of their own. */
enum { STATUS_OK = 0, STATUS_FAILED = 1 };

/* Where husk itself writes to; the last two are overwritten, the one before them is not. */
enum { OUTPUT_STDERR, OUTPUT_FIGURES, OUTPUT_FIGURES_FILE, OUTPUT_METRICS, COMMAND_OUTPUTS };

struct command {
	struct messages messages;
	struct settings settings;	/* the program's own options */
	struct husk *machine;
	struct figures figures;
	struct figures metrics;		/* that are written while the guest runs */
	struct husk_output outputs[COMMAND_OUTPUTS];	/* stderr, and where the figures go */
	bool stdout_is_disk, stderr_is_disk;	/* a disk of the guest: nothing is written there */
	bool ended;			/* the guest did, whatever is asked for afterwards */
	int told;			/* that we end on this signal; 0: not */
	bool metrics_told;		/* that they could not be written */
	int argc;
	char **argv;
	const char *kernel;
	int guest_argc;
	char **guest_argv;
};

/*
 * Takes all words in one pass: the program's own options into settings, the machine's to c->machine. An
 * invalid one is reported only at the end, so that --help or --version behind it are found. An empty word
 * before KERNEL, left by a doubled space in a script, is skipped. HUSK_E_USAGE, or as husk_option.
 */
int words_parse(struct command *c, struct husk_error *e);

/* Whether an option of the program's own was given, by its name without dashes. */
bool words_ask(const struct command *c, const char *option);

/* Its value, the last one; NULL without it. */
const char *words_value(const struct command *c, const char *option);

/* Whether it has a value that is not empty. */
bool words_have_value(const struct command *c, const char *option);

/* Whether the value of --version is one; there need be none. HUSK_E_USAGE. */
int words_check_version(const struct command *c, struct husk_error *e);

/* At most one option may say what is to be done instead of a run. HUSK_E_USAGE. */
int words_check_goal(const struct command *c, struct husk_error *e);

/* The lines of --help for the program's own options. */
void words_help(FILE *out);

#endif
