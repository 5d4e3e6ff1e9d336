/* SPDX-License-Identifier: ISC */
/* test_module_vsock.c: socket devices from their option to bytes, the guest played by a script. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../../bindings/virtqueue.h"
#include "../../../include/vsock_abi.h"
#include "../../../monitor/clock.h"
#include "../../../monitor/vsock/place.h"
#include "rig.h"
#include "under_asan.h"
#include "expect.h"

#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define QUEUES (HVT_GUEST_MIN_BASE + 0x1000u)	/* 8 KiB each */
#define TX (HVT_GUEST_MIN_BASE + 0x20000u)	/* one buffer, and room for a packet */
#define RX (HVT_GUEST_MIN_BASE + 0x40000u)	/* buffers of 4 KiB */
#define RX_SIZE 4096u
#define SIZE 16u
#define CID 3u
#define HANDLE 1u
#define PATIENCE_NS (20 * CLOCK_NS_PER_S)

extern const struct module module_vsock;

/* ---- host calls that are made to fail ---- */

static struct {
	unsigned callocs, calloc_fails;
	int create_error;
	bool connect_hangs, hanging;	/* hanging is atomic */
} host;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);

void *__wrap_calloc(size_t n, size_t size)
{
	errno = ENOMEM;
	return ++host.callocs == host.calloc_fails ? NULL : __real_calloc(n, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg)
{
	return host.create_error != 0 ? host.create_error :
	       __real_pthread_create(thread, attributes, start, arg);
}

int __real_unix_place_connect(const struct unix_place *p, const char *suffix, int fd);
int __wrap_unix_place_connect(const struct unix_place *p, const char *suffix, int fd);

/* As to a socket on a file system whose server does not answer; by connect or connectat. */
int __wrap_unix_place_connect(const struct unix_place *p, const char *suffix, int fd)
{
	while (host.connect_hangs) {
		__atomic_store_n(&host.hanging, true, __ATOMIC_SEQ_CST);
		pause();
	}
	return __real_unix_place_connect(p, suffix, fd);
}

/* ---- a guest with a socket device ---- */

struct fixture {
	struct rig rig;
	char dir[64], words[4][300];
	unsigned n_words;
	struct virtq guest[3];
	int files;
};

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.files = open_descriptors();
	strcpy(f.dir, "/tmp/husk-vsock-XXXXXX");
	if (mkdtemp(f.dir) == NULL || rig_make(&f.rig, 2 * HVT_MEM_GRANULE) == -1)
		return -1;
	f.rig.core.wanted = HUSK_FEATURE_VSOCK | 0x100;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&f.rig);
	assert_int_equal(open_descriptors(), f.files);
	return rmdir(f.dir);
}

/* Each % of the format is the directory. */
static int option(const char *name, const char *words)
{
	char *word = f.words[f.n_words++];
	size_t n = (size_t)snprintf(word, sizeof f.words[0], "--vsock:%s=", name);

	for (; *words != '\0'; words++)
		if (*words == '%')
			n += (size_t)snprintf(word + n, sizeof f.words[0] - n, "%s", f.dir);
		else
			word[n++] = *words;
	word[n] = '\0';
	return rig_option(&f.rig, &module_vsock, word);
}

static void device(const char *name, const char *words)
{
	rig_device(&f.rig, name, HUSK_DEV_VSOCK);
	if (option(name, words) == -1)
		fail_msg("%s", f.rig.e.message);
}

static void attach(const char *words)
{
	device("service0", words);
	if (rig_attach(&f.rig, &module_vsock) == -1)
		fail_msg("%s", f.rig.e.message);
}

static struct husk_queue queue(unsigned i)
{
	const uint64_t at = QUEUES + 0x2000u * i;
	struct husk_queue rq = {.handle = HANDLE, .index = i, .size = SIZE, .desc = at, .ret = 77};

