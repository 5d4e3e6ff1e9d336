/* SPDX-License-Identifier: ISC */
/*
 * ring_credit.h: whether it pays to hand the network ring to a second thread, by what it took so
 * far.
 *
 * With an exit of its own, an entry takes one thread some time: its price, which is measured.
 * While the ring is handed over no entry needs an exit, but two threads are at work, one of which
 * may have nothing to do: that pays where both together take less time than the price of the
 * entries. What is gained and lost is kept in an account. A loss must be made up for by a small
 * part of the time that serving later entries takes before the ring is handed over again. So the
 * loss over all is at most that part, whatever the guest does and whatever exits and wake-ups cost
 * on this host.
 *
 * Arithmetic only; times are differences of cpu_ticks.
 */
#ifndef HUSK_RING_CREDIT_H
#define HUSK_RING_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

/* Zero at the start. In 1/64 of a tick: some counters tick only a few times for an entry. */
struct ring_credit {
	int64_t price;		/* of an entry with an exit, recent mean; 0: not known yet */
	int64_t wakeup;		/* from a handover until the other thread has the ring, recent mean */
	int64_t balance;
};

/*
 * An exit brought so many entries, not 0, and they are served, ticks after those of the exit before
 * it were. serving: the part of ticks since this exit.
 */
void ring_credit_exit(struct ring_credit *c, int64_t ticks, int64_t serving, unsigned entries);

/* The other thread has the ring, ticks after it was handed over. */
void ring_credit_wakeup(struct ring_credit *c, int64_t ticks);

/* Two threads were at work on the ring for so many ticks, and served so many entries. */
void ring_credit_settle(struct ring_credit *c, int64_t ticks, unsigned entries);

/* Whether the account covers a handover, even one that turns out to be for nothing. */
bool ring_credit_allows(const struct ring_credit *c);

/* Whether a handover must end, as the account is used up. */
bool ring_credit_spent(const struct ring_credit *c);

/*
 * Ticks for which an idle ring may be watched: as long as an exit and another handover would take,
 * which the watch may save.
 */
int64_t ring_credit_patience(const struct ring_credit *c);

#endif
