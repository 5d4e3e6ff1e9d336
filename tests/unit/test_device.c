/* SPDX-License-Identifier: ISC */
/* test_device.c: devices come with all their resources or not at all, and leave none behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define M UINT64_MAX
#define RAM UINT64_C(0x20000000)
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* A hypervisor that remembers its doorbells and fails when it is told to. */
struct fake {
	unsigned adds, fail_at;		/* fail_at: the call of add that fails, from 1; 0: none */
	int fail_errno;
	size_t n;
	struct bell {
		enum bus_kind kind;
		uint64_t addr;
		unsigned width;
		int fd;
	} bells[16];
};

static int fake_add(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
		    struct husk_error *e)
{
	struct fake *f = (struct fake *)hv;

	if (++f->adds == f->fail_at)
		return husk_fail_sys(e, f->fail_errno, "KVM_IOEVENTFD");
	assert_in_range(f->n, 0, COUNT(f->bells) - 1);
	f->bells[f->n++] = (struct bell){kind, addr, width, fd};
	return 0;
}

static void fake_del(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd)
{
	struct fake *f = (struct fake *)hv;

	for (size_t i = 0; i < f->n; i++) {
		const struct bell *b = &f->bells[i];

		if (b->kind != kind || b->addr != addr || b->width != width || b->fd != fd)
			continue;
		f->bells[i] = f->bells[--f->n];
		return;
	}
	fail_msg("a doorbell is taken away that is not there");
}

/* What a handler saw, and what it does. */
struct probe {
	unsigned calls;
	enum vmexit_result result;
	struct devices *change;
};

static enum vmexit_result probe_handler(void *ctx, uint64_t offset, const struct bus_access *a,
				     struct husk_error *e)
{
	struct probe *p = ctx;
	struct husk_error refused;
	uint32_t id = 0x5eed;

	(void)offset;
	(void)a;
	p->calls++;
	if (p->change != NULL) {
		const struct device_description late = {.name = "late"};

		assert_int_equal(devices_remove(p->change, 1, &refused), -1);
		assert_string_equal(refused.message, "device 1: cannot be removed: "
				    "a handler of the same bus is running");
		assert_int_equal(devices_add(p->change, &late, &id, &refused), -1);
		assert_string_equal(refused.message, "device late: cannot be added: "
				    "a handler of the same bus is running");
		assert_int_equal(id, 0x5eed);
	}
	if (p->result == VMEXIT_FAIL)
		husk_fail(e, HUSK_E_HOST, "the disk is gone");
	return p->result;
}

/* Numbers 0 to 8; the 32-bit write to the last one reaches three ports further. */
static const struct device_resource window[] = {
	{.kind = DEVICE_PIO, .start = 0x500, .last = 0x508 + 3, .handler = probe_handler},
};
static const struct device_resource net[] = {
	{.kind = DEVICE_PIO_DOORBELL, .start = 0x600, .last = 0x603, .fd = 7},
};
static const struct device_resource everything[] = {
	{.kind = DEVICE_PIO, .start = 0x700, .last = 0x70f, .handler = probe_handler},
	{.kind = DEVICE_MMIO, .start = RAM, .last = RAM + 0xfff, .handler = probe_handler},
	{.kind = DEVICE_MMIO, .start = M - 0xfff, .last = M, .handler = probe_handler},
	{.kind = DEVICE_PIO_DOORBELL, .start = 0x710, .last = 0x711, .fd = 3},
	{.kind = DEVICE_MMIO_DOORBELL, .start = RAM + 0x1000, .last = RAM + 0x1007, .fd = 4},
};

#define DESCRIBED(text, list) \
	{.name = (text), .resources = (list), .n_resources = COUNT(list)}

static const struct device_description a_window = DESCRIBED("hypercalls", window);
static const struct device_description a_net = DESCRIBED("net", net);
static const struct device_description all = DESCRIBED("all", everything);

struct machine {
	struct devices d;
	struct fake hv;
};

