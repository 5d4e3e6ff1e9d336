/* SPDX-License-Identifier: ISC */
/*
 * hostile_ring.c: uses the network ring and breaks its rules, one command after the other:
 *
 *   write PLACE LEN     the next entry: a frame to send; nobody is told
 *   read PLACE LEN      the next entry: room for a frame
 *   entry OP HANDLE     the next entry: any operation and device
 *   all                 every entry becomes the same as the last
 *   fill                reads until there is no room for another completion
 *   tail N, head N      ent_tail, com_head grow by N
 *   kick N, poke        N kicks; one if the monitor asks for it
 *   odd-kick N          what is almost one
 *   submit              announces all entries, as the rules say
 *   garble              overwrites what the monitor has written
 *   hand-over           reads by hypercall until it need not kick, or for long
 *   given-back          waits until it must kick again
 *   served, stuck       all entries are consumed; some are not, and stay
 *   completions N       there were N in all
 *   result N LEN        what the last one says
 *   sleep MS            waits for input
 *   race N, bad-race N  rewrites N entries while they may be read; with bad addresses
 *   order               frames sent by the ring and by hypercall stay in order (on a pipe)
 *   say                 prints SAID
 *
 * Exits with 0, or with what check() says about a failure.
 */
#include "guest.h"
#include "husk_abi.h"
#include "ring.h"

HUSK_IMAGE_WANTS(0);		/* who has queues has no ring */

#define MS UINT64_C(1000000)
#define PATIENCE (5000 * MS)
#define A_WHILE (50 * MS)
#define SUBMITS_MAX 10000u
#define CALLS_MAX 4000u
#define HANDLE 1u

static const uint8_t rodata[64] __attribute__((aligned(64))) = {1};
static uint8_t buffer[65536] __attribute__((aligned(64)));

static struct hvt_ring *ring;
static uint32_t ent_tail, com_head;	/* as published */
static uint32_t next;			/* where the next entry goes */
static uint64_t top;			/* end of memory */

static void check(bool good, int status)
{
	if (!good)
		solo5_exit(status);
}

static uint64_t take_place(const char **args)
{
	const struct {
		const char *name;
		uint64_t at;
	} places[] = {
		{"buffer", (uintptr_t)buffer}, {"odd", (uintptr_t)buffer + 1},
		{"null", 0}, {"tables", 0x2000}, {"boot", HVT_BOOT_INFO_GPA}, {"low", 0xff000},
		{"text", HVT_GUEST_MIN_BASE}, {"rodata", (uintptr_t)rodata},
		{"ring", (uintptr_t)ring}, {"ring-end", (uintptr_t)ring + sizeof *ring - 8},
		{"before-ring", (uintptr_t)ring - 8}, {"last", top - 64}, {"past", top - 63},
		{"end", top}, {"above", HVT_MEM_MAX}, {"wrap", -UINT64_C(32)},
	};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (take_word(args, places[i].name))
			return places[i].at;
	solo5_exit(98);
}

static void put(uint32_t operation, uint32_t handle, uint64_t data, uint64_t len)
{
	ring->entries[next & HVT_RING_MASK] = (struct hvt_ring_entry){
		.operation = operation, .handle = handle, .data = data, .len = (uint32_t)len,
		.id = next,
	};
	next++;
}

static void put_buffer(uint32_t operation, const char **args)
{
	uint64_t place = take_place(args);

	put(operation, HANDLE, place, take_number(args));
}

static void put_any(const char **args)
{
	uint32_t operation = (uint32_t)take_number(args);

	put(operation, (uint32_t)take_number(args), (uintptr_t)buffer, 64);
}

static void put_all(void)
{
	for (uint32_t i = 1; i < HVT_RING_SIZE; i++)
		ring->entries[(next - 1 + i) & HVT_RING_MASK] =
			ring->entries[(next - 1) & HVT_RING_MASK];
	next += HVT_RING_SIZE - 1;
}

static void tail(uint32_t n)
{
	ent_tail += n;
	ring_store(&ring->ent_tail, ent_tail);
}

static void head(uint32_t n)
{
	com_head += n;
	ring_store(&ring->com_head, com_head);
}

static void poke(void)
{
	if (ring_load(&ring->needs_kick) != 0)
		ring_kick();
}

static void submit(void)
{
	tail(next - ent_tail);
	poke();
}

static void fill(void)
{
	put(HVT_RING_NET_READ, HANDLE, (uintptr_t)buffer, 64);
	put_all();
	submit();
	check(ring_load(&ring->ent_head) == ent_tail, 29);
}

static void garble(void)
{
	ring->ent_head = ent_tail + 77;
	ring->com_tail = com_head + 77;
	ring->needs_kick = 0x80000000;
}

/*
 * With frames that cost the monitor something: only then may it try whether two threads are better.
 * Where exits and wake-ups make that rare, or short, what follows is for the vcpu's thread. No frame
 * is left that has come: it would end a sleep.
 */
static void hand_over(void)
{
	static unsigned char frame[64];
	struct hvt_net arg = {.handle = HANDLE, .data = (uintptr_t)frame, .len = sizeof frame};

	for (unsigned i = 0; i < CALLS_MAX; i++) {
		hypercall(HVT_HYPERCALL_NET_READ, (uintptr_t)&arg);
		if (arg.ret != HVT_OK && ring_load(&ring->needs_kick) == 0)
			return;
	}
}

