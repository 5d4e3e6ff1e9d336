/* SPDX-License-Identifier: ISC */
/* test_module_block.c: block devices, from their options to their last byte. */
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
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../monitor/block/disk.h"
#include "../../../include/husk/husk.h"
#include "rig.h"
#include "expect.h"

#define CAPACITY 0x4000u
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define DATA (HVT_GUEST_MIN_BASE + 0x10000u)

/* ---- host calls ---- */

static struct {
	unsigned no_memory_in;	/* the allocation that fails, counted from 1; 0: none */
	unsigned transfers;	/* calls of pread and pwrite so far */
	unsigned fail_from;	/* from this one on they fail with error, 0: never */
	int error;
	size_t most;		/* bytes that one of them moves, 0: no limit */
	bool interrupts;	/* every other one is interrupted */
	unsigned stop_at;	/* the one before which core is stopped; 0: none */
	struct core *core;
	int flock_error;	/* locking fails with it, 0: works */
	int open_error;		/* the same for opening */
	uint32_t sector;	/* the disk's, for disks without a cache; 0: its own */
} host;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_disk_open(struct disk *d, const char *where, struct husk_error *e);
int __wrap_disk_open(struct disk *d, const char *where, struct husk_error *e);

void *__wrap_calloc(size_t n, size_t size)
{
	return host.no_memory_in > 0 && --host.no_memory_in == 0 ? NULL : __real_calloc(n, size);
}

/* The length that the transfer is cut to; 0 if it fails. */
static size_t interfere(size_t len)
{
	host.transfers++;
	if (host.transfers == host.stop_at)
		core_stop(host.core, 15);
	errno = host.error;
	if (host.fail_from != 0 && host.transfers >= host.fail_from)
		return 0;
	errno = EINTR;
	if (host.interrupts && host.transfers % 2 == 1)
		return 0;
	return host.most != 0 && len > host.most ? host.most : len;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	size_t cut = interfere(len);

	return cut == 0 ? -1 : __real_pread(fd, buf, cut, offset);
}

/* Nothing is written to try whether it could be. */
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	size_t cut = len == 0 ? 0 : interfere(len);

	if (len == 0)
		return __real_pwrite(fd, buf, 0, offset);
	return cut == 0 ? -1 : __real_pwrite(fd, buf, cut, offset);
}

int __wrap_flock(int fd, int operation)
{
	errno = host.flock_error;
	return host.flock_error != 0 ? -1 : __real_flock(fd, operation);
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_int_equal(flags & O_CREAT, 0);
	assert_int_equal(flags & O_CLOEXEC, O_CLOEXEC);
	errno = host.open_error;
	return host.open_error != 0 && strncmp(path, "/proc/", 6) != 0 ? -1 : __real_open(path, flags);
}

int __wrap_disk_open(struct disk *d, const char *where, struct husk_error *e)
{
	int rc = __real_disk_open(d, where, e);

	if (rc == 0 && host.sector != 0)
		d->sector = host.sector;
	return rc;
}

/* ---- a guest with disks ---- */

struct fixture {
	struct rig rig;
	int files;		/* descriptors that were open before */
	char dir[32];
	char path[64];		/* a disk of CAPACITY bytes: byte n is n / 512 + n */
	char words[8][128];	/* options, which must live as long as rig */
	unsigned n_words;
};

static uint8_t byte_of_disk(uint64_t offset)
{
	return (uint8_t)(offset / 512 + offset);
}

static void make_file(const char *path, size_t size)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	for (size_t i = 0; i < size; i++)
		fputc(byte_of_disk(i), out);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	*state = &f;
	strcpy(f.dir, "/tmp/block.XXXXXX");
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof f.path, "%s/disk", f.dir);
	make_file(f.path, CAPACITY);
	f.files = open_descriptors();
	return 0;
}

static void make(struct fixture *f)
{
	assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
	memset(rig_at(&f->rig, 0), FILLER, RIG_MEMORY);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	unlink(f->path);
	return rmdir(f->dir);
}

static int option(struct fixture *f, const char *name, const char *device, const char *value)
{
	char *word = f->words[f->n_words++];

	snprintf(word, sizeof f->words[0], "--%s:%s=%s", name, device, value);
	return rig_option(&f->rig, &module_block, word);
}

/* A device "disk" with handle 1 on path. */
static void attach(struct fixture *f, const char *name, const char *where)
{
	make(f);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, name, "disk", where), 0);
	if (rig_attach(&f->rig, &module_block) != 0)
		fail_msg("%s", f->rig.e.message);
	host.transfers = 0;
}

static int set_up_disk(void **state)
{
	int rc = set_up(state);

	if (rc == 0)
		attach(*state, "block", ((struct fixture *)*state)->path);
	return rc;
}

static int set_up_read_only(void **state)
{
	int rc = set_up(state);

	if (rc == 0)
		attach(*state, "block-ro", ((struct fixture *)*state)->path);
	return rc;
}

static uint64_t figure(struct fixture *f, const char *name)
{
	return rig_figure(&f->rig, 0, "block:disk", name);
}

/* ---- calls ---- */

#define READ HVT_HYPERCALL_BLOCK_READ
#define WRITE HVT_HYPERCALL_BLOCK_WRITE
#define RET_BEFORE 0x77777777

static enum rig_end call_at(struct fixture *f, uint64_t gpa, int nr, const struct hvt_block *rq)
{
	memcpy(rig_at(&f->rig, gpa), rq, sizeof *rq);
	return rig_call(&f->rig, (unsigned)nr, gpa);
}

static enum rig_end call(struct fixture *f, int nr, uint64_t handle, uint64_t offset, uint64_t data,
			 uint64_t len)
{
	return call_at(f, ARG, nr, &(struct hvt_block){handle, offset, data, len, RET_BEFORE,
						       RET_BEFORE});
}

/* Whatever the result, no more than it is written into the structure. */
static void assert_result(struct fixture *f, int nr, uint64_t handle, uint64_t offset,
			  uint64_t data, uint64_t len, int ret)
{
	const struct hvt_block expected = {handle, offset, data, len, ret, RET_BEFORE};

	assert_int_equal(call(f, nr, handle, offset, data, len), RIG_RESUMED);
	assert_memory_equal(rig_at(&f->rig, ARG), &expected, sizeof expected);
}

static void assert_both(struct fixture *f, uint64_t handle, uint64_t offset, uint64_t data,
			uint64_t len, int ret)
{
	assert_result(f, READ, handle, offset, data, len, ret);
	assert_result(f, WRITE, handle, offset, data, len, ret);
}

/* Memory has these bytes of the disk at DATA, and nothing else was written but the structure. */
static void assert_memory(struct fixture *f, uint64_t offset, uint64_t len)
{
	const uint8_t *at = rig_at(&f->rig, 0);

	for (uint64_t gpa = 0; gpa < RIG_MEMORY; gpa++) {
		bool read = gpa >= DATA && gpa < DATA + len;
		uint8_t expected = read ? byte_of_disk(offset + gpa - DATA) : FILLER;

		if ((gpa < ARG || gpa >= ARG + sizeof(struct hvt_block)) && at[gpa] != expected)
			fail_msg("0x%llx: 0x%x", (unsigned long long)gpa, at[gpa]);
	}
}