/* malloc: a machine is too large for a small stack, and sanitizers watch its ends. */
static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof *m);
	static const struct hv_doorbell_ops ops = {.add = fake_add, .del = fake_del};

	if (m == NULL)
		return -1;
	devices_init(&m->d, RAM, &ops, (struct hv *)&m->hv);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;
	bool clean;

	m->hv.fail_at = 0;
	devices_clear(&m->d);
	clean = m->hv.n == 0 && m->d.n == 0 && m->d.pio.n == 0 && m->d.mmio.n == 0;
	free(m);
	return clean ? 0 : -1;
}

static uint32_t add(struct machine *m, const struct device_description *what)
{
	struct husk_error e = {0};
	uint32_t id = 0;

	assert_int_equal(devices_add(&m->d, what, &id, &e), 0);
	assert_string_equal(e.message, "");
	return id;
}

static bool same_bus(const struct bus *x, const struct bus *y)
{
	bool same = x->n == y->n && x->in_dispatch == y->in_dispatch;

	for (size_t i = 0; same && i < x->n; i++)
		same = x->ranges[i].start == y->ranges[i].start &&
		       x->ranges[i].last == y->ranges[i].last &&
		       x->ranges[i].handler == y->ranges[i].handler &&
		       x->ranges[i].ctx == y->ranges[i].ctx && x->ranges[i].id == y->ranges[i].id;
	return same;
}

/* All that anybody can observe is as it was, doorbells included. */
static void assert_unchanged(const struct machine *m, const struct machine *before)
{
	assert_true(same_bus(&m->d.pio, &before->d.pio));
	assert_true(same_bus(&m->d.mmio, &before->d.mmio));
	assert_int_equal(m->d.n, before->d.n);
	assert_memory_equal(m->d.table, before->d.table, m->d.n * sizeof m->d.table[0]);
	assert_int_equal(m->hv.n, before->hv.n);
	assert_memory_equal(m->hv.bells, before->hv.bells, m->hv.n * sizeof m->hv.bells[0]);
}

