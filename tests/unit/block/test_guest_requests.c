/* SPDX-License-Identifier: ISC */
/* test_guest_requests.c: several requests at a time (include/solo5x.h), against a made-up monitor. */
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
#define memory_init guest_memory_init

#include "../../../bindings/block.c"
#include "../../../bindings/block_queue.c"
#include "../../../bindings/read_ahead.c"

#undef manifest_find
#undef manifest_get
#undef memory_init

#include "../../../monitor/block/request.h"
#include "../../../monitor/iov.h"
#include "../../../monitor/virtqueue.h"
#include "emulated.h"

#define CAPACITY 0x80000u
#define BLOCK 512u
#define DISK 1u
#define ARENA (1u << 20)

uint64_t inputs_seen;
const struct yield_queues *yield_frames;
solo5_handle_set_t yield_ignored;

static uint8_t arena[ARENA] __attribute__((aligned(4096)));
static uint8_t *const buf = arena + ARENA / 2;

/* What the monitor is like, and what it has seen; reset for each test. */
static struct {
	uint8_t disk[CAPACITY];
	struct mft_entry entries[2];
	bool granted;
	uint32_t queue_size_max;
	bool refuses;			/* the queue */
	bool late;			/* it serves requests while the guest waits, */
	bool backwards;			/* the last first */
	bool gone_mad;			/* it gives back what it was not given */
	enum block_status status;	/* of each request */
	unsigned hypercalls, bells, polls, calls, served, flushes;
	size_t taken, heap;
	struct memory memory;
	struct virtqueue q;
} m;

/* ---- what the rest of the bindings does ---- */

const struct mft_entry *guest_manifest_get(solo5_handle_t handle, uint32_t type)
{
	return handle < 2 && m.entries[handle].type == type && type != 0 ? &m.entries[handle] : NULL;
}

const struct mft_entry *guest_manifest_find(const char *name, uint32_t type, solo5_handle_t *handle)
{
	(void)name, (void)type, (void)handle;
	return NULL;
}

uint8_t *memory_take(struct solo5_start_info *info, size_t size)
{
	uint8_t *at = arena + m.taken;

	(void)info;
	if (size > m.heap)
		return NULL;
	m.taken += (size + 4095) & ~4095ul;
	return at;
}

uint32_t solo5x_features(void)
{
	return m.granted ? HUSK_FEATURE_BLOCK : 0;
}

bool features_tell_alone(void)
{
	return m.granted;
}

uint64_t features_block_alone(void)
{
	return m.granted ? 1u << DISK : 0;
}

uint32_t features_queue_size_max(void)
{
	return m.granted ? m.queue_size_max : 0;
}

solo5_time_t solo5_clock_monotonic(void)
{
	return 0;
}

uint64_t queue_gpa(const void *memory)
{
	return (uint64_t)((const uint8_t *)memory - arena);
}

/* ---- the monitor ---- */

bool queue_announce(solo5_handle_t handle, uint32_t index, const struct virtq *q)
{
	const struct virtqueue_layout at = {
		queue_gpa(q->desc), queue_gpa(q->avail), queue_gpa(q->used), q->size,
	};
	struct husk_error e;

	assert_int_equal(handle, DISK);
	assert_int_equal(index, 0);
	if (m.refuses)
		return false;
	memory_init(&m.memory, arena, ARENA);
	assert_int_equal(virtqueue_init(&m.q, "queue", &m.memory, &at, &e), 0);
	(void)virtqueue_arm(&m.q);
	return true;
}

static void carry_out(const struct block_request *r)
{
	uint8_t *at = m.disk + r->offset;

	if (r->type == BLOCK_IN)
		(void)iov_scatter(r->data, r->n, 0, at, r->len);
	else if (r->type == BLOCK_OUT)
		(void)iov_gather(r->data, r->n, 0, at, r->len);
	else if (r->type == BLOCK_WRITE_ZEROES)
		memset(at, 0, r->len);
	else if (r->type == BLOCK_DISCARD)
		memset(at, 0xdd, r->len);
	else
		m.flushes++;
}

