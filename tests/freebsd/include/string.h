/* SPDX-License-Identifier: ISC */
/* string.h: what husk and its tests use of FreeBSD's <string.h>. */
#ifndef HUSK_FREEBSD_STRING_H
#define HUSK_FREEBSD_STRING_H

#include <sys/types.h>

void *memmem(const void *in, size_t in_len, const void *what, size_t len);
void *memchr(const void *in, int c, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int c, size_t len);
char *stpcpy(char *to, const char *from);
char *strcat(char *to, const char *from);
char *strchr(const char *in, int c);
int strcmp(const char *a, const char *b);
char *strcpy(char *to, const char *from);
size_t strcspn(const char *text, const char *stop);
char *strdup(const char *text);
char *strerror(int error);
size_t strlen(const char *text);
int strncmp(const char *a, const char *b, size_t len);
char *strndup(const char *text, size_t len);
char *strpbrk(const char *text, const char *set);
char *strrchr(const char *in, int c);
size_t strnlen(const char *text, size_t most);
size_t strspn(const char *text, const char *accept);
char *strpbrk(const char *text, const char *any);
char *strstr(const char *in, const char *what);
char *strtok_r(char *text, const char *separators, char **state);

#endif