/* Adding fails with exactly this message, and changes nothing. */
static void assert_refused(struct machine *m, const struct device_description *what,
			   const char *message)
{
	struct machine *before = malloc(sizeof *before);
	struct husk_error e = {0};
	uint32_t id = 0x5eed;

	assert_non_null(before);
	memcpy(before, m, sizeof *before);
	assert_int_equal(devices_add(&m->d, what, &id, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_string_equal(e.message, message);
	assert_int_equal(id, 0x5eed);
	assert_unchanged(m, before);
	free(before);
}

static void assert_one_refused(struct machine *m, struct device_resource r, const char *message)
{
	const struct device_description what = {
		.name = "new", .resources = &r, .n_resources = 1,
	};

	assert_refused(m, &what, message);
}

static void assert_bell(const struct bell *b, enum bus_kind kind, uint64_t addr, unsigned width,
			int fd)
{
	assert_int_equal(b->kind, kind);
	assert_int_equal(b->addr, addr);
	assert_int_equal(b->width, width);
	assert_int_equal(b->fd, fd);
}

static void a_device_gets_all_its_resources(void **state)
{
	struct machine *m = *state;

	assert_int_equal(add(m, &all), 1);
	assert_int_equal(bus_find(&m->d.pio, 0x70f)->id, 1);
	assert_ptr_equal(bus_find(&m->d.pio, 0x70f)->handler, probe_handler);
	assert_null(bus_find(&m->d.pio, 0x711)->handler);
	assert_int_equal(bus_find(&m->d.mmio, RAM)->id, 1);
	assert_int_equal(bus_find(&m->d.mmio, M)->id, 1);
	assert_null(bus_find(&m->d.mmio, RAM + 0x1007)->handler);
	assert_string_equal(bus_find(&m->d.mmio, M)->owner, "all");
	assert_int_equal(m->hv.n, 2);
	assert_bell(&m->hv.bells[0], BUS_PIO, 0x710, 2, 3);
	assert_bell(&m->hv.bells[1], BUS_MMIO, RAM + 0x1000, 8, 4);
}

static void every_handler_gets_the_device_s_context(void **state)
{
	struct machine *m = *state;
	struct probe p = {0};
	struct device_description what = a_window;
	const struct bus_access a = {.addr = 0x502, .width = 4, .count = 1, .write = true};
	struct husk_error e;

	what.ctx = &p;
	add(m, &what);
	assert_int_equal(bus_dispatch(&m->d.pio, &a, &e), VMEXIT_RESUME);
	assert_int_equal(p.calls, 1);
}

static void a_conflict_of_the_last_range_leaves_nothing_behind(void **state)
{
	static const struct device_resource list[] = {
		{.kind = DEVICE_PIO, .start = 0x700, .last = 0x70f, .handler = probe_handler},
		{.kind = DEVICE_PIO_DOORBELL, .start = 0x710, .last = 0x713, .fd = 9},
		{.kind = DEVICE_PIO, .start = 0x508, .last = 0x50f, .handler = probe_handler},
	};
	static const struct device_description what = DESCRIBED("block", list);
	struct machine *m = *state;

	add(m, &a_window);
	assert_refused(m, &what, "device block: ports 0x508-0x50f: already taken by hypercalls");
}

static void a_conflict_on_mmio_leaves_no_port_behind(void **state)
{
	static const struct device_resource list[] = {
		{.kind = DEVICE_PIO, .start = 0x600, .last = 0x600, .handler = probe_handler},
		{.kind = DEVICE_MMIO, .start = RAM + 0xfff, .last = RAM + 0xfff,
		 .handler = probe_handler},
	};
	static const struct device_description what = DESCRIBED("block", list);
	struct machine *m = *state;

	add(m, &all);
	assert_refused(m, &what,
		       "device block: mmio 0x20000fff-0x20000fff: already taken by all");
}

static void a_list_that_overlaps_itself_is_refused(void **state)
{
	static const struct device_resource ports[] = {
		{.kind = DEVICE_PIO, .start = 0x700, .last = 0x70f, .handler = probe_handler},
		{.kind = DEVICE_PIO, .start = 0x70f, .last = 0x710, .handler = probe_handler},
	};
	static const struct device_description twice = DESCRIBED("block", ports);
	struct machine *m = *state;

	assert_refused(m, &twice, "device block: ports 0x70f-0x710: already taken by block");
}

static void an_empty_range_is_refused(void **state)
{
	struct machine *m = *state;

	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_PIO, .start = 0x700, .last = 0x6ff, .handler = probe_handler,
	}, "device new: ports 0x700-0x6ff: not a range of this space");
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_MMIO, .start = M, .last = RAM, .handler = probe_handler,
	}, "device new: mmio 0xffffffffffffffff-0x20000000: not a range of this space");
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_MMIO_DOORBELL, .start = M, .last = 0,
	}, "device new: doorbell mmio 0xffffffffffffffff-0x0: not a range of this space");
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_PIO, .start = 0xffff, .last = 0x10000, .handler = probe_handler,
	}, "device new: ports 0xffff-0x10000: not a range of this space");
}

static void a_device_without_resources_is_a_device(void **state)
{
	static const struct device_description what = {.name = "dumpcore"};
	struct machine *m = *state;
	struct husk_error e;

	assert_int_equal(add(m, &what), 1);
	assert_int_equal(m->d.n, 1);
	assert_int_equal(m->d.pio.n + m->d.mmio.n, 0);
	assert_int_equal(devices_remove(&m->d, 1, &e), 0);
}

static void a_second_device_of_the_same_name_is_refused(void **state)
{
	static const struct device_description again = {.name = "net"};
	struct machine *m = *state;

	add(m, &a_window);
	add(m, &a_net);
	assert_refused(m, &again, "device net: the name is taken");
}

