/* SPDX-License-Identifier: ISC */
/*
 * hostile_frames.c: the queues of a network device, used against the rules; how is on the command line.
 *
 * The network gives back what is sent. A frame goes out and comes in again, with one thing spoilt that is
 * named; where that only loses the frame, or is told by EINVAL, the guest ends in success.
 */
#include "guest.h"
#include "hypercall.h"

#include "../../include/husk_abi.h"
#include "../../include/net_abi.h"
#include "../../include/virtq_abi.h"

#define HANDLE 1u
#define SIZE 8u
#define FRAME 64u
#define UNTOUCHED 0x77

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

static struct queue {
	struct virtq_desc desc[SIZE];
	uint8_t avail[VIRTQ_AVAIL_BYTES(SIZE)] __attribute__((aligned(8)));
	uint8_t used[VIRTQ_USED_BYTES(SIZE)] __attribute__((aligned(8)));
} queues[NET_QUEUES] __attribute__((aligned(4096)));

static struct husk_queue layouts[NET_QUEUES];
static struct {
	struct net_header header;
	uint8_t frame[FRAME];
} out, in[SIZE / 2][16];		/* one buffer of the device's longest frame, or more */
static uint32_t bell = HUSK_QUEUE_NUMBER(HANDLE, NET_QUEUE_TX);
static bool no_frame, no_queue;		/* what is expected to come of it */

static struct virtq_avail *avail_of(unsigned index)
{
	return (struct virtq_avail *)(void *)queues[index].avail;
}

static void lay_out(unsigned index)
{
	struct queue *q = &queues[index];

	layouts[index] = (struct husk_queue){
		.handle = HANDLE, .index = index, .size = SIZE, .ret = -1, .desc = (uintptr_t)q->desc,
		.avail = (uintptr_t)q->avail, .used = (uintptr_t)q->used,
	};
}

static bool announce(unsigned index)
{
	hypercall(HUSK_HYPERCALL_QUEUE, (uintptr_t)&layouts[index]);
	return layouts[index].ret == HVT_OK;
}

static void make_sound(void)
{
	struct virtq_desc *tx = queues[NET_QUEUE_TX].desc, *rx = queues[NET_QUEUE_RX].desc;

	for (unsigned i = 0; i < NET_QUEUES; i++)
		lay_out(i);
	for (unsigned i = 0; i < FRAME; i++)
		out.frame[i] = (uint8_t)(i * 5);
	memset(in, UNTOUCHED, sizeof in);
	tx[0] = (struct virtq_desc){(uintptr_t)&out.header, sizeof out.header, VIRTQ_DESC_NEXT, 1};
	tx[1] = (struct virtq_desc){(uintptr_t)out.frame, FRAME, 0, 0};
	for (unsigned i = 0; i < 2; i++) {
		rx[i] = (struct virtq_desc){(uintptr_t)in[i], sizeof in[i], VIRTQ_DESC_WRITE, 0};
		avail_of(NET_QUEUE_RX)->ring[i] = (uint16_t)i;
	}
	avail_of(NET_QUEUE_TX)->idx = 1;
	avail_of(NET_QUEUE_RX)->idx = 2;
}

/* ---- what is spoilt ---- */

/* True if the word is one of these. */
static bool spoil_layout(const char **args)
{
	struct husk_queue *q = &layouts[NET_QUEUE_RX];

	if (take_word(args, "size"))
		q->size = (uint32_t)take_number(args), no_frame = q->size == 0;
	else if (take_word(args, "misaligned"))
		q->desc += 8;
	else if (take_word(args, "wraps"))
		q->used = UINT64_MAX - 3;
	else if (take_word(args, "in-text"))
		q->avail = HVT_GUEST_MIN_BASE;
	else if (take_word(args, "on-each-other"))
		q->desc = (uintptr_t)queues[NET_QUEUE_TX].desc;
	else if (take_word(args, "index"))
		q->index = (uint32_t)take_number(args), no_queue = true;
	else if (take_word(args, "handle"))
		q->handle = take_number(args), no_queue = true;
	else if (take_word(args, "bell"))
		bell = (uint32_t)take_number(args);
	else
		return false;
	return true;
}

static bool spoil_chain(const char **args)
{
	struct virtq_desc *tx = queues[NET_QUEUE_TX].desc, *rx = queues[NET_QUEUE_RX].desc;

	if (take_word(args, "outside"))
		tx[1].addr = HVT_MEM_MAX;
	else if (take_word(args, "long"))
		tx[1].len = UINT32_MAX;
	else if (take_word(args, "loop"))
		tx[1] = (struct virtq_desc){(uintptr_t)out.frame, FRAME, VIRTQ_DESC_NEXT, 0};
	else if (take_word(args, "next"))
		tx[0].next = SIZE;
	else if (take_word(args, "head"))
		avail_of(NET_QUEUE_TX)->ring[0] = SIZE;
	else if (take_word(args, "indirect"))
		tx[0].flags |= VIRTQ_DESC_INDIRECT;
	else if (take_word(args, "jump"))
		avail_of(NET_QUEUE_TX)->idx = SIZE + 1;
	else if (take_word(args, "into-text"))
		rx[0].addr = HVT_GUEST_MIN_BASE;
	else if (take_word(args, "into-boot-info"))
		rx[0].addr = HVT_BOOT_INFO_GPA;
	else if (take_word(args, "rx-loop"))
		rx[0].flags |= VIRTQ_DESC_NEXT;
	else
		return false;
	return true;
}

