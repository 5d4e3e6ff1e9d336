/* SPDX-License-Identifier: ISC */
/*
 * main_sandbox.h: --sandbox and --user, and the line that a forbidden system call ends husk with.
 *
 * A process has one handler of a signal, so its state is the file's.
 */
#ifndef HUSK_MAIN_SANDBOX_H
#define HUSK_MAIN_SANDBOX_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"
#include "../include/husk/husk.h"
#include "options.h"

/*
 * Before anything else. From here on a system call that a filter refuses ends husk with a line that
 * names it, and status 1; calls that husk can do without fail with ENOSYS instead, as long as the
 * filter is the starter's.
 */
void sandbox_catch(void);

/* The values of the two options, for struct option. */
int sandbox_check_how(const char *value, struct husk_error *e);
int sandbox_check_user(const char *value, struct husk_error *e);

/* False if the settings forbid it; a user is a part of it, and off then an error of sandbox_enter. */
bool sandbox_is_wanted(const struct settings *settings);

/* Descriptors that main goes on using; -1: none. */
struct sandbox_own {
	int messages, figures;	/* what they are written to */
	int cut;		/* a file that is emptied before the figures are written */
	int metrics;		/* one that is written over while the guest runs */
};

/* Confines husk as the settings say. HUSK_E_HOST. */
int sandbox_enter(struct husk *machine, const struct settings *settings,
		  const struct sandbox_own *own, struct husk_error *e);

/* Writes what this host has of the sandbox; returns how much is missing that the settings require. */
int sandbox_check_host(const struct settings *settings, FILE *out);

#endif