	virtq_init(&f.guest[i], SIZE, rig_at(&f.rig, at));
	rq.avail = at + (uint64_t)((uint8_t *)f.guest[i].avail - (uint8_t *)f.guest[i].desc);
	rq.used = at + (uint64_t)((uint8_t *)f.guest[i].used - (uint8_t *)f.guest[i].desc);
	return rq;
}

static enum rig_end call(const struct husk_queue *rq)
{
	memcpy(rig_at(&f.rig, ARG), rq, sizeof *rq);
	return rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG);
}

static int answer(const struct husk_queue *rq)
{
	struct husk_queue back;

	assert_int_equal(call(rq), RIG_RESUMED);
	memcpy(&back, rig_at(&f.rig, ARG), sizeof back);
	assert_memory_equal(&back, rq, offsetof(struct husk_queue, ret));
	return back.ret;
}

static void announce_all(void)
{
	for (unsigned i = 0; i < 3; i++) {
		const struct husk_queue rq = queue(i);

		assert_int_equal(answer(&rq), HVT_OK);
	}
}

static enum bus_kind kind(void)
{
	return cpu_hypercall_window.kind;
}

static uint64_t bell_address(void)
{
	return kind() == BUS_PIO ? HUSK_DOORBELL_PIO_BASE : HUSK_DOORBELL_MMIO_BASE;
}

static enum rig_end bell(uint32_t number)
{
	hv_fake_store(f.rig.core.hv, kind(), bell_address(), 4, number);
	return rig_run(&f.rig);
}

static void submit(unsigned q, uint64_t gpa, uint32_t len, bool writable)
{
	const struct virtq_span span = {gpa, len};

	assert_true(virtq_add(&f.guest[q], &span, !writable, writable) >= 0);
	if (virtq_submit(&f.guest[q]))
		assert_int_equal(bell(HUSK_QUEUE_NUMBER(HANDLE, q)), RIG_RESUMED);
}

/* What is addressed is guest memory by gpa, so buffers need no host addresses. */
static void posts(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		submit(VSOCK_QUEUE_RX, RX + i * RX_SIZE, RX_SIZE, true);
}

/* All that was sent has been looked at. */
static void taken(void)
{
	uint32_t ignored;

	while (f.guest[VSOCK_QUEUE_TX].n_free < SIZE)
		if (virtq_take(&f.guest[VSOCK_QUEUE_TX], &ignored) < 0)
			sched_yield();
}

static void sends(unsigned op, uint32_t host_port, const char *text)
{
	struct vsock_header h = {
		.src_cid = CID, .dst_cid = VSOCK_CID_HOST, .src_port = 1000, .dst_port = host_port,
		.len = (uint32_t)strlen(text), .type = VSOCK_TYPE_STREAM, .op = (uint16_t)op,
		.buf_alloc = 1u << 20,
	};
	uint8_t *at = rig_at(&f.rig, TX);

	taken();
	memcpy(at, &h, sizeof h);
	memcpy(at + sizeof h, text, h.len);
	submit(VSOCK_QUEUE_TX, TX, (uint32_t)sizeof h + h.len, false);
}

/* The next packet, waited for by POLL. */
static struct vsock_header receives(char *payload)
{
	const struct hvt_poll poll = {.timeout_nsecs = PATIENCE_NS};
	struct virtq *q = &f.guest[VSOCK_QUEUE_RX];
	struct vsock_header h;
	uint32_t written;
	int id;

	while ((id = virtq_take(q, &written)) < 0) {
		if (!virtq_arm(q))
			continue;
		memcpy(rig_at(&f.rig, ARG), &poll, sizeof poll);
		assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_POLL, ARG), RIG_RESUMED);
		assert_int_equal(((struct hvt_poll *)rig_at(&f.rig, ARG))->ready_set, 1 << HANDLE);
	}
	memcpy(&h, rig_at(&f.rig, q->desc[id].addr), sizeof h);
	assert_int_equal(written, sizeof h + h.len);
	if (payload != NULL)
		memcpy(payload, (char *)rig_at(&f.rig, q->desc[id].addr) + sizeof h, h.len);
	return h;
}

