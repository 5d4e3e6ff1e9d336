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

void hv_say_caps(const struct hv_caps *caps, hv_finding *say, void *ctx)
{
	if (!caps->filters_cpuid)
		say(ctx, true, "guests see all processor features that the hypervisor shows", "");
	if (!caps->protects_guest)
		say(ctx, true, "guests' own tables protect their read-only memory: the hypervisor cannot", "");
}
