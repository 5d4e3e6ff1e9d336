/* SPDX-License-Identifier: ISC */
/*
 * main_inherited.h: corrects what husk inherits from its starter.
 *
 * docs/architecture.md, "What is inherited", has the whole list.
 */
#ifndef HUSK_MAIN_INHERITED_H
#define HUSK_MAIN_INHERITED_H

#include "error.h"

/*
 * A descriptor 0, 1 or 2 that is closed would be the next one that we open, and the console would
 * be written to a disk. Opens placeholders that cannot be written to and read as empty. Before
 * anything else is opened. HUSK_E_HOST.
 */
int inherited_descriptors(struct husk_error *e);

/*
 * Calls body(ctx) and returns what it does; on a new stack if the limit of the inherited one is too
 * low. HUSK_E_HOST: -1 without a call.
 */
int inherited_stack(int (*body)(void *ctx), void *ctx, struct husk_error *e);

#endif
