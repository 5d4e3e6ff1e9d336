/* SPDX-License-Identifier: ISC */
/*
 * hostile_vsock.c: uses the queues of a socket device and breaks their rules, one command after the
 * other:
 *
 *   announce                      all queues, with SIZE entries, where they should be
 *   queue Q SIZE DESC AVAIL USED  one of them anywhere; PLACE is a name, or "here"
 *   refused HANDLE Q SIZE         such an announcement is answered by EINVAL
 *   take-back                     all queues
 *   desc Q I PLACE LEN FLAGS NEXT writes a descriptor
 *   avail Q HEAD, idx Q N         submits a head; makes the index grow by N
 *   bell N, odd-bell WAY          a doorbell; what is almost one
 *   bells N                       N doorbells of the tx queue
 *   post N                        N buffers for packets, and the doorbell
 *   src, dst, type, hlen N        that field of what is sent from now on, hlen: -1 for as it is
 *   send OP PORT LEN              a packet, and the doorbell
 *   got OP                        the next packet is that
 *   nothing                       none comes for a while
 *   returned N                    N chains of the tx queue are back, in all
 *   race N                        rewrites N packets and their descriptors as they are served
 *   garble                        overwrites what the monitor has written
 *   poll MS                       waits in the monitor
 *   spin MS                       does not
 *   say                           prints SAID
 *
 * Exits with 0, with 10 + the result of an announcement, or with what check() says about a failure.
 */
#include "guest.h"
#include "hypercall.h"

#include "../../include/husk_abi.h"
#include "../../include/virtq_abi.h"
#include "../../include/vsock_abi.h"

#define MS UINT64_C(1000000)
#define PATIENCE (10000 * MS)
#define A_WHILE (100 * MS)
#define HANDLE 1u
#define SIZE 16u
#define BUFFER 4096u

HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK);

struct queue {
	struct virtq_desc desc[SIZE];
	uint8_t avail_bytes[VIRTQ_AVAIL_BYTES(SIZE)] __attribute__((aligned(8)));
	uint8_t used_bytes[VIRTQ_USED_BYTES(SIZE)] __attribute__((aligned(8)));
	uint16_t seen;			/* completions */
} __attribute__((aligned(4096)));

static struct virtq_avail *avail_of(struct queue *q)
{
	return (struct virtq_avail *)(void *)q->avail_bytes;
}

static struct virtq_used *used_of(struct queue *q)
{
	return (struct virtq_used *)(void *)q->used_bytes;
}

static const uint8_t rodata[64] __attribute__((aligned(64))) = {1};
static struct queue queues[VSOCK_QUEUES];
static uint8_t rx_buffers[SIZE][BUFFER], tx_buffers[SIZE][BUFFER];
static uint8_t buffer[65536] __attribute__((aligned(64)));
static uint64_t top;			/* end of memory */
static struct vsock_header next = {
	.src_cid = 3, .dst_cid = VSOCK_CID_HOST, .type = VSOCK_TYPE_STREAM, .src_port = 1000,
	.buf_alloc = 65536,
};
static int64_t header_len = -1;

static void check(bool good, int status)
{
	if (!good)
		solo5_exit(status);
}

static uint64_t take_place(const char **args, const void *here)
{
	const struct {
		const char *name;
		uint64_t at;
	} places[] = {
		{"here", (uintptr_t)here}, {"buffer", (uintptr_t)buffer},
		{"odd", (uintptr_t)buffer + 1}, {"null", 0}, {"tables", 0x2000},
		{"boot", HVT_BOOT_INFO_GPA}, {"low", 0xff000}, {"text", HVT_GUEST_MIN_BASE},
		{"rodata", (uintptr_t)rodata}, {"rx", (uintptr_t)&queues[0]},
		{"tx", (uintptr_t)&queues[1]}, {"last", top - 64}, {"past", top - 63},
		{"end", top}, {"above", HVT_MEM_MAX}, {"wrap", -UINT64_C(32)},
	};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (take_word(args, places[i].name))
			return places[i].at;
	solo5_exit(98);
}

