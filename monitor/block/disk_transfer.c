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
static int write_borrowed(const struct disk *d, uint64_t offset, const struct iovec *iov, unsigned spans,
			  size_t *moved)
{
	ssize_t n = disk_host_write_in_place(d->fd, iov, spans, offset);

	if (n != -1 || errno != ENOTSUP)
		return result(n, moved);
	if (appends(d))
		return DISK_APPENDS;
	n = spans == 1 ? pwrite(d->fd, iov->iov_base, iov->iov_len, (off_t)offset) :
	    disk_host_writev(d->fd, iov, spans, offset);
	return appends(d) ? DISK_APPENDS : result(n, moved);
}

int disk_write(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved)
{
	struct iovec piece = piece_of(span);

	*moved = 0;
	if (d->borrowed)
		return write_borrowed(d, offset, &piece, 1, moved);
	return result(pwrite(d->fd, piece.iov_base, piece.iov_len, (off_t)offset), moved);
}

int disk_readv(const struct disk *d, uint64_t offset, const struct iovec *iov, unsigned n,
	       size_t *moved)
{
	return result(disk_host_readv(d->fd, iov, n, offset), moved);
}

int disk_writev(const struct disk *d, uint64_t offset, const struct iovec *iov, unsigned n,
		size_t *moved)
{
	*moved = 0;
	if (d->borrowed)
		return write_borrowed(d, offset, iov, n, moved);
	return result(disk_host_writev(d->fd, iov, n, offset), moved);
}

int disk_expect(const struct disk *d, uint64_t offset, uint64_t len)
{
	return posix_fadvise(d->fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

int disk_flush(const struct disk *d)
{
	return fdatasync(d->fd) == 0 ? 0 : errno;
}

int disk_discard(const struct disk *d, uint64_t offset, uint64_t len)
{
	if (disk_host_discard(d->fd, d->is_device, offset, len) == 0 || errno == ENOTSUP)
		return 0;
	return errno;
}

static int write_zeros(const struct disk *d, uint64_t offset, uint64_t len)
{
	static const uint8_t zeros[DISK_PIECE / DISK_SPANS_MAX];
	struct iovec iov[DISK_SPANS_MAX];
	size_t moved = 0;
	int error = 0;

	for (unsigned i = 0; i < DISK_SPANS_MAX; i++)
		iov[i] = (struct iovec){(void *)(uintptr_t)zeros, sizeof zeros};
	for (; len > 0 && error == 0; len -= moved, offset += moved) {
		const unsigned n = len < DISK_PIECE ? (unsigned)(len / sizeof zeros) : DISK_SPANS_MAX;

		if (n == 0)
			iov[0].iov_len = (size_t)len;
		error = disk_writev(d, offset, iov, n == 0 ? 1 : n, &moved);
	}
	return error;
}

int disk_zero(const struct disk *d, uint64_t offset, uint64_t len, bool unmap)
{
	if (disk_host_zero(d->fd, d->is_device, unmap, offset, len) == 0)
		return 0;
	return errno == ENOTSUP ? write_zeros(d, offset, len) : errno;
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
