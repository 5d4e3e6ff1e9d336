/* SPDX-License-Identifier: ISC */
/* main_answers.h: what the program prints instead of running a guest: help, versions, findings. */
#ifndef HUSK_MAIN_ANSWERS_H
#define HUSK_MAIN_ANSWERS_H

#include "main_words.h"

/*
 * Prints what --help, --version, --check or --inspect, one of which was given, ask for, on standard output.
 * Returns the exit status; -1 with e if it could not be found out or printed.
 */
int answers_print(struct command *c, struct husk_error *e);

/* Tells the machine where figures go, which are open, before it opens what may not be there. */
void answers_note_outputs(struct command *c);

/* Whether the metrics, whose place is open, go to a file of their own. HUSK_E_USAGE. */
int answers_check_metrics(struct command *c, struct husk_error *e);

#endif
