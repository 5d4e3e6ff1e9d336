/* SPDX-License-Identifier: ISC */
/* test_disks.c: disks of FreeBSD: nodes, sectors, claims and locks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/disk.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/block/disk.h"
#include "../../monitor/block/disk_host.h"

#define NODE "/dev/md0"
#define DISK 1000	/* a descriptor of ours */
#define GIVEN 1001	/* the starter's */
#define DEVICE 0x1234
#define MEDIA 65536

static struct {
	int delete_error;
	bool no_disk;			/* the node is a terminal's, or the like */
	int open_error, again_error;
	int flags;			/* of the last open */
	uint32_t sector;
	const char *mounted[2];
	int lock_type;			/* what F_GETLK tells of others */
	bool lock_own;			/* that lock is the description's */
	int locks;			/* calls of flock that lock */
	int seals;
	ssize_t moves;			/* what a write returns; 0: the end */
	bool moved;			/* by writes of more than nothing */
	unsigned closes;
} host;

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fcntl(int fd, int command, void *arg);
int __wrap_flock(int fd, int operation);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);

static int fails(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, NODE);
	host.flags = flags;
	return fails(host.open_error) == -1 ? -1 : DISK;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	assert_int_equal(dir, GIVEN);
	assert_string_equal(path, "");
	host.flags = flags;
	return fails(host.again_error) == -1 ? -1 : DISK;
}

int __wrap_close(int fd)
{
	host.closes += fd == DISK;
	return fd >= DISK ? 0 : __real_close(fd);
}

int __wrap_stat(const char *path, struct stat *st)
{
	const bool ours = strcmp(path, NODE) == 0 || strcmp(path, "/dev/ufs/root") == 0;

	*st = (struct stat){.st_mode = S_IFCHR, .st_rdev = ours ? DEVICE : 1};
	return strncmp(path, "/dev/", 5) == 0 ? 0 : fails(ENOENT);
}

int __wrap_fstat(int fd, struct stat *st)
{
	assert_true(fd == DISK || fd == GIVEN);
	*st = (struct stat){.st_mode = S_IFCHR, .st_rdev = DEVICE};
	return 0;
}

static int tell_lock(struct flock *other)
{
	assert_int_equal(other->l_type, F_WRLCK);
	assert_int_equal(other->l_start + other->l_len, 0);
	other->l_type = (short)host.lock_type;
	return 0;
}

int __wrap_fcntl(int fd, int command, void *arg)
{
	assert_true(fd == DISK || fd == GIVEN);
	switch (command) {
	case F_GETFL:
		return O_RDWR;
	case F_GETLK:
		return tell_lock(arg);
	case F_GET_SEALS:
		return host.seals;
	case F_DUPFD_CLOEXEC:
		return DISK;
	}
	return fails(EINVAL);
}

int __wrap_flock(int fd, int operation)
{
	const bool held = host.lock_type != F_UNLCK && !(host.lock_own && fd == GIVEN);

	if (operation == LOCK_UN)
		return 0;
	host.locks++;
	return fails(held ? EAGAIN : 0);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	assert_true(fd == DISK || fd == GIVEN);
	if (host.no_disk)
		return fails(ENOTTY);
	if (request == DIOCGMEDIASIZE)
		*(off_t *)arg = MEDIA;
	else if (request == DIOCGSECTORSIZE)
		*(u_int *)arg = host.sector;
	else if (request == DIOCGDELETE && ((off_t *)arg)[0] == 4096 && ((off_t *)arg)[1] == 8192)
		return fails(host.delete_error);
	else
		fail();
	return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time, (void)left;
	return 0;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	(void)buf;
	assert_int_equal(fd, DISK);
	assert_int_equal(((size_t)offset | len) % host.sector, 0);
	return (ssize_t)len;
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	(void)buf, (void)offset;
	assert_int_equal(fd, DISK);
	host.moved = host.moved || len > 0;
	return len == 0 ? 0 : host.moves;
}

int getmntinfo(struct statfs **all, int mode)
{
	static struct statfs table[2];
	int n = 0;

	assert_int_equal(mode, MNT_NOWAIT);
	for (; n < 2 && host.mounted[n] != NULL; n++)
		strcpy(table[n].f_mntfromname, host.mounted[n]);
	*all = table;
	return n;
}

/* ---- */

struct fixture {
	struct disk d;
	struct husk_error e;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.lock_type = F_UNLCK;
	host.sector = 512;
	host.seals = -1;
	*state = &f;
	return 0;
}

static int open_disk(struct fixture *f, const char *where, bool read_only)
{
	return disk_find(&f->d, where, read_only, &f->e) == -1 ||
	       disk_open(&f->d, where, &f->e) == -1 ? -1 : 0;
}

static void assert_refused(struct fixture *f, const char *where, bool read_only,
			   const char *message)
{
	host.closes = 0;
	assert_int_equal(open_disk(f, where, read_only), -1);
	if (strstr(f->e.message, message) == NULL)
		fail_msg("%s", f->e.message);
	assert_false(host.moved);
	assert_int_equal(f->d.fd, -1);
}

