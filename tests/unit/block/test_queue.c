/* SPDX-License-Identifier: ISC */
/* test_queue.c: requests on the queue of a block device, good ones and others (include/block_abi.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../../bindings/virtqueue.h"
#include "../../../include/block_abi.h"
#include "emulated.h"
#include "rig.h"
#include "expect.h"

extern const struct module module_vsock;

#define CAPACITY 0x40000u
#define SECTORS (CAPACITY / BLOCK_SECTOR)
#define SIZE 256u			/* entries */
#define HANDLE 1u
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define QUEUE (HVT_GUEST_MIN_BASE + 0x1000u)
#define HEADERS (HVT_GUEST_MIN_BASE + 0x4000u)
#define STATUS (HVT_GUEST_MIN_BASE + 0x8000u)
#define DATA (HVT_GUEST_MIN_BASE + 0x10000u)
#define UNTOUCHED 0x77
#define QUICK_NS(len) (50000u + (len))	/* the longest that a read from the page cache is believed to take */

/* ---- host calls ---- */

static struct {
	unsigned reads, writes, flushes, punches, zeroings;
	unsigned fail_in;		/* the call of these that fails, from 1 on; 0: none */
	int error;
	size_t most;			/* bytes that one moves, 0: no limit */
	unsigned stop_in;		/* the call before which core is stopped; 0: none */
	bool no_holes;			/* the file system has none */
	bool old;			/* a kernel that moves one span at an offset, not many */
	unsigned order, last_write, flush;	/* of the calls */
	struct core *core;
	uint64_t now, takes;		/* the clock, and what a transfer adds to it */
	unsigned quick;			/* reads that take none of that, before those that do */
	unsigned n_told, first_told;	/* calls, and when the first was */
	struct {
		uint64_t offset, len;
	} told[128];
} host;

ssize_t __real_disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset);
ssize_t __wrap_disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset);
ssize_t __real_disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset);
ssize_t __wrap_disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_posix_fadvise(int fd, off_t offset, off_t len, int advice);
int __wrap_posix_fadvise(int fd, off_t offset, off_t len, int advice);
uint64_t __wrap_clock_now_ns(void);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);

/* Whether this call is not to fail. */
static bool goes_on(void)
{
	host.order++;
	if (host.stop_in != 0 && --host.stop_in == 0)
		core_stop(host.core, 15);
	errno = host.error;
	return host.fail_in == 0 || --host.fail_in != 0;
}

/* One piece at most of what is asked for, where there is a limit. */
static struct iovec cut(const struct iovec *iov)
{
	return (struct iovec){iov->iov_base, iov->iov_len < host.most ? iov->iov_len : host.most};
}

ssize_t __wrap_disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	const struct iovec piece = cut(iov);

	host.reads++;
	host.now += host.reads > host.quick ? host.takes : 0;
	if (!goes_on())
		return -1;
	return host.most != 0 ? __real_disk_host_readv(fd, &piece, 1, offset) :
	       __real_disk_host_readv(fd, iov, n, offset);
}

ssize_t __wrap_disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	const struct iovec piece = cut(iov);

	host.writes++;
	host.now += host.takes;
	host.last_write = host.order + 1;
	if (!goes_on())
		return -1;
	return host.most != 0 ? __real_disk_host_writev(fd, &piece, 1, offset) :
	       __real_disk_host_writev(fd, iov, n, offset);
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	errno = ENOSYS;
	return host.old ? -1 : __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_fdatasync(int fd)
{
	host.flushes++;
	host.flush = host.order + 1;
	return goes_on() ? __real_fdatasync(fd) : -1;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	*((mode & FALLOC_FL_PUNCH_HOLE) != 0 ? &host.punches : &host.zeroings) += 1;
	if (!goes_on())
		return -1;
	errno = EOPNOTSUPP;
	return host.no_holes ? -1 : __real_fallocate(fd, mode, offset, len);
}

/* The error is what it returns. */
int __wrap_posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
	const unsigned i = host.n_told++ % (sizeof host.told / sizeof host.told[0]);

	assert_int_equal(advice, POSIX_FADV_WILLNEED);
	if (host.n_told == 1)
		host.first_told = host.order + 1;
	host.told[i].offset = (uint64_t)offset;
	host.told[i].len = (uint64_t)len;
	return goes_on() ? __real_posix_fadvise(fd, offset, len, advice) : host.error;
}

uint64_t __wrap_clock_now_ns(void)
{
	return host.now;
}

/* ---- a guest with a disk ---- */

struct fixture {
	struct rig rig;
	char path[32], word[80];
	struct virtq q;
	unsigned n;			/* requests that were made */
};

static struct fixture f;

static uint8_t byte_of_disk(uint64_t offset)
{
	return (uint8_t)(offset / 512 + offset);
}

static void make_file(void)
{
	int fd = mkstemp(strcpy(f.path, "/tmp/husk-queue.XXXXXX"));
	static uint8_t bytes[CAPACITY];

	for (unsigned i = 0; i < CAPACITY; i++)
		bytes[i] = byte_of_disk(i);
	assert_int_equal(write(fd, bytes, CAPACITY), CAPACITY);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	make_file();
	if (rig_make(&f.rig, RIG_MEMORY) == -1)
		return -1;
	f.rig.core.wanted = HUSK_FEATURE_BLOCK;
	host.core = &f.rig.core;
	memset(rig_at(&f.rig, DATA), UNTOUCHED, RIG_MEMORY - DATA);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&f.rig);
	return unlink(f.path);
}

static void attach(const char *option)
{
	rig_device(&f.rig, "disk", MFT_DEV_BLOCK_BASIC);
	snprintf(f.word, sizeof f.word, "--%s:disk=%s", option, f.path);
	if (rig_option(&f.rig, &module_block, f.word) == -1 ||
	    rig_attach(&f.rig, &module_block) == -1)
		fail_msg("%s", f.rig.e.message);
}

static struct husk_queue layout(void)
{
	struct husk_queue rq = {.handle = HANDLE, .size = SIZE, .desc = QUEUE, .ret = 77};

	virtq_init(&f.q, SIZE, rig_at(&f.rig, QUEUE));
	rq.avail = QUEUE + (uint64_t)((uint8_t *)f.q.avail - (uint8_t *)f.q.desc);
	rq.used = QUEUE + (uint64_t)((uint8_t *)f.q.used - (uint8_t *)f.q.desc);
	return rq;
}

static int announce(const struct husk_queue *rq)
{
	memcpy(rig_at(&f.rig, ARG), rq, sizeof *rq);
	assert_int_equal(rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG), RIG_RESUMED);
	return ((struct husk_queue *)rig_at(&f.rig, ARG))->ret;
}

