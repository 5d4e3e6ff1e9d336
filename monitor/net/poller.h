/* poller.h: a descriptor that polls readable when another one takes or has bytes. */
#ifndef HUSK_POLLER_H
#define HUSK_POLLER_H

#include <stdbool.h>

/* -1 with errno on failure; close(2) it. */
int poller_open(void);

/* From here on it watches fd, or no longer does. Returns -1 with errno. */
int poller_watch(int poller, int fd, bool watch);

#endif
