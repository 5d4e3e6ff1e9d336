/* SPDX-License-Identifier: ISC */
/*
 * json.h: writes JSON, one value after the other, with commas, quotes and escapes.
 *
 * Writing only: husk reads no JSON.
 */
#ifndef HUSK_JSON_H
#define HUSK_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;	/* the caller's */
	bool comma;	/* something precedes in this object or array */
};

/* Opens and closes the outermost object; json_end also ends the line. */
void json_begin(struct json *j, FILE *out);
void json_end(struct json *j);

/* Opens an object '{' or array '['; key is NULL inside an array. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);

void json_number(struct json *j, const char *key, uint64_t value);

/*
 * value is UTF-8, and stays it. Control characters are escaped; a byte that is part of no character
 * becomes U+FFFD, written \ufffd.
 */
void json_string(struct json *j, const char *key, const char *value);

#endif