static void serve(void)
{
	static struct iovec spans[VIRTQ_SIZE_MAX], data[VIRTQ_SIZE_MAX];
	const struct block_limits limits = {CAPACITY, false};
	struct virtqueue_chain chains[VIRTQ_SIZE_MAX];
	struct block_request r;
	struct husk_error e;
	int n = virtqueue_pop(&m.q, chains, VIRTQ_SIZE_MAX, spans, VIRTQ_SIZE_MAX, &e);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		const struct virtqueue_chain *c = &chains[m.backwards ? n - 1 - i : i];

		assert_int_equal(block_request_parse(&r, c, &limits, data, "queue", &e), 0);
		assert_int_equal(r.status, BLOCK_OK);
		r.status = m.status;
		if (r.status == BLOCK_OK)
			carry_out(&r);
		virtqueue_push(&m.q, m.gone_mad ? 77 : c->head, block_request_finish(&r));
		m.served++;
	}
	m.calls += virtqueue_publish(&m.q);
	(void)virtqueue_arm(&m.q);
}

void queue_submit(solo5_handle_t handle, uint32_t index, struct virtq *q)
{
	(void)handle, (void)index;
	if (q->submitted == q->added || !virtq_submit(q))
		return;
	m.bells++;
	if (!m.late)
		serve();
}

static int32_t transfer_now(enum hvt_hypercall nr, const struct hvt_block *rq)
{
	uint8_t *at = m.disk + rq->offset;

	if (nr == HVT_HYPERCALL_BLOCK_WRITE)
		memcpy(at, (const void *)rq->data, rq->len);
	else
		memcpy((void *)rq->data, at, rq->len);
	return HVT_OK;
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	if (nr == HVT_HYPERCALL_POLL) {
		m.polls++;
		serve();
		return;
	}
	m.hypercalls++;
	((struct hvt_block *)arg)->ret = transfer_now(nr, arg);
}

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof m);
	memset(arena, 0, sizeof arena);
	m.heap = ARENA;
	m.granted = true;
	m.queue_size_max = 256;
	m.entries[DISK] = (struct mft_entry){
		.type = MFT_DEV_BLOCK_BASIC, .attached = 1,
		.u.block = {.capacity = CAPACITY, .block_size = BLOCK},
	};
	for (size_t i = 0; i < CAPACITY; i++)
		m.disk[i] = (uint8_t)(i / BLOCK + i);
	return 0;
}

static void start(void)
{
	struct solo5_start_info info = {.heap_size = AHEAD_HEAP_MIN};

	block_init(&info, AHEAD_HEAP_MIN);
}

/* ---- requests ---- */

static struct solo5x_block_request request(enum solo5x_block_kind kind, unsigned block, unsigned i)
{
	return (struct solo5x_block_request){
		.kind = kind, .offset = block * BLOCK, .buf = buf + i * BLOCK, .size = BLOCK, .tag = i,
	};
}

/* All that is outstanding; each result is this. */
static unsigned reap_all(solo5_result_t result)
{
	struct solo5x_block_end ends[7];
	unsigned n = 0;

	while (solo5x_block_wait(DISK)) {
		const size_t some = solo5x_block_reap(DISK, ends, 7);

		assert_true(some > 0);
		for (size_t i = 0; i < some; i++)
			assert_int_equal(ends[i].result, result);
		n += (unsigned)some;
	}
	return n;
}

