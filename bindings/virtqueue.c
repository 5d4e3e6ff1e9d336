/* SPDX-License-Identifier: ISC */
/* virtqueue.c: submits chains of buffers and takes them back. */
#include "virtqueue.h"

#include "cpu.h"

static size_t up_to(size_t offset, size_t align)
{
	return (offset + align - 1) & ~(align - 1);
}

static size_t avail_offset(uint16_t size)
{
	return VIRTQ_DESC_BYTES((size_t)size);
}

static size_t used_offset(uint16_t size)
{
	return up_to(avail_offset(size) + VIRTQ_AVAIL_BYTES((size_t)size), VIRTQ_USED_ALIGN);
}

size_t virtq_memory(uint16_t size)
{
	return up_to(used_offset(size) + VIRTQ_USED_BYTES((size_t)size), VIRTQ_DESC_ALIGN);
}

void virtq_init(struct virtq *q, uint16_t size, void *memory)
{
	uint8_t *base = memory;

	*q = (struct virtq){
		.desc = memory, .avail = (void *)(base + avail_offset(size)),
		.used = (void *)(base + used_offset(size)), .size = size, .n_free = size,
	};
	for (uint16_t i = 0; i < size; i++)
		q->desc[i].next = (uint16_t)(i + 1);
}

static uint16_t slot_of(const struct virtq *q, uint16_t index)
{
	return index & (uint16_t)(q->size - 1);
}

int virtq_add(struct virtq *q, const struct virtq_span *spans, uint16_t n_readable,
	      uint16_t n_writable)
{
	const uint16_t head = q->free, n = (uint16_t)(n_readable + n_writable);
	struct virtq_desc *d = NULL;

	if (n > q->n_free)
		return -1;
	for (uint16_t i = 0; i < n; i++) {
		d = &q->desc[q->free];
		q->free = d->next;
		d->addr = spans[i].addr;
		d->len = spans[i].len;
		d->flags = VIRTQ_DESC_NEXT | (i < n_readable ? 0 : VIRTQ_DESC_WRITE);
	}
	d->flags = (uint16_t)(d->flags & ~VIRTQ_DESC_NEXT);
	q->n_free = (uint16_t)(q->n_free - n);
	q->heads[head / 8] = (uint8_t)(q->heads[head / 8] | 1u << head % 8);
	__atomic_store_n(&q->avail->ring[slot_of(q, q->added++)], head, __ATOMIC_RELAXED);
	return head;
}

/* Without the barrier the monitor may miss the chain while the guest misses that it must ring. */
bool virtq_submit(struct virtq *q)
{
	const uint16_t before = q->submitted;
	uint16_t event;

	q->submitted = q->added;
	__atomic_store_n(&q->avail->idx, q->added, __ATOMIC_RELEASE);
	cpu_store_load_barrier();
	event = __atomic_load_n(virtq_avail_event(q->used, q->size), __ATOMIC_RELAXED);
	return virtq_passes(event, q->added, before) != 0;
}

static void release_chain(struct virtq *q, uint16_t head)
{
	uint16_t last = head, n = 1;

	for (; (q->desc[last].flags & VIRTQ_DESC_NEXT) != 0; n++)
		last = q->desc[last].next;
	q->desc[last].next = q->free;
	q->free = head;
	q->n_free = (uint16_t)(q->n_free + n);
}

bool virtq_has(const struct virtq *q)
{
	return !q->broken && __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->taken;
}

/* Whether this chain was with the monitor; it is not any more. */
static bool was_given(struct virtq *q, uint32_t head)
{
	const uint8_t bit = (uint8_t)(1u << head % 8);

	if (head >= q->size || (q->heads[head / 8] & bit) == 0)
		return false;
	q->heads[head / 8] = (uint8_t)(q->heads[head / 8] & ~bit);
	return true;
}

int virtq_take(struct virtq *q, uint32_t *written)
{
	const volatile struct virtq_used_elem *elem;
	uint32_t head;

	if (!virtq_has(q))
		return -1;
	elem = &q->used->ring[slot_of(q, q->taken)];
	head = elem->id;
	q->broken = !was_given(q, head);
	if (q->broken)
		return -1;
	q->taken++;
	*written = elem->len;
	release_chain(q, (uint16_t)head);
	return (int)head;
}

/* The same from the other end: the monitor publishes a completion, then looks at used_event. */
bool virtq_arm(struct virtq *q)
{
	__atomic_store_n(virtq_used_event(q->avail, q->size), q->taken, __ATOMIC_RELAXED);
	cpu_store_load_barrier();
	return !virtq_has(q);
}