/* ---- programs of the host ---- */

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", f.dir, name);
	return a;
}

static int serves(const char *name)
{
	const struct sockaddr_un a = address(name);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int connects(const char *name)
{
	const struct sockaddr_un a = address(name);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void removes(const char *name)
{
	assert_int_equal(unlink(address(name).sun_path), 0);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(address(name).sun_path, &st) == 0;
}

/* All that comes within a while is this. */
static void reads(int fd, const char *text)
{
	char got[100] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, PATIENCE_NS / CLOCK_NS_PER_MS), 1);
		const ssize_t m = read(fd, got + n, sizeof got - 1 - n);

		assert_true(m > 0);
		n += (size_t)m;
	}
	assert_string_equal(got, text);
}

static void ends(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

static void starts(const char *words)
{
	attach(words);
	assert_int_equal(rig_attach(&f.rig, &module_core), 0);
	rig_live(&f.rig);
	announce_all();
	posts(8);
}

/* ---- connections ---- */

static void a_guest_and_a_server_talk(void **state)
{
	const int server = serves("s");
	char got[64];
	struct vsock_header h;
	int fd;

	(void)state;
	starts("connect=52:%/s,cid=3");
	sends(VSOCK_OP_REQUEST, 52, "");
	fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	h = receives(NULL);
	assert_int_equal(h.op, VSOCK_OP_RESPONSE);
	assert_true(h.src_cid == 2 && h.dst_cid == CID && h.src_port == 52 && h.dst_port == 1000);
	sends(VSOCK_OP_RW, 52, "hello");
	reads(fd, "hello");
	assert_int_equal(write(fd, "world", 5), 5);
	h = receives(got);
	assert_int_equal(h.op, VSOCK_OP_RW);
	assert_int_equal(h.len, 5);
	assert_memory_equal(got, "world", 5);
	close(fd);
	h = receives(NULL);
	assert_int_equal(h.op, VSOCK_OP_SHUTDOWN);
	assert_int_equal(h.flags, VSOCK_SHUTDOWN_BOTH);
	sends(VSOCK_OP_RST, 52, "");
	taken();
	close(server);
	removes("s");
	rig_stop(&f.rig);
	assert_int_equal(rig_figure(&f.rig, 0, "vsock:service0", "opened"), 1);
	assert_int_equal(rig_figure(&f.rig, 0, "vsock:service0", "bytes_sent"), 5);
	assert_int_equal(rig_figure(&f.rig, 0, "vsock:service0", "bytes_received"), 5);
	assert_int_equal(rig_figure(&f.rig, 0, "vsock:service0", "connections"), 0);
}

static void answers(uint32_t *host_port, uint32_t guest_port)
{
	const struct vsock_header h = receives(NULL);
	struct vsock_header *back = rig_at(&f.rig, TX);

	assert_int_equal(h.op, VSOCK_OP_REQUEST);
	assert_int_equal(h.dst_port, guest_port);
	*host_port = h.src_port;
	*back = (struct vsock_header){
		.src_cid = CID, .dst_cid = 2, .src_port = guest_port, .dst_port = h.src_port,
		.type = VSOCK_TYPE_STREAM, .op = VSOCK_OP_RESPONSE, .buf_alloc = 1u << 20,
	};
	submit(VSOCK_QUEUE_TX, TX, sizeof *back, false);
}

/* V33: with a line, and without one. */
static void clients_reach_the_guest(void **state)
{
	char got[64], line[32];
	uint32_t port;
	int fd;

	(void)state;
	starts("listen=%/by-line,listen=80:%/web");
	fd = connects("by-line");
	assert_int_equal(write(fd, "CONNECT 52\nfirst", 16), 16);
	answers(&port, 52);
	assert_int_equal(port, 1u << 30);
	snprintf(line, sizeof line, "OK %u\n", port);
	reads(fd, line);
	assert_int_equal(receives(got).len, 5);
	assert_memory_equal(got, "first", 5);
	close(fd);
	assert_int_equal(receives(NULL).op, VSOCK_OP_SHUTDOWN);
	fd = connects("web");
	answers(&port, 80);
	assert_int_equal(write(fd, "GET", 3), 3);
	assert_int_equal(receives(got).len, 3);
	close(fd);
	rig_stop(&f.rig);
}

/* V25, V26 and the precedence of words. */
static void a_prefix_serves_all_other_ports(void **state)
{
	const int by_prefix = serves("u_7"), by_word = serves("s");
	int fd;

	(void)state;
	starts("uds=%/u,connect=8:%/s");
	assert_true(is_there("u"));
	sends(VSOCK_OP_REQUEST, 7, "");
	fd = accept(by_prefix, NULL, NULL);
	assert_int_equal(receives(NULL).op, VSOCK_OP_RESPONSE);
	close(fd);
	assert_int_equal(receives(NULL).op, VSOCK_OP_SHUTDOWN);
	sends(VSOCK_OP_REQUEST, 8, "");
	fd = accept(by_word, NULL, NULL);
	assert_int_equal(receives(NULL).op, VSOCK_OP_RESPONSE);
	close(fd);
	assert_int_equal(receives(NULL).op, VSOCK_OP_SHUTDOWN);
	sends(VSOCK_OP_REQUEST, 9, "");
	assert_int_equal(receives(NULL).op, VSOCK_OP_RST);
	close(by_prefix);
	close(by_word);
	removes("u_7");
	removes("s");
	rig_stop(&f.rig);
	assert_int_equal(rig_figure(&f.rig, 0, "vsock:service0", "refused"), 1);
	rig_free(&f.rig);
	assert_false(is_there("u"));
	assert_int_equal(rig_make(&f.rig, RIG_MEMORY), 0);
}

static void a_port_without_a_word_is_refused(void **state)
{
	(void)state;
	starts("cid=3");
	sends(VSOCK_OP_REQUEST, 9, "");
	assert_int_equal(receives(NULL).op, VSOCK_OP_RST);
}

/* What was submitted reaches its program, though nobody rang and the guest is gone. */
static void what_was_sent_before_a_halt_arrives(void **state)
{
	const struct hvt_halt halt = {.exit_status = 5};
	const int server = serves("s");
	int fd;

	(void)state;
	starts("connect=52:%/s");
	sends(VSOCK_OP_REQUEST, 52, "");
	fd = accept(server, NULL, NULL);
	assert_int_equal(receives(NULL).op, VSOCK_OP_RESPONSE);
	sends(VSOCK_OP_RW, 52, "last words");
	memcpy(rig_at(&f.rig, ARG), &halt, sizeof halt);
	assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_HALT, ARG), RIG_HALTED);
	reads(fd, "last words");
	rig_free(&f.rig);
	ends(fd);
	close(server);
	removes("s");
	assert_int_equal(rig_make(&f.rig, RIG_MEMORY), 0);
}

