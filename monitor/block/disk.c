/* SPDX-License-Identifier: ISC */
/* disk.c: backing storage: finds, opens, measures and closes what a path or a descriptor names. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_host.h"
#include "disk_lock.h"
#include "disk_trial.h"
#include "options.h"

/* ---- finding ---- */

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a FIFO" :
	       S_ISSOCK(mode) ? "a socket" : S_ISCHR(mode) ? "a character device" : "a special file";
}

/* fd: open for it, or -1. */
static int identify(struct disk *d, const struct stat *st, int fd, const char *where,
		    struct husk_error *e)
{
	d->is_device = disk_host_is_device(st, fd);
	if (!S_ISREG(st->st_mode) && !d->is_device)
		return husk_fail(e, HUSK_E_USAGE, "Could not open block device: %s: %s, neither a "
				 "file nor a block device: `truncate -s SIZE FILE' makes a file "
				 "to attach", where, kind_of(st->st_mode));
	d->device = d->is_device ? st->st_rdev : st->st_dev;
	d->node = d->is_device ? 0 : st->st_ino;
	return 0;
}

/* Whether a file of this name could be created: its directory exists. */
static bool has_directory(const char *path)
{
	char dir[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (path[0] == '\0' || strlen(path) >= sizeof dir)
		return false;
	if (slash != NULL)
		snprintf(dir, sizeof dir, "%.*s", (int)(slash - path + 1), path);
	return stat(dir, &st) == 0;
}

/* By stat: opening a FIFO may block, and opening a character device may have effects. */
static int find_path(struct disk *d, const char *path, struct husk_error *e)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return identify(d, &st, -1, path, e);
	husk_fail_sys(e, errno, "Could not open block device: %s", path);
	if (e->sys == ENOENT && !d->read_only && has_directory(path))
		husk_hint(e, "`truncate -s SIZE %s' makes one", path);
	return -1;
}

static int check_flags(const struct disk *d, int flags, const char *where, struct husk_error *e)
{
	int mode = flags & O_ACCMODE;

	if (mode == O_WRONLY || (flags & O_PATH) != 0)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is not open for reading; open it "
				 "for reading and writing, as the shell's `<>' does", where);
	if (mode == O_RDONLY && !d->read_only)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is not open for writing; attach "
				 "it with --block-ro", where);
	if ((flags & O_APPEND) != 0 && !d->read_only)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is open for appending (O_APPEND), "
				 "which would put all writes at the end; open it without, as the "
				 "shell's `<>' does", where);
	return 0;
}

int disk_descriptor(const char *where)
{
	return (int)strtoul(where + 1, NULL, 10);
}

static int find_descriptor(struct disk *d, const char *where, struct husk_error *e)
{
	unsigned long long fd;
	struct stat st;
	int flags;

	if (option_number(where + 1, 0, INT_MAX, &fd, e) == -1)
		return husk_wrap(e, "descriptor %s", where);
	flags = fcntl((int)fd, F_GETFL);
	if (flags == -1 || fstat((int)fd, &st) == -1) {
		husk_fail_sys(e, errno, "descriptor %s", where);
		return e->sys == EBADF ? husk_hint(e, "the shell opens it by `%llu<>FILE'", fd) : -1;
	}
	if (identify(d, &st, (int)fd, where, e) == -1)
		return -1;
	return check_flags(d, flags, where, e);
}

static const struct disk closed = {.fd = -1, .alias = {-1, -1}};

int disk_find(struct disk *d, const char *where, bool read_only, struct husk_error *e)
{
	*d = closed;
	d->read_only = read_only;
	if ((where[0] == '@' ? find_descriptor(d, where, e) : find_path(d, where, e)) == 0)
		return 0;
	*d = closed;
	return -1;
}

bool disk_conflict(const struct disk *a, const struct disk *b)
{
	return a->device == b->device && a->node == b->node && !(a->read_only && b->read_only);
}

bool disk_is(const struct disk *d, int fd, bool to_write)
{
	struct disk other = closed;
	struct husk_error ignored;
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || (to_write && (flags & O_ACCMODE) == O_RDONLY) || fstat(fd, &st) == -1)
		return false;
	return identify(&other, &st, fd, "", &ignored) == 0 && disk_conflict(d, &other);
}

/* ---- opening ---- */

