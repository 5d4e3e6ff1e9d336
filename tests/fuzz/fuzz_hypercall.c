/* SPDX-License-Identifier: ISC */
/*
 * fuzz_hypercall.c: what a guest can do to the hypercalls, in records of four bytes: what, where,
 * which, value. w: word number which behind numbers[where] becomes numbers[value]. i and o: value
 * items of which bytes each into and out of the window, where bytes from its start. All else:
 * hypercall what, its structure which bytes behind numbers[where]. Counted from '0', so that text
 * makes seeds. All of it is traced.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/rig.h"

extern const struct module module_trace;

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define MEMORY 0x4000u
#define RODATA 0x2000u		/* this page and page 0 are read-only */
#define DISK 0x1000u		/* bytes on it */

static const uint64_t numbers[] = {
	0, 1, 2, 3, 5, 16, 40, 63, 64, 511, 512, 513, DISK - 1, DISK, DISK + 1, 0x1800, 0x1804,
	RODATA - 512, RODATA - 511, RODATA - 40, RODATA - 36, RODATA - 32, RODATA - 16, RODATA,
	RODATA + 0xfdc, RODATA + 0xff0, RODATA + 0xff8, RODATA + 0xfff, RODATA + 0x1000,
	MEMORY - 512, MEMORY - 511, MEMORY - 40, MEMORY - 39, MEMORY - 24, MEMORY - 16, MEMORY - 8,
	MEMORY - 7, MEMORY - 1, MEMORY, MEMORY + 1, UINT32_MAX, 1ull << 32, (1ull << 32) + 1,
	1ull << 63, (1ull << 63) - 1, UINT64_MAX - 511, UINT64_MAX - 1, UINT64_MAX,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number(uint8_t n)
{
	return numbers[(uint8_t)(n - '0') % (sizeof numbers / sizeof numbers[0])];
}

/* Two disks, the second read-only, and with bit 5 what is always ready, so that poll returns. */
static void make(struct rig *r)
{
	static char words[2][32];
	int disk;

	CHECK(rig_make(r, MEMORY) == 0);
	for (int i = 0; i < 2; i++) {
		disk = memfd_create("disk", MFD_CLOEXEC);
		CHECK(disk != -1 && ftruncate(disk, DISK) == 0);
		rig_device(r, i == 0 ? "a" : "b", MFT_DEV_BLOCK_BASIC);
		snprintf(words[i], sizeof words[i], "--block%s=@%d", i == 0 ? ":a" : "-ro:b", disk);
		CHECK(rig_option(r, &module_block, words[i]) == 0);
	}
	r->core.console_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CHECK(rig_option(r, &module_trace, "--trace=/dev/null") == 0);
	CHECK(rig_attach(r, &module_core) == 0 && rig_attach(r, &module_block) == 0 &&
	      rig_attach(r, &module_trace) == 0);
	CHECK(rig_add_device(r, disk, 5) == 0);
	CHECK(memory_declare(&r->core.memory, 0, 0xfff, MEMORY_R, "low", &r->e) == 0);
	CHECK(memory_declare(&r->core.memory, RODATA, RODATA + 0xfff, MEMORY_R, "text",
			     &r->e) == 0);
}

static int block_result(const struct hvt_block *rq, unsigned nr)
{
	if (rq->handle < 1 || rq->handle > 2 || rq->offset >= DISK || rq->len > DISK - rq->offset)
		return HVT_EINVAL;
	return nr == HVT_HYPERCALL_BLOCK_WRITE && rq->handle == 2 ? HVT_EUNSPEC : HVT_OK;
}

static void call(struct rig *r, unsigned nr, uint32_t arg)
{
	bool block = (nr == HVT_HYPERCALL_BLOCK_READ || nr == HVT_HYPERCALL_BLOCK_WRITE) &&
		     arg <= MEMORY - sizeof(struct hvt_block);
	struct hvt_block before, after;
	enum rig_end end;

	if (block)
		memcpy(&before, rig_at(r, arg), sizeof before);
	end = rig_call(r, nr, arg);
	CHECK(end != RIG_STOPPED && (end != RIG_HALTED || nr == HVT_HYPERCALL_HALT));
	CHECK(end != RIG_FAILED || (r->e.kind == HUSK_E_GUEST && r->e.message[0] != '\0'));
	if (!block)
		return;
	memcpy(&after, rig_at(r, arg), sizeof after);
	CHECK(end != RIG_RESUMED || after.ret == block_result(&before, nr));
	CHECK(end != RIG_RESUMED || after.ret != HVT_OK || before.data <= MEMORY - before.len);
	/* Where the data lies is looked at only if the request is good. */
	CHECK(end != RIG_FAILED || strncmp(r->e.message, "block device", 12) != 0 ||
	      block_result(&before, nr) != HVT_EINVAL);
}

static void perform(struct rig *r, const uint8_t *op)
{
	uint64_t at = number(op[1]), value = number(op[3]);
	uint8_t which = (uint8_t)(op[2] - '0');
	const struct bus_access a = {
		.addr = cpu_hypercall_window.base + (uint8_t)(op[1] - '0'), .width = which,
		.count = (uint8_t)(op[3] - '0'), .write = op[0] == 'o', .data = rig_at(r, 0x1000),
	};

	if (op[0] == 'w') {
		if (at <= MEMORY - 40)
			memcpy((uint8_t *)rig_at(r, at) + which % 5 * 8, &value, sizeof value);
	} else if (op[0] == 'i' || op[0] == 'o') {
		hv_fake_access(r->core.hv, &a, cpu_hypercall_window.kind);
		(void)rig_run(r);
	} else {
		call(r, (uint8_t)(op[0] - '0'), (uint32_t)at + which);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t before[MEMORY];
	static struct rig r;

	if (r.core.ops == NULL)
		make(&r);
	memset(rig_at(&r, 0), 0, MEMORY);
	memset(rig_at(&r, 0), 0xa5, 0x1000);
	memset(rig_at(&r, RODATA), 0xa5, 0x1000);
	for (; size >= 4; data += 4, size -= 4) {
		memcpy(before, rig_at(&r, 0), MEMORY);
		perform(&r, data);
		if (data[0] == 'w')
			continue;
		CHECK(memcmp(before, rig_at(&r, 0), 0x1000) == 0);
		CHECK(memcmp(before + RODATA, rig_at(&r, RODATA), 0x1000) == 0);
	}
	return 0;
}
