/* test_disk.c: backing files: opening, locking, measuring, and moving bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../monitor/block/disk.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define SIZE 0x3000u

/* ---- host calls: counted, and made to fail ---- */

enum { OPEN, FCNTL, FSTAT, FLOCK, IOCTL, CALLS };

static struct {
	unsigned seen;		/* calls that opening makes */
	unsigned fail_at;	/* the one that fails with EIO; 0: none */
	int error[CALLS];	/* or all of one kind, with this errno */
	unsigned transfers;
	int transfer_error;	/* all of them fail with it */
	unsigned eintr;		/* so many of them are interrupted first */
	size_t most;		/* bytes that one of them moves, 0: no limit */
	unsigned unlocks;
	uint64_t device;	/* files are block devices of so many bytes; 0: they are files */
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);

static bool fails(int call)
{
	host.seen++;
	errno = host.error[call] != 0 ? host.error[call] : EIO;
	return host.error[call] != 0 || host.seen == host.fail_at;
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_int_equal(flags & O_CREAT, 0);
	return fails(OPEN) ? -1 : __real_open(path, flags);
}

int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	long arg;
	va_list ap;

	va_start(ap, cmd);
	arg = cmd == F_GETFL ? 0 : va_arg(ap, int);
	va_end(ap);
	return fails(FCNTL) ? -1 : __real_fcntl(fd, cmd, arg);
}

int __wrap_fstat(int fd, struct stat *st)
{
	if (fails(FSTAT) || __real_fstat(fd, st) == -1)
		return -1;
	if (host.device != 0) {
		st->st_rdev = 0x801;
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
		st->st_size = 0;
	}
	return 0;
}

int __wrap_flock(int fd, int operation)
{
	if (operation != LOCK_UN)
		return fails(FLOCK) ? -1 : __real_flock(fd, operation);
	host.unlocks++;
	return __real_flock(fd, operation);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (host.device == 0 || request != BLKGETSIZE64)
		return __real_ioctl(fd, request, arg);
	if (fails(IOCTL))
		return -1;
	memcpy(arg, &host.device, sizeof host.device);
	return 0;
}

/* The length that a transfer is cut to; 0 if it fails. */
static size_t interfere(size_t len)
{
	host.transfers++;
	errno = EINTR;
	if (host.eintr > 0 && host.eintr-- > 0)
		return 0;
	errno = host.transfer_error;
	if (host.transfer_error != 0)
		return 0;
	return host.most != 0 && len > host.most ? host.most : len;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	size_t cut = interfere(len);

	return cut == 0 ? -1 : __real_pread(fd, buf, cut, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	size_t cut = interfere(len);

	return cut == 0 ? -1 : __real_pwrite(fd, buf, cut, offset);
}

/* ---- files ---- */

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += __real_fcntl(fd, F_GETFD, 0) >= 0;
	return n;
}

static int open_file(const char *path, int flags)
{
	int fd = __real_open(path, flags | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	return fd;
}

struct fixture {
	char dir[32], path[64];	/* a file of SIZE bytes, each its offset / 256 */
	struct disk d;
	struct husk_error e;
	int files;		/* descriptors that were open before */
};

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[64];

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	return path;
}

static void make_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i / 256), file);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){.dir = "/tmp/test_disk.XXXXXX", .files = open_descriptors()};
	*state = &f;
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof f.path, "%s/disk", f.dir);
	make_file(f.path, SIZE);
	memset(&host, 0, sizeof host);
	alarm(20);		/* a FIFO must not be waited for */
	f.d.fd = -1;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarm(0);
	memset(&host, 0, sizeof host);
	disk_close(&f->d);
	assert_int_equal(open_descriptors(), f->files);
	unlink(f->path);
	return rmdir(f->dir);
}

static int take(struct disk *d, const char *where, bool read_only, struct husk_error *e)
{
	return disk_open(d, where, read_only, e) == -1 ? -1 : disk_claim(d, where, e);
}

