/* SPDX-License-Identifier: ISC */
/* test_guest_block.c: what the bindings make of reads and writes, against a made-up monitor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* The monitor has functions of these names, too. */
#define manifest_find guest_manifest_find
#define manifest_get guest_manifest_get

#include "../../../bindings/block.c"
#include "../../../bindings/read_ahead.c"
#include "emulated.h"

#define MIB (1u << 20)
#define BLOCK 512u
#define DISK 1u
#define OTHER 2u
#define NET 3u

uint64_t inputs_seen;
const struct yield_queues *yield_frames;

void block_queue_init(struct solo5_start_info *info)
{
	(void)info;
}

/* What the monitor has seen; reset for each test. */
static struct {
	uint8_t disk[2][MIB];		/* of the two devices */
	struct mft_entry entries[4];
	bool tells;			/* who writes */
	uint64_t alone;
	solo5_time_t now;
	unsigned calls;
	uint64_t most;			/* bytes of a call */
	solo5_off_t bad;		/* the block at this offset cannot be read; 0: all can */
	bool broken;			/* no write gets further than a half */
	void *taken[3];
	unsigned n_taken;
	size_t heap;
} m;

/* ---- what the rest of the bindings does for them ---- */

const struct mft_entry *manifest_get(solo5_handle_t handle, uint32_t type)
{
	return handle < 4 && m.entries[handle].type == type && type != 0 ? &m.entries[handle] : NULL;
}

const struct mft_entry *manifest_find(const char *name, uint32_t type, solo5_handle_t *handle)
{
	*handle = DISK;
	return strcmp(name, "disk") == 0 ? manifest_get(DISK, type) : NULL;
}

uint8_t *memory_take(struct solo5_start_info *info, size_t size)
{
	if (size > m.heap)
		return NULL;
	info->heap_start += size;
	return m.taken[m.n_taken++] = calloc(1, size);
}

bool features_tell_alone(void)
{
	return m.tells;
}

uint64_t features_block_alone(void)
{
	return m.alone;
}

solo5_time_t solo5_clock_monotonic(void)
{
	return m.now;
}

static int32_t move(enum hvt_hypercall nr, const struct hvt_block *rq)
{
	uint8_t *at = m.disk[rq->handle - 1] + rq->offset;

	assert_true(rq->len <= MIB && rq->offset <= MIB - rq->len);
	if (nr == HVT_HYPERCALL_BLOCK_WRITE) {
		memcpy(at, (const void *)rq->data, m.broken ? rq->len / 2 : rq->len);
		return m.broken ? HVT_EUNSPEC : HVT_OK;
	}
	if (m.bad != 0 && m.bad >= rq->offset && m.bad < rq->offset + rq->len)
		return HVT_EUNSPEC;
	memcpy((void *)rq->data, at, rq->len);
	return HVT_OK;
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	struct hvt_block *rq = arg;

	m.calls++;
	m.most = rq->len > m.most ? rq->len : m.most;
	rq->ret = move(nr, rq);
}

/* ---- a guest with two disks ---- */

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof m);
	m.heap = MIB;
	for (unsigned i = 1; i < 3; i++)
		m.entries[i] = (struct mft_entry){
			.type = MFT_DEV_BLOCK_BASIC, .attached = 1,
			.u.block = {.capacity = MIB, .block_size = BLOCK},
		};
	m.entries[NET] = (struct mft_entry){.type = MFT_DEV_NET_BASIC, .attached = 1};
	for (size_t i = 0; i < 2 * MIB; i++)
		m.disk[i / MIB][i % MIB] = (uint8_t)(i / BLOCK + i);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	while (m.n_taken > 0)
		free(m.taken[--m.n_taken]);
	return 0;
}

enum monitor { STOCK, HUSK_ALONE, HUSK_SHARED };

static void start(enum monitor monitor)
{
	struct solo5_start_info info = {.heap_size = AHEAD_HEAP_MIN - 1};	/* others took some */

	m.tells = monitor != STOCK;
	m.alone = monitor == HUSK_ALONE ? 1u << DISK | 1u << OTHER : 0;
	block_init(&info, AHEAD_HEAP_MIN);
}