static void a_removed_device_gives_everything_back(void **state)
{
	struct machine *m = *state, *before = malloc(sizeof *before);
	struct husk_error e = {0};

	assert_non_null(before);
	assert_int_equal(add(m, &a_window), 1);
	memcpy(before, m, sizeof *before);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(add(m, &all), 2);	/* the same number each time */
		assert_int_equal(m->hv.n, 2);
		assert_int_equal(devices_remove(&m->d, 2, &e), 0);
		assert_unchanged(m, before);
	}
	free(before);
}

static void the_lowest_free_number_is_given_again(void **state)
{
	static const struct device_description d[] = {
		{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}, {.name = "e"},
	};
	struct machine *m = *state;
	struct husk_error e = {0};
	char out[100];

	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(add(m, &d[i]), i + 1);
	assert_int_equal(devices_remove(&m->d, 1, &e), 0);
	assert_int_equal(devices_remove(&m->d, 2, &e), 0);
	assert_int_equal(add(m, &d[1]), 1);
	devices_dump(&m->d, out, sizeof out);
	assert_string_equal(out, "1 b\n3 c\n4 d\n");
	assert_int_equal(add(m, &d[0]), 2);
	assert_int_equal(add(m, &d[4]), 5);
	devices_dump(&m->d, out, sizeof out);
	assert_string_equal(out, "1 b\n2 a\n3 c\n4 d\n5 e\n");
}

static void removing_whom_nobody_knows_is_refused(void **state)
{
	struct machine *m = *state;
	struct husk_error e = {0};

	add(m, &a_window);
	assert_int_equal(devices_remove(&m->d, 2, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_string_equal(e.message, "device 2: there is no such device");
	assert_int_equal(devices_remove(&m->d, 0, &e), -1);
	assert_int_equal(m->d.n, 1);
	assert_int_equal(devices_remove(&m->d, 1, &e), 0);
	assert_int_equal(devices_remove(&m->d, 1, &e), -1);
}

static void a_handler_can_neither_add_nor_remove_devices(void **state)
{
	struct machine *m = *state;
	struct probe p = {.change = &m->d};
	struct device_description what = all;
	const struct bus_access port = {.addr = 0x700, .width = 4, .count = 1, .write = true};
	const struct bus_access memory = {.addr = RAM, .width = 4, .count = 1, .write = true};
	struct husk_error e = {0};

	what.ctx = &p;
	add(m, &what);
	assert_int_equal(bus_dispatch(&m->d.pio, &port, &e), VMEXIT_RESUME);
	assert_int_equal(bus_dispatch(&m->d.mmio, &memory, &e), VMEXIT_RESUME);
	assert_int_equal(p.calls, 2);
	assert_int_equal(m->d.n, 1);
	assert_int_equal(devices_remove(&m->d, 1, &e), 0);
}

static void the_capacity_of_devices_is_told_apart(void **state)
{
	static const struct device_description one_more = {.name = "one more"};
	struct machine *m = *state;
	struct device_description what = {.name = NULL};
	char names[DEVICES_MAX][12], message[100];

	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "d%u", i);
		what.name = names[i];
		assert_int_equal(add(m, &what), i + 1);
	}
	snprintf(message, sizeof message, "device one more: there are %d devices already, "
		 "the most that a machine can have", DEVICES_MAX);
	assert_refused(m, &one_more, message);
	devices_clear(&m->d);
	assert_int_equal(add(m, &one_more), 1);
}

static void the_capacity_of_a_bus_is_told_apart(void **state)
{
	struct machine *m = *state;
	struct device_resource list[BUS_RANGES_MAX + 1];
	struct device_description what = {.name = "many", .resources = list};
	char message[100];

	for (size_t i = 0; i < COUNT(list); i++)
		list[i] = (struct device_resource){
			.kind = DEVICE_PIO, .start = 2 * i, .last = 2 * i, .handler = probe_handler,
		};
	what.n_resources = COUNT(list);
	snprintf(message, sizeof message, "device many: ports 0x%x-0x%x: the table is full",
		 2 * BUS_RANGES_MAX, 2 * BUS_RANGES_MAX);
	assert_refused(m, &what, message);
	what.n_resources--;
	assert_int_equal(add(m, &what), 1);
	devices_clear(&m->d);
}