static void assert_opens(struct fixture *f, const char *where, bool read_only)
{
	f->e = (struct husk_error){0};
	if (take(&f->d, where, read_only, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
	assert_int_equal(f->d.read_only, read_only);
	assert_true(f->d.capacity == SIZE);
}

static void assert_closed(const struct disk *d)
{
	assert_int_equal(d->fd, -1);
	assert_false(d->locked);
	assert_false(d->read_only);
	assert_true(d->capacity == 0);
}

static void assert_refused(struct fixture *f, const char *where, bool read_only,
			   enum husk_error_class kind, const char *message)
{
	int before = open_descriptors();

	f->e = (struct husk_error){0};
	f->d = (struct disk){.fd = 77, .read_only = true, .locked = true, .capacity = 1};
	assert_int_equal(take(&f->d, where, read_only, &f->e), -1);
	assert_string_equal(f->e.message, message);
	assert_int_equal(f->e.kind, kind);
	assert_closed(&f->d);
	assert_int_equal(open_descriptors(), before);
}

/* "@N" of a descriptor, and a message that has it where %s is. */
static char *at(int fd)
{
	static char where[16];

	snprintf(where, sizeof where, "@%d", fd);
	return where;
}

static void assert_descriptor_refused(struct fixture *f, int fd, bool read_only,
				      enum husk_error_class kind, const char *format)
{
	char message[sizeof f->e.message], where[16];

	strcpy(where, at(fd));
	snprintf(message, sizeof message, "%.*s%s%s", (int)(strstr(format, "@N") - format), format,
		 where, strstr(format, "@N") + 2);
	assert_refused(f, where, read_only, kind, message);
}

/* ---- paths ---- */

static void a_file_is_opened_and_measured(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, f->path, false);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFD, 0), FD_CLOEXEC);
	assert_true(f->d.locked);
	disk_close(&f->d);
	assert_opens(f, f->path, true);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFL, 0) & O_ACCMODE, O_RDONLY);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFD, 0), FD_CLOEXEC);
}

static void a_path_may_hold_any_character(void **state)
{
	static const char *const names[] = {
		"with space", " ", "a=b:c", "@3", "new\nline", "\xc3\xa9", "%s%n", "-",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = in_dir(f, names[i]);

		make_file(path, SIZE);
		assert_opens(f, path, false);
		disk_close(&f->d);
		unlink(path);
	}
}

static void what_is_not_there_is_told_so(void **state)
{
	static const struct { const char *path, *reason; } cases[] = {
		{"", "No such file or directory"},
		{"/nowhere", "No such file or directory"},
		{"/dev/null/disk", "Not a directory"},
	};
	char message[100];

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int read_only = 0; read_only < 2; read_only++) {
			snprintf(message, sizeof message, "Could not open block device: %s: %s",
				 cases[i].path, cases[i].reason);
			assert_refused(*state, cases[i].path, read_only, HUSK_E_HOST, message);
		}
}

#define NEITHER ": neither a file nor a block device"

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char fifo[64], message[200];

	strcpy(fifo, in_dir(f, "fifo"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	snprintf(message, sizeof message, "Could not open block device: %s" NEITHER, fifo);
	assert_refused(f, fifo, false, HUSK_E_USAGE, message);
	assert_refused(f, fifo, true, HUSK_E_USAGE, message);
	unlink(fifo);
	assert_refused(f, "/dev/zero", false, HUSK_E_USAGE,
		       "Could not open block device: /dev/zero" NEITHER);
	assert_refused(f, "/dev/zero", true, HUSK_E_USAGE,
		       "Could not open block device: /dev/zero" NEITHER);
	assert_refused(f, "/", true, HUSK_E_USAGE, "Could not open block device: /" NEITHER);
	assert_refused(f, "/", false, HUSK_E_HOST,
		       "Could not open block device: /: Is a directory");
}

static void an_empty_file_is_a_disk_without_bytes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(take(&f->d, f->path, false, &f->e), 0);
	assert_true(f->d.capacity == 0);
}

