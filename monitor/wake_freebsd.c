/* SPDX-License-Identifier: ISC */
/* wake_freebsd.c: FreeBSD has no timer slack of a thread's own. */
#include "wake.h"

/* A wait may slip by the host-wide sysctl kern.timecounter.alloweddeviation, 5 % by default. */
void wake_reduce_timer_slack(void)
{
}
