/* SPDX-License-Identifier: ISC */
/* disk_lock.c: locks a disk under all its names, so that it has one user. */
#include "disk_lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "disk_host.h"

/*
 * udev holds a shared lock on a block device for a moment after each change (systemd.io,
 * BLOCK_DEVICE_LOCKING), so a conflict is tried again for 100 ms.
 */
static int lock_description(const struct disk *d, int fd)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int how = (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB, rc = flock(fd, how);

	for (int i = 0; d->is_device && i < 5 && rc == -1 && errno == EWOULDBLOCK; i++) {
		nanosleep(&pause, NULL);
		rc = flock(fd, how);
	}
	return rc;
}

/* Some file systems have no locks; there exclusive use is up to the user. */
static bool no_locks(int error)
{
	return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS;
}

static int in_use(const struct disk *d, const char *where, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_HOST, "%s: in use by another process, which has locked it; stop "
			 "that one%s", where,
			 d->read_only ? "" : ", or attach it with --block-ro in both");
}

static int lock_failed(const struct disk *d, const char *where, int error, struct husk_error *e)
{
	if (error == EWOULDBLOCK)
		return in_use(d, where, e);
	return no_locks(error) ? 0 : husk_fail_sys(e, error, "%s: locking", where);
}

/*
 * The starter's lock is never changed. It is enough if it excludes as many others as our own would.
 */
static int accept_lock(const struct disk *d, int held, const char *where, struct husk_error *e)
{
	if (held == LOCK_SH && !d->read_only)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %s holds a shared lock, which lets "
				 "others read; give it an exclusive one or none, or attach it with "
				 "--block-ro", where);
	return 0;
}

static int lock_own(struct disk *d, const char *where, struct husk_error *e)
{
	d->locked = lock_description(d, d->fd) == 0;
	d->alone = d->locked && !d->read_only;
	return d->locked ? 0 : lock_failed(d, where, errno, e);
}

static int lock_inherited(struct disk *d, const char *where, struct husk_error *e)
{
	int held = disk_host_lock_held(disk_descriptor(where));

	if ((held == LOCK_EX || d->borrowed) &&
	    !disk_host_mark(d->fd, !d->read_only, d->borrowed))
		return in_use(d, where, e);
	d->unlocked = held == -1 && d->borrowed;
	if (d->unlocked)
		return 0;
	d->alone = held == LOCK_EX && !d->read_only;
	if (held == LOCK_EX || (held == LOCK_SH && (d->borrowed || !d->read_only)))
		return accept_lock(d, held, where, e);
	return lock_own(d, where, e);
}

static int lock_disk(struct disk *d, const char *where, struct husk_error *e)
{
	return where[0] == '@' ? lock_inherited(d, where, e) : lock_own(d, where, e);
}

static int lock_aliases(struct disk *d, const char *where, struct husk_error *e)
{
	for (unsigned i = 0; d->is_device && i < DISK_ALIASES; i++) {
		d->alias[i] = disk_host_open_alias(d->fd, i);
		if (d->alias[i] != -1 && lock_description(d, d->alias[i]) == -1 &&
		    errno == EWOULDBLOCK)
			return in_use(d, where, e);
	}
	return 0;
}

int disk_lock(struct disk *d, const char *where, struct husk_error *e)
{
	return lock_disk(d, where, e) == -1 ? -1 : lock_aliases(d, where, e);
}