static const char dumped[] =
	"1 hypercalls: ports 0x500-0x50b\n"
	"2 net: doorbell ports 0x600-0x603\n"
	"3 dumpcore\n"
	"4 all: ports 0x700-0x70f, mmio 0x20000000-0x20000fff, "
	"mmio 0xfffffffffffff000-0xffffffffffffffff, doorbell ports 0x710-0x711, "
	"doorbell mmio 0x20001000-0x20001007\n";

static void a_dump_has_one_line_per_device(void **state)
{
	static const struct device_description dumpcore = {.name = "dumpcore"};
	struct machine *m = *state;
	char out[1000] = "x";

	assert_int_equal(devices_dump(&m->d, out, sizeof out), 0);
	assert_string_equal(out, "");
	add(m, &a_window);
	add(m, &a_net);
	add(m, &dumpcore);
	add(m, &all);
	assert_int_equal(devices_dump(&m->d, out, sizeof out), strlen(dumped));
	assert_string_equal(out, dumped);
}

static void a_dump_is_cut_to_its_buffer_but_counted_in_full(void **state)
{
	static const struct device_description dumpcore = {.name = "dumpcore"};
	struct machine *m = *state;

	add(m, &a_window);
	add(m, &a_net);
	add(m, &dumpcore);
	add(m, &all);
	assert_int_equal(devices_dump(&m->d, NULL, 0), strlen(dumped));
	for (size_t size = 1; size <= sizeof dumped; size++) {
		char *out = malloc(size);	/* exactly: the byte beyond is watched */

		assert_non_null(out);
		assert_int_equal(devices_dump(&m->d, out, size), strlen(dumped));
		assert_int_equal(strlen(out), size - 1);
		assert_memory_equal(out, dumped, size - 1);
		free(out);
	}
}

static void a_doorbell_that_the_hypervisor_refuses_undoes_the_device(void **state)
{
	static const int causes[] = {ENOSPC, EEXIST, EBADF};
	struct machine *m = *state;
	char message[200];

	add(m, &a_window);
	for (size_t i = 0; i < COUNT(causes); i++)
		for (unsigned k = 1; k <= 2; k++) {
			m->hv.fail_at = m->hv.adds + k;
			m->hv.fail_errno = causes[i];
			snprintf(message, sizeof message,
				 "device all: doorbell %s: KVM_IOEVENTFD: %s", k == 1 ?
				 "ports 0x710-0x711" : "mmio 0x20001000-0x20001007",
				 strerror(causes[i]));
			assert_refused(m, &all, message);
		}
	m->hv.fail_at = 0;
	assert_int_equal(add(m, &all), 2);
}

