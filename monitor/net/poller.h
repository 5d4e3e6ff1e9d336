/* SPDX-License-Identifier: ISC */
/* poller.h: a descriptor that polls readable when another one is readable or writable. */
#ifndef HUSK_POLLER_H
#define HUSK_POLLER_H

#include <stdbool.h>

/* -1 with errno on failure; close(2) it. */
int poller_open(void);

/* Starts or stops watching fd. Returns -1 with errno. */
int poller_watch(int poller, int fd, bool watch);

/*
 * Looks again at the descriptor that it watches: on some hosts a poller that was readable once stays
 * so until then.
 */
void poller_refresh(int poller);

#endif
