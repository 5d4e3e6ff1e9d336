/* SPDX-License-Identifier: ISC */
/* command.c: the commands that modules offer. */
#include "command.h"

#include <string.h>

int commands_add(struct commands *all, const struct command *command, void *ctx,
		 struct husk_error *e)
{
	if (all->n == COMMANDS_MAX)
		return husk_fail(e, HUSK_E_HOST, "there is no room for the command `%s'",
				 command->name);
	all->list[all->n++] = (struct command_slot){command, ctx};
	return 0;
}

void commands_remove(struct commands *all, const struct command *command)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < all->n; i++)
		if (all->list[i].is != command)
			all->list[kept++] = all->list[i];
	all->n = kept;
}

bool command_is(const char *name, const char *text, const char **words)
{
	const size_t n = strlen(name);

	if (strncmp(text, name, n) != 0 || (text[n] != '\0' && text[n] != ' '))
		return false;
	*words = text + n + strspn(text + n, " ");
	return true;
}

const struct command_slot *commands_find(const struct commands *all, const char *text,
					 const char **words)
{
	for (unsigned i = 0; i < all->n; i++)
		if (command_is(all->list[i].is->name, text, words))
			return &all->list[i];
	return NULL;
}