static void start(const char *option)
{
	struct husk_queue rq;

	attach(option);
	rq = layout();
	assert_int_equal(announce(&rq), HVT_OK);
}

static enum rig_end bell(void)
{
	const enum bus_kind kind = cpu_hypercall_window.kind;

	hv_fake_store(f.rig.core.hv, kind, kind == BUS_PIO ? HUSK_DOORBELL_PIO_BASE :
		      HUSK_DOORBELL_MMIO_BASE, 4, HUSK_QUEUE_NUMBER(HANDLE, 0));
	return rig_run(&f.rig);
}

/* ---- requests ---- */

static struct virtq_span header(uint32_t type, uint64_t sector)
{
	const uint64_t at = HEADERS + 32u * f.n;
	const struct block_header h = {.type = type, .sector = sector};

	memcpy(rig_at(&f.rig, at), &h, sizeof h);
	return (struct virtq_span){at, sizeof h};
}

static struct virtq_span status(void)
{
	*(uint8_t *)rig_at(&f.rig, STATUS + f.n) = UNTOUCHED;
	return (struct virtq_span){STATUS + f.n, 1};
}

/* Returns the request's number, by which done_with asks for its end. */
static unsigned add(const struct virtq_span *spans, uint16_t readable, uint16_t writable)
{
	assert_true(virtq_add(&f.q, spans, readable, writable) >= 0);
	return f.n++;
}

static unsigned transfer(uint32_t type, uint64_t sector, uint64_t gpa, uint32_t len)
{
	const struct virtq_span spans[] = {header(type, sector), {gpa, len}, status()};

	return add(spans, type == BLOCK_OUT ? 2 : 1, type == BLOCK_OUT ? 1 : 2);
}

static unsigned flush(void)
{
	const struct virtq_span spans[] = {header(BLOCK_FLUSH, 0), status()};

	return add(spans, 1, 1);
}

static unsigned range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	const struct block_range r = {sector, sectors, flags};
	struct virtq_span spans[] = {header(type, 0), status()};

	memcpy((uint8_t *)rig_at(&f.rig, spans[0].addr) + sizeof(struct block_header), &r, sizeof r);
	spans[0].len += sizeof r;
	return add(spans, 1, 1);
}

static void go(void)
{
	if (virtq_submit(&f.q))
		assert_int_equal(bell(), RIG_RESUMED);
}

static uint8_t status_of(unsigned n)
{
	return *(uint8_t *)rig_at(&f.rig, STATUS + n);
}

/* All n that were submitted are back, in order, each with so many bytes written. */
static void back(unsigned n, uint32_t written)
{
	uint32_t w = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(virtq_take(&f.q, &w) >= 0);
		assert_int_equal(w, written);
	}
	assert_int_equal(virtq_take(&f.q, &w), -1);
}

static void ends_with(unsigned request, enum block_status s, uint32_t written)
{
	go();
	back(1, written);
	assert_int_equal(status_of(request), s);
}

static void refused(unsigned request, enum block_status s)
{
	const unsigned before = host.order;

	ends_with(request, s, 1);
	assert_int_equal(host.order, before);		/* and the host was not asked */
}

/* The bytes of the disk from offset on. */
static const uint8_t *disk(uint64_t offset, size_t len)
{
	static uint8_t bytes[CAPACITY];
	int fd = open(f.path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, bytes, len, (off_t)offset), len);
	close(fd);
	return bytes;
}

static void assert_data(uint64_t gpa, uint64_t offset, size_t len)
{
	assert_memory_equal(rig_at(&f.rig, gpa), disk(offset, len), len);
}

static uint64_t figure(const char *name)
{
	return rig_figure(&f.rig, 0, "block:disk", name);
}

/* ---- what is asked for is done ---- */

static void a_sector_is_read(void **state)
{
	(void)state;
	start("block");
	ends_with(transfer(BLOCK_IN, 3, DATA, 512), BLOCK_OK, 513);
	assert_data(DATA, 3 * 512, 512);
	assert_int_equal(*(uint8_t *)rig_at(&f.rig, DATA + 512), UNTOUCHED);
}

static void a_sector_is_written(void **state)
{
	(void)state;
	start("block");
	ends_with(transfer(BLOCK_OUT, SECTORS - 1, DATA, 512), BLOCK_OK, 1);
	assert_data(DATA, CAPACITY - 512, 512);
	assert_int_equal(disk(CAPACITY - 513, 1)[0], byte_of_disk(CAPACITY - 513));
}

static void header_data_and_status_may_be_cut_anywhere(void **state)
{
	struct virtq_span h, spans[40];
	uint16_t n = 0, readable;

	(void)state;
	start("block");
	h = header(BLOCK_IN, 7);
	for (unsigned i = 0; i < 16; i++)
		spans[n++] = (struct virtq_span){h.addr + i, 1};
	readable = n;
	spans[n++] = (struct virtq_span){DATA, 1};
	spans[n++] = (struct virtq_span){DATA + 1, 500};
	spans[n++] = (struct virtq_span){DATA + 501, 12};	/* the last byte is the status */
	(void)add(spans, readable, (uint16_t)(n - readable));
	go();
	back(1, 513);
	assert_data(DATA, 7 * 512, 512);
	assert_int_equal(*(uint8_t *)rig_at(&f.rig, DATA + 512), BLOCK_OK);
}

static void any_number_at_one_doorbell(void **state)
{
	(void)state;
	start("block");
	for (unsigned i = 0; i < 80; i++)
		(void)transfer(BLOCK_IN, (i * 7) % SECTORS, DATA + 512 * i, 512);
	go();
	back(80, 513);
	for (unsigned i = 0; i < 80; i++)
		assert_data(DATA + 512 * i, (i * 7) % SECTORS * 512, 512);
	assert_int_equal(figure("doorbells"), 1);
	assert_int_equal(figure("requests"), 80);
	assert_int_equal(figure("reads"), 80);
}

static void neighbours_are_one_system_call(void **state)
{
	(void)state;
	start("block");
	for (unsigned i = 0; i < 32; i++)
		(void)transfer(BLOCK_OUT, 8 + i, DATA + 512 * (31 - i), 512);
	go();
	back(32, 1);
	assert_int_equal(host.writes, emulated() ? 32 : 1);	/* qemu-user has no pwritev2 */
	for (unsigned i = 0; i < 32; i++)
		assert_data(DATA + 512 * (31 - i), (8 + i) * 512, 512);
	assert_int_equal(figure("system_calls"), host.writes);
	assert_int_equal(figure("bytes_written"), 32 * 512);
}

