/* SPDX-License-Identifier: ISC */
/*
 * iov.h: a list of spans as one string of bytes: copy out of it, into it, and cut pieces from it.
 *
 * The spans may point to guest memory, as checked by memory.h, so each byte is copied once and
 * nothing is parsed in place. Offsets and lengths are checked by the caller against iov_length;
 * bytes beyond the end are ignored.
 */
#ifndef HUSK_IOV_H
#define HUSK_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Bytes of all n spans. The sum of what a machine's memory can hold does not wrap. */
uint64_t iov_length(const struct iovec *iov, unsigned n);

/* Copies up to len bytes from offset on to dst. Returns how many there were. */
size_t iov_gather(const struct iovec *iov, unsigned n, uint64_t offset, void *dst, size_t len);

/* Copies up to len bytes of src to offset and on. Returns how many had room. */
size_t iov_scatter(const struct iovec *iov, unsigned n, uint64_t offset, const void *src,
		   size_t len);

/*
 * Makes piece, which has room for n spans, the len bytes from offset on, or what there is of
 * them. Returns how many spans they are; none is empty.
 */
unsigned iov_slice(const struct iovec *iov, unsigned n, uint64_t offset, uint64_t len,
		   struct iovec *piece);

#endif
