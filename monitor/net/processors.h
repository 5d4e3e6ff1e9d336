/* processors.h: what the host lets this process use; one file per system has it. */
#ifndef HUSK_PROCESSORS_H
#define HUSK_PROCESSORS_H

#include <stdbool.h>

/* Whether the calling thread may use one processor only. False where the host does not say. */
bool processors_only_one(void);

#endif
