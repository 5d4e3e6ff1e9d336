/* event_linux.c: how precise Linux makes the waits of a thread. */
#include <sys/prctl.h>

#include "event.h"

/* Linux's default of 50 us lets wake-ups meet, prctl(2) PR_SET_TIMERSLACK; 0 would mean that. */
void event_sharpen_timers(void)
{
	(void)prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
}
