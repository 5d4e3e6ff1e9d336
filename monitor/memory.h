/* SPDX-License-Identifier: ISC */
/*
 * memory.h: guest memory, and the only way to touch it.
 *
 * The guest and I/O threads may change any byte at any time: copy a structure in once, check the
 * copy, use the copy, and copy results out. Pointers are returned only as arguments for system
 * calls.
 */
#ifndef HUSK_MEMORY_H
#define HUSK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "error.h"

/*
 * A guest physical address. A struct, so that neither arithmetic nor a cast compiles by accident.
 */
typedef struct { uint64_t v; } gpa_t;

enum memory_prot {
	MEMORY_R = 1,
	MEMORY_W = 2,
	MEMORY_X = 4,
	MEMORY_RING = 8,	/* the guest writes it directly; no result may land there */
};

struct memory_range {
	uint64_t start, last;	/* closed interval of gpas */
	unsigned prot;		/* enum memory_prot, never W together with X */
	const char *what;	/* "image segment", for messages; not owned */
};

#define MEMORY_RANGES_MAX 288	/* all segments of an image, and low memory */

/*
 * base may be NULL when size is 0. Ranges are sorted and disjoint; what no range covers
 * is readable and writable, not executable. One thread changes ranges, before the guest runs.
 */
struct memory {
	uint8_t *base;		/* where gpa 0 lies in the host; owned by the backend */
	uint64_t size;		/* bytes */
	uint64_t host_page;	/* bytes: what the host can protect, a multiple of the guest's page */
	bool unbound;		/* what the host protects does not bind the guest: its tables must */
	size_t n_ranges;
	struct memory_range ranges[MEMORY_RANGES_MAX];
};

/* Makes m a view of size bytes at base, all of it readable and writable. */
void memory_init(struct memory *m, void *base, uint64_t size);

/*
 * Declares [start, last] to have prot. Fails with HUSK_E_IMAGE if it lies outside memory,
 * overlaps a declared range, or the table is full; m is then unchanged. Neighbours of
 * the same prot and name are merged.
 */
int memory_declare(struct memory *m, uint64_t start, uint64_t last, unsigned prot,
		   const char *what, struct husk_error *e);

/*
 * Declares what is not declared yet in [start, last]. The same errors; m may then be changed in
 * part.
 */
int memory_declare_rest(struct memory *m, uint64_t start, uint64_t last, unsigned prot,
			const char *what, struct husk_error *e);

/* The declared range that covers gpa, or NULL. */
const struct memory_range *memory_range_at(const struct memory *m, uint64_t gpa);

/*
 * Copies len bytes at gpa into dst. On behalf of the guest: a range outside memory is HUSK_E_GUEST,
 * "Invalid guest access: ...". A buffer may end at the last byte of memory.
 */
int memory_read(const struct memory *m, gpa_t gpa, void *dst, size_t len, struct husk_error *e);

/* Copies out. Memory that the guest may not write itself is refused too, HUSK_E_GUEST. */
int memory_write(const struct memory *m, gpa_t gpa, const void *src, size_t len,
		 struct husk_error *e);

/*
 * Spans for a system call that reads (source) or writes (sink) guest memory: the same checks as
 * memory_read and memory_write; the caller must not access the bytes itself.
 */
int memory_source(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		  struct husk_error *e);
int memory_sink(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		struct husk_error *e);

/*
 * The monitor's own placement, before the guest runs: ignores declared ranges.
 * HUSK_E_IMAGE if outside memory.
 */
int memory_place(const struct memory *m, uint64_t gpa, const void *src, size_t len,
		 struct husk_error *e);
int memory_place_span(const struct memory *m, uint64_t gpa, uint64_t len, struct iovec *iov,
		      struct husk_error *e);

#define MEMORY_GET(m, gpa, objp, e) memory_read((m), (gpa), (objp), sizeof *(objp), (e))

/* Answers only one field of a guest's structure of the given type, at gpa. */
#define MEMORY_PUT_FIELD(m, gpa, type, field, objp, e) \
	memory_write((m), (gpa_t){(gpa).v + offsetof(type, field)}, \
		     &(objp)->field, sizeof (objp)->field, (e))

#endif
