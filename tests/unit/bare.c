/* SPDX-License-Identifier: ISC */
/* bare.c: makes a bare machine of the real backend. */
#include "bare.h"

#include <stdio.h>
#include <string.h>

int bare_make(struct bare *b)
{
	memset(b, 0, sizeof *b);
	return hv_backend.create(&b->hv, BARE_MEMORY, &b->e);
}

int bare_start(struct bare *b)
{
	struct cpu_state state;

	memory_init(&b->m, hv_backend.memory(b->hv), 2 * BARE_MEMORY);
	resource_space_init(&b->gpas, 0, BARE_MEMORY - 1);
	memcpy(bare_at(b, BARE_TEXT), b->code.bytes, b->code.n);
	if (memory_declare(&b->m, BARE_TEXT, BARE_TEXT + b->m.host_page - 1, MEMORY_R | MEMORY_X, "text",
			   &b->e) == -1 ||
	    cpu_boot(&b->m, &b->gpas, BARE_TEXT, &state, &b->e) == -1)
		return -1;
	if (hv_backend.set_entry(b->hv, &state, &b->e) == -1)
		return -1;
	b->first = bare_ip(b);
	return 0;
}

int bare_run(struct bare *b)
{
	b->e = (struct husk_error){0};
	return hv_backend.run(b->hv, &b->exit, &b->e);
}

uint64_t bare_ip(struct bare *b)
{
	uint64_t ip;

	return hv_backend.ip(b->hv, &ip) ? ip : 0;
}

void *bare_at(const struct bare *b, uint64_t gpa)
{
	return (uint8_t *)hv_backend.memory(b->hv) + gpa;
}

void bare_free(struct bare *b)
{
	hv_backend.destroy(b->hv);
	b->hv = NULL;
}

int bare_skip_all(void)
{
	const char *why = bare_lacks();

	if (why != NULL)
		printf("1..0 # SKIP %s: %s\n", hv_backend.title, why);
	return why != NULL;
}
