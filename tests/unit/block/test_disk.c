/* SPDX-License-Identifier: ISC */
/* test_disk.c: backing files: opening, locking, measuring, and moving bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../monitor/block/disk.h"
#include "../../../monitor/block/disk_host.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define SIZE 0x3000u

/* ---- host calls: counted, and made to fail ---- */

enum { OPEN, FCNTL, STAT, FSTAT, FLOCK, IOCTL, PREAD, PWRITE, CALLS };

/* A block device that no host has. */
#define DEVICE makedev(4095, 77)
#define SYS "/sys/dev/block/4095:77/"

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
	dev_t number;		/* another one than DEVICE */
	bool claimed;		/* which somebody has to himself */
	bool set_read_only;	/* which cannot be written */
	const char *sys;	/* directory that stands in for /dev and the device's in /sys */
	struct stat loop;	/* what the device is a loop device of, if st_ino is not 0 */
	int no_again;		/* errno of opening a descriptor anew */
	bool no_proc;
	bool no_in_place;	/* no pwritev2 */
	int append_to;		/* a descriptor that somebody sets to O_APPEND before the write */
	bool full;		/* the file system */
	unsigned busy_locks;	/* so many locks fail, then they are free */
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstatvfs(int fd, struct statvfs *fs);
int __real_fstatvfs(int fd, struct statvfs *fs);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
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

/* What stands in for a file of /sys, or for /dev/node. */
static const char *stand_in(const char *path, char *room, size_t size)
{
	if (strncmp(path, SYS, strlen(SYS)) == 0 || strcmp(path, "/dev/node") == 0) {
		snprintf(room, size, "%s%s", host.sys == NULL ? "/nowhere" : host.sys,
			 strrchr(path, '/'));
		return room;
	}
	return path;
}

int __wrap_open(const char *path, int flags, ...)
{
	char room[100];

	assert_int_equal(flags & O_CREAT, 0);
	assert_int_equal(flags & O_CLOEXEC, O_CLOEXEC);
	if (fails(OPEN))
		return -1;
	errno = host.no_proc ? ENOENT : host.no_again;
	if (strncmp(path, "/proc/self/fd/", 14) == 0 && errno != 0)
		return -1;
	if (strncmp(path, "/proc/self/fdinfo/", 18) == 0 && host.no_proc)
		return -1;
	errno = EBUSY;
	if ((flags & O_EXCL) != 0 && host.claimed)
		return -1;
	return __real_open(stand_in(path, room, sizeof room), flags & ~O_EXCL);
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	long arg;
	va_list ap;

	va_start(ap, cmd);
	arg = cmd == F_GETFL || cmd == F_GET_SEALS ? 0 : va_arg(ap, long);
	va_end(ap);
	return fails(FCNTL) ? -1 : __real_fcntl(fd, cmd, arg);
}

static void become_device(struct stat *st)
{
	if (host.device == 0 || !S_ISREG(st->st_mode) ||
	    (host.loop.st_ino != 0 && st->st_ino == host.loop.st_ino))
		return;
	st->st_rdev = host.number != 0 ? host.number : DEVICE;
	st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
	st->st_size = 0;
}

int __wrap_stat(const char *path, struct stat *st)
{
	if (fails(STAT) || __real_stat(path, st) == -1)
		return -1;
	become_device(st);
	return 0;
}

int __wrap_fstat(int fd, struct stat *st)
{
	if (fails(FSTAT) || __real_fstat(fd, st) == -1)
		return -1;
	become_device(st);
	return 0;
}

int __wrap_fstatvfs(int fd, struct statvfs *fs)
{
	int rc = __real_fstatvfs(fd, fs);

	if (host.full)
		fs->f_bfree = fs->f_bavail = 0;
	return rc;
}

int __wrap_flock(int fd, int operation)
{
	if (operation != LOCK_UN) {
		errno = EWOULDBLOCK;
		if (host.busy_locks > 0 && host.busy_locks-- > 0)
			return -1;
		return fails(FLOCK) ? -1 : __real_flock(fd, operation);
	}
	host.unlocks++;
	return __real_flock(fd, operation);
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	assert_true(time->tv_sec == 0 && time->tv_nsec <= 20000000);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct loop_info64 *info = arg;

	if (host.device == 0)
		return __real_ioctl(fd, request, arg);
	if (fails(IOCTL))
		return -1;
	switch (request) {
	case BLKGETSIZE64:
		memcpy(arg, &host.device, sizeof host.device);
		return 0;
	case BLKROGET:
		*(int *)arg = host.set_read_only;
		return 0;
	case LOOP_GET_STATUS64:
		info->lo_device = host.loop.st_dev;
		info->lo_inode = host.loop.st_ino;
		errno = ENXIO;
		return host.loop.st_ino != 0 ? 0 : -1;
	default:
		return __real_ioctl(fd, request, arg);
	}
}

static void set_append(int fd)
{
	assert_int_equal(__real_fcntl(fd, F_SETFL, __real_fcntl(fd, F_GETFL) | O_APPEND), 0);
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_pwritev2) {
		if (host.append_to > 0 && !host.no_in_place)
			set_append(host.append_to);
		errno = ENOSYS;
		if (host.no_in_place)
			return -1;
	}
	nr = __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	host.transfers += nr > 0;
	return nr;
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
	size_t cut = len;

	if (fails(PREAD))
		return -1;
	cut = interfere(len);
	return cut == 0 ? -1 : __real_pread(fd, buf, cut, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	size_t cut = len;

	if (fails(PWRITE))
		return -1;
	if (len == 0)
		return __real_pwrite(fd, buf, 0, offset);
	if (host.append_to > 0)
		set_append(host.append_to);
	cut = interfere(len);
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
	f.d = (struct disk){.fd = -1, .alias = {-1, -1}};
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
	return disk_find(d, where, read_only, e) == -1 ? -1 : disk_open(d, where, e);
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

static void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\", expected \"%s\"", text, part);
}

static void assert_closed(const struct disk *d)
{
	assert_int_equal(d->fd, -1);
	assert_int_equal(d->alias[0] + d->alias[1], -2);
	assert_false(d->locked);
	assert_false(d->borrowed);
	assert_false(d->read_only);
	assert_true(d->capacity == 0);
}

static void assert_refused(struct fixture *f, const char *where, bool read_only,
			   enum husk_error_class kind, const char *message)
{
	int before = open_descriptors();

