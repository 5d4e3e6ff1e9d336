/* SPDX-License-Identifier: ISC */
/* app.c: with husk-cc --libc too an application may start at solo5_app_main; the heap is malloc's then. */
#include <solo5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int solo5_app_main(const struct solo5_start_info *info)
{
	char *copy = strdup(info->cmdline);

	if (copy == NULL || info->heap_size != 0)
		return EXIT_FAILURE;
	printf("SUCCESS: '%s'\n", copy);
	return EXIT_SUCCESS;
}
