/* SPDX-License-Identifier: ISC */
/*
 * husk_abi.h: what husk offers a guest beyond the Solo5 interface: the numbers that are its own, the
 * note by which an image asks for additions, the answer in the boot information, queues and their
 * doorbells.
 *
 * Solo5 counts hypercalls and device types up from 1. What husk adds has a number in the ranges
 * below, and a name that begins with solo5x_ where Solo5's would begin with solo5_.
 *
 * An image that only wants additions boots on any monitor for Solo5's hvt, which ignores the note;
 * there, and where this monitor has nothing of what is wanted, HUSK_HOST_FEATURE is not set and
 * the rest does not exist. An image that declares a device of a type below is refused by a monitor
 * that does not know the type.
 *
 * Freestanding: serves guests and monitors, in C11 and C++. Integers are little-endian. Layouts
 * are frozen; what is added comes behind, and sizes say how much there is.
 */
#ifndef HUSK_ABI_H
#define HUSK_ABI_H

#include "hvt_abi.h"
#include "mft_abi.h"
#include "ring_abi.h"

/* ---- numbers ---- */

/* Hypercalls; on x86_64 the four ports of the last one end below the ring's doorbell. */
#define HUSK_HYPERCALL_FIRST 64u
#define HUSK_HYPERCALL_LAST 252u

/*
 * Device types. Below MFT_RESERVED_FIRST, because a monitor that does not know a type refuses the
 * image there, and above does not look.
 */
#define HUSK_DEVICE_FIRST 0x10000u
#define HUSK_DEVICE_LAST (MFT_RESERVED_FIRST - 1u)

HVT_LAYOUT(HVT_HYPERCALL_PIO_BASE + HUSK_HYPERCALL_LAST + 3 < HVT_RING_KICK_PIO_BASE);
HVT_LAYOUT((unsigned)MFT_DEV_NET_BASIC < HUSK_DEVICE_FIRST);

/* ---- the image's note ---- */

#define HUSK_NOTE_OWNER "Husk"		/* n_namesz 5, padded to 8 bytes in the file */
#define HUSK_NOTE_TYPE 1u		/* n_type */
#define HUSK_NOTE_VERSION 1u

struct husk_note {			/* payload */
	uint32_t version;		/* HUSK_NOTE_VERSION */
	uint32_t wanted;		/* set of enum husk_feature; unknown ones are not granted */
};
HVT_LAYOUT(sizeof(struct husk_note) == 8);

/*
 * Granted is what is wanted, configured, and possible where the monitor runs. An image that declares
 * a device below asks for its feature too.
 */
enum husk_feature {
	HUSK_FEATURE_VSOCK = 1,		/* devices of HUSK_DEV_VSOCK: HUSK_HYPERCALL_QUEUE for them */
	HUSK_FEATURE_BLOCK = 2,		/* devices of MFT_DEV_BLOCK_BASIC: the same (block_abi.h), and */
					/* block_alone */
	HUSK_FEATURE_NET = 4,		/* devices of MFT_DEV_NET_BASIC: the same (net_abi.h), and no */
					/* ring */
	/*
	 * Granted also if not wanted, where a program runs the guest by a clock of its own: time is what
	 * HUSK_HYPERCALL_CLOCK says, and the processor's counter has nothing to do with it.
	 */
	HUSK_FEATURE_CLOCK = 16
};

/* The note as it lies in the file: ELF gABI, chapter 5, "Note Section". */
struct husk_image_note {
	uint32_t namesz, descsz, type;
	char name[8];
	struct husk_note note;
};
HVT_LAYOUT(sizeof(struct husk_image_note) == 28);

#define HUSK_NOTE_SECTION ".note.husk"

/* Once in an image, at file scope: HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK); */
#define HUSK_IMAGE_WANTS(features) \
	extern const struct husk_image_note husk_image_note; \
	const struct husk_image_note husk_image_note \
	__attribute__((used, section(HUSK_NOTE_SECTION), aligned(4))) = { \
		sizeof HUSK_NOTE_OWNER, sizeof(struct husk_note), HUSK_NOTE_TYPE, \
		HUSK_NOTE_OWNER, { HUSK_NOTE_VERSION, (features) } \
	}

/* ---- the answer ---- */

/*
 * The bit is set if something was granted; only then is the structure there. A guest takes from it
 * what lies below size and asks for nothing that is not granted.
 */
#define HUSK_HOST_FEATURE 0x80000000u	/* in hvt_boot_info.host_features */
#define HUSK_BOOT_INFO_OFFSET 256u	/* from the boot info's gpa */
#define HUSK_BOOT_INFO_MAGIC 0x6b737548u	/* "Husk" */
#define HUSK_BOOT_INFO_VERSION 1u

