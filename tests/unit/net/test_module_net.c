/* SPDX-License-Identifier: ISC */
/* test_module_net.c: network devices, from their options to frames by hypercall and by ring. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../../monitor/boot.h"
#include "../../../monitor/machine.h"
#include "bare.h"
#include "image.h"
#include "rig.h"
#include "expect.h"
#include "../../../monitor/net/ring_credit.h"
#include "../../../monitor/net/processors.h"
#include "../../../monitor/net/uplink.h"
#include "ring_peer.h"
#include "wire.h"

#define WRITE HVT_HYPERCALL_NET_WRITE
#define READ HVT_HYPERCALL_NET_READ
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define DATA (HVT_GUEST_MIN_BASE + 0x10000u)
#define ROOM 1514u
#define MS 1000000ull
#define BURST 4u			/* kicks in a row that hand the ring over */
#define PATIENCE_S 20
#define DEVICES 3u

extern const struct module module_net;

/* ---- host calls that are made to fail ---- */

static struct {
	unsigned callocs, calloc_fails;	/* the n-th of them does, 0: none */
	bool random_fails;
	const uint8_t *random;		/* what it gives instead, 6 bytes */
	int create_error, eventfd_error;
	bool mtu_hidden;		/* of all uplinks */
} host;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
ssize_t __real_getrandom(void *to, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t len, unsigned flags);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);
bool __wrap_processors_only_one(void);
bool __wrap_ring_credit_allows(const struct ring_credit *c);
bool __wrap_ring_credit_spent(const struct ring_credit *c);
int64_t __wrap_ring_credit_patience(const struct ring_credit *c);

void *__wrap_calloc(size_t n, size_t size)
{
	return ++host.callocs == host.calloc_fails ? NULL : __real_calloc(n, size);
}

ssize_t __wrap_getrandom(void *to, size_t len, unsigned flags)
{
	errno = ENOSYS;
	if (host.random_fails)
		return -1;
	if (host.random == NULL)
		return __real_getrandom(to, len, flags);
	memcpy(to, host.random, len);
	return (ssize_t)len;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg)
{
	return host.create_error != 0 ? host.create_error :
	       __real_pthread_create(thread, attributes, start, arg);
}

/* Rings always have their thread, and get it after BURST kicks, however long these take here. */
bool __wrap_processors_only_one(void)
{
	return false;
}

bool __wrap_ring_credit_allows(const struct ring_credit *c)
{
	(void)c;
	return true;
}

bool __wrap_ring_credit_spent(const struct ring_credit *c)
{
	(void)c;
	return false;
}

int64_t __wrap_ring_credit_patience(const struct ring_credit *c)
{
	(void)c;
	return 1 << 26;
}

int __real_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);
int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	int rc = __real_uplink_open(u, rq, e);

	if (rc == 0)
		(*u)->mtu_hidden = host.mtu_hidden;
	return rc;
}

/* ---- a guest with network devices ---- */

struct fixture {
	struct rig rig;
	struct wire wires[DEVICES];	/* of handles 1, 2, ... */
	unsigned n_devices;
	char words[16][128];		/* options, which must live as long as rig */
	unsigned n_words;
	struct ring_peer guest;
	unsigned kicks;			/* of the guest */
	int files;			/* descriptors that were open before */
	unsigned notices;
	char notice[400];		/* the last one */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	signal(SIGPIPE, SIG_IGN);
	*state = &f;
	f.files = open_descriptors();
	for (unsigned i = 0; i < DEVICES; i++)
		wire_make(&f.wires[i]);
	return rig_make(&f.rig, RIG_MEMORY);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	for (unsigned i = 0; i < DEVICES; i++)
		wire_free(&f->wires[i]);
	return open_descriptors() == f->files ? 0 : -1;
}

static int option(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int option(struct fixture *f, const char *fmt, ...)
{
	char *word = f->words[f->n_words++ % 16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word, sizeof f->words[0], fmt, ap);
	va_end(ap);
	return rig_option(&f->rig, &module_net, word);
}

/* The next device, "service0" for the first, on its wire. */
static void add_device(struct fixture *f)
{
	char name[16];
	unsigned i = f->n_devices++;

	snprintf(name, sizeof name, "service%u", i);
	rig_device(&f->rig, name, MFT_DEV_NET_BASIC);
	assert_int_equal(option(f, "--net:%s=%s", name, f->wires[i].where), 0);
}

/* What happens to low memory between a module's open and its attach. */
static int reserve(struct fixture *f, void *s)
{
	struct core *c = &f->rig.core;

	memory_init(&c->memory, c->memory.base, c->memory.size);
	if (resource_space_init(&c->gpas, 0, RIG_MEMORY - 1) != RESOURCE_OK ||
	    boot_reserve(&c->gpas, f->rig.mft, &f->rig.e) == -1 ||
	    module_net.reserve(s, c, &f->rig.e) == -1)
		return -1;
	return boot_protect(&c->memory, &f->rig.e);
}

/* Also closes the module if it is the end of it. */
static int attach_net(struct fixture *f)
{
	struct rig *r = &f->rig;
	void *s;

	if (module_net.open(&s, &r->settings, r->mft, &r->e) == -1)
		return -1;
	if (reserve(f, s) == -1 || module_attach(&module_net, s, &r->core, r->mft, &r->e) == -1) {
		module_net.close(s);
		return -1;
	}
	assert_int_equal(module_net.start(s, &r->e), 0);
	r->modules[r->n_modules] = &module_net;
	r->state[r->n_modules++] = s;
	if (r->core.net_ring != 0)
		ring_peer_init(&f->guest, rig_at(r, r->core.net_ring));
	return 0;
}

static void attach(struct fixture *f)
{
	if (attach_net(f) != 0)
		fail_msg("%s", f->rig.e.message);
	memset(rig_at(&f->rig, HVT_GUEST_MIN_BASE), FILLER, RIG_MEMORY - HVT_GUEST_MIN_BASE);
}

static int set_up_device(void **state)
{
	if (set_up(state) != 0)
		return -1;
	add_device(*state);
	attach(*state);
	return 0;
}

/* The same without a ring. */
static int set_up_plain(void **state)
{
	if (set_up(state) != 0)
		return -1;
	add_device(*state);
	assert_int_equal(option(*state, "--no-net-ring"), 0);
	attach(*state);
	return 0;
}

static void assert_not_opened(struct fixture *f, enum husk_error_class kind, const char *message)
{
	int files = open_descriptors();

	assert_int_equal(attach_net(f), -1);
	assert_error(&f->rig.e, kind, message);
	assert_int_equal(open_descriptors(), files);
}

static void host_sends(struct fixture *f, unsigned device, uint32_t n, size_t len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	wire_fill(frame, len, n);
	assert_true(wire_send(&f->wires[device], frame, len));
}

static void assert_host_gets(struct fixture *f, unsigned device, uint32_t n, long len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	assert_int_equal(wire_receive(&f->wires[device], frame), len);
	assert_true(wire_matches(frame, (size_t)len, n));
}

static void assert_host_gets_nothing(struct fixture *f, unsigned device)
{
	uint8_t frame[WIRE_FRAME_MAX];

	assert_int_equal(wire_receive(&f->wires[device], frame), -1);
}

static uint64_t figure(const struct fixture *f, const char *subject, const char *name)
{
	return rig_figure(&f->rig, 0, subject, name);
}

#define assert_figure(f, subject, name, value) \
	assert_true(figure((f), (subject), (name)) == (uint64_t)(value))

/* ---- hypercalls ---- */

static enum rig_end call_at(struct fixture *f, unsigned nr, uint64_t gpa, const struct hvt_net *rq)
{
	memcpy(rig_at(&f->rig, gpa), rq, sizeof *rq);
	return rig_call(&f->rig, nr, gpa);
}

static enum rig_end call(struct fixture *f, unsigned nr, uint64_t handle, uint64_t data,
			 uint64_t len)
{
	const struct hvt_net rq = {handle, data, len, 0x77777777, 0x66666666};

	return call_at(f, nr, ARG, &rq);
}

/* The call comes back with ret, and has changed nothing else of its structure but len. */
static void assert_call(struct fixture *f, unsigned nr, uint64_t handle, uint64_t data,
			uint64_t len, int ret, uint64_t len_after)
{
	struct hvt_net rq;

	if (call(f, nr, handle, data, len) != RIG_RESUMED)
		fail_msg("%s", f->rig.e.message);
	memcpy(&rq, rig_at(&f->rig, ARG), sizeof rq);
	assert_int_equal(rq.ret, ret);
	assert_true(rq.len == len_after);
	assert_true(rq.handle == handle && rq.data == data && rq.pad == 0x66666666);
}

static void assert_writes(struct fixture *f, uint64_t handle, uint64_t data, uint64_t len)
{
	assert_call(f, WRITE, handle, data, len, HVT_OK, len);
}

static void assert_reads(struct fixture *f, uint64_t handle, uint64_t room, uint32_t n,
			 uint64_t len)
{
	assert_call(f, READ, handle, DATA, room, HVT_OK, len);
	assert_true(wire_matches(rig_at(&f->rig, DATA), len, n));
}

static void assert_reads_nothing(struct fixture *f, uint64_t handle)
{
	assert_call(f, READ, handle, DATA, ROOM, HVT_AGAIN, ROOM);
}

static void a_frame_is_written(void **state)
{
	struct fixture *f = *state;

	wire_fill(rig_at(&f->rig, DATA), 100, 5);
	assert_writes(f, 1, DATA, 100);
	assert_host_gets(f, 0, 5, 100);
	assert_host_gets_nothing(f, 0);
}

static void a_frame_is_read(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 0, 6, 333);
	assert_reads(f, 1, ROOM, 6, 333);
	assert_reads_nothing(f, 1);
}

