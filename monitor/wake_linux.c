/* SPDX-License-Identifier: ISC */
/* wake_linux.c: the timer slack of a thread. */
#include "wake.h"

#include <sys/prctl.h>

/* prctl(2), PR_SET_TIMERSLACK: by default wake-ups may be 50 us late; 0 would mean the default. */
void wake_reduce_timer_slack(void)
{
	(void)prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
}
