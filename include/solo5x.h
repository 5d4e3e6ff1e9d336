/* SPDX-License-Identifier: ISC */
/*
 * solo5x.h: what husk offers a unikernel beyond solo5.h.
 *
 * The functions are in husk's bindings, so that an image with them starts under any monitor for
 * Solo5's hvt; there they find nothing, and say so. Self-contained C99; also valid C++.
 */
#ifndef SOLO5X_H
#define SOLO5X_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOLO5X_FEATURE_VSOCK 1u		/* vsock.h */
#define SOLO5X_FEATURE_BLOCK 2u		/* the monitor says who writes to a disk */

/*
 * The set of features that the monitor has granted: those that the image wants, that were
 * configured, and that are possible. An image wants what its devices need; 0 under monitors that
 * have no such thing.
 */
uint32_t solo5x_features(void);

#ifdef __cplusplus
}
#endif

#endif