/* ---- queues ---- */

static void queues_are_announced_once_and_taken_back(void **state)
{
	struct husk_queue rq;

	(void)state;
	attach("cid=3");
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			rq = queue(i);
			assert_int_equal(answer(&rq), HVT_OK);
			assert_int_equal(answer(&rq), HVT_EINVAL);
		}
		rq = (struct husk_queue){.handle = HANDLE, .index = 99, .ret = 77};
		assert_int_equal(answer(&rq), HVT_OK);
	}
	assert_int_equal(answer(&rq), HVT_OK);
}

static void what_is_no_queue_is_an_answer(void **state)
{
	static const uint64_t handles[] = {0, 2, 63, 64, 1ull << 32 | HANDLE, UINT64_MAX};
	static const uint32_t indices[] = {3, 15, 16, UINT32_MAX};
	struct husk_queue rq;

	(void)state;
	attach("cid=3");
	for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
		rq = queue(0);
		rq.handle = handles[i];
		assert_int_equal(answer(&rq), HVT_EINVAL);
		rq.size = 0;
		assert_int_equal(answer(&rq), HVT_EINVAL);
	}
	for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
		rq = queue(0);
		rq.index = indices[i];
		assert_int_equal(answer(&rq), HVT_EINVAL);
	}
}

static void an_impossible_queue_ends_the_run(void **state)
{
	const uint64_t end = 2 * HVT_MEM_GRANULE;
	const struct {
		uint32_t size;
		uint64_t desc, avail, used;
		const char *message;
	} cases[] = {
		{3, QUEUES, QUEUES + 0x1000, QUEUES + 0x1800, "vsock device service0, queue 1: "},
		{512, QUEUES, QUEUES + 0x4000, QUEUES + 0x8000, "queue 1: "},
		{UINT32_MAX, QUEUES, QUEUES + 0x1000, QUEUES + 0x1800, "queue 1: "},
		{16, QUEUES + 8, QUEUES + 0x1000, QUEUES + 0x1800, "queue 1: "},
		{16, QUEUES, QUEUES + 0x1001, QUEUES + 0x1800, "queue 1: "},
		{16, QUEUES, QUEUES + 0x1000, QUEUES + 0x1802, "queue 1: "},
		{16, QUEUES, QUEUES, QUEUES + 0x1800, "queue 1: "},
		{16, end - 255, QUEUES, QUEUES + 0x1000, "queue 1: "},
		{16, end - 0x80, QUEUES, QUEUES + 0x1000, "queue 1: "},
		{16, -16ull, QUEUES, QUEUES + 0x1000, "queue 1: "},
		{16, QUEUES, 0x1000, QUEUES + 0x1000, "queue 1: "},
		{16, QUEUES, QUEUES + 0x1000, 0xff000, "queue 1: "},
	};

	(void)state;
	attach("cid=3");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct husk_queue rq = {
			.handle = HANDLE, .index = 1, .size = cases[i].size,
			.desc = cases[i].desc, .avail = cases[i].avail, .used = cases[i].used,
		};

		assert_guest_error(&f.rig, call(&rq), cases[i].message);
	}
}