static void the_cause_of_a_refused_doorbell_is_kept(void **state)
{
	struct machine *m = *state;
	struct husk_error e = {0};
	uint32_t id;

	m->hv.fail_at = 1;
	m->hv.fail_errno = ENOSPC;
	assert_int_equal(devices_add(&m->d, &a_net, &id, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, ENOSPC);
}

/* The k-th resource is in somebody's way, for every k: invariant 10. */
static void whichever_resource_fails_the_state_is_as_before(void **state)
{
	struct machine *m = *state;
	struct husk_error e = {0};
	uint32_t id;

	for (size_t k = 0; k < COUNT(everything); k++) {
		struct device_resource r = everything[k];
		const struct device_description blocker = {
			.name = "blocker", .resources = &r, .n_resources = 1,
		};
		struct machine *before = malloc(sizeof *before);

		assert_non_null(before);
		r.start = r.last;	/* its last byte or number is enough */
		assert_int_equal(devices_add(&m->d, &blocker, &id, &e), 0);
		memcpy(before, m, sizeof *before);
		assert_int_equal(devices_add(&m->d, &all, &id, &e), -1);
		assert_non_null(strstr(e.message, "already taken by blocker"));
		assert_unchanged(m, before);
		assert_int_equal(devices_remove(&m->d, id, &e), 0);
		free(before);
	}
	add(m, &all);
}

static void a_sealed_machine_takes_and_loses_no_device(void **state)
{
	struct machine *m = *state;
	const struct bus_access a = {.addr = 0x502, .width = 4, .count = 1, .write = true};
	struct probe p = {0};
	struct device_description what = a_window;
	struct husk_error e = {0};

	what.ctx = &p;
	add(m, &what);
	devices_seal(&m->d);
	assert_refused(m, &a_net, "device net: cannot be added: sealed, no more changes");
	assert_int_equal(devices_remove(&m->d, 1, &e), -1);
	assert_string_equal(e.message, "device 1: cannot be removed: sealed, no more changes");
	assert_int_equal(m->d.n, 1);
	assert_int_equal(bus_dispatch(&m->d.pio, &a, &e), VMEXIT_RESUME);
}

static void a_sealed_machine_can_still_be_cleared(void **state)
{
	struct machine *m = *state;

	add(m, &a_window);
	add(m, &all);
	devices_seal(&m->d);
	devices_clear(&m->d);
	assert_int_equal(m->d.n, 0);
	assert_int_equal(m->hv.n, 0);
	assert_int_equal(m->d.pio.n, 0);
	devices_clear(&m->d);
}

static void a_failing_handler_is_named_with_offset_and_width(void **state)
{
	struct machine *m = *state;
	struct probe p = {.result = VMEXIT_FAIL};
	struct device_description what = a_window;
	const struct bus_access a = {.addr = 0x504, .width = 4, .count = 1, .write = true};
	struct husk_error e = {0};

	what.ctx = &p;
	add(m, &what);
	assert_int_equal(bus_dispatch(&m->d.pio, &a, &e), VMEXIT_FAIL);
	assert_int_equal(e.kind, HUSK_E_HOST);	/* the handler's own word */
	assert_string_equal(e.message, "the disk is gone: device hypercalls, offset 0x4, width 4");
}

static void hypercalls_work_the_same_without_doorbells(void **state)
{
	struct machine *m = *state;
	struct probe p = {0};
	struct device_description what = a_window;
	const struct bus_access call = {.addr = 0x508, .width = 4, .count = 1, .write = true};
	const struct bus_access ring = {.addr = 0x600, .width = 4, .count = 1, .write = true};
	struct husk_error e = {0};

	devices_init(&m->d, RAM, NULL, NULL);
	what.ctx = &p;
	add(m, &what);
	assert_int_equal(bus_dispatch(&m->d.pio, &call, &e), VMEXIT_RESUME);
	assert_int_equal(p.calls, 1);
	assert_int_equal(bus_dispatch(&m->d.pio, &ring, &e), VMEXIT_FAIL);
	assert_string_equal(e.message, "Invalid guest port access: port=0x600, out of 4 bytes: "
			    "no device is there");
	assert_refused(m, &a_net,
		       "device net: doorbell ports 0x600-0x603: this hypervisor has no doorbells");
}

static void neither_doorbell_nor_mmio_may_lie_on_ram(void **state)
{
	struct machine *m = *state;
	struct device_resource r = {
		.kind = DEVICE_MMIO_DOORBELL, .start = RAM - 4, .last = RAM - 1,
	};
	const struct device_description what = {.name = "new", .resources = &r, .n_resources = 1};

	assert_refused(m, &what, "device new: doorbell mmio 0x1ffffffc-0x1fffffff: "
		       "guest memory lies there, up to 0x1fffffff");
	r.last = RAM + 3;
	assert_refused(m, &what, "device new: doorbell mmio 0x1ffffffc-0x20000003: "
		       "guest memory lies there, up to 0x1fffffff");
	r = (struct device_resource){
		.kind = DEVICE_MMIO, .start = RAM - 1, .last = RAM, .handler = probe_handler,
	};
	assert_refused(m, &what, "device new: mmio 0x1fffffff-0x20000000: "
		       "guest memory lies there, up to 0x1fffffff");
	r.start = RAM;
	assert_int_equal(add(m, &what), 1);
	devices_clear(&m->d);
}

static void a_machine_without_ram_takes_mmio_at_zero(void **state)
{
	static const struct device_resource r = {
		.kind = DEVICE_MMIO, .start = 0, .last = 0, .handler = probe_handler,
	};
	static const struct device_description what = {
		.name = "new", .resources = &r, .n_resources = 1,
	};
	struct machine *m = *state;

	devices_init(&m->d, 0, NULL, NULL);
	assert_int_equal(add(m, &what), 1);
}

static void a_second_doorbell_at_the_address_is_refused(void **state)
{
	struct machine *m = *state;

	add(m, &a_window);
	add(m, &a_net);
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_PIO_DOORBELL, .start = 0x600, .last = 0x603, .fd = 8,
	}, "device new: doorbell ports 0x600-0x603: already taken by net");
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_PIO_DOORBELL, .start = 0x600, .last = 0x600, .fd = 8,
	}, "device new: doorbell ports 0x600-0x600: already taken by net");
	assert_one_refused(m, (struct device_resource){
		.kind = DEVICE_PIO_DOORBELL, .start = 0x504, .last = 0x507, .fd = 8,
	}, "device new: doorbell ports 0x504-0x507: already taken by hypercalls");
	assert_int_equal(m->hv.adds, 1);	/* the hypervisor was not even asked */
}