/* Whether a field comes to hold the value, without waiting in the monitor. */
static bool becomes(const uint32_t *field, uint32_t value, uint64_t patience)
{
	solo5_time_t end = solo5_clock_monotonic() + patience;

	while (ring_load(field) != value)
		if (solo5_clock_monotonic() > end)
			return false;
	return true;
}

static void check_result(const char **args)
{
	const struct hvt_ring_completion *c =
		&ring->completions[(ring_load(&ring->com_tail) - 1) & HVT_RING_MASK];

	check(c->ret == (int32_t)take_number(args), 23);
	check(c->len == (uint32_t)take_number(args), 27);
}

static void nap(uint64_t ms)
{
	solo5_yield(solo5_clock_monotonic() + ms * MS, NULL);
}

/* Changes an announced entry until it is consumed. Every mixture is legal, or many are not. */
static void race(uint64_t n, bool bad)
{
	uint64_t other = bad ? HVT_MEM_MAX : (uintptr_t)buffer + 4096;

	while (n-- > 0) {
		volatile struct hvt_ring_entry *e = &ring->entries[next & HVT_RING_MASK];
		unsigned turn = 0;

		put(HVT_RING_NET_WRITE, HANDLE, (uintptr_t)buffer, 64);
		submit();
		for (; ring_load(&ring->ent_head) != ent_tail && turn < SUBMITS_MAX; turn++) {
			e->data = turn % 2 ? other : (uintptr_t)buffer;
			e->len = turn % 2 ? 1514 : 14;
			e->operation = turn % 2 ? HVT_RING_NET_WRITE : 7;
		}
		check(becomes(&ring->ent_head, ent_tail, PATIENCE), 20);
	}
}

/* The next frame to read is the one at buffer + from. */
static void check_next(size_t from)
{
	struct hvt_net rq = {.handle = HANDLE, .data = (uintptr_t)buffer + 1024, .len = 1024};

	hypercall(HVT_HYPERCALL_NET_READ, (uintptr_t)&rq);
	check(rq.ret == 0 && rq.len == 64 && memcmp(buffer + 1024, buffer + from, 64) == 0, 28);
}

static void order(void)
{
	struct hvt_net rq = {.handle = HANDLE, .data = (uintptr_t)buffer + 64, .len = 64};

	memset(buffer, 'r', 64);
	memset(buffer + 64, 'h', 64);
	put(HVT_RING_NET_WRITE, HANDLE, (uintptr_t)buffer, 64);
	tail(1);
	hypercall(HVT_HYPERCALL_NET_WRITE, (uintptr_t)&rq);
	check(rq.ret == 0, 26);
	check_next(0);
	check_next(64);
}

static bool obey_entry(const char **args)
{
	if (take_word(args, "write"))
		put_buffer(HVT_RING_NET_WRITE, args);
	else if (take_word(args, "read"))
		put_buffer(HVT_RING_NET_READ, args);
	else if (take_word(args, "entry"))
		put_any(args);
	else if (take_word(args, "all"))
		put_all();
	else if (take_word(args, "fill"))
		fill();
	else if (take_word(args, "tail"))
		tail((uint32_t)take_number(args));
	else if (take_word(args, "head"))
		head((uint32_t)take_number(args));
	else if (take_word(args, "submit"))
		submit();
	else
		return false;
	return true;
}

static bool obey_check(const char **args)
{
	if (take_word(args, "served"))
		check(becomes(&ring->ent_head, ent_tail, PATIENCE), 20);
	else if (take_word(args, "stuck"))
		check(!becomes(&ring->ent_head, ent_tail, A_WHILE), 22);
	else if (take_word(args, "given-back"))
		check(becomes(&ring->needs_kick, 1, PATIENCE), 25);
	else if (take_word(args, "completions"))
		check(ring_load(&ring->com_tail) == (uint32_t)take_number(args), 21);
	else if (take_word(args, "result"))
		check_result(args);
	else
		return false;
	return true;
}

static bool obey(const char **args)
{
	if (obey_entry(args) || obey_check(args))
		return true;
	if (take_word(args, "kick"))
		for (uint64_t n = take_number(args); n > 0; n--)
			ring_kick();
	else if (take_word(args, "odd-kick"))
		ring_odd_kick((unsigned)take_number(args));
	else if (take_word(args, "poke"))
		poke();
	else if (take_word(args, "garble"))
		garble();
	else if (take_word(args, "hand-over"))
		hand_over();
	else if (take_word(args, "sleep"))
		nap(take_number(args));
	else if (take_word(args, "race"))
		race(take_number(args), false);
	else if (take_word(args, "bad-race"))
		race(take_number(args), true);
	else if (take_word(args, "order"))
		order();
	else if (take_word(args, "say"))
		say("SAID\n");
	else
		return false;
	return true;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;

	ring = ring_find();
	top = si->heap_start + si->heap_size;
	check(ring != NULL, 30);
	say("READY\n");
	while (*args != '\0')
		check(obey(&args), 97);
	return 0;
}
