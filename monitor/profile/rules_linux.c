/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of the profile, for the sandbox: its timer ticks by then. */
#include "sandbox_rules.h"

static const struct rule list[] = {
	{.call = "timer_delete"},
};

extern const struct rules rules_profile;
const struct rules rules_profile = {"profile", list, sizeof list / sizeof list[0]};
