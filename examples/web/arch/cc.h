/* SPDX-License-Identifier: ISC */
/* arch/cc.h: what lwIP has to know of the compiler and of husk. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <solo5.h>

/* There is no C library: the headers that a compiler has not got by itself are left out. */
#define LWIP_NO_LIMITS_H 1
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_UNISTD_H 1

#define INT_MAX __INT_MAX__

#define lwip_htons(n) __builtin_bswap16(n)
#define lwip_htonl(n) __builtin_bswap32(n)

/* In nic.c. */
uint16_t nic_checksum(const void *data, int size);
void nic_abort(const char *text) SOLO5_NORETURN;

#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(text) nic_abort(text)

#endif
