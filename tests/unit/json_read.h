/* SPDX-License-Identifier: ISC */
/* json_read.h: reads JSON, strictly and slowly, to check what husk writes. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where text stops to be one JSON value (RFC 8259) and nothing else; NULL if it never does. A name
 * that an object has twice is a fault, and so is anything deeper than 16 levels.
 */
const char *json_fault(const char *text);

/*
 * The value at a path such as "segments/0/start", "" being all of it: a string as it was before it
 * was quoted, anything else as it is written. False, and out is empty, if there is none.
 */
bool json_get(const char *text, const char *path, char *out, size_t room);

#endif
