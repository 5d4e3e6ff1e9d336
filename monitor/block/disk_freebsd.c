/* SPDX-License-Identifier: ISC */
/* disk_freebsd.c: disk_host.h on FreeBSD, where disks are character devices without a cache. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/disk.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <unistd.h>

#include "disk_host.h"

/* disk(4). A terminal, /dev/null and the like have no size of a medium. */
bool disk_host_is_device(const struct stat *st, int fd)
{
	off_t bytes;

	return S_ISCHR(st->st_mode) && (fd == -1 || ioctl(fd, DIOCGMEDIASIZE, &bytes) == 0);
}

int disk_host_size(int fd, uint64_t *bytes, uint32_t *sector)
{
	off_t media;
	u_int unit;

	if (ioctl(fd, DIOCGMEDIASIZE, &media) == -1 || ioctl(fd, DIOCGSECTORSIZE, &unit) == -1)
		return -1;
	*bytes = media > 0 ? (uint64_t)media : 0;
	*sector = unit > 0 ? unit : 1;
	return 0;
}

/* O_EXCL changes nothing; GEOM refuses to write to what a file system has mounted to write. */
const int disk_host_exclusive = 0;
const int disk_host_nonblock = O_NONBLOCK;
const int disk_host_claimed = EPERM;
const char disk_host_immutable[] = "`ls -lo' says whether it is immutable";

/* open(2), O_EMPTY_PATH, since 13.1. The nodes of fdescfs would share the description. */
int disk_host_open_again(int fd, int flags)
{
	return openat(fd, "", flags | O_EMPTY_PATH);
}

/*
 * flock and fcntl(2) locks are of one kind, and fcntl tells of both, but not of the owner. A lock
 * that keeps everybody away is the descriptor's own if locking it again succeeds, which changes
 * nothing then. Of a shared lock the owner cannot be told.
 */
int disk_host_lock_held(int fd)
{
	struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &other) == -1)
		return -1;
	if (other.l_type == F_UNLCK)
		return LOCK_UN;
	if (other.l_type != F_WRLCK)
		return -1;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? LOCK_EX : LOCK_UN;
}

/* There is no lock beside the flock: a mark of ours would be in its way. */
bool disk_host_mark(int fd, bool exclusive, bool shared)
{
	(void)fd, (void)exclusive, (void)shared;
	return true;
}

bool disk_host_is_mounted(dev_t device)
{
	struct statfs *all;
	const int n = getmntinfo(&all, MNT_NOWAIT);
	struct stat st;

	for (int i = 0; i < n; i++)
		if (all[i].f_mntfromname[0] == '/' && stat(all[i].f_mntfromname, &st) == 0 &&
		    S_ISCHR(st.st_mode) && st.st_rdev == device)
			return true;
	return false;
}

/* All names of a device lead to one node, whose lock is enough. */
int disk_host_open_alias(int fd, unsigned i)
{
	(void)fd, (void)i;
	return -1;
}

/* Memory files, memfd_create(3), can be sealed; on others the call fails. */
const char *disk_host_write_obstacle(int fd, bool is_device)
{
	const int seals = is_device ? -1 : fcntl(fd, F_GET_SEALS);

	return seals != -1 && (seals & F_SEAL_WRITE) != 0 ? "it is sealed against writing" : NULL;
}

/* pwrite(2) appends to a file that is open with O_APPEND, and there is no call that does not. */
ssize_t disk_host_write_in_place(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	(void)fd, (void)iov, (void)n, (void)offset;
	errno = ENOTSUP;
	return -1;
}

ssize_t disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	return preadv(fd, iov, (int)n, (off_t)offset);
}

ssize_t disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset)
{
	return pwritev(fd, iov, (int)n, (off_t)offset);
}

const unsigned long disk_host_discards = DIOCGDELETE;

/* disk(4): DIOCGDELETE; a device without TRIM says EOPNOTSUPP, and EINVAL to what are no sectors. */
int disk_host_discard(int fd, bool is_device, uint64_t offset, uint64_t len)
{
	off_t range[2] = {(off_t)offset, (off_t)len};
	int rc = is_device ? ioctl(fd, DIOCGDELETE, range) : -1;

	if (!is_device || (rc == -1 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOTTY)))
		errno = ENOTSUP;
	return rc;
}

/* Nothing makes zeros on every disk. */
int disk_host_zero(int fd, bool is_device, bool unmap, uint64_t offset, uint64_t len)
{
	(void)fd, (void)is_device, (void)unmap, (void)offset, (void)len;
	errno = ENOTSUP;
	return -1;
}