/* The host is to make it, which is granted: from where on, and where it belongs from there. */
static void leave_sum(const char **args)
{
	struct husk_net_offloads arg = {.handle = HANDLE, .wanted = NET_CSUM, .ret = -1};

	hypercall(HUSK_HYPERCALL_NET_OFFLOADS, (uintptr_t)&arg);
	out.header.flags = NET_NEEDS_CSUM;
	out.header.csum_start = (uint16_t)take_number(args);
	out.header.csum_offset = (uint16_t)take_number(args);
}

/* The frame is lost, and nothing else. */
static bool spoil_frame(const char **args)
{
	struct virtq_desc *tx = queues[NET_QUEUE_TX].desc;

	no_frame = true;
	if (take_word(args, "flags"))
		out.header.flags = (uint8_t)take_number(args);
	else if (take_word(args, "gso"))
		out.header.gso_type = (uint8_t)take_number(args);
	else if (take_word(args, "sum"))
		leave_sum(args);
	else if (take_word(args, "header-only"))
		tx[0].flags = 0;
	else if (take_word(args, "half-a-header"))
		tx[0].len = 5, tx[0].flags = 0;
	else if (take_word(args, "short"))
		tx[1].len = 13;
	else if (take_word(args, "too-long"))
		tx[1].len = 70000;
	else if (take_word(args, "writable"))
		tx[1].flags = VIRTQ_DESC_WRITE;
	else if (take_word(args, "no-buffers"))
		avail_of(NET_QUEUE_RX)->idx = 0;
	else if (take_word(args, "small-buffers"))
		queues[NET_QUEUE_RX].desc[0].len = queues[NET_QUEUE_RX].desc[1].len = 63;
	else if (take_word(args, "readable-buffers"))
		queues[NET_QUEUE_RX].desc[0].flags = queues[NET_QUEUE_RX].desc[1].flags = 0;
	else
		no_frame = false;
	return no_frame;
}

/* ---- a frame, out and in ---- */

static void ring(uint32_t number)
{
#if defined(__x86_64__)
	__asm__ __volatile__("outl %0, %1" :: "a"(number), "d"((uint16_t)HUSK_DOORBELL_PIO_BASE) : "memory");
#else
	__asm__ __volatile__("str %w0, [%1]" :: "r"(number), "r"(HUSK_DOORBELL_MMIO_BASE) : "memory");
#endif
}

static bool nothing_has_come(void)
{
	const uint8_t *bytes = (const uint8_t *)in;

	for (size_t i = 0; i < sizeof in; i++)
		if (bytes[i] != UNTOUCHED)
			return false;
	return true;
}

/* Where somebody else than the monitor serves the queues. */
static void wait_for(unsigned times)
{
	struct hvt_poll poll;

	while (times-- > 0) {
		poll = (struct hvt_poll){.timeout_nsecs = 10000000};
		hypercall(HVT_HYPERCALL_POLL, (uintptr_t)&poll);
	}
}

#define TEXT ((const uint8_t *)(uintptr_t)HVT_GUEST_MIN_BASE)
#define TEXT_SIZE 2048u

/* Frames come all the time, first into text and then into a buffer. */
static int text_stays(void)
{
	static uint8_t before[TEXT_SIZE];
	struct virtq_desc *rx = queues[NET_QUEUE_RX].desc;

	memcpy(before, TEXT, TEXT_SIZE);
	rx[0].addr = rx[1].addr = (uintptr_t)TEXT;
	avail_of(NET_QUEUE_TX)->idx = 0;
	if (!announce(NET_QUEUE_RX) || !announce(NET_QUEUE_TX))
		return 2;
	say("READY\n");
	wait_for(100);
	if (memcmp(before, TEXT, TEXT_SIZE) != 0 || !nothing_has_come())
		return 4;
	rx[0].addr = rx[1].addr = (uintptr_t)in[0];
	ring(HUSK_QUEUE_NUMBER(HANDLE, NET_QUEUE_RX));
	for (unsigned i = 0; i < 10 && nothing_has_come(); i++)
		wait_for(100);
	return nothing_has_come() ? 5 : succeed();
}

static bool has_come(void)
{
	const struct net_header *h = &in[0][0].header;

	return h->num_buffers == 1 && h->flags == 0 && h->gso_type == 0 &&
	       memcmp(in[0][0].frame, out.frame, FRAME) == 0;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	unsigned waits = 0;

	make_sound();
	if (take_word(&args, "text-stays"))
		return text_stays();
	if (take_word(&args, "wait"))
		waits = 100;
	if (!take_word(&args, "none") && !spoil_layout(&args) && !spoil_chain(&args) &&
	    !spoil_frame(&args))
		return 97;
	if (!announce(NET_QUEUE_RX))
		return no_queue ? succeed() : 2;
	if (!announce(NET_QUEUE_TX) || announce(NET_QUEUE_TX))
		return 3;
	ring(bell);
	ring(HUSK_QUEUE_NUMBER(HANDLE, NET_QUEUE_RX));
	wait_for(waits);
	return (no_frame ? nothing_has_come() : has_come()) ? succeed() : 4;
}
