/* SPDX-License-Identifier: ISC */
/* wait.c: ppoll over descriptors and the thread's mailbox, repeated until a wait is over. */
#include "wait.h"

#include <errno.h>
#include <time.h>

#include "clock.h"

void waiter_init(struct waiter *w, const struct mailbox *mailbox)
{
	*w = (struct waiter){.mailbox = mailbox};
}

void waiter_adopt(struct waiter *w)
{
	w->sharp = false;
}

static uint64_t left_until(uint64_t deadline)
{
	uint64_t now;

	if (deadline == 0 || deadline == CLOCK_NEVER)
		return deadline;
	now = clock_now_ns();
	return now < deadline ? deadline - now : 0;
}

/* Done at the first timed wait only, so that a start stays short. */
static void sharpen(struct waiter *w, uint64_t left, uint64_t *calls)
{
	if (w->sharp || left == 0 || left == CLOCK_NEVER)
		return;
	++*calls;
	wake_reduce_timer_slack();
	w->sharp = true;
}

static int poll_once(struct pollfd *fds, nfds_t n, uint64_t left, uint64_t *calls)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(left / CLOCK_NS_PER_S), .tv_nsec = (long)(left % CLOCK_NS_PER_S),
	};

	++*calls;
	return ppoll(fds, n, &ts, NULL);
}

/* The same; only looking takes no time. */
static int poll_timed(struct waiter *w, struct pollfd *fds, nfds_t n, uint64_t left, uint64_t *calls)
{
	const uint64_t begun = clock_now_ns();
	int ready = poll_once(fds, n, left, calls), saved = errno;

	w->waited_ns += clock_now_ns() - begun;
	errno = saved;
	return ready;
}

/* A request that was taken already does not end a wait. */
static bool asked(const struct waiter *w, const struct pollfd *own, uint64_t *calls)
{
	if (mailbox_has(w->mailbox, ~0u))
		return true;
	if (own->revents != 0) {
		++*calls;
		wake_drain(&w->mailbox->wake);
	}
	return mailbox_has(w->mailbox, ~0u);
}

enum wait_end wait_for(struct waiter *w, struct pollfd *fds, nfds_t n, uint64_t deadline,
		       uint64_t *calls, struct husk_error *e)
{
	struct pollfd *own = &fds[n];

	for (;;) {
		uint64_t left = left_until(mailbox_has(w->mailbox, ~0u) ? 0 : deadline);
		int ready;

		*own = (struct pollfd){.fd = w->mailbox->wake.fd, .events = POLLIN};
		sharpen(w, left, calls);
		ready = w->timed && left != 0 ? poll_timed(w, fds, n + 1, left, calls) :
			poll_once(fds, n + 1, left, calls);
		if (ready == -1 && errno != EINTR) {
			husk_fail_sys(e, errno, "waiting for descriptors");
			return WAIT_FAILED;
		}
		if (ready >= 0 && asked(w, own, calls))
			return WAIT_ASKED;
		if (ready > (own->revents != 0))
			return WAIT_READY;
		if (ready >= 0 && (ready == 0 || left == 0))
			return WAIT_TIMEOUT;
	}
}