/* The disk has FILLER in [offset, offset + len) and its own bytes elsewhere. */
static void assert_disk(struct fixture *f, uint64_t offset, uint64_t len)
{
	FILE *in = fopen(f->path, "r");

	assert_non_null(in);
	for (uint64_t i = 0; i < CAPACITY; i++) {
		int c = fgetc(in), expected = i - offset < len ? FILLER : byte_of_disk(i);

		if (c != expected)
			fail_msg("offset %llu: 0x%x, expected 0x%x", (unsigned long long)i,
				 (unsigned)c, (unsigned)expected);
	}
	assert_int_equal(fgetc(in), EOF);
	fclose(in);
}

/* ---- transfers ---- */

static void a_block_is_read(void **state)
{
	assert_result(*state, READ, 1, 512, DATA, 512, HVT_OK);
	assert_memory(*state, 512, 512);
	assert_disk(*state, 0, 0);
}

static void a_block_is_written(void **state)
{
	assert_result(*state, WRITE, 1, 1024, DATA, 512, HVT_OK);
	assert_memory(*state, 0, 0);
	assert_disk(*state, 1024, 512);
}

static void any_alignment_and_length_will_do(void **state)
{
	assert_result(*state, READ, 1, 1, DATA, 1000, HVT_OK);
	assert_memory(*state, 1, 1000);
	assert_result(*state, WRITE, 1, 777, DATA + 0x1000, 3, HVT_OK);
	assert_disk(*state, 777, 3);
}

static void the_whole_disk_goes_in_one_call(void **state)
{
	assert_result(*state, READ, 1, 0, DATA, CAPACITY, HVT_OK);
	assert_memory(*state, 0, CAPACITY);
}

static void the_last_byte_is_usable(void **state)
{
	struct fixture *f = *state;

	assert_result(f, WRITE, 1, CAPACITY - 1, RIG_MEMORY - 1, 1, HVT_OK);
	assert_disk(f, CAPACITY - 1, 1);
	assert_result(f, READ, 1, CAPACITY - 1, RIG_MEMORY - 1, 1, HVT_OK);
	assert_memory(f, 0, 0);
}

