/* SPDX-License-Identifier: ISC */
/* main_figures_host.h: a write at the beginning of a file, by a call that the sandbox allows. */
#ifndef HUSK_MAIN_FIGURES_HOST_H
#define HUSK_MAIN_FIGURES_HOST_H

#include <stddef.h>
#include <sys/types.h>

/* As pwrite(2). */
ssize_t figures_host_write(int fd, const void *text, size_t len);

#endif
