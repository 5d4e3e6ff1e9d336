/* SPDX-License-Identifier: ISC */
/* output_file.c: opens a file to write to, and empties it when it is certain that it is nothing else. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

static int refuse(const struct output_file *f, int error, struct husk_error *e)
{
	husk_fail_sys(e, error, "%s=%s", f->option, f->where);
	if (error == ENOENT)
		return husk_hint(e, "make its directory first, or name a file elsewhere");
	return error == ENXIO ? husk_hint(e, "nobody reads it") : -1;
}

static int open_descriptor(struct output_file *f, struct husk_error *e)
{
	unsigned long long fd;
	int flags;

	if (option_number(f->where + 1, 0, INT_MAX, &fd, e) == -1)
		return husk_wrap(e, "%s=%s", f->option, f->where);
	flags = fcntl((int)fd, F_GETFL);
	if (flags == -1)
		return refuse(f, errno, e);
	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
		return husk_fail(e, HUSK_E_USAGE, "%s=%s: the descriptor is not open for writing",
				 f->option, f->where);
	f->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return f->fd != -1 ? 0 : refuse(f, errno, e);
}

/* Whether a file could be made in the path's directory. */
static int check_directory(const struct output_file *f, struct husk_error *e)
{
	const char *slash = strrchr(f->where, '/');
	char *dir = slash == NULL ? strdup(".") :
		    strndup(f->where, (size_t)(slash - f->where) + 1);
	int rc = dir == NULL ? -1 : faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);

	if (rc == -1)
		refuse(f, errno, e);
	free(dir);
	return rc;
}

/* O_NONBLOCK, so that a FIFO without a reader is refused at once. */
static int open_path(struct output_file *f, struct husk_error *e)
{
	struct stat st;

	f->fd = open(f->where, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (f->look ? 0 : O_CREAT),
		     0666);
	if (f->fd == -1 && errno == ENOENT && f->look)
		return check_directory(f, e);
	if (f->fd == -1)
		return refuse(f, errno, e);
	f->file = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int output_file_open(struct output_file *f, const char *option, const char *where, bool look,
		     struct husk_error *e)
{
	*f = (struct output_file){.fd = -1, .option = option, .where = where, .look = look};
	return where[0] == '@' ? open_descriptor(f, e) : open_path(f, e);
}

bool output_file_is(const struct output_file *f, int fd)
{
	struct stat its, other;

	return f->fd != -1 && fd != -1 && fstat(f->fd, &its) == 0 && fstat(fd, &other) == 0 &&
	       its.st_dev == other.st_dev && its.st_ino == other.st_ino;
}

/* Other kinds, such as /dev/null, a terminal or a FIFO, are always shared. */
static bool may_be_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

int output_file_claim(const struct output_file *f, struct husk_error *e)
{
	if (f->look || f->fd == -1 || f->where[0] == '@')
		return 0;
	if (may_be_disk(f->fd) && flock(f->fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK)
		return husk_fail(e, HUSK_E_USAGE, "%s=%s: a disk of this guest, its symbols, another "
				 "option's file, or locked by another process", f->option, f->where);
	return f->file && ftruncate(f->fd, 0) == -1 ? refuse(f, errno, e) : 0;
}

void output_file_close(struct output_file *f)
{
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
}
