/* SPDX-License-Identifier: ISC */
/* stdio.h: what husk and its tests use of FreeBSD's <stdio.h>. */
#ifndef HUSK_FREEBSD_STDIO_H
#define HUSK_FREEBSD_STDIO_H

#include <stdarg.h>
#include <sys/cdefs.h>
#include <sys/types.h>

typedef struct file FILE;

extern FILE *__stdinp, *__stdoutp, *__stderrp;
#define stdin __stdinp
#define stdout __stdoutp
#define stderr __stderrp

#define EOF (-1)
#define _IOFBF 0
#define _IOLBF 1
#define SEEK_SET 0
#define SEEK_END 2

typedef struct {
	ssize_t (*read)(void *cookie, char *buf, size_t len);
	ssize_t (*write)(void *cookie, const char *buf, size_t len);
	int (*seek)(void *cookie, int64_t *offset, int whence);
	int (*close)(void *cookie);
} cookie_io_functions_t;

FILE *fopen(const char *path, const char *mode);
FILE *fdopen(int fd, const char *mode);
FILE *fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
FILE *fmemopen(void *buf, size_t size, const char *mode);
FILE *open_memstream(char **text, size_t *size);
FILE *tmpfile(void);
int fclose(FILE *file);
int fflush(FILE *file);
int fseek(FILE *file, long offset, int whence);
long ftell(FILE *file);
void rewind(FILE *file);
int setvbuf(FILE *file, char *buf, int mode, size_t size);
size_t fread(void *to, size_t size, size_t n, FILE *file);
size_t fwrite(const void *from, size_t size, size_t n, FILE *file);
char *fgets(char *line, int size, FILE *file);
int fgetc(FILE *file);
int fputc(int c, FILE *file);
int putc(int c, FILE *file);
int fputs(const char *text, FILE *file);
int puts(const char *text);
int printf(const char *format, ...) __printflike(1, 2);
int fprintf(FILE *file, const char *format, ...) __printflike(2, 3);
int snprintf(char *to, size_t size, const char *format, ...) __printflike(3, 4);
int vsnprintf(char *to, size_t size, const char *format, va_list args) __printflike(3, 0);
int sscanf(const char *text, const char *format, ...);
void perror(const char *what);
int rename(const char *from, const char *to);

#endif
