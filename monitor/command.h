/* SPDX-License-Identifier: ISC */
/*
 * command.h: what modules do at a word of the user's, for whoever takes such words while the guest is
 * stopped, as a debugger does. The two do not know each other.
 */
#ifndef HUSK_COMMAND_H
#define HUSK_COMMAND_H

#include <stdbool.h>

#include "error.h"

/* Takes one line of the answer, without a newline. */
typedef void command_answer(void *to, const char *line);

struct command {
	const char *name;	/* one word: "dump" */
	const char *help;	/* what it does, in a few words */

	/*
	 * words: what follows the name, "" if nothing does. In the vcpu's thread between exits, with no
	 * breakpoint in guest memory; the guest goes on afterwards.
	 */
	void (*obey)(void *ctx, const char *words, command_answer *answer, void *to);
};

#define COMMANDS_MAX 8

struct commands {
	unsigned n;
	struct command_slot {
		const struct command *is;
		void *ctx;
	} list[COMMANDS_MAX];
};

/* By a module's attach; command and ctx outlive their stay. HUSK_E_HOST: there are too many. */
int commands_add(struct commands *all, const struct command *command, void *ctx,
		 struct husk_error *e);

/* No-op for what was not added. */
void commands_remove(struct commands *all, const struct command *command);

/* The one that the text begins with, and the words behind its name; NULL if there is none. */
const struct command_slot *commands_find(const struct commands *all, const char *text,
					 const char **words);

/* Whether text is this name, alone or with words behind it, which *words is then. */
bool command_is(const char *name, const char *text, const char **words);

#endif
