/* SPDX-License-Identifier: ISC */
/* about.c: what this binary is and has, for --help and --version. */
#include "machine.h"

void husk_modules(FILE *out)
{
	for (const struct module *const *m = modules; *m != NULL; m++)
		fprintf(out, "%s%s", m == modules ? "" : " ", (*m)->name);
}

void husk_help(FILE *out)
{
	struct option_group groups[MODULES_MAX + 1];
	size_t n = machine_options(modules, groups);

	for (size_t i = 0; i < n; i++) {
		if (groups[i].n == 0)
			continue;
		fprintf(out, "Options of %s:\n", groups[i].title);
		option_group_help(&groups[i], out);
	}
}