static void queues_of_all_devices_lie_apart(void **state)
{
	struct husk_queue first, other;

	(void)state;
	device("a", "cid=3");
	attach("cid=4");
	first = queue(0);
	assert_int_equal(answer(&first), HVT_OK);
	other = queue(1);
	other.desc = first.used & ~15ull;
	assert_guest_error(&f.rig, call(&other), "vsock device a, queue 1: it shares memory with "
			   "vsock device a, queue 0");
	other.handle = 2;
	assert_guest_error(&f.rig, call(&other), "vsock device service0, queue 1: it shares memory "
			   "with vsock device a, queue 0");
	other.desc = queue(1).desc;
	assert_int_equal(answer(&other), HVT_OK);
}

static void the_structure_may_lie_anywhere_but_must_be_writable(void **state)
{
	const struct husk_queue rq = queue(0);

	(void)state;
	attach("cid=3");
	assert_guest_error(&f.rig, rig_call(&f.rig, HUSK_HYPERCALL_QUEUE,
					    2 * HVT_MEM_GRANULE - 47), "Invalid guest access");
	memcpy(rig_at(&f.rig, 0x20000), &rq, sizeof rq);
	assert_guest_error(&f.rig, rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, 0x20000),
			   "inside read-only low memory");
}

/* ---- doorbells ---- */

