/* SPDX-License-Identifier: ISC */
/* notls.c: reads a thread-local though no thread pointer was set: a null pointer in disguise. */
#include "guest.h"
#include "hypercall.h"

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	(void)arch_read_thread_local();
	return 1;
}
