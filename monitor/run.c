/* SPDX-License-Identifier: ISC */
/* run.c: the library's face: a loaded machine runs, is stopped, and says how it has ended. */
#include <string.h>

#include "../include/husk/husk.h"
#include "deadline.h"
#include "machine.h"

#define STATUS_ABORT 255	/* include/solo5.h, SOLO5_EXIT_ABORT */

static int ready(const struct husk *h, struct husk_error *e)
{
	if (!h->loaded)
		return husk_fail(e, HUSK_E_USAGE, "the machine has no image to run");
	if (h->settings.look)
		return husk_fail(e, HUSK_E_USAGE, "the machine's devices were only looked at");
	if (h->ended)
		return husk_fail(e, HUSK_E_USAGE, "the guest has ended: another run takes another machine");
	return 0;
}

static enum husk_how how_failed(const struct husk *h, const struct husk_error *e)
{
	if (e->kind != HUSK_E_GUEST)
		return HUSK_HOW_HOST;
	switch (h->core.last.kind) {
	case HV_EXIT_FAULT:
		return HUSK_HOW_FAULT;
	case HV_EXIT_SHUTDOWN:
		return HUSK_HOW_LOST;
	case HV_EXIT_HALT:
		return HUSK_HOW_IDLE;
	default:
		return HUSK_HOW_CALL;
	}
}

static enum husk_end halted(struct husk *h, int *status)
{
	h->ended = true;
	h->status = *status = h->core.exit_status;
	h->how = *status == STATUS_ABORT ? HUSK_HOW_ABORT : HUSK_HOW_EXIT;
	machine_tell_trap(h);
	return HUSK_HALTED;
}

static enum husk_end stopped(struct husk *h, int reason, int *status)
{
	h->how = HUSK_HOW_STOP;
	h->status = *status = reason == CORE_TIMED_OUT ? 0 : reason;
	return reason == CORE_TIMED_OUT ? HUSK_TIMED_OUT : HUSK_STOPPED;
}

static enum husk_end failed(struct husk *h, enum husk_how how, const struct husk_error *e)
{
	h->how = how;
	h->status = 0;
	h->last = *e;
	return HUSK_FAILED;
}

enum husk_end husk_run(struct husk *h, int *status, struct husk_error *e)
{
	int reason = 0;

	if (ready(h, e) == -1)
		return HUSK_FAILED;
	if (machine_start(h, e) == -1)
		return failed(h, HUSK_HOW_HOST, e);
	h->last = (struct husk_error){0};
	switch (core_run(&h->core, &reason, e)) {
	case CORE_HALTED:
		return halted(h, status);
	case CORE_STOPPED:
		return stopped(h, reason, status);
	case CORE_FAILED:
		break;
	}
	machine_add_place(h, e);
	h->ended = e->kind == HUSK_E_GUEST;
	return failed(h, how_failed(h, e), e);
}

static void on_deadline(void *ctx)
{
	struct husk *h = ctx;

	core_time_out(&h->core);
}

enum husk_end husk_run_for(struct husk *h, uint64_t ns, int *status, struct husk_error *e)
{
	struct deadline d;
	enum husk_end end;

	if (ready(h, e) == -1)
		return HUSK_FAILED;
	if (h->confined) {
		husk_fail(e, HUSK_E_USAGE, "a confined process cannot have another thread, which "
			  "husk_run_for takes: call husk_run, and husk_stop from a thread of its own");
		return HUSK_FAILED;
	}
	if (machine_start(h, e) == -1 || deadline_start(&d, ns, on_deadline, h, e) == -1)
		return failed(h, HUSK_HOW_HOST, e);
	end = husk_run(h, status, e);
	(void)deadline_end(&d);
	core_forget_time(&h->core);
	return end;
}

void husk_ending(const struct husk *h, struct husk_ending *ending)
{
	const size_t size = ending->size == 0 || ending->size > sizeof *ending ? sizeof *ending :
			    ending->size;
	struct husk_ending found = {.size = ending->size, .how = h->how, .status = h->status};
	struct symbol_query q = {0};

	memcpy(found.device, h->last.device, sizeof found.device);
	found.located = h->how != HUSK_HOW_NONE && machine_address(h, &found.address);
	q.addr = found.address;
	if (found.located)
		machine_name(h, &q);
	memcpy(found.function, q.name, sizeof q.name);
	found.offset = q.name[0] == '\0' ? 0 : q.addr - q.start;
	memcpy(ending, &found, size);
	if (found.size > size)
		memset((uint8_t *)ending + size, 0, found.size - size);
}

void husk_attend(struct husk *h)
{
	if (__atomic_load_n(&h->loaded, __ATOMIC_ACQUIRE) && h->attention != CORE_NO_CLIENT)
		core_post(&h->core, h->attention);
}

void husk_post_mortem(struct husk *h, bool always)
{
	for (unsigned i = 0; i < h->n_attached; i++)
		if (h->modules[i]->post_mortem != NULL)
			h->modules[i]->post_mortem(h->state[i], &h->core, always);
}

void husk_stop(struct husk *h, int reason)
{
	if (__atomic_load_n(&h->loaded, __ATOMIC_ACQUIRE))
		core_stop(&h->core, reason);
}
