/* SPDX-License-Identifier: ISC */
/* place.c: opens the directory of a socket's file. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "place_host.h"

/* Opens what is in front of the name; path is changed meanwhile. */
static int open_directory(char *path, char *name)
{
	char first = *name;
	int fd;

	*name = '\0';
	fd = open(path[0] == '\0' ? "." : path, UNIX_PLACE_FLAGS | O_DIRECTORY | O_CLOEXEC);
	*name = first;
	return fd;
}

static bool is_name(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int unix_place_open(struct unix_place *p, const char *path, size_t len, struct husk_error *e)
{
	char *slash, *name;

	*p = (struct unix_place){.dir = -1, .path = strndup(path, len)};
	if (p->path == NULL)
		return husk_fail_sys(e, ENOMEM, "path of a socket");
	slash = strrchr(p->path, '/');
	name = slash == NULL ? p->path : slash + 1;
	p->name = name;
	if (!is_name(name)) {
		husk_fail(e, HUSK_E_USAGE, "%s: it names a directory, not a socket", p->path);
		unix_place_close(p);
		return -1;
	}
	p->dir = open_directory(p->path, name);
	if (p->dir == -1) {
		husk_fail_sys(e, errno, "%s: its directory", p->path);
		unix_place_close(p);
		return -1;
	}
	unix_place_find_way(p);
	return 0;
}

void unix_place_close(struct unix_place *p)
{
	if (p->path != NULL && p->dir != -1)
		close(p->dir);
	free(p->path);
	*p = (struct unix_place){.dir = -1};
}
