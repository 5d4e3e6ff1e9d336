/* SPDX-License-Identifier: ISC */
/*
 * hostile_requests.c: one chain on the queue of a disk that breaks the rules, named on the command line;
 * what is only refused ends in success.
 */
#include "guest.h"
#include "hypercall.h"

#include "../../include/block_abi.h"
#include "../../include/husk_abi.h"
#include "../../include/virtq_abi.h"

#define HANDLE 1u
#define SIZE 8u

HUSK_IMAGE_WANTS(HUSK_FEATURE_BLOCK);

static struct {
	struct virtq_desc desc[SIZE];
	uint8_t avail[VIRTQ_AVAIL_BYTES(SIZE)] __attribute__((aligned(8)));
	uint8_t used[VIRTQ_USED_BYTES(SIZE)] __attribute__((aligned(8)));
} queue __attribute__((aligned(4096)));

static struct block_header header = {.type = BLOCK_OUT};
static struct block_range range = {.n_sectors = 1};
static uint8_t data[65536], status = 0x77;

static bool announce(void)
{
	static struct husk_queue rq = {.handle = HANDLE, .size = SIZE, .ret = -1};

	rq.desc = (uintptr_t)queue.desc;
	rq.avail = (uintptr_t)queue.avail;
	rq.used = (uintptr_t)queue.used;
	hypercall(HUSK_HYPERCALL_QUEUE, (uintptr_t)&rq);
	return rq.ret == HVT_OK;
}

static void describe(unsigned i, const void *at, uint32_t len, unsigned flags)
{
	queue.desc[i] = (struct virtq_desc){(uintptr_t)at, len, (uint16_t)flags, (uint16_t)(i + 1)};
}

/* A write of one sector: header, data, status. */
static void sound_chain(void)
{
	describe(0, &header, sizeof header, VIRTQ_DESC_NEXT);
	describe(1, data, BLOCK_SECTOR, VIRTQ_DESC_NEXT);
	describe(2, &status, 1, VIRTQ_DESC_WRITE);
}

static void range_chain(void)
{
	describe(0, &header, sizeof header, VIRTQ_DESC_NEXT);
	describe(1, &range, sizeof range, VIRTQ_DESC_NEXT);
}

static void ring(void)
{
	struct virtq_avail *avail = (struct virtq_avail *)(void *)queue.avail;

	avail->idx = 1;
#if defined(__x86_64__)
	__asm__ __volatile__("outl %0, %1" :: "a"(HUSK_QUEUE_NUMBER(HANDLE, 0)),
			     "d"((uint16_t)HUSK_DOORBELL_PIO_BASE) : "memory");
#else
	__asm__ __volatile__("str %w0, [%1]" :: "r"(HUSK_QUEUE_NUMBER(HANDLE, 0)),
			     "r"(HUSK_DOORBELL_MMIO_BASE) : "memory");
#endif
}

/* What is expected of the status; -1: the guest does not see it. */
static int spoil(const char **args)
{
	if (take_word(args, "no-status"))
		queue.desc[1].flags = 0;
	else if (take_word(args, "outside"))
		queue.desc[1].addr = HVT_MEM_MAX;
	else if (take_word(args, "loop"))
		queue.desc[1].next = 0;
	else if (take_word(args, "into-text"))
		header.type = BLOCK_IN, queue.desc[1] = (struct virtq_desc){
			HVT_GUEST_MIN_BASE, BLOCK_SECTOR, VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, 2};
	else if (take_word(args, "none"))
		return BLOCK_OK;
	else if (take_word(args, "type"))
		return header.type = 77, BLOCK_UNSUPP;
	else if (take_word(args, "beyond"))
		return header.sector = UINT64_MAX / BLOCK_SECTOR, BLOCK_IOERR;
	else if (take_word(args, "wrap"))
		return header.sector = (UINT64_C(1) << 55) - 1, BLOCK_IOERR;
	else if (take_word(args, "short"))
		return queue.desc[0].len = 15, BLOCK_IOERR;
	else if (take_word(args, "odd"))
		return queue.desc[1].len = 511, BLOCK_IOERR;
	else if (take_word(args, "discard-wrap"))
		return range_chain(), header.type = BLOCK_DISCARD, range.sector = UINT64_MAX, BLOCK_IOERR;
	else if (take_word(args, "zero-flags"))
		return range_chain(), header.type = BLOCK_WRITE_ZEROES, range.flags = 6, BLOCK_UNSUPP;
	else
		solo5_exit(89);
	return -1;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	int expected;

	sound_chain();
	expected = spoil(&args);
	if (!announce())
		return 2;
	ring();
	return status == expected ? succeed() : 3;
}