static void a_file_that_may_not_be_written_can_be_attached_read_only(void **state)
{
	static const struct { int error; const char *reason; bool hint; } cases[] = {
		{EACCES, "Permission denied", true},
		{EROFS, "Read-only file system", true},
		{EPERM, "Operation not permitted", true},
		{EIO, "Input/output error", false},
		{EBUSY, "Device or resource busy", false},
	};
	struct fixture *f = *state;
	char message[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		host.error[OPEN] = cases[i].error;
		snprintf(message, sizeof message, "Could not open block device: %s: %s", f->path,
			 cases[i].reason);
		assert_refused(f, f->path, true, HUSK_E_HOST, message);
		assert_int_equal(f->e.sys, cases[i].error);
		if (cases[i].hint)
			strcat(message, ": --block-ro attaches it without writing");
		assert_refused(f, f->path, false, HUSK_E_HOST, message);
		assert_int_equal(f->e.sys, cases[i].error);
	}
}

/* ---- descriptors ---- */

static void an_inherited_descriptor_is_duplicated(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	uint64_t calls = 0;
	uint8_t got[1];

	assert_opens(f, at(fd), false);
	assert_int_not_equal(f->d.fd, fd);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFD, 0), FD_CLOEXEC);
	disk_close(&f->d);
	assert_int_not_equal(__real_fcntl(fd, F_GETFD, 0), -1);
	assert_opens(f, at(fd), true);
	close(fd);		/* ours stays */
	assert_int_equal(disk_read(&f->d, 0, (struct iovec){got, 1}, &calls), 0);
	disk_close(&f->d);
	fd = open_file(f->path, O_RDONLY);
	assert_opens(f, at(fd), true);
	close(fd);
}

/* A parent or a shell may share it, and read on from there. */
static void the_offset_of_an_inherited_descriptor_stays_where_it_is(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	uint64_t calls = 0;
	uint8_t byte = 0;

	for (int device = 0; device < 2; device++) {
		host.device = device == 0 ? 0 : SIZE;
		assert_int_equal(lseek(fd, 1000, SEEK_SET), 1000);
		assert_opens(f, at(fd), false);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
		assert_int_equal(disk_read(&f->d, 7, (struct iovec){&byte, 1}, &calls), 0);
		assert_int_equal(disk_write(&f->d, 7, (struct iovec){&byte, 1}, &calls), 0);
		disk_close(&f->d);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
	}
	close(fd);
}

static void a_block_device_is_measured_by_its_driver(void **state)
{
	struct fixture *f = *state;

	host.device = 5ull << 40;
	assert_int_equal(take(&f->d, f->path, false, &f->e), 0);
	assert_true(f->d.capacity == 5ull << 40);
	assert_true(f->d.locked);
}

static void a_descriptor_is_a_number(void **state)
{
	static const char *const texts[] = {
		"", "x", "3x", "-1", "+3", " 3", "3 ", "0x3", "@3", "2147483648",
		"18446744073709551616", "/dev/null",
	};
	char where[40], message[200];

	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(where, sizeof where, "@%s", texts[i]);
		snprintf(message, sizeof message, "descriptor @%s: `%s' is not a number from 0 to "
			 "2147483647", texts[i], texts[i]);
		assert_refused(*state, where, false, HUSK_E_USAGE, message);
	}
	assert_refused(*state, "@2147483647", false, HUSK_E_HOST,
		       "descriptor @2147483647: Bad file descriptor");
}

#define UNREADABLE "descriptor @N is not open for reading"
#define UNWRITABLE "descriptor @N is not open for writing; attach it with --block-ro"

