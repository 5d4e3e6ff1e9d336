/* SPDX-License-Identifier: ISC */
/* disk_transfer.c: bytes between a disk and memory, a piece at a time. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "disk_host.h"

static int result(ssize_t n, size_t *moved)
{
	*moved = n > 0 ? (size_t)n : 0;
	return n > 0 || (n == -1 && errno == EINTR) ? 0 : n == 0 ? DISK_SHORTER : errno;
}

static struct iovec piece_of(struct iovec span)
{
	return (struct iovec){span.iov_base, span.iov_len < DISK_PIECE ? span.iov_len : DISK_PIECE};
}

int disk_read(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved)
{
	struct iovec piece = piece_of(span);

	return result(pread(d->fd, piece.iov_base, piece.iov_len, (off_t)offset), moved);
}

static bool appends(const struct disk *d)
{
	int flags = fcntl(d->fd, F_GETFL);

	return flags == -1 || (flags & O_APPEND) != 0;
}

/* The starter, or any other process with the descriptor, may set O_APPEND at any time. */
static int write_borrowed(const struct disk *d, uint64_t offset, struct iovec piece, size_t *moved)
{
	ssize_t n = disk_host_write_in_place(d->fd, piece, offset);

	if (n != -1 || errno != ENOTSUP)
		return result(n, moved);
	if (appends(d))
		return DISK_APPENDS;
	n = pwrite(d->fd, piece.iov_base, piece.iov_len, (off_t)offset);
	return appends(d) ? DISK_APPENDS : result(n, moved);
}

int disk_write(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved)
{
	struct iovec piece = piece_of(span);

	*moved = 0;
	if (d->borrowed)
		return write_borrowed(d, offset, piece, moved);
	return result(pwrite(d->fd, piece.iov_base, piece.iov_len, (off_t)offset), moved);
}

const char *disk_error_text(int error)
{
	switch (error) {
	case DISK_SHORTER:
		return "the file has become shorter";
	case DISK_APPENDS:
		return "whoever shares its descriptor has set O_APPEND";
	case EFBIG:
		return "the limit on the size of files (ulimit -f) is lower";
	default:
		return strerror(error);
	}
}