/* As many reads as there may be, of every other block. */
static void full_depth(unsigned depth)
{
	struct solo5x_block_request r[64];

	for (unsigned i = 0; i < 64; i++)
		r[i] = request(SOLO5X_BLOCK_READ, 2 * i, i);
	assert_int_equal(solo5x_block_depth(DISK), depth);
	assert_int_equal(solo5x_block_submit(DISK, r, 64), depth);
	assert_int_equal(solo5x_block_submit(DISK, r, 1), 0);
	assert_int_equal(reap_all(SOLO5_R_OK), depth);
	for (unsigned i = 0; i < depth; i++)
		assert_memory_equal(buf + i * BLOCK, m.disk + 2 * i * BLOCK, BLOCK);
}

static void many_requests_are_one_doorbell(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 10; i++)
		full_depth(DEPTH_MAX);
	assert_int_equal(m.bells, 10);
	assert_int_equal(m.polls, 0);
	assert_int_equal(m.hypercalls, 0);
}

static unsigned late_before;		/* so many doorbells, and one */

static void note_bells(void)
{
	late_before = m.bells + 1;
}

/* Frames that are held back must not wait for the disk, too. */
static void late_frames_go_first(void **state)
{
	static const struct yield_queues frames = {.send_late = note_bells};
	const struct solo5x_block_request r = request(SOLO5X_BLOCK_READ, 0, 0);

	(void)state;
	start();
	yield_frames = &frames;
	assert_int_equal(solo5x_block_submit(DISK, &r, 1), 1);
	assert_int_equal(late_before, 1);
	assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_OK);
	assert_int_equal(late_before, 2);
	yield_frames = NULL;
}

static void a_monitor_may_take_its_time_and_its_order(void **state)
{
	(void)state;
	m.late = m.backwards = true;
	start();
	for (unsigned i = 0; i < 10; i++)
		full_depth(DEPTH_MAX);
	assert_int_equal(m.polls, 10);
}

static void small_queues_have_little_depth(void **state)
{
	(void)state;
	m.queue_size_max = 16;
	start();
	full_depth(4);
}

static void without_the_feature_they_are_done_at_once(void **state)
{
	(void)state;
	m.granted = false;
	start();
	full_depth(DEPTH_MAX);
	assert_int_equal(m.bells, 0);
	assert_int_equal(m.hypercalls, DEPTH_MAX);
}

static void the_same_where_the_queue_is_refused_or_too_small(void **state)
{
	(void)state;
	m.refuses = true;
	start();
	full_depth(DEPTH_MAX);
	m.refuses = false;
	m.queue_size_max = 4;
	start();
	full_depth(DEPTH_MAX);
	assert_int_equal(m.bells, 0);
}

static void without_memory_there_is_no_depth(void **state)
{
	struct solo5x_block_request r = request(SOLO5X_BLOCK_READ, 0, 0);
	struct solo5x_block_end end;

	(void)state;
	m.heap = 100;
	start();
	assert_int_equal(solo5x_block_depth(DISK), 0);
	assert_int_equal(solo5x_block_submit(DISK, &r, 1), 0);
	assert_int_equal(solo5x_block_reap(DISK, &end, 1), 0);
	assert_false(solo5x_block_wait(DISK));
	assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_EUNSPEC);
	assert_int_equal(solo5x_block_read(DISK, 0, buf, 4 * BLOCK), SOLO5_R_OK);
	assert_int_equal(solo5x_block_depth(0), 0);
	assert_int_equal(solo5x_block_depth(99), 0);
}

static void each_has_its_tag(void **state)
{
	struct solo5x_block_request r[3];
	struct solo5x_block_end ends[4];

	(void)state;
	m.backwards = m.late = true;
	start();
	for (unsigned i = 0; i < 3; i++)
		r[i] = request(SOLO5X_BLOCK_WRITE, 10 * i, i);
	assert_int_equal(solo5x_block_submit(DISK, r, 3), 3);
	assert_int_equal(solo5x_block_reap(DISK, ends, 4), 0);
	assert_true(solo5x_block_wait(DISK));
	assert_int_equal(solo5x_block_reap(DISK, ends, 4), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ends[i].tag, 2 - i);
}

