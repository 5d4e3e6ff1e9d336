/* SPDX-License-Identifier: ISC */
/* options.c: parses words against the table, and suggests an option for a mistyped one. */
#include "options.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../include/hvt_abi.h"

#define MIB_SHIFT 20
#define GIB_SHIFT 30

/* A word taken apart; parts point into it. */
struct word {
	const char *all;
	const char *name;
	size_t name_len;
	const char *device;	/* NULL without ":" */
	size_t device_len;
	const char *value;	/* NULL without "=" */
};

static bool take_apart(const char *text, struct word *w)
{
	size_t len;

	*w = (struct word){.all = text};
	if (strncmp(text, "--", 2) != 0)
		return false;
	w->name = text + 2;
	w->name_len = strcspn(w->name, ":=");
	len = w->name_len;
	if (w->name[len] == ':') {
		w->device = w->name + len + 1;
		w->device_len = strcspn(w->device, "=");
		len += 1 + w->device_len;
	}
	if (w->name[len] == '=')
		w->value = w->name + len + 1;
	return true;
}

static const struct option *lookup(const struct option_group *groups, size_t n_groups,
				   const struct word *w)
{
	for (size_t g = 0; g < n_groups; g++)
		for (size_t i = 0; i < groups[g].n; i++) {
			const struct option *o = &groups[g].options[i];

			if (strlen(o->name) == w->name_len &&
			    memcmp(o->name, w->name, w->name_len) == 0)
				return o;
		}
	return NULL;
}

#define NEAR 3			/* edits: at most so many are taken for a typing error */
#define NAME_ROOM 32

/* Levenshtein distance, one row at a time; large for names longer than any option. */
static size_t distance(const char *a, size_t n, const char *b)
{
	size_t row[NAME_ROOM + 1], m = strlen(b);

	if (m > NAME_ROOM || n > NAME_ROOM)
		return NEAR + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

static const char *nearest(const struct option_group *groups, size_t n_groups, const struct word *w)
{
	const char *best = NULL;
	size_t least = NEAR;

	for (size_t g = 0; g < n_groups; g++)
		for (size_t i = 0; i < groups[g].n; i++) {
			const char *name = groups[g].options[i].name;
			size_t d = distance(w->name, w->name_len, name);

			if (d < least && d < strlen(name)) {
				least = d;
				best = name;
			}
		}
	return best;
}

#define ALIKE 3			/* characters: a shorter beginning in common may be chance */

/* The longest name that the word begins with, or that begins with the word. */
static const char *related(const struct option_group *groups, size_t n_groups,
			   const struct word *w)
{
	const char *best = NULL;
	size_t most = ALIKE - 1;

	for (size_t g = 0; g < n_groups; g++)
		for (size_t i = 0; i < groups[g].n; i++) {
			const char *name = groups[g].options[i].name;
			size_t len = strlen(name);

			if (len > w->name_len)
				len = w->name_len;
			if (len > most && memcmp(name, w->name, len) == 0) {
				most = len;
				best = name;
			}
		}
	return best;
}

static int invalid(const char *word, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_USAGE, "Invalid option: `%s'", word);
}

static int unknown(const struct option_group *groups, size_t n_groups, const struct word *w,
		   struct husk_error *e)
{
	const char *meant = w->name == NULL ? NULL : nearest(groups, n_groups, w);

	if (meant == NULL && w->name != NULL)
		meant = related(groups, n_groups, w);
	invalid(w->all, e);
	if (strcmp(w->all, "-") == 0)
		return husk_hint(e, "an image that comes through standard input is /dev/stdin");
	if (meant != NULL)
		return husk_hint(e, "no such option; did you mean --%s?", meant);
	return husk_hint(e, "no such option; see --help");
}

/* Appends the correct form of the option. */
static int misshapen(const struct option *o, const char *word, struct husk_error *e)
{
	invalid(word, e);
	switch (o->form) {
	case OPTION_FLAG:
		return husk_hint(e, "write --%s", o->name);
	case OPTION_VALUE:
		return husk_hint(e, "write --%s=%s", o->name, o->value);
	case OPTION_MAYBE:
		return husk_hint(e, "write --%s or --%s=%s", o->name, o->name, o->value);
	case OPTION_DEVICE:
		return husk_hint(e, "write --%s:NAME=%s", o->name, o->value);
	case OPTION_DEVICE_FLAG:
		return husk_hint(e, "write --%s:NAME", o->name);
	}
	return -1;
}

static bool well_formed(const struct option *o, const struct word *w)
{
	bool device = w->device != NULL && w->device_len > 0, bare = w->device == NULL;
	bool value = w->value != NULL && w->value[0] != '\0';

	switch (o->form) {
	case OPTION_FLAG:
		return bare && w->value == NULL;
	case OPTION_VALUE:
		return bare && (value || (w->value != NULL && o->check != NULL));
	case OPTION_MAYBE:
		return bare && (value || w->value == NULL);
	case OPTION_DEVICE:
		return device && value;
	case OPTION_DEVICE_FLAG:
		return device && w->value == NULL;
	}
	return false;
}

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= 'a' && text[i] <= 'z')))
			return false;
	return len > 0 && len <= MFT_NAME_MAX;
}