	f->e = (struct husk_error){0};
	f->d = (struct disk){.fd = 77, .read_only = true, .locked = true, .capacity = 1,
			     .alias = {77, 77}};
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
	static const struct { const char *path, *reason, *remedy; } cases[] = {
		{"", "No such file or directory", ""},
		{"/nowhere", "No such file or directory", ": `truncate -s SIZE /nowhere' makes one"},
		{"nowhere", "No such file or directory", ": `truncate -s SIZE nowhere' makes one"},
		{"/nowhere/disk", "No such file or directory", ""},
		{"nowhere/disk", "No such file or directory", ""},
		{"/dev/null/disk", "Not a directory", ""},
	};
	char message[200];

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int read_only = 0; read_only < 2; read_only++) {
			snprintf(message, sizeof message, "Could not open block device: %s: %s%s",
				 cases[i].path, cases[i].reason,
				 read_only ? "" : cases[i].remedy);
			assert_refused(*state, cases[i].path, read_only, HUSK_E_HOST, message);
		}
}

#define NEITHER ", neither a file nor a block device: `truncate -s SIZE FILE' makes a file to attach"

/* Not even opened: for a FIFO or a terminal that might be something. */
static void what_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sockaddr {
		unsigned short family;
		char path[100];
	} address = {AF_UNIX, ""};
	const struct { const char *path, *kind; } cases[] = {
		{strcpy((char[64]){0}, in_dir(f, "fifo")), "a FIFO"},
		{strcpy(address.path, in_dir(f, "socket")), "a socket"},
		{"/dev/zero", "a character device"},
		{"/", "a directory"},
	};
	char message[200];
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(mkfifo(cases[0].path, 0600), 0);
	assert_int_equal(bind(s, (const void *)&address, sizeof address), 0);
	close(s);
	host.error[OPEN] = EIO;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		snprintf(message, sizeof message, "Could not open block device: %s: %s" NEITHER,
			 cases[i / 2].path, cases[i / 2].kind);
		assert_refused(f, cases[i / 2].path, i % 2, HUSK_E_USAGE, message);
	}
	assert_int_equal(unlink(cases[0].path) + unlink(cases[1].path), 0);
}

/* Between the look and the opening. */
static void what_has_been_replaced_is_refused(void **state)
{
	struct fixture *f = *state;
	char other[64], message[200];

	strcpy(other, in_dir(f, "other"));
	for (int device = 0; device < 2; device++) {
		make_file(other, SIZE);
		assert_int_equal(disk_find(&f->d, f->path, false, &f->e), 0);
		assert_int_equal(rename(other, f->path), 0);
		host.device = device == 0 ? 0 : SIZE;
		assert_int_equal(disk_open(&f->d, f->path, &f->e), -1);
		snprintf(message, sizeof message, "%s: replaced by another file while it was "
			 "opened; try again", f->path);
		assert_string_equal(f->e.message, message);
		assert_closed(&f->d);
	}
	assert_int_equal(disk_find(&f->d, f->path, false, &f->e), 0);
	host.number = makedev(4095, 78);
	assert_int_equal(disk_open(&f->d, f->path, &f->e), -1);
	assert_string_equal(f->e.message, message);
	host.device = 0;
	assert_int_equal(disk_find(&f->d, f->path, false, &f->e), 0);
	assert_int_equal(unlink(f->path) + mkfifo(f->path, 0600), 0);
	assert_int_equal(disk_open(&f->d, f->path, &f->e), -1);
	assert_contains(f->e.message, "a FIFO" NEITHER);
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
		{EPERM, "Operation not permitted: lsattr(1) says whether it is immutable", true},
		{ETXTBSY, "Text file busy: it is a program that runs", true},
		{EIO, "Input/output error", false},
		{EBUSY, "Device or resource busy", true},
	};
	struct fixture *f = *state;
	char message[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		host.error[OPEN] = cases[i].error;
		snprintf(message, sizeof message, "Could not open block device: %s: %s", f->path,
			 strerror(cases[i].error));
		assert_refused(f, f->path, true, HUSK_E_HOST, message);
		assert_int_equal(f->e.sys, cases[i].error);
		snprintf(message, sizeof message, "Could not open block device: %s: %s", f->path,
			 cases[i].reason);
		if (cases[i].hint)
			strcat(message, ": --block-ro attaches it without writing");
		assert_refused(f, f->path, false, HUSK_E_HOST, message);
		assert_int_equal(f->e.sys, cases[i].error);
	}
}

/* ---- descriptors ---- */

/* Opened anew or, where the host does not let us, duplicated. */
static void an_inherited_descriptor_stays_the_starters(void **state)
{
	struct fixture *f = *state;
	uint8_t got[1];
	size_t moved;

	for (int read_only = 0; read_only < 2; read_only++)
		for (int borrowed = 0; borrowed < 2; borrowed++) {
			int fd = open_file(f->path, read_only ? O_RDONLY : O_RDWR);

			host.no_again = borrowed ? EACCES : 0;
			assert_opens(f, at(fd), read_only);
			assert_int_equal(f->d.borrowed, borrowed);
			assert_int_not_equal(f->d.fd, fd);
			assert_int_equal(__real_fcntl(f->d.fd, F_GETFD, 0), FD_CLOEXEC);
			disk_close(&f->d);
			assert_int_not_equal(__real_fcntl(fd, F_GETFD, 0), -1);
			assert_opens(f, at(fd), true);
			close(fd);		/* ours stays */
			assert_int_equal(disk_read(&f->d, 0, (struct iovec){got, 1}, &moved), 0);
			disk_close(&f->d);
		}
}

/* The right to write is not taken along where it is not wanted; the wish to write through is. */
static void a_descriptor_is_opened_anew_for_what_is_asked(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR | O_DSYNC);

	assert_opens(f, at(fd), true);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFL, 0) & (O_ACCMODE | O_SYNC), O_DSYNC);
	disk_close(&f->d);
	close(fd);
	fd = open_file(f->path, O_RDWR | O_SYNC);
	assert_opens(f, at(fd), false);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFL, 0) & (O_ACCMODE | O_SYNC),
			 O_RDWR | O_SYNC);
	disk_close(&f->d);
	assert_opens(f, f->path, false);
	assert_int_equal(__real_fcntl(f->d.fd, F_GETFL, 0) & O_SYNC, 0);
	close(fd);
}