static void a_descriptor_must_be_open_for_what_is_asked(void **state)
{
	struct fixture *f = *state;
	int r = open_file(f->path, O_RDONLY), w = open_file(f->path, O_WRONLY);
	int path = open_file(f->path, O_PATH);

	assert_descriptor_refused(f, r, false, HUSK_E_USAGE, UNWRITABLE);
	assert_descriptor_refused(f, w, false, HUSK_E_USAGE, UNREADABLE);
	assert_descriptor_refused(f, w, true, HUSK_E_USAGE, UNREADABLE);
	assert_descriptor_refused(f, path, true, HUSK_E_USAGE, UNREADABLE);
	assert_descriptor_refused(f, path, false, HUSK_E_USAGE, UNREADABLE);
	assert_int_equal(close(r) + close(w) + close(path), 0);
	assert_descriptor_refused(f, r, true, HUSK_E_HOST, "descriptor @N: Bad file descriptor");
}

static void a_descriptor_of_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	int zero = open_file("/dev/zero", O_RDWR), dir = open_file(f->dir, O_RDONLY);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_descriptor_refused(f, zero, false, HUSK_E_USAGE,
				  "Could not open block device: @N" NEITHER);
	assert_descriptor_refused(f, dir, true, HUSK_E_USAGE,
				  "Could not open block device: @N" NEITHER);
	assert_descriptor_refused(f, ends[0], true, HUSK_E_USAGE,
				  "Could not open block device: @N" NEITHER);
	assert_int_equal(close(zero) + close(dir) + close(ends[0]) + close(ends[1]), 0);
}

/* ---- locks ---- */

static void assert_in_use(struct fixture *f, bool read_only)
{
	char message[200];

	snprintf(message, sizeof message, "%s: in use by another process, which has locked it; "
		 "stop that one%s", f->path, read_only ? "" : ", or attach it with --block-ro in "
		 "both");
	assert_refused(f, f->path, read_only, HUSK_E_HOST, message);
}

static void two_may_not_write_to_one_disk(void **state)
{
	struct fixture *f = *state;
	struct disk other;

	assert_int_equal(take(&other, f->path, false, &f->e), 0);
	assert_in_use(f, false);
	assert_in_use(f, true);
	disk_close(&other);
	assert_opens(f, f->path, false);
}

static void many_may_read_one_disk(void **state)
{
	struct fixture *f = *state;
	struct disk other;

	assert_int_equal(take(&other, f->path, true, &f->e), 0);
	assert_opens(f, f->path, true);
	disk_close(&f->d);
	assert_in_use(f, false);	/* closing one does not unlock the others */
	disk_close(&other);
	assert_opens(f, f->path, false);
}

/* The caller's descriptor shares the lock, and keeps it when ours is closed. */
static void a_lock_on_an_inherited_descriptor_is_given_back(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	struct disk other;

	for (int read_only = 0; read_only < 2; read_only++) {
		assert_int_equal(take(&other, at(fd), read_only, &f->e), 0);
		assert_true(other.locked);
		assert_in_use(f, false);
		disk_close(&other);
		assert_opens(f, f->path, false);
		disk_close(&f->d);
	}
	close(fd);
}

static void a_failure_after_locking_unlocks(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);

	host.device = SIZE;
	host.error[IOCTL] = ENOTTY;
	assert_descriptor_refused(f, fd, false, HUSK_E_HOST, "@N: Could not determine capacity: "
				  "Inappropriate ioctl for device");
	host.error[IOCTL] = 0;
	host.device = 0;
	assert_int_equal(host.unlocks, 1);
	assert_opens(f, f->path, false);
	close(fd);
}

/* ---- one file, two disks ---- */

/* Whether they conflict, both to be written, and whether with only one of them read-only. */
static bool conflict(struct fixture *f, const char *one, const char *two)
{
	bool found[2][2];

	for (unsigned i = 0; i < 4; i++) {
		struct disk a, b;

		assert_int_equal(disk_open(&a, one, i / 2, &f->e), 0);
		assert_int_equal(disk_open(&b, two, i % 2, &f->e), 0);
		found[i / 2][i % 2] = disk_conflict(&a, &b);
		disk_close(&a);
		disk_close(&b);
	}
	assert_false(found[1][1]);
	assert_int_equal(found[0][0], found[0][1]);
	assert_int_equal(found[0][0], found[1][0]);
	return found[0][0];
}