static uint8_t buf[MIB];

static void read_right(solo5_handle_t handle, solo5_off_t offset, size_t size)
{
	assert_int_equal(solo5_block_read(handle, offset, buf, size), SOLO5_R_OK);
	assert_memory_equal(buf, m.disk[handle - 1] + offset, size);
}

static void write_it(solo5_off_t offset, size_t size, uint8_t byte)
{
	memset(buf, byte, size);
	assert_int_equal(solo5_block_write(DISK, offset, buf, size), SOLO5_R_OK);
	assert_int_equal(m.disk[0][offset], byte);	/* at once */
	assert_int_equal(m.disk[0][offset + size - 1], byte);
}

/* How many calls it takes to read so many bytes one block after the other. */
static unsigned calls_for(solo5_off_t from, size_t bytes)
{
	const unsigned before = m.calls;

	for (solo5_off_t at = from; at < from + bytes; at += BLOCK)
		read_right(DISK, at, BLOCK);
	return m.calls - before;
}

/* ---- many blocks ---- */

static void many_blocks_are_one_call(void **state)
{
	(void)state;
	start(STOCK);
	read_right(DISK, BLOCK, 1000 * BLOCK);
	write_it(2 * BLOCK, 100 * BLOCK, 7);
	assert_int_equal(m.calls, 2);
	assert_int_equal(m.most, 1000 * BLOCK);
	read_right(DISK, 0, MIB);
}

static void refused(solo5_handle_t handle, solo5_off_t offset, size_t size)
{
	const unsigned before = m.calls;

	assert_int_equal(solo5_block_read(handle, offset, buf, size), SOLO5_R_EINVAL);
	assert_int_equal(solo5_block_write(handle, offset, buf, size), SOLO5_R_EINVAL);
	assert_int_equal(m.calls, before);
}

static void what_is_no_blocks_of_the_device_is_refused(void **state)
{
	(void)state;
	start(STOCK);
	refused(DISK, 0, 0);
	refused(DISK, 0, BLOCK - 1);
	refused(DISK, 0, 3 * BLOCK + 1);
	refused(DISK, 1, BLOCK);
	refused(DISK, MIB, BLOCK);
	refused(DISK, MIB - BLOCK, 2 * BLOCK);
	refused(DISK, 0, (size_t)-(int)BLOCK);
	refused(DISK, (solo5_off_t)-BLOCK, 2 * BLOCK);
	refused(NET, 0, BLOCK);
	refused(0, 0, BLOCK);
	m.entries[DISK].u.block.block_size = 0;
	refused(DISK, 0, BLOCK);
}

static void a_device_is_found_by_its_name(void **state)
{
	struct solo5_block_info info;
	solo5_handle_t handle;

	(void)state;
	assert_int_equal(solo5_block_acquire("disk", &handle, &info), SOLO5_R_OK);
	assert_int_equal(info.capacity, MIB);
	assert_int_equal(info.block_size, BLOCK);
	assert_int_equal(solo5_block_acquire("none", &handle, &info), SOLO5_R_EINVAL);
}

/* ---- reading ahead ---- */

static void a_mib_in_small_blocks_is_16_calls(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	assert_int_equal(calls_for(0, MIB), 16);
}

static void so_it_is_under_monitors_that_say_nothing(void **state)
{
	(void)state;
	start(STOCK);
	assert_int_equal(calls_for(0, MIB), 16);
}

static void not_where_another_may_write(void **state)
{
	(void)state;
	start(HUSK_SHARED);
	assert_int_equal(calls_for(0, 64 * BLOCK), 64);
	assert_int_equal(m.n_taken, 0);
}

static unsigned calls_before;

static void note_calls(void)
{
	calls_before = m.calls + 1;
}

