/* SPDX-License-Identifier: ISC */
/* main.c: a solo5_app_main for applications that have a main() instead: the command line's words. */
#include "newlib_parts.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64			/* the last has the rest of the line */

int main(int argc, char **argv);

/* The monitor has joined the words with blanks, so one that has a blank comes as two. */
int solo5_app_main(const struct solo5_start_info *info)
{
	static char name[] = "unikernel";
	static char *argv[WORDS_MAX + 2] = {name};
	char *line = strdup(info->cmdline);	/* which lies in read-only memory */
	int argc = 1;

	if (line == NULL)
		abort();
	while (*(line += strspn(line, " ")) != '\0' && argc <= WORDS_MAX) {
		argv[argc++] = line;
		if (argc <= WORDS_MAX)
			line += strcspn(line, " ");
		else
			line += strlen(line);
		if (*line != '\0')
			*line++ = '\0';
	}
	return main(argc, argv);
}
