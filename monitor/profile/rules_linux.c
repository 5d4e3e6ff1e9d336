/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of the profile, for the sandbox: its timer ticks by then. */
#include "sandbox_rules.h"

static const struct rule list[] = {
	{.call = "timer_delete"},
	{.call = "gettid"},

	/* where another thread than the one that is confined may run the guest */
	{.call = "timer_create", .checks = {INT_FROM(0, SANDBOX_TIMER_CLOCK)}},
	{.call = "timer_settime", .checks = {INT_FROM(1, SANDBOX_TIMER_FLAGS)}},
};

extern const struct rules rules_profile;
const struct rules rules_profile = {"profile", list, sizeof list / sizeof list[0], SANDBOX_REST};