static void the_result_of_a_read_is_written_and_no_more(void **state)
{
	struct fixture *f = *state;
	const uint8_t *at = rig_at(&f->rig, 0);

	host_sends(f, 0, 6, 333);
	assert_reads(f, 1, ROOM, 6, 333);
	for (uint64_t gpa = HVT_GUEST_MIN_BASE; gpa < RIG_MEMORY; gpa++) {
		bool ours = (gpa >= ARG && gpa < ARG + sizeof(struct hvt_net)) ||
			    (gpa >= DATA && gpa < DATA + 333);

		if (!ours && at[gpa] != FILLER)
			fail_msg("0x%llx was written", (unsigned long long)gpa);
	}
}

static void handles_of_no_network_device_are_refused(void **state)
{
	static const uint64_t handles[] = {
		0, 2, 3, 63, 64, 65, (1ull << 32) + 1, 1ull << 32, 1ull << 63, (1ull << 63) + 1,
		UINT32_MAX, UINT64_MAX,
	};
	struct fixture *f = *state;

	rig_free(&f->rig);
	assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
	f->n_devices = 0;
	add_device(f);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	attach(f);
	host_sends(f, 0, 1, 60);
	for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
		assert_call(f, WRITE, handles[i], DATA, 60, HVT_EINVAL, 60);
		assert_call(f, READ, handles[i], DATA, 60, HVT_EINVAL, 60);
		assert_call(f, WRITE, handles[i], UINT64_MAX, 60, HVT_EINVAL, 60);
		assert_call(f, READ, handles[i], UINT64_MAX, 60, HVT_EINVAL, 60);
	}
	assert_host_gets_nothing(f, 0);
	assert_reads(f, 1, ROOM, 1, 60);
}

static void frames_are_dropped_and_the_guest_goes_on(void **state)
{
	struct fixture *f = *state;

	assert_writes(f, 1, DATA, 0);
	assert_writes(f, 1, DATA, 13);
	assert_writes(f, 1, DATA, ROOM + 1);
	assert_writes(f, 1, DATA, 0x10000);
	assert_host_gets_nothing(f, 0);
	assert_figure(f, "net:service0", "tx_short", 2);
	assert_figure(f, "net:service0", "tx_long", 2);
	for (int i = 0; i < 2000; i++)
		assert_writes(f, 1, DATA, ROOM);
	assert_true(figure(f, "net:service0", "tx_full") > 0);
	wire_close_host(&f->wires[0]);
	assert_writes(f, 1, DATA, 60);
	assert_figure(f, "net:service0", "tx_error", 1);
	assert_reads_nothing(f, 1);
	assert_writes(f, 1, DATA, 60);
	assert_figure(f, "net:service0", "tx_down", 1);
}

static void a_frame_that_does_not_fit_is_not_read_in_part(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 0, 1, 101);
	host_sends(f, 0, 2, 100);
	assert_reads(f, 1, 100, 2, 100);
	assert_figure(f, "net:service0", "rx_long", 1);
}

static void a_read_in_vain_leaves_the_length_alone(void **state)
{
	struct fixture *f = *state;

	assert_call(f, READ, 1, DATA, 12345, HVT_AGAIN, 12345);
	assert_call(f, READ, 1, DATA, 0, HVT_AGAIN, 0);
	host_sends(f, 0, 1, 60);
	assert_call(f, READ, 1, DATA, 59, HVT_AGAIN, 59);
}

static void frames_outside_memory_end_the_guest(void **state)
{
	static const struct { uint64_t data, len; } bad[] = {
		{RIG_MEMORY - 59, 60}, {RIG_MEMORY, 60}, {RIG_MEMORY + 1, 0}, {UINT64_MAX, 1},
		{UINT64_MAX, 60}, {DATA, RIG_MEMORY}, {DATA, UINT64_MAX}, {DATA, UINT64_MAX - DATA + 1},
		{(1ull << 32) + DATA, 60}, {1ull << 63, 60}, {0, 1ull << 63}, {UINT64_MAX, UINT64_MAX},
	};
	struct fixture *f = *state;

	host_sends(f, 0, 1, 60);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[120];

		snprintf(text, sizeof text, "network device service0: Invalid guest access: gpa=0x%llx, "
			 "sz=%llu", (unsigned long long)bad[i].data, (unsigned long long)bad[i].len);
		assert_guest_error(&f->rig, call(f, WRITE, 1, bad[i].data, bad[i].len), text);
		assert_guest_error(&f->rig, call(f, READ, 1, bad[i].data, bad[i].len), text);
	}
	assert_host_gets_nothing(f, 0);
}

static void the_last_byte_of_memory_is_usable(void **state)
{
	struct fixture *f = *state;
	const struct hvt_net rq = {1, RIG_MEMORY - 60, 60, 0, 0};

	host_sends(f, 0, 7, 60);
	assert_call(f, READ, 1, RIG_MEMORY - 60, 60, HVT_OK, 60);
	assert_true(wire_matches(rig_at(&f->rig, RIG_MEMORY - 60), 60, 7));
	assert_writes(f, 1, RIG_MEMORY - 60, 60);
	assert_host_gets(f, 0, 7, 60);
	assert_int_equal(call_at(f, WRITE, RIG_MEMORY - sizeof rq, &rq), RIG_RESUMED);
	assert_int_equal(call_at(f, READ, RIG_MEMORY - sizeof rq, &rq), RIG_RESUMED);
	for (unsigned nr = WRITE; nr <= READ; nr++) {
		assert_guest_error(&f->rig, rig_call(&f->rig, nr, RIG_MEMORY - sizeof rq + 1),
				   "Invalid guest access");
		assert_guest_error(&f->rig, rig_call(&f->rig, nr, UINT32_MAX),
				   "Invalid guest access");
	}
}

static void low_memory_can_be_sent_but_not_received_into(void **state)
{
	struct fixture *f = *state;
	uint64_t ring = f->rig.core.net_ring;

	wire_fill(rig_at(&f->rig, HVT_BOOT_INFO_GPA), 60, 3);
	assert_writes(f, 1, HVT_BOOT_INFO_GPA, 60);
	assert_host_gets(f, 0, 3, 60);
	host_sends(f, 0, 4, 60);
	assert_guest_error(&f->rig, call(f, READ, 1, HVT_BOOT_INFO_GPA, 60),
			   "inside read-only low memory");
	assert_guest_error(&f->rig, call(f, READ, 1, HVT_GUEST_MIN_BASE - 1, 60),
			   "inside read-only low memory");
	assert_guest_error(&f->rig, call(f, READ, 1, ring, 60), "inside read-only network ring");
	assert_guest_error(&f->rig, call(f, READ, 1, ring + sizeof(struct hvt_ring) - 1, 60),
			   "read-only network");
	assert_reads(f, 1, ROOM, 4, 60);
}

static void a_result_is_not_written_where_the_guest_may_not_write(void **state)
{
	const struct hvt_net write = {1, DATA, 60, 0, 0};
	struct fixture *f = *state;
	uint64_t ring = f->rig.core.net_ring;

	assert_guest_error(&f->rig, call_at(f, WRITE, 0x20000, &write), "inside read-only");
	assert_guest_error(&f->rig, call_at(f, READ, 0x20000, &write), "inside read-only");
	assert_guest_error(&f->rig, call_at(f, WRITE, ring + 0x4000, &write),
			   "inside read-only network ring");
	/* Only ret is written without a frame, and ret and len with one. */
	assert_int_equal(call_at(f, WRITE, HVT_GUEST_MIN_BASE - 24, &write), RIG_RESUMED);
	assert_int_equal(call_at(f, READ, HVT_GUEST_MIN_BASE - 24, &write), RIG_RESUMED);
	host_sends(f, 0, 1, 60);
	assert_guest_error(&f->rig, call_at(f, READ, HVT_GUEST_MIN_BASE - 24, &write),
			   "read-only low memory");
	host_sends(f, 0, 1, 60);
	assert_int_equal(call_at(f, READ, HVT_GUEST_MIN_BASE - 16, &write), RIG_RESUMED);
}

