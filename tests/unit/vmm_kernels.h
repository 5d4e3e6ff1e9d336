/* SPDX-License-Identifier: ISC */
/* vmm_kernels.h: the kernels with vmm that unit tests can run on here. */
#ifndef VMM_KERNELS_H
#define VMM_KERNELS_H

/* Why there is none, NULL if there is one; asked without the backend. */
const char *vmm_lacks(void);

/* Ends with NULL: those that the stand-in can be, or VMM_THIS_KERNEL alone. */
extern const char *const vmm_kernels[];
#define VMM_THIS_KERNEL "this"

#endif