static void where_the_host_cannot_they_are_one_each(void **state)
{
	(void)state;
	start("block");
	host.old = true;
	for (unsigned i = 0; i < 8; i++)
		(void)transfer(BLOCK_IN, i, DATA + 1024 * i, 512);
	for (unsigned i = 0; i < 8; i++)
		(void)transfer(BLOCK_OUT, 16 + i, DATA + 1024 * i, 512);
	go();
	assert_int_equal(host.reads, 8);
	assert_int_equal(host.writes, 8);
	assert_int_equal(figure("bytes_read"), 8 * 512);
	for (unsigned i = 0; i < 8; i++) {
		assert_data(DATA + 1024 * i, i * 512, 512);
		assert_data(DATA + 1024 * i, (16 + i) * 512, 512);
	}
}

static void what_lies_apart_is_not(void **state)
{
	(void)state;
	start("block");
	(void)transfer(BLOCK_IN, 0, DATA, 512);
	(void)transfer(BLOCK_IN, 2, DATA + 512, 512);
	(void)transfer(BLOCK_OUT, 3, DATA, 512);
	(void)transfer(BLOCK_OUT, 3, DATA + 512, 512);
	go();
	assert_int_equal(host.reads + host.writes, 4);
	assert_data(DATA + 512, 3 * 512, 512);		/* the later one */
}

static void short_transfers_go_on(void **state)
{
	(void)state;
	start("block");
	host.most = 300;
	(void)transfer(BLOCK_IN, 0, DATA, 2048);
	(void)transfer(BLOCK_IN, 4, DATA + 4096, 1024);
	go();
	assert_int_equal(status_of(0), BLOCK_OK);
	assert_int_equal(status_of(1), BLOCK_OK);
	assert_data(DATA, 0, 2048);
	assert_data(DATA + 4096, 2048, 1024);
}

static void what_was_submitted_before_is_served_too(void **state)
{
	struct husk_queue rq;

	(void)state;
	attach("block");
	rq = layout();
	(void)transfer(BLOCK_IN, 1, DATA, 512);
	(void)virtq_submit(&f.q);
	assert_int_equal(announce(&rq), HVT_OK);
	assert_int_equal(rig_run(&f.rig), RIG_RESUMED);
	back(1, 513);
	(void)transfer(BLOCK_IN, 1, DATA, 512);
	go();						/* and the next rings */
	back(1, 513);
}

/* ---- flushes, and what makes no bytes ---- */

/* F31 */
static void a_flush_comes_after_what_was_written(void **state)
{
	unsigned r;

	(void)state;
	start("block");
	(void)transfer(BLOCK_OUT, 0, DATA, 512);
	(void)transfer(BLOCK_OUT, 9, DATA, 512);
	r = flush();
	go();
	back(3, 1);
	assert_int_equal(status_of(r), BLOCK_OK);
	assert_int_equal(host.flushes, 1);
	assert_true(host.flush > host.last_write);
	assert_int_equal(figure("flushes"), 1);
}

static void a_flush_that_fails_says_so(void **state)
{
	(void)state;
	start("block");
	host.fail_in = 1;
	host.error = EIO;
	ends_with(flush(), BLOCK_IOERR, 1);
	assert_non_null(strstr(f.rig.notices[0], "flushing"));
	ends_with(flush(), BLOCK_OK, 1);
}

static bool is_zero(const uint8_t *at, size_t len)
{
	return at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* F33 */
static void what_is_discarded_is_a_hole(void **state)
{
	struct stat before, after;

	(void)state;
	start("block");
	assert_int_equal(stat(f.path, &before), 0);
	ends_with(range(BLOCK_DISCARD, 8, 256, 0), BLOCK_OK, 1);
	assert_int_equal(host.punches, 1);
	assert_true(is_zero(disk(8 * 512, 256 * 512), 256 * 512));
	assert_int_equal(disk(8 * 512 - 1, 1)[0], byte_of_disk(8 * 512 - 1));
	assert_int_equal(stat(f.path, &after), 0);
	assert_true(after.st_blocks < before.st_blocks);
	assert_true(after.st_size == CAPACITY);
	ends_with(range(BLOCK_DISCARD, 0, SECTORS, 0), BLOCK_OK, 1);
}

static void without_holes_a_discard_is_good_too(void **state)
{
	(void)state;
	start("block");
	host.no_holes = true;
	ends_with(range(BLOCK_DISCARD, 8, 256, 0), BLOCK_OK, 1);
	assert_int_equal(disk(8 * 512 + 1, 1)[0], byte_of_disk(8 * 512 + 1));
}

/* F34 */
static void zeroes_are_zeroes_whatever_the_host_can_do(void **state)
{
	(void)state;
	start("block");
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t sector = 20 + 60 * i;

		host.no_holes = i >= 2;
		ends_with(range(BLOCK_WRITE_ZEROES, sector, 17, i % 2), BLOCK_OK, 1);
		assert_true(is_zero(disk(sector * 512, 17 * 512), 17 * 512));
		assert_int_equal(disk(sector * 512 - 1, 1)[0], byte_of_disk(sector * 512 - 1));
		assert_int_equal(disk((sector + 17) * 512, 1)[0], byte_of_disk((sector + 17) * 512));
	}
	assert_int_equal(host.zeroings, 2);
	assert_int_equal(host.punches, 2);
	assert_int_equal(host.writes, emulated() ? 6 : 4);	/* 8 KiB, and the rest */
}

/* ---- the host fails ---- */

/* F35: the n-th call fails, for every n. */
static void each_failure_is_the_status_of_one_request(void **state)
{
	(void)state;
	start("block");
	host.error = EIO;
	for (unsigned n = 1; n <= 5; n++) {
		const unsigned first = f.n = 0;

		host.fail_in = n;
		(void)transfer(BLOCK_IN, 0, DATA, 512);
		(void)transfer(BLOCK_OUT, 8, DATA, 512);
		(void)flush();
		(void)range(BLOCK_DISCARD, 40, 8, 0);
		(void)range(BLOCK_WRITE_ZEROES, 60, 8, 0);
		go();
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(status_of(first + i), i + 1 == n ? BLOCK_IOERR : BLOCK_OK);
		while (virtq_take(&f.q, &(uint32_t){0}) >= 0)
			;
	}
	assert_int_equal(figure("errors"), 5);
	assert_int_equal(f.rig.n_notices, 1);
}

