/* disk.c: files and block devices as backing storage. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

static int check_mode(const struct disk *d, const char *where, struct husk_error *e)
{
	int flags = fcntl(d->fd, F_GETFL);
	int mode = flags & O_ACCMODE;

	if (flags == -1)
		return husk_fail_sys(e, errno, "descriptor %s", where);
	if (mode == O_WRONLY || (flags & O_PATH) != 0)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is not open for reading", where);
	if (mode == O_RDONLY && !d->read_only)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is not open for writing; attach "
				 "it with --block-ro", where);
	return 0;
}

static int open_descriptor(struct disk *d, const char *where, struct husk_error *e)
{
	unsigned long long fd;

	if (option_number(where + 1, 0, INT_MAX, &fd, e) == -1)
		return husk_wrap(e, "descriptor %s", where);
	d->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	if (d->fd == -1)
		return husk_fail_sys(e, errno, "descriptor %s", where);
	return check_mode(d, where, e);
}

/* O_NONBLOCK so that a FIFO is refused and not waited for; it means nothing to files and disks. */
static int open_path(struct disk *d, const char *where, struct husk_error *e)
{
	int flags = (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	d->fd = open(where, flags);
	if (d->fd != -1)
		return 0;
	husk_fail_sys(e, errno, "Could not open block device: %s", where);
	if ((e->sys == EACCES || e->sys == EROFS || e->sys == EPERM) && !d->read_only)
		husk_hint(e, "--block-ro attaches it without writing");
	return -1;
}

static int identify(struct disk *d, const char *where, struct husk_error *e)
{
	struct stat st;

	if (fstat(d->fd, &st) == -1)
		return husk_fail_sys(e, errno, "%s", where);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return husk_fail(e, HUSK_E_USAGE, "Could not open block device: %s: neither a file "
				 "nor a block device", where);
	d->device = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	d->node = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	return 0;
}

/* File systems without locks exist; there the user has to take care. */
static int lock(struct disk *d, const char *where, struct husk_error *e)
{
	d->locked = flock(d->fd, (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0;
	if (d->locked || errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	if (errno != EWOULDBLOCK)
		return husk_fail_sys(e, errno, "%s: locking", where);
	return husk_fail(e, HUSK_E_HOST, "%s: in use by another process, which has locked it; stop "
			 "that one%s", where,
			 d->read_only ? "" : ", or attach it with --block-ro in both");
}

/* lseek would tell too, but whoever shares an inherited descriptor shares its offset. */
static int measure(struct disk *d, const char *where, struct husk_error *e)
{
	struct stat st;
	int rc = fstat(d->fd, &st);

	if (rc == 0 && S_ISBLK(st.st_mode))
		rc = disk_device_size(d->fd, &d->capacity);
	else if (rc == 0)
		d->capacity = (uint64_t)st.st_size;
	return rc == 0 ? 0 :
		husk_fail_sys(e, errno, "%s: Could not determine capacity", where);
}

int disk_open(struct disk *d, const char *where, bool read_only, struct husk_error *e)
{
	*d = (struct disk){.fd = -1, .read_only = read_only};
	if ((where[0] == '@' ? open_descriptor(d, where, e) : open_path(d, where, e)) == -1 ||
	    identify(d, where, e) == -1) {
		disk_close(d);
		return -1;
	}
	return 0;
}

int disk_claim(struct disk *d, const char *where, struct husk_error *e)
{
	if (lock(d, where, e) == 0 && measure(d, where, e) == 0)
		return 0;
	disk_close(d);
	return -1;
}

bool disk_conflict(const struct disk *a, const struct disk *b)
{
	return a->device == b->device && a->node == b->node && !(a->read_only && b->read_only);
}

/* An inherited descriptor's lock outlives our duplicate unless it is given back. */
void disk_close(struct disk *d)
{
	if (d->locked)
		(void)flock(d->fd, LOCK_UN);
	if (d->fd != -1)
		close(d->fd);
	*d = (struct disk){.fd = -1};
}

typedef ssize_t transfer(int fd, void *buf, size_t len, off_t offset);

static ssize_t write_part(int fd, void *buf, size_t len, off_t offset)
{
	return pwrite(fd, buf, len, offset);
}

static int move(const struct disk *d, transfer *part, uint64_t offset, struct iovec span,
		uint64_t *calls)
{
	uint8_t *at = span.iov_base;

	while (span.iov_len > 0) {
		ssize_t n = part(d->fd, at, span.iov_len, (off_t)offset);

		++*calls;
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? ENODATA : errno;
		at += n;
		offset += (uint64_t)n;
		span.iov_len -= (size_t)n;
	}
	return 0;
}

int disk_read(const struct disk *d, uint64_t offset, struct iovec span, uint64_t *calls)
{
	return move(d, pread, offset, span, calls);
}

int disk_write(const struct disk *d, uint64_t offset, struct iovec span, uint64_t *calls)
{
	return move(d, write_part, offset, span, calls);
}
