/* event.c: asks each source what it has, and waits for those that have nothing. */
#include "event.h"

#include "clock.h"

void events_init(struct events *ev)
{
	*ev = (struct events){0};
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

/* One look at all sources: what to poll, and which bit each descriptor stands for. */
struct look {
	nfds_t n;
	struct pollfd fds[EVENTS_MAX + 1];	/* the last one is wait_for's */
	unsigned bits[EVENTS_MAX];
	uint64_t ready;
	bool missing;				/* a source has no descriptor: look again soon */
};

static int ask(const struct events *ev, unsigned bit, bool readable, uint64_t *ready,
	       struct husk_error *e)
{
	const struct event_source *s = &ev->source[bit];
	int rc = s->ready(s->ctx, readable, e);

	if (rc == 1)
		*ready |= 1ull << bit;
	return rc;
}

static int prepare(const struct events *ev, struct look *l, struct husk_error *e)
{
	l->n = 0;
	l->ready = 0;
	l->missing = false;
	for (uint64_t left = ev->sources; left != 0; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);

		if (ask(ev, bit, false, &l->ready, e) == -1)
			return -1;
		l->fds[l->n] = (struct pollfd){
			.fd = ev->source[bit].fd(ev->source[bit].ctx), .events = POLLIN,
		};
		l->missing |= l->fds[l->n].fd == -1;
		l->bits[l->n++] = bit;
	}
	return 0;
}

/* A descriptor that polls readable may have nothing: an error, or a frame that is no good. */
static int confirm(const struct events *ev, struct look *l, struct husk_error *e)
{
	for (nfds_t i = 0; i < l->n; i++)
		if (l->fds[i].revents != 0 && ask(ev, l->bits[i], true, &l->ready, e) == -1)
			return -1;
	return 0;
}

/* Until when to wait: not at all if a source is ready, not for long if one cannot be waited on. */
static uint64_t until(const struct look *l, uint64_t deadline)
{
	uint64_t retry;

	if (l->ready != 0 || deadline == 0)
		return 0;
	if (!l->missing)
		return deadline;
	retry = clock_deadline(EVENTS_RETRY_NS);
	return retry < deadline ? retry : deadline;
}

/*
 * Whether to wait no more. What polls readable without being ready may do so for ever, and must not
 * make the wait as long.
 */
static bool over(const struct look *l, enum wait_end end, uint64_t waited_until, uint64_t deadline)
{
	if (l->ready != 0 || end == WAIT_ASKED)
		return true;
	if (end == WAIT_TIMEOUT)
		return waited_until == deadline;
	return deadline == 0 || (deadline != CLOCK_NEVER && clock_now_ns() >= deadline);
}

int events_wait(const struct events *ev, struct waiter *w, uint64_t timeout_ns, uint64_t *ready,
		uint64_t *calls, struct husk_error *e)
{
	const uint64_t deadline = clock_deadline(timeout_ns);
	uint64_t waited_until;
	enum wait_end end;
	struct look l;

	do {
		if (prepare(ev, &l, e) == -1)
			return -1;
		waited_until = until(&l, deadline);
		end = wait_for(w, l.fds, l.n, waited_until, calls, e);
		if (end == WAIT_FAILED || (end != WAIT_TIMEOUT && confirm(ev, &l, e) == -1))
			return -1;
	} while (!over(&l, end, waited_until, deadline));
	*ready = l.ready;
	return 0;
}
