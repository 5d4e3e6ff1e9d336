/* SPDX-License-Identifier: ISC */
/*
 * hello.c: the smallest unikernel: it greets whoever its command line names.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o hello.hvt hello.c manifest.json
 *     husk --mem=2 hello.hvt
 *     husk --mem=2 hello.hvt dear reader
 *
 * manifest.json lists the devices that the program uses: here there are none, the console
 * is always there. Lines that begin with "Solo5:" come from the bindings that start the
 * program; "husk --mem=2 hello.hvt --solo5:quiet" runs it without them.
 */
#include <solo5.h>
#include <string.h>

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

/* A unikernel starts here instead of in main(); what it returns is husk's exit status. */
int solo5_app_main(const struct solo5_start_info *info)
{
	print("Hello, ");
	print(info->cmdline[0] != '\0' ? info->cmdline : "world");
	print("!\n");
	return SOLO5_EXIT_SUCCESS;
}