static void assert_doorbells(void)
{
	(void)bell(HUSK_QUEUE_NUMBER(HANDLE, 0));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bell(HUSK_QUEUE_NUMBER(HANDLE, i)), RIG_RESUMED);
	assert_guest_error(&f.rig, bell(HUSK_QUEUE_NUMBER(HANDLE, 3)), "no queue has the number");
	assert_guest_error(&f.rig, bell(HUSK_QUEUE_NUMBER(2, 0)), "no queue has the number");
	assert_guest_error(&f.rig, bell(0), "no queue has the number");
	assert_guest_error(&f.rig, bell(UINT32_MAX), "no queue has the number");
	for (unsigned width = 1; width <= 8; width *= 2) {
		if (width == 4 || (width == 8 && kind() == BUS_PIO))
			continue;
		hv_fake_store(f.rig.core.hv, kind(), bell_address(), width, HUSK_QUEUE_NUMBER(1, 0));
		assert_guest_error(&f.rig, rig_run(&f.rig), width == 8 ? "Invalid guest" :
				   "a doorbell is one 32-bit store");
	}
	hv_fake_load(f.rig.core.hv, kind(), bell_address(), 4);
	assert_guest_error(&f.rig, rig_run(&f.rig), "a doorbell is one 32-bit store");
}

/* V55, F42 */
static void doorbells_are_no_exits(void **state)
{
	(void)state;
	attach("cid=3");
	assert_int_equal(f.rig.core.hv->n_bells, 3);
	assert_doorbells();
	assert_int_equal(rig_figure(&f.rig, 0, "doorbells", "trapped"), 0);
	announce_all();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bell(HUSK_QUEUE_NUMBER(HANDLE, i)), RIG_RESUMED);
}

static void without_a_hypervisors_help_they_are_exits(void **state)
{
	(void)state;
	hv_fake_faults = (struct hv_fake_faults){HV_FAKE_DOORBELL_ADD, 0, 1, true};
	attach("cid=3");
	hv_fake_faults = (struct hv_fake_faults){0};
	assert_int_equal(f.rig.core.hv->n_bells, 0);
	assert_doorbells();
	assert_int_equal(rig_figure(&f.rig, 0, "doorbells", "trapped"), 4);
}

static void trapped_doorbells_do_as_well(void **state)
{
	const int server = serves("s");
	int fd;

	(void)state;
	hv_fake_faults = (struct hv_fake_faults){HV_FAKE_DOORBELL_ADD, 0, 1, true};
	starts("connect=52:%/s");
	hv_fake_faults = (struct hv_fake_faults){0};
	sends(VSOCK_OP_REQUEST, 52, "");
	fd = accept(server, NULL, NULL);
	assert_int_equal(receives(NULL).op, VSOCK_OP_RESPONSE);
	sends(VSOCK_OP_RW, 52, "hello");
	reads(fd, "hello");
	close(fd);
	close(server);
	removes("s");
}

/* ---- what is granted ---- */

static void the_feature_is_granted_if_it_is_wanted(void **state)
{
	(void)state;
	attach("cid=99");
	assert_int_equal(f.rig.core.granted, HUSK_FEATURE_VSOCK);
	assert_int_equal(f.rig.n_notices, 0);
	assert_int_equal(((const struct husk_vsock_properties *)
			  (const void *)&f.rig.mft->entry[1].u)->guest_cid, 99);
	assert_int_equal(f.rig.mft->entry[1].attached, 1);
}

static void an_image_that_does_not_ask_is_told_of_and_gets_nothing(void **state)
{
	struct husk_queue rq;

	(void)state;
	f.rig.core.wanted = ~(uint32_t)HUSK_FEATURE_VSOCK;
	attach("cid=3");
	assert_int_equal(f.rig.core.granted, 0);
	assert_non_null(strstr(f.rig.notices[0], "no note that asks for them"));
	rq = queue(0);
	assert_int_equal(answer(&rq), HVT_EINVAL);
	rq.size = 0;
	assert_int_equal(answer(&rq), HVT_EINVAL);
}

