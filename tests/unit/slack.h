/* SPDX-License-Identifier: ISC */
/* slack.h: how late timers of a thread may be; one file per host implements it. */
#ifndef HUSK_TEST_SLACK_H
#define HUSK_TEST_SLACK_H

#include <stdbool.h>

#define SLACK_LEAST 1ul

/* Of the calling thread, in ns. False if it cannot be set. */
bool slack_set(unsigned long ns);

/* Whether the calling thread's is ns. Always true on a host that has none. */
bool slack_is(unsigned long ns);

#endif