static void of_neighbours_only_one_fails(void **state)
{
	(void)state;
	start("block");
	host.most = 512;
	host.error = EIO;
	host.fail_in = 3;
	for (unsigned i = 0; i < 6; i++)
		(void)transfer(BLOCK_IN, i, DATA + 512 * i, 512);
	go();
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(status_of(i), i == 2 ? BLOCK_IOERR : BLOCK_OK);
}

static void a_file_that_has_become_shorter_is_an_error(void **state)
{
	(void)state;
	start("block");
	assert_int_equal(truncate(f.path, 1024), 0);
	ends_with(transfer(BLOCK_IN, 1, DATA, 1024), BLOCK_IOERR, 1);
}

static void a_stop_comes_between_two_transfers(void **state)
{
	(void)state;
	start("block");
	for (unsigned i = 0; i < 10; i++)
		(void)transfer(BLOCK_IN, 2 * i, DATA + 512 * i, 512);
	host.stop_in = 3;
	assert_true(virtq_submit(&f.q));
	assert_int_equal(bell(), RIG_STOPPED);
	assert_int_equal(host.reads, 3);
	assert_int_equal(status_of(2), BLOCK_OK);
	assert_int_equal(status_of(3), UNTOUCHED);
	assert_int_equal(rig_run(&f.rig), RIG_RESUMED);
	assert_int_equal(host.reads, 10);
	back(10, 513);
	for (unsigned i = 0; i < 10; i++)
		assert_data(DATA + 512 * i, 2 * i * 512, 512);
}

/* ---- a slow disk is told of the reads to come ---- */

/* n reads of a sector, each apart from the others. */
static void reads_apart(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)transfer(BLOCK_IN, 4 * i, DATA + 512 * i, 512);
}

/* They came back right, whatever was told. */
static void are_read(unsigned n)
{
	back(n, 513);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(status_of(i), BLOCK_OK);
		assert_data(DATA + 512 * i, 2048 * i, 512);
	}
}

static void assert_told(unsigned i, uint64_t offset, uint64_t len)
{
	assert_true(i < host.n_told);
	assert_int_equal(host.told[i].offset, offset);
	assert_int_equal(host.told[i].len, len);
}

static void of_quick_reads_nothing_is_told(void **state)
{
	(void)state;
	start("block");
	host.takes = QUICK_NS(512);
	reads_apart(80);
	go();
	are_read(80);
	assert_int_equal(host.n_told, 0);
	assert_int_equal(figure("told_ahead"), 0);
	assert_int_equal(figure("system_calls"), 80);
}

static void a_long_read_may_take_longer(void **state)
{
	(void)state;
	start("block");
	host.takes = QUICK_NS(65536);
	(void)transfer(BLOCK_IN, 0, DATA, 65536);
	(void)transfer(BLOCK_IN, 400, DATA, 512);
	go();
	assert_int_equal(host.n_told, 0);
	host.takes++;
	(void)transfer(BLOCK_IN, 0, DATA, 65536);
	(void)transfer(BLOCK_IN, 400, DATA, 512);
	go();
	assert_int_equal(host.n_told, 1);
}

static void of_slow_reads_the_first_has_the_others_told_once(void **state)
{
	(void)state;
	start("block");
	host.takes = QUICK_NS(512) + 1;
	reads_apart(32);
	go();
	are_read(32);
	assert_int_equal(host.n_told, 31);
	for (unsigned i = 0; i < 31; i++)
		assert_told(i, 2048 * (i + 1), 512);
	assert_int_equal(host.first_told, 2);		/* before the second is read */
	assert_int_equal(figure("told_ahead"), 31);
	assert_int_equal(figure("system_calls"), 63);
}

static void what_was_read_before_is_not_told(void **state)
{
	(void)state;
	start("block");
	host.takes = 1000000;
	host.quick = 29;
	reads_apart(32);
	go();
	are_read(32);
	assert_int_equal(host.n_told, 2);
	assert_told(0, 30 * 2048, 512);
	assert_told(1, 31 * 2048, 512);
}

static void one_request_at_a_time_tells_nothing(void **state)
{
	(void)state;
	start("block");
	host.takes = 1000000;
	for (unsigned i = 0; i < 3; i++)
		ends_with(transfer(BLOCK_IN, 100 * i, DATA, 512), BLOCK_OK, 513);
	assert_int_equal(host.n_told, 0);
}

/* As they are read: up to 1 MiB. */
static void neighbours_are_told_as_one(void **state)
{
	(void)state;
	assert_int_equal(truncate(f.path, 4 << 20), 0);
	start("block");
	host.takes = 2000000;
	(void)transfer(BLOCK_IN, 0, DATA, 512);
	(void)transfer(BLOCK_IN, 10, DATA, 512);
	(void)transfer(BLOCK_IN, 11, DATA, 1024);
	for (unsigned i = 0; i < 3; i++)
		(void)transfer(BLOCK_IN, 2048 + 1024 * i, DATA, 512 << 10);
	(void)transfer(BLOCK_IN, 1, DATA, 512);
	go();
	assert_int_equal(host.n_told, 4);
	assert_told(0, 10 * 512, 1536);
	assert_told(1, 1 << 20, 1 << 20);
	assert_told(2, 2 << 20, 512 << 10);
	assert_told(3, 512, 512);
}

static void nothing_but_reads_is_told(void **state)
{
	(void)state;
	start("block");
	host.takes = 1000000;
	host.quick = 2;
	(void)transfer(BLOCK_OUT, 0, DATA, 512);	/* slow writes say nothing of reads */
	(void)transfer(BLOCK_IN, 8, DATA, 512);
	(void)transfer(BLOCK_IN, 16, DATA, 512);
	go();
	assert_int_equal(host.n_told, 0);
	(void)transfer(BLOCK_IN, 0, DATA, 512);
	(void)transfer(BLOCK_OUT, 8, DATA, 512);
	(void)flush();
	(void)range(BLOCK_DISCARD, 40, 8, 0);
	(void)range(BLOCK_WRITE_ZEROES, 60, 8, 0);
	(void)transfer(BLOCK_IN, 100, DATA, 1024);
	(void)transfer(5, 120, DATA, 512);		/* unknown */
	(void)transfer(BLOCK_OUT, 121, DATA, 512);
	go();
	assert_int_equal(host.n_told, 1);
	assert_told(0, 100 * 512, 1024);
}