static void without_a_device_there_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(rig_attach(&f.rig, &module_vsock), 0);
	assert_int_equal(f.rig.core.granted, 0);
	assert_int_equal(f.rig.core.hv->n_bells, 0);
	assert_guest_error(&f.rig, rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG),
			   "no module serves a hypercall there");
}

/* ---- the host fails ---- */

static void refuses(enum husk_error_class class, const char *words, const char *message)
{
	const int files = open_descriptors();

	f.rig.e = (struct husk_error){0};
	assert_int_equal(option("service0", words), 0);
	assert_int_equal(rig_attach(&f.rig, &module_vsock), -1);
	assert_error(&f.rig.e, class, message);
	assert_int_equal(open_descriptors(), files);
	f.n_words--;
}

static void what_cannot_be_opened_names_the_word(void **state)
{
	const int server = serves("s");

	(void)state;
	rig_device(&f.rig, "service0", HUSK_DEV_VSOCK);
	refuses(HUSK_E_HOST, "connect=1:%/none/s", "device service0: `connect=1:/tmp/husk-");
	refuses(HUSK_E_HOST, "listen=%/none/s", "/none/s: its directory: No such file");
	refuses(HUSK_E_HOST, "listen=%/t,listen=%/s", "/s': ");
	refuses(HUSK_E_HOST, "uds=%/s", "/s: cannot listen: Address already in use: another program");
	refuses(HUSK_E_HOST, "connect=1:%", ": it is no socket");
	refuses(HUSK_E_USAGE, "connect=1:%/", "it names a directory, not a socket");
	refuses(HUSK_E_HOST, "listen=@999", "`listen=@999': descriptor 999: Bad file descriptor");
	refuses(HUSK_E_USAGE, "listen=5:@0", "`listen=5:@0': descriptor 0 is no stream socket");
	assert_false(is_there("t"));
	close(server);
	removes("s");
}

static void two_devices_do_not_listen_at_one_path(void **state)
{
	(void)state;
	device("a", "uds=%/s");
	device("b", "listen=4:%/s");
	assert_int_equal(rig_attach(&f.rig, &module_vsock), -1);
	assert_error(&f.rig.e, HUSK_E_USAGE, "': device b listens there too");
	assert_false(is_there("s"));
}

static void looking_leaves_no_trace(void **state)
{
	(void)state;
	f.rig.settings.look = true;
	device("service0", "listen=%/s,connect=5:%/t,uds=%/u");
	void *s;

	assert_int_equal(module_vsock.open(&s, &f.rig.settings, f.rig.mft, &f.rig.e), 0);
	assert_false(is_there("s"));
	assert_false(is_there("u"));
	module_vsock.close(s);
}

static void any_lack_of_memory_is_told(void **state)
{
	unsigned n = 0;
	int rc;

	(void)state;
	device("service0", "listen=%/s");
	do {
		const int files = open_descriptors();

		host.callocs = 0;
		host.calloc_fails = ++n;
		rc = rig_attach(&f.rig, &module_vsock);
		host.calloc_fails = 0;
		if (rc == -1) {
			assert_error(&f.rig.e, HUSK_E_HOST, "Cannot allocate memory");
			assert_int_equal(open_descriptors(), files);
			assert_false(is_there("s"));
		}
	} while (rc == -1);
	assert_true(n > 4);
}

