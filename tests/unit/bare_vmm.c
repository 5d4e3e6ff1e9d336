/* SPDX-License-Identifier: ISC */
/* bare_vmm.c: whether there is anything for the vmm backend to make machines with. */
#include "bare.h"

#include "vmm_kernels.h"

const char *bare_lacks(void)
{
	return vmm_lacks();
}