static void what_is_wrong_ends_as_that(void **state)
{
	struct solo5x_block_request r[8];

	(void)state;
	start();
	for (unsigned i = 0; i < 8; i++)
		r[i] = request(SOLO5X_BLOCK_READ, 0, i);
	r[0].offset = 1;
	r[1].size = 0;
	r[2].size = BLOCK + 1;
	r[3].offset = CAPACITY;
	r[4].size = SOLO5X_BLOCK_SIZE_MAX + BLOCK;
	r[5].kind = (enum solo5x_block_kind)5;
	r[6].kind = SOLO5X_BLOCK_WRITE_ZEROES;
	r[6].size = (size_t)-(int)BLOCK;
	r[7].kind = SOLO5X_BLOCK_DISCARD;
	r[7].offset = (solo5_off_t)-BLOCK;
	assert_int_equal(solo5x_block_submit(DISK, r, 8), 8);
	assert_int_equal(reap_all(SOLO5_R_EINVAL), 8);
	assert_int_equal(m.served, 0);
	assert_int_equal(solo5x_block_discard(DISK, 0, CAPACITY + BLOCK), SOLO5_R_EINVAL);
	assert_int_equal(solo5x_block_write_zeroes(DISK, 1, BLOCK), SOLO5_R_EINVAL);
	assert_int_equal(solo5x_block_flush(0), SOLO5_R_EINVAL);
}

static void what_fails_ends_as_that(void **state)
{
	struct solo5x_block_request r = request(SOLO5X_BLOCK_READ, 0, 0);

	(void)state;
	start();
	for (m.status = BLOCK_IOERR; m.status <= BLOCK_UNSUPP; m.status++) {
		assert_int_equal(solo5x_block_submit(DISK, &r, 1), 1);
		assert_int_equal(reap_all(SOLO5_R_EUNSPEC), 1);
		assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_EUNSPEC);
	}
}

/* ---- flushes, discards, zeroes ---- */

static bool is(unsigned block, unsigned n, uint8_t byte)
{
	const uint8_t *at = m.disk + block * BLOCK;

	return at[0] == byte && memcmp(at, at + 1, n * BLOCK - 1) == 0;
}

static void calls_that_wait(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		m.late = late;
		start();
		assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_OK);
		assert_int_equal(m.flushes, 1 + late);
		assert_int_equal(solo5x_block_discard(DISK, 8 * BLOCK, 9 * BLOCK), SOLO5_R_OK);
		assert_true(is(8, 9, 0xdd));
		assert_int_equal(solo5x_block_write_zeroes(DISK, 9 * BLOCK, 2 * BLOCK), SOLO5_R_OK);
		assert_true(is(9, 2, 0) && is(8, 1, 0xdd) && is(11, 1, 0xdd));
	}
}

/* F43 */
static void without_the_feature_only_zeroes_are_made(void **state)
{
	(void)state;
	m.granted = false;
	start();
	assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_EUNSPEC);
	assert_int_equal(solo5x_block_discard(DISK, 0, BLOCK), SOLO5_R_EUNSPEC);
	assert_int_equal(solo5x_block_write_zeroes(DISK, 3 * BLOCK, 100 * BLOCK), SOLO5_R_OK);
	assert_true(is(3, 100, 0));
	assert_int_equal(m.disk[3 * BLOCK - 1], (uint8_t)(2 + 3 * BLOCK - 1));
	assert_int_equal(m.hypercalls, 2);
}

static void a_call_that_waits_loses_no_request(void **state)
{
	struct solo5x_block_request r[DEPTH_MAX];

	(void)state;
	m.late = true;
	start();
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		r[i] = request(SOLO5X_BLOCK_WRITE, i, i);
	assert_int_equal(solo5x_block_submit(DISK, r, DEPTH_MAX), DEPTH_MAX);
	assert_int_equal(solo5x_block_flush(DISK), SOLO5_R_OK);
	assert_int_equal(reap_all(SOLO5_R_OK), DEPTH_MAX);
}