static void what_opening_anew_tells_is_told(void **state)
{
	static const struct { int error; const char *text; } cases[] = {
		{EROFS, "Read-only file system: --block-ro attaches it without writing"},
		{ETXTBSY, "Text file busy: it is a program that runs: --block-ro attaches"},
		{EBUSY, "Device or resource busy: mounted or in use by another program, or opened "
			"with O_EXCL by the program that hands it down: --block-ro attaches"},
		{EMFILE, "Too many open files"},
		{EIO, "Input/output error"},
	};
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR), before = open_descriptors();

	host.device = SIZE;
	for (size_t i = 0; i < COUNT(cases); i++) {
		host.no_again = cases[i].error;
		assert_int_equal(take(&f->d, at(fd), false, &f->e), -1);
		assert_contains(f->e.message, cases[i].text);
		assert_int_equal(f->e.sys, cases[i].error);
		assert_closed(&f->d);
		assert_int_equal(open_descriptors(), before);
	}
	close(fd);
}

/* A parent or a shell may share it, and read on from there. */
static void the_offset_of_an_inherited_descriptor_stays_where_it_is(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	size_t moved;
	uint8_t byte = 0;

	for (int i = 0; i < 4; i++) {
		host.device = i / 2 == 0 ? 0 : SIZE;
		host.no_again = i % 2 == 0 ? 0 : EACCES;
		assert_int_equal(lseek(fd, 1000, SEEK_SET), 1000);
		assert_opens(f, at(fd), false);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
		assert_int_equal(disk_read(&f->d, 7, (struct iovec){&byte, 1}, &moved), 0);
		assert_int_equal(disk_write(&f->d, 7, (struct iovec){&byte, 1}, &moved), 0);
		disk_close(&f->d);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
	}
	close(fd);
}

static void a_block_device_is_measured_by_its_driver(void **state)
{
	struct fixture *f = *state;

	host.device = SIZE - 512;
	assert_int_equal(take(&f->d, f->path, false, &f->e), 0);
	assert_true(f->d.capacity == SIZE - 512);
	assert_true(f->d.locked && f->d.is_device);
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
		       "descriptor @2147483647: Bad file descriptor: the shell opens it by "
		       "`2147483647<>FILE'");
}

#define UNREADABLE "descriptor @N is not open for reading; open it for reading and writing, as the " \
	"shell's `<>' does"
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
	assert_int_equal(take(&f->d, at(r), true, &f->e), -1);
	assert_contains(f->e.message, ": Bad file descriptor: the shell opens it by `");
}

static void a_descriptor_of_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	int zero = open_file("/dev/zero", O_RDWR), dir = open_file(f->dir, O_RDONLY);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_descriptor_refused(f, zero, false, HUSK_E_USAGE, "Could not open block device: @N: "
				  "a character device" NEITHER);
	assert_descriptor_refused(f, dir, false, HUSK_E_USAGE,
				  "Could not open block device: @N: a directory" NEITHER);
	assert_descriptor_refused(f, ends[0], true, HUSK_E_USAGE,
				  "Could not open block device: @N: a FIFO" NEITHER);
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

static bool can_lock(const struct fixture *f, int how)
{
	int fd = open_file(f->path, O_RDWR);
	bool locked = __real_flock(fd, how | LOCK_NB) == 0;

	close(fd);
	return locked;
}

static void a_failure_after_locking_unlocks(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);

	host.device = SIZE;
	host.error[IOCTL] = ENOTTY;
	for (int borrowed = 0; borrowed < 2; borrowed++) {
		host.no_again = borrowed ? EACCES : 0;
		assert_descriptor_refused(f, fd, false, HUSK_E_HOST, "@N: Could not determine "
					  "capacity: Inappropriate ioctl for device");
		assert_true(can_lock(f, LOCK_EX));
	}
	close(fd);
}

/* Both have the starter's lock, and would not see each other by it. */
static void two_may_not_share_a_descriptor_that_its_starter_has_locked(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	struct disk other;

	assert_int_equal(__real_flock(fd, LOCK_EX), 0);
	assert_int_equal(take(&other, at(fd), false, &f->e), 0);
	for (int read_only = 0; read_only < 2; read_only++) {
		assert_int_equal(take(&f->d, at(fd), read_only, &f->e), -1);
		assert_contains(f->e.message, "in use by another process");
	}
	disk_close(&other);
	assert_int_equal(take(&other, at(fd), true, &f->e), 0);
	assert_opens(f, at(fd), true);
	disk_close(&f->d);
	assert_int_equal(take(&f->d, at(fd), false, &f->e), -1);
	disk_close(&other);
	assert_opens(f, at(fd), false);
	close(fd);
}

/* 0: the disk could be had, 1: it is in use, 2: anything else. */
static int exit_status_of_taking(struct fixture *f, int fd, bool read_only)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		struct disk d;
		int rc = take(&d, at(fd), read_only, &f->e);

		_exit(rc == 0 ? 0 : strstr(f->e.message, "in use by another") != NULL ? 1 : 2);
	}
	assert_int_not_equal(child, -1);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* Not even where they have its description in common, and with it every lock of that. */
static void two_processes_may_not_share_a_descriptor(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);

	for (unsigned i = 0; i < 3 * 8; i++) {
		int lock = i / 8 == 0 ? LOCK_UN : i / 8 == 1 ? LOCK_SH : LOCK_EX;
		bool ours = (i & 1) != 0, theirs = (i & 2) != 0;

		if (lock == LOCK_SH && !(ours && theirs))
			continue;	/* refused for that */
		host.no_again = (i & 4) != 0 ? EACCES : 0;
		assert_int_equal(__real_flock(fd, lock), 0);
		assert_opens(f, at(fd), ours);
		assert_int_equal(exit_status_of_taking(f, fd, theirs), !(ours && theirs));
		disk_close(&f->d);
		assert_int_equal(exit_status_of_taking(f, fd, theirs), 0);
	}
	close(fd);
}

/* Nobody can say what lock it has, and one of ours might be its end. */
static void what_may_be_locked_is_left_alone_and_told(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	char text[200];

	host.no_proc = true;
	for (int locked = 0; locked < 2; locked++) {
		assert_int_equal(__real_flock(fd, locked ? LOCK_EX : LOCK_UN), 0);
		assert_opens(f, at(fd), false);
		assert_true(f->d.borrowed && f->d.unlocked && !f->d.locked && !f->d.alone);
		assert_int_equal(can_lock(f, LOCK_SH), !locked);
		assert_true(disk_caveat(&f->d, 2, text, sizeof text));
		assert_contains(text, "not locked: ");
		disk_close(&f->d);
		assert_int_equal(can_lock(f, LOCK_SH), !locked);
	}
	assert_int_equal(__real_flock(fd, LOCK_UN), 0);
	assert_opens(f, f->path, true);		/* a path needs no /proc */
	assert_true(f->d.locked && !f->d.unlocked);
	close(fd);
}

