/* SPDX-License-Identifier: ISC */
/*
 * debug_disk.c: a guest to be stepped through block requests: waits until a debugger changes value, writes
 * a block and reads it back again and again in a loop of few instructions, and compares.
 */
#include "debug.h"
#include "disk_loop.h"
#include "hvt_abi.h"

#define SIZE 512u

static uint64_t out[SIZE / 8], in[SIZE / 8];

/* Each is at a multiple of its room, so that one bit of an address tells them apart. */
static union {
	struct hvt_block block;
	uint8_t room[DISK_LOOP_ROOM];
} requests[2] __attribute__((aligned(2 * DISK_LOOP_ROOM)));

static bool done(void)
{
	for (unsigned i = 0; i < SIZE / 8; i++)
		if (in[i] != out[i])
			return false;
	return requests[0].block.ret == SOLO5_R_OK && requests[1].block.ret == SOLO5_R_OK;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	struct solo5_block_info info;
	solo5_handle_t disk;

	(void)si;
	if (solo5_block_acquire("storage", &disk, &info) != SOLO5_R_OK)
		return 1;
	for (unsigned i = 0; i < SIZE / 8; i++)
		out[i] = i * UINT64_C(0x0101010101010101);
	for (unsigned i = 0; i < 2; i++)
		requests[i].block = (struct hvt_block){
			.handle = disk, .data = (uintptr_t)(i == 0 ? out : in), .len = SIZE, .ret = 99,
		};
	say_address("value", &value);
	say_address("begin", disk_begin);
	say_address("end", disk_end);
	say("READY\n");
	wait_for_value();
	disk_loop((uint32_t)(uintptr_t)requests);
	say(done() ? "what was written was read\n" : "something else was read\n");
	return 7;
}
