/* SPDX-License-Identifier: ISC */
/* slack_freebsd.c: threads have none of their own. */
#include "slack.h"

bool slack_set(unsigned long ns)
{
	(void)ns;
	return true;
}

bool slack_is(unsigned long ns)
{
	(void)ns;
	return true;
}
