/* SPDX-License-Identifier: ISC */
/* disk_linux.c: disk_host.h on Linux, by /proc, /sys, and Linux's flags, locks and ioctls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk_host.h"

#define NOAPPEND 0x20		/* RWF_NOAPPEND, pwritev2(2), Linux 6.9 */
#define MARK_OFFSET (INT64_MAX - 1)	/* no file has a byte there */

bool disk_host_is_device(const struct stat *st, int fd)
{
	(void)fd;
	return S_ISBLK(st->st_mode);
}

int disk_host_size(int fd, uint64_t *bytes, uint32_t *sector)
{
	*sector = 1;
	return ioctl(fd, BLKGETSIZE64, bytes);
}

const int disk_host_exclusive = O_EXCL;
const int disk_host_nonblock = 0;
const int disk_host_claimed = EBUSY;
const char disk_host_immutable[] = "lsattr(1) says whether it is immutable";

int disk_host_open_again(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* The text of a file of /proc or /sys; false if there is none. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

/* Lines as proc_pid_fdinfo(5) has them: "lock:\t1: FLOCK  ADVISORY  WRITE 123 08:01:2 0 EOF". */
int disk_host_lock_held(int fd)
{
	char path[40], text[4096], *lock;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	if (!read_text(path, text, sizeof text))
		return -1;
	lock = strstr(text, ": FLOCK ");
	if (lock == NULL)
		return LOCK_UN;
	lock[strcspn(lock, "\n")] = '\0';
	return strstr(lock, " WRITE ") != NULL ? LOCK_EX : LOCK_SH;
}

/*
 * A lock on one byte that no file has, held by the open file description unless that is shared,
 * else by the process. A lock of another length, on the whole file for instance, is no mark.
 */
bool disk_host_mark(int fd, bool exclusive, bool shared)
{
	const struct flock mark = {
		.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET,
		.l_start = MARK_OFFSET, .l_len = 1,
	};
	struct flock other = mark;

	if (fcntl(fd, shared ? F_SETLK : F_OFD_SETLK, &mark) == 0 ||
	    (errno != EAGAIN && errno != EACCES))
		return true;
	return fcntl(fd, shared ? F_GETLK : F_OFD_GETLK, &other) == -1 ||
	       other.l_type == F_UNLCK || other.l_len != mark.l_len;
}

/* Its third field is MAJOR:MINOR: proc_pid_mountinfo(5). */
bool disk_host_is_mounted(dev_t device)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char line[4096], wanted[32];
	bool found = false;

	if (in == NULL)
		return false;
	snprintf(wanted, sizeof wanted, " %u:%u ", major(device), minor(device));
	while (!found && fgets(line, sizeof line, in) != NULL)
		found = strstr(line, wanted) != NULL;
	fclose(in);
	return found;
}

static bool read_sys(const struct stat *st, const char *file, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(st->st_rdev),
		 minor(st->st_rdev), file);
	return read_text(path, text, size);
}

static int open_for_lock(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1 || fstat(fd, st) == 0)
		return fd;
	close(fd);
	return -1;
}

/* flock locks the inode, not the device. All monitors lock that of the node in /dev. */
static int open_first_node(const struct stat *of)
{
	char text[1024], path[80];
	const char *name;
	struct stat st;
	int fd;

	if (!read_sys(of, "uevent", text, sizeof text))
		return -1;
	name = strstr(text, "DEVNAME=");
	if (name == NULL)
		return -1;
	name += strlen("DEVNAME=");
	snprintf(path, sizeof path, "/dev/%.*s", (int)strcspn(name, "\n"), name);
	fd = open_for_lock(path, &st);
	if (fd == -1 || (S_ISBLK(st.st_mode) && st.st_rdev == of->st_rdev &&
			 (st.st_dev != of->st_dev || st.st_ino != of->st_ino)))
		return fd;
	close(fd);
	return -1;
}

/*
 * The path may be out of date or of another mount namespace; the inode that the driver reports is
 * correct.
 */
static int open_loop_file(int loop, const struct stat *of)
{
	char path[4096];
	struct loop_info64 info;
	struct stat st;
	int fd;

	if (!read_sys(of, "loop/backing_file", path, sizeof path) ||
	    ioctl(loop, LOOP_GET_STATUS64, &info) == -1)
		return -1;
	path[strcspn(path, "\n")] = '\0';
	fd = open_for_lock(path, &st);
	if (fd == -1 || (st.st_dev == info.lo_device && st.st_ino == info.lo_inode))
		return fd;
	close(fd);
	return -1;
}

int disk_host_open_alias(int fd, unsigned i)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	return i == 0 ? open_first_node(&st) : open_loop_file(fd, &st);
}

const char *disk_host_write_obstacle(int fd, bool is_device)
{
	int seals = is_device ? -1 : fcntl(fd, F_GET_SEALS), read_only = 0;

	if (seals != -1 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
		return "it is sealed against writing";
	if (is_device && ioctl(fd, BLKROGET, &read_only) == 0 && read_only != 0)
		return "the block device is set read-only";
	return NULL;
}

ssize_t disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	ssize_t rc = syscall(SYS_preadv2, fd, iov, (long)n, (long)offset, 0L, 0L);

	return rc == -1 && errno == ENOSYS ? pread(fd, iov->iov_base, iov->iov_len, (off_t)offset) : rc;
}

ssize_t disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	ssize_t rc = syscall(SYS_pwritev2, fd, iov, (long)n, (long)offset, 0L, 0L);

	return rc == -1 && errno == ENOSYS ? pwrite(fd, iov->iov_base, iov->iov_len, (off_t)offset) : rc;
}

ssize_t disk_host_write_in_place(int fd, const struct iovec *iov, unsigned spans, uint64_t offset)
{
	long n = syscall(SYS_pwritev2, fd, iov, (long)spans, (long)offset, 0L, (long)NOAPPEND);

	if (n == -1 && (errno == ENOSYS || errno == EOPNOTSUPP))
		errno = ENOTSUP;
	return n;
}

const unsigned long disk_host_discards = BLKDISCARD;

/* A device refuses bytes that are no blocks of its own. */
static int not_there(int rc, bool is_device)
{
	if (rc == -1 && (errno == ENOSYS || errno == ENOTTY || (is_device && errno == EINVAL)))
		errno = ENOTSUP;
	return rc;
}

static int on_device(int fd, unsigned long request, uint64_t offset, uint64_t len)
{
	const uint64_t range[2] = {offset, len};

	return not_there(ioctl(fd, request, range), true);
}

int disk_host_discard(int fd, bool is_device, uint64_t offset, uint64_t len)
{
	if (is_device)
		return on_device(fd, disk_host_discards, offset, len);
	return not_there(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
				   (off_t)len), false);
}

int disk_host_zero(int fd, bool is_device, bool unmap, uint64_t offset, uint64_t len)
{
	if (is_device)
		return on_device(fd, BLKZEROOUT, offset, len);
	if (unmap)
		return disk_host_discard(fd, false, offset, len);	/* a hole is zeros */
	return not_there(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
				   (off_t)len), false);
}