static void one_file_is_one_whatever_its_names(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	char where[16], name[2][64];

	strcpy(where, at(fd));
	strcpy(name[0], in_dir(f, "symbolic"));
	strcpy(name[1], in_dir(f, "hard"));
	assert_int_equal(symlink("disk", name[0]) + link(f->path, name[1]), 0);
	assert_true(conflict(f, f->path, f->path));
	assert_true(conflict(f, f->path, name[0]));
	assert_true(conflict(f, name[1], f->path));
	assert_true(conflict(f, where, f->path));
	assert_true(conflict(f, where, where));
	assert_int_equal(unlink(name[0]) + unlink(name[1]), 0);
	make_file(name[0], SIZE);
	assert_false(conflict(f, f->path, name[0]));
	assert_false(conflict(f, name[0], where));
	unlink(name[0]);
	close(fd);
}

/* Nodes of one device are files of their own, and each has its lock. */
static void one_block_device_is_one_whatever_its_nodes(void **state)
{
	struct fixture *f = *state;
	char other[64];

	strcpy(other, in_dir(f, "other"));
	make_file(other, SIZE);
	host.device = SIZE;
	assert_true(conflict(f, f->path, other));
	unlink(other);
}

static void a_disk_is_not_locked_before_it_is_claimed(void **state)
{
	struct fixture *f = *state;
	struct disk other;

	assert_int_equal(disk_open(&f->d, f->path, false, &f->e), 0);
	assert_false(f->d.locked);
	assert_true(f->d.capacity == 0);
	assert_int_equal(take(&other, f->path, false, &f->e), 0);
	assert_int_equal(disk_claim(&f->d, f->path, &f->e), -1);
	assert_closed(&f->d);
	disk_close(&other);
}

static void a_file_system_without_locks_will_do(void **state)
{
	static const int errors[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(errors); i++) {
		host.error[FLOCK] = errors[i];
		assert_opens(f, f->path, false);
		assert_false(f->d.locked);
		disk_close(&f->d);
	}
	assert_int_equal(host.unlocks, 0);
}

static void a_lock_that_fails_otherwise_is_told(void **state)
{
	struct fixture *f = *state;
	char message[200];

	host.error[FLOCK] = EINTR;
	snprintf(message, sizeof message, "%s: locking: Interrupted system call", f->path);
	assert_refused(f, f->path, false, HUSK_E_HOST, message);
	assert_int_equal(f->e.sys, EINTR);
	assert_int_equal(host.unlocks, 0);
}

/* ---- every host call may fail ---- */

/* Returns how many calls one opening makes. */
static unsigned fail_each_call(struct fixture *f, const char *where, bool read_only)
{
	unsigned at_call = 1;

	for (;; at_call++) {
		host.seen = 0;
		host.fail_at = at_call;
		f->e = (struct husk_error){0};
		if (take(&f->d, where, read_only, &f->e) == 0)
			break;
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_int_equal(f->e.sys, EIO);
		assert_non_null(strstr(f->e.message, where));
		assert_closed(&f->d);
		assert_int_equal(open_descriptors(), f->files);
		host.fail_at = 0;
		assert_opens(f, f->path, false);	/* nothing is locked */
		disk_close(&f->d);
	}
	host.fail_at = 0;
	disk_close(&f->d);
	return at_call - 1;
}

static void whichever_call_fails_nothing_stays_open_or_locked(void **state)
{
	struct fixture *f = *state;
	int fd;
	char where[16];

	assert_int_equal(fail_each_call(f, f->path, false), 4);
	assert_int_equal(fail_each_call(f, f->path, true), 4);
	fd = open_file(f->path, O_RDWR);
	strcpy(where, at(fd));
	f->files++;
	assert_int_equal(fail_each_call(f, where, false), 5);
	assert_int_equal(fail_each_call(f, where, true), 5);
	host.device = SIZE;
	assert_int_equal(fail_each_call(f, where, true), 6);
	f->files--;
	close(fd);
}