static void what_is_not_on_the_disk_is_refused(void **state)
{
	static const struct { uint64_t offset, len; } bad[] = {
		{CAPACITY, 0}, {CAPACITY, 1}, {CAPACITY - 1, 2}, {0, CAPACITY + 1},
		{CAPACITY + 1, 0}, {UINT64_MAX, 0}, {UINT64_MAX, 1}, {UINT64_MAX, 2},
		{0, UINT64_MAX}, {1, UINT64_MAX}, {CAPACITY - 1, UINT64_MAX}, {0, 1ull << 63},
		{1ull << 63, 1}, {1ull << 63, 1ull << 63}, {512, UINT64_MAX - 511},
		{512, UINT64_MAX - 510}, {1ull << 32, 1}, {0, 1ull << 32},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_both(*state, 1, bad[i].offset, DATA, bad[i].len, HVT_EINVAL);
	assert_memory(*state, 0, 0);
	assert_disk(*state, 0, 0);
	assert_int_equal(host.transfers, 0);
	assert_int_equal(((struct fixture *)*state)->rig.n_notices, 0);
	assert_true(figure(*state, "errors") == 0);
}

static void nothing_can_be_transferred_on_the_disk(void **state)
{
	struct fixture *f = *state;

	assert_both(f, 1, 0, DATA, 0, HVT_OK);
	assert_both(f, 1, CAPACITY - 1, DATA, 0, HVT_OK);
	assert_both(f, 1, 0, RIG_MEMORY, 0, HVT_OK);
	assert_guest_error(&f->rig, call(f, READ, 1, 0, RIG_MEMORY + 1, 0), "Invalid guest access");
	assert_guest_error(&f->rig, call(f, WRITE, 1, 0, RIG_MEMORY + 1, 0),
			   "Invalid guest access");
	assert_memory(f, 0, 0);
	assert_disk(f, 0, 0);
}

static void handles_of_no_block_device_are_refused(void **state)
{
	static const uint64_t bad[] = {
		0, 2, 62, 63, 64, 65, 127, 128, 0x100000001, 0x8000000000000001, UINT64_MAX,
		(1ull << 63) + 1, UINT64_MAX / sizeof(void *) + 2,
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_both(*state, bad[i], 0, DATA, 512, HVT_EINVAL);
	assert_memory(*state, 0, 0);
	assert_disk(*state, 0, 0);
}

static void devices_of_other_types_are_refused(void **state)
{
	struct fixture *f = *state;

	make(f);
	rig_device(&f->rig, "net", MFT_DEV_NET_BASIC);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block", "disk", f->path), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_both(f, 1, 0, DATA, 512, HVT_EINVAL);
	assert_result(f, READ, 2, 0, DATA, 512, HVT_OK);
	assert_int_equal(f->rig.mft->entry[1].attached, 0);
}

static void data_outside_memory_ends_the_guest(void **state)
{
	static const struct { uint64_t data, len; } bad[] = {
		{RIG_MEMORY - 511, 512}, {RIG_MEMORY, 1}, {UINT64_MAX, 1}, {UINT64_MAX - 510, 512},
		{UINT64_MAX - 511, 512}, {0x100000000 + DATA, 512}, {1ull << 63, 512},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_guest_error(&f->rig, call(f, READ, 1, 0, bad[i].data, bad[i].len),
				   "block device disk: Invalid guest access: gpa=0x");
		assert_guest_error(&f->rig, call(f, WRITE, 1, 0, bad[i].data, bad[i].len),
				   "block device disk: Invalid guest access: gpa=0x");
	}
	assert_memory(f, 0, 0);
	assert_disk(f, 0, 0);
}

static void a_bad_range_is_refused_before_the_data_is_looked_at(void **state)
{
	assert_both(*state, 1, CAPACITY, UINT64_MAX, 512, HVT_EINVAL);
	assert_both(*state, 2, 0, UINT64_MAX, 512, HVT_EINVAL);
}

static void the_structure_may_end_at_the_last_byte_of_memory(void **state)
{
	static const struct hvt_block rq = {
		.handle = 1, .data = DATA, .len = 512, .ret = RET_BEFORE,
	};
	const uint64_t last = RIG_MEMORY - sizeof rq;
	struct fixture *f = *state;
	const struct hvt_block *answer = rig_at(&f->rig, last);

	assert_int_equal(call_at(f, last, READ, &rq), RIG_RESUMED);
	assert_int_equal(answer->ret, HVT_OK);
	assert_int_equal(call_at(f, last, WRITE, &rq), RIG_RESUMED);
	for (unsigned nr = WRITE; nr <= READ; nr++) {
		assert_guest_error(&f->rig, rig_call(&f->rig, nr, last + 1),
				   "Invalid guest access");
		assert_guest_error(&f->rig, rig_call(&f->rig, nr, 0xffffffff),
				   "Invalid guest access");
		assert_guest_error(&f->rig, rig_call(&f->rig, nr, 0xffffffff - sizeof rq + 1),
				   "Invalid guest access");
	}
}

static void protect(struct fixture *f, uint64_t start, uint64_t last)
{
	assert_int_equal(memory_declare(&f->rig.core.memory, start, last, MEMORY_R, "segment",
					&f->rig.e), 0);
}

static void read_only_memory_is_written_to_disk_but_never_read_into(void **state)
{
	struct fixture *f = *state;

	protect(f, DATA, DATA + 0xfff);
	assert_result(f, WRITE, 1, 0, DATA, 512, HVT_OK);
	assert_disk(f, 0, 512);
	assert_guest_error(&f->rig, call(f, READ, 1, 0, DATA + 0xfff, 1),
			   "block device disk: Invalid guest access: gpa=0x110fff, sz=1: inside "
			   "read-only "
			   "segment");
	assert_guest_error(&f->rig, call(f, READ, 1, 0, DATA - 511, 512), "read-only segment");
	assert_guest_error(&f->rig, call(f, READ, 1, 0, 0x10000, 512), "read-only low memory");
	assert_memory(f, 0, 0);
	assert_result(f, READ, 1, 0, DATA - 512, 512, HVT_OK);
}

static void the_result_is_not_written_into_read_only_memory(void **state)
{
	static const struct hvt_block rq = {
		.handle = 1, .data = DATA, .len = 512, .ret = RET_BEFORE,
	};
	struct fixture *f = *state;
	int32_t ret;

	protect(f, DATA + 0x1000, DATA + 0x1fff);
	assert_guest_error(&f->rig, call_at(f, DATA + 0x1000 - 32, READ, &rq), "read-only segment");
	assert_guest_error(&f->rig, call_at(f, DATA + 0x1000 - 32, WRITE, &rq),
			   "read-only segment");
	assert_int_equal(call_at(f, DATA + 0x1000 - 36, READ, &rq), RIG_RESUMED);
	memcpy(&ret, rig_at(&f->rig, DATA + 0x1000 - 4), sizeof ret);
	assert_int_equal(ret, HVT_OK);
}

/* The request is copied in once: what the data overwrites no longer matters. */
static void data_may_overlap_the_structure(void **state)
{
	static const struct hvt_block rq = {
		.handle = 1, .offset = 512, .data = ARG - 100, .len = 512,
	};
	struct fixture *f = *state;
	const uint8_t *at = rig_at(&f->rig, ARG - 100);
	const struct hvt_block *answer = rig_at(&f->rig, ARG);

	assert_int_equal(call_at(f, ARG, READ, &rq), RIG_RESUMED);
	assert_int_equal(answer->ret, HVT_OK);
	for (unsigned i = 0; i < 512; i++)
		if (i < 100 + 32 || i >= 100 + 36)
			assert_int_equal(at[i], byte_of_disk(512 + i));
}

/* ---- the host ---- */

static void short_and_interrupted_transfers_go_on(void **state)
{
	struct fixture *f = *state;

	host.most = 100;
	host.interrupts = true;
	assert_result(f, READ, 1, 512, DATA, 1024, HVT_OK);
	assert_memory(f, 512, 1024);
	assert_int_equal(host.transfers, 22);
	assert_true(figure(f, "system_calls") == 22);
	memset(rig_at(&f->rig, DATA), FILLER, 1024);
	assert_result(f, WRITE, 1, 512, DATA, 1024, HVT_OK);
	assert_disk(f, 512, 1024);
	assert_int_equal(f->rig.n_notices, 0);
}

static void a_host_error_is_told_the_guest_each_time_and_the_user_once(void **state)
{
	struct fixture *f = *state;

	host.fail_from = 1;
	host.error = EIO;
	assert_result(f, READ, 1, 1024, DATA, 512, HVT_EUNSPEC);
	assert_result(f, WRITE, 1, 2048, DATA, 512, HVT_EUNSPEC);
	assert_result(f, READ, 1, 0, DATA, 512, HVT_EUNSPEC);
	assert_int_equal(f->rig.n_notices, 1);
	assert_string_equal(f->rig.notices[0], "block device disk: reading at offset 1024: "
			    "Input/output error; the guest gets an error (told once)");
	assert_true(figure(f, "errors") == 3);
	assert_true(figure(f, "reads") == 0);
	assert_true(figure(f, "writes") == 0);
	host.fail_from = 0;
	assert_result(f, READ, 1, 0, DATA, 512, HVT_OK);
	assert_true(figure(f, "reads") == 1);
}

static void an_error_after_a_part_is_an_error(void **state)
{
	struct fixture *f = *state;

	host.most = 100;
	host.fail_from = 3;
	host.error = ENOSPC;
	assert_result(f, WRITE, 1, 0, DATA, 512, HVT_EUNSPEC);
	assert_disk(f, 0, 200);
	assert_string_equal(f->rig.notices[0], "block device disk: writing at offset 0: No space "
			    "left on device; the guest gets an error (told once)");
}

static void a_file_that_has_become_shorter_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(truncate(f->path, 1024), 0);
	assert_result(f, READ, 1, 512, DATA, 512, HVT_OK);
	assert_result(f, READ, 1, 768, DATA, 512, HVT_EUNSPEC);
	assert_string_equal(f->rig.notices[0], "block device disk: reading at offset 768: the file "
			    "has become shorter; the guest gets an error (told once)");
}

/* ---- stops ---- */

/* A request that takes ten transfers. */
#define LONG 1000u
#define PARTS 10u

static void set_up_long(struct fixture *f, unsigned stop_at)
{
	memset(rig_at(&f->rig, DATA), FILLER, LONG);
	host.core = &f->rig.core;
	host.most = LONG / PARTS;
	host.transfers = 0;
	host.stop_at = stop_at;
}

/* What the guest has as a result of the last call. */
static int result(struct fixture *f)
{
	return ((const struct hvt_block *)rig_at(&f->rig, ARG))->ret;
}

/* Whenever it comes, the request is done as a whole, or not answered yet. */
static void a_stop_ends_a_long_request_and_the_next_run_goes_on(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2 * PARTS; i++) {
		unsigned at = i / 2 + 1;
		int nr = i % 2 == 0 ? READ : WRITE;

		set_up_long(f, at);
		assert_int_equal(call(f, nr, 1, 512, DATA, LONG), RIG_STOPPED);
		assert_int_equal(host.transfers, at);
		assert_int_equal(result(f), at == PARTS ? HVT_OK : RET_BEFORE);
		assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
		assert_int_equal(host.transfers, PARTS);
		assert_int_equal(result(f), HVT_OK);
		if (nr == READ)
			assert_memory(f, 512, LONG);
		else
			assert_disk(f, 512, LONG);
		make_file(f->path, CAPACITY);
	}
	assert_true(figure(f, "reads") == PARTS && figure(f, "bytes_read") == PARTS * LONG);
	assert_true(figure(f, "writes") == PARTS && figure(f, "errors") == 0);
	assert_true(figure(f, "system_calls") == 2 * PARTS * PARTS);
	assert_int_equal(f->rig.n_notices, 0);
}

