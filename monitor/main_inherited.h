/*
 * main_inherited.h: what a starter hands down, and husk does not take as it is.
 *
 * docs/architecture.md, "What is inherited", has the whole list.
 */
#ifndef HUSK_MAIN_INHERITED_H
#define HUSK_MAIN_INHERITED_H

#include "error.h"

/*
 * A descriptor 0, 1 or 2 that is closed would be the next one that we open, and the console would
 * be written to a disk. Something takes its place that cannot be written to, and is at its end for
 * who reads it. Before anything is opened. HUSK_E_HOST.
 */
int inherited_descriptors(struct husk_error *e);

/*
 * Calls body(ctx) and returns what it does; on a stack of its own where the one that we were given
 * may not grow as far as we need it. HUSK_E_HOST: -1 without a call.
 */
int inherited_stack(int (*body)(void *ctx), void *ctx, struct husk_error *e);

#endif