/* Frames that are held back must not wait for the disk, too. */
static void late_frames_go_first(void **state)
{
	static const struct yield_queues frames = {.send_late = note_calls}, none;

	(void)state;
	start(HUSK_SHARED);
	yield_frames = &frames;
	read_right(DISK, 0, BLOCK);
	assert_int_equal(calls_before, 1);
	write_it(0, BLOCK, 5);
	assert_int_equal(calls_before, 2);
	yield_frames = &none;
	write_it(0, BLOCK, 6);
	yield_frames = NULL;
	assert_int_equal(calls_before, 2);
}

static void small_heaps_are_left_alone(void **state)
{
	struct solo5_start_info info = {.heap_size = AHEAD_HEAP_MIN - 1};

	(void)state;
	block_init(&info, AHEAD_HEAP_MIN - 1);
	assert_int_equal(m.n_taken, 0);
	m.heap = 1;
	start(HUSK_ALONE);
	assert_int_equal(m.n_taken, 0);
	assert_int_equal(calls_for(0, 64 * BLOCK), 64);
}

static void single_blocks_here_and_there_bring_nothing_along(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	for (unsigned i = 1; i < 1000; i++)
		read_right(DISK, (i * 977 % (MIB / BLOCK)) * BLOCK, BLOCK);
	assert_int_equal(m.calls, 999);
	assert_int_equal(m.most, BLOCK);
}

/* A stream is not ended by reads elsewhere. */
static void two_streams_at_once(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	for (solo5_off_t at = 0; at < MIB; at += BLOCK) {
		read_right(DISK, at, BLOCK);
		read_right(OTHER, at, BLOCK);
	}
	assert_int_equal(m.calls, 32);
}

/* Pairs of blocks: what is brought along in vain is at most as much as what was wanted. */
static void little_is_read_in_vain(void **state)
{
	uint64_t first, total = 0;

	(void)state;
	start(HUSK_ALONE);
	for (unsigned i = 1; i < 500; i++) {
		solo5_off_t at = (i * 977 % (MIB / BLOCK - 2)) * BLOCK;

		m.most = 0;
		read_right(DISK, at, BLOCK);
		first = m.most;
		read_right(DISK, at + BLOCK, BLOCK);
		total += first + m.most;
	}
	assert_in_range(total, 0, 3u * 500 * BLOCK + AHEAD_BYTES);
}

static void the_end_of_the_disk_is_not_passed(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	assert_int_equal(calls_for(MIB - 10 * BLOCK, 10 * BLOCK), 2);
	assert_int_equal(m.most, 9 * BLOCK);
}

static void a_bad_block_fails_alone(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	m.bad = 40 * BLOCK;
	(void)calls_for(0, 40 * BLOCK);
	assert_int_equal(solo5_block_read(DISK, m.bad, buf, BLOCK), SOLO5_R_EUNSPEC);
	(void)calls_for(41 * BLOCK, MIB / 2);
	assert_in_range(m.calls, 10, 60);
}

static void reads_that_are_large_are_made_as_they_are(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	for (solo5_off_t at = 0; at < MIB; at += AHEAD_BYTES)
		read_right(DISK, at, AHEAD_BYTES);
	assert_int_equal(m.calls, 16);
	assert_int_equal(m.most, AHEAD_BYTES);
}

/* ---- writes ---- */

static void what_is_written_is_read(void **state)
{
	static const solo5_off_t places[] = {0, 3, 4, 5, 6, 60, 127, 128};

	(void)state;
	start(HUSK_ALONE);
	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
		(void)calls_for(0, 5 * BLOCK);
		write_it(places[i] * BLOCK, 2 * BLOCK, (uint8_t)(100 + i));
		(void)calls_for(0, 200 * BLOCK);
	}
}

static void a_write_that_fails_half_way_is_read(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	(void)calls_for(0, 5 * BLOCK);
	m.broken = true;
	memset(buf, 1, 4 * BLOCK);
	assert_int_equal(solo5_block_write(DISK, 6 * BLOCK, buf, 4 * BLOCK), SOLO5_R_EUNSPEC);
	(void)calls_for(0, 200 * BLOCK);
}