static void a_frame_may_overlap_the_structure(void **state)
{
	const struct hvt_net rq = {1, ARG, 60, 0x77, 0x66};
	struct fixture *f = *state;
	struct hvt_net after;
	uint8_t frame[60];

	assert_int_equal(call_at(f, WRITE, ARG, &rq), RIG_RESUMED);
	assert_int_equal(wire_receive(&f->wires[0], frame), 60);
	assert_memory_equal(frame, &rq, sizeof rq);
	host_sends(f, 0, 8, 60);
	assert_int_equal(call_at(f, READ, ARG, &rq), RIG_RESUMED);
	memcpy(&after, rig_at(&f->rig, ARG), sizeof after);
	assert_true(after.len == 60);
	assert_int_equal(after.ret, HVT_OK);
}

static void structures_need_no_alignment(void **state)
{
	const struct hvt_net rq = {1, DATA + 1, 60, 0, 0};
	struct fixture *f = *state;

	for (unsigned i = 0; i < 8; i++) {
		host_sends(f, 0, i, 60);
		assert_int_equal(call_at(f, READ, ARG + i, &rq), RIG_RESUMED);
		assert_true(wire_matches(rig_at(&f->rig, DATA + 1), 60, i));
	}
}

static void each_device_is_reached_by_its_handle(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	add_device(f);
	attach(f);
	for (unsigned i = 0; i < 2; i++) {
		unsigned handle = i == 0 ? 1 : 3;

		wire_fill(rig_at(&f->rig, DATA), 60, i);
		assert_writes(f, handle, DATA, 60);
		assert_host_gets(f, i, i, 60);
		assert_host_gets_nothing(f, 1 - i);
		host_sends(f, i, 10 + i, 70);
		assert_reads_nothing(f, 4 - handle);
		assert_reads(f, handle, ROOM, 10 + i, 70);
	}
	assert_figure(f, "net:service0", "frames_sent", 1);
	assert_figure(f, "net:service1", "frames_received", 1);
}

/* ---- options ---- */

static void assert_has_mac(const struct fixture *f, uint64_t mac)
{
	const uint8_t *got = f->rig.mft->entry[1].u.net.mac;

	for (int i = 0; i < 6; i++)
		assert_int_equal(got[i], mac >> (40 - 8 * i) & 0xff);
}

static void assert_mac(struct fixture *f, const char *text, uint64_t mac)
{
	rig_free(&f->rig);
	assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
	f->n_devices = 0;
	add_device(f);
	if (option(f, "--net-mac:service0=%s", text) != 0)
		fail_msg("%s", f->rig.e.message);
	attach(f);
	assert_has_mac(f, mac);
}

static void a_mac_address_is_taken_as_given(void **state)
{
	assert_mac(*state, "02:00:00:12:34:56", 0x020000123456);
	assert_mac(*state, "00:00:00:00:00:01", 0x000000000001);
	assert_mac(*state, "fe:DC:ba:98:76:54", 0xfedcba987654);
	assert_mac(*state, "2:0:0:1:a:B", 0x020000010a0b);
	assert_mac(*state, "00:ff:ff:ff:ff:ff", 0x00ffffffffff);
}

static void what_is_no_mac_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"02", "02:00:00:12:34", "02:00:00:12:34:", "02:00:00:12:34:56:", "02:00:00:12:34:56:78",
		"02:00:00:12:34:567", "002:00:00:12:34:56", "02-00-00-12-34-56", "02:00:00:12:34:5g",
		" 02:00:00:12:34:56", "02:00:00:12:34:56 ", "02: 0:00:12:34:56", "0x:00:00:12:34:56",
		"+2:00:00:12:34:56", "-2:00:00:12:34:56", "02:00::12:34:56", ":02:00:00:12:34:56",
		"020000123456", "02:00:00:12:34:56\n", "::::::", "02:00:00:12:0x:56",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (option(f, "--net-mac:service0=%s", bad[i]) != -1)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(f->rig.e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f->rig.e.message, "' is not a MAC address such as "
				       "02:00:00:12:34:56"));
		assert_non_null(strstr(f->rig.e.message, bad[i]));
	}
	assert_int_equal(option(f, "--net-mac:service0="), -1);
	assert_int_equal(option(f, "--net-mac=02:00:00:12:34:56"), -1);
}

static void group_addresses_are_refused(void **state)
{
	static const char *const groups[] = {
		"01:00:00:12:34:56", "03:00:00:12:34:56", "ff:ff:ff:ff:ff:ff", "1:0:0:0:0:0",
		"33:33:00:00:00:01", "01:00:5e:00:00:01",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		assert_int_equal(option(f, "--net-mac:service0=%s", groups[i]), -1);
		assert_int_equal(f->rig.e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f->rig.e.message, "is a group address"));
	}
}

static void a_random_address_is_local_and_of_one_station(void **state)
{
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, zeros[6];
	struct fixture *f = *state;

	host.random = ones;
	add_device(f);
	attach(f);
	assert_has_mac(f, 0xfeffffffffff);
	host.random = zeros;
	assert_mac(f, "00:00:00:00:00:00", 0x020000000000);
	host.random = ones;
	assert_mac(f, "0:0:0:0:0:0", 0xfeffffffffff);
	host.random_fails = true;
	assert_mac(f, "0:0:0:0:0:1", 1);
}

static void every_device_gets_a_random_address_of_its_own(void **state)
{
	struct fixture *f = *state;
	const struct mft_entry *entry = f->rig.mft->entry;

	for (unsigned i = 0; i < DEVICES; i++)
		add_device(f);
	attach(f);
	for (unsigned i = 1; i <= DEVICES; i++) {
		assert_int_equal(entry[i].u.net.mac[0] & 3, 2);
		assert_int_not_equal(memcmp(entry[i].u.net.mac, entry[i % DEVICES + 1].u.net.mac, 6), 0);
	}
}

static void without_random_numbers_there_is_no_address(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	host.random_fails = true;
	assert_not_opened(f, HUSK_E_HOST, "random hardware address for service0: Function not impl");
}

static void the_last_option_for_a_device_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(option(f, "--net:service0=nowhere"), 0);
	add_device(f);
	assert_int_equal(option(f, "--net-mac:service0=02:00:00:00:00:01"), 0);
	assert_int_equal(option(f, "--net-mac:service1=02:00:00:00:00:02"), 0);
	assert_int_equal(option(f, "--net-mac:service0=02:00:00:00:00:03"), 0);
	attach(f);
	assert_int_equal(f->rig.mft->entry[1].u.net.mac[5], 3);
}

static void the_mtu_is_1500_or_what_is_said(void **state)
{
	static const struct { const char *said; unsigned mtu; } cases[] = {
		{"68", 68}, {"576", 576}, {"1500", 1500}, {"9000", 9000}, {"65521", 65521},
	};
	static const char *const bad[] = {"0", "67", "65522", "65536", "-1", "1500x", "0x5dc", " 68",
					  "1e3", "18446744073709551617"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_free(&f->rig);
		assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
		f->n_devices = 0;
		add_device(f);
		assert_int_equal(option(f, "--net-mtu:service0=9001"), 0);
		assert_int_equal(option(f, "--net-mtu:service0=%s", cases[i].said), 0);
		attach(f);
		assert_int_equal(f->rig.mft->entry[1].u.net.mtu, cases[i].mtu);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (option(f, "--net-mtu:service0=%s", bad[i]) != -1)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(f->rig.e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f->rig.e.message, bad[i]));
	}
}

static void on_notice(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	f->notices++;
	snprintf(f->notice, sizeof f->notice, "%s", text);
}

/* Opens the devices, has them confirmed and closes them. */
static void confirm(struct fixture *f)
{
	struct module_host program = {.notice = on_notice, .notice_ctx = f};
	struct rig *r = &f->rig;
	void *s;

	f->notices = 0;
	assert_int_equal(module_net.open(&s, &r->settings, r->mft, &r->e), 0);
	assert_int_equal(module_net.confirm(s, &program, &r->e), 0);
	program.notice = NULL;
	assert_int_equal(module_net.confirm(s, &program, &r->e), 0);
	module_net.close(s);
}

