/* SPDX-License-Identifier: ISC */
/* disk_host.h: what disks need from the host's system; one file per system implements it. */
#ifndef HUSK_DISK_HOST_H
#define HUSK_DISK_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * Whether st is of a disk's node. Where disks are among the character devices, fd, open for it, is
 * asked; -1, for one that is not open, may turn out to be none.
 */
bool disk_host_is_device(const struct stat *st, int fd);

/*
 * Of the block device that fd is open for: its size, and what offsets and lengths of transfers must
 * be multiples of, 1 for nothing. -1 with errno.
 */
int disk_host_size(int fd, uint64_t *bytes, uint32_t *sector);

/*
 * The flag of open(2) for exclusive use of a block device, which fails if a file system or another
 * program has claimed it. 0 where the system has none.
 */
extern const int disk_host_exclusive;

/* The flag for a device that may turn out to be none, and whose opening must not wait. */
extern const int disk_host_nonblock;

/* How to find out whether a file may not be changed although its mode permits it. */
extern const char disk_host_immutable[];

/* How opening a block device to write fails if something else has claimed it. */
extern const int disk_host_claimed;

/*
 * Opens the file of fd once more, so that status flags and locks are not shared with other users of
 * fd; -1 with errno.
 */
int disk_host_open_again(int fd, int flags);

/*
 * The flock that fd's open file description holds: LOCK_EX, LOCK_SH, LOCK_UN for none; -1 if
 * unknown.
 */
int disk_host_lock_held(int fd);

/*
 * A mark beside the flock, for the case that the flock is the starter's: two monitors that
 * inherited one descriptor exclude each other by it. shared: fd's description is the starter's.
 * False if another process has it. Closing fd removes it.
 */
bool disk_host_mark(int fd, bool exclusive, bool shared);

/* Whether a file system on the block device is mounted in this mount namespace. */
bool disk_host_is_mounted(dev_t device);

/*
 * Opens, for its lock, the i-th (below DISK_ALIASES) other file with the bytes of the block device
 * fd; -1 if there is none.
 */
int disk_host_open_alias(int fd, unsigned i);

/* Why writes to fd would fail although it is open for writing; NULL if no reason is known. */
const char *disk_host_write_obstacle(int fd, bool is_device);

/*
 * pwritev that does not append even if fd is set to O_APPEND; -1 with errno, ENOTSUP if the system
 * cannot.
 */
ssize_t disk_host_write_in_place(int fd, const struct iovec *iov, unsigned n, uint64_t offset);

/*
 * preadv(2) and pwritev(2), on Linux by system calls that are made elsewhere too, so that a filter has
 * fewer; where they are missing, only the first span.
 */
ssize_t disk_host_readv(int fd, const struct iovec *iov, unsigned n, uint64_t offset);
ssize_t disk_host_writev(int fd, const struct iovec *iov, unsigned n, uint64_t offset);

/* The ioctl by which disk_host_discard asks a block device. */
extern const unsigned long disk_host_discards;

/*
 * Frees the space of these bytes; makes them zeros. -1 with errno, ENOTSUP if this disk has no such
 * thing, or not for bytes that lie so.
 */
int disk_host_discard(int fd, bool is_device, uint64_t offset, uint64_t len);
int disk_host_zero(int fd, bool is_device, bool unmap, uint64_t offset, uint64_t len);

#endif
