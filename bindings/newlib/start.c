/* SPDX-License-Identifier: ISC */
/*
 * start.c: what goes before the application and behind it: heap, constructors, exit().
 *
 * husk-cc links with --wrap=solo5_app_main, so that the bindings come here first, whether the
 * application has a solo5_app_main or a main (main.c).
 */
#include "newlib_parts.h"

#include <stdlib.h>

typedef void constructor(void);

/* solo5_hvt.lds */
extern constructor *__init_array_start[] __attribute__((weak, visibility("hidden")));
extern constructor *__init_array_end[] __attribute__((weak, visibility("hidden")));

int __real_solo5_app_main(const struct solo5_start_info *info);
int __wrap_solo5_app_main(const struct solo5_start_info *info);

int __wrap_solo5_app_main(const struct solo5_start_info *info)
{
	static struct solo5_start_info rest;

	libc_heap_init(info);
	/* The heap has an owner now. */
	rest = *info;
	rest.heap_start += rest.heap_size;
	rest.heap_size = 0;
	for (constructor **c = __init_array_start; c != __init_array_end; c++)
		(*c)();
	exit(__real_solo5_app_main(&rest));
}
