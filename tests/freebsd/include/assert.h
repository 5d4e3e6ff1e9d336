/* SPDX-License-Identifier: ISC */
/* assert.h: what husk and its tests use of FreeBSD's <assert.h>. */

#include <sys/cdefs.h>

#undef assert
#ifdef NDEBUG
#define assert(e) ((void)0)
#else
#define assert(e) ((e) ? (void)0 : __assert(__func__, __FILE__, __LINE__, #e))
#endif

void __assert(const char *function, const char *file, int line, const char *what) __dead2;
