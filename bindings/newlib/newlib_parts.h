/* SPDX-License-Identifier: ISC */
/*
 * newlib_parts.h: what the parts that carry newlib over the bindings share.
 *
 * They are compiled against newlib's headers when scripts/fetch-libc has built it, and linked by
 * husk-cc --libc as libhusk_libc.a, in front of newlib's own archives: the functions are those that
 * newlib's manual ("System Calls") asks of who brings it to a new system. One thread, as everywhere in a guest.
 */
#ifndef NEWLIB_PARTS_H
#define NEWLIB_PARTS_H

#include <solo5.h>

/* ---- console.c ---- */

/* Writes out what stderr has of a line that is not complete. */
void libc_console_flush(void);

/* ---- heap.c ---- */

/* Gives malloc what lies between the image and the stack's share of memory. Called once, before main(). */
void libc_heap_init(const struct solo5_start_info *info);

#endif