/* ---- with what was read ahead ---- */

static void reads_see_what_requests_have_changed(void **state)
{
	struct solo5x_block_request r = request(SOLO5X_BLOCK_WRITE, 4, 0);

	(void)state;
	m.late = true;
	start();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(solo5_block_read(DISK, i * BLOCK, buf + BLOCK, BLOCK), SOLO5_R_OK);
	assert_int_equal(m.hypercalls, 1);
	memset(buf, 0xaa, BLOCK);
	assert_int_equal(solo5x_block_submit(DISK, &r, 1), 1);
	/* Read ahead once more, before the write is done. */
	assert_int_equal(solo5_block_read(DISK, 3 * BLOCK, buf + BLOCK, BLOCK), SOLO5_R_OK);
	assert_int_equal(solo5_block_read(DISK, 4 * BLOCK, buf + BLOCK, BLOCK), SOLO5_R_OK);
	assert_int_equal(reap_all(SOLO5_R_OK), 1);
	for (unsigned i = 3; i < 6; i++) {
		assert_int_equal(solo5_block_read(DISK, i * BLOCK, buf + BLOCK, BLOCK), SOLO5_R_OK);
		assert_memory_equal(buf + BLOCK, m.disk + i * BLOCK, BLOCK);
	}
	assert_int_equal(solo5x_block_write_zeroes(DISK, 6 * BLOCK, BLOCK), SOLO5_R_OK);
	assert_int_equal(solo5_block_read(DISK, 6 * BLOCK, buf + BLOCK, BLOCK), SOLO5_R_OK);
	assert_memory_equal(buf + BLOCK, m.disk + 6 * BLOCK, BLOCK);
}

/* ---- a monitor that makes no sense ---- */

static void a_broken_queue_fails_what_is_outstanding(void **state)
{
	struct solo5x_block_request r[3];

	(void)state;
	start();
	for (unsigned i = 0; i < 3; i++)
		r[i] = request(SOLO5X_BLOCK_READ, i, i);
	m.gone_mad = true;
	assert_int_equal(solo5x_block_submit(DISK, r, 3), 3);
	assert_int_equal(reap_all(SOLO5_R_EUNSPEC), 3);
	assert_int_equal(solo5x_block_submit(DISK, r, 3), 3);	/* and from now on without it */
	assert_int_equal(reap_all(SOLO5_R_OK), 3);
}

static void no_call_is_wanted_while_nobody_waits(void **state)
{
	struct solo5x_block_request r = request(SOLO5X_BLOCK_READ, 0, 0);

	(void)state;
	start();
	for (unsigned i = 0; i < (emulated() ? 2000 : 70000); i++) {
		assert_int_equal(solo5x_block_submit(DISK, &r, 1), 1);
		assert_int_equal(reap_all(SOLO5_R_OK), 1);
	}
	assert_int_equal(m.calls, 0);
	assert_true((yield_ignored & 1u << DISK) != 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_requests_are_one_doorbell),
		TEST(late_frames_go_first),
		TEST(a_monitor_may_take_its_time_and_its_order),
		TEST(small_queues_have_little_depth),
		TEST(without_the_feature_they_are_done_at_once),
		TEST(the_same_where_the_queue_is_refused_or_too_small),
		TEST(without_memory_there_is_no_depth),
		TEST(each_has_its_tag),
		TEST(what_is_wrong_ends_as_that),
		TEST(what_fails_ends_as_that),
		TEST(calls_that_wait),
		TEST(without_the_feature_only_zeroes_are_made),
		TEST(a_call_that_waits_loses_no_request),
		TEST(reads_see_what_requests_have_changed),
		TEST(a_broken_queue_fails_what_is_outstanding),
		TEST(no_call_is_wanted_while_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
