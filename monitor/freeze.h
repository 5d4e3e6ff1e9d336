/* SPDX-License-Identifier: ISC */
/* freeze.h: memory that is filled once and never changes again. */
#ifndef HUSK_FREEZE_H
#define HUSK_FREEZE_H

#include <stddef.h>

#include "error.h"

/*
 * Makes the pages of [at, at + len), from mmap and nobody else's, read-only; their contents stay where
 * they are. Where the host can, for ever: no mprotect takes it back. The caller unmaps them. HUSK_E_HOST.
 */
int freeze(void *at, size_t len, struct husk_error *e);

#endif