static void a_disk_is_closed_twice_without_harm(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, f->path, false);
	disk_close(&f->d);
	assert_closed(&f->d);
	disk_close(&f->d);
	assert_int_equal(host.unlocks, 1);
	assert_closed(&f->d);
}

/* ---- transfers ---- */

static struct iovec span(void *base, size_t len)
{
	return (struct iovec){base, len};
}

static void assert_text(const uint8_t *got, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (got[i] != (uint8_t)((offset + i) / 256))
			fail_msg("byte %zu is %u", offset + i, got[i]);
}

static void bytes_move_where_they_should(void **state)
{
	struct fixture *f = *state;
	uint8_t got[SIZE + 1], out[256];
	uint64_t calls = 10;

	assert_opens(f, f->path, false);
	got[SIZE] = 0x5a;
	assert_int_equal(disk_read(&f->d, 0, span(got, SIZE), &calls), 0);
	assert_text(got, 0, SIZE);
	assert_int_equal(got[SIZE], 0x5a);
	assert_int_equal(disk_read(&f->d, SIZE - 1, span(got, 1), &calls), 0);
	assert_text(got, SIZE - 1, 1);
	memset(out, 0xee, sizeof out);
	assert_int_equal(disk_write(&f->d, 0x1080, span(out, sizeof out), &calls), 0);
	assert_int_equal(calls, 13);
	assert_int_equal(disk_read(&f->d, 0, span(got, SIZE), &calls), 0);
	assert_text(got, 0, 0x1080);
	assert_memory_equal(got + 0x1080, out, sizeof out);
	assert_text(got + 0x1180, 0x1180, SIZE - 0x1180);
}

static void nothing_takes_no_call(void **state)
{
	struct fixture *f = *state;
	uint64_t calls = 0;

	assert_opens(f, f->path, false);
	assert_int_equal(disk_read(&f->d, 0, span(NULL, 0), &calls), 0);
	assert_int_equal(disk_write(&f->d, SIZE, span(NULL, 0), &calls), 0);
	assert_int_equal(calls, 0);
	assert_int_equal(host.transfers, 0);
}

static void interrupted_and_short_transfers_go_on(void **state)
{
	struct fixture *f = *state;
	uint8_t got[1000], again[1000] = {0};
	uint64_t calls = 0;

	assert_opens(f, f->path, false);
	host.eintr = 2;
	host.most = 300;
	assert_int_equal(disk_read(&f->d, 0x1234, span(got, sizeof got), &calls), 0);
	assert_text(got, 0x1234, sizeof got);
	assert_int_equal(calls, 6);
	host.eintr = 1;
	assert_int_equal(disk_write(&f->d, 100, span(got, sizeof got), &calls), 0);
	assert_int_equal(calls, 11);
	assert_int_equal(host.transfers, 11);
	host.most = 1;
	assert_int_equal(disk_read(&f->d, 100, span(again, sizeof again), &calls), 0);
	assert_int_equal(calls, 1011);
	assert_memory_equal(again, got, sizeof got);
}

static void the_cause_of_a_failure_is_handed_on(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EFBIG, EAGAIN, EDQUOT};
	struct fixture *f = *state;
	uint8_t byte = 0;

	assert_opens(f, f->path, false);
	for (size_t i = 0; i < COUNT(errors); i++) {
		uint64_t calls = 0;

		host.transfer_error = errors[i];
		assert_int_equal(disk_read(&f->d, 0, span(&byte, 1), &calls), errors[i]);
		assert_int_equal(disk_write(&f->d, 0, span(&byte, 1), &calls), errors[i]);
		assert_int_equal(calls, 2);
	}
	host.transfer_error = 0;
	disk_close(&f->d);
	assert_opens(f, f->path, true);
	assert_int_equal(disk_write(&f->d, 0, span(&byte, 1), &(uint64_t){0}), EBADF);
}