static void an_assumed_mtu_is_told(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	add_device(f);
	confirm(f);
	assert_int_equal(f->notices, 0);
	host.mtu_hidden = true;
	confirm(f);
	assert_int_equal(f->notices, 2);
	assert_string_equal(f->notice, "network device service1: the MTU of its interface cannot be found "
			    "out, 1500 is assumed: --net-mtu:service1=N says another");
	assert_int_equal(option(f, "--net-mtu:service1=9000"), 0);
	confirm(f);
	assert_int_equal(f->notices, 1);
	assert_non_null(strstr(f->notice, "service0"));
}

static void only_looking_keeps_nothing_open(void **state)
{
	struct fixture *f = *state;
	struct rig *r = &f->rig;
	int files = open_descriptors();
	void *s;

	add_device(f);
	r->settings.look = true;
	assert_int_equal(module_net.open(&s, &r->settings, r->mft, &r->e), 0);
	assert_int_equal(open_descriptors(), files);
	assert_int_equal(r->mft->entry[1].u.net.mtu, 1500);
	module_net.close(s);
	assert_int_equal(option(f, "--net:service0=@60"), 0);
	assert_int_equal(module_net.open(&s, &r->settings, r->mft, &r->e), -1);
	r->settings.look = false;
}

/* ---- opening ---- */

static void the_manifest_tells_the_guest_what_it_has(void **state)
{
	struct fixture *f = *state;
	struct mft_entry *entry = f->rig.mft->entry;

	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	add_device(f);
	memset(&entry[1].u, FILLER, sizeof entry[1].u);
	memset(&entry[2].u, FILLER, sizeof entry[2].u);
	assert_int_equal(option(f, "--net-mac:service0=02:00:00:00:00:01"), 0);
	attach(f);
	assert_int_equal(entry[2].u.net.mtu, 1500);
	assert_int_equal(entry[2].u.net.mac[5], 1);
	assert_int_equal(entry[2].attached, 1);
	for (int i = 0; i < 8; i++)
		assert_int_equal(entry[2].u.net.pad[i], 0);
	assert_int_equal(entry[1].attached, 0);
	assert_int_equal(entry[1].u.bytes[0], FILLER);
	assert_true(entry[2].backing == 0);
}

static void what_cannot_be_attached_is_told(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	assert_int_equal(option(f, "--net:service0=@60"), 0);
	assert_not_opened(f, HUSK_E_HOST, "Could not attach interface: @60: Bad file descriptor");
	assert_int_equal(option(f, "--net:service0=abcdefghijklmnop"), 0);
	assert_not_opened(f, HUSK_E_HOST, "Could not attach interface: abcdefghijklmnop: ");
}

static void the_devices_before_a_bad_one_are_closed_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < DEVICES; i++)
		add_device(f);
	assert_int_equal(option(f, "--net:service2=@60"), 0);
	assert_not_opened(f, HUSK_E_HOST, "Could not attach interface: @60");
}

static void it_needs_memory_for_its_state(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	for (host.calloc_fails = 1; host.calloc_fails <= 2; host.calloc_fails++) {
		host.callocs = 0;
		assert_not_opened(f, HUSK_E_HOST, ": Cannot allocate memory");
	}
}

static void closing_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;
	int files = open_descriptors();

	for (unsigned i = 0; i < DEVICES; i++)
		add_device(f);
	attach(f);
	assert_true(open_descriptors() > files);
	rig_free(&f->rig);
	assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
	assert_int_equal(open_descriptors(), files);
}

/* ---- attaching ---- */

static enum vmexit_result other_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	return VMEXIT_RESUME;
}

static enum vmexit_result other_access(void *ctx, uint64_t offset, const struct bus_access *a,
				    struct husk_error *e)
{
	(void)ctx, (void)offset, (void)a, (void)e;
	return VMEXIT_RESUME;
}

static const struct core_client other_client;

static unsigned clients(const struct core *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		n += c->clients[i].is != NULL;
	return n;
}

static bool served(const struct fixture *f, int nr)
{
	return f->rig.core.hypercalls.table[nr].handler != NULL;
}

static void without_a_device_there_is_no_hypercall_and_no_ring(void **state)
{
	struct fixture *f = *state;

	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	attach(f);
	assert_guest_error(&f->rig, call(f, WRITE, 1, DATA, 60), "Invalid guest hypercall: num=6");
	assert_guest_error(&f->rig, call(f, READ, 1, DATA, 60), "Invalid guest hypercall: num=7");
	assert_true(f->rig.core.net_ring == 0);
	assert_int_equal(clients(&f->rig.core), 0);
	assert_true(figure(f, "ring", "entries") == UINT64_MAX);
	assert_int_equal(core_register_hypercall(&f->rig.core, READ, "other", other_call, NULL,
						 &f->rig.e), 0);
	module_detach(&module_net, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_true(served(f, READ));
}

static void it_takes_its_numbers_and_gives_them_back(void **state)
{
	struct fixture *f = *state;
	struct core *c = &f->rig.core;

	for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
		assert_int_equal(served(f, nr), nr == READ || nr == WRITE);
	assert_string_equal(c->hypercalls.table[READ].name, "net_read");
	assert_string_equal(c->hypercalls.table[WRITE].name, "net_write");
	assert_true(c->events.sources == 1ull << 1);
	assert_int_equal(clients(c), 1);
	module_detach(&module_net, f->rig.state[0], c, f->rig.mft);
	assert_false(served(f, READ) || served(f, WRITE));
	assert_true(c->events.sources == 0);
	assert_int_equal(clients(c), 0);
}

static int no_source(void *ctx, bool readable, struct husk_error *e)
{
	(void)ctx, (void)readable, (void)e;
	return 0;
}

static int no_fd(void *ctx)
{
	(void)ctx;
	return -1;
}

/* What somebody else has stays theirs; what was taken before that is given back. */
static void assert_not_attached(struct fixture *f, void *s, const char *message)
{
	struct core *c = &f->rig.core;
	struct core before = *c;
	int files = open_descriptors();

	assert_int_equal(module_attach(&module_net, s, c, f->rig.mft, &f->rig.e), -1);
	if (strstr(f->rig.e.message, message) == NULL)
		fail_msg("\"%s\", expected \"%s\"", f->rig.e.message, message);
	for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
		assert_ptr_equal(c->hypercalls.table[nr].handler, before.hypercalls.table[nr].handler);
	assert_true(c->events.sources == before.events.sources);
	assert_int_equal(clients(c), clients(&before));
	assert_int_equal(c->devices.pio.n + c->devices.mmio.n,
			 before.devices.pio.n + before.devices.mmio.n);
	assert_int_equal(open_descriptors(), files);
}

/* Opened, reserved, and not attached. */
static void *open_devices(struct fixture *f, unsigned n)
{
	void *s;

	while (n-- > 0)
		add_device(f);
	assert_int_equal(module_net.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), 0);
	assert_int_equal(reserve(f, s), 0);
	return s;
}

static void it_attaches_all_or_nothing(void **state)
{
	const struct event_source source = {no_fd, no_source, NULL};
	struct fixture *f = *state;
	struct core *c = &f->rig.core;
	void *s = open_devices(f, DEVICES);
	unsigned id;

	for (int nr = WRITE; nr <= READ; nr++) {
		assert_int_equal(core_register_hypercall(c, nr, "other", other_call, NULL, &f->rig.e), 0);
		assert_not_attached(f, s, "already serves other");
		core_unregister_hypercall(c, nr);
	}
	for (unsigned bit = 1; bit <= DEVICES; bit++) {
		assert_int_equal(events_add(&c->events, bit, &source, &f->rig.e), 0);
		assert_not_attached(f, s, "of the ready set is taken");
		events_remove(&c->events, bit);
	}
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		assert_int_equal(core_add_client(c, &other_client, f, &id, &f->rig.e), 0);
	assert_not_attached(f, s, "has 16 clients already");
	for (unsigned i = 1; i <= CORE_CLIENTS_MAX; i++)
		core_remove_client(c, i);
	assert_int_equal(module_attach(&module_net, s, c, f->rig.mft, &f->rig.e), 0);
	module_detach(&module_net, s, c, f->rig.mft);
	module_net.close(s);
}

static void somebody_at_the_place_of_the_kick_is_told(void **state)
{
	struct fixture *f = *state;
	struct core *c = &f->rig.core;
	struct device_resource place = {
		.kind = cpu_ring_kick.kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = cpu_ring_kick.base + 3, .last = cpu_ring_kick.base + 3,
		.handler = other_access,
	};
	const struct device_description other = {
		.name = "other", .resources = &place, .n_resources = 1,
	};
	void *s = open_devices(f, 1);
	uint32_t id;

	assert_int_equal(devices_add(&c->devices, &other, &id, &f->rig.e), 0);
	assert_not_attached(f, s, "other");
	module_net.close(s);
}

