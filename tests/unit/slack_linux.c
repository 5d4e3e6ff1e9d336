/* SPDX-License-Identifier: ISC */
/* slack_linux.c: prctl(2). */
#include "slack.h"

#include <sys/prctl.h>

bool slack_set(unsigned long ns)
{
	return prctl(PR_SET_TIMERSLACK, ns, 0ul, 0ul, 0ul) == 0;
}

bool slack_is(unsigned long ns)
{
	return prctl(PR_GET_TIMERSLACK, 0ul, 0ul, 0ul, 0ul) == (int)ns;
}
