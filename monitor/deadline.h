/* SPDX-License-Identifier: ISC */
/* deadline.h: something that is to be done when a time is over, once or again and again, in a thread of its own. */
#ifndef HUSK_DEADLINE_H
#define HUSK_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct deadline {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t at;			/* clock.h */
	uint64_t every;			/* ns; 0: once */
	bool over, called;		/* deadline_end was called; act was */
	void (*act)(void *ctx);
	void *ctx;
};

/*
 * Calls act once, ns from now, in a thread that takes no signals. d stays where it is until
 * deadline_end. HUSK_E_HOST.
 */
int deadline_start(struct deadline *d, uint64_t ns, void (*act)(void *ctx), void *ctx,
		   struct husk_error *e);

/* The same at first (clock.h), and every so many ns after that; times that have passed meanwhile count as one. */
int deadline_repeat(struct deadline *d, uint64_t first, uint64_t every, void (*act)(void *ctx),
		    void *ctx, struct husk_error *e);

/* From here on act is not called any more; returns whether it was. */
bool deadline_end(struct deadline *d);

#endif
