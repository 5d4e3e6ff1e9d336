/* SPDX-License-Identifier: ISC */
/* iov.c: lists of spans: copies and pieces. */
#include "iov.h"

#include <string.h>

uint64_t iov_length(const struct iovec *iov, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/*
 * The part of one span that lies in the *len bytes from *offset on, both counted from the span's
 * start; moves them on to be counted from the next one's.
 */
static struct iovec cut(const struct iovec *span, uint64_t *offset, uint64_t *len)
{
	struct iovec part = {.iov_base = span->iov_base};

	if (*offset >= span->iov_len) {
		*offset -= span->iov_len;
		return part;
	}
	part.iov_base = (uint8_t *)span->iov_base + *offset;
	part.iov_len = span->iov_len - *offset < *len ? span->iov_len - *offset : *len;
	*offset = 0;
	*len -= part.iov_len;
	return part;
}

size_t iov_gather(const struct iovec *iov, unsigned n, uint64_t offset, void *dst, size_t len)
{
	uint64_t left = len;
	size_t done = 0;

	for (unsigned i = 0; i < n && left > 0; i++) {
		struct iovec part = cut(&iov[i], &offset, &left);

		if (part.iov_len > 0)
			memcpy((uint8_t *)dst + done, part.iov_base, part.iov_len);
		done += part.iov_len;
	}
	/* Keeps the compiler from fetching a byte from the guest again after its check. */
	__asm__ __volatile__("" ::: "memory");
	return done;
}

size_t iov_scatter(const struct iovec *iov, unsigned n, uint64_t offset, const void *src,
		   size_t len)
{
	uint64_t left = len;
	size_t done = 0;

	for (unsigned i = 0; i < n && left > 0; i++) {
		struct iovec part = cut(&iov[i], &offset, &left);

		if (part.iov_len > 0)
			memcpy(part.iov_base, (const uint8_t *)src + done, part.iov_len);
		done += part.iov_len;
	}
	return done;
}

unsigned iov_slice(const struct iovec *iov, unsigned n, uint64_t offset, uint64_t len,
		   struct iovec *piece)
{
	unsigned parts = 0;

	for (unsigned i = 0; i < n && len > 0; i++) {
		struct iovec part = cut(&iov[i], &offset, &len);

		if (part.iov_len > 0)
			piece[parts++] = part;
	}
	return parts;
}