/* However often it is stopped, there is a part of it done each time. */
static void a_request_comes_to_its_end_through_any_number_of_stops(void **state)
{
	struct fixture *f = *state;
	enum rig_end end;

	set_up_long(f, 1);
	end = call(f, READ, 1, 512, DATA, LONG);
	for (unsigned runs = 2; end == RIG_STOPPED && runs <= PARTS; runs++) {
		assert_int_equal(result(f), RET_BEFORE);
		assert_int_equal(host.transfers, runs - 1);
		host.stop_at = runs;
		end = rig_run(&f->rig);
	}
	assert_int_equal(result(f), HVT_OK);
	assert_memory(f, 512, LONG);
	assert_int_equal(host.transfers, PARTS);
}

/* One of a piece is done in less time than it takes to see a stop. */
static void a_short_request_is_not_cut(void **state)
{
	struct fixture *f = *state;

	set_up_long(f, 1);
	host.most = 0;
	assert_int_equal(call(f, READ, 1, 512, DATA, LONG), RIG_STOPPED);
	assert_int_equal(result(f), HVT_OK);
	assert_memory(f, 512, LONG);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(host.transfers, 1);
}

/* What has been read over it does not matter, nor what others make of it. */
static void a_request_goes_on_as_it_was_made(void **state)
{
	struct fixture *f = *state;
	const struct hvt_block rq = {.handle = 1, .offset = 512, .data = ARG - 100, .len = LONG};
	const uint8_t *at = rig_at(&f->rig, ARG - 100);

	set_up_long(f, 7);
	assert_int_equal(call_at(f, ARG, READ, &rq), RIG_STOPPED);
	memset(rig_at(&f->rig, ARG), 0x11, 32);
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(result(f), HVT_OK);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(at[i], byte_of_disk(512 + i));
	for (unsigned i = 100 + sizeof rq; i < LONG; i++)
		assert_int_equal(at[i], byte_of_disk(512 + i));
}

/* Should another one come all the same, it is not taken for that. */
static void what_is_unfinished_is_no_other_request(void **state)
{
	struct fixture *f = *state;
	const struct hypercall *h = f->rig.core.hypercalls.table;
	struct hvt_block *other = rig_at(&f->rig, ARG + 0x80);

	for (int nr = WRITE; nr <= READ; nr++)
		for (int same = 0; same < 2; same++) {
			uint64_t at = same ? ARG : ARG + 0x80;

			if (same && nr == READ)
				continue;
			set_up_long(f, 3);
			assert_int_equal(call(f, READ, 1, 512, DATA, LONG), RIG_STOPPED);
			*other = (struct hvt_block){1, 0, DATA + 0x1000, 100, RET_BEFORE, 0};
			assert_int_equal(h[nr].handler(h[nr].ctx, (gpa_t){at}, &f->rig.e),
					 VMEXIT_RESUME);
			assert_int_equal(host.transfers, same ? 3 + PARTS : 4);
			assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
			assert_int_equal(result(f), HVT_OK);
		}
}

static void a_host_that_fails_after_a_stop_is_told(void **state)
{
	struct fixture *f = *state;

	set_up_long(f, 3);
	assert_int_equal(call(f, WRITE, 1, 512, DATA, LONG), RIG_STOPPED);
	host.fail_from = 4;
	host.error = ENOSPC;
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	assert_int_equal(result(f), HVT_EUNSPEC);
	assert_int_equal(f->rig.n_notices, 1);
	assert_disk(f, 512, 300);
	host.fail_from = 0;
	set_up_long(f, 0);		/* the next one begins at its beginning */
	assert_result(f, WRITE, 1, 512, DATA, LONG, HVT_OK);
	assert_int_equal(host.transfers, PARTS);
	assert_disk(f, 512, LONG);
}

static void attach_two(struct fixture *f)
{
	make(f);
	rig_device(&f->rig, "one", MFT_DEV_BLOCK_BASIC);
	rig_device(&f->rig, "two", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block-ro", "one", f->path), 0);
	assert_int_equal(option(f, "block-ro", "two", f->path), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
}

static void each_device_has_its_own_notice(void **state)
{
	struct fixture *f = *state;

	attach_two(f);
	host.fail_from = 1;
	host.error = EIO;
	for (int i = 0; i < 2; i++)
		for (unsigned handle = 1; handle <= 2; handle++)
			assert_result(f, READ, handle, 0, DATA, 512, HVT_EUNSPEC);
	assert_int_equal(f->rig.n_notices, 2);
	assert_non_null(strstr(f->rig.notices[0], "device one: "));
	assert_non_null(strstr(f->rig.notices[1], "device two: "));
}

static void each_device_is_counted_for_itself(void **state)
{
	struct fixture *f = *state;

	attach_two(f);
	assert_result(f, READ, 1, 0, DATA, 100, HVT_OK);
	assert_result(f, READ, 2, 0, DATA, 200, HVT_OK);
	assert_result(f, READ, 2, 0, DATA, 300, HVT_OK);
	assert_true(rig_figure(&f->rig, 0, "block:one", "bytes_read") == 100);
	assert_true(rig_figure(&f->rig, 0, "block:two", "bytes_read") == 500);
}

/* ---- what the guest may know of others ---- */

static uint64_t alone(struct fixture *f, const char *name, const char *where, int lock_error)
{
	make(f);
	f->rig.core.wanted = HUSK_FEATURE_BLOCK;
	host.flock_error = lock_error;
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, name, "disk", where), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_int_equal(f->rig.core.granted, HUSK_FEATURE_BLOCK);
	return f->rig.core.block_alone;
}

static void a_disk_that_is_locked_to_write_is_the_guests_alone(void **state)
{
	struct fixture *f = *state;

	assert_true(alone(f, "block", f->path, 0) == 2);
}

static void one_to_read_may_be_written_by_others(void **state)
{
	struct fixture *f = *state;

	assert_true(alone(f, "block-ro", f->path, 0) == 0);
}

static void so_may_one_on_a_file_system_without_locks(void **state)
{
	struct fixture *f = *state;

	assert_true(alone(f, "block", f->path, ENOLCK) == 0);
}

static void the_starters_lock_will_do(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	char where[16];

	assert_int_equal(__real_flock(fd, LOCK_EX), 0);
	snprintf(where, sizeof where, "@%d", fd);
	assert_true(alone(f, "block", where, 0) == 2);
	close(fd);
}

static void who_does_not_want_it_is_granted_nothing(void **state)
{
	struct fixture *f = *state;

	attach(f, "block", f->path);
	assert_int_equal(f->rig.core.granted, 0);
}

static void what_happened_is_counted(void **state)
{
	struct fixture *f = *state;

	assert_both(f, 1, 0, DATA, 512, HVT_OK);
	assert_result(f, READ, 1, 0, DATA, 100, HVT_OK);
	assert_result(f, READ, 1, CAPACITY, DATA, 100, HVT_EINVAL);
	assert_true(figure(f, "reads") == 2);
	assert_true(figure(f, "bytes_read") == 612);
	assert_true(figure(f, "writes") == 1);
	assert_true(figure(f, "bytes_written") == 512);
	assert_true(figure(f, "errors") == 0);
	assert_true(figure(f, "system_calls") == 3);
	assert_true(rig_figure(&f->rig, 0, "block:", "reads") == UINT64_MAX);
}

/* ---- read-only ---- */

static void a_read_only_disk_is_read(void **state)
{
	assert_result(*state, READ, 1, 512, DATA, 512, HVT_OK);
	assert_memory(*state, 512, 512);
}

static void a_read_only_disk_refuses_writes(void **state)
{
	struct fixture *f = *state;

	assert_result(f, WRITE, 1, 512, DATA, 512, HVT_EUNSPEC);
	assert_result(f, WRITE, 1, 512, DATA, 0, HVT_EUNSPEC);
	assert_int_equal(host.transfers, 0);
	assert_int_equal(f->rig.n_notices, 1);
	assert_string_equal(f->rig.notices[0], "block device disk: writing at offset 512: it is "
			    "attached read-only; the guest gets an error (told once)");
	assert_result(f, WRITE, 1, CAPACITY, DATA, 512, HVT_EINVAL);
	assert_guest_error(&f->rig, call(f, WRITE, 1, 0, RIG_MEMORY, 512), "Invalid guest access");
	assert_disk(f, 0, 0);
}

static void a_file_that_cannot_be_written_needs_block_ro(void **state)
{
	static const int errors[] = {EACCES, EROFS, EPERM, EIO};
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++) {
		make(f);
		rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
		assert_int_equal(option(f, "block", "disk", f->path), 0);
		host.open_error = errors[i];
		assert_int_equal(rig_attach(&f->rig, &module_block), -1);
		assert_int_equal(f->rig.e.sys, errors[i]);
		assert_int_equal(strstr(f->rig.e.message, "--block-ro attaches it without writing")
				 != NULL, errors[i] != EIO);
		assert_int_equal(option(f, "block-ro", "disk", f->path), 0);
		assert_int_equal(rig_attach(&f->rig, &module_block), -1);
		assert_null(strstr(f->rig.e.message, "--block-ro attaches"));
		rig_free(&f->rig);
	}
}

