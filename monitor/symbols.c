/* SPDX-License-Identifier: ISC */
/* symbols.c: all functions of an image in memory, sorted, and which one an address is in. */
#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"
#include "symbols_file.h"

#define NAMES_MAX (UINT64_C(64) << 20)	/* bytes; ten times what large images have */

/* Functions may lie within others, as parts of assembler sources do: so far back is looked. */
#define NESTED_MAX 8u

/* What a pass collects. */
struct collection {
	struct symbol_seen *list;
	size_t n, room;
	char *names;		/* all names of the file, and a 0 */
	uint64_t names_size;
};

static int collect(void *ctx, const struct symbol_seen *s, struct husk_error *e)
{
	struct collection *c = ctx;

	if (s->name_at >= c->names_size)
		return 0;
	if (c->n == c->room) {
		const size_t room = c->room == 0 ? 256 : 2 * c->room;
		struct symbol_seen *grown = reallocarray(c->list, room, sizeof *grown);

		if (grown == NULL)
			return husk_fail_sys(e, ENOMEM, "symbols");
		c->list = grown;
		c->room = room;
	}
	c->list[c->n++] = *s;
	return 0;
}

static const struct elf_image *source(const struct symbol_file *f)
{
	return f->copy.name != NULL ? &f->copy : f->image;
}

static int too_many_names(const char *file, uint64_t bytes, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_IMAGE, "%.150s: names of symbols take %llu MiB, more than %llu", file,
			 (ull)(bytes / MIB), (ull)(NAMES_MAX / MIB));
}

static int read_names(const struct symbol_file *f, const struct symbol_table *t,
		      struct collection *c, struct husk_error *e)
{
	const struct elf_image *img = source(f);
	ssize_t n;

	if (t->names_size > NAMES_MAX)
		return too_many_names(img->name, t->names_size, e);
	c->names = calloc(1, (size_t)t->names_size + 1);
	if (c->names == NULL)
		return husk_fail_sys(e, ENOMEM, "symbols");
	n = elf_read(img, c->names, (size_t)t->names_size, t->names);
	if (n < 0)
		return husk_fail_sys(e, errno, "%.150s: reading symbols", img->name);
	c->names_size = (uint64_t)n;
	return 0;
}

/* By start; of the same start, what is to be shown comes first. */
static int compare(const void *a, const void *b)
{
	const struct symbol_seen *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->name_at < y->name_at ? -1 : x->name_at > y->name_at;
}

static size_t drop_aliases(struct symbol_seen *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || list[kept - 1].start != list[i].start)
			list[kept++] = list[i];
	return kept;
}

/* Names may share bytes of the file, and here they do not: a table that lies could have any sum. */
static uint64_t room_for_names(const struct collection *c)
{
	uint64_t room = 1;

	for (size_t i = 0; i < c->n; i++)
		room += strnlen(c->names + c->list[i].name_at, SYMBOL_NAME_MAX) + 1;
	return room;
}

static void add(struct symbols *s, const struct symbol_seen *seen, const char *name)
{
	char *to = s->text + s->text_len;
	const size_t room = strnlen(name, SYMBOL_NAME_MAX - 1) + 1;

	symbol_readable(name, to, room);
	s->list[s->n++] = (struct symbol){
		.start = seen->start, .name = (uint32_t)s->text_len,
		.size = seen->size == 0 || seen->size > UINT32_MAX ? UINT32_MAX : (uint32_t)seen->size,
	};
	s->text_len += strlen(to) + 1;
}

static int keep(struct symbols *s, const struct collection *c, const char *file, struct husk_error *e)
{
	const uint64_t room = room_for_names(c);

	if (room > NAMES_MAX)
		return too_many_names(file, room, e);
	s->list = calloc(c->n + 1, sizeof s->list[0]);
	s->text = malloc((size_t)room);
	if (s->list == NULL || s->text == NULL)
		return husk_fail_sys(e, ENOMEM, "symbols");
	for (size_t i = 0; i < c->n; i++)
		add(s, &c->list[i], c->names + c->list[i].name_at);
	return 0;
}

static int load(struct symbols *s, const struct symbol_file *f, struct collection *c,
		struct husk_error *e)
{
	struct symbol_table t;

	if (symbol_file_table(f, &t, e) == -1)
		return -1;
	if (t.n == 0)
		return 0;
	if (read_names(f, &t, c, e) == -1 || symbol_file_each(f, &t, collect, c, e) == -1)
		return -1;
	if (c->n > 0)
		qsort(c->list, c->n, sizeof c->list[0], compare);
	c->n = drop_aliases(c->list, c->n);
	return keep(s, c, source(f)->name, e);
}

int symbols_load(struct symbols *s, const struct symbol_file *f, struct husk_error *e)
{
	struct collection c = {0};
	int rc;

	*s = (struct symbols){0};
	rc = load(s, f, &c, e);
	free(c.list);
	free(c.names);
	if (rc == -1)
		symbols_free(s);
	return rc;
}

void symbols_free(struct symbols *s)
{
	free(s->list);
	free(s->text);
	*s = (struct symbols){0};
}

/* How many begin at or below addr. */
static size_t up_to(const struct symbols *s, uint64_t addr)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (s->list[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset)
{
	const size_t end = up_to(s, addr);

	for (size_t i = end; i > 0 && end - i < NESTED_MAX; i--) {
		const struct symbol *y = &s->list[i - 1];

		if (y->size == UINT32_MAX && i != end)
			break;		/* it ends where the next one begins */
		if (!symbol_reaches(y->start, y->size == UINT32_MAX ? 0 : y->size, addr))
			continue;
		*offset = addr - y->start;
		return s->text + y->name;
	}
	return NULL;
}