/* udev for one: a disk is not in use because somebody looks at it. */
static void a_device_that_is_locked_for_a_moment_is_waited_for(void **state)
{
	struct fixture *f = *state;

	host.busy_locks = 3;
	assert_int_equal(take(&f->d, f->path, false, &f->e), -1);
	assert_contains(f->e.message, "in use by another process");
	host.device = SIZE;
	host.busy_locks = 3;
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	host.busy_locks = 1000;
	assert_int_equal(take(&f->d, f->path, false, &f->e), -1);
	assert_contains(f->e.message, "in use by another process");
	host.busy_locks = 0;
}

/* ---- one file, two disks ---- */

/* Whether they conflict, both to be written, and whether with only one of them read-only. */
static bool conflict(struct fixture *f, const char *one, const char *two)
{
	bool found[2][2];

	for (unsigned i = 0; i < 4; i++) {
		struct disk a, b;

		assert_int_equal(disk_find(&a, one, i / 2, &f->e), 0);
		assert_int_equal(disk_find(&b, two, i % 2, &f->e), 0);
		found[i / 2][i % 2] = disk_conflict(&a, &b);
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

static void a_disk_is_not_opened_before_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct disk other;

	assert_int_equal(disk_find(&f->d, f->path, false, &f->e), 0);
	assert_int_equal(f->d.fd, -1);
	assert_true(f->d.capacity == 0);
	assert_int_equal(take(&other, f->path, false, &f->e), 0);
	assert_int_equal(disk_open(&f->d, f->path, &f->e), -1);
	assert_closed(&f->d);
	disk_close(&other);
}

static void a_disk_knows_descriptors_of_its_own_file(void **state)
{
	struct fixture *f = *state;
	int rw = open_file(f->path, O_RDWR), r = open_file(f->path, O_RDONLY);
	int other = open_file("/dev/null", O_RDWR);

	for (int read_only = 0; read_only < 2; read_only++) {
		assert_opens(f, f->path, read_only);
		assert_true(disk_is(&f->d, rw, true) && disk_is(&f->d, rw, false));
		assert_true(disk_is(&f->d, r, false));
		assert_false(disk_is(&f->d, r, true));
		assert_false(disk_is(&f->d, other, true) || disk_is(&f->d, other, false));
		assert_false(disk_is(&f->d, -1, false) || disk_is(&f->d, 1000, true));
		disk_close(&f->d);
	}
	assert_int_equal(close(rw) + close(r) + close(other), 0);
}

/* ---- block devices ---- */

static void a_device_is_had_alone_unless_it_is_only_read(void **state)
{
	struct fixture *f = *state;
	char message[200];

	host.device = SIZE;
	host.claimed = true;
	snprintf(message, sizeof message, "Could not open block device: %s: Device or resource "
		 "busy: mounted or in use by another program: --block-ro attaches it without "
		 "writing", f->path);
	assert_refused(f, f->path, false, HUSK_E_HOST, message);
	assert_opens(f, f->path, true);
}

static void a_device_that_is_mounted_is_not_borrowed_to_write(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	struct stat proc;

	assert_int_equal(__real_stat("/proc", &proc), 0);
	assert_true(disk_host_is_mounted(proc.st_dev));
	assert_false(disk_host_is_mounted(DEVICE));
	host.device = SIZE;
	host.no_again = EACCES;
	assert_opens(f, at(fd), false);
	disk_close(&f->d);
	host.number = proc.st_dev;
	assert_int_equal(take(&f->d, at(fd), false, &f->e), -1);
	assert_contains(f->e.message, "mounted or in use by another program");
	assert_opens(f, at(fd), true);
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Opens the disk while somebody has locked path; whether it fails. */
static bool excluded_by(struct fixture *f, const char *path, int lock, bool read_only)
{
	int fd = open_file(path, O_RDONLY), rc;

	assert_int_equal(__real_flock(fd, lock), 0);
	rc = take(&f->d, f->path, read_only, &f->e);
	if (rc == -1)
		assert_contains(f->e.message, "in use by another process");
	else
		disk_close(&f->d);
	close(fd);
	return rc == -1;
}

static void assert_locked_with_it(struct fixture *f, const char *path)
{
	assert_true(excluded_by(f, path, LOCK_EX, true));
	assert_true(excluded_by(f, path, LOCK_EX, false));
	assert_true(excluded_by(f, path, LOCK_SH, false));
	assert_false(excluded_by(f, path, LOCK_SH, true));
	assert_false(excluded_by(f, path, LOCK_UN, false));
}

/* Each node has a lock of its own: that of the one in /dev is taken as well. */
static void all_nodes_of_a_device_have_one_lock(void **state)
{
	struct fixture *f = *state;
	char node[64], uevent[64];

	host.device = SIZE;
	host.sys = f->dir;
	strcpy(node, in_dir(f, "node"));
	make_file(node, SIZE);
	assert_false(excluded_by(f, node, LOCK_EX, false));
	strcpy(uevent, in_dir(f, "uevent"));
	write_text(uevent, "MAJOR=4095\nMINOR=77\nDEVNAME=node\nDEVTYPE=disk\n");
	assert_locked_with_it(f, node);
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	unlink(node);
	assert_int_equal(link(f->path, node), 0);	/* the node itself has but one lock */
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	assert_int_equal(unlink(node) + mkfifo(node, 0600), 0);
	assert_opens(f, f->path, false);
	assert_int_equal(f->d.alias[0], -1);
	disk_close(&f->d);
	write_text(uevent, "MAJOR=4095\n");
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	assert_int_equal(unlink(node) + unlink(uevent), 0);
}

static void a_loop_device_is_locked_with_its_file(void **state)
{
	struct fixture *f = *state;
	char file[64], other[64], name[64], text[80];

	strcpy(file, in_dir(f, "file"));
	make_file(file, SIZE);
	assert_int_equal(stat(file, &host.loop), 0);
	host.device = SIZE;
	host.sys = f->dir;
	strcpy(name, in_dir(f, "backing_file"));
	snprintf(text, sizeof text, "%s\n", file);
	write_text(name, text);
	assert_locked_with_it(f, file);
	strcpy(other, in_dir(f, "other"));
	make_file(other, SIZE);
	snprintf(text, sizeof text, "%s\n", other);
	write_text(name, text);		/* the driver says that it is not that */
	assert_false(excluded_by(f, other, LOCK_EX, false));
	write_text(name, "/nowhere\n");
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	assert_int_equal(unlink(name) + unlink(file) + unlink(other), 0);
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

/*
 * Whichever fails, the disk is open and whole, or closed and told. Returns how many calls one
 * opening makes.
 */
static unsigned fail_each_call(struct fixture *f, const char *where, bool read_only)
{
	unsigned at_call = 1;

	for (;; at_call++) {
		unsigned seen;
		int rc;

		host.seen = 0;
		host.fail_at = at_call;
		f->e = (struct husk_error){0};
		rc = take(&f->d, where, read_only, &f->e);
		host.fail_at = 0;
		seen = host.seen;
		if (rc == -1) {
			assert_int_equal(f->e.kind, HUSK_E_HOST);
			assert_int_equal(f->e.sys, EIO);
			assert_contains(f->e.message, where);
			assert_closed(&f->d);
		} else {
			assert_true(f->d.capacity == SIZE);
			disk_close(&f->d);
		}
		assert_int_equal(open_descriptors(), f->files);
		assert_opens(f, f->path, false);	/* nothing is locked */
		disk_close(&f->d);
		if (seen < at_call)
			return seen;
	}
}

static void whichever_call_fails_nothing_stays_open_or_locked(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);
	char where[16], node[64], uevent[64];

	strcpy(where, at(fd));
	strcpy(node, in_dir(f, "node"));
	strcpy(uevent, in_dir(f, "uevent"));
	make_file(node, SIZE);
	write_text(uevent, "DEVNAME=node\n");
	host.sys = f->dir;
	f->files++;
	for (unsigned i = 0; i < 16; i++) {
		host.device = (i & 1) != 0 ? SIZE : 0;
		host.no_again = (i & 2) != 0 ? EACCES : 0;
		assert_in_range(fail_each_call(f, (i & 4) != 0 ? where : f->path, (i & 8) != 0), 7,
				24);
	}
	f->files--;
	close(fd);
	assert_int_equal(unlink(node) + unlink(uevent), 0);
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

/* ---- each kind of descriptor, with each flag, with each lock ---- */

static const struct { const char *name; int flag; } flags[] = {
	{"none", 0}, {"O_APPEND", O_APPEND}, {"O_NONBLOCK", O_NONBLOCK}, {"O_DIRECT", O_DIRECT},
	{"O_SYNC", O_SYNC}, {"O_DSYNC", O_DSYNC}, {"O_NOATIME", O_NOATIME}, {"O_ASYNC", O_ASYNC},
	{"O_APPEND and O_NONBLOCK", O_APPEND | O_NONBLOCK}, {"O_PATH", O_PATH},
};
static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR}, locks[] = {LOCK_UN, LOCK_SH, LOCK_EX};

enum { FILE_, DELETED, MEMORY, BLOCK_DEVICE, KINDS };

static int inherit(struct fixture *f, unsigned kind, int how)
{
	char path[64], other[64];
	int fd;

	strcpy(path, f->path);
	host.device = kind == BLOCK_DEVICE ? SIZE : 0;
	if (kind == MEMORY) {
		fd = memfd_create("disk", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, SIZE), 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (kind == DELETED) {
		strcpy(other, in_dir(f, "deleted"));
		make_file(other, SIZE);
		strcpy(path, other);
	}
	how = __real_open(path, how | O_CLOEXEC);
	if (kind == MEMORY)
		close(fd);
	if (kind == DELETED)
		unlink(other);
	return how;
}

/* What is wrong with a descriptor of a disk; NULL if it can be attached. */
static const char *fault(int how, int lock, bool borrowed, bool read_only)
{
	if ((how & O_ACCMODE) == O_WRONLY || (how & O_PATH) != 0)
		return "is not open for reading; open it for reading and writing";
	if ((how & O_ACCMODE) == O_RDONLY && !read_only)
		return "is not open for writing; attach it with --block-ro";
	if ((how & O_APPEND) != 0 && !read_only)
		return "is open for appending (O_APPEND)";
	if ((how & O_DIRECT) != 0 && borrowed)
		return "is open with O_DIRECT, which does not fit";
	if (lock == LOCK_SH && !read_only)
		return "holds a shared lock";
	return NULL;
}

static void try_combination(struct fixture *f, int fd, int lock, bool borrowed, bool read_only)
{
	int how = __real_fcntl(fd, F_GETFL, 0);
	const char *wrong = fault(how, lock, borrowed, read_only);
	bool path_only = (how & O_PATH) != 0;

	host.no_again = borrowed ? EACCES : 0;
	if (!path_only)
		assert_int_equal(lseek(fd, 1000, SEEK_SET) + __real_flock(fd, lock), 1000);
	f->e = (struct husk_error){0};
	if (wrong == NULL) {
		assert_opens(f, at(fd), read_only);
		assert_int_equal(f->d.borrowed, borrowed);
		assert_int_equal(disk_host_lock_held(fd) != LOCK_UN,
				 lock != LOCK_UN || borrowed);
		disk_close(&f->d);
	} else {
		assert_int_equal(take(&f->d, at(fd), read_only, &f->e), -1);
		assert_contains(f->e.message, wrong);
		assert_int_equal(f->e.kind, HUSK_E_USAGE);
		assert_closed(&f->d);
	}
	assert_int_equal(__real_fcntl(fd, F_GETFL, 0), how);
	assert_int_equal(disk_host_lock_held(fd), path_only ? LOCK_UN : lock);
	if (!path_only)
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
}

static void try_descriptor(struct fixture *f, int fd)
{
	for (unsigned i = 0; i < COUNT(locks) * 4; i++)
		try_combination(f, fd, locks[i / 4], i / 2 % 2, i % 2);
	close(fd);
}

/* Attached or refused for what is wrong with it; and as it was before, afterwards. */
static void every_kind_of_descriptor_with_every_flag_and_lock(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < KINDS * COUNT(flags) * COUNT(modes); i++) {
		unsigned flag = i / COUNT(modes) % COUNT(flags);
		int fd = inherit(f, i / COUNT(modes) / COUNT(flags),
				 modes[i % COUNT(modes)] | flags[flag].flag);

		if (fd == -1)	/* not every file system has O_DIRECT */
			assert_int_equal(flags[flag].flag, O_DIRECT);
		else
			try_descriptor(f, fd);
	}
}

static int fcntl_lock(int fd, int command, int type)
{
	struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};

	return __real_fcntl(fd, command, &lock);
}

/* fcntl's locks are of another kind, which neither exclude ours nor are lost with it. */
static void locks_of_other_kinds_stay(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR), other = open_file(f->path, O_RDWR);
	char where[16];

	strcpy(where, at(fd));
	assert_int_equal(fcntl_lock(fd, F_OFD_SETLK, F_WRLCK), 0);
	for (unsigned i = 0; i < 16; i++) {
		host.no_again = i / 4 % 2 == 0 ? 0 : EACCES;
		if (i == 8) {		/* even where marks are used */
			assert_int_equal(fcntl_lock(fd, F_OFD_SETLK, F_UNLCK), 0);
			assert_int_equal(fcntl_lock(other, F_OFD_SETLK, F_WRLCK), 0);
			assert_int_equal(__real_flock(fd, LOCK_EX), 0);
		}
		if (i >= 8) {
			assert_opens(f, where, i % 2 != 0);
			disk_close(&f->d);
			continue;
		}
		assert_opens(f, i / 2 % 2 == 0 ? where : f->path, i % 2 != 0);
		disk_close(&f->d);
		assert_int_equal(fcntl_lock(other, F_OFD_SETLK, F_RDLCK), -1);
		assert_int_equal(__real_flock(other, LOCK_EX | LOCK_NB), 0);
		assert_int_equal(__real_flock(other, LOCK_UN), 0);
	}
	assert_int_equal(close(fd) + close(other), 0);
}

