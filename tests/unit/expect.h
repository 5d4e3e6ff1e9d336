/* SPDX-License-Identifier: ISC */
/*
 * expect.h: assertions that many unit tests share; failures name the caller's line, and constants.
 *
 * Include it after cmocka.h.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "../../monitor/error.h"

/* What memory is filled with where nothing may be written. */
#define FILLER 0xa5

static inline const char *expect_class_name(enum husk_error_class kind)
{
	switch (kind) {
	case HUSK_E_NONE:
		return "HUSK_E_NONE";
	case HUSK_E_USAGE:
		return "HUSK_E_USAGE";
	case HUSK_E_IMAGE:
		return "HUSK_E_IMAGE";
	case HUSK_E_GUEST:
		return "HUSK_E_GUEST";
	case HUSK_E_HOST:
		return "HUSK_E_HOST";
	}
	return "no class";
}

static inline void expect_error(const struct husk_error *e, enum husk_error_class kind,
				const char *part, const char *file, int line)
{
	if (e->kind == kind && strstr(e->message, part) != NULL)
		return;
	print_error("%s \"%s\", expected %s \"%s\"\n", expect_class_name(e->kind), e->message,
		    expect_class_name(kind), part);
	_fail(file, line);
}

/* The error is of this class, and its message contains part. */
#define assert_error(e, kind, part) expect_error(e, kind, part, __FILE__, __LINE__)

static inline void expect_filler(const uint8_t *memory, uint64_t from, uint64_t to,
				 const char *file, int line)
{
	for (uint64_t at = from; at < to; at++) {
		if (memory[at] == FILLER)
			continue;
		print_error("0x%llx was written\n", (unsigned long long)at);
		_fail(file, line);
	}
}

/* Nothing was written to [from, to) of memory, which was filled with FILLER. */
#define assert_filler(memory, from, to) expect_filler(memory, from, to, __FILE__, __LINE__)

/* How many of the low descriptors are open. */
static inline int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#ifdef RIG_H
static inline const char *expect_end_name(enum rig_end end)
{
	switch (end) {
	case RIG_FAILED:
		return "RIG_FAILED";
	case RIG_HALTED:
		return "RIG_HALTED";
	case RIG_STOPPED:
		return "RIG_STOPPED";
	case RIG_RESUMED:
		return "RIG_RESUMED";
	}
	return "no end";
}

static inline void expect_guest_error(const struct rig *r, enum rig_end end, const char *part,
				      const char *file, int line)
{
	if (end != RIG_FAILED) {
		print_error("%s, expected RIG_FAILED \"%s\"\n", expect_end_name(end), part);
		_fail(file, line);
	}
	expect_error(&r->e, HUSK_E_GUEST, part, file, line);
}

/* The run ended as the guest's fault, with a message that contains part. */
#define assert_guest_error(r, end, part) expect_guest_error(r, end, part, __FILE__, __LINE__)
#endif

#endif
