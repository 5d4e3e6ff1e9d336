/* SPDX-License-Identifier: ISC */
/*
 * guest_loop.c: makes one raw hypercall again and again, in the machine code that the floor's guest
 * runs too. "hypercall N", "poll N", "idle"; with a block device as handle 1 also "null N",
 * "read SIZE N" and "write SIZE N".
 */
#include "../guests/guest.h"
#include "hvt_abi.h"
#include "loop.h"
#include "solo5.h"

#define BLOCK_HANDLE 1		/* the first after the reserved entry 0 */
#define NO_HANDLE 63
#define DATA_MAX 65536

static unsigned char data[DATA_MAX] __attribute__((aligned(4096)));

/* Zero times is not what the loop is made for, so N = 0 is a usage error. */
static int loop(unsigned nr, const void *arg, unsigned long n)
{
	if (n == 0)
		return SOLO5_EXIT_FAILURE;
	bench_hypercalls(nr, (unsigned long)arg, n);
	return SOLO5_EXIT_SUCCESS;
}

static int poll_loop(unsigned long n)
{
	static struct hvt_poll poll;

	return loop(HVT_HYPERCALL_POLL, &poll, n) || poll.ret != 0;
}

static int walltime_loop(unsigned long n)
{
	static struct hvt_walltime walltime;

	return loop(HVT_HYPERCALL_WALLTIME, &walltime, n) || walltime.nsecs == 0;
}

static int block_loop(unsigned nr, unsigned handle, const char *args)
{
	static struct hvt_block block;
	unsigned long n;

	block = (struct hvt_block){.handle = handle, .data = (unsigned long)data, .ret = -1};
	if (handle == BLOCK_HANDLE)
		block.len = take_number(&args);
	if (block.len > DATA_MAX)
		return SOLO5_EXIT_FAILURE;
	n = take_number(&args);
	return loop(nr, &block, n) || block.ret != (handle == BLOCK_HANDLE ? HVT_OK : HVT_EINVAL);
}

/* Says one byte, by which bench.c knows that the guest is about to sleep. */
static _Noreturn void idle(void)
{
	solo5_handle_set_t ready;

	solo5_console_write("r", 1);
	for (;;)
		solo5_yield(~(solo5_time_t)0, &ready);
}

int solo5_app_main(const struct solo5_start_info *info)
{
	const char *args = info->cmdline;

	if (take_word(&args, "hypercall"))
		return walltime_loop(take_number(&args));
	if (take_word(&args, "poll"))
		return poll_loop(take_number(&args));
	if (take_word(&args, "null"))
		return block_loop(HVT_HYPERCALL_BLOCK_READ, NO_HANDLE, args);
	if (take_word(&args, "read"))
		return block_loop(HVT_HYPERCALL_BLOCK_READ, BLOCK_HANDLE, args);
	if (take_word(&args, "write"))
		return block_loop(HVT_HYPERCALL_BLOCK_WRITE, BLOCK_HANDLE, args);
	if (take_word(&args, "idle"))
		idle();
	return SOLO5_EXIT_FAILURE;
}
