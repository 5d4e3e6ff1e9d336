/* SPDX-License-Identifier: ISC */
/* disk.c: block hypercalls without the limits of the API, as many as the command line asks for. */
#include "guest.h"
#include "hypercall.h"

#define BUFFER_SIZE 65536u

static uint8_t buffer[BUFFER_SIZE];
static struct hvt_block request;

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)('A' + at % 23);
}

static int transfer(unsigned nr, uint64_t offset, uint64_t len)
{
	request = (struct hvt_block){
		.handle = 1, .offset = offset, .data = (uintptr_t)buffer, .len = len, .ret = -1,
	};
	hypercall(nr, (uintptr_t)&request);
	return request.ret;
}

static int write_pattern(uint64_t offset, uint64_t len)
{
	for (uint64_t i = 0; i < len && i < BUFFER_SIZE; i++)
		buffer[i] = pattern(offset + i);
	return transfer(HVT_HYPERCALL_BLOCK_WRITE, offset, len);
}

/* 9 if the bytes are not those that write_pattern puts there. */
static int read_pattern(uint64_t offset, uint64_t len)
{
	int ret;

	memset(buffer, 0, len);
	ret = transfer(HVT_HYPERCALL_BLOCK_READ, offset, len);
	for (uint64_t i = 0; i < len && ret == HVT_OK; i++)
		if (buffer[i] != pattern(offset + i))
			ret = 9;
	return ret;
}

/* 0 if the host could not do it, 8 if anything else came back. */
static int fails(unsigned nr, uint64_t offset)
{
	return transfer(nr, offset, 512) == HVT_EUNSPEC ? 0 : 8;
}

static void nap(void)
{
	struct hvt_poll poll = {.timeout_nsecs = 5000000};

	hypercall(HVT_HYPERCALL_POLL, (uintptr_t)&poll);
}

/* Until the host writes a Z at the start of the disk. */
static void wait_for_host(void)
{
	say("WAITING\n");
	do {
		nap();
		buffer[0] = 0;
		(void)transfer(HVT_HYPERCALL_BLOCK_READ, 0, 1);
	} while (buffer[0] != 'Z');
}

/* Reads so many MiB at once behind everything else, and again until somebody ends it. */
static void read_for_ever(const struct solo5_start_info *si, uint64_t mib)
{
	request = (struct hvt_block){
		.handle = 1, .data = (si->heap_start + 4095) & ~4095ull, .len = mib << 20,
	};
	say("WAITING\n");
	for (;;)
		hypercall(HVT_HYPERCALL_BLOCK_READ, (uintptr_t)&request);
}

/* One command and its numbers: the result, or 89. */
static int command(const char **args, const struct solo5_start_info *si)
{
	uint64_t offset;

	if (take_word(args, "write")) {
		offset = take_number(args);
		return write_pattern(offset, take_number(args));
	}
	if (take_word(args, "read")) {
		offset = take_number(args);
		return read_pattern(offset, take_number(args));
	}
	if (take_word(args, "unreadable"))
		return fails(HVT_HYPERCALL_BLOCK_READ, take_number(args));
	if (take_word(args, "unwritable"))
		return fails(HVT_HYPERCALL_BLOCK_WRITE, take_number(args));
	if (take_word(args, "huge"))
		read_for_ever(si, take_number(args));
	if (!take_word(args, "wait"))
		return 89;
	wait_for_host();
	return 0;
}

/* Ends at the first command whose result is not 0, with 10 more than that. */
int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	int ret = 0;

	while (*args != '\0' && ret == 0)
		ret = command(&args, si);
	return ret == 0 ? succeed() : ret + 10;
}
