/*
 * disk.h: one backing file or block device: found, opened, locked, measured and tried.
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

#define DISK_ALIASES 2

struct disk {
	int fd;			/* owned; -1 when not open */
	bool read_only;
	bool is_device;		/* a block device, not a file */
	bool borrowed;		/* the open file description is the starter's too */
	bool locked;		/* with a lock that we took on fd */
	bool unlocked;		/* nobody can say whether there is a lock: there is none of ours */
	uint64_t capacity;	/* bytes; 0 until it is open */
	bool sparse;		/* a file with holes */
	dev_t device;		/* these two say what it is, by whatever name it was found */
	ino_t node;		/* 0: the block device itself */
	int alias[DISK_ALIASES];/* other files that lead to the same bytes, locked with it; or -1 */
};

/*
 * Finds out what where is, a path or @N for an inherited descriptor, and that it can be a disk.
 * Opens nothing. HUSK_E_HOST, HUSK_E_USAGE; on failure *d is as after disk_close.
 */
int disk_find(struct disk *d, const char *where, bool read_only, struct husk_error *e);

/*
 * Opens what was found at where, locks it (flock: exclusively to write, shared to read), measures
 * it, and tries what the first read and the first write would meet, without changing anything. An
 * inherited descriptor keeps its offset, flags and lock: it is opened anew where the host lets us,
 * and its own lock counts as ours. HUSK_E_HOST, HUSK_E_USAGE; on failure *d is as after disk_close.
 */
int disk_open(struct disk *d, const char *where, struct husk_error *e);

/* Unlocks what disk_open locked, and closes; accepts a disk that is not open. */
void disk_close(struct disk *d);

/*
 * Two disks are one file or block device, and one of them may be written to. From disk_find on.
 * Locks do not tell: descriptors that were inherited may share one.
 */
bool disk_conflict(const struct disk *a, const struct disk *b);

/* The descriptor fd leads to the same file or block device, and is open for writing if to_write. */
bool disk_is(const struct disk *d, int fd, bool to_write);

/*
 * What will fail later, though the disk is good now: a text for each i below DISK_CAVEATS for which
 * it returns true. The disk is open.
 */
#define DISK_CAVEATS 3
bool disk_caveat(const struct disk *d, unsigned i, char *text, size_t size);

/* What a transfer can fail with beside errno's values, which are positive. */
enum { DISK_SHORTER = -1, DISK_APPENDS = -2 };

/*
 * One system call: moves the first of at most DISK_PIECE bytes of span at offset, which the caller
 * keeps within capacity, and says how many those were (0: interrupted). Returns 0, or what stopped
 * it. If somebody else has set O_APPEND on a borrowed description, the bytes still go to offset;
 * where the system cannot do that (Linux before 6.9) the call fails with DISK_APPENDS.
 */
#define DISK_PIECE ((size_t)1 << 20)
int disk_read(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved);
int disk_write(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved);

/* What it returned, in words. */
const char *disk_error_text(int error);

#endif
