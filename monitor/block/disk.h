/*
 * disk.h: one backing file or block device, opened, locked and measured.
 *
 * Shared by nobody: two monitors must not write one image, nor two devices of one.
 */
#ifndef HUSK_DISK_H
#define HUSK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "error.h"

struct disk {
	int fd;			/* owned; -1 when closed */
	bool read_only;
	bool locked;
	uint64_t capacity;	/* bytes; 0 until it is claimed */
	dev_t device;		/* these two say what it is, by whatever name it was opened */
	ino_t node;		/* 0: the block device itself */
};

/*
 * Opens where, a path or @N for an inherited descriptor, which is duplicated and whose offset stays
 * where it is. HUSK_E_HOST, HUSK_E_USAGE; on failure *d is as after disk_close.
 */
int disk_open(struct disk *d, const char *where, bool read_only, struct husk_error *e);

/*
 * Takes an advisory lock (flock), exclusive to write, shared to read, and measures. where is for
 * messages. HUSK_E_HOST; on failure *d is as after disk_close.
 */
int disk_claim(struct disk *d, const char *where, struct husk_error *e);

/*
 * Two open disks are one file or block device, and one of them may be written to. Locks do not
 * tell: descriptors that were inherited may share one.
 */
bool disk_conflict(const struct disk *a, const struct disk *b);

/* Unlocks and closes; accepts a closed disk. */
void disk_close(struct disk *d);

/*
 * Transfers all of span at offset, which the caller keeps within capacity. Returns 0, or the errno
 * that stopped it (ENODATA: the file has become shorter). Interrupted and short transfers go on;
 * *calls grows by the system calls made.
 */
int disk_read(const struct disk *d, uint64_t offset, struct iovec span, uint64_t *calls);
int disk_write(const struct disk *d, uint64_t offset, struct iovec span, uint64_t *calls);

/* The size of the block device that fd is open for; -1 with errno. One file per system has it. */
int disk_device_size(int fd, uint64_t *bytes);

#endif