/* Room for one more. */
static bool grow(struct settings *s)
{
	const size_t room = s->room == 0 ? 16 : 2 * s->room;
	struct setting *list;

	if (s->n < s->room)
		return true;
	list = reallocarray(s->list, room, sizeof *list);
	if (list == NULL)
		return false;
	s->list = list;
	s->room = room;
	return true;
}

static int append(struct settings *s, const struct option *o, const struct word *w,
		  struct husk_error *e)
{
	struct setting new = {.option = o};

	new.value = strdup(w->value != NULL ? w->value : "");
	if (new.value == NULL || !grow(s)) {
		free(new.value);
		return husk_fail_sys(e, ENOMEM, "options");
	}
	if (w->device != NULL)
		memcpy(new.device, w->device, w->device_len);
	s->list[s->n++] = new;
	return 0;
}

int settings_add(struct settings *s, const struct option_group *groups, size_t n_groups,
		 const char *word, struct husk_error *e)
{
	struct word w;
	const struct option *o = take_apart(word, &w) ? lookup(groups, n_groups, &w) : NULL;

	if (o == NULL)
		return unknown(groups, n_groups, &w, e);
	if (!well_formed(o, &w))
		return misshapen(o, word, e);
	if (w.device != NULL && !is_name(w.device, w.device_len))
		return husk_hint((invalid(word, e), e),
				 "a device's name has 1 to %u letters and digits", MFT_NAME_MAX);
	if (w.value != NULL && o->check != NULL && o->check(w.value, e) == -1)
		return husk_wrap(e, "Invalid option: `%s'", word);
	return append(s, o, &w, e);
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].value);
		given_net_free(s->list[i].given);
	}
	free(s->list);
	*s = (struct settings){0};
}

const struct setting *settings_find(const struct settings *s, const char *option,
				    const char *device)
{
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->list[i].option->name, option) == 0 &&
		    strcmp(s->list[i].device, device == NULL ? "" : device) == 0)
			return &s->list[i];
	return NULL;
}

const struct setting *settings_attaching(const struct settings *s, const struct option *options,
					 size_t n, const char *device)
{
	for (size_t i = s->n; i-- > 0;) {
		const struct setting *x = &s->list[i];

		if (x->option >= options && x->option < options + n && x->option->attaches &&
		    strcmp(x->device, device) == 0)
			return x;
	}
	return NULL;
}

/* Checks for a digit first: strtoull would accept blanks and a sign. */
static bool number(const char *text, unsigned long long *out, const char **end)
{
	char *stop;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

int option_number(const char *text, unsigned long long min, unsigned long long max,
		  unsigned long long *out, struct husk_error *e)
{
	const char *end;

	if (!number(text, out, &end) || *end != '\0' || *out < min || *out > max)
		return husk_fail(e, HUSK_E_USAGE, "`%s' is not a number from %llu to %llu", text,
				 min, max);
	return 0;
}

static int too_large(const char *text, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_USAGE,
			 "guest memory size `%s' exceeds the max size %llu MiB", text,
			 HVT_MEM_MAX >> MIB_SHIFT);
}

int option_memory(const char *text, unsigned long long *bytes, bool *rounded,
		  struct husk_error *e)
{
	unsigned long long n, exact;
	const char *end = text;
	unsigned shift = MIB_SHIFT;
	bool fits = number(text, &n, &end);

	if (!fits && end != text)
		return too_large(text, e);
	if (fits && (*end == 'G' || *end == 'M'))
		shift = *end++ == 'G' ? GIB_SHIFT : MIB_SHIFT;
	if (!fits || *end != '\0' || n == 0)
		return husk_fail(e, HUSK_E_USAGE, "Malformed argument to --mem: `%s' is not a size "
				 "such as 512 (MiB), 64M or 2G", text);
	if (n > (2 * HVT_MEM_MAX) >> shift)
		return too_large(text, e);
	exact = n << shift;
	*bytes = exact - exact % HVT_MEM_GRANULE;
	if (*bytes == 0)
		*bytes = HVT_MEM_GRANULE;
	*rounded = *bytes != exact;
	return *bytes > HVT_MEM_MAX ? too_large(text, e) : 0;
}

int option_time(const char *text, uint64_t *ns, struct husk_error *e)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
	unsigned long long n = 0;
	const char *end = text;
	bool fits = number(text, &n, &end);

	*ns = strcmp(text, "forever") == 0 ? UINT64_MAX : 0;
	if (*ns != 0 || strcmp(text, "0") == 0)
		return 0;
	for (size_t i = 0; fits && i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].name) == 0 && n < UINT64_MAX / units[i].ns) {
			*ns = n * units[i].ns;
			return 0;
		}
	return husk_fail(e, HUSK_E_USAGE, "`%s' is not a time such as 100ms, 2s, 5m, 0 or forever",
			 text);
}

void option_group_help(const struct option_group *g, FILE *out)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		const char *device = o->form == OPTION_DEVICE || o->form == OPTION_DEVICE_FLAG ?
				     ":NAME" : "";
		bool maybe = o->form == OPTION_MAYBE;

		fprintf(out, "  --%s%s%s%s%s%s\n        %s\n", o->name, device, maybe ? "[" : "",
			o->value != NULL ? "=" : "", o->value != NULL ? o->value : "",
			maybe ? "]" : "", o->help);
	}
}