static void a_file_that_has_become_shorter_has_no_data(void **state)
{
	struct fixture *f = *state;
	uint8_t got[0x1000] = {0};
	uint64_t calls = 0;

	assert_opens(f, f->path, true);
	assert_int_equal(truncate(f->path, 0x2800), 0);
	assert_int_equal(disk_read(&f->d, 0x2000, span(got, 0x1000), &calls), ENODATA);
	assert_int_equal(calls, 2);
	assert_text(got, 0x2000, 0x800);
	assert_int_equal(disk_read(&f->d, 0x2800, span(got, 1), &calls), ENODATA);
	assert_int_equal(disk_read(&f->d, 0x27ff, span(got, 1), &calls), 0);
}

static void offsets_have_64_bits(void **state)
{
	const uint64_t far = 3ull << 40;
	struct fixture *f = *state;
	uint8_t out[4096], got[4096];
	uint64_t calls = 0;

	if (truncate(f->path, (off_t)(far + sizeof out)) == -1) {
		print_message("# a file system with small files\n");
		skip();
	}
	memset(out, 0x77, sizeof out);
	assert_int_equal(take(&f->d, f->path, false, &f->e), 0);
	assert_true(f->d.capacity == far + sizeof out);
	host.most = 4000;
	assert_int_equal(disk_write(&f->d, far, span(out, sizeof out), &calls), 0);
	assert_int_equal(disk_read(&f->d, far, span(got, sizeof got), &calls), 0);
	assert_memory_equal(got, out, sizeof out);
	assert_int_equal(disk_read(&f->d, 0, span(got, sizeof got), &calls), 0);
	assert_text(got, 0, sizeof got);
}

static void offsets_beyond_files_are_refused(void **state)
{
	static const uint64_t offsets[] = {1ull << 63, UINT64_MAX, UINT64_MAX - 511};
	struct fixture *f = *state;
	uint8_t got[512];

	assert_opens(f, f->path, false);
	for (size_t i = 0; i < COUNT(offsets); i++) {
		uint64_t calls = 0;

		assert_int_equal(disk_read(&f->d, offsets[i], span(got, 512), &calls), EINVAL);
		assert_int_equal(disk_write(&f->d, offsets[i], span(got, 512), &calls), EINVAL);
		assert_int_equal(calls, 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_opened_and_measured),
		TEST(a_path_may_hold_any_character),
		TEST(what_is_not_there_is_told_so),
		TEST(what_is_no_file_is_refused),
		TEST(an_empty_file_is_a_disk_without_bytes),
		TEST(a_file_that_may_not_be_written_can_be_attached_read_only),
		TEST(an_inherited_descriptor_is_duplicated),
		TEST(the_offset_of_an_inherited_descriptor_stays_where_it_is),
		TEST(a_block_device_is_measured_by_its_driver),
		TEST(a_descriptor_is_a_number),
		TEST(a_descriptor_must_be_open_for_what_is_asked),
		TEST(a_descriptor_of_no_file_is_refused),
		TEST(two_may_not_write_to_one_disk),
		TEST(many_may_read_one_disk),
		TEST(a_lock_on_an_inherited_descriptor_is_given_back),
		TEST(a_failure_after_locking_unlocks),
		TEST(one_file_is_one_whatever_its_names),
		TEST(one_block_device_is_one_whatever_its_nodes),
		TEST(a_disk_is_not_locked_before_it_is_claimed),
		TEST(a_file_system_without_locks_will_do),
		TEST(a_lock_that_fails_otherwise_is_told),
		TEST(whichever_call_fails_nothing_stays_open_or_locked),
		TEST(a_disk_is_closed_twice_without_harm),
		TEST(bytes_move_where_they_should),
		TEST(nothing_takes_no_call),
		TEST(interrupted_and_short_transfers_go_on),
		TEST(the_cause_of_a_failure_is_handed_on),
		TEST(a_file_that_has_become_shorter_has_no_data),
		TEST(offsets_have_64_bits),
		TEST(offsets_beyond_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