static void a_ring_outside_memory_is_told(void **state)
{
	struct fixture *f = *state;
	void *s = open_devices(f, 1);

	f->rig.core.net_ring = RIG_MEMORY - 0x1000;
	assert_not_attached(f, s, "Invalid image access");
	module_net.close(s);
}

static void the_highest_handle_is_63(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i < MFT_MAX_ENTRIES - 1; i++) {
		char name[8];

		snprintf(name, sizeof name, "disk%u", i);
		rig_device(&f->rig, name, MFT_DEV_BLOCK_BASIC);
	}
	add_device(f);
	attach(f);
	host_sends(f, 0, 1, 60);
	assert_reads(f, 63, ROOM, 1, 60);
	assert_call(f, READ, 62, DATA, 60, HVT_EINVAL, 60);
	assert_call(f, READ, 64, DATA, 60, HVT_EINVAL, 60);
	assert_true(f->rig.core.events.sources == 1ull << 63);
}

/* ---- where the ring lies ---- */

static void the_ring_lies_in_low_memory_by_itself(void **state)
{
	struct fixture *f = *state;
	const struct core *c = &f->rig.core;
	const struct resource_range *taken = resource_find(&c->gpas, c->net_ring);
	const struct memory_range *r = memory_range_at(&c->memory, c->net_ring);

	assert_true(c->net_ring > HVT_BOOT_INFO_GPA && c->net_ring % 0x1000 == 0);
	assert_true(c->net_ring + sizeof(struct hvt_ring) <= HVT_GUEST_MIN_BASE);
	assert_true(taken->start == c->net_ring);
	assert_true(taken->last >= c->net_ring + sizeof(struct hvt_ring) - 1);
	assert_string_equal(taken->owner, "network ring");
	assert_true(r->start == taken->start && r->last == taken->last && r->last % 0x1000 == 0xfff);
	assert_int_equal(r->prot, MEMORY_R | MEMORY_RING);
	assert_string_equal(memory_range_at(&c->memory, HVT_BOOT_INFO_GPA)->what, "low memory");
	assert_string_equal(memory_range_at(&c->memory, r->start - 1)->what, "low memory");
	assert_string_equal(memory_range_at(&c->memory, r->last + 1)->what, "low memory");
}

static void without_room_for_the_ring_the_image_is_refused(void **state)
{
	struct fixture *f = *state;
	struct core *c = &f->rig.core;
	void *s = open_devices(f, 1);

	c->net_ring = 0;
	memory_init(&c->memory, c->memory.base, c->memory.size);
	assert_int_equal(resource_space_init(&c->gpas, 0, RIG_MEMORY - 1), RESOURCE_OK);
	for (uint64_t gpa = HVT_BOOT_INFO_GPA; gpa < HVT_GUEST_MIN_BASE; gpa += 0xc000)
		assert_int_equal(resource_reserve(&c->gpas, gpa, gpa, "other"), RESOURCE_OK);
	assert_int_equal(module_net.reserve(s, c, &f->rig.e), -1);
	assert_int_equal(f->rig.e.kind, HUSK_E_IMAGE);
	assert_non_null(strstr(f->rig.e.message, "network ring: "));
	assert_true(c->net_ring == 0);
	module_net.close(s);
}

/* ---- the ring ---- */

static enum rig_end store_kick(struct fixture *f, uint64_t offset, unsigned width)
{
	hv_fake_store(f->rig.core.hv, cpu_ring_kick.kind, cpu_ring_kick.base + offset, width, 0);
	return rig_run(&f->rig);
}

static void kick(struct fixture *f)
{
	f->kicks++;
	if (store_kick(f, 0, 4) != RIG_RESUMED)
		fail_msg("%s", f->rig.e.message);
}

/* Submits and, if asked to, kicks. */
static void submit(struct fixture *f, uint32_t operation, uint32_t handle, uint64_t data,
		   uint32_t len, uint32_t id)
{
	const struct hvt_ring_entry e = {operation, handle, data, len, id, 0};

	if (ring_peer_submit(&f->guest, &e))
		kick(f);
}

static void put_nothing(struct fixture *f)
{
	submit(f, HVT_RING_NET_WRITE, 0, 0, 0, 0);
}

static void frames_go_both_ways_through_the_ring(void **state)
{
	struct fixture *f = *state;
	struct hvt_ring_completion c;

	wire_fill(rig_at(&f->rig, DATA), 100, 1);
	submit(f, HVT_RING_NET_WRITE, 1, DATA, 100, 0);
	assert_host_gets(f, 0, 1, 100);
	host_sends(f, 0, 2, 90);
	submit(f, HVT_RING_NET_READ, 1, DATA + 0x1000, ROOM, 77);
	assert_true(ring_peer_take(&f->guest, &c));
	assert_int_equal(c.id, 77);
	assert_int_equal(c.ret, HVT_OK);
	assert_int_equal(c.len, 90);
	assert_true(wire_matches(rig_at(&f->rig, DATA + 0x1000), 90, 2));
	assert_figure(f, "ring", "kicks", 2);
	assert_figure(f, "ring", "entries", 2);
	assert_figure(f, "ring", "batches", 2);
	assert_figure(f, "ring", "handovers", 0);
}

struct notes {
	uint64_t out, in;
	unsigned n;
};

static void on_noted(void *ctx, const char *what, const struct facts *facts)
{
	struct notes *k = ctx;

	assert_int_equal(strncmp(what, "ring", 4), 0);
	assert_string_equal(facts->list[0].name, "out");
	assert_string_equal(facts->list[1].name, "in");
	assert_true(facts->list[0].value + facts->list[1].value > 0);
	k->out += facts->list[0].value;
	k->in += facts->list[1].value;
	k->n++;
}

/* Whoever has served them, and whenever: of each batch it is told once. */
static void what_the_ring_has_served_is_noted(void **state)
{
	static const struct core_client watcher = {.noted = on_noted};
	struct fixture *f = *state;
	struct notes notes = {0};
	unsigned id;

	put_nothing(f);
	assert_int_equal(core_add_client(&f->rig.core, &watcher, &notes, &id, &f->rig.e), 0);
	submit(f, HVT_RING_NET_WRITE, 1, DATA, 60, 0);
	assert_true(notes.n == 1 && notes.out == 1 && notes.in == 0);
	submit(f, HVT_RING_NET_READ, 1, DATA, ROOM, 0);
	assert_true(notes.n == 2 && notes.out == 1 && notes.in == 1);
	for (unsigned i = 0; i < 8 * BURST; i++)
		submit(f, HVT_RING_NET_WRITE, 1, DATA, 60, 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);	/* the end of a run empties the ring */
	assert_true(notes.out == 1 + 8 * BURST && notes.in == 1);
	core_remove_client(&f->rig.core, id);
	submit(f, HVT_RING_NET_WRITE, 1, DATA, 60, 0);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_true(notes.out == 1 + 8 * BURST);
}

static void each_device_has_its_part_of_the_ring_in_the_figures(void **state)
{
	struct fixture *f = *state;

	add_device(f);
	add_device(f);
	attach(f);
	ring_peer_submit(&f->guest, &(struct hvt_ring_entry){
		.operation = HVT_RING_NET_WRITE, .handle = 1, .data = DATA, .len = 60});
	ring_peer_submit(&f->guest, &(struct hvt_ring_entry){
		.operation = HVT_RING_NET_WRITE, .handle = 1, .data = DATA, .len = 60});
	submit(f, HVT_RING_NET_READ, 2, DATA, ROOM, 0);
	ring_peer_submit(&f->guest, &(struct hvt_ring_entry){
		.operation = HVT_RING_NET_WRITE, .handle = 1, .data = DATA, .len = 60});
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);	/* the end of a run empties the ring */
	assert_figure(f, "net:service0", "ring_entries", 3);
	assert_figure(f, "net:service0", "ring_batches", 2);
	assert_figure(f, "net:service0", "ring_kicks", 1);
	assert_figure(f, "net:service1", "ring_entries", 1);
	assert_figure(f, "net:service1", "ring_batches", 1);
	assert_figure(f, "net:service1", "ring_kicks", 1);
}

static void a_ring_without_its_thread_is_offered_all_the_same(void **state)
{
	struct fixture *f = *state;

	host.create_error = EAGAIN;
	add_device(f);
	attach(f);
	host.create_error = 0;
	assert_int_equal(f->rig.n_notices, 1);
	assert_non_null(strstr(f->rig.notices[0], "network ring: no thread of its own (Resource temp"));
	for (unsigned i = 1; i <= 3 * BURST; i++) {
		submit(f, HVT_RING_NET_WRITE, 1, DATA, 60, 0);
		assert_true(ring_peer_idle(&f->guest));
		assert_figure(f, "ring", "kicks", i);
	}
	assert_figure(f, "ring", "handovers", 0);
}