/* What is told is what was checked, of two batches. */
static void of_places_that_are_refused_nothing_is_told(void **state)
{
	static const uint64_t wrong[] = {
		SECTORS, SECTORS - 1, UINT64_MAX / 512, UINT64_MAX / 512 + 1, UINT64_MAX, 1ull << 55, 1ull << 63,
	};
	const unsigned n_wrong = sizeof wrong / sizeof wrong[0];

	(void)state;
	start("block");
	host.takes = 1000000;
	for (unsigned i = 0; i < 80; i++)
		(void)transfer(BLOCK_IN, i % 2 == 0 ? SECTORS - 2 - 4 * i : wrong[i / 2 % n_wrong], DATA, 1024);
	go();
	assert_int_equal(figure("refused"), 40);
	assert_int_equal(host.n_told, 40 - 2);
	for (unsigned i = 0; i < host.n_told; i++) {
		const unsigned of = 2 * (i + (i < 31 ? 1 : 2));	/* of 64 requests, and of 16 */

		assert_told(i, (SECTORS - 2 - 4 * of) * 512, 1024);
	}
}

static void a_disk_that_can_be_told_nothing_is_not_asked_again(void **state)
{
	(void)state;
	start("block");
	host.takes = 1000000;
	host.fail_in = 3;				/* the first read, what is told of the others */
	host.error = ENODEV;
	reads_apart(10);
	go();
	are_read(10);
	assert_int_equal(host.n_told, 2);
	f.n = 0;
	reads_apart(10);
	go();
	are_read(10);
	assert_int_equal(host.n_told, 2);
	assert_int_equal(figure("told_ahead"), 1);
	assert_int_equal(figure("system_calls"), 22);
	assert_int_equal(figure("errors"), 0);
	assert_int_equal(f.rig.n_notices, 0);
}

/* The n-th call fails, for every n: three reads, and what is told of two. */
static void a_failure_is_of_one_read_whatever_was_told(void **state)
{
	static const unsigned failed[] = {0, UINT32_MAX, UINT32_MAX, 1, 2};
	static const unsigned told[] = {2, 1, 2, 2, 2};

	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(set_up(state), 0);
		start("block");
		host.takes = 1000000;
		host.fail_in = n + 1;
		host.error = EIO;
		reads_apart(3);
		go();
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(status_of(i), i == failed[n] ? BLOCK_IOERR : BLOCK_OK);
		assert_int_equal(host.n_told, told[n]);
		assert_int_equal(tear_down(state), 0);
	}
}

static void a_stop_ends_the_telling(void **state)
{
	(void)state;
	start("block");
	host.takes = 1000000;
	reads_apart(10);
	host.stop_in = 4;				/* the third that is told */
	assert_true(virtq_submit(&f.q));
	assert_int_equal(bell(), RIG_STOPPED);
	assert_int_equal(host.n_told, 3);
	assert_int_equal(host.reads, 1);
	assert_int_equal(status_of(0), BLOCK_OK);
	assert_int_equal(status_of(1), UNTOUCHED);
	assert_int_equal(rig_run(&f.rig), RIG_RESUMED);
	assert_int_equal(host.reads, 10);
	assert_int_equal(host.n_told, 3 + 8);		/* a batch of its own */
	are_read(10);
}

/* ---- what is no request ---- */

static void types_that_are_not_known_are_no_reads(void **state)
{
	static const uint32_t types[] = {2, 3, 5, 8, 12, 14, 0x80000000, UINT32_MAX};

	(void)state;
	start("block");
	for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
		refused(transfer(types[i], 0, DATA, 512), BLOCK_UNSUPP);
	assert_int_equal(figure("refused"), sizeof types / sizeof types[0]);
}

/* F30: sums do not wrap. */
static void places_that_are_not_on_the_disk_are_refused(void **state)
{
	static const uint64_t sectors[] = {
		SECTORS, SECTORS - 1, SECTORS + 1, UINT64_MAX / 512, UINT64_MAX / 512 + 1, UINT64_MAX,
		UINT64_MAX - 1, 1ull << 55, (1ull << 55) - 1, 1ull << 63,
	};

	(void)state;
	start("block");
	for (unsigned i = 0; i < sizeof sectors / sizeof sectors[0]; i++) {
		refused(transfer(BLOCK_IN, sectors[i], DATA, 1024), BLOCK_IOERR);
		refused(transfer(BLOCK_OUT, sectors[i], DATA, 1024), BLOCK_IOERR);
		refused(range(BLOCK_DISCARD, sectors[i], 2, 0), BLOCK_IOERR);
		refused(range(BLOCK_WRITE_ZEROES, sectors[i], 2, 0), BLOCK_IOERR);
	}
	refused(range(BLOCK_DISCARD, 0, SECTORS + 1, 0), BLOCK_IOERR);
	refused(range(BLOCK_DISCARD, 0, UINT32_MAX, 0), BLOCK_IOERR);
	refused(range(BLOCK_DISCARD, 1, 0, 0), BLOCK_IOERR);
	refused(range(BLOCK_WRITE_ZEROES, 0, UINT32_MAX, 1), BLOCK_IOERR);
}

static void lengths_that_are_no_sectors_are_refused(void **state)
{
	static const uint32_t lengths[] = {1, 511, 513, 1000, BLOCK_DATA_MAX + 512};

	(void)state;
	start("block");
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		refused(transfer(BLOCK_IN, 0, HVT_GUEST_MIN_BASE, lengths[i] > BLOCK_DATA_MAX ?
				 RIG_MEMORY - HVT_GUEST_MIN_BASE : lengths[i]), BLOCK_IOERR);
		if (lengths[i] < BLOCK_DATA_MAX)
			refused(transfer(BLOCK_OUT, 0, DATA, lengths[i]), BLOCK_IOERR);
	}
}

static void flags_that_are_not_known_are_refused(void **state)
{
	(void)state;
	start("block");
	refused(range(BLOCK_DISCARD, 0, 8, 1), BLOCK_UNSUPP);
	refused(range(BLOCK_DISCARD, 0, 8, 0x80000000), BLOCK_UNSUPP);
	refused(range(BLOCK_WRITE_ZEROES, 0, 8, 2), BLOCK_UNSUPP);
	refused(range(BLOCK_WRITE_ZEROES, 0, 8, UINT32_MAX), BLOCK_UNSUPP);
}

