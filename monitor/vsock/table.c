/* SPDX-License-Identifier: ISC */
/* table.c: a fixed number of connections, in a hash by ports and in lists by turn and by deadline. */
#include "table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "counter.h"
#include "memory_host.h"

_Static_assert(VSOCK_LARGE == 16, "a set of 16 bits");

/* ---- by ports ---- */

static unsigned bucket_of(uint32_t host_port, uint32_t guest_port)
{
	const uint64_t key = (uint64_t)host_port << 32 | guest_port;

	return (key * 0x9e3779b97f4a7c15u >> 32) % VSOCK_BUCKETS;
}

struct vsock_connection *vsock_table_find(const struct vsock_table *t, uint32_t host_port,
					  uint32_t guest_port)
{
	struct vsock_connection *c = t->buckets[bucket_of(host_port, guest_port)];

	while (c != NULL && (c->host_port != host_port || c->guest_port != guest_port))
		c = c->next;
	return c;
}

void vsock_table_name(struct vsock_table *t, struct vsock_connection *c, uint32_t host_port,
		      uint32_t guest_port)
{
	struct vsock_connection **bucket = &t->buckets[bucket_of(host_port, guest_port)];

	assert(!c->named);
	c->host_port = host_port;
	c->guest_port = guest_port;
	c->named = true;
	c->next = *bucket;
	*bucket = c;
}

static void remove_name(struct vsock_table *t, struct vsock_connection *c)
{
	struct vsock_connection **at = &t->buckets[bucket_of(c->host_port, c->guest_port)];

	if (!c->named)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->named = false;
}

bool vsock_table_has_port(const struct vsock_table *t, uint32_t host_port)
{
	for (unsigned i = 0; i < t->max; i++)
		if (t->connections[i].named && t->connections[i].host_port == host_port)
			return true;
	return false;
}

/* ---- by key ---- */

uint64_t vsock_table_key(const struct vsock_table *t, const struct vsock_connection *c)
{
	return (uint64_t)(c->generation & VSOCK_GENERATIONS) << 32 | (uint64_t)(c - t->connections);
}

struct vsock_connection *vsock_table_by_key(const struct vsock_table *t, uint64_t key)
{
	const uint32_t index = (uint32_t)key;
	struct vsock_connection *c;

	if (index >= t->max)
		return NULL;
	c = &t->connections[index];
	return c->state != VSOCK_FREE && vsock_table_key(t, c) == key ? c : NULL;
}

/* ---- turns ---- */

void vsock_table_schedule(struct vsock_table *t, struct vsock_connection *c)
{
	if (c->ready || !vsock_has_packet(c))
		return;
	c->ready = true;
	TAILQ_INSERT_TAIL(&t->ready, c, ready_link);
}

static void unschedule(struct vsock_table *t, struct vsock_connection *c)
{
	if (c->ready)
		TAILQ_REMOVE(&t->ready, c, ready_link);
	c->ready = false;
}

struct vsock_connection *vsock_table_next(struct vsock_table *t)
{
	struct vsock_connection *c = TAILQ_FIRST(&t->ready);

	if (c != NULL)
		unschedule(t, c);
	return c;
}

/* ---- time ---- */

void vsock_table_set_timer(struct vsock_table *t, struct vsock_connection *c, uint64_t deadline)
{
	struct vsock_connection *before;

	vsock_table_clear_timer(t, c);
	c->timed = true;
	c->deadline = deadline;
	before = TAILQ_LAST(&t->timed, vsock_connections);
	while (before != NULL && before->deadline > deadline)
		before = TAILQ_PREV(before, vsock_connections, timer_link);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&t->timed, c, timer_link);
	else
		TAILQ_INSERT_AFTER(&t->timed, before, c, timer_link);
}

void vsock_table_clear_timer(struct vsock_table *t, struct vsock_connection *c)
{
	if (c->timed)
		TAILQ_REMOVE(&t->timed, c, timer_link);
	c->timed = c->awaits_credit = false;
	c->deadline = 0;
}

struct vsock_connection *vsock_table_first_timed(const struct vsock_table *t)
{
	return TAILQ_FIRST(&t->timed);
}

void vsock_table_look_at(struct vsock_table *t, struct vsock_connection *c, uint64_t when)
{
	vsock_table_look_no_more(t, c);
	c->looks = true;
	c->look_at = when;
	TAILQ_INSERT_TAIL(&t->looking, c, look_link);
}

