/* SPDX-License-Identifier: ISC */
/* serve.c: who serves the devices when: the I/O thread's turns, and the run loop's pauses. */
#include "clock.h"
#include "counter.h"
#include "guest.h"

/* How long the thread may take to pause once the run is to end, and how often that is looked at. */
#define PAUSE_GRACE_NS (500 * CLOCK_NS_PER_MS)
#define PAUSE_LOOK_NS (10 * CLOCK_NS_PER_MS)

#define BELL_KEY IO_KEY_MAX		/* of the thread's events; all others are the connections' */

/* ---- the thread ---- */

static enum io_turn on_turn(void *ctx, uint64_t now, struct husk_error *e)
{
	struct vsock_guest *g = ctx;
	const enum io_turn end = vsock_device_turn(&g->device, now, e);

	if (end == IO_IDLE)
		vsock_device_rest(&g->device, now, clock_now_ns());
	return end;
}

/* A doorbell needs no more than the turn that follows. */
static void on_event(void *ctx, uint64_t key, unsigned events, uint64_t now)
{
	const struct vsock_guest *g = ctx;

	_Static_assert((int)IO_READABLE == VSOCK_READABLE && (int)IO_WRITABLE == VSOCK_WRITABLE &&
		       (int)IO_HUNG_UP == VSOCK_HUNG_UP && (int)IO_ENDS == VSOCK_ENDS,
		       "events are passed on");
	if (key != BELL_KEY)
		vsock_mux_event(g->mux, key, events, now);
}

static uint64_t on_deadline(void *ctx)
{
	const struct vsock_guest *g = ctx;

	return vsock_device_deadline(&g->device);
}

static const struct io_client thread_client = {on_turn, on_event, on_deadline};

static void on_alarm(void *ctx)
{
	const struct vsock_module *s = ctx;

	core_post(s->core, s->client);
}

static int check_thread(void *ctx, struct husk_error *e)
{
	struct vsock_module *s = ctx;

	if (s->stuck)
		return husk_fail(e, HUSK_E_HOST, "vsock: a socket of the host's kept the I/O thread, and "
				 "the run was to end: connections are lost");
	return io_thread_check(&s->thread, e);
}

static void resume_thread(void *ctx)
{
	struct vsock_module *s = ctx;

	io_thread_resume(&s->thread);
	if (s->stuck)
		core_post(s->core, s->client);
}

/*
 * A connect to a socket on a file system that hangs, or an accept from a listener that somebody else has
 * made a blocking one, comes back when it likes. Without the thread the device is out of order for good.
 */
int serve_pause(void *ctx, struct husk_error *e)
{
	struct vsock_module *s = ctx;
	uint64_t grace = PAUSE_GRACE_NS;

	while (!s->stuck && !io_thread_pause_within(&s->thread, PAUSE_LOOK_NS)) {
		if (core_stopping(s->core))
			grace -= PAUSE_LOOK_NS;
		if (grace > 0)
			continue;
		io_thread_cancel(&s->thread);
		s->stuck = true;
	}
	return check_thread(s, e);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	const struct vsock_module *s = ctx;

	for (unsigned i = 0; how->end == CORE_HALTED && i < s->set.n; i++) {
		struct vsock_guest *g = device_set_at(&s->set, i);

		vsock_device_finish(&g->device, clock_now_ns());
	}
}

static const struct core_client run_client = {
	.resume = resume_thread, .attend = check_thread, .quiesce = serve_pause, .end = on_end,
};

/* ---- beginning and end ---- */

int serve_init(struct vsock_module *s, struct husk_error *e)
{
	if (io_thread_init(&s->thread, on_alarm, s, e) == -1)
		return -1;
	return core_add_client(s->core, &run_client, s, &s->client, e);
}

void serve_fini(struct vsock_module *s)
{
	io_thread_stop(&s->thread);
	core_remove_client(s->core, s->client);
	s->client = CORE_NO_CLIENT;
}

int serve_add(struct vsock_guest *g, struct husk_error *e)
{
	struct io_thread *t = &g->module->thread;
	const int client = io_thread_add(t, &thread_client, g);
	int rc;

	if (client == -1)
		return husk_fail(e, HUSK_E_HOST, "vsock device %s: there are too many", g->is.name);
	g->client = (unsigned)client;
	rc = io_thread_watch(t, g->client, g->bell.fd, BELL_KEY);
	return rc == 0 ? 0 : husk_fail_sys(e, -rc, "vsock device %s: its doorbell", g->is.name);
}

/* ---- what the guest waits for ---- */

/* By the thread: completions are there that the guest asked to be told of. */
void guest_call(void *ctx)
{
	struct vsock_guest *g = ctx;

	counter_add(&g->calls, 1);
	counter_add(&g->thread_calls, 1);
	__atomic_store_n(&g->called, true, __ATOMIC_RELEASE);
	wake_signal(&g->call);
}

static int source_fd(void *ctx)
{
	const struct vsock_guest *g = ctx;

	return g->call.fd;
}

/* The signal may come after the flag was seen: the descriptor is then readable for nothing, once. */
static int source_ready(void *ctx, bool readable, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	(void)e;
	if (readable || __atomic_load_n(&g->called, __ATOMIC_RELAXED)) {
		wake_drain(&g->call);
		g->vcpu_calls++;
	}
	return __atomic_exchange_n(&g->called, false, __ATOMIC_ACQUIRE);
}

struct event_source guest_source(struct vsock_guest *g)
{
	return (struct event_source){source_fd, source_ready, g};
}
