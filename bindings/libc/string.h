/* SPDX-License-Identifier: ISC */
/*
 * string.h: the few functions of C's <string.h> that images built by husk-cc have without
 * a C library. An application's own definitions take their place.
 */
#ifndef HUSK_STRING_H
#define HUSK_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define HUSK_RESTRICT __restrict__
#else
#define HUSK_RESTRICT restrict
#endif

void *memcpy(void *HUSK_RESTRICT to, const void *HUSK_RESTRICT from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

#undef HUSK_RESTRICT
#ifdef __cplusplus
}
#endif

#endif