static struct queue *take_queue(const char **args)
{
	const uint64_t n = take_number(args);

	check(n < VSOCK_QUEUES, 99);
	return &queues[n];
}

static uint16_t load(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

/* ---- announcing ---- */

static int announce(struct husk_queue *rq)
{
	hypercall(HUSK_HYPERCALL_QUEUE, (uintptr_t)rq);
	return rq->ret;
}

static void announce_all(void)
{
	for (unsigned i = 0; i < VSOCK_QUEUES; i++) {
		struct queue *q = &queues[i];
		struct husk_queue rq = {
			.handle = HANDLE, .index = i, .size = SIZE, .desc = (uintptr_t)q->desc,
			.avail = (uintptr_t)avail_of(q), .used = (uintptr_t)used_of(q), .ret = -1,
		};

		check(announce(&rq) == HVT_OK, 40);
	}
}

static void announce_any(const char **args)
{
	struct husk_queue rq = {.handle = HANDLE, .ret = -1};
	struct queue *q;

	rq.index = (uint32_t)take_number(args);
	q = &queues[rq.index % VSOCK_QUEUES];
	rq.size = (uint32_t)take_number(args);
	rq.desc = take_place(args, q->desc);
	rq.avail = take_place(args, avail_of(q));
	rq.used = take_place(args, used_of(q));
	check(announce(&rq) == HVT_OK, 10 + rq.ret);
}

static void check_refused(const char **args)
{
	struct husk_queue rq = {.desc = (uintptr_t)buffer, .ret = -1};

	rq.handle = take_number(args);
	rq.index = (uint32_t)take_number(args);
	rq.size = (uint32_t)take_number(args);
	check(announce(&rq) == HVT_EINVAL, 24);
}

static void take_back(void)
{
	struct husk_queue rq = {.handle = HANDLE, .ret = -1};

	check(announce(&rq) == HVT_OK, 25);
	memset(queues, 0, sizeof queues);
}

/* ---- queues ---- */

static void write_desc(const char **args)
{
	struct queue *q = take_queue(args);
	struct virtq_desc *d = &q->desc[take_number(args) % SIZE];

	d->addr = take_place(args, buffer);
	d->len = (uint32_t)take_number(args);
	d->flags = (uint16_t)take_number(args);
	d->next = (uint16_t)take_number(args);
}

static void grow(struct queue *q, uint16_t n)
{
	__atomic_store_n(&avail_of(q)->idx, (uint16_t)(avail_of(q)->idx + n), __ATOMIC_SEQ_CST);
}

static void submit(struct queue *q, uint16_t head)
{
	avail_of(q)->ring[avail_of(q)->idx % SIZE] = head;
	grow(q, 1);
}

/* Rings whether or not the monitor asks for it. */
static void bell(uint32_t number)
{
#if defined(__x86_64__)
	__asm__ __volatile__("outl %0, %1" :: "a"(number), "d"((uint16_t)HUSK_DOORBELL_PIO_BASE)
			     : "memory");
#else
	*(volatile uint32_t *)HUSK_DOORBELL_MMIO_BASE = number;
#endif
}

static void odd_bell(unsigned way)
{
	uint32_t value = HUSK_QUEUE_NUMBER(HANDLE, 0);

#if defined(__x86_64__)
	uint16_t port = HUSK_DOORBELL_PIO_BASE;

	if (way == 0)
		__asm__ __volatile__("outb %b0, %1" :: "a"(value), "d"(port));
	else if (way == 1)
		__asm__ __volatile__("outw %w0, %1" :: "a"(value), "d"(port));
	else if (way == 2)
		__asm__ __volatile__("inl %1, %0" : "=a"(value) : "d"(port));
	else
		__asm__ __volatile__("outl %0, %1" :: "a"(value), "d"((uint16_t)(port + 1)));
#else
	uint64_t at = HUSK_DOORBELL_MMIO_BASE;

	if (way == 0)
		__asm__ __volatile__("strb %w0, [%1]" :: "r"(value), "r"(at) : "memory");
	else if (way == 1)
		__asm__ __volatile__("strh %w0, [%1]" :: "r"(value), "r"(at) : "memory");
	else if (way == 2)
		__asm__ __volatile__("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
	else
		__asm__ __volatile__("str %w0, [%1]" :: "r"(value), "r"(at + 4) : "memory");
#endif
}

static void ring(unsigned queue)
{
	bell(HUSK_QUEUE_NUMBER(HANDLE, queue));
}

/* ---- packets ---- */

static void post(uint64_t n)
{
	struct queue *q = &queues[VSOCK_QUEUE_RX];

	for (; n > 0; n--) {
		const uint16_t i = avail_of(q)->idx % SIZE;

		q->desc[i] = (struct virtq_desc){
			(uintptr_t)rx_buffers[i], BUFFER, VIRTQ_DESC_WRITE, 0,
		};
		submit(q, i);
	}
	ring(VSOCK_QUEUE_RX);
}

static uint16_t put(uint16_t op, uint32_t port, uint32_t len)
{
	struct queue *q = &queues[VSOCK_QUEUE_TX];
	const uint16_t i = avail_of(q)->idx % SIZE;

	next.op = op;
	next.dst_port = port;
	next.len = header_len >= 0 ? (uint32_t)header_len : len;
	memcpy(tx_buffers[i], &next, sizeof next);
	q->desc[i] = (struct virtq_desc){
		(uintptr_t)tx_buffers[i], (uint32_t)sizeof next + len, 0, 0,
	};
	submit(q, i);
	return i;
}

static void wait(struct queue *q, uint64_t ns)
{
	struct hvt_poll poll = {.timeout_nsecs = ns};

	*virtq_used_event(avail_of(q), SIZE) = q->seen;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load(&used_of(q)->idx) == q->seen)
		hypercall(HVT_HYPERCALL_POLL, (uintptr_t)&poll);
}

static bool comes(struct queue *q, uint64_t patience)
{
	const solo5_time_t end = solo5_clock_monotonic() + patience;
	solo5_time_t now;

	while (load(&used_of(q)->idx) == q->seen) {
		now = solo5_clock_monotonic();
		if (now >= end)
			return false;
		wait(q, end - now);
	}
	return true;
}

static void check_got(uint16_t op)
{
	struct queue *q = &queues[VSOCK_QUEUE_RX];
	const struct vsock_header *h;
	const struct virtq_used_elem *u;

	do {
		check(comes(q, PATIENCE), 20);
		u = &used_of(q)->ring[q->seen++ % SIZE];
		check(u->id < SIZE, 26);
	} while (u->len == 0);		/* was given back as no buffer */
	h = (const void *)rx_buffers[u->id];
	check(u->len == sizeof *h + h->len, 27);
	check(h->op == op, 60 + h->op);
}

static void check_returned(uint16_t n)
{
	struct queue *q = &queues[VSOCK_QUEUE_TX];

	while (q->seen != n && comes(q, PATIENCE))
		q->seen++;
	check(q->seen == n, 22);
}

/* Changes a packet and its descriptor until it is back: every mixture is legal. */
static void race(uint64_t n)
{
	struct queue *q = &queues[VSOCK_QUEUE_TX];

	while (n-- > 0) {
		const uint16_t i = put(VSOCK_OP_RST, 5, 8);	/* is not answered */
		volatile struct virtq_desc *d = &q->desc[i];
		volatile struct vsock_header *h = (volatile void *)tx_buffers[i];

		for (unsigned turn = 0; load(&used_of(q)->idx) == q->seen; turn++) {
			if (turn == 0)
				ring(VSOCK_QUEUE_TX);
			d->len = turn % 2 ? 52 : 4096;
			d->addr = (uintptr_t)(turn % 3 ? tx_buffers[i] : buffer);
			h->len = turn % 2 ? 8 : UINT32_MAX;
			h->src_cid = turn % 5;
		}
		q->seen++;
	}
}

static void garble(void)
{
	for (unsigned i = 0; i < VSOCK_QUEUES; i++) {
		used_of(&queues[i])->idx = (uint16_t)(used_of(&queues[i])->idx + 77);
		used_of(&queues[i])->flags = UINT16_MAX;
		*virtq_avail_event(used_of(&queues[i]), SIZE) = 12345;
		*virtq_used_event(avail_of(&queues[i]), SIZE) = 12345;
		avail_of(&queues[i])->flags = UINT16_MAX;
	}
}

static void spin(uint64_t ms)
{
	const solo5_time_t end = solo5_clock_monotonic() + ms * MS;

	while (solo5_clock_monotonic() < end)
		;
}

/* ---- commands ---- */

static bool obey_queue(const char **args)
{
	struct queue *q;

	if (take_word(args, "announce")) {
		announce_all();
	} else if (take_word(args, "queue")) {
		announce_any(args);
	} else if (take_word(args, "refused")) {
		check_refused(args);
	} else if (take_word(args, "take-back")) {
		take_back();
	} else if (take_word(args, "desc")) {
		write_desc(args);
	} else if (take_word(args, "avail")) {
		q = take_queue(args);
		submit(q, (uint16_t)take_number(args));
	} else if (take_word(args, "idx")) {
		q = take_queue(args);
		grow(q, (uint16_t)take_number(args));
	} else {
		return false;
	}
	return true;
}

static void send(const char **args)
{
	const uint16_t op = (uint16_t)take_number(args);
	const uint32_t port = (uint32_t)take_number(args);

	(void)put(op, port, (uint32_t)take_number(args));
	ring(VSOCK_QUEUE_TX);
}

static bool obey_packet(const char **args)
{
	if (take_word(args, "post"))
		post(take_number(args));
	else if (take_word(args, "src"))
		next.src_cid = take_number(args);
	else if (take_word(args, "dst"))
		next.dst_cid = take_number(args);
	else if (take_word(args, "type"))
		next.type = (uint16_t)take_number(args);
	else if (take_word(args, "hlen"))
		header_len = (int64_t)take_number(args);
	else if (take_word(args, "send"))
		send(args);
	else if (take_word(args, "got"))
		check_got((uint16_t)take_number(args));
	else if (take_word(args, "nothing"))
		check(!comes(&queues[VSOCK_QUEUE_RX], A_WHILE), 21);
	else if (take_word(args, "returned"))
		check_returned((uint16_t)take_number(args));
	else if (take_word(args, "race"))
		race(take_number(args));
	else
		return false;
	return true;
}

static bool obey(const char **args)
{
	if (obey_queue(args) || obey_packet(args))
		return true;
	if (take_word(args, "bell"))
		bell((uint32_t)take_number(args));
	else if (take_word(args, "odd-bell"))
		odd_bell((unsigned)take_number(args));
	else if (take_word(args, "bells"))
		for (uint64_t n = take_number(args); n > 0; n--)
			ring(VSOCK_QUEUE_TX);
	else if (take_word(args, "garble"))
		garble();
	else if (take_word(args, "poll"))
		solo5_yield(solo5_clock_monotonic() + take_number(args) * MS, NULL);
	else if (take_word(args, "spin"))
		spin(take_number(args));
	else if (take_word(args, "say"))
		say("SAID\n");
	else
		return false;
	return true;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const struct hvt_boot_info *boot = (const struct hvt_boot_info *)HVT_BOOT_INFO_GPA;
	const struct husk_boot_info *husk =
		(const void *)(HVT_BOOT_INFO_GPA + HUSK_BOOT_INFO_OFFSET);
	const char *args = si->cmdline;

	top = si->heap_start + si->heap_size;
	check((boot->host_features & HUSK_HOST_FEATURE) != 0, 30);
	check(husk->magic == HUSK_BOOT_INFO_MAGIC && husk->version == HUSK_BOOT_INFO_VERSION &&
	      husk->size >= sizeof *husk && husk->granted == HUSK_FEATURE_VSOCK &&
	      husk->queue_size_max == VIRTQ_SIZE_MAX, 31);
	say("READY\n");
	while (*args != '\0')
		check(obey(&args), 97);
	return 0;
}