static void any_value_of_a_32_bit_store_is_a_kick(void **state)
{
	struct fixture *f = *state;
	const struct hvt_ring_entry e = {.operation = HVT_RING_NET_READ, .handle = 9};

	ring_peer_submit(&f->guest, &e);
	hv_fake_store(f->rig.core.hv, cpu_ring_kick.kind, cpu_ring_kick.base, 4, 0xdeadbeef);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_true(ring_peer_idle(&f->guest));
	kick(f);
	assert_figure(f, "ring", "kicks", 2);
}

static void what_is_no_32_bit_store_is_no_kick(void **state)
{
	static const struct { uint64_t offset; unsigned width; } bad[] = {
		{0, 1}, {0, 2}, {1, 1}, {2, 2}, {3, 1}, {1, 2},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_guest_error(&f->rig, store_kick(f, bad[i].offset, bad[i].width),
				   "a kick is one 32-bit store");
	for (uint64_t offset = 1; offset <= 4; offset++)
		assert_guest_error(&f->rig, store_kick(f, offset, 4), "Invalid guest");
	assert_guest_error(&f->rig, store_kick(f, 0, 8), "Invalid guest");
	hv_fake_load(f->rig.core.hv, cpu_ring_kick.kind, cpu_ring_kick.base, 4);
	assert_guest_error(&f->rig, rig_run(&f->rig), "a kick is one 32-bit store");
	assert_figure(f, "ring", "kicks", 0);
}

static void without_a_ring_there_is_nobody_to_kick(void **state)
{
	struct fixture *f = *state;

	assert_true(f->rig.core.net_ring == 0);
	assert_int_equal(clients(&f->rig.core), 0);
	assert_guest_error(&f->rig, store_kick(f, 0, 4), "no device is there");
	assert_string_equal(memory_range_at(&f->rig.core.memory, 0x20000)->what, "low memory");
	assert_true(figure(f, "ring", "kicks") == UINT64_MAX);
	wire_fill(rig_at(&f->rig, DATA), 60, 1);
	assert_writes(f, 1, DATA, 60);
	assert_host_gets(f, 0, 1, 60);
	host_sends(f, 0, 2, 60);
	assert_reads(f, 1, ROOM, 2, 60);
}

static void what_was_queued_comes_before_a_hypercall(void **state)
{
	struct fixture *f = *state;

	rig_live(&f->rig);
	for (unsigned round = 0; round < 200; round++) {
		for (uint32_t n = 0; n < 20; n++) {
			wire_fill(rig_at(&f->rig, DATA + n * 0x800), 60, n);
			submit(f, HVT_RING_NET_WRITE, 1, DATA + n * 0x800, 60, 0);
		}
		wire_fill(rig_at(&f->rig, DATA + 0xf000), 60, 20);
		assert_writes(f, 1, DATA + 0xf000, 60);
		for (uint32_t n = 0; n <= 20; n++)
			assert_host_gets(f, 0, n, 60);
	}
	rig_stop(&f->rig);
	assert_true(figure(f, "ring", "handovers") > 0);
}

static void what_was_queued_comes_before_a_read(void **state)
{
	struct fixture *f = *state;
	struct hvt_ring_completion c;
	const struct hvt_ring_entry e = {
		.operation = HVT_RING_NET_READ, .handle = 1, .data = DATA + 0x1000, .len = ROOM,
	};

	host_sends(f, 0, 1, 60);
	host_sends(f, 0, 2, 60);
	ring_peer_submit(&f->guest, &e);
	assert_reads(f, 1, ROOM, 2, 60);
	assert_true(ring_peer_take(&f->guest, &c));
	assert_true(wire_matches(rig_at(&f->rig, DATA + 0x1000), 60, 1));
}

static void a_bad_entry_ends_the_guest_with_the_place(void **state)
{
	struct fixture *f = *state;
	const struct hvt_ring_entry bad = {
		.operation = HVT_RING_NET_WRITE, .handle = 1, .data = RIG_MEMORY, .len = 60,
	};

	ring_peer_submit(&f->guest, &bad);
	assert_guest_error(&f->rig, store_kick(f, 0, 4),
			   "network ring, device service0: Invalid guest access: "
			   "gpa=0x200000, sz=60");
	assert_non_null(strstr(f->rig.e.message, "device network ring"));
	assert_non_null(strstr(f->rig.e.message, "=0x100abc"));
	assert_guest_error(&f->rig, call(f, WRITE, 1, DATA, 60),
			   "network ring, device service0: Invalid guest");
	assert_guest_error(&f->rig, call(f, READ, 1, DATA, 60),
			   "network ring, device service0: Invalid guest");
	assert_guest_error(&f->rig, call(f, READ, 0, DATA, 60),
			   "network ring, device service0: Invalid guest");
}

/* What a guest does between two exits: the run that called this goes on when it returns. */
static void submit_bad_and_spin(void *ctx)
{
	struct fixture *f = ctx;
	const struct hvt_ring_entry bad = {
		.operation = HVT_RING_NET_READ, .handle = 1, .data = f->rig.core.net_ring, .len = 60,
	};
	time_t give_up = time(NULL) + PATIENCE_S;

	if (ring_peer_submit(&f->guest, &bad))
		hv_fake_store(f->rig.core.hv, cpu_ring_kick.kind, cpu_ring_kick.base, 4, 0);
	else
		while (!__atomic_load_n(&f->rig.core.hv->kicked, __ATOMIC_ACQUIRE) &&
		       time(NULL) < give_up)
			sched_yield();
}

static void what_the_io_thread_finds_ends_a_guest_that_is_busy(void **state)
{
	int by_alarm = 0;
	struct fixture *f;

	for (int i = 0; i < 50; i++) {
		if (i > 0) {
			tear_down(state);
			set_up_device(state);
		}
		f = *state;
		rig_live(&f->rig);
		for (unsigned k = 0; k < BURST; k++)
			put_nothing(f);
		hv_fake_hook(f->rig.core.hv, submit_bad_and_spin, f);
		assert_guest_error(&f->rig, rig_run(&f->rig), "inside read-only network ring");
		by_alarm += f->rig.core.exits[HV_EXIT_INTERRUPTED] == 1;
	}
	assert_true(by_alarm > 10);
}

struct interruption {
	struct fixture *f;
	bool kick;		/* was asked for */
};

static void submit_and_be_interrupted(void *ctx)
{
	struct interruption *i = ctx;
	const struct hvt_ring_entry e = {.operation = HVT_RING_NET_READ, .handle = 9};
	struct core *c = &i->f->rig.core;

	i->kick = ring_peer_submit(&i->f->guest, &e);
	c->ops->kick(c->hv);
}

/* A guest that waits for the other thread does not notice that its own was interrupted. */
static void an_interruption_leaves_no_entry_behind(void **state)
{
	struct fixture *f = *state;
	time_t give_up = time(NULL) + PATIENCE_S;
	int without_kick = 0;

	rig_live(&f->rig);
	for (int i = 0; i < 300; i++) {
		struct interruption how = {f, false};
		struct hvt_ring_completion c;

		for (unsigned k = 0; k < BURST; k++)
			put_nothing(f);
		hv_fake_hook(f->rig.core.hv, submit_and_be_interrupted, &how);
		assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
		without_kick += !how.kick;
		if (how.kick)
			kick(f);
		while (!ring_peer_take(&f->guest, &c)) {
			assert_true(time(NULL) < give_up);
			sched_yield();
		}
	}
	assert_true(without_kick > 0);
}

static void stopping_sends_what_is_queued(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 60; n++) {
		wire_fill(rig_at(&f->rig, DATA + n * 0x800), 60, n);
		submit(f, HVT_RING_NET_WRITE, 1, DATA + n * 0x800, 60, 0);
	}
	module_detach(&module_net, f->rig.state[0], &f->rig.core, f->rig.mft);
	for (uint32_t n = 0; n < 60; n++)
		assert_host_gets(f, 0, n, 60);
}

/* ---- waiting ---- */

struct answer {
	uint64_t ready;
	int ret;
};

static struct answer call_poll(struct fixture *f, uint64_t timeout)
{
	struct hvt_poll rq = {.timeout_nsecs = timeout};

	memcpy(rig_at(&f->rig, ARG), &rq, sizeof rq);
	if (rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG) != RIG_RESUMED)
		fail_msg("%s", f->rig.e.message);
	memcpy(&rq, rig_at(&f->rig, ARG), sizeof rq);
	return (struct answer){rq.ready_set, rq.ret};
}

