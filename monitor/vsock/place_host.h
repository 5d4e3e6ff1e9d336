/* SPDX-License-Identifier: ISC */
/* place_host.h: what opening a place asks of the file for this host. */
#ifndef HUSK_VSOCK_PLACE_HOST_H
#define HUSK_VSOCK_PLACE_HOST_H

#include <fcntl.h>

#include "place.h"

/* Nothing in the directory need be readable. */
#ifdef O_PATH
#define UNIX_PLACE_FLAGS O_PATH
#else
#define UNIX_PLACE_FLAGS O_SEARCH
#endif

/* Sets by_path if addresses relative to the directory do not work here. */
void unix_place_find_way(struct unix_place *p);

#endif