/* While a disk is attached by way of a descriptor it is nobody else's, whoever's lock it is. */
static void an_inherited_disk_is_nobody_elses(void **state)
{
	struct fixture *f = *state;
	int fd = open_file(f->path, O_RDWR);

	for (unsigned i = 0; i < COUNT(locks) * 4; i++) {
		int lock = locks[i / 4];
		bool read_only = i % 2 != 0;

		if (lock == LOCK_SH && !read_only)
			continue;
		host.no_again = i / 2 % 2 == 0 ? 0 : EACCES;
		assert_int_equal(__real_flock(fd, lock), 0);
		assert_opens(f, at(fd), read_only);
		assert_false(can_lock(f, LOCK_EX));
		assert_int_equal(can_lock(f, LOCK_SH), read_only && lock != LOCK_EX);
		disk_close(&f->d);
		assert_int_equal(can_lock(f, LOCK_EX), lock == LOCK_UN);
		assert_int_equal(can_lock(f, LOCK_SH), lock != LOCK_EX);
	}
	close(fd);
}

/* ---- what open does not tell ---- */

static struct timespec changed(const char *path)
{
	struct stat st;

	assert_int_equal(__real_stat(path, &st), 0);
	return st.st_mtim;
}

static void trying_a_disk_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct timespec before = changed(f->path), after;
	uint8_t got[SIZE];
	size_t moved;

	assert_opens(f, f->path, false);
	after = changed(f->path);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(disk_read(&f->d, 0, (struct iovec){got, SIZE}, &moved), 0);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(got[i], i / 256);
}