static void assert_poll(struct fixture *f, uint64_t timeout, uint64_t ready)
{
	struct answer a = call_poll(f, timeout);

	assert_true(a.ready == ready);
	assert_int_equal(a.ret, __builtin_popcountll(ready));
}

static int set_up_waiting(void **state)
{
	struct fixture *f;

	if (set_up(state) != 0)
		return -1;
	f = *state;
	for (unsigned i = 0; i < DEVICES; i++)
		add_device(f);
	attach(f);
	return rig_attach(&f->rig, &module_core);
}

static void a_device_is_ready_while_it_has_frames(void **state)
{
	struct fixture *f = *state;

	assert_poll(f, MS, 0);
	host_sends(f, 1, 1, 60);
	host_sends(f, 1, 2, 61);
	for (int i = 0; i < 3; i++)
		assert_poll(f, UINT64_MAX, 1 << 2);
	assert_reads(f, 2, ROOM, 1, 60);
	assert_poll(f, UINT64_MAX, 1 << 2);
	assert_reads(f, 2, ROOM, 2, 61);
	assert_poll(f, MS, 0);
	assert_reads_nothing(f, 2);
}

static void all_that_are_ready_are_told_at_once(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 0, 1, 60);
	assert_poll(f, 0, 1 << 1);
	host_sends(f, 2, 1, 60);
	assert_poll(f, 0, 1 << 1 | 1 << 3);
	host_sends(f, 1, 1, 60);
	assert_poll(f, UINT64_MAX, 1 << 1 | 1 << 2 | 1 << 3);
	assert_reads(f, 1, ROOM, 1, 60);
	assert_poll(f, UINT64_MAX, 1 << 2 | 1 << 3);
}

static void what_no_guest_will_get_makes_nothing_ready(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		host_sends(f, 0, 1, ROOM + 1);
	assert_poll(f, MS, 0);
	assert_figure(f, "net:service0", "rx_long", 3);
	host_sends(f, 0, 1, ROOM + 1);
	host_sends(f, 0, 2, ROOM);
	assert_poll(f, UINT64_MAX, 1 << 1);
	assert_reads(f, 1, ROOM, 2, ROOM);
}

static void a_wire_that_is_cut_makes_nothing_ready(void **state)
{
	struct fixture *f = *state;

	wire_close_host(&f->wires[0]);
	assert_poll(f, 0, 0);
	assert_poll(f, 3 * MS, 0);
	host_sends(f, 1, 1, 60);
	assert_poll(f, UINT64_MAX, 1 << 2);
}

static void what_was_read_ahead_is_read_first_by_either_way(void **state)
{
	struct fixture *f = *state;
	struct hvt_ring_completion c;

	host_sends(f, 0, 1, 60);
	host_sends(f, 0, 2, 60);
	host_sends(f, 0, 3, 60);
	assert_poll(f, UINT64_MAX, 1 << 1);
	submit(f, HVT_RING_NET_READ, 1, DATA + 0x1000, ROOM, 0);
	assert_true(ring_peer_take(&f->guest, &c));
	assert_true(wire_matches(rig_at(&f->rig, DATA + 0x1000), 60, 1));
	assert_poll(f, UINT64_MAX, 1 << 1);
	assert_reads(f, 1, ROOM, 2, 60);
	assert_reads(f, 1, ROOM, 3, 60);
	assert_poll(f, 0, 0);
}

static void what_is_queued_is_served_before_the_wait(void **state)
{
	struct fixture *f = *state;
	const struct hvt_ring_entry e = {
		.operation = HVT_RING_NET_READ, .handle = 1, .data = DATA + 0x1000, .len = ROOM,
	};

	host_sends(f, 0, 1, 60);
	ring_peer_submit(&f->guest, &e);
	assert_poll(f, MS, 0);
	assert_true(ring_peer_idle(&f->guest));
	for (unsigned i = 0; i < BURST; i++)
		put_nothing(f);
	host_sends(f, 0, 1, 60);
	ring_peer_submit(&f->guest, &e);
	assert_poll(f, MS, 0);
	assert_true(ring_peer_idle(&f->guest));
}

static void a_bad_entry_ends_the_wait_and_the_guest(void **state)
{
	static const struct hvt_poll forever = {.timeout_nsecs = UINT64_MAX};
	struct fixture *f = *state;
	const struct hvt_ring_entry bad = {
		.operation = HVT_RING_NET_WRITE, .handle = 2, .data = RIG_MEMORY, .len = 60,
	};

	ring_peer_submit(&f->guest, &bad);
	memcpy(rig_at(&f->rig, ARG), &forever, sizeof forever);
	assert_guest_error(&f->rig, rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG),
			   "network ring, device service1: Invalid guest access");
}

static void *send_later(void *ctx)
{
	struct fixture *f = ctx;
	uint8_t frame[60];

	usleep(20000);
	wire_fill(frame, sizeof frame, 5);
	(void)wire_send(&f->wires[2], frame, sizeof frame);
	return NULL;
}

static void a_frame_that_arrives_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	assert_int_equal(__real_pthread_create(&thread, NULL, send_later, f), 0);
	assert_poll(f, UINT64_MAX, 1 << 3);
	pthread_join(thread, NULL);
	assert_reads(f, 3, ROOM, 5, 60);
}

/* ---- figures ---- */

static void what_happened_is_counted_by_device(void **state)
{
	static const char *const names[] = {
		"frames_received", "bytes_received", "frames_sent", "bytes_sent", "tx_short", "tx_long",
		"tx_full", "tx_down", "tx_error", "rx_long", "rx_error", "reattached", "system_calls",
	};
	static const uint64_t values[] = {1, 60, 2, 130, 1, 1, 0, 0, 0, 1, 0, 0, 5};
	struct fixture *f = *state;

	add_device(f);
	add_device(f);
	attach(f);
	assert_writes(f, 1, DATA, 60);
	assert_writes(f, 1, DATA, 70);
	assert_writes(f, 1, DATA, 13);
	assert_writes(f, 1, DATA, ROOM + 1);
	host_sends(f, 0, 1, ROOM + 1);
	host_sends(f, 0, 2, 60);
	assert_reads(f, 1, ROOM, 2, 60);
	assert_reads_nothing(f, 1);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (figure(f, "net:service0", names[i]) != values[i])
			fail_msg("%s: %llu", names[i],
				 (unsigned long long)figure(f, "net:service0", names[i]));
		assert_figure(f, "net:service1", names[i], 0);
	}
	assert_figure(f, "net:service0", "link_up", 1);
}

static void figures_include_what_is_still_queued(void **state)
{
	struct fixture *f = *state;
	const struct hvt_ring_entry e = {
		.operation = HVT_RING_NET_WRITE, .handle = 1, .data = DATA, .len = 60,
	};

	rig_live(&f->rig);
	for (unsigned i = 0; i < BURST; i++)
		put_nothing(f);
	for (int i = 0; i < 5; i++)
		ring_peer_submit(&f->guest, &e);
	rig_stop(&f->rig);
	assert_figure(f, "ring", "handovers", 1);
	assert_figure(f, "net:service0", "frames_sent", 5);
	assert_figure(f, "ring", "entries", BURST + 5);
	assert_figure(f, "ring", "kicks", BURST);
}

/* ---- a whole machine ---- */

static const struct module *const some_modules[] = {&module_core, &module_net, NULL};

#define TEXT HVT_GUEST_MIN_BASE
#define RAM (TEXT + 0x1000u)		/* a page of the image's data */

/* A frame to be sent and halt's argument, where a guest's data lies. */
static void make_image(struct image *i, const struct code *code)
{
	static const struct image_device device = {"service0", MFT_DEV_NET_BASIC};
	const struct hvt_halt halt = {.exit_status = 7};
	uint8_t data[0x1000] = {0};

	wire_fill(data, 60, 4);
	memcpy(data + 0x800, &halt, sizeof halt);
	image_init(i, cpu_elf_machine);
	image_segment(i, TEXT, PF_R | PF_X, code->bytes, sizeof code->bytes);
	image_segment(i, RAM, PF_R | PF_W, data, sizeof data);
	image_manifest(i, &device, 1);
	image_abi(i, ELF_ABI_HVT, HVT_ABI_VERSION);
	image_save(i);
}

struct machine {
	struct husk *h;
	struct image image;
	struct husk_error e;
};

