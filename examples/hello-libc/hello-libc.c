/* SPDX-License-Identifier: ISC */
/*
 * hello-libc.c: a C program as elsewhere, with a main() and a C library.
 *
 *	husk-cc --libc -O2 -mgeneral-regs-only -o hello-libc.hvt hello-libc.c
 *	husk hello-libc.hvt Alice Bob
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The caller frees it. */
static char *greeting(int argc, char **argv)
{
	size_t size = sizeof "Hello from a unikernel";
	char *text;

	for (int i = 1; i < argc; i++)
		size += strlen(argv[i]) + 2;
	text = malloc(size);
	if (text == NULL)
		return NULL;
	strcpy(text, "Hello from a unikernel");
	for (int i = 1; i < argc; i++)
		strcat(strcat(text, ", "), argv[i]);
	return text;
}

int main(int argc, char **argv)
{
	time_t now = time(NULL);
	struct tm *tm = gmtime(&now);
	char *text = greeting(argc, argv);

	assert(tm != NULL);
	if (text == NULL) {
		fprintf(stderr, "no memory for a greeting: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	printf("%s\n", text);
	printf("It is %04d-%02d-%02d %02d:%02d UTC.\n", tm->tm_year + 1900, tm->tm_mon + 1,
	       tm->tm_mday, tm->tm_hour, tm->tm_min);
	free(text);
	return EXIT_SUCCESS;
}
