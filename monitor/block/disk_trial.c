/* SPDX-License-Identifier: ISC */
/* disk_trial.c: finds out without changes whether reads and writes of a disk will fail. */
#include "disk_trial.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "disk_host.h"

/* A write of 0 bytes is checked like any other, and changes nothing: write(2). */
static int try_write(const struct disk *d, const char *where, struct husk_error *e)
{
	const char *obstacle = disk_host_write_obstacle(d->fd, d->is_device);
	uint8_t nothing = 0;

	if (obstacle != NULL)
		return husk_fail(e, HUSK_E_HOST, "%s cannot be written: %s: " DISK_READ_ONLY_HINT, where,
				 obstacle);
	if (pwrite(d->fd, &nothing, 0, 0) != -1 || errno == EINTR)
		return 0;
	husk_fail_sys(e, errno, "%s cannot be written", where);
	if (e->sys == ETXTBSY)
		husk_hint(e, "the host swaps to it");
	if (e->sys == EPERM)
		husk_hint(e, "%s", disk_host_immutable);
	return husk_hint(e, DISK_READ_ONLY_HINT);
}

/* A read at offset gets as many bytes as the capacity promises, in one transfer or more. */
static int try_read(const struct disk *d, const char *where, uint64_t offset, struct husk_error *e)
{
	uint8_t some[4096];
	uint64_t end = d->capacity - offset < sizeof some ? d->capacity : offset + sizeof some;
	ssize_t n = 1;

	while (offset < end && n > 0) {
		n = pread(d->fd, some, end - offset, (off_t)offset);
		offset += n > 0 ? (uint64_t)n : 0;
	}
	if (n > 0 || (n == -1 && errno == EINTR))
		return 0;
	if (n == 0)
		return husk_fail(e, HUSK_E_HOST, "%s: it says that it has %llu bytes, but there is "
				 "nothing to read at %llu", where,
				 (unsigned long long)d->capacity, (unsigned long long)offset);
	return husk_fail_sys(e, errno, "%s: reading at offset %llu", where,
			     (unsigned long long)offset);
}

int disk_try(const struct disk *d, const char *where, struct husk_error *e)
{
	if (!d->read_only && try_write(d, where, e) == -1)
		return -1;
	if (d->capacity == 0)
		return 0;
	return try_read(d, where, 0, e) == -1 ||
	       try_read(d, where, (d->capacity - 1) & ~(uint64_t)4095, e) == -1 ? -1 : 0;
}

static bool is_limited(const struct disk *d, char *text, size_t size)
{
	struct rlimit limit;

	if (d->read_only || d->is_device || getrlimit(RLIMIT_FSIZE, &limit) == -1 ||
	    (uint64_t)limit.rlim_cur >= d->capacity)
		return false;
	snprintf(text, size, "only %llu of its %llu bytes can be written: raise the limit on the "
		 "size of files (ulimit -f, RLIMIT_FSIZE)", (unsigned long long)limit.rlim_cur,
		 (unsigned long long)d->capacity);
	return true;
}

static bool is_short_of_room(const struct disk *d, char *text, size_t size)
{
	struct statvfs fs;

	if (d->read_only || !d->sparse || fstatvfs(d->fd, &fs) == -1 ||
	    fs.f_blocks == 0 || (geteuid() == 0 ? fs.f_bfree : fs.f_bavail) > 0)
		return false;
	snprintf(text, size, "it has holes, and its file system is full: writing to them fails");
	return true;
}

static bool is_unlocked(const struct disk *d, char *text, size_t size)
{
	if (d->unlocked)
		snprintf(text, size, "not locked: whether its descriptor is cannot be found out (no "
			 "/proc), and whoever opened it must keep others away");
	return d->unlocked;
}

bool disk_caveat(const struct disk *d, unsigned i, char *text, size_t size)
{
	static bool (*const caveats[DISK_CAVEATS])(const struct disk *d, char *text, size_t size) = {
		is_limited, is_short_of_room, is_unlocked,
	};

	return caveats[i](d, text, size);
}
