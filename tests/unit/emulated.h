/* SPDX-License-Identifier: ISC */
/* emulated.h: whether an emulator runs the test, which has less time then. */
#ifndef EMULATED_H
#define EMULATED_H

#include <stdbool.h>

/* What the makefile says of the build, in the environment: it is for another architecture. */
bool emulated(void);

#endif
