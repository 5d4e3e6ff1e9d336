/* SPDX-License-Identifier: ISC */
/* hv.c: code that all backends share. */
#include "hv.h"

const char *hv_exit_name(enum hv_exit_kind kind)
{
	static const char *const names[HV_EXIT_KINDS] = {
		"pio", "mmio", "halt", "shutdown", "interrupted", "debug", "fault", "error",
	};

	return names[kind];
}
