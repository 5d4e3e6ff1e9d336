/* SPDX-License-Identifier: ISC */
/*
 * facts.h: what a hypercall or another event was about, as values with names.
 *
 * Filled in by whoever knows, written out by whoever looks on, in whatever form. Values go in, then
 * the result, then what the guest has got; what there is no room for is left out. Names and words are
 * static or outlive the facts. Nothing is allocated.
 */
#ifndef HUSK_FACTS_H
#define HUSK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTS_MAX 8
#define FACT_BYTES_MAX 32	/* that are kept of a text */

enum fact_kind {
	FACT_NONE,
	FACT_NUMBER,
	FACT_SIGNED,		/* value is the two's complement */
	FACT_ADDRESS,		/* and sets of bits */
	FACT_TIME,		/* ns */
	FACT_WORD,
	FACT_TEXT,
};

struct fact {
	const char *name;	/* NULL for a result */
	enum fact_kind kind;
	uint64_t value;		/* FACT_TEXT: the length of the whole text */
	const char *word;	/* FACT_WORD; with a FACT_NUMBER: what has that number, or NULL */
	uint8_t n_bytes;	/* FACT_TEXT: its beginning, any bytes */
	uint8_t bytes[FACT_BYTES_MAX];
};

struct facts {
	unsigned n;
	unsigned n_in;		/* the first of them are what was asked for; all if there is no result */
	struct fact list[FACTS_MAX];
	struct fact result;
};

void facts_number(struct facts *f, const char *name, uint64_t value);
void facts_signed(struct facts *f, const char *name, int64_t value);
void facts_address(struct facts *f, const char *name, uint64_t value);
void facts_time(struct facts *f, const char *name, uint64_t ns);
void facts_word(struct facts *f, const char *name, const char *word);

/* A device's handle and its name; NULL if no device has it. */
void facts_device(struct facts *f, uint64_t handle, const char *name);

/* The first n bytes of a text that is len bytes long. */
void facts_text(struct facts *f, const char *name, const void *bytes, size_t n, uint64_t len);

void facts_result(struct facts *f, uint64_t number);

/* enum hvt_result, in words: OK, AGAIN, EINVAL, EUNSPEC. */
void facts_result_word(struct facts *f, int result);

#endif