/* ring: whether it has one. NULL if the hypervisor refuses, which e tells. */
static struct husk *load(struct machine *m, const struct fixture *f, const struct hv_ops *ops,
			 const struct code *code, bool ring)
{
	static const struct husk_config config = {.console_fd = -1};
	static char word[64];

	make_image(&m->image, code);
	m->h = machine_create(&config, ops, some_modules, &m->e);
	snprintf(word, sizeof word, "--net:service0=%s", f->wires[0].where);
	assert_int_equal(husk_option(m->h, "--mem=4", &m->e), 0);
	assert_int_equal(husk_option(m->h, word, &m->e), 0);
	if (!ring)
		assert_int_equal(husk_option(m->h, "--no-net-ring", &m->e), 0);
	return husk_load(m->h, m->image.path, 0, NULL, &m->e) == 0 ? m->h : NULL;
}

static void unload(struct machine *m)
{
	husk_destroy(m->h);
	image_free(&m->image);
}

static struct hvt_boot_info boot_info(const struct husk *h)
{
	struct hvt_boot_info info;

	memcpy(&info, h->core.memory.base + HVT_BOOT_INFO_GPA, sizeof info);
	return info;
}

static void the_ring_is_offered_in_the_boot_info(void **state)
{
	static const struct code code;
	struct machine m = {0};

	assert_non_null(load(&m, *state, &hv_fake_ops, &code, true));
	assert_int_equal(boot_info(m.h).host_features, HVT_FEATURE_RING_IO);
	assert_true(boot_info(m.h).net_ring == m.h->core.net_ring);
	assert_true(m.h->core.net_ring != 0);
	assert_true(boot_info(m.h).mem_size == 0x400000);
	unload(&m);
	assert_non_null(load(&m, *state, &hv_fake_ops, &code, false));
	assert_int_equal(boot_info(m.h).host_features, 0);
	assert_true(boot_info(m.h).net_ring == 0);
	unload(&m);
}

/* Where the ring of every machine lies that load makes: the guest's code has to know. */
static uint64_t ring_of(const struct fixture *f)
{
	static const struct code code;
	struct machine m = {0};
	uint64_t gpa;

	assert_non_null(load(&m, f, &hv_fake_ops, &code, true));
	gpa = m.h->core.net_ring;
	unload(&m);
	return gpa;
}

static void code_kick(struct code *c)
{
	code_hypercall(c, (unsigned)((cpu_ring_kick.base - cpu_hypercall_window.base) /
				     cpu_hypercall_window.stride), 0);
}

/* On the real hypervisor; skips if there is none. */
static void load_real(struct machine *m, const struct fixture *f, const struct code *code)
{
	struct husk_error e;
	struct hv *hv;

	if (hv_backend.create(&hv, BARE_MEMORY, &e) != 0) {
		print_message("# %s\n", e.message);
		skip();
	}
	hv_backend.destroy(hv);
	if (load(m, f, &hv_backend, code, true) == NULL)
		fail_msg("%s", m->e.message);
}

static void a_real_guest_sends_through_the_ring(void **state)
{
	struct fixture *f = *state;
	uint64_t entry = ring_of(f) + offsetof(struct hvt_ring, entries);
	struct code code = {.n = 0};
	struct machine m = {0};
	int status = 0;

	code_store(&code, entry, HVT_RING_NET_WRITE);
	code_store(&code, entry + 4, 1);
	code_store(&code, entry + 8, RAM);
	code_store(&code, entry + 16, 60);
	code_store(&code, entry - offsetof(struct hvt_ring, entries), 1);
	code_kick(&code);
	code_hypercall(&code, HVT_HYPERCALL_HALT, RAM + 0x800);
	load_real(&m, f, &code);
	if (husk_run(m.h, &status, &m.e) != HUSK_HALTED)
		fail_msg("%s", m.e.message);
	assert_int_equal(status, 7);
	assert_host_gets(f, 0, 4, 60);
	unload(&m);
}

struct stopper {
	struct husk *h;
	useconds_t us;
};

static void *stop_later(void *ctx)
{
	const struct stopper *s = ctx;

	usleep(s->us);
	husk_stop(s->h, 15);
	return NULL;
}

/* Also while the other thread has the ring; and the machine goes on from there. */
static void a_busy_guest_is_stopped_from_another_thread(void **state)
{
	struct fixture *f = *state;
	struct code code = {.n = 0};
	struct machine m = {0};
	sigset_t pending;

	for (unsigned i = 0; i < BURST; i++)
		code_kick(&code);
	code_spin(&code);
	load_real(&m, f, &code);
	for (unsigned i = 0; i < 20; i++) {
		struct stopper s = {m.h, i % 4 * 3000};
		pthread_t thread;
		int reason = 0;

		assert_int_equal(__real_pthread_create(&thread, NULL, stop_later, &s), 0);
		assert_int_equal(husk_run(m.h, &reason, &m.e), HUSK_STOPPED);
		assert_int_equal(reason, 15);
		pthread_join(thread, NULL);
	}
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGURG));
	unload(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DEVICE(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down)
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, set_up_plain, tear_down)
#define WAITING(name) cmocka_unit_test_setup_teardown(name, set_up_waiting, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE(a_frame_is_written),
		DEVICE(a_frame_is_read),
		DEVICE(the_result_of_a_read_is_written_and_no_more),
		DEVICE(handles_of_no_network_device_are_refused),
		DEVICE(frames_are_dropped_and_the_guest_goes_on),
		DEVICE(a_frame_that_does_not_fit_is_not_read_in_part),
		DEVICE(a_read_in_vain_leaves_the_length_alone),
		DEVICE(frames_outside_memory_end_the_guest),
		DEVICE(the_last_byte_of_memory_is_usable),
		DEVICE(low_memory_can_be_sent_but_not_received_into),
		DEVICE(a_result_is_not_written_where_the_guest_may_not_write),
		DEVICE(a_frame_may_overlap_the_structure),
		DEVICE(structures_need_no_alignment),
		TEST(each_device_is_reached_by_its_handle),
		TEST(a_mac_address_is_taken_as_given),
		TEST(what_is_no_mac_address_is_refused),
		TEST(group_addresses_are_refused),
		TEST(a_random_address_is_local_and_of_one_station),
		TEST(every_device_gets_a_random_address_of_its_own),
		TEST(without_random_numbers_there_is_no_address),
		TEST(the_last_option_for_a_device_counts),
		TEST(the_mtu_is_1500_or_what_is_said),
		TEST(an_assumed_mtu_is_told),
		TEST(only_looking_keeps_nothing_open),
		TEST(the_manifest_tells_the_guest_what_it_has),
		TEST(what_cannot_be_attached_is_told),
		TEST(the_devices_before_a_bad_one_are_closed_again),
		TEST(it_needs_memory_for_its_state),
		TEST(closing_leaves_nothing_open),
		TEST(without_a_device_there_is_no_hypercall_and_no_ring),
		DEVICE(it_takes_its_numbers_and_gives_them_back),
		TEST(it_attaches_all_or_nothing),
		TEST(somebody_at_the_place_of_the_kick_is_told),
		TEST(a_ring_outside_memory_is_told),
		TEST(the_highest_handle_is_63),
		DEVICE(the_ring_lies_in_low_memory_by_itself),
		TEST(without_room_for_the_ring_the_image_is_refused),
		DEVICE(frames_go_both_ways_through_the_ring),
		DEVICE(what_the_ring_has_served_is_noted),
		TEST(each_device_has_its_part_of_the_ring_in_the_figures),
		TEST(a_ring_without_its_thread_is_offered_all_the_same),
		DEVICE(any_value_of_a_32_bit_store_is_a_kick),
		DEVICE(what_is_no_32_bit_store_is_no_kick),
		PLAIN(without_a_ring_there_is_nobody_to_kick),
		DEVICE(what_was_queued_comes_before_a_hypercall),
		DEVICE(what_was_queued_comes_before_a_read),
		DEVICE(a_bad_entry_ends_the_guest_with_the_place),
		DEVICE(what_the_io_thread_finds_ends_a_guest_that_is_busy),
		DEVICE(an_interruption_leaves_no_entry_behind),
		DEVICE(stopping_sends_what_is_queued),
		WAITING(a_device_is_ready_while_it_has_frames),
		WAITING(all_that_are_ready_are_told_at_once),
		WAITING(what_no_guest_will_get_makes_nothing_ready),
		WAITING(a_wire_that_is_cut_makes_nothing_ready),
		WAITING(what_was_read_ahead_is_read_first_by_either_way),
		WAITING(what_is_queued_is_served_before_the_wait),
		WAITING(a_bad_entry_ends_the_wait_and_the_guest),
		WAITING(a_frame_that_arrives_ends_the_wait),
		TEST(what_happened_is_counted_by_device),
		DEVICE(figures_include_what_is_still_queued),
		TEST(the_ring_is_offered_in_the_boot_info),
		TEST(a_real_guest_sends_through_the_ring),
		TEST(a_busy_guest_is_stopped_from_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
