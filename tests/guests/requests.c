/* SPDX-License-Identifier: ISC */
/*
 * requests.c: many requests to a disk's first 64 KiB at a time, against a copy of these in memory; and on
 * request single calls: "flush", "discard AT SIZE", "zeroes AT SIZE", "write AT SIZE" (of the letter W), "denied",
 * "stay" for ever; "scatter" writes, and "gather" reads, what lies apart, as many pieces as at a time. A
 * last word "plain" says that the monitor has no queues.
 */
#include "guest.h"
#include "solo5x.h"

#define DISK_MAX 65536u
#define ROUNDS 20u
#define DEPTH 32u
#define PIECE 4096u		/* the most for one request */
#define APART 65536u		/* between two pieces that are scattered */

static solo5_handle_t disk;
static struct solo5_block_info info;
static uint8_t copy[DISK_MAX], buffers[DEPTH][PIECE];
static struct solo5x_block_request requests[DEPTH];
static bool wanted[DEPTH];	/* a read of what nothing else changes: it must be as copy */
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static bool equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	while (n > 0 && *a == *b)
		a++, b++, n--;
	return n == 0;
}

/* Request i is of its own part of the disk, as there is no order. */
static void make(unsigned i, bool has_queues)
{
	struct solo5x_block_request *r = &requests[i];
	const uint64_t share = DISK_MAX / DEPTH, blocks = share / info.block_size;
	const uint64_t first = any((uint32_t)blocks), n = 1 + any((uint32_t)(blocks - first));

	*r = (struct solo5x_block_request){
		.kind = (enum solo5x_block_kind)any(has_queues ? 5 : 2), .buf = buffers[i], .tag = i,
		.offset = i * share + first * info.block_size, .size = n * info.block_size,
	};
	if (r->kind == SOLO5X_BLOCK_DISCARD)
		r->kind = SOLO5X_BLOCK_WRITE;	/* what is there afterwards is not known */
	if (r->kind == SOLO5X_BLOCK_WRITE) {
		memset(r->buf, (int)any(256), r->size);
		memcpy(copy + r->offset, r->buf, r->size);
	} else if (r->kind == SOLO5X_BLOCK_WRITE_ZEROES) {
		memset(copy + r->offset, 0, r->size);
	}
	wanted[i] = r->kind == SOLO5X_BLOCK_READ;
}

static int reap(unsigned n)
{
	struct solo5x_block_end end;

	for (; n > 0; n--) {
		if (!solo5x_block_wait(disk) || solo5x_block_reap(disk, &end, 1) != 1)
			return 3;
		if (end.tag >= DEPTH || end.result != SOLO5_R_OK)
			return 4;
		const struct solo5x_block_request *r = &requests[end.tag];

		if (wanted[end.tag] && !equal(r->buf, copy + r->offset, r->size))
			return 5;
	}
	return solo5x_block_wait(disk) ? 6 : 0;
}

static int work(bool has_queues)
{
	int rc = 0;

	if (info.capacity < DISK_MAX || solo5x_block_depth(disk) < DEPTH ||
	    solo5_block_read(disk, 0, copy, DISK_MAX) != SOLO5_R_OK)
		return 2;
	for (unsigned round = 0; round < ROUNDS && rc == 0; round++) {
		for (unsigned i = 0; i < DEPTH; i++)
			make(i, has_queues);
		if (solo5x_block_submit(disk, requests, DEPTH) != DEPTH)
			return 7;
		rc = reap(DEPTH);
	}
	for (solo5_off_t at = 0; at < DISK_MAX && rc == 0; at += info.block_size)
		if (solo5_block_read(disk, at, buffers[0], info.block_size) != SOLO5_R_OK ||
		    !equal(buffers[0], copy + at, info.block_size))
			rc = 8;
	return rc;
}

/* Pieces of one letter each, in no order; the first is not where a monitor tries a disk. */
static int apart(enum solo5x_block_kind kind)
{
	int rc;

	if (info.capacity < DEPTH * APART || solo5x_block_depth(disk) < DEPTH)
		return 2;
	for (unsigned i = 0; i < DEPTH; i++) {
		requests[i] = (struct solo5x_block_request){
			.kind = kind, .buf = buffers[i], .tag = i, .size = PIECE,
			.offset = (7 * i + DEPTH / 2) % DEPTH * APART,
		};
		wanted[i] = false;
		memset(buffers[i], kind == SOLO5X_BLOCK_WRITE ? 'A' + (int)i : 0, PIECE);
	}
	if (solo5x_block_submit(disk, requests, DEPTH) != DEPTH)
		return 7;
	rc = reap(DEPTH);
	for (unsigned i = 0; i < DEPTH && rc == 0; i++) {
		memset(copy, 'A' + (int)i, PIECE);
		rc = equal(buffers[i], copy, PIECE) ? 0 : 5;
	}
	return rc;
}

/* A disk that is attached read-only. */
static int denied(void)
{
	struct solo5x_block_request r = {
		.kind = SOLO5X_BLOCK_WRITE, .buf = buffers[0], .size = info.block_size,
	};
	struct solo5x_block_end end;

	if (solo5x_block_submit(disk, &r, 1) != 1 || !solo5x_block_wait(disk) ||
	    solo5x_block_reap(disk, &end, 1) != 1 || end.result != SOLO5_R_EUNSPEC)
		return 20;
	return solo5x_block_discard(disk, 0, info.block_size) == SOLO5_R_EUNSPEC &&
	       solo5x_block_write_zeroes(disk, 0, info.block_size) == SOLO5_R_EUNSPEC &&
	       solo5x_block_flush(disk) == SOLO5_R_OK ? 0 : 21;
}

static int write_letters(solo5_off_t at, size_t size)
{
	struct solo5x_block_request r = {.kind = SOLO5X_BLOCK_WRITE, .buf = copy, .offset = at, .size = size};
	struct solo5x_block_end end;

	memset(copy, 'W', size);
	return solo5x_block_submit(disk, &r, 1) == 1 && solo5x_block_wait(disk) &&
	       solo5x_block_reap(disk, &end, 1) == 1 && end.result == SOLO5_R_OK ? 0 : 23;
}

static _Noreturn void stay(void)
{
	say("WAITING\n");
	for (;;)
		(void)solo5_yield(solo5_clock_monotonic() + 1000000000, NULL);
}

static int command(const char **args)
{
	solo5_off_t at;

	if (take_word(args, "work"))
		return work(true);
	if (take_word(args, "plain"))
		return solo5x_block_flush(disk) == SOLO5_R_EUNSPEC ? work(false) : 22;
	if (take_word(args, "scatter"))
		return apart(SOLO5X_BLOCK_WRITE);
	if (take_word(args, "gather"))
		return apart(SOLO5X_BLOCK_READ);
	if (take_word(args, "denied"))
		return denied();
	if (take_word(args, "flush"))
		return (int)solo5x_block_flush(disk);
	if (take_word(args, "stay"))
		stay();
	if (take_word(args, "write")) {
		at = take_number(args);
		return write_letters(at, take_number(args));
	}
	if (take_word(args, "discard")) {
		at = take_number(args);
		return (int)solo5x_block_discard(disk, at, take_number(args));
	}
	if (take_word(args, "zeroes")) {
		at = take_number(args);
		return (int)solo5x_block_write_zeroes(disk, at, take_number(args));
	}
	return 89;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	int rc = 0;

	if (solo5_block_acquire("storage", &disk, &info) != SOLO5_R_OK)
		return 1;
	while (*args != '\0' && rc == 0)
		rc = command(&args);
	return rc == 0 ? succeed() : rc + 10;
}
