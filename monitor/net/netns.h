/* SPDX-License-Identifier: ISC */
/* netns.h: calling a function in another network namespace. */
#ifndef HUSK_NETNS_H
#define HUSK_NETNS_H

#include <stdbool.h>

/*
 * Calls f in a thread that has entered the network namespace of the descriptor, and waits for it to
 * end. False if the thread may not enter it or cannot be created: f was not called.
 */
bool netns_call(int ns, void (*f)(void *ctx), void *ctx);

#endif
