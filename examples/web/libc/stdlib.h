/* SPDX-License-Identifier: ISC */
/* stdlib.h: lwIP includes it for one function, which is not called here. */
#ifndef STDLIB_H
#define STDLIB_H

int atoi(const char *text);

#endif
