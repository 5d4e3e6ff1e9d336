/* SPDX-License-Identifier: ISC */
/* event.c: checks each source for input, and waits for those that have none. */
#include "event.h"

#include <stddef.h>

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

/* The descriptors of all sources for one poll, and the bit of each. */
struct poll_set {
	nfds_t n;
	struct pollfd fds[EVENTS_MAX + 1];	/* the last one is wait_for's */
	unsigned bits[EVENTS_MAX];
	uint64_t ready;
	bool missing;				/* a source has no descriptor now */
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

static int prepare(const struct events *ev, struct poll_set *p, struct husk_error *e)
{
	p->n = 0;
	p->ready = 0;
	p->missing = false;
	for (uint64_t left = ev->sources; left != 0; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);

		if (ask(ev, bit, false, &p->ready, e) == -1)
			return -1;
		if (ev->source[bit].fd == NULL)
			continue;
		p->fds[p->n] = (struct pollfd){
			.fd = ev->source[bit].fd(ev->source[bit].ctx), .events = POLLIN,
		};
		p->missing |= p->fds[p->n].fd == -1;
		p->bits[p->n++] = bit;
	}
	return 0;
}

/* A descriptor may poll readable without usable input: for an error, or a frame that is dropped. */
static int confirm(const struct events *ev, struct poll_set *p, struct husk_error *e)
{
	for (nfds_t i = 0; i < p->n; i++)
		if (p->fds[i].revents != 0 && ask(ev, p->bits[i], true, &p->ready, e) == -1)
			return -1;
	return 0;
}

/* The end of the wait: at once if a source is ready, soon if one has no descriptor. */
static uint64_t until(const struct poll_set *p, uint64_t deadline)
{
	uint64_t retry;

	if (p->ready != 0 || deadline == 0)
		return 0;
	if (!p->missing)
		return deadline;
	retry = clock_deadline(EVENTS_RETRY_NS);
	return retry < deadline ? retry : deadline;
}

/*
 * Whether the wait is over. A descriptor may poll readable for ever without its source being ready:
 * the deadline holds in that case too.
 */
static bool over(const struct poll_set *p, enum wait_end end, uint64_t waited_until,
		 uint64_t deadline)
{
	if (p->ready != 0 || end == WAIT_ASKED)
		return true;
	if (end == WAIT_TIMEOUT)
		return waited_until == deadline;
	return deadline == 0 || (deadline != CLOCK_NEVER && clock_now_ns() >= deadline);
}

int events_wait(const struct events *ev, struct waiter *w, uint64_t deadline, uint64_t *ready,
		uint64_t *calls, struct husk_error *e)
{
	uint64_t waited_until;
	enum wait_end end;
	struct poll_set p;

	do {
		if (prepare(ev, &p, e) == -1)
			return -1;
		waited_until = until(&p, deadline);
		end = wait_for(w, p.fds, p.n, waited_until, calls, e);
		if (end == WAIT_FAILED || (end != WAIT_TIMEOUT && confirm(ev, &p, e) == -1))
			return -1;
	} while (!over(&p, end, waited_until, deadline));
	*ready = p.ready;
	return 0;
}
