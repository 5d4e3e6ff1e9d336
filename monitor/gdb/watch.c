/* SPDX-License-Identifier: ISC */
/* watch.c: waits for knocks in a thread of its own. */
#include "watch.h"

#include <poll.h>

#define KEY_LISTENER 0u
#define KEY_CONNECTION 1u

static void on_event(void *ctx, uint64_t key, unsigned events, uint64_t now)
{
	struct gdb_watch *w = ctx;

	(void)key, (void)events, (void)now;
	w->knocked = true;
}

/* What cannot be watched is looked at in the next stop. */
static void follow(struct gdb_watch *w)
{
	const unsigned changes = __atomic_load_n(&w->changes, __ATOMIC_ACQUIRE);
	const int fd = __atomic_load_n(&w->connection, __ATOMIC_RELAXED);

	if (changes == w->seen_changes)
		return;
	w->seen_changes = changes;
	if (fd != -1)
		(void)io_thread_watch(&w->thread, w->client, fd, KEY_CONNECTION);
}

static enum io_turn turn(void *ctx, uint64_t now, struct husk_error *e)
{
	struct gdb_watch *w = ctx;

	(void)now, (void)e;
	follow(w);
	if (w->knocked && __atomic_load_n(&w->armed, __ATOMIC_ACQUIRE))
		core_post(w->core, w->id);
	w->knocked = false;
	return IO_IDLE;
}

static void alarm_owner(void *ctx)
{
	(void)ctx;
}

static const struct io_client client = {.turn = turn, .event = on_event};

int gdb_watch_init(struct gdb_watch *w, int listener, struct core *c, unsigned id,
		   struct husk_error *e)
{
	int rc;

	*w = (struct gdb_watch){.core = c, .id = id, .connection = -1};
	if (io_thread_init(&w->thread, alarm_owner, w, e) == -1)
		return -1;
	w->client = (unsigned)io_thread_add(&w->thread, &client, w);
	rc = io_thread_watch(&w->thread, w->client, listener, KEY_LISTENER);
	if (rc == 0)
		return 0;
	gdb_watch_stop(w);
	return husk_fail_sys(e, -rc, "gdb: waiting for a debugger");
}

int gdb_watch_start(struct gdb_watch *w, struct husk_error *e)
{
	if (io_thread_start(&w->thread, e) == -1)
		return husk_wrap(e, "gdb");
	return 0;
}

/* The thread is told of changes, not of states: what was there before is asked for here. */
void gdb_watch_arm(struct gdb_watch *w, int fd, int door, bool look)
{
	struct pollfd now[] = {{.fd = look ? fd : -1, .events = POLLIN}, {.fd = door, .events = POLLIN}};

	if (fd != __atomic_load_n(&w->connection, __ATOMIC_RELAXED)) {
		__atomic_store_n(&w->connection, fd, __ATOMIC_RELAXED);
		(void)__atomic_fetch_add(&w->changes, 1, __ATOMIC_RELEASE);
		io_thread_wake(&w->thread);
	}
	__atomic_store_n(&w->armed, true, __ATOMIC_SEQ_CST);
	if (fd != -1 && poll(now, 2, 0) > 0)
		core_post(w->core, w->id);
}

void gdb_watch_disarm(struct gdb_watch *w)
{
	__atomic_store_n(&w->armed, false, __ATOMIC_SEQ_CST);
}

void gdb_watch_stop(struct gdb_watch *w)
{
	io_thread_stop(&w->thread);
}