/* Whichever descriptor cannot be had, nothing is left. */
static void any_lack_of_descriptors_is_told(void **state)
{
	struct rlimit limit, lower;
	rlim_t most = (rlim_t)open_descriptors();
	int rc;

	(void)state;
	device("service0", "listen=%/s,connect=5:%/t");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	do {
		const int files = open_descriptors();

		lower = (struct rlimit){most++, limit.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
		rc = rig_attach(&f.rig, &module_vsock);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		if (rc == -1) {
			assert_error(&f.rig.e, HUSK_E_HOST, "Too many open files");
			assert_int_equal(open_descriptors(), files);
			assert_false(is_there("s"));
		}
	} while (rc == -1);
}

static void a_thread_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	host.create_error = EAGAIN;
	device("service0", "listen=%/s");
	assert_int_equal(rig_attach(&f.rig, &module_vsock), -1);
	assert_error(&f.rig.e, HUSK_E_HOST, "vsock: I/O thread: Resource temporarily unavailable");
	assert_false(is_there("s"));
}

/* By the thread, and told by the vcpu's. */
static void an_impossible_chain_ends_the_run(void **state)
{
	const struct hvt_poll poll = {.timeout_nsecs = PATIENCE_NS};
	struct virtq_span span = {2 * HVT_MEM_GRANULE - 1, 44};
	enum rig_end end;

	(void)state;
	starts("cid=3");
	(void)virtq_add(&f.guest[VSOCK_QUEUE_TX], &span, 1, 0);
	(void)virtq_submit(&f.guest[VSOCK_QUEUE_TX]);
	end = bell(HUSK_QUEUE_NUMBER(HANDLE, VSOCK_QUEUE_TX));
	while (end == RIG_RESUMED) {
		memcpy(rig_at(&f.rig, ARG), &poll, sizeof poll);
		end = rig_call(&f.rig, HVT_HYPERCALL_POLL, ARG);
	}
	assert_guest_error(&f.rig, end, "vsock device service0, queue 1: descriptor");
}

/* And is no device any more, if the guest is run again. */
static void a_socket_of_the_host_that_hangs_does_not_put_off_a_stop(void **state)
{
	const int server = serves("s");

	(void)state;
	if (UNDER_ASAN) {
		close(server);
		removes("s");
		skip();
	}
	starts("connect=52:%/s,cid=3");
	host.connect_hangs = true;
	sends(VSOCK_OP_REQUEST, 52, "");
	while (!__atomic_load_n(&host.hanging, __ATOMIC_SEQ_CST))
		sched_yield();
	f.files++;			/* the socket that was to be connected */
	rig_stop(&f.rig);
	assert_string_equal(f.rig.e.message, "vsock: a socket of the host's kept the I/O thread, and the "
			    "run was to end: connections are lost");
	assert_int_equal(f.rig.e.kind, HUSK_E_HOST);
	assert_int_equal(rig_run(&f.rig), RIG_FAILED);
	close(server);
	removes("s");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_and_a_server_talk),
		TEST(clients_reach_the_guest),
		TEST(a_prefix_serves_all_other_ports),
		TEST(a_port_without_a_word_is_refused),
		TEST(what_was_sent_before_a_halt_arrives),
		TEST(queues_are_announced_once_and_taken_back),
		TEST(what_is_no_queue_is_an_answer),
		TEST(an_impossible_queue_ends_the_run),
		TEST(queues_of_all_devices_lie_apart),
		TEST(the_structure_may_lie_anywhere_but_must_be_writable),
		TEST(doorbells_are_no_exits),
		TEST(without_a_hypervisors_help_they_are_exits),
		TEST(trapped_doorbells_do_as_well),
		TEST(the_feature_is_granted_if_it_is_wanted),
		TEST(an_image_that_does_not_ask_is_told_of_and_gets_nothing),
		TEST(without_a_device_there_is_nothing),
		TEST(what_cannot_be_opened_names_the_word),
		TEST(two_devices_do_not_listen_at_one_path),
		TEST(looking_leaves_no_trace),
		TEST(any_lack_of_memory_is_told),
		TEST(any_lack_of_descriptors_is_told),
		TEST(a_thread_that_cannot_be_made_is_told),
		TEST(an_impossible_chain_ends_the_run),
		TEST(a_socket_of_the_host_that_hangs_does_not_put_off_a_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