static void a_doorbell_has_a_width_that_the_cpu_can_write(void **state)
{
	struct machine *m = *state;

	for (uint64_t width = 0; width <= 16; width++) {
		struct device_resource r = {
			.kind = DEVICE_PIO_DOORBELL, .start = 0x800, .last = 0x800 + width - 1,
		};
		const struct device_description what = {
			.name = "new", .resources = &r, .n_resources = 1,
		};
		char message[100];

		if (width == 1 || width == 2 || width == 4 || width == 8) {
			assert_int_equal(add(m, &what), 1);
			assert_int_equal(m->hv.bells[0].width, width);
			devices_clear(&m->d);
			continue;
		}
		snprintf(message, sizeof message, "device new: doorbell ports 0x800-0x%x: "
			 "a doorbell has 1, 2, 4 or 8 bytes", (unsigned)r.last);
		assert_refused(m, &what, message);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_gets_all_its_resources),
		TEST(every_handler_gets_the_device_s_context),
		TEST(a_conflict_of_the_last_range_leaves_nothing_behind),
		TEST(a_conflict_on_mmio_leaves_no_port_behind),
		TEST(a_list_that_overlaps_itself_is_refused),
		TEST(an_empty_range_is_refused),
		TEST(a_device_without_resources_is_a_device),
		TEST(a_second_device_of_the_same_name_is_refused),
		TEST(a_removed_device_gives_everything_back),
		TEST(the_lowest_free_number_is_given_again),
		TEST(removing_whom_nobody_knows_is_refused),
		TEST(a_handler_can_neither_add_nor_remove_devices),
		TEST(the_capacity_of_devices_is_told_apart),
		TEST(the_capacity_of_a_bus_is_told_apart),
		TEST(a_dump_has_one_line_per_device),
		TEST(a_dump_is_cut_to_its_buffer_but_counted_in_full),
		TEST(a_doorbell_that_the_hypervisor_refuses_undoes_the_device),
		TEST(the_cause_of_a_refused_doorbell_is_kept),
		TEST(whichever_resource_fails_the_state_is_as_before),
		TEST(a_sealed_machine_takes_and_loses_no_device),
		TEST(a_sealed_machine_can_still_be_cleared),
		TEST(a_failing_handler_is_named_with_offset_and_width),
		TEST(hypercalls_work_the_same_without_doorbells),
		TEST(neither_doorbell_nor_mmio_may_lie_on_ram),
		TEST(a_machine_without_ram_takes_mmio_at_zero),
		TEST(a_second_doorbell_at_the_address_is_refused),
		TEST(a_doorbell_has_a_width_that_the_cpu_can_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
