/* SPDX-License-Identifier: ISC */
/* fuzz_options.c: a command line, its words ended by NUL bytes or newlines, against all options. */
#include <stdlib.h>
#include <string.h>

#include "../../include/hvt_abi.h"
#include "../../monitor/machine.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It is a copy of what is behind the word's "=". */
static bool is_value_of(const char *value, const char *word)
{
	const size_t len = strlen(value), all = strlen(word);

	return len == 0 || (all > len && word[all - len - 1] == '=' &&
			    strcmp(word + all - len, value) == 0);
}

static void check_setting(const struct settings *s, const struct setting *x, const char *word)
{
	unsigned long long bytes;
	struct husk_error e;
	bool rounded;

	CHECK(strstr(word, x->option->name) == word + 2 && strlen(x->device) <= MFT_NAME_MAX);
	CHECK(is_value_of(x->value, word));
	CHECK(settings_find(s, x->option->name, x->device) == x);
	CHECK(!x->option->attaches || settings_attaching(s, x->option, 1, x->device) == x);
	if (strcmp(x->option->name, "mem") != 0)
		return;
	CHECK(option_memory(x->value, &bytes, &rounded, &e) == 0);
	CHECK(bytes > 0 && bytes <= HVT_MEM_MAX && bytes % HVT_MEM_GRANULE == 0);
}

static void take(struct settings *s, const char *word)
{
	struct option_group groups[MODULES_MAX + 1];
	size_t n = machine_options(modules, groups), before = s->n;
	struct husk_error e = {0};

	if (settings_add(s, groups, n, word, &e) == 0) {
		CHECK(e.kind == HUSK_E_NONE && s->n == before + 1);
		check_setting(s, &s->list[before], word);
	} else {
		CHECK(e.kind == HUSK_E_USAGE && s->n == before);
		CHECK(strncmp(e.message, "Invalid option: `", 17) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = {0};
	size_t len;

	for (size_t at = 0; at < size; at += len + 1) {
		char *word;

		for (len = 0; at + len < size && data[at + len] != '\0' && data[at + len] != '\n';)
			len++;
		word = strndup((const char *)data + at, len);
		CHECK(word != NULL);
		take(&s, word);
		free(word);
	}
	settings_free(&s);
	return 0;
}