#define RO_HINT ": --block-ro attaches it without writing"

static void a_disk_that_cannot_be_read_is_refused(void **state)
{
	struct fixture *f = *state;
	char message[200];

	host.error[PREAD] = EIO;
	snprintf(message, sizeof message, "%s: reading at offset 0: Input/output error", f->path);
	assert_refused(f, f->path, false, HUSK_E_HOST, message);
	assert_refused(f, f->path, true, HUSK_E_HOST, message);
	host.error[PREAD] = 0;
	assert_int_equal(truncate(f->path, 0), 0);
	host.device = 0x5000;		/* more than there is */
	snprintf(message, sizeof message, "%s: it says that it has 20480 bytes, but there is "
		 "nothing to read at 0", f->path);
	assert_refused(f, f->path, true, HUSK_E_HOST, message);
	assert_int_equal(truncate(f->path, 0x4400), 0);
	message[strlen(message) - 1] = '\0';
	strcat(message, "17408");
	assert_refused(f, f->path, true, HUSK_E_HOST, message);
}

static void a_disk_that_cannot_be_written_is_refused(void **state)
{
	static const struct { int error; const char *text; } cases[] = {
		{EPERM, "Operation not permitted: lsattr(1) says whether it is immutable"}, {EIO, "Input/output error"},
		{EROFS, "Read-only file system"}, {ETXTBSY, "Text file busy: the host swaps to it"},
	};
	struct fixture *f = *state;
	char message[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		host.error[PWRITE] = cases[i].error;
		snprintf(message, sizeof message, "%s cannot be written: %s" RO_HINT, f->path,
			 cases[i].text);
		assert_refused(f, f->path, false, HUSK_E_HOST, message);
		assert_int_equal(f->e.sys, cases[i].error);
		assert_opens(f, f->path, true);
		disk_close(&f->d);
	}
	host.error[PWRITE] = 0;
	host.device = SIZE;
	host.set_read_only = true;
	snprintf(message, sizeof message, "%s cannot be written: the block device is set read-only"
		 RO_HINT, f->path);
	assert_refused(f, f->path, false, HUSK_E_HOST, message);
	assert_opens(f, f->path, true);
}

static void sealed_memory_is_a_disk_to_read(void **state)
{
	static const int seals[] = {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * COUNT(seals); i++) {
		int fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		host.no_again = i % 2 == 0 ? 0 : EACCES;
		assert_int_equal(ftruncate(fd, SIZE), 0);
		assert_opens(f, at(fd), false);
		disk_close(&f->d);
		if (__real_fcntl(fd, F_ADD_SEALS, seals[i / 2]) == 0) {
			assert_descriptor_refused(f, fd, false, HUSK_E_HOST, "@N cannot be written:"
						  " it is sealed against writing" RO_HINT);
			assert_opens(f, at(fd), true);
			disk_close(&f->d);
		}
		close(fd);
	}
}

static bool warned(const struct disk *d, unsigned i, const char *text)
{
	char told[200] = "";
	bool rc = disk_caveat(d, i, told, sizeof told);

	if (rc)
		assert_contains(told, text);
	return rc;
}

