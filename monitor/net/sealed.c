/* SPDX-License-Identifier: ISC */
/* sealed.c: pages that are filled once and then frozen. */
#include "sealed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "freeze.h"

static int allocate(struct sealed *s, struct husk_error *e)
{
	void *p;

	if (s->bytes != NULL)
		return 0;
	p = mmap(NULL, SEALED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return husk_fail_sys(e, errno, "memory for arguments");
	s->bytes = p;
	return 0;
}

int sealed_put(struct sealed *s, const void *object, size_t size, void **place,
	       struct husk_error *e)
{
	if (allocate(s, e) == -1)
		return -1;
	if (size > SEALED_SIZE - s->used)
		return husk_fail_sys(e, ENOMEM, "memory for arguments");
	*place = s->bytes + s->used;
	memcpy(*place, object, size);
	s->used += (size + SEALED_ALIGN - 1) / SEALED_ALIGN * SEALED_ALIGN;
	return 0;
}

int sealed_protect(const struct sealed *s, struct husk_error *e)
{
	return s->bytes == NULL ? 0 : freeze(s->bytes, SEALED_SIZE, e);
}

void sealed_free(struct sealed *s)
{
	if (s->bytes != NULL)
		munmap(s->bytes, SEALED_SIZE);
	*s = (struct sealed){0};
}