struct husk_boot_info {
	uint32_t magic;			/* HUSK_BOOT_INFO_MAGIC */
	uint32_t version;		/* HUSK_BOOT_INFO_VERSION */
	uint32_t size;			/* bytes of this structure that the monitor has written */
	uint32_t granted;		/* set of enum husk_feature */
	uint32_t queue_size_max;	/* entries of a queue */
	uint32_t reserved;
	uint64_t block_alone;		/* set of handles: disks to which only this guest writes; */
					/* with HUSK_FEATURE_BLOCK, otherwise 0 */
	uint64_t net_direct;		/* set of handles: network devices whose doorbells are no exits */
					/* (net_abi.h); with HUSK_FEATURE_NET, otherwise 0 */
};
#define HUSK_BOOT_INFO_SIZE_1 24u	/* what every version has of it */
HVT_LAYOUT(sizeof(struct husk_boot_info) == 40);
HVT_LAYOUT(offsetof(struct husk_boot_info, block_alone) == HUSK_BOOT_INFO_SIZE_1);
HVT_LAYOUT(offsetof(struct husk_boot_info, net_direct) == 32);
HVT_LAYOUT(offsetof(struct husk_boot_info, granted) == 12);

/* ---- hypercalls ---- */

enum husk_hypercall {
	HUSK_HYPERCALL_QUEUE = HUSK_HYPERCALL_FIRST,	/* struct husk_queue */
	HUSK_HYPERCALL_CLOCK,		/* struct husk_clock_read */
	HUSK_HYPERCALL_NET_OFFLOADS,	/* struct husk_net_offloads */
	HUSK_HYPERCALL_MAX		/* exclusive */
};

/*
 * Announces one virtqueue (virtq_abi.h) of a device. It begins at index 0, and what avail holds
 * already is served without a doorbell. Queues may be announced in any order, each once; a device
 * works with those that it has.
 *
 * With size 0 it takes all queues of the device back: connections are closed, the device is as at
 * the start, and the queues and their buffers are the guest's alone when the call returns.
 *
 * The size must be a power of two up to queue_size_max. The parts must be aligned (virtq_abi.h), lie
 * apart from each other and from every other queue, in memory that the guest may write and that is
 * not the network ring's. Anything else ends the guest.
 */
struct husk_queue {
	uint64_t handle;		/* IN: index in the manifest */
	uint32_t index;			/* IN: which of the device's queues; any if size is 0 */
	uint32_t size;			/* IN: entries, a power of two */
	uint64_t desc;			/* IN: gpas of its parts */
	uint64_t avail;
	uint64_t used;
	int32_t ret;			/* OUT: HVT_OK, or HVT_EINVAL: no such queue, or announced, */
					/* or the device's feature was not granted */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct husk_queue) == 48);
HVT_LAYOUT(offsetof(struct husk_queue, ret) == 40);

/* Monotonic time, from anywhere, where HUSK_FEATURE_CLOCK was granted. */
struct husk_clock_read {
	uint64_t nsecs;			/* OUT */
};
HVT_LAYOUT(sizeof(struct husk_clock_read) == 8);

/*
 * What is left to the host of checksums and segments of a network device's frames (net_abi.h), from now
 * until it is asked again or the queues are taken back. Without any, frames are whole and have their
 * checksums. A bit is granted if it is wanted, possible, and what it needs is granted too.
 *
 * Frames by NET_READ and NET_WRITE have no header: of those that come, the ones that are too long are
 * dropped, and the others have their checksums.
 */
struct husk_net_offloads {
	uint64_t handle;		/* IN: index in the manifest */
	uint64_t wanted;		/* IN: set of enum net_offload; unknown ones are not granted */
	uint64_t granted;		/* OUT */
	int32_t ret;			/* OUT: HVT_OK, or HVT_EINVAL: no such device, a queue of it is */
					/* announced, or HUSK_FEATURE_NET was not granted */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct husk_net_offloads) == 32);
HVT_LAYOUT(offsetof(struct husk_net_offloads, ret) == 24);

/* ---- doorbells and calls ---- */

/*
 * A 32-bit store of a queue's number says that something was submitted: on x86_64 to the port, on
 * aarch64, aligned, to the address. It is needed only when avail_event asks for it (virtq_abi.h), is
 * ignored for a queue that is not announced, and ends the guest with the number of no queue.
 *
 * There are no interrupts. When a queue's used_event asks for it, the bit 1 << handle of POLL's
 * ready set is set, once for any number of completions, and cleared by the POLL that reports it. It
 * may be set without anything new. A guest that waits sets used_event of all its queues, looks at
 * their used.idx again after a full barrier, and then calls POLL.
 */
#define HUSK_DOORBELL_PIO_BASE 0x700u
#define HUSK_DOORBELL_MMIO_BASE (HVT_HYPERCALL_MMIO_BASE + 0x1000u)
HVT_LAYOUT(HUSK_DOORBELL_PIO_BASE > HVT_RING_KICK_PIO_BASE);
#define HUSK_QUEUES_MAX 16u		/* of one device */
#define HUSK_QUEUE_NUMBER(handle, index) ((uint32_t)(handle) * HUSK_QUEUES_MAX + (index))

/* ---- devices ---- */

#define HUSK_DEV_VSOCK 0x0056534bu	/* mft_entry.type; queues and packets: vsock_abi.h */

struct husk_vsock_properties {		/* mft_entry.u of the guest's copy */
	uint64_t guest_cid;		/* its own, 3 to 0xfffffffe */
	uint8_t pad[8];
};
HVT_LAYOUT(sizeof(struct husk_vsock_properties) == 16);
HVT_LAYOUT(HUSK_DEV_VSOCK >= HUSK_DEVICE_FIRST && HUSK_DEV_VSOCK <= HUSK_DEVICE_LAST);

#endif