static void a_limit_on_files_is_told(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (int i = 0; i < 4; i++) {
		limit = (struct rlimit){SIZE - (i == 0), before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		host.device = i == 3 ? SIZE : 0;
		assert_opens(f, f->path, i == 2);
		limit.rlim_cur = SIZE - (i != 1);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_int_equal(warned(&f->d, 0, "only 12287 of its 12288 bytes can be written: "
					"raise the limit on the size of files (ulimit -f, "
					"RLIMIT_FSIZE)"), i == 0);
		disk_close(&f->d);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void holes_on_a_full_file_system_are_told(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 8; i++) {
		bool holes = (i & 1) != 0, full = (i & 2) != 0, read_only = (i & 4) != 0;

		make_file(f->path, holes ? 0 : SIZE);
		assert_int_equal(truncate(f->path, SIZE), 0);
		host.full = full;
		assert_opens(f, f->path, read_only);
		assert_int_equal(warned(&f->d, 1, "it has holes, and its file system is full: "
					"writing to them fails"), holes && full && !read_only);
		disk_close(&f->d);
	}
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

static int read_all(const struct disk *d, uint64_t offset, void *buf, size_t len)
{
	size_t moved, done = 0;
	int rc = 0;

	for (; rc == 0 && done < len; done += moved)
		rc = disk_read(d, offset + done, span((uint8_t *)buf + done, len - done), &moved);
	return rc;
}

static void bytes_move_where_they_should(void **state)
{
	struct fixture *f = *state;
	uint8_t got[SIZE + 1], out[256];
	size_t moved;

	assert_opens(f, f->path, false);
	got[SIZE] = 0x5a;
	assert_int_equal(disk_read(&f->d, 0, span(got, SIZE), &moved), 0);
	assert_int_equal(moved, SIZE);
	assert_text(got, 0, SIZE);
	assert_int_equal(got[SIZE], 0x5a);
	assert_int_equal(disk_read(&f->d, SIZE - 1, span(got, 1), &moved), 0);
	assert_text(got, SIZE - 1, 1);
	memset(out, 0xee, sizeof out);
	assert_int_equal(disk_write(&f->d, 0x1080, span(out, sizeof out), &moved), 0);
	assert_int_equal(moved, sizeof out);
	assert_int_equal(disk_read(&f->d, 0, span(got, SIZE), &moved), 0);
	assert_text(got, 0, 0x1080);
	assert_memory_equal(got + 0x1080, out, sizeof out);
	assert_text(got + 0x1180, 0x1180, SIZE - 0x1180);
}

static void one_call_moves_a_piece_at_most(void **state)
{
	const size_t size = DISK_PIECE + 512;
	struct fixture *f = *state;
	uint8_t *bytes = calloc(1, size);
	size_t moved;

	assert_non_null(bytes);
	assert_int_equal(truncate(f->path, (off_t)size), 0);
	for (int borrowed = 0; borrowed < 2; borrowed++) {
		int fd = open_file(f->path, O_RDWR);

		host.no_again = borrowed ? EACCES : 0;
		assert_int_equal(take(&f->d, at(fd), false, &f->e), 0);
		host.transfers = 0;
		assert_int_equal(disk_read(&f->d, 0, span(bytes, size), &moved), 0);
		assert_true(moved == DISK_PIECE);
		assert_int_equal(disk_write(&f->d, 0, span(bytes, size), &moved), 0);
		assert_true(moved == DISK_PIECE);
		assert_int_equal(host.transfers, 2);
		disk_close(&f->d);
		close(fd);
	}
	free(bytes);
}

static void an_interruption_moves_nothing_and_is_no_failure(void **state)
{
	struct fixture *f = *state;
	uint8_t got[1000] = {0};
	size_t moved = 7;

	assert_opens(f, f->path, false);
	host.eintr = 2;
	host.transfers = 0;
	assert_int_equal(disk_read(&f->d, 0, span(got, sizeof got), &moved), 0);
	assert_int_equal(moved, 0);
	moved = 7;
	assert_int_equal(disk_write(&f->d, 0, span(got, sizeof got), &moved), 0);
	assert_int_equal(moved, 0);
	assert_int_equal(host.transfers, 2);
	host.most = 300;
	assert_int_equal(disk_read(&f->d, 0, span(got, sizeof got), &moved), 0);
	assert_int_equal(moved, 300);
	host.eintr = 1;
	assert_int_equal(read_all(&f->d, 0x1234, got, sizeof got), 0);
	assert_text(got, 0x1234, sizeof got);
}

/* While a disk is tried too: what comes of the signal is seen before the guest runs. */
static void an_interrupted_trial_is_no_failure(void **state)
{
	struct fixture *f = *state;

	host.error[PWRITE] = EINTR;
	host.eintr = 2;
	assert_opens(f, f->path, false);
	disk_close(&f->d);
	host.most = 1000;		/* and it may take more than one call */
	host.transfers = 0;
	assert_opens(f, f->path, true);
	assert_int_equal(host.transfers, 10);
}

static void the_cause_of_a_failure_is_handed_on(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EFBIG, EAGAIN, EDQUOT};
	struct fixture *f = *state;
	uint8_t byte = 0;
	size_t moved;

	assert_opens(f, f->path, false);
	host.transfers = 0;
	for (size_t i = 0; i < COUNT(errors); i++) {
		host.transfer_error = errors[i];
		assert_int_equal(disk_read(&f->d, 0, span(&byte, 1), &moved), errors[i]);
		assert_int_equal(disk_write(&f->d, 0, span(&byte, 1), &moved), errors[i]);
		assert_int_equal(moved, 0);
	}
	assert_int_equal(host.transfers, 2 * COUNT(errors));
	host.transfer_error = 0;
	disk_close(&f->d);
	assert_opens(f, f->path, true);
	assert_int_equal(disk_write(&f->d, 0, span(&byte, 1), &moved), EBADF);
}

static void a_file_that_has_become_shorter_has_no_data(void **state)
{
	struct fixture *f = *state;
	uint8_t got[0x1000] = {0};
	size_t moved;

	assert_opens(f, f->path, true);
	assert_int_equal(truncate(f->path, 0x2800), 0);
	assert_int_equal(read_all(&f->d, 0x2000, got, 0x1000), DISK_SHORTER);
	assert_text(got, 0x2000, 0x800);
	assert_int_equal(disk_read(&f->d, 0x2800, span(got, 1), &moved), DISK_SHORTER);
	assert_int_equal(moved, 0);
	assert_int_equal(disk_read(&f->d, 0x27ff, span(got, 1), &moved), 0);
}

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(__real_fstat(fd, &st), 0);
	return st.st_size;
}

/* Whoever shares a description can have it append at any time, and flags are asked before. */
static void flags_that_others_set_later_corrupt_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t out[512], got[512];
	size_t moved;

	memset(out, 0xee, sizeof out);
	for (int i = 0; i < 8; i++) {
		bool borrowed = (i & 1) != 0, in_place = (i & 2) == 0, late = (i & 4) != 0;
		int fd = open_file(f->path, O_RDWR), rc;

		host.no_again = borrowed ? EACCES : 0;
		host.no_in_place = !in_place;
		assert_opens(f, at(fd), false);
		if (late)
			host.append_to = fd;
		else
			set_append(fd);
		rc = disk_write(&f->d, 0, span(out, sizeof out), &moved);
		host.append_to = 0;
		if (rc == 0) {
			assert_int_equal(moved, sizeof out);
			assert_int_equal(read_all(&f->d, 0, got, sizeof got), 0);
			assert_memory_equal(got, out, sizeof out);
			assert_int_equal(size_of(fd), SIZE);
		} else {
			assert_true(borrowed);
			assert_int_equal(rc, DISK_APPENDS);
			assert_int_equal(moved, 0);
			assert_true(late || size_of(fd) == SIZE);
		}
		assert_true(rc == 0 || disk_host_write_in_place(-1, &(struct iovec){out, 1}, 1, 0) == -1);
		assert_true(rc == 0 || !in_place || errno == ENOTSUP);
		disk_close(&f->d);
		close(fd);
		make_file(f->path, SIZE);
	}
}

