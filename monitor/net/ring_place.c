/* SPDX-License-Identifier: ISC */
/* ring_place.c: the shared ring: its memory, its doorbell, and what the run loop asks of it. */
#include "net.h"

#define PAGE 0x1000u
#define RING_SIZE ((sizeof(struct hvt_ring) + PAGE - 1) / PAGE * PAGE)

/* The ring is in low memory, so that it takes nothing from the memory that the guest manages. */
int net_reserve(void *state, struct core *c, struct husk_error *e)
{
	const struct net_module *s = state;
	const struct resource_request rq = {
		.size = RING_SIZE, .align = PAGE, .min = HVT_BOOT_INFO_GPA,
		.max = HVT_GUEST_MIN_BASE - 1, .owner = "network ring",
	};
	struct resource_range at;
	enum resource_status st;

	if (s->no_ring || s->set.n == 0 || net_queues_wanted(s, c))
		return 0;
	st = resource_alloc(&c->gpas, &rq, &at);
	if (st != RESOURCE_OK)
		return husk_fail(e, HUSK_E_IMAGE, "network ring: %s", resource_status_text(st));
	c->net_ring = at.start;
	return memory_declare(&c->memory, at.start, at.last, MEMORY_R | MEMORY_RING,
			      "network ring", e);
}

static enum vmexit_result on_kick(void *ctx, uint64_t offset, const struct bus_access *a,
				  struct husk_error *e)
{
	struct net_module *s = ctx;

	if (!a->write || a->width != sizeof(uint32_t) || offset != 0)
		return bus_refuse(cpu_ring_kick.kind, a, "a kick is one 32-bit store", e);
	s->kicks++;
	return ring_thread_kick(&s->thread, e) == -1 ? VMEXIT_FAIL : VMEXIT_RESUME;
}

/* Called by the I/O thread when it has failed. */
static void on_alarm(void *ctx)
{
	const struct net_module *s = ctx;

	core_post(s->core, s->client);
}

/* Each batch once, however often it is asked. */
void net_tell_batch(void *ctx, bool by_thread)
{
	struct net_module *s = ctx;
	const uint64_t out = s->ring.out - s->told_out, in = s->ring.in - s->told_in;
	struct facts f = {.n = 0};

	s->told_out += out;
	s->told_in += in;
	if (!core_is_noted(s->core) || out + in == 0)
		return;
	facts_number(&f, "out", out);
	facts_number(&f, "in", in);
	core_note(s->core, by_thread ? "ring_thread" : "ring", &f);
}

static bool on_stopping(void *ctx)
{
	const struct net_module *s = ctx;

	return core_stopping(s->core);
}

static int drain(void *ctx, struct husk_error *e)
{
	return net_drain(ctx, e);
}

/* attend reports the failure of the I/O thread, quiesce stops its work at the end of a run. */
const struct core_client net_client = {.attend = drain, .quiesce = drain};

struct ring_thread_host net_thread_host(struct net_module *s,
					void (*batch)(void *ctx, bool by_thread))
{
	return (struct ring_thread_host){on_alarm, on_stopping, s, batch};
}

int net_ring_attach(struct net_module *s, struct husk_error *e)
{
	struct core *c = s->core;
	const struct device_description what = {
		.name = "network ring", .resources = &s->doorbell, .n_resources = 1, .ctx = s,
	};

	if (c->net_ring == 0)
		return 0;
	s->doorbell = (struct device_resource){
		.kind = cpu_ring_kick.kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = cpu_ring_kick.base, .last = cpu_ring_kick.base + sizeof(uint32_t) - 1,
		.handler = on_kick,
	};
	if (ring_init(&s->ring, &c->memory, c->net_ring, net_device_of, s, e) == -1 ||
	    core_add_client(c, &net_client, s, &s->client, e) == -1)
		return -1;
	if (devices_add(&c->devices, &what, &s->doorbell_id, e) == 0)
		return 0;
	core_remove_client(c, s->client);
	return -1;
}

void net_ring_detach(struct net_module *s)
{
	struct husk_error ignored;

	if (!net_has_ring(s))
		return;
	core_remove_client(s->core, s->client);
	(void)devices_remove(&s->core->devices, s->doorbell_id, &ignored);
	s->doorbell_id = 0;
}