static void blocks_changed_in_place_are_read_by_the_64_kib(void **state)
{
	(void)state;
	start(HUSK_ALONE);
	for (solo5_off_t at = 0; at < MIB; at += BLOCK) {
		read_right(DISK, at, BLOCK);
		write_it(at, BLOCK, 9);
	}
	assert_int_equal(m.calls, 16 + MIB / BLOCK);
}

/* Against the disk itself, whatever the order. */
static void any_order_of_reads_and_writes(void **state)
{
	uint32_t seed = 1;

	(void)state;
	start(HUSK_ALONE);
	for (unsigned i = 0; i < (emulated() ? 2000 : 50000); i++) {
		solo5_off_t at;
		size_t size;

		seed = seed * 1664525u + 1013904223u;
		at = seed >> 30 != 0 ? ahead[DISK]->next : (seed >> 8 & 2047) * BLOCK;
		size = (seed >> 20 & 7) == 0 ? (1 + (seed >> 8 & 255)) * BLOCK : BLOCK;
		if (at > MIB - size)
			at = 0;
		if ((seed >> 24 & 3) == 0)
			write_it(at, size, (uint8_t)seed);
		else
			read_right(DISK, at, size);
	}
}

/* ---- where the monitor does not say who writes ---- */

static void host_writes(solo5_off_t offset, uint8_t byte)
{
	memset(m.disk[0] + offset, byte, BLOCK);
}

static void what_the_guest_can_know_of_is_read(void **state)
{
	(void)state;
	start(STOCK);
	(void)calls_for(0, 4 * BLOCK);
	host_writes(4 * BLOCK, 1);
	inputs_seen++;				/* a frame, or the end of a wait */
	read_right(DISK, 4 * BLOCK, BLOCK);
	(void)calls_for(0, 4 * BLOCK);
	host_writes(4 * BLOCK, 2);
	read_right(OTHER, 0, BLOCK);		/* another disk says so */
	read_right(DISK, 4 * BLOCK, BLOCK);
	(void)calls_for(0, 4 * BLOCK);
	host_writes(4 * BLOCK, 3);
	read_right(DISK, 900 * BLOCK, BLOCK);	/* or another block */
	read_right(DISK, 4 * BLOCK, BLOCK);
}

static void a_block_is_given_out_once(void **state)
{
	(void)state;
	start(STOCK);
	for (uint8_t i = 0; i < 10; i++) {
		host_writes(BLOCK, i);
		(void)calls_for(0, 2 * BLOCK);
	}
}

static void what_is_old_is_read_anew(void **state)
{
	(void)state;
	start(STOCK);
	(void)calls_for(0, 4 * BLOCK);
	host_writes(4 * BLOCK, 1);
	m.now += AHEAD_NS;
	read_right(DISK, 4 * BLOCK, BLOCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_blocks_are_one_call),
		TEST(what_is_no_blocks_of_the_device_is_refused),
		TEST(a_device_is_found_by_its_name),
		TEST(a_mib_in_small_blocks_is_16_calls),
		TEST(so_it_is_under_monitors_that_say_nothing),
		TEST(not_where_another_may_write),
		TEST(late_frames_go_first),
		TEST(small_heaps_are_left_alone),
		TEST(single_blocks_here_and_there_bring_nothing_along),
		TEST(two_streams_at_once),
		TEST(little_is_read_in_vain),
		TEST(the_end_of_the_disk_is_not_passed),
		TEST(a_bad_block_fails_alone),
		TEST(reads_that_are_large_are_made_as_they_are),
		TEST(what_is_written_is_read),
		TEST(a_write_that_fails_half_way_is_read),
		TEST(blocks_changed_in_place_are_read_by_the_64_kib),
		TEST(any_order_of_reads_and_writes),
		TEST(what_the_guest_can_know_of_is_read),
		TEST(a_block_is_given_out_once),
		TEST(what_is_old_is_read_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