static void failures_have_words(void **state)
{
	(void)state;
	assert_string_equal(disk_error_text(EIO), "Input/output error");
	assert_string_equal(disk_error_text(DISK_SHORTER), "the file has become shorter");
	assert_contains(disk_error_text(DISK_APPENDS), "O_APPEND");
	assert_contains(disk_error_text(EFBIG), "ulimit -f");
}

static void offsets_have_64_bits(void **state)
{
	const uint64_t far = 3ull << 40;
	struct fixture *f = *state;
	uint8_t out[4096], got[4096];
	size_t moved;

	if (truncate(f->path, (off_t)(far + sizeof out)) == -1) {
		print_message("# a file system with small files\n");
		skip();
	}
	memset(out, 0x77, sizeof out);
	assert_int_equal(take(&f->d, f->path, false, &f->e), 0);
	assert_true(f->d.capacity == far + sizeof out);
	host.most = 4000;
	assert_int_equal(disk_write(&f->d, far, span(out, sizeof out), &moved), 0);
	assert_int_equal(moved, 4000);
	assert_int_equal(disk_write(&f->d, far + 4000, span(out, 96), &moved), 0);
	assert_int_equal(read_all(&f->d, far, got, sizeof got), 0);
	assert_memory_equal(got, out, sizeof out);
	assert_int_equal(read_all(&f->d, 0, got, sizeof got), 0);
	assert_text(got, 0, sizeof got);
}

static void offsets_beyond_files_are_refused(void **state)
{
	static const uint64_t offsets[] = {1ull << 63, UINT64_MAX, UINT64_MAX - 511};
	struct fixture *f = *state;
	uint8_t got[512];

	assert_opens(f, f->path, false);
	for (size_t i = 0; i < COUNT(offsets); i++) {
		size_t moved;

		assert_int_equal(disk_read(&f->d, offsets[i], span(got, 512), &moved), EINVAL);
		assert_int_equal(disk_write(&f->d, offsets[i], span(got, 512), &moved), EINVAL);
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
		TEST(what_has_been_replaced_is_refused),
		TEST(an_empty_file_is_a_disk_without_bytes),
		TEST(a_file_that_may_not_be_written_can_be_attached_read_only),
		TEST(an_inherited_descriptor_stays_the_starters),
		TEST(a_descriptor_is_opened_anew_for_what_is_asked),
		TEST(what_opening_anew_tells_is_told),
		TEST(the_offset_of_an_inherited_descriptor_stays_where_it_is),
		TEST(a_block_device_is_measured_by_its_driver),
		TEST(a_descriptor_is_a_number),
		TEST(a_descriptor_must_be_open_for_what_is_asked),
		TEST(a_descriptor_of_no_file_is_refused),
		TEST(two_may_not_write_to_one_disk),
		TEST(many_may_read_one_disk),
		TEST(a_failure_after_locking_unlocks),
		TEST(two_may_not_share_a_descriptor_that_its_starter_has_locked),
		TEST(two_processes_may_not_share_a_descriptor),
		TEST(what_may_be_locked_is_left_alone_and_told),
		TEST(a_device_that_is_locked_for_a_moment_is_waited_for),
		TEST(one_file_is_one_whatever_its_names),
		TEST(one_block_device_is_one_whatever_its_nodes),
		TEST(a_disk_is_not_opened_before_it_is_asked_for),
		TEST(a_disk_knows_descriptors_of_its_own_file),
		TEST(a_device_is_had_alone_unless_it_is_only_read),
		TEST(a_device_that_is_mounted_is_not_borrowed_to_write),
		TEST(all_nodes_of_a_device_have_one_lock),
		TEST(a_loop_device_is_locked_with_its_file),
		TEST(a_file_system_without_locks_will_do),
		TEST(a_lock_that_fails_otherwise_is_told),
		TEST(whichever_call_fails_nothing_stays_open_or_locked),
		TEST(a_disk_is_closed_twice_without_harm),
		TEST(every_kind_of_descriptor_with_every_flag_and_lock),
		TEST(locks_of_other_kinds_stay),
		TEST(an_inherited_disk_is_nobody_elses),
		TEST(trying_a_disk_changes_nothing),
		TEST(a_disk_that_cannot_be_read_is_refused),
		TEST(a_disk_that_cannot_be_written_is_refused),
		TEST(sealed_memory_is_a_disk_to_read),
		TEST(a_limit_on_files_is_told),
		TEST(holes_on_a_full_file_system_are_told),
		TEST(bytes_move_where_they_should),
		TEST(one_call_moves_a_piece_at_most),
		TEST(an_interruption_moves_nothing_and_is_no_failure),
		TEST(an_interrupted_trial_is_no_failure),
		TEST(the_cause_of_a_failure_is_handed_on),
		TEST(a_file_that_has_become_shorter_has_no_data),
		TEST(flags_that_others_set_later_corrupt_nothing),
		TEST(failures_have_words),
		TEST(offsets_have_64_bits),
		TEST(offsets_beyond_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
