/* SPDX-License-Identifier: ISC */
/* stdlib.h: what husk and its tests use of FreeBSD's <stdlib.h>. */
#ifndef HUSK_FREEBSD_STDLIB_H
#define HUSK_FREEBSD_STDLIB_H

#include <sys/cdefs.h>
#include <sys/types.h>

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t size);
void *reallocarray(void *old, size_t n, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void free(void *memory);
void abort(void) __dead2;
void exit(int status) __dead2;
long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
void qsort(void *base, size_t n, size_t size, int (*order)(const void *a, const void *b));
char *getenv(const char *name);
int setenv(const char *name, const char *value, int overwrite);
int mkstemp(char *path);
char *mkdtemp(char *path);
int system(const char *command);
int posix_openpt(int flags);
int grantpt(int fd);
int unlockpt(int fd);
int ptsname_r(int fd, char *buf, size_t size);

#endif
