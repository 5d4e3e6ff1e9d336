/* disk_host.h: what disks ask of the host's system; one file per system has it. */
#ifndef HUSK_DISK_HOST_H
#define HUSK_DISK_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Whether files of this mode are the system's block devices. */
bool disk_host_is_device(mode_t mode);

/* The size of the block device that fd is open for; -1 with errno. */
int disk_host_size(int fd, uint64_t *bytes);

/*
 * What open takes to have a block device to oneself, EBUSY if a file system or another program has
 * claimed it; 0 where there is nothing like it.
 */
extern const int disk_host_exclusive;

/*
 * Opens what fd is open for once more, so that status flags and locks are not shared with whoever
 * shares fd; -1 with errno.
 */
int disk_host_open_again(int fd, int flags);

/*
 * The flock that fd's open file description holds: LOCK_EX, LOCK_SH, LOCK_UN for none; -1 if the
 * system does not tell.
 */
int disk_host_lock_held(int fd);

/*
 * A mark beside the flock, where that is the starter's or would be: two monitors that were handed
 * the same descriptor see each other by it. shared: fd's description is the starter's. False if
 * another one has it. It is gone when fd is closed.
 */
bool disk_host_mark(int fd, bool exclusive, bool shared);

/* Whether a file system is mounted from the block device, as far as can be seen from here. */
bool disk_host_is_mounted(dev_t device);

/*
 * Opens the i-th (below DISK_ALIASES) of other files that lead to the bytes of the block device fd,
 * for its lock; -1 if there is none.
 */
int disk_host_open_alias(int fd, unsigned i);

/* Why writes to fd will fail that open does not tell; NULL if nothing is known. */
const char *disk_host_write_obstacle(int fd, bool is_device);

/*
 * pwrite that does not append even if fd is set to O_APPEND; -1 with errno, ENOTSUP if the system
 * cannot.
 */
ssize_t disk_host_write_in_place(int fd, struct iovec span, uint64_t offset);

#endif
