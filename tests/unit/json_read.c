/* SPDX-License-Identifier: ISC */
/* json_read.c: a recursive descent over JSON that remembers one value on the way. */
#include "json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define NAMES_MAX 64
#define NAME_SIZE 160

struct reader {
	const char *at;
	char *out;		/* of the value that is looked for */
	size_t room;
	bool found;
	int depth;
};

/* path: from here to what is looked for; NULL: it is elsewhere. */
static bool value(struct reader *r, const char *path);

static void blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool token(struct reader *r, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

static bool digits(struct reader *r)
{
	size_t n = strspn(r->at, "0123456789");

	r->at += n;
	return n > 0;
}

static bool number(struct reader *r)
{
	token(r, "-");
	if (!token(r, "0") && !digits(r))
		return false;
	if (token(r, ".") && !digits(r))
		return false;
	if (!token(r, "e") && !token(r, "E"))
		return true;
	if (!token(r, "+"))
		token(r, "-");
	return digits(r);
}

/* What follows a backslash; -1 if it may not. Beyond a byte it is '?'. */
static int escaped(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *which = *r->at != '\0' ? strchr(from, *r->at) : NULL;
	char hex[5] = "";
	long code;

	if (which != NULL) {
		r->at++;
		return to[which - from];
	}
	if (*r->at != 'u' || strspn(r->at + 1, "0123456789abcdefABCDEF") < 4)
		return -1;
	memcpy(hex, r->at + 1, 4);
	r->at += 5;
	code = strtol(hex, NULL, 16);
	return code < 256 ? (int)code : '?';
}

/* Into out, cut to room. */
static bool string(struct reader *r, char *out, size_t room)
{
	size_t n = 0;
	int c;

	if (!token(r, "\""))
		return false;
	while (*r->at != '"') {
		if ((unsigned char)*r->at < 0x20)
			return false;
		c = token(r, "\\") ? escaped(r) : (unsigned char)*r->at++;
		if (c == -1)
			return false;
		if (n + 1 < room)
			out[n++] = (char)c;
	}
	out[n] = '\0';
	return token(r, "\"");
}

/* The rest of the path if it starts with this name. */
static const char *below(const char *path, const char *name)
{
	size_t len = strlen(name);

	if (path == NULL || strncmp(path, name, len) != 0)
		return NULL;
	return path[len] == '/' ? path + len + 1 : path[len] == '\0' && len > 0 ? path + len : NULL;
}

static bool is_new(char names[][NAME_SIZE], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], names[n]) == 0)
			return false;
	return true;
}

static bool object(struct reader *r, const char *path)
{
	char names[NAMES_MAX][NAME_SIZE];

	blanks(r);
	if (token(r, "}"))
		return true;
	for (size_t n = 0; n < NAMES_MAX; n++) {
		blanks(r);
		if (!string(r, names[n], NAME_SIZE) || !is_new(names, n))
			return false;
		blanks(r);
		if (!token(r, ":") || !value(r, below(path, names[n])))
			return false;
		if (!token(r, ","))
			return token(r, "}");
	}
	return false;
}

static bool array(struct reader *r, const char *path)
{
	char name[16];

	blanks(r);
	if (token(r, "]"))
		return true;
	for (unsigned n = 0;; n++) {
		snprintf(name, sizeof name, "%u", n);
		if (!value(r, below(path, name)))
			return false;
		if (!token(r, ","))
			return token(r, "]");
	}
}

static bool anything(struct reader *r, const char *path)
{
	char ignored[1];

	if (*r->at == '"')
		return string(r, ignored, sizeof ignored);
	if (token(r, "{"))
		return object(r, path);
	if (token(r, "["))
		return array(r, path);
	return token(r, "true") || token(r, "false") || token(r, "null") || number(r);
}

static void remember(struct reader *r, const char *start)
{
	struct reader again = {.at = start};

	r->found = true;
	if (*start == '"')
		string(&again, r->out, r->room);
	else
		snprintf(r->out, r->room, "%.*s", (int)(r->at - start), start);
}

static bool value(struct reader *r, const char *path)
{
	const char *start;
	bool ok;

	blanks(r);
	start = r->at;
	ok = r->depth++ < DEPTH_MAX && anything(r, path != NULL && *path != '\0' ? path : NULL);
	r->depth--;
	if (ok && path != NULL && *path == '\0')
		remember(r, start);
	blanks(r);
	return ok;
}

const char *json_fault(const char *text)
{
	struct reader r = {.at = text};

	return value(&r, NULL) && *r.at == '\0' ? NULL : r.at;
}

bool json_get(const char *text, const char *path, char *out, size_t room)
{
	struct reader r = {.at = text, .out = out, .room = room};

	out[0] = '\0';
	(void)value(&r, path);
	return r.found;
}
