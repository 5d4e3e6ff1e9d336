/* SPDX-License-Identifier: ISC */
/*
 * own_network.h: real interfaces, in a network namespace of the test's own.
 *
 * Where there can be none, each test that needs one is skipped, with a word.
 */
#ifndef OWN_NETWORK_H
#define OWN_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

/* For cmocka's group: the program is in a network of its own from here on; it ends with it. */
int own_network_enter(void **state);

/* Why there are no real taps, or NULL. */
const char *own_network_denied(void);

/* Skips the test unless there are. */
void own_network_need(void);

/* Skips the test for that reason, which cmocka does not show; NULL: no. */
void own_network_skip_if(const char *reason);

/* A descriptor attached to a new interface, which goes away with it. flags: IFF_TAP and others. */
int own_network_queue(const char *name, int flags);

/* An interface that stays, not attached to anything, and is up. */
void own_network_tap(const char *name, int flags);
void own_network_remove(const char *name);

void own_network_set_up(const char *name, bool up);
void own_network_set_mtu(const char *name, int mtu);

/* What one of the requests ETHTOOL_G* says. */
uint32_t own_network_ethtool(const char *name, uint32_t command);

/* Of the interface, 0: there is none. */
unsigned own_network_index(const char *name);

#endif