static void a_character_device_with_a_medium_is_a_disk(void **state)
{
	struct fixture *f = *state;

	host.sector = 4096;
	assert_int_equal(open_disk(f, NODE, false), 0);
	assert_int_equal(host.flags, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	assert_true(f->d.is_device);
	assert_true(f->d.locked);
	assert_int_equal(f->d.capacity, MEDIA);
	assert_int_equal(f->d.sector, 4096);
	assert_false(host.moved);
	disk_close(&f->d);
	assert_int_equal(host.closes, 1);
}

/* It was not asked before it was opened, as that may have effects. */
static void one_without_is_none(void **state)
{
	host.no_disk = true;
	assert_refused(*state, NODE, false, "a character device, neither a file nor a block device");
	assert_int_equal(host.closes, 1);
	assert_refused(*state, "@1001", false, "a character device, neither a file nor");
	assert_int_equal(host.closes, 0);
}

static void a_mounted_disk_is_not_written_to(void **state)
{
	struct fixture *f = *state;

	host.mounted[0] = "tmpfs";
	host.mounted[1] = "/dev/ufs/root";
	assert_refused(f, NODE, false, "mounted or in use by another program");
	assert_refused(f, "@1001", false, "mounted or in use by another program");
	assert_int_equal(open_disk(f, NODE, true), 0);
	disk_close(&f->d);
	host.mounted[1] = "/dev/ada0p2";
	assert_int_equal(open_disk(f, NODE, false), 0);
	disk_close(&f->d);
}

/* GEOM's answer to whoever would write beside a file system. */
static void a_claim_is_told_as_one(void **state)
{
	host.open_error = EPERM;
	assert_refused(*state, NODE, false, "mounted or in use by another program: --block-ro");
	host.open_error = EACCES;
	assert_refused(*state, NODE, false, "Permission denied");
}

static void the_tool_for_flags_of_files_is_the_systems(void **state)
{
	(void)state;
	assert_non_null(strstr(disk_host_immutable, "`ls -lo'"));
}

static void an_inherited_disk_is_opened_anew(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_disk(f, "@1001", false), 0);
	assert_int_equal(host.flags, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_EMPTY_PATH);
	assert_false(f->d.borrowed);
	disk_close(&f->d);
	host.again_error = ENOENT;	/* FreeBSD 13.0 does not know the flag */
	assert_int_equal(open_disk(f, "@1001", false), 0);
	assert_true(f->d.borrowed);
	disk_close(&f->d);
}

static void a_lock_is_the_descriptions_if_it_can_be_taken_again(void **state)
{
	(void)state;
	assert_int_equal(disk_host_lock_held(GIVEN), LOCK_UN);
	assert_int_equal(host.locks, 0);
	host.lock_type = F_RDLCK;
	assert_int_equal(disk_host_lock_held(GIVEN), -1);
	assert_int_equal(host.locks, 0);
	host.lock_type = F_WRLCK;
	assert_int_equal(disk_host_lock_held(GIVEN), LOCK_UN);
	host.lock_own = true;
	assert_int_equal(disk_host_lock_held(GIVEN), LOCK_EX);
}

static void the_starters_lock_is_enough(void **state)
{
	struct fixture *f = *state;

	host.lock_type = F_WRLCK;
	assert_refused(f, NODE, false, "in use by another process");
	assert_refused(f, "@1001", false, "in use by another process");
	host.lock_own = true;
	assert_int_equal(open_disk(f, "@1001", false), 0);
	assert_false(f->d.locked);
	disk_close(&f->d);
}

/* Write at the end: 0, which is no progress and no error of the host's. */
static void a_write_that_moves_nothing_is_an_error(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[512] = {0};
	size_t moved = 1;

	assert_int_equal(open_disk(f, NODE, false), 0);
	assert_int_equal(disk_write(&f->d, 0, (struct iovec){bytes, 512}, &moved), DISK_SHORTER);
	assert_int_equal(moved, 0);
	host.moves = 512;
	assert_int_equal(disk_write(&f->d, 0, (struct iovec){bytes, 512}, &moved), 0);
	assert_int_equal(moved, 512);
	disk_close(&f->d);
}

static void no_call_writes_in_place_for_sure(void **state)
{
	(void)state;
	assert_int_equal(disk_host_write_in_place(DISK, &(struct iovec){0}, 1, 0), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(disk_host_open_alias(DISK, 0), -1);
	assert_true(disk_host_mark(DISK, true, true));
}

static void what_has_no_use_for_a_discard_takes_it(void **state)
{
	static const int errors[] = {0, EOPNOTSUPP, EINVAL, EIO};
	const struct disk d = {.fd = DISK, .is_device = true}, file = {.fd = DISK};

	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		host.delete_error = errors[i];
		assert_int_equal(disk_discard(&d, 4096, 8192), errors[i] == EIO ? EIO : 0);
		assert_int_equal(disk_discard(&file, 4096, 8192), 0);
	}
	assert_int_equal(disk_host_zero(DISK, true, true, 0, 512), -1);
	assert_int_equal(errno, ENOTSUP);
}

static void sealed_memory_is_an_obstacle(void **state)
{
	(void)state;
	assert_null(disk_host_write_obstacle(DISK, false));
	host.seals = F_SEAL_WRITE;
	assert_string_equal(disk_host_write_obstacle(DISK, false), "it is sealed against writing");
	assert_null(disk_host_write_obstacle(DISK, true));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_character_device_with_a_medium_is_a_disk),
		TEST(one_without_is_none),
		TEST(a_mounted_disk_is_not_written_to),
		TEST(a_claim_is_told_as_one),
		TEST(the_tool_for_flags_of_files_is_the_systems),
		TEST(an_inherited_disk_is_opened_anew),
		TEST(a_lock_is_the_descriptions_if_it_can_be_taken_again),
		TEST(the_starters_lock_is_enough),
		TEST(a_write_that_moves_nothing_is_an_error),
		TEST(no_call_writes_in_place_for_sure),
		TEST(what_has_no_use_for_a_discard_takes_it),
		TEST(sealed_memory_is_an_obstacle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
