/* SPDX-License-Identifier: ISC */
/*
 * disk.h: one backing file or block device: found, opened, locked, measured and tried.
 *
 * A disk that is written has one user: not two monitors, nor two devices of one monitor.
 */
#ifndef HUSK_DISK_H
#define HUSK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "error.h"

#define DISK_ALIASES 2

struct disk {
	int fd;			/* owned; -1 when not open */
	bool read_only;
	bool is_device;		/* a block device, not a file */
	bool borrowed;		/* the open file description is shared with the starter */
	bool locked;		/* disk_lock has locked fd */
	bool alone;		/* written here, and a lock keeps other monitors away */
	bool unlocked;		/* no lock was taken, and whether the starter holds one is unknown */
	uint64_t capacity;	/* bytes; 0 until it is open */
	uint32_t sector;	/* transfers are multiples of it; 1: of any size */
	bool sparse;		/* a file with holes */
	dev_t device;		/* with node: its identity, whatever name it was found by */
	ino_t node;		/* 0: the block device itself */
	int alias[DISK_ALIASES];/* other files with the same bytes, locked with it; or -1 */
};

/*
 * Identifies where, a path or @N for an inherited descriptor, and checks that it can be a disk.
 * Opens nothing. HUSK_E_HOST, HUSK_E_USAGE; on failure *d is as after disk_close.
 */
int disk_find(struct disk *d, const char *where, bool read_only, struct husk_error *e);

/*
 * Opens what was found at where, locks it (flock: exclusive to write, shared to read), measures it,
 * and checks that the first read and the first write will not fail, without changing anything. An
 * inherited descriptor keeps its offset, flags and lock: it is opened anew where the host permits
 * that, and a lock that it holds already is enough. HUSK_E_HOST, HUSK_E_USAGE; on failure *d is as
 * after disk_close.
 */
int disk_open(struct disk *d, const char *where, struct husk_error *e);

/* Unlocks what disk_open locked, and closes; accepts a disk that is not open. */
void disk_close(struct disk *d);

/*
 * Whether two disks are one file or block device, and one of them is written. After disk_find. Not
 * by locks: two inherited descriptors may share one.
 */
bool disk_conflict(const struct disk *a, const struct disk *b);

/* Whether fd is open on the same file or block device, and for writing if to_write. */
bool disk_is(const struct disk *d, int fd, bool to_write);

/*
 * Reasons why an open disk may fail later: disk_caveat fills text and returns true for each i below
 * DISK_CAVEATS that applies.
 */
#define DISK_CAVEATS 3
bool disk_caveat(const struct disk *d, unsigned i, char *text, size_t size);

/* Failures of a transfer beside the values of errno, which are positive. */
enum { DISK_SHORTER = -1, DISK_APPENDS = -2 };

/*
 * One system call: moves the first of at most DISK_PIECE bytes of span at offset, which the caller
 * keeps within capacity, and says how many those were (0: interrupted). Returns 0, or what stopped
 * it. If another process has set O_APPEND on a borrowed description, the bytes still go to offset;
 * on Linux before 6.9, which cannot do that, the call fails with DISK_APPENDS.
 */
#define DISK_PIECE ((size_t)1 << 20)
int disk_read(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved);
int disk_write(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved);

/* The same for n spans, in one call too, of at most DISK_PIECE bytes in all. */
#define DISK_SPANS_MAX 256u
int disk_readv(const struct disk *d, uint64_t offset, const struct iovec *iov, unsigned n,
	       size_t *moved);
int disk_writev(const struct disk *d, uint64_t offset, const struct iovec *iov, unsigned n,
		size_t *moved);

/*
 * Tells the host that these bytes, at least one, within capacity, will be read soon. Linux has the disk
 * begin, with no more than the larger of its read-ahead and its largest request, and does not wait for
 * it; FreeBSD's file systems may do nothing. Returns 0, or why this disk can be told nothing, a value of
 * errno.
 */
int disk_expect(const struct disk *d, uint64_t offset, uint64_t len);

/* What was written to the disk is on its medium when this returns 0, otherwise what stopped it. */
int disk_flush(const struct disk *d);

/*
 * The bytes are not needed any more: what is there afterwards is zeros or what was there. 0 where the
 * host has no use for this, too.
 */
int disk_discard(const struct disk *d, uint64_t offset, uint64_t len);

/*
 * Makes the bytes zeros, by the host's call for that, or by writing them where it has none; frees their
 * space if unmap is set and the host can. 0, or what stopped it.
 */
int disk_zero(const struct disk *d, uint64_t offset, uint64_t len, bool unmap);

/* Describes a result of these. */
const char *disk_error_text(int error);

#endif