/* O_NONBLOCK in case a FIFO has taken the file's place since it was found. */
static int open_flags(const struct disk *d)
{
	return (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY |
	       (!d->is_device ? O_NONBLOCK : disk_host_nonblock) |
	       (d->is_device && !d->read_only ? disk_host_exclusive : 0);
}

static int open_failed(const struct disk *d, const char *where, int error, struct husk_error *e)
{
	husk_fail_sys(e, error, "Could not open block device: %s", where);
	if (d->read_only)
		return -1;
	if (d->is_device && (error == EBUSY || error == disk_host_claimed))
		husk_hint(e, "mounted or in use by another program%s",
			  where[0] == '@' && disk_host_exclusive != 0 ?
			  ", or opened with O_EXCL by the program that hands it down" : "");
	else if (error == EPERM)
		husk_hint(e, "%s", disk_host_immutable);
	if (error == ETXTBSY)
		husk_hint(e, "it is a program that runs");
	if (error == EACCES || error == EROFS || error == EPERM || error == EBUSY ||
	    error == ETXTBSY)
		husk_hint(e, DISK_READ_ONLY_HINT);
	return -1;
}

/*
 * Errors of opening anew after which the starter's open file description is used: the starter had a
 * permission that this process lacks, or /proc does not reach the file. Other errors would hit that
 * description as well.
 */
static bool must_borrow(int error)
{
	return error == EACCES || error == EPERM || error == ENOENT || error == ENOTDIR ||
	       error == ENOSYS || error == ELOOP || error == ESTALE || error == ENXIO;
}

static int borrow(struct disk *d, int fd, int flags, const char *where, struct husk_error *e)
{
	if ((flags & O_DIRECT) != 0)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s is open with O_DIRECT, which does "
				 "not fit transfers of any alignment; open it without", where);
	d->borrowed = true;
	d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return d->fd != -1 ? 0 : husk_fail_sys(e, errno, "descriptor %s", where);
}

static int open_descriptor(struct disk *d, const char *where, struct husk_error *e)
{
	int fd = disk_descriptor(where), flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return husk_fail_sys(e, errno, "descriptor %s", where);
	d->fd = disk_host_open_again(fd, open_flags(d) | (flags & (O_SYNC | O_DSYNC)));
	if (d->fd != -1)
		return 0;
	if (must_borrow(errno))
		return borrow(d, fd, flags, where, e);
	return open_failed(d, where, errno, e);
}

static int open_path(struct disk *d, const char *where, struct husk_error *e)
{
	d->fd = open(where, open_flags(d));
	return d->fd != -1 ? 0 : open_failed(d, where, errno, e);
}

/* The path may name another file by now. */
static int check_same(const struct disk *d, const char *where, struct husk_error *e)
{
	struct disk now = *d;
	struct stat st;

	if (fstat(d->fd, &st) == -1)
		return husk_fail_sys(e, errno, "%s", where);
	if (identify(&now, &st, d->fd, where, e) == -1)
		return -1;
	if (now.device != d->device || now.node != d->node)
		return husk_fail(e, HUSK_E_HOST, "%s: replaced by another file while it was "
				 "opened; try again", where);
	return 0;
}

/* Where opening the device has not claimed it, a mounted file system is looked for. */
static int check_unclaimed(const struct disk *d, const char *where, struct husk_error *e)
{
	if (!d->is_device || d->read_only || (disk_host_exclusive != 0 && !d->borrowed) ||
	    !disk_host_is_mounted(d->device))
		return 0;
	return open_failed(d, where, EBUSY, e);
}

/*
 * Not by lseek: an inherited descriptor shares its offset with other processes. st_blocks counts in
 * units of 512 bytes: stat(3type).
 */
static int measure(struct disk *d, const char *where, struct husk_error *e)
{
	struct stat st;
	int rc = fstat(d->fd, &st);

	d->sector = 1;
	if (rc == 0 && d->is_device)
		rc = disk_host_size(d->fd, &d->capacity, &d->sector);
	else if (rc == 0)
		d->capacity = (uint64_t)st.st_size;
	d->sparse = rc == 0 && !d->is_device && (uint64_t)st.st_blocks * 512 < d->capacity;
	return rc == 0 ? 0 :
		husk_fail_sys(e, errno, "%s: Could not determine capacity", where);
}

int disk_open(struct disk *d, const char *where, struct husk_error *e)
{
	if ((where[0] == '@' ? open_descriptor(d, where, e) : open_path(d, where, e)) == 0 &&
	    check_same(d, where, e) == 0 && check_unclaimed(d, where, e) == 0 &&
	    disk_lock(d, where, e) == 0 && measure(d, where, e) == 0 &&
	    disk_try(d, where, e) == 0)
		return 0;
	disk_close(d);
	return -1;
}

/* A lock on a borrowed description would outlive this duplicate of the descriptor. */
void disk_close(struct disk *d)
{
	if (d->locked)
		(void)flock(d->fd, LOCK_UN);
	if (d->fd != -1)
		close(d->fd);
	for (unsigned i = 0; i < DISK_ALIASES; i++)
		if (d->alias[i] != -1)
			close(d->alias[i]);
	*d = closed;
}
