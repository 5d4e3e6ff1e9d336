/* SPDX-License-Identifier: ISC */
/* sys/_sigset.h: sets of signals, for the headers that have a part in it. */
#ifndef HUSK_FREEBSD_SYS__SIGSET_H
#define HUSK_FREEBSD_SYS__SIGSET_H

#include <stdint.h>

typedef struct sigset {
	uint32_t bits[4];
} sigset_t;

#endif
