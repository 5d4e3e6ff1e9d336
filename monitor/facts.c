/* SPDX-License-Identifier: ISC */
/* facts.c: gathers values with names, in the room that there is. */
#include "facts.h"

#include <string.h>

#include "../include/hvt_abi.h"

static void add(struct facts *f, const struct fact *fact)
{
	if (f->n == FACTS_MAX)
		return;
	f->list[f->n++] = *fact;
	if (f->result.kind == FACT_NONE)
		f->n_in = f->n;
}

void facts_number(struct facts *f, const char *name, uint64_t value)
{
	add(f, &(struct fact){.name = name, .kind = FACT_NUMBER, .value = value});
}

void facts_signed(struct facts *f, const char *name, int64_t value)
{
	add(f, &(struct fact){.name = name, .kind = FACT_SIGNED, .value = (uint64_t)value});
}

void facts_address(struct facts *f, const char *name, uint64_t value)
{
	add(f, &(struct fact){.name = name, .kind = FACT_ADDRESS, .value = value});
}

void facts_time(struct facts *f, const char *name, uint64_t ns)
{
	add(f, &(struct fact){.name = name, .kind = FACT_TIME, .value = ns});
}

void facts_word(struct facts *f, const char *name, const char *word)
{
	add(f, &(struct fact){.name = name, .kind = FACT_WORD, .word = word});
}

void facts_device(struct facts *f, uint64_t handle, const char *name)
{
	add(f, &(struct fact){.name = "handle", .kind = FACT_NUMBER, .value = handle, .word = name});
}

void facts_text(struct facts *f, const char *name, const void *bytes, size_t n, uint64_t len)
{
	struct fact text = {.name = name, .kind = FACT_TEXT, .value = len};

	text.n_bytes = (uint8_t)(n < FACT_BYTES_MAX ? n : FACT_BYTES_MAX);
	memcpy(text.bytes, bytes, text.n_bytes);
	add(f, &text);
}

void facts_result(struct facts *f, uint64_t number)
{
	f->result = (struct fact){.kind = FACT_NUMBER, .value = number};
}

void facts_result_word(struct facts *f, int result)
{
	static const char *const words[] = {
		[HVT_OK] = "OK", [HVT_AGAIN] = "AGAIN", [HVT_EINVAL] = "EINVAL",
		[HVT_EUNSPEC] = "EUNSPEC",
	};

	f->result = (struct fact){
		.kind = FACT_WORD,
		.word = result >= 0 && result <= HVT_EUNSPEC ? words[result] : "?",
	};
}
