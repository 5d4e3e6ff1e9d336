/* SPDX-License-Identifier: ISC */
/*
 * callers.h: who makes the guest's hypercalls: the function that called the bindings.
 *
 * Each call has its registers looked at among the first CALLERS_EACH, and then one of CALLERS_STRIDE,
 * which stands for all of them, so that a look costs a guest of many calls little.
 */
#ifndef HUSK_PROFILE_CALLERS_H
#define HUSK_PROFILE_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "module.h"
#include "symbols.h"

#define CALLERS_MAX 1024u	/* pairs of a hypercall and a function; a power of 2 */
#define CALLERS_EACH 256u
#define CALLERS_STRIDE 17u	/* no divisor of what loops make by turns */
#define CALLERS_TOLD 16u	/* those with most calls */

struct caller {
	const char *call;	/* static: its name; NULL: free */
	uint64_t function;	/* where it begins, or an address without a function */
	uint64_t calls;		/* that stand for it */
};

struct callers {
	struct caller *list;	/* owned; a hash table */
	uint64_t seen, lost;	/* calls; of these, that found no room */
};

/* HUSK_E_HOST: no memory. */
int callers_init(struct callers *c, struct husk_error *e);

/* Accepts a zeroed object, and the same one twice. */
void callers_free(struct callers *c);

/* Another call: for how many it stands if its caller is looked at; 0: it need not be, or c is zeroed. */
uint64_t callers_weigh(struct callers *c);

/* So many calls came from the function. */
void callers_count(struct callers *c, const char *call, uint64_t function, uint64_t calls);

/* Tells those with most calls, subject "callers", name "poll:main", the most frequent first. */
void callers_report(const struct callers *c, const struct symbols *symbols, module_figure *tell,
		    void *ctx);

#endif
