/* SPDX-License-Identifier: ISC */
/* ring_credit.c: the account of what a second thread at the ring gains and costs. */
#include "ring_credit.h"

#define SCALE 64		/* of the account's unit, see ring_credit.h */

/* This part of the time that serving entries on exits takes may be lost. */
#define INCOME 32

/* So much of earlier gains may be lost again, and so much of a loss is remembered. */
#define GAINS_MAX(c) (64 * (c)->price + 4 * (c)->wakeup)
#define LOSSES_MAX(c) ((1 << 16) * (c)->price)

#define OUTLIER 4		/* times the mean: what took longer had other reasons */
#define MEAN_OF 16		/* recent values, about */
#define TICKS_MAX (INT64_C(1) << 32)	/* some seconds; nothing below overflows */

/* The counters of two processors may differ a little. */
static int64_t scaled(int64_t ticks)
{
	if (ticks < 0)
		return 0;
	return (ticks < TICKS_MAX ? ticks : TICKS_MAX) * SCALE;
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value < most ? value : most;
}

/* A mean that is far above a new value came from an outlier. */
static void observe(int64_t *mean, int64_t value)
{
	if (value < *mean / OUTLIER || *mean == 0)
		*mean = value;
	else
		*mean += (within(value, 0, OUTLIER * *mean) - *mean) / MEAN_OF;
}

static void add(struct ring_credit *c, int64_t gain)
{
	c->balance = within(c->balance + gain, -LOSSES_MAX(c), GAINS_MAX(c));
}

void ring_credit_exit(struct ring_credit *c, int64_t ticks, int64_t serving, unsigned entries)
{
	observe(&c->price, scaled(ticks) / entries);
	add(c, within(scaled(serving), 0, c->price * entries) / INCOME);
}

void ring_credit_wakeup(struct ring_credit *c, int64_t ticks)
{
	observe(&c->wakeup, scaled(ticks));
}

void ring_credit_settle(struct ring_credit *c, int64_t ticks, unsigned entries)
{
	add(c, c->price * entries - 2 * scaled(ticks));
}

bool ring_credit_allows(const struct ring_credit *c)
{
	return c->price != 0 && c->balance >= 2 * (c->price + c->wakeup);
}

bool ring_credit_spent(const struct ring_credit *c)
{
	return c->balance < 0;
}

int64_t ring_credit_patience(const struct ring_credit *c)
{
	return (c->price + c->wakeup) / SCALE;
}
