/*
 * husk_abi.h: which numbers of the Solo5 interface are husk's own, so that its additions and those
 * of later versions of Solo5 do not meet.
 *
 * Solo5 counts hypercalls and device types up from 1. What husk adds has a number in the ranges
 * below, and a name that begins with solo5x_ where Solo5's would begin with solo5_.
 */
#ifndef HUSK_ABI_H
#define HUSK_ABI_H

#include "hvt_abi.h"
#include "mft_abi.h"
#include "ring_abi.h"

/* Hypercalls; on x86_64 they end below the ring's doorbell. */
#define HUSK_HYPERCALL_FIRST 64u
#define HUSK_HYPERCALL_LAST 255u

/*
 * Device types. Below MFT_RESERVED_FIRST, because a monitor that does not know a type refuses the
 * image there, and above does not look.
 */
#define HUSK_DEVICE_FIRST 0x10000u
#define HUSK_DEVICE_LAST (MFT_RESERVED_FIRST - 1u)

HVT_LAYOUT(HVT_HYPERCALL_PIO_BASE + HUSK_HYPERCALL_LAST < HVT_RING_KICK_PIO_BASE);
HVT_LAYOUT((unsigned)MFT_DEV_NET_BASIC < HUSK_DEVICE_FIRST);

#endif