void vsock_table_look_no_more(struct vsock_table *t, struct vsock_connection *c)
{
	if (c->looks)
		TAILQ_REMOVE(&t->looking, c, look_link);
	c->looks = false;
}

struct vsock_connection *vsock_table_first_look(const struct vsock_table *t)
{
	return TAILQ_FIRST(&t->looking);
}

/* ---- buffers ---- */

static void take_large(struct vsock_table *t, struct vsock_connection *c)
{
	const unsigned i = (unsigned)__builtin_ctz(t->large_free);

	t->large_free = (uint16_t)(t->large_free & ~(1u << i));
	c->buffer = t->large + (size_t)i * VSOCK_BUFFER_LARGE;
	c->size = VSOCK_BUFFER_LARGE;
}

static void take_buffer(struct vsock_table *t, struct vsock_connection *c)
{
	if (t->large_free != 0) {
		take_large(t, c);
		return;
	}
	c->buffer = t->buffers + (size_t)(c - t->connections) * VSOCK_BUFFER_SIZE;
	c->size = VSOCK_BUFFER_SIZE;
}

/* Pages of it cost nothing again; where the host does not do that, they stay. */
static void give_buffer_back(struct vsock_table *t, const struct vsock_connection *c)
{
	if (c->kept)
		(void)madvise(c->buffer, c->size, memory_host_give_back);
	if (c->size == VSOCK_BUFFER_LARGE)
		t->large_free = (uint16_t)(t->large_free |
					   1u << (size_t)(c->buffer - t->large) / VSOCK_BUFFER_LARGE);
}

/* ---- places ---- */

struct vsock_connection *vsock_table_add(struct vsock_table *t, enum vsock_state state, int fd)
{
	struct vsock_connection *c = t->free;

	if (c == NULL)
		return NULL;
	t->free = c->next;
	counter_add(&t->n_used, 1);
	take_buffer(t, c);
	vsock_connection_init(c, state, fd);
	return c;
}

void vsock_table_remove(struct vsock_table *t, struct vsock_connection *c)
{
	assert(c->fd == -1);
	remove_name(t, c);
	vsock_table_clear_timer(t, c);
	vsock_table_look_no_more(t, c);
	unschedule(t, c);
	give_buffer_back(t, c);
	c->state = VSOCK_FREE;
	c->owes = 0;
	c->generation++;
	c->next = t->free;
	t->free = c;
	counter_add(&t->n_used, (uint64_t)-1);
}

/* Pages that are never written cost nothing. What they hold is no more for core files than the guest is. */
static int map_buffers(struct vsock_table *t, struct husk_error *e)
{
	const size_t small = (size_t)t->max * VSOCK_BUFFER_SIZE;
	const unsigned n_large = t->max < VSOCK_LARGE ? t->max : VSOCK_LARGE;
	const size_t size = small + (size_t)n_large * VSOCK_BUFFER_LARGE;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused, -1, 0);

	if (at == MAP_FAILED)
		return husk_fail_sys(e, errno, "%zu bytes for vsock connections", size);
	(void)madvise(at, size, memory_host_no_core);
	t->buffers = at;
	t->large = t->buffers + small;
	t->large_free = (uint16_t)((1u << n_large) - 1);
	t->buffers_size = size;
	return 0;
}

int vsock_table_init(struct vsock_table *t, unsigned max, struct husk_error *e)
{
	assert(max > 0);
	*t = (struct vsock_table){.max = max};
	TAILQ_INIT(&t->ready);
	TAILQ_INIT(&t->timed);
	TAILQ_INIT(&t->looking);
	t->connections = calloc(max, sizeof t->connections[0]);
	if (t->connections == NULL)
		return husk_fail_sys(e, errno, "vsock connections");
	if (map_buffers(t, e) == -1) {
		free(t->connections);
		return -1;
	}
	for (unsigned i = max; i-- > 0;) {
		t->connections[i].fd = -1;
		t->connections[i].next = t->free;
		t->free = &t->connections[i];
	}
	return 0;
}

void vsock_table_fini(struct vsock_table *t)
{
	munmap(t->buffers, t->buffers_size);
	free(t->connections);
}
