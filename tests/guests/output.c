/* SPDX-License-Identifier: ISC */
/* output.c: one console write of a page of text, to be counted by the reader. */
#include "guest.h"

#define LINES 64u
#define WIDTH 64u

static char text[LINES * WIDTH];

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % WIDTH == WIDTH - 1 ? '\n' : (char)('0' + i / WIDTH);
	solo5_console_write(text, sizeof text);
	return SOLO5_EXIT_SUCCESS;
}
