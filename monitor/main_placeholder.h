/* SPDX-License-Identifier: ISC */
/* main_placeholder.h: what stands in for a closed descriptor; one file per host implements it. */
#ifndef HUSK_MAIN_PLACEHOLDER_H
#define HUSK_MAIN_PLACEHOLDER_H

/* The lowest free descriptor, which reads as empty and refuses writes with EBADF; -1 and errno. */
int placeholder_open(void);

#endif
