/* event.c: ppoll over a small set of sources, and an eventfd to wake it. */
#include "event.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

int events_init(struct events *ev, struct husk_error *e)
{
	*ev = (struct events){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return ev->wake_fd == -1 ? husk_fail_sys(e, errno, "eventfd") : 0;
}

void events_fini(struct events *ev)
{
	if (ev->wake_fd != -1)
		close(ev->wake_fd);
	*ev = (struct events){.wake_fd = -1};
}

int events_add(struct events *ev, unsigned bit, const struct event_source *source,
	       struct husk_error *e)
{
	if (bit >= EVENTS_MAX || (ev->sources >> bit & 1) != 0)
		return husk_fail(e, HUSK_E_HOST, "bit %u of the ready set is %s", bit,
				 bit >= EVENTS_MAX ? "out of range" : "taken");
	ev->source[bit] = *source;
	ev->sources |= 1ull << bit;
	return 0;
}

void events_remove(struct events *ev, unsigned bit)
{
	if (bit < EVENTS_MAX)
		ev->sources &= ~(1ull << bit);
}

void events_adopt(struct events *ev)
{
	ev->sharp = false;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* One wait: what to poll, and which bit each descriptor stands for. */
struct wait {
	nfds_t n;
	struct pollfd fds[1 + EVENTS_MAX];	/* fds[0] wakes */
	unsigned bits[1 + EVENTS_MAX];
	uint64_t ready;
	bool missing;				/* a source has no descriptor: look again soon */
};

static void prepare(const struct events *ev, struct wait *w)
{
	w->fds[0] = (struct pollfd){.fd = ev->wake_fd, .events = POLLIN};
	w->n = 1;
	w->ready = 0;
	w->missing = false;
	for (uint64_t left = ev->sources; left != 0; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);
		const struct event_source *s = &ev->source[bit];

		if (s->ready(s->ctx, false))
			w->ready |= 1ull << bit;
		w->fds[w->n] = (struct pollfd){.fd = s->fd(s->ctx), .events = POLLIN};
		w->missing |= w->fds[w->n].fd == -1;
		w->bits[w->n++] = bit;
	}
}

/* A descriptor that polls readable may have nothing: an error, or a frame that is no good. */
static void confirm(const struct events *ev, struct wait *w)
{
	for (nfds_t i = 1; i < w->n; i++) {
		const struct event_source *s = &ev->source[w->bits[i]];

		if (w->fds[i].revents != 0 && s->ready(s->ctx, true))
			w->ready |= 1ull << w->bits[i];
	}
}

/*
 * Not before it is needed, so a start stays short. What is INT64_MAX away, where Linux's timers
 * end, never comes and needs no precision.
 */
static void sharpen(struct events *ev, uint64_t ns, uint64_t *calls)
{
	if (ev->sharp || ns == 0 || ns >= INT64_MAX)
		return;
	++*calls;
	event_sharpen_timers();
	ev->sharp = true;
}

/* Waits once; returns as ppoll does. */
static int wait_once(struct wait *w, uint64_t ns, uint64_t *calls)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S),
	};

	++*calls;
	return ppoll(w->fds, w->n, &ts, NULL);
}

static bool woken(const struct events *ev, const struct wait *w, uint64_t *calls)
{
	uint64_t ignored;

	if (w->fds[0].revents == 0)
		return false;
	++*calls;
	(void)!read(ev->wake_fd, &ignored, sizeof ignored);
	return true;
}

static uint64_t slice(const struct wait *w, uint64_t left)
{
	if (w->ready != 0)
		return 0;
	return w->missing && left > EVENTS_RETRY_NS ? EVENTS_RETRY_NS : left;
}

/*
 * What polls readable without being ready may do so for ever, and must not make the wait as long.
 */
static bool expired(const struct wait *w, int n, uint64_t left)
{
	return n == 0 ? left <= slice(w, left) : n > 0 && left == 0;
}

static void resume(const struct events *ev, uint64_t ready)
{
	for (; ready != 0; ready &= ready - 1) {
		const struct event_source *s = &ev->source[__builtin_ctzll(ready)];

		if (s->resume != NULL)
			s->resume(s->ctx);
	}
}

int events_wait(struct events *ev, uint64_t timeout_ns, uint64_t *ready, uint64_t *calls,
		struct husk_error *e)
{
	uint64_t start = timeout_ns == 0 ? 0 : now_ns(), left = timeout_ns;
	struct wait w;
	bool over;

	do {
		prepare(ev, &w);
		sharpen(ev, w.ready != 0 ? 0 : left, calls);
		int n = wait_once(&w, slice(&w, left), calls);

		if (n == -1 && errno != EINTR)
			return husk_fail_sys(e, errno, "waiting for devices");
		if (n > 0)
			confirm(ev, &w);
		over = w.ready != 0 || (n > 0 && woken(ev, &w, calls)) ||
		       expired(&w, n, left);
		if (!over && timeout_ns != 0) {
			uint64_t passed = now_ns() - start;

			left = passed < timeout_ns ? timeout_ns - passed : 0;
		}
	} while (!over);
	*ready = w.ready;
	resume(ev, w.ready);
	return 0;
}

void events_wake(const struct events *ev)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)!write(ev->wake_fd, &one, sizeof one);
	errno = saved;
}