/* ---- opening ---- */

static void the_manifest_tells_the_guest_what_it_has(void **state)
{
	struct fixture *f = *state;
	const struct mft_entry *entry;

	make(f);
	entry = &f->rig.mft->entry[1];
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block", "disk", f->path), 0);
	assert_int_equal(option(f, "block-sector-size", "disk", "4096"), 0);
	assert_int_equal(option(f, "block-sector-size", "other", "512"), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_true(entry->u.block.capacity == CAPACITY);
	assert_int_equal(entry->u.block.block_size, 4096);
	assert_int_equal(entry->attached, 1);
	assert_int_equal(f->rig.mft->entry[0].attached, 0);
}

static void a_sector_has_512_bytes_unless_told_otherwise(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->rig.mft->entry[1].u.block.block_size, 512);
}

/* Opening fails, and nothing stays open. */
static void assert_not_opened(struct fixture *f, enum husk_error_class kind, const char *message)
{
	int before = open_descriptors();

	assert_int_equal(rig_attach(&f->rig, &module_block), -1);
	assert_error(&f->rig.e, kind, message);
	assert_int_equal(open_descriptors(), before);
}

static void open_with(struct fixture *f, const char *name, const char *where)
{
	rig_free(&f->rig);
	f->n_words = 0;
	make(f);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, name, "disk", where), 0);
}

static void a_disk_has_whole_sectors_and_at_least_one(void **state)
{
	struct fixture *f = *state;

	make_file(f->path, 100);
	open_with(f, "block", f->path);
	assert_not_opened(f, HUSK_E_USAGE, "Backing storage size must be block aligned (512 "
			  "bytes); it has 100 bytes: `truncate -s %512 FILE' rounds it up");
	assert_non_null(strstr(f->rig.e.message, "device disk: "));
	assert_non_null(strstr(f->rig.e.message, f->path));
	make_file(f->path, 0);
	open_with(f, "block", f->path);
	assert_not_opened(f, HUSK_E_USAGE, "Backing storage must be at least 1 block (512 "
			  "bytes) in size; it is empty: `truncate -s SIZE' makes it larger");
	make_file(f->path, 512);
	open_with(f, "block", f->path);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	make_file(f->path, 4096 + 512);
	open_with(f, "block", f->path);
	assert_int_equal(option(f, "block-sector-size", "disk", "4096"), 0);
	assert_not_opened(f, HUSK_E_USAGE, "must be block aligned (4096 bytes); it has 4608 bytes: "
			  "`truncate -s %4096 FILE' rounds it up");
	make_file(f->path, CAPACITY);
}

/* As FreeBSD's disks are, which have no cache in front. */
static void blocks_are_as_large_as_the_device_transfers(void **state)
{
	struct fixture *f = *state;

	host.sector = 4096;
	open_with(f, "block", f->path);
	assert_not_opened(f, HUSK_E_USAGE, "it transfers multiples of 4096 bytes only, and the guest "
			  "would ask for blocks of 512 bytes: --block-sector-size:disk=4096 makes "
			  "the guest's blocks as large");
	open_with(f, "block", f->path);
	assert_int_equal(option(f, "block-sector-size", "disk", "4096"), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	host.sector = 65536;
	open_with(f, "block", f->path);
	assert_not_opened(f, HUSK_E_USAGE, "would ask for blocks of 512 bytes");
	assert_null(strstr(f->rig.e.message, "--block-sector-size"));
}

static void sector_sizes_are_powers_of_two_from_512_to_32768(void **state)
{
	static const char *const good[] = {"512", "1024", "2048", "4096", "8192", "16384", "32768"};
	static const char *const bad[] = {
		"0", "1", "256", "511", "513", "1000", "1536", "32769", "65535", "65536", "66048",
		"-512", "+512", " 512", "512 ", "512x", "0x200", "x", "18446744073709552128",
	};
	struct fixture *f = *state;

	make(f);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		f->n_words = 0;
		assert_int_equal(option(f, "block-sector-size", "disk", good[i]), 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		f->n_words = 0;
		assert_int_equal(option(f, "block-sector-size", "disk", bad[i]), -1);
		assert_int_equal(f->rig.e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f->rig.e.message, "Block size must be a multiple of 2 "
				       "greater than or equal 512"));
	}
}

static void a_sector_size_is_refused_for_the_rule_that_it_breaks(void **state)
{
	struct fixture *f = *state;

	make(f);
	assert_int_equal(option(f, "block-sector-size", "disk", "65536"), -1);
	assert_non_null(strstr(f->rig.e.message, "Block size must be a multiple of 2 greater than or "
			       "equal 512: `65536' is not a number from 512 to 32768"));
	assert_int_equal(option(f, "block-sector-size", "disk", "1536"), -1);
	assert_non_null(strstr(f->rig.e.message, "Block size must be a multiple of 2 greater than or "
			       "equal 512: `1536' is not a power of two"));
}

