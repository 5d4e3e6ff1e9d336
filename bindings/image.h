/* SPDX-License-Identifier: ISC */
/*
 * image.h: addresses and sizes that solo5_hvt.lds defines; only &symbol has a meaning.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

extern const uint8_t _stext[], _etext[];
extern const uint8_t _erodata[];	/* read-only data begins on the page after _etext */
extern const uint8_t _sdata[];
extern const uint8_t _stdata[];		/* first values of thread-local variables */
extern const uint8_t _end[];		/* of everything, .bss included */

/* Sizes, as the addresses of absolute symbols. */
extern const uint8_t _ltdata[];		/* bytes of first values, */
extern const uint8_t _ltbss[];		/* of what follows, zero at first, */
extern const uint8_t _ltalign[];	/* and the largest alignment among them, 0 if none */

#endif