static void chains_of_another_form_are_refused(void **state)
{
	struct virtq_span h[3];

	(void)state;
	start("block");
	h[0] = header(BLOCK_IN, 0);
	h[0].len = 15;					/* half a header */
	h[1] = status();
	refused(add(h, 1, 1), BLOCK_IOERR);
	h[0] = status();				/* none */
	refused(add(h, 0, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_IN, 0);			/* a read with data to read */
	h[1] = (struct virtq_span){DATA, 512};
	h[2] = status();
	refused(add(h, 2, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_OUT, 0);			/* a write with data to write */
	h[1] = (struct virtq_span){DATA, 512};
	h[2] = status();
	refused(add(h, 1, 2), BLOCK_IOERR);
	h[0] = header(BLOCK_FLUSH, 0);
	h[1] = (struct virtq_span){DATA, 512};
	h[2] = status();
	refused(add(h, 2, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_DISCARD, 0);		/* no range, half a one, two */
	h[1] = status();
	refused(add(h, 1, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_DISCARD, 0);
	h[0].len += 8;
	h[1] = status();
	refused(add(h, 1, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_DISCARD, 0);
	h[0].len += 16;
	h[1] = (struct virtq_span){DATA, 16};
	h[2] = status();
	refused(add(h, 2, 1), BLOCK_IOERR);
	h[0] = header(BLOCK_IN, 0);			/* nothing to read */
	h[1] = status();
	refused(add(h, 1, 1), BLOCK_IOERR);
}

static void more_pieces_than_there_may_be_are_refused(void **state)
{
	struct virtq_span spans[BLOCK_SEGMENTS_MAX + 3];
	unsigned n = 0;

	(void)state;
	start("block");
	for (unsigned pieces = BLOCK_SEGMENTS_MAX; pieces <= BLOCK_SEGMENTS_MAX + 1; pieces++) {
		n = 0;
		spans[n++] = header(BLOCK_IN, 0);
		for (unsigned i = 0; i < pieces; i++)
			spans[n++] = (struct virtq_span){DATA + 1024 * i, 512};
		spans[n++] = status();
		if (pieces == BLOCK_SEGMENTS_MAX)
			ends_with(add(spans, 1, (uint16_t)(n - 1)), BLOCK_OK, 512 * pieces + 1);
		else
			refused(add(spans, 1, (uint16_t)(n - 1)), BLOCK_IOERR);
	}
	assert_data(DATA + 1024, 512, 512);
}

static void a_chain_without_a_status_ends_the_guest(void **state)
{
	struct virtq_span h[2];

	(void)state;
	start("block");
	h[0] = header(BLOCK_OUT, 0);
	h[1] = (struct virtq_span){DATA, 512};
	(void)add(h, 2, 0);
	assert_true(virtq_submit(&f.q));
	assert_guest_error(&f.rig, bell(), "block device disk, queue 0: the chain from descriptor 0 on "
			   "has no byte for a status");
	assert_int_equal(host.order, 0);
}

static void data_in_read_only_memory_is_written_but_never_read_into(void **state)
{
	(void)state;
	start("block");
	ends_with(transfer(BLOCK_OUT, 0, 0x20000, 512), BLOCK_OK, 1);
	(void)transfer(BLOCK_IN, 0, 0x20000, 512);
	assert_true(virtq_submit(&f.q));
	assert_guest_error(&f.rig, bell(), "inside read-only low memory");
}

static void what_follows_a_refused_request_is_done(void **state)
{
	unsigned r[3];

	(void)state;
	start("block");
	r[0] = transfer(BLOCK_IN, 0, DATA, 512);
	r[1] = transfer(BLOCK_IN, SECTORS, DATA + 512, 512);
	r[2] = transfer(BLOCK_IN, 1, DATA + 1024, 512);
	go();
	assert_int_equal(status_of(r[0]), BLOCK_OK);
	assert_int_equal(status_of(r[1]), BLOCK_IOERR);
	assert_int_equal(status_of(r[2]), BLOCK_OK);
	assert_data(DATA, 0, 512);
	assert_data(DATA + 1024, 512, 512);
	assert_int_equal(*(uint8_t *)rig_at(&f.rig, DATA + 512), UNTOUCHED);
}

static void a_read_only_disk_refuses_what_changes_it(void **state)
{
	(void)state;
	start("block-ro");
	refused(transfer(BLOCK_OUT, 0, DATA, 512), BLOCK_IOERR);
	refused(range(BLOCK_DISCARD, 0, 8, 0), BLOCK_IOERR);
	refused(range(BLOCK_WRITE_ZEROES, 0, 8, 0), BLOCK_IOERR);
	ends_with(transfer(BLOCK_IN, 0, DATA, 512), BLOCK_OK, 513);
	ends_with(flush(), BLOCK_OK, 1);
	assert_non_null(strstr(f.rig.notices[0], "it is attached read-only"));
}

/* ---- the queue itself ---- */

static void there_is_one_queue_and_it_is_announced_once(void **state)
{
	struct husk_queue rq;

	(void)state;
	start("block");
	rq = layout();
	rq.desc += 0x2000;
	rq.avail += 0x2000;
	rq.used += 0x2000;
	assert_int_equal(announce(&rq), HVT_EINVAL);
	rq.index = 1;
	assert_int_equal(announce(&rq), HVT_EINVAL);
	rq.handle = 2;
	assert_int_equal(announce(&rq), HVT_EINVAL);
	rq.handle = UINT64_MAX;
	assert_int_equal(announce(&rq), HVT_EINVAL);
}

static void it_is_taken_back_and_announced_anew(void **state)
{
	const struct husk_queue nothing = {.handle = HANDLE};
	struct husk_queue rq;

	(void)state;
	start("block");
	ends_with(transfer(BLOCK_IN, 0, DATA, 512), BLOCK_OK, 513);
	assert_int_equal(announce(&nothing), HVT_OK);
	(void)transfer(BLOCK_IN, 1, DATA, 512);
	(void)virtq_submit(&f.q);
	assert_int_equal(bell(), RIG_RESUMED);		/* without effect */
	assert_int_equal(virtq_take(&f.q, &(uint32_t){0}), -1);
	memset(rig_at(&f.rig, QUEUE), 0, 0x3000);
	rq = layout();
	assert_int_equal(announce(&rq), HVT_OK);
	ends_with(transfer(BLOCK_IN, 2, DATA, 512), BLOCK_OK, 513);
}

/* Nor with one of another module's device. */
static void it_shares_no_byte_with_another_queue(void **state)
{
	struct husk_queue rq;

	(void)state;
	f.rig.core.wanted |= HUSK_FEATURE_VSOCK;
	start("block");
	rig_device(&f.rig, "service", HUSK_DEV_VSOCK);
	assert_int_equal(rig_option(&f.rig, &module_vsock, "--vsock:service=cid=3"), 0);
	assert_int_equal(rig_attach(&f.rig, &module_vsock), 0);
	rq = layout();
	rq.handle = 2;
	rq.desc += 0x10000;
	rq.avail += 0x10000;
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	assert_guest_error(&f.rig, rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG), "vsock device service, "
			   "queue 0: it shares memory with block device disk, queue 0");
}

static uint64_t polled(void)
{
	const struct hvt_poll poll = {.timeout_nsecs = 0};

	memcpy(rig_at(&f.rig, ARG), &poll, sizeof poll);
	assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_POLL, ARG), RIG_RESUMED);
	return ((struct hvt_poll *)rig_at(&f.rig, ARG))->ready_set;
}

static void poll_tells_of_completions_that_were_asked_for(void **state)
{
	(void)state;
	start("block");
	assert_int_equal(rig_attach(&f.rig, &module_core), 0);
	assert_int_equal(polled(), 0);
	assert_true(virtq_arm(&f.q));
	(void)transfer(BLOCK_IN, 0, DATA, 512);
	go();
	assert_int_equal(polled(), 1 << HANDLE);
	assert_int_equal(polled(), 0);
	back(1, 513);
	*virtq_used_event(f.q.avail, SIZE) = (uint16_t)(f.q.taken - 1);
	(void)transfer(BLOCK_IN, 0, DATA, 512);
	go();
	assert_int_equal(polled(), 0);
}

static void who_does_not_want_queues_has_none(void **state)
{
	struct husk_queue rq;

	(void)state;
	f.rig.core.wanted = 0;
	attach("block");
	rq = layout();
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	assert_guest_error(&f.rig, rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG),
			   "no module serves a hypercall there");
	assert_int_equal(figure("doorbells"), UINT64_MAX);
}

/* ---- F30: any requests, many at a time, against a copy of the disk ---- */

#define DEPTH 32u
#define PIECE 8192u			/* the most for one */
#define ROUNDS 600u			/* 10,000 requests; HUSK_LONG: 100,000 */

static struct {
	uint8_t bytes[CAPACITY];
	bool discarded[SECTORS];	/* a read gives zeros, or what was there */
	bool read_only;
	uint32_t seed;
	struct wanted {
		enum block_status status;
		bool reads;
		uint64_t sector;
		uint32_t sectors;
		uint8_t bytes[PIECE];
		bool discarded[PIECE / BLOCK_SECTOR];
	} wanted[DEPTH];
} model;

static uint32_t any(uint32_t below)
{
	model.seed = model.seed * 1664525u + 1013904223u;
	return (model.seed >> 8) % below;
}

/* The places at the end have their share. */
static uint64_t any_sector(uint32_t sectors)
{
	return any(8) == 0 ? SECTORS - sectors + any(2) : any(SECTORS - PIECE / BLOCK_SECTOR);
}

static void change(struct wanted *w, uint32_t type, uint64_t gpa)
{
	uint8_t *at = model.bytes + w->sector * BLOCK_SECTOR;

	if (type == BLOCK_OUT)
		memcpy(at, rig_at(&f.rig, gpa), w->sectors * BLOCK_SECTOR);
	else if (type == BLOCK_WRITE_ZEROES)
		memset(at, 0, w->sectors * BLOCK_SECTOR);
	memset(model.discarded + w->sector, type == BLOCK_DISCARD, w->sectors);
}

/* The monitor does them in order, which no guest may rely on. */
static void make_any(unsigned i)
{
	static const uint32_t types[] = {BLOCK_IN, BLOCK_IN, BLOCK_OUT, BLOCK_WRITE_ZEROES, BLOCK_DISCARD};
	const uint32_t type = types[any(sizeof types / sizeof types[0])];
	const uint64_t gpa = DATA + PIECE * i;
	struct wanted *w = &model.wanted[i];

	w->reads = type == BLOCK_IN;
	w->sectors = 1 + any(PIECE / BLOCK_SECTOR);
	w->sector = any_sector(w->sectors);
	w->status = w->sector + w->sectors > SECTORS || (model.read_only && !w->reads) ? BLOCK_IOERR :
		    BLOCK_OK;
	memset(rig_at(&f.rig, gpa), (int)any(256), PIECE);
	if (type == BLOCK_IN || type == BLOCK_OUT)
		(void)transfer(type, w->sector, gpa, w->sectors * BLOCK_SECTOR);
	else
		(void)range(type, w->sector, w->sectors, type == BLOCK_WRITE_ZEROES ? any(2) : 0);
	if (w->status != BLOCK_OK)
		return;
	if (!w->reads) {
		change(w, type, gpa);
		return;
	}
	memcpy(w->bytes, model.bytes + w->sector * BLOCK_SECTOR, w->sectors * BLOCK_SECTOR);
	memcpy(w->discarded, model.discarded + w->sector, w->sectors);
}

static void assert_sectors(const uint8_t *got, const uint8_t *wanted, const bool *discarded, uint32_t n)
{
	for (; n > 0; n--, got += BLOCK_SECTOR, wanted += BLOCK_SECTOR, discarded++)
		if (!*discarded || !is_zero(got, BLOCK_SECTOR))
			assert_memory_equal(got, wanted, BLOCK_SECTOR);
}

static void back_as_wanted(unsigned i)
{
	const struct wanted *w = &model.wanted[i];
	uint32_t written;

	assert_true(virtq_take(&f.q, &written) >= 0);
	assert_int_equal(status_of(i), w->status);
	assert_int_equal(written, w->reads && w->status == BLOCK_OK ? w->sectors * BLOCK_SECTOR + 1 : 1);
	if (w->reads && w->status == BLOCK_OK)
		assert_sectors(rig_at(&f.rig, DATA + PIECE * i), w->bytes, w->discarded, w->sectors);
}

static void go_on(const char *option)
{
	const unsigned rounds = getenv("HUSK_LONG") != NULL ? 10 * ROUNDS : ROUNDS;

	memset(&model, 0, sizeof model);
	model.read_only = strcmp(option, "block-ro") == 0;
	model.seed = 1;
	start(option);
	memcpy(model.bytes, disk(0, CAPACITY), CAPACITY);
	for (unsigned round = 0; round < rounds; round++) {
		const unsigned depth = 1 + round % DEPTH;

		f.n = 0;
		for (unsigned i = 0; i < depth; i++)
			make_any(i);
		go();
		for (unsigned i = 0; i < depth; i++)
			back_as_wanted(i);
	}
	assert_sectors(disk(0, CAPACITY), model.bytes, model.discarded, SECTORS);
}

static void any_requests_at_once(void **state)
{
	(void)state;
	go_on("block");
	assert_int_equal(figure("errors"), 0);
}

static void any_requests_to_a_read_only_disk(void **state)
{
	(void)state;
	go_on("block-ro");
	assert_int_equal(host.writes + host.punches + host.zeroings, 0);
}

/* ---- F30: the limits of one request, on a disk that has room for more ---- */

#define LARGE (64u << 20)		/* bytes; a file without any of its own */

static int set_up_large(void **state)
{
	if (set_up(state) == -1 || truncate(f.path, 0) == -1 || truncate(f.path, LARGE) == -1)
		return -1;
	rig_free(&f.rig);
	if (rig_make(&f.rig, 2 * (uint64_t)RIG_MEMORY) == -1)
		return -1;
	f.rig.core.wanted = HUSK_FEATURE_BLOCK;
	host.core = &f.rig.core;
	start("block");
	return 0;
}

static void a_transfer_is_of_a_mib_at_most(void **state)
{
	const uint32_t sectors = BLOCK_DATA_MAX / BLOCK_SECTOR;
	uint8_t *data = rig_at(&f.rig, DATA);

	(void)state;
	for (unsigned i = 0; i < BLOCK_DATA_MAX; i++)
		data[i] = byte_of_disk(i);
	ends_with(transfer(BLOCK_OUT, 12345, DATA, BLOCK_DATA_MAX), BLOCK_OK, 1);
	refused(transfer(BLOCK_OUT, 12345 + sectors, DATA, BLOCK_DATA_MAX + BLOCK_SECTOR), BLOCK_IOERR);
	memset(data, UNTOUCHED, BLOCK_DATA_MAX);
	refused(transfer(BLOCK_IN, 12345, DATA, BLOCK_DATA_MAX + BLOCK_SECTOR), BLOCK_IOERR);
	assert_int_equal(data[0], UNTOUCHED);
	ends_with(transfer(BLOCK_IN, 12345, DATA, BLOCK_DATA_MAX), BLOCK_OK, BLOCK_DATA_MAX + 1);
	for (unsigned i = 0; i < BLOCK_DATA_MAX; i++)
		assert_int_equal(data[i], byte_of_disk(i));
	assert_true(is_zero(disk((12345 + sectors) * (uint64_t)BLOCK_SECTOR, BLOCK_SECTOR), BLOCK_SECTOR));
}

/* What lies behind the last sector of zeros, and what does before the first, stays. */
static void zeroes_are_of_16_mib_at_most_and_discards_of_anything(void **state)
{
	const uint32_t sectors = BLOCK_ZEROES_MAX / BLOCK_SECTOR;

	(void)state;
	memset(rig_at(&f.rig, DATA), 'd', BLOCK_SECTOR);
	ends_with(transfer(BLOCK_OUT, 8, DATA, BLOCK_SECTOR), BLOCK_OK, 1);
	ends_with(transfer(BLOCK_OUT, 7 + sectors, DATA, BLOCK_SECTOR), BLOCK_OK, 1);
	ends_with(transfer(BLOCK_OUT, 8 + sectors, DATA, BLOCK_SECTOR), BLOCK_OK, 1);
	for (uint32_t unmap = 0; unmap <= 1; unmap++)
		refused(range(BLOCK_WRITE_ZEROES, 8, sectors + 1, unmap), BLOCK_IOERR);
	assert_int_equal(disk(8 * BLOCK_SECTOR, 1)[0], 'd');
	for (uint32_t unmap = 0; unmap <= 1; unmap++)
		ends_with(range(BLOCK_WRITE_ZEROES, 8, sectors, unmap), BLOCK_OK, 1);
	assert_int_equal(disk(8 * BLOCK_SECTOR, 1)[0], 0);
	assert_int_equal(disk((7 + sectors) * (uint64_t)BLOCK_SECTOR, 1)[0], 0);
	assert_int_equal(disk((8 + sectors) * (uint64_t)BLOCK_SECTOR, 1)[0], 'd');
	ends_with(range(BLOCK_DISCARD, 8, sectors + 1, 0), BLOCK_OK, 1);
	ends_with(range(BLOCK_DISCARD, 0, LARGE / BLOCK_SECTOR, 0), BLOCK_OK, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sector_is_read),
		TEST(a_sector_is_written),
		TEST(header_data_and_status_may_be_cut_anywhere),
		TEST(any_number_at_one_doorbell),
		TEST(neighbours_are_one_system_call),
		TEST(where_the_host_cannot_they_are_one_each),
		TEST(what_lies_apart_is_not),
		TEST(short_transfers_go_on),
		TEST(what_was_submitted_before_is_served_too),
		TEST(a_flush_comes_after_what_was_written),
		TEST(a_flush_that_fails_says_so),
		TEST(what_is_discarded_is_a_hole),
		TEST(without_holes_a_discard_is_good_too),
		TEST(zeroes_are_zeroes_whatever_the_host_can_do),
		TEST(each_failure_is_the_status_of_one_request),
		TEST(of_neighbours_only_one_fails),
		TEST(a_file_that_has_become_shorter_is_an_error),
		TEST(a_stop_comes_between_two_transfers),
		TEST(of_quick_reads_nothing_is_told),
		TEST(a_long_read_may_take_longer),
		TEST(of_slow_reads_the_first_has_the_others_told_once),
		TEST(what_was_read_before_is_not_told),
		TEST(one_request_at_a_time_tells_nothing),
		TEST(neighbours_are_told_as_one),
		TEST(nothing_but_reads_is_told),
		TEST(of_places_that_are_refused_nothing_is_told),
		TEST(a_disk_that_can_be_told_nothing_is_not_asked_again),
		cmocka_unit_test(a_failure_is_of_one_read_whatever_was_told),
		TEST(a_stop_ends_the_telling),
		TEST(types_that_are_not_known_are_no_reads),
		TEST(places_that_are_not_on_the_disk_are_refused),
		TEST(lengths_that_are_no_sectors_are_refused),
		TEST(flags_that_are_not_known_are_refused),
		TEST(chains_of_another_form_are_refused),
		TEST(more_pieces_than_there_may_be_are_refused),
		TEST(a_chain_without_a_status_ends_the_guest),
		TEST(data_in_read_only_memory_is_written_but_never_read_into),
		TEST(what_follows_a_refused_request_is_done),
		TEST(a_read_only_disk_refuses_what_changes_it),
		TEST(there_is_one_queue_and_it_is_announced_once),
		TEST(it_is_taken_back_and_announced_anew),
		TEST(it_shares_no_byte_with_another_queue),
		TEST(poll_tells_of_completions_that_were_asked_for),
		TEST(who_does_not_want_queues_has_none),
		TEST(any_requests_at_once),
		TEST(any_requests_to_a_read_only_disk),
		cmocka_unit_test_setup_teardown(a_transfer_is_of_a_mib_at_most, set_up_large, tear_down),
		cmocka_unit_test_setup_teardown(zeroes_are_of_16_mib_at_most_and_discards_of_anything,
						set_up_large, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
