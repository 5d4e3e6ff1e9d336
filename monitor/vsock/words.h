/* SPDX-License-Identifier: ISC */
/*
 * words.h: the value of --vsock, word by word.
 *
 *	cid=N			the guest's own number, 3 to 4294967294
 *	connect=PORT:PATH	the guest's connections to PORT go to who listens at PATH
 *	listen=PORT:PATH	who connects to PATH is connected to the guest's PORT
 *	listen=PATH		who connects to PATH says by a line which port it wants (command.h)
 *	uds=PREFIX		listen=PREFIX, and all other ports go to PREFIX_PORT
 *
 * Commas separate them, so that no path has one. For a PATH to listen at, @FD is a socket that
 * listens already.
 */
#ifndef HUSK_VSOCK_WORDS_H
#define HUSK_VSOCK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define VSOCK_CID_DEFAULT 3u

enum vsock_word_key { VSOCK_WORD_CID, VSOCK_WORD_CONNECT, VSOCK_WORD_LISTEN, VSOCK_WORD_UDS };

struct vsock_word {
	enum vsock_word_key key;
	const char *text;		/* of all of it, in the value, for messages */
	int text_len;
	uint32_t cid;
	int64_t port;			/* VSOCK_PORT_BY_COMMAND where none is given */
	int fd;				/* of @FD; -1: there is a path */
	const char *path;		/* in the value */
	size_t path_len;
};

/*
 * Takes the word at *at, and moves *at behind it. 1; 0 if there is no more; -1 and HUSK_E_USAGE,
 * which names the word and what is wrong in it.
 */
int vsock_words_next(const char **at, struct vsock_word *w, struct husk_error *e);

/* Each word, and all of them together. HUSK_E_USAGE. */
int vsock_words_check(const char *value, struct husk_error *e);

/* Whether two checked values would listen at one path or descriptor; *w is then the first's word. */
bool vsock_words_share(const char *value, const char *other, struct vsock_word *w);

#endif
