/* SPDX-License-Identifier: ISC */
/* rig.c: puts a core, modules and devices together on the fake hypervisor. */
#include "rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_notice(void *ctx, const char *text)
{
	struct rig *r = ctx;

	snprintf(r->notices[r->n_notices++ % RIG_NOTICES], sizeof r->notices[0], "%s", text);
}

int rig_make(struct rig *r, uint64_t mem_size)
{
	memset(r, 0, sizeof *r);
	r->mft = calloc(1, sizeof *r->mft);
	if (r->mft == NULL)
		abort();
	r->mft->header = (struct mft_header){.version = MFT_VERSION, .entries = 1};
	r->mft->entry[0].type = MFT_RESERVED_FIRST;
	if (core_init(&r->core, &hv_fake_ops, mem_size, &r->e) == -1)
		return -1;
	r->core.notice = on_notice;
	r->core.notice_ctx = r;
	if (mem_size <= HVT_GUEST_MIN_BASE)
		return 0;
	return memory_declare(&r->core.memory, 0, HVT_GUEST_MIN_BASE - 1, MEMORY_R, "low memory",
			      &r->e);
}

void rig_free(struct rig *r)
{
	rig_stop(r);
	while (r->n_modules > 0) {
		r->n_modules--;
		module_detach(r->modules[r->n_modules], r->state[r->n_modules], &r->core, r->mft);
		r->modules[r->n_modules]->close(r->state[r->n_modules]);
	}
	core_fini(&r->core);
	settings_free(&r->settings);
	free(r->mft);
	r->mft = NULL;
}

void rig_device(struct rig *r, const char *name, uint32_t type)
{
	struct mft_entry *entry = &r->mft->entry[r->mft->header.entries++];

	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->type = type;
}

int rig_option(struct rig *r, const struct module *m, const char *word)
{
	const struct option_group group = {m->name, m->options, m->n_options};

	return settings_add(&r->settings, &group, 1, word, &r->e);
}

int rig_attach(struct rig *r, const struct module *m)
{
	void *state;

	if (r->n_modules == RIG_MODULES)
		abort();
	if (m->open(&state, &r->settings, r->mft, &r->e) == -1)
		return -1;
	if (module_attach(m, state, &r->core, r->mft, &r->e) == -1) {
		m->close(state);
		return -1;
	}
	if (m->start != NULL && m->start(state, &r->e) == -1) {
		module_detach(m, state, &r->core, r->mft);
		m->close(state);
		return -1;
	}
	r->modules[r->n_modules] = m;
	r->state[r->n_modules++] = state;
	return 0;
}

static enum rig_end meaning(const struct rig *r, enum core_end end)
{
	switch (end) {
	case CORE_HALTED:
		return RIG_HALTED;
	case CORE_STOPPED:
		return RIG_STOPPED;
	case CORE_FAILED:
		break;
	}
	return strcmp(r->e.message, HV_FAKE_OVER) == 0 ? RIG_RESUMED : RIG_FAILED;
}

#define STILL_RUNNING 100

static void *run_live(void *ctx)
{
	struct rig *r = ctx;
	enum core_end end = core_run(&r->core, &r->reason, &r->e);

	__atomic_store_n(&r->end, (int)end, __ATOMIC_RELEASE);
	return NULL;
}

static bool ended(void *ctx)
{
	const struct rig *r = ctx;

	return __atomic_load_n(&r->end, __ATOMIC_ACQUIRE) != STILL_RUNNING;
}

void rig_live(struct rig *r)
{
	r->live = r->core.hv->live = true;
	r->end = STILL_RUNNING;
	r->e = (struct husk_error){0};
	if (pthread_create(&r->thread, NULL, run_live, r) != 0)
		abort();
	while (!__atomic_load_n(&r->core.hv->idle, __ATOMIC_ACQUIRE) && !ended(r))
		sched_yield();
}

static enum rig_end leave_live(struct rig *r)
{
	pthread_join(r->thread, NULL);
	r->live = r->core.hv->live = false;
	return meaning(r, (enum core_end)r->end);
}

void rig_stop(struct rig *r)
{
	if (!r->live)
		return;
	core_stop(&r->core, 1);
	(void)leave_live(r);
}

enum rig_end rig_run(struct rig *r)
{
	int reason = 0;

	if (r->live) {
		hv_fake_play(r->core.hv, ended, r);
		return ended(r) ? leave_live(r) : RIG_RESUMED;
	}
	r->e = (struct husk_error){0};
	return meaning(r, core_run(&r->core, &reason, &r->e));
}

enum rig_end rig_call(struct rig *r, uint64_t nr, uint64_t arg)
{
	hv_fake_hypercall(r->core.hv, nr, (uint32_t)arg);
	return rig_run(r);
}

struct figure {
	const char *subject, *name;
	uint64_t value;
};

static void find_figure(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct figure *f = ctx;

	if (strcmp(subject, f->subject) == 0 && strcmp(name, f->name) == 0)
		f->value = value;
}

uint64_t rig_figure(const struct rig *r, unsigned n, const char *subject, const char *name)
{
	struct figure f = {subject, name, UINT64_MAX};

	r->modules[n]->report(r->state[n], find_figure, &f);
	return f.value;
}

void *rig_at(const struct rig *r, uint64_t gpa)
{
	return r->core.memory.base + gpa;
}

static int device_fd(void *ctx)
{
	return (int)(intptr_t)ctx;
}

static int device_ready(void *ctx, bool readable, struct husk_error *e)
{
	(void)ctx, (void)e;
	return readable;
}

int rig_add_device(struct rig *r, int fd, unsigned handle)
{
	const struct event_source source = {device_fd, device_ready, (void *)(intptr_t)fd};

	return events_add(&r->core.events, handle, &source, &r->e);
}