static void what_is_not_a_disk_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[sizeof f->path + 8];

	open_with(f, "block", "/nowhere/disk");
	assert_not_opened(f, HUSK_E_HOST, "device disk: Could not open block device: "
			  "/nowhere/disk: No such file");
	open_with(f, "block-ro", f->dir);
	assert_not_opened(f, HUSK_E_USAGE, "neither a file nor a block device");
	open_with(f, "block", "/dev/null");
	assert_not_opened(f, HUSK_E_USAGE, "neither a file nor a block device");
	snprintf(path, sizeof path, "%s.fifo", f->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	open_with(f, "block-ro", path);
	assert_not_opened(f, HUSK_E_USAGE, "neither a file nor a block device");
	unlink(path);
}

static void the_devices_before_a_bad_one_are_closed_again(void **state)
{
	struct fixture *f = *state;
	int fd;

	make(f);
	rig_device(&f->rig, "good", MFT_DEV_BLOCK_BASIC);
	rig_device(&f->rig, "bad", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block", "good", f->path), 0);
	assert_int_equal(option(f, "block", "bad", "/nowhere/disk"), 0);
	assert_not_opened(f, HUSK_E_HOST, "/nowhere/disk");
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(__real_flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

static void the_last_option_for_a_device_counts(void **state)
{
	struct fixture *f = *state;

	make(f);
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block-ro", "disk", "/nowhere/disk"), 0);
	assert_int_equal(option(f, "block", "disk", f->path), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_result(f, WRITE, 1, 0, DATA, 512, HVT_OK);
}

static void it_needs_memory_for_its_state(void **state)
{
	struct fixture *f = *state;

	for (unsigned n = 1; n <= 2; n++) {
		open_with(f, "block", f->path);
		host.no_memory_in = n;
		assert_int_equal(rig_attach(&f->rig, &module_block), -1);
		assert_int_equal(host.no_memory_in, 0);
		assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
		assert_int_equal(f->rig.e.sys, ENOMEM);
	}
}

/* ---- descriptors ---- */

static void open_descriptor(struct fixture *f, const char *name, int fd)
{
	char where[16];

	snprintf(where, sizeof where, "@%d", fd);
	open_with(f, name, where);
}

static void an_inherited_descriptor_is_a_disk(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	open_descriptor(f, "block", fd);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_result(f, READ, 1, 512, DATA, 512, HVT_OK);
	assert_memory(f, 512, 512);
	assert_result(f, WRITE, 1, 512, ARG - 0x100, 16, HVT_OK);
	rig_free(&f->rig);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	assert_disk(f, 512, 16);
	close(fd);
}

static void descriptor_0_is_one_too(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC), saved = dup(0);

	assert_int_equal(dup2(fd, 0), 0);
	open_descriptor(f, "block", 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_result(f, READ, 1, 0, DATA, 512, HVT_OK);
	rig_free(&f->rig);
	if (saved == -1)
		close(0);
	else
		dup2(saved, 0);
	close(saved);
	close(fd);
}

static void a_descriptor_must_be_open_for_what_is_asked(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	open_descriptor(f, "block", fd);
	assert_not_opened(f, HUSK_E_USAGE, "is not open for writing; attach it with --block-ro");
	open_descriptor(f, "block-ro", fd);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	rig_free(&f->rig);
	close(fd);
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	open_descriptor(f, "block", fd);
	assert_not_opened(f, HUSK_E_USAGE, "is not open for reading");
	open_descriptor(f, "block-ro", fd);
	assert_not_opened(f, HUSK_E_USAGE, "is not open for reading");
	close(fd);
	fd = open(f->path, O_PATH | O_CLOEXEC);
	open_descriptor(f, "block-ro", fd);
	assert_not_opened(f, HUSK_E_USAGE, "is not open for reading");
	close(fd);
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	open_descriptor(f, "block-ro", fd);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_result(f, WRITE, 1, 512, DATA, 512, HVT_EUNSPEC);
	close(fd);
}

static void a_descriptor_is_a_number_of_one_that_is_open(void **state)
{
	struct fixture *f = *state;

	open_with(f, "block", "@1000");
	assert_not_opened(f, HUSK_E_HOST, "device disk: descriptor @1000: Bad file descriptor");
	open_with(f, "block", "@");
	assert_not_opened(f, HUSK_E_USAGE, "descriptor @: `' is not a number");
	open_with(f, "block", "@x");
	assert_not_opened(f, HUSK_E_USAGE, "descriptor @x");
	open_with(f, "block", "@-1");
	assert_not_opened(f, HUSK_E_USAGE, "descriptor @-1");
	open_with(f, "block", "@4294967296");
	assert_not_opened(f, HUSK_E_USAGE, "descriptor @4294967296");
}

/* ---- locks ---- */

static bool can_lock(const struct fixture *f, int how)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	bool locked;

	assert_true(fd >= 0);
	locked = __real_flock(fd, how | LOCK_NB) == 0;
	close(fd);
	return locked;
}

static void a_disk_is_nobody_elses_while_it_is_attached(void **state)
{
	struct fixture *f = *state;

	assert_false(can_lock(f, LOCK_SH));
	rig_free(&f->rig);
	assert_true(can_lock(f, LOCK_EX));
}

static void a_read_only_disk_is_shared_with_other_readers(void **state)
{
	struct fixture *f = *state;

	assert_false(can_lock(f, LOCK_EX));
	assert_true(can_lock(f, LOCK_SH));
}

static void a_disk_in_use_is_refused(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	assert_int_equal(__real_flock(fd, LOCK_SH), 0);
	open_with(f, "block", f->path);
	assert_not_opened(f, HUSK_E_HOST, "in use by another process");
	assert_non_null(strstr(f->rig.e.message, "--block-ro in both"));
	open_with(f, "block-ro", f->path);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	rig_free(&f->rig);
	assert_int_equal(__real_flock(fd, LOCK_EX), 0);
	open_with(f, "block-ro", f->path);
	assert_not_opened(f, HUSK_E_HOST, "in use by another process");
	assert_null(strstr(f->rig.e.message, "--block-ro"));
	close(fd);
}

static void open_two(struct fixture *f, const char *const names[2], const char *const where[2])
{
	rig_free(&f->rig);
	f->n_words = 0;
	make(f);
	for (unsigned i = 0; i < 2; i++) {
		rig_device(&f->rig, i == 0 ? "one" : "two", MFT_DEV_BLOCK_BASIC);
		assert_int_equal(option(f, names[i], i == 0 ? "one" : "two", where[i]), 0);
	}
}

#define OPEN_TWO(f, name1, name2, ...) \
	open_two(f, (const char *const[]){name1, name2}, (const char *const[]){__VA_ARGS__})

/* Not even by way of one descriptor, where they would have one lock together. */
static void two_devices_do_not_share_a_file_that_one_may_write_to(void **state)
{
	static const char *const modes[][2] = {
		{"block", "block"}, {"block", "block-ro"}, {"block-ro", "block"},
	};
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	char where[16], message[200];

	snprintf(where, sizeof where, "@%d", fd);
	for (size_t i = 0; i < 3 * 3; i++) {
		const char *first = i / 3 == 0 ? f->path : where;
		const char *second = i / 3 == 1 ? f->path : where;

		OPEN_TWO(f, modes[i % 3][0], modes[i % 3][1], first, second);
		snprintf(message, sizeof message, "device two: %s: block devices one and two would share it: "
			 "give each a file of its own, or attach both with --block-ro", second);
		assert_not_opened(f, HUSK_E_USAGE, message);
		assert_true(can_lock(f, LOCK_EX));
	}
	close(fd);
}

static void two_devices_may_read_one_file(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	char where[16];

	snprintf(where, sizeof where, "@%d", fd);
	for (unsigned i = 0; i < 4; i++) {
		OPEN_TWO(f, "block-ro", "block-ro", i / 2 ? where : f->path,
			 i % 2 ? where : f->path);
		assert_int_equal(rig_attach(&f->rig, &module_block), 0);
		assert_result(f, READ, 1, 512, DATA, 512, HVT_OK);
		assert_result(f, READ, 2, 512, DATA, 512, HVT_OK);
		assert_false(can_lock(f, LOCK_EX));
		assert_true(can_lock(f, LOCK_SH));
	}
	rig_free(&f->rig);
	assert_true(can_lock(f, LOCK_EX));
	close(fd);
}

/* What it held before it holds afterwards; what was not locked is not. */
static void an_inherited_lock_stays(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++) {
		int lock = i < 2 ? LOCK_EX : LOCK_SH;

		assert_int_equal(__real_flock(fd, lock), 0);
		open_descriptor(f, i == 0 ? "block" : "block-ro", fd);
		assert_int_equal(rig_attach(&f->rig, &module_block), 0);
		assert_int_equal(can_lock(f, LOCK_SH), lock == LOCK_SH);
		rig_free(&f->rig);
		assert_int_equal(can_lock(f, LOCK_SH), lock == LOCK_SH);
		assert_false(can_lock(f, LOCK_EX));
	}
	close(fd);
}

static void an_inherited_descriptor_is_unlocked_at_the_end(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDWR | O_CLOEXEC);

	open_descriptor(f, "block", fd);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_false(can_lock(f, LOCK_SH));
	rig_free(&f->rig);
	assert_true(can_lock(f, LOCK_EX));
	close(fd);
}

static void file_systems_without_locks_will_do(void **state)
{
	static const int none[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		open_with(f, "block", f->path);
		host.flock_error = none[i];
		assert_int_equal(rig_attach(&f->rig, &module_block), 0);
		assert_result(f, READ, 1, 0, DATA, 512, HVT_OK);
	}
	open_with(f, "block", f->path);
	host.flock_error = EIO;
	assert_not_opened(f, HUSK_E_HOST, ": locking: Input/output error");
}

/* ---- the program around it ---- */

static void on_notice(void *ctx, const char *text)
{
	snprintf(ctx, 400, "%s", text);
}

/* Adds them up. */
static void note_output(void *ctx, int fd)
{
	*(int *)ctx += fd;
}

static int confirm(struct fixture *f, const struct module_host *host_of_it)
{
	f->rig.e = (struct husk_error){0};
	return module_block.confirm(f->rig.state[0], host_of_it, &f->rig.e);
}

/* Whatever it writes to, and whoever opened that, it is not the disk. */
static void a_disk_is_no_file_that_the_program_writes_to(void **state)
{
	struct fixture *f = *state;
	int rw = open(f->path, O_RDWR | O_CLOEXEC), r = open(f->path, O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct module_host host_of_it;
	int noted = 0;

	for (int i = 0; i < 2; i++) {
		open_with(f, i == 0 ? "block" : "block-ro", f->path);
		assert_int_equal(rig_attach(&f->rig, &module_block), 0);
		host_of_it = (struct module_host){
			.outputs = {
				{r, "one", false}, {null, "two", false}, {-1, NULL, false}, {null, "four", true},
				{-1, NULL, true},
			},
			.output_is_disk = i == 0 ? note_output : NULL, .output_ctx = &noted,
			.image_fd = null,
		};
		assert_int_equal(confirm(f, &host_of_it), 0);
		for (int k = 0; k < 4; k++) {
			host_of_it.outputs[k] = (struct module_output){rw, "standard error", false};
			assert_int_equal(confirm(f, &host_of_it), -1);
			assert_string_equal(f->rig.e.message, "device disk: its disk is the file "
					    "of standard error; send one of them elsewhere");
			assert_int_equal(f->rig.e.kind, HUSK_E_USAGE);
			host_of_it.outputs[k].fd = r;
		}
		assert_int_equal(noted, 4 * rw);
		host_of_it.outputs[0].fd = host_of_it.outputs[2].fd = rw;
		assert_int_equal(confirm(f, &host_of_it), -1);
		assert_int_equal(noted, i == 0 ? 6 * rw : 4 * rw);
		host_of_it.outputs[0].fd = host_of_it.outputs[2].fd = r;
		noted = 4 * rw;
		host_of_it.image_fd = r;
		assert_int_equal(confirm(f, &host_of_it), i == 0 ? -1 : 0);
		if (i == 0)
			assert_string_equal(f->rig.e.message, "device disk: its disk is the image "
					    "that is to run; attach a copy, or with --block-ro");
	}
	assert_int_equal(close(rw) + close(r) + close(null), 0);
}

static void what_will_fail_later_is_told(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, limit;
	char notice[400] = "";
	struct module_host host_of_it = {
		.outputs = {{.fd = -1, .name = ""}, {.fd = -1, .name = ""}, {.fd = -1, .name = ""},
			    {.fd = -1, .name = ""}, {.fd = -1, .name = ""}},
		.image_fd = -1,
		.notice = on_notice, .notice_ctx = notice,
	};

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	open_with(f, "block", f->path);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_int_equal(confirm(f, &host_of_it), 0);
	assert_string_equal(notice, "");
	limit = (struct rlimit){4096, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(confirm(f, &host_of_it), 0);
	host_of_it.notice = NULL;
	assert_int_equal(confirm(f, &host_of_it), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(notice, "block device disk: only 4096 of its 16384 bytes can be "
			    "written: raise the limit on the size of files (ulimit -f, "
			    "RLIMIT_FSIZE)");
}

/* ---- attaching ---- */

static enum vmexit_result other(void *ctx, gpa_t arg, struct husk_error *e)
{
	(void)ctx, (void)arg, (void)e;
	return VMEXIT_RESUME;
}

static bool served(const struct fixture *f, int nr)
{
	return f->rig.core.hypercalls.table[nr].handler != NULL;
}

static void without_a_device_there_is_no_hypercall(void **state)
{
	struct fixture *f = *state;

	make(f);
	rig_device(&f->rig, "net", MFT_DEV_NET_BASIC);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_guest_error(&f->rig, call(f, READ, 1, 0, DATA, 512),
			   "Invalid guest hypercall: num=5");
	assert_guest_error(&f->rig, call(f, WRITE, 1, 0, DATA, 512),
			   "Invalid guest hypercall: num=4");
	for (int nr = WRITE; nr <= READ; nr++)
		assert_int_equal(core_register_hypercall(&f->rig.core, nr, "other", other, NULL,
							 &f->rig.e), 0);
	rig_free(&f->rig);
}

static void a_module_without_devices_leaves_the_numbers_of_others_alone(void **state)
{
	struct fixture *f = *state;

	make(f);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_int_equal(core_register_hypercall(&f->rig.core, READ, "other", other, NULL,
						 &f->rig.e), 0);
	module_detach(&module_block, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_true(served(f, READ));
}

static void it_takes_its_numbers_and_gives_them_back(void **state)
{
	struct fixture *f = *state;

	for (int nr = 0; nr < HVT_HYPERCALL_MAX; nr++)
		assert_int_equal(served(f, nr), nr == READ || nr == WRITE);
	assert_string_equal(f->rig.core.hypercalls.table[READ].name, "block_read");
	assert_string_equal(f->rig.core.hypercalls.table[WRITE].name, "block_write");
	module_detach(&module_block, f->rig.state[0], &f->rig.core, f->rig.mft);
	assert_false(served(f, READ) || served(f, WRITE));
}

static void it_attaches_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	void *s = f->rig.state[0];

	module_detach(&module_block, s, &f->rig.core, f->rig.mft);
	for (int nr = WRITE; nr <= READ; nr++) {
		assert_int_equal(core_register_hypercall(&f->rig.core, nr, "other", other, NULL,
							 &f->rig.e), 0);
		assert_int_equal(module_attach(&module_block, s, &f->rig.core, f->rig.mft, &f->rig.e), -1);
		assert_non_null(strstr(f->rig.e.message, "already serves other"));
		assert_int_equal(served(f, READ) + served(f, WRITE), 1);
		core_unregister_hypercall(&f->rig.core, nr);
	}
	assert_int_equal(module_attach(&module_block, s, &f->rig.core, f->rig.mft, &f->rig.e), 0);
}

static void the_highest_handle_is_63(void **state)
{
	struct fixture *f = *state;
	char name[8];

	make(f);
	for (unsigned i = 1; i < MFT_MAX_ENTRIES - 1; i++) {
		snprintf(name, sizeof name, "net%u", i);
		rig_device(&f->rig, name, MFT_DEV_NET_BASIC);
	}
	rig_device(&f->rig, "disk", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(option(f, "block", "disk", f->path), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_both(f, 63, 0, DATA, 512, HVT_OK);
	assert_both(f, 64, 0, DATA, 512, HVT_EINVAL);
	assert_both(f, 62, 0, DATA, 512, HVT_EINVAL);
	assert_true(figure(f, "reads") == 1);
}

static void a_disk_is_closed_once(void **state)
{
	struct fixture *f = *state;
	struct disk d;
	int fd;

	assert_int_equal(disk_find(&d, f->path, false, &f->rig.e), 0);
	assert_int_equal(disk_open(&d, f->path, &f->rig.e), 0);
	fd = d.fd;
	disk_close(&d);
	assert_int_equal(open(f->path, O_RDWR | O_CLOEXEC), fd);
	disk_close(&d);
	assert_int_equal(close(fd), 0);
}

static void closing_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	assert_int_equal(open_descriptors(), f->files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DISK(name) cmocka_unit_test_setup_teardown(name, set_up_disk, tear_down)
#define READ_ONLY(name) cmocka_unit_test_setup_teardown(name, set_up_read_only, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK(a_block_is_read),
		DISK(a_block_is_written),
		DISK(any_alignment_and_length_will_do),
		DISK(the_whole_disk_goes_in_one_call),
		DISK(the_last_byte_is_usable),
		DISK(what_is_not_on_the_disk_is_refused),
		DISK(nothing_can_be_transferred_on_the_disk),
		DISK(handles_of_no_block_device_are_refused),
		TEST(devices_of_other_types_are_refused),
		DISK(data_outside_memory_ends_the_guest),
		DISK(a_bad_range_is_refused_before_the_data_is_looked_at),
		DISK(the_structure_may_end_at_the_last_byte_of_memory),
		DISK(read_only_memory_is_written_to_disk_but_never_read_into),
		DISK(the_result_is_not_written_into_read_only_memory),
		DISK(data_may_overlap_the_structure),
		DISK(short_and_interrupted_transfers_go_on),
		DISK(a_host_error_is_told_the_guest_each_time_and_the_user_once),
		DISK(an_error_after_a_part_is_an_error),
		DISK(a_file_that_has_become_shorter_is_an_error),
		DISK(a_stop_ends_a_long_request_and_the_next_run_goes_on),
		DISK(a_request_comes_to_its_end_through_any_number_of_stops),
		DISK(a_short_request_is_not_cut),
		DISK(a_request_goes_on_as_it_was_made),
		DISK(what_is_unfinished_is_no_other_request),
		DISK(a_host_that_fails_after_a_stop_is_told),
		TEST(each_device_has_its_own_notice),
		TEST(each_device_is_counted_for_itself),
		DISK(what_happened_is_counted),
		TEST(a_disk_that_is_locked_to_write_is_the_guests_alone),
		TEST(one_to_read_may_be_written_by_others),
		TEST(so_may_one_on_a_file_system_without_locks),
		TEST(the_starters_lock_will_do),
		TEST(who_does_not_want_it_is_granted_nothing),
		READ_ONLY(a_read_only_disk_is_read),
		READ_ONLY(a_read_only_disk_refuses_writes),
		TEST(a_file_that_cannot_be_written_needs_block_ro),
		TEST(the_manifest_tells_the_guest_what_it_has),
		DISK(a_sector_has_512_bytes_unless_told_otherwise),
		TEST(a_disk_has_whole_sectors_and_at_least_one),
		TEST(blocks_are_as_large_as_the_device_transfers),
		TEST(sector_sizes_are_powers_of_two_from_512_to_32768),
		TEST(a_sector_size_is_refused_for_the_rule_that_it_breaks),
		TEST(what_is_not_a_disk_is_refused),
		TEST(the_devices_before_a_bad_one_are_closed_again),
		TEST(the_last_option_for_a_device_counts),
		TEST(it_needs_memory_for_its_state),
		TEST(an_inherited_descriptor_is_a_disk),
		TEST(descriptor_0_is_one_too),
		TEST(a_descriptor_must_be_open_for_what_is_asked),
		TEST(a_descriptor_is_a_number_of_one_that_is_open),
		DISK(a_disk_is_nobody_elses_while_it_is_attached),
		READ_ONLY(a_read_only_disk_is_shared_with_other_readers),
		TEST(a_disk_in_use_is_refused),
		TEST(an_inherited_lock_stays),
		TEST(an_inherited_descriptor_is_unlocked_at_the_end),
		TEST(two_devices_do_not_share_a_file_that_one_may_write_to),
		TEST(two_devices_may_read_one_file),
		TEST(file_systems_without_locks_will_do),
		TEST(a_disk_is_no_file_that_the_program_writes_to),
		TEST(what_will_fail_later_is_told),
		TEST(without_a_device_there_is_no_hypercall),
		TEST(a_module_without_devices_leaves_the_numbers_of_others_alone),
		DISK(it_takes_its_numbers_and_gives_them_back),
		DISK(it_attaches_all_or_nothing),
		TEST(the_highest_handle_is_63),
		TEST(a_disk_is_closed_once),
		DISK(closing_leaves_nothing_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
