/* SPDX-License-Identifier: ISC */
/*
 * place.h: where a Unix socket's file is or will be: a directory that is kept open, and a name in it.
 *
 * So the place stays the same when the program changes its directory, gives up its rights to open
 * files, or somebody renames what lies above; and a path may be longer than a socket's address.
 * Results of calls are 0 or -errno. One file per host implements it.
 */
#ifndef HUSK_VSOCK_PLACE_H
#define HUSK_VSOCK_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct unix_place {
	int dir;		/* -1 when not open */
	char *path;		/* as given; owned */
	const char *name;	/* in path, behind the directory */
	bool by_path;		/* the host offers no other way than the path */
};

/* HUSK_E_USAGE: the path names no file; HUSK_E_HOST; p is then not open. */
int unix_place_open(struct unix_place *p, const char *path, size_t len, struct husk_error *e);

/* Accepts the same object twice, and a zeroed one that was never open. */
void unix_place_close(struct unix_place *p);

/* Connects the socket fd to who listens there; to name and suffix, if that is not NULL. */
int unix_place_connect(const struct unix_place *p, const char *suffix, int fd);

/* Binds the socket fd, whose file is made. */
int unix_place_bind(const struct unix_place *p, int fd);

#endif
