/* SPDX-License-Identifier: ISC */
/* words.c: parses the words of --vsock. */
#include "words.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../../include/vsock_abi.h"
#include "mux.h"
#include "options.h"

#define DIGITS "0123456789"
#define TEXT_MAX 120		/* bytes of a word in a message */

static int wrong(const struct vsock_word *w, const char *what, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_USAGE, "`%.*s': %s", w->text_len < TEXT_MAX ? w->text_len :
			 TEXT_MAX, w->text, what);
}

/* The len digits at text. */
static int number(const struct vsock_word *w, const char *what, const char *text, size_t len,
		  unsigned long long min, unsigned long long max, unsigned long long *out,
		  struct husk_error *e)
{
	char copy[24], why[sizeof copy + 96];
	struct husk_error ignored;

	snprintf(copy, sizeof copy, "%.*s", (int)(len < sizeof copy ? len : sizeof copy - 1), text);
	if (len < sizeof copy - 1 && option_number(copy, min, max, out, &ignored) == 0)
		return 0;
	snprintf(why, sizeof why, "%s `%s%s' is not a number from %llu to %llu", what, copy,
		 len < sizeof copy ? "" : "...", min, max);
	return wrong(w, why, e);
}

static int parse_cid(struct vsock_word *w, const char *value, size_t len, struct husk_error *e)
{
	unsigned long long cid = 0;

	if (number(w, "CID", value, len, VSOCK_CID_GUEST_MIN, VSOCK_CID_GUEST_MAX, &cid, e) == -1)
		return -1;
	w->cid = (uint32_t)cid;
	return 0;
}

/* "PORT:" in front of a path; without is_needed only digits are taken for a port. */
static int parse_port(struct vsock_word *w, bool is_needed, struct husk_error *e)
{
	const char *colon = memchr(w->path, ':', w->path_len);
	const size_t len = colon == NULL ? 0 : (size_t)(colon - w->path);
	unsigned long long port = 0;

	if (!is_needed && (len == 0 || strspn(w->path, DIGITS) != len))
		return 0;
	if (colon == NULL)
		return wrong(w, "a port comes first: connect=PORT:PATH", e);
	if (number(w, "port", w->path, len, 0, UINT32_MAX, &port, e) == -1)
		return -1;
	w->port = (int64_t)port;
	w->path += len + 1;
	w->path_len -= len + 1;
	return 0;
}

/* "@FD" */
static int parse_descriptor(struct vsock_word *w, struct husk_error *e)
{
	unsigned long long fd = 0;

	if (w->path_len == 0 || w->path[0] != '@')
		return 0;
	if (w->key != VSOCK_WORD_LISTEN)
		return wrong(w, "a descriptor (@FD) can only be listened at; a file of that name is "
			     "./@...", e);
	if (number(w, "descriptor", w->path + 1, w->path_len - 1, 0, INT_MAX, &fd, e) == -1)
		return -1;
	w->fd = (int)fd;
	return 0;
}

static int parse_path(struct vsock_word *w, struct husk_error *e)
{
	if (w->key != VSOCK_WORD_UDS && parse_port(w, w->key == VSOCK_WORD_CONNECT, e) == -1)
		return -1;
	if (w->path_len == 0)
		return wrong(w, "the path is empty", e);
	return parse_descriptor(w, e);
}

static int parse(struct vsock_word *w, struct husk_error *e)
{
	static const char *const keys[] = {
		[VSOCK_WORD_CID] = "cid=", [VSOCK_WORD_CONNECT] = "connect=",
		[VSOCK_WORD_LISTEN] = "listen=", [VSOCK_WORD_UDS] = "uds=",
	};

	for (unsigned k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		const size_t len = strlen(keys[k]);

		if ((size_t)w->text_len < len || memcmp(w->text, keys[k], len) != 0)
			continue;
		w->key = (enum vsock_word_key)k;
		w->path = w->text + len;
		w->path_len = (size_t)w->text_len - len;
		return k == VSOCK_WORD_CID ? parse_cid(w, w->path, w->path_len, e) :
		       parse_path(w, e);
	}
	return wrong(w, "there are cid=N, connect=PORT:PATH, listen=PATH, listen=PORT:PATH and "
		     "uds=PREFIX, with commas between them and none in a path", e);
}

int vsock_words_next(const char **at, struct vsock_word *w, struct husk_error *e)
{
	const size_t len = strcspn(*at, ",");

	if (**at == '\0')
		return 0;
	*w = (struct vsock_word){
		.text = *at, .text_len = len < INT_MAX ? (int)len : INT_MAX, .fd = -1,
		.port = VSOCK_PORT_BY_COMMAND,
	};
	*at += len;
	if (**at == ',' && *++*at == '\0')
		return husk_fail(e, HUSK_E_USAGE, "nothing follows the last comma");
	return parse(w, e) == -1 ? -1 : 1;
}

static bool listens(const struct vsock_word *w)
{
	return w->key == VSOCK_WORD_LISTEN || w->key == VSOCK_WORD_UDS;
}

static bool same_socket(const struct vsock_word *a, const struct vsock_word *b)
{
	return listens(a) && listens(b) && a->fd == b->fd &&
	       (a->fd != -1 || (a->path_len == b->path_len &&
				memcmp(a->path, b->path, a->path_len) == 0));
}

/* Why both cannot be; NULL if they can. */
static const char *conflict(const struct vsock_word *a, const struct vsock_word *b)
{
	if (same_socket(a, b))
		return "another word listens there";
	if (a->key != b->key || a->key == VSOCK_WORD_LISTEN)
		return NULL;
	if (a->key == VSOCK_WORD_CONNECT)
		return a->port == b->port ? "another word is about the same port" : NULL;
	return "a device has one of these";
}

/* No word before w in value says the same thing otherwise. */
static int check_first(const char *value, const struct vsock_word *w, struct husk_error *e)
{
	struct vsock_word before;

	while (vsock_words_next(&value, &before, e) == 1 && before.text != w->text)
		if (conflict(&before, w) != NULL)
			return wrong(w, conflict(&before, w), e);
	return 0;
}

bool vsock_words_share(const char *value, const char *other, struct vsock_word *w)
{
	struct vsock_word theirs;
	struct husk_error ignored;

	while (vsock_words_next(&value, w, &ignored) == 1)
		for (const char *at = other; vsock_words_next(&at, &theirs, &ignored) == 1;)
			if (same_socket(w, &theirs))
				return true;
	return false;
}

int vsock_words_check(const char *value, struct husk_error *e)
{
	const char *at = value;
	unsigned listeners = 0;
	struct vsock_word w;
	int rc;

	while ((rc = vsock_words_next(&at, &w, e)) == 1) {
		listeners += listens(&w);
		if (listeners > VSOCK_LISTENERS_MAX)
			return wrong(&w, "there are more sockets to listen at than a device has", e);
		if (check_first(value, &w, e) == -1)
			return -1;
	}
	return rc;
}
