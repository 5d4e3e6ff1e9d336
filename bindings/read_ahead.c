/* SPDX-License-Identifier: ISC */
/* read_ahead.c: keeps bytes of a disk for reads to come, as long as they are right. */
#include "read_ahead.h"

#include "bindings.h"

void ahead_init(struct ahead *a, bool alone)
{
	a->alone = alone;
	a->window = AHEAD_BYTES;
}

/* The next time no more is read than was of use this time, or twice as much if all was. */
static void forget(struct ahead *a)
{
	if (a->used < a->held)
		a->window = a->used;
	else if (a->held > 0)
		a->window = a->window < AHEAD_BYTES / 2 ? 2 * a->window : AHEAD_BYTES;
	a->held = a->used = 0;
	a->start = a->end = 0;
}

/* Whether what is there is still what the disk holds, as far as the application can tell. */
static bool is_right(const struct ahead *a, solo5_off_t offset)
{
	return a->alone || (offset == a->next && a->inputs == inputs_seen &&
			    solo5_clock_monotonic() - a->since < AHEAD_NS);
}

bool ahead_serve(struct ahead *a, solo5_off_t offset, uint8_t *buf, size_t size)
{
	if (offset < a->start || offset >= a->end || size > a->end - offset)
		return false;
	if (!is_right(a, offset)) {
		forget(a);
		return false;
	}
	memcpy(buf, a->bytes + (offset - a->origin), size);
	a->next = offset + size;
	a->used += size;
	return true;
}

/* A read as large as the window is made as it is, and counts as one that was worth while. */
size_t ahead_wants(struct ahead *a, solo5_off_t offset, size_t size, solo5_off_t left)
{
	const bool goes_on = offset == a->next;

	a->next = offset + size;
	if (!goes_on)
		return 0;
	forget(a);
	if (size >= a->window) {
		a->window = size < AHEAD_BYTES / 2 ? 2 * size : AHEAD_BYTES;
		return 0;
	}
	return left < a->window ? (left > size ? (size_t)left : 0) : a->window;
}

/* Where that fails, reads are made as they are for a while. */
void ahead_filled(struct ahead *a, solo5_off_t offset, size_t size)
{
	if (size == 0) {
		a->window = 0;
		return;
	}
	a->next = a->origin = a->start = offset;
	a->end = offset + size;
	a->held = size;
	a->inputs = inputs_seen;
	a->since = a->alone ? 0 : solo5_clock_monotonic();
}

/* What is kept is what lies behind the write, or before it if that is still to be read. */
void ahead_write(struct ahead *a, solo5_off_t offset, uint64_t size)
{
	const solo5_off_t end = offset + size;

	if (end <= a->start || offset >= a->end)
		return;
	if (offset > a->start && offset >= a->next)
		a->end = offset;
	else
		a->start = end < a->end ? end : a->end;
}
