/* SPDX-License-Identifier: ISC */
/* processors.h: which processors this process may use; one file per host implements it. */
#ifndef HUSK_PROCESSORS_H
#define HUSK_PROCESSORS_H

#include <stdbool.h>

/* Whether the calling thread may use one processor only. False where the host does not say. */
bool processors_only_one(void);

#endif
