/* SPDX-License-Identifier: ISC */
/* main_figures.c: opens the file for the figures of a run, and writes them in one piece. */
#include "main_figures.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main_figures_host.h"
#include "options.h"

static int refuse(const struct figures *f, int error, struct husk_error *e)
{
	husk_fail_sys(e, error, "%s=%s", f->option, f->where);
	if (error == ENOENT)
		return husk_hint(e, "make its directory first, or name a file elsewhere");
	return error == ENXIO ? husk_hint(e, "nobody reads it") : -1;
}

static int open_descriptor(struct figures *f, struct husk_error *e)
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
	f->own = f->fd != -1;
	return f->own ? 0 : refuse(f, errno, e);
}

/* O_NONBLOCK, so that a FIFO without a reader is refused at once. */
static int open_path(struct figures *f, int flags, struct husk_error *e)
{
	struct stat st;

	f->fd = open(f->where, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, 0666);
	if (f->fd == -1)
		return refuse(f, errno, e);
	f->own = true;
	f->file = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int figures_open(struct figures *f, const char *option, const char *where, struct husk_error *e)
{
	*f = (struct figures){.fd = STDERR_FILENO, .option = option, .where = "standard error"};
	if (where == NULL)
		return 0;
	*f = (struct figures){.fd = -1, .option = option, .where = where};
	return where[0] == '@' ? open_descriptor(f, e) : open_path(f, O_CREAT, e);
}

bool figures_share_file(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && S_ISREG(a.st_mode) && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* What is handed down as @N is not emptied, unless it is written over. */
static int spare_output(const struct figures *f, int fd, const char *name, struct husk_error *e)
{
	if (!f->file || !figures_share_file(f->fd, fd))
		return 0;
	husk_fail(e, HUSK_E_USAGE, "%s=%s is where standard %s goes, which would be overwritten; name "
		  "another file", f->option, f->where, name);
	return f->over ? -1 : husk_hint(e, "or give it as @%d", fd);
}

int figures_spare_image(const struct figures *f, const char *image, struct husk_error *e)
{
	if (answer_overwrites(f->fd, image))
		return husk_fail(e, HUSK_E_USAGE, "%s=%s is the image that is to run; name another file",
				 f->option, f->where);
	return spare_output(f, STDOUT_FILENO, "output", e) == -1 ||
	       spare_output(f, STDERR_FILENO, "error", e) == -1 ? -1 : 0;
}

/* Whether a file could be made in the path's directory. */
static int check_directory(const struct figures *f, struct husk_error *e)
{
	const char *path = f->where, *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	int rc = dir == NULL ? -1 : faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);

	if (rc == -1)
		refuse(f, errno, e);
	free(dir);
	return rc;
}

int figures_check(struct figures *f, const char *option, const char *where, const char *image,
		  struct husk_error *e)
{
	int rc;

	*f = (struct figures){.fd = -1, .option = option, .where = where};
	rc = where[0] == '@' ? open_descriptor(f, e) : open_path(f, 0, e);
	if (rc == -1 && where[0] != '@' && e->sys == ENOENT)
		return check_directory(f, e);
	if (rc == 0)
		rc = figures_spare_image(f, image, e);
	if (rc == -1)
		figures_close(f);
	return rc;
}

/* Other kinds, such as /dev/null or a terminal, are always shared. */
static bool may_be_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* Disks are locked, so that a conflict is found. Without locks the user has to avoid it. */
int figures_claim(const struct figures *f, struct husk_error *e)
{
	if (!f->own || f->where[0] == '@' || !may_be_disk(f->fd) ||
	    flock(f->fd, LOCK_EX | LOCK_NB) == 0 ||
	    errno != EWOULDBLOCK)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "%s=%s: a disk of this guest, its symbols, another option's file, "
			 "or locked by another process", f->option, f->where);
}

void figures_settle(struct figures *f)
{
	if (f->fd == -1)
		return;
	output_init(&f->out, f->fd);
	output_settle(&f->out);
}

int figures_take(struct figures *f, const struct husk *machine, enum husk_format format,
		 struct husk_error *e)
{
	FILE *stream = open_memstream(&f->text, &f->len);

	if (stream == NULL)
		return husk_fail_sys(e, ENOMEM, "figures");
	husk_report_write(machine, (int)format, stream);
	if (fclose(stream) == 0)
		return 0;
	free(f->text);
	f->text = NULL;
	return husk_fail_sys(e, ENOMEM, "figures");
}

int figures_show(const struct husk *machine, bool json, struct messages *m, struct husk_error *e)
{
	struct figures now = {.fd = -1};

	if (figures_take(&now, machine, json ? HUSK_JSON : HUSK_LINES, e) == -1)
		return -1;
	messages_write(m, now.text, now.len);
	free(now.text);
	return 0;
}

int figures_write_over(struct figures *f, struct husk_error *e)
{
	struct stat st;

	if (fstat(f->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return husk_fail(e, HUSK_E_USAGE, "%s=%s: only a file can be written over again and again; "
				 "name one", f->option, f->where);
	if ((fcntl(f->fd, F_GETFL) & O_APPEND) != 0)
		return husk_fail(e, HUSK_E_USAGE, "%s=%s: it is open for appending (O_APPEND), and would grow; "
				 "open it for writing, in a shell N<>PATH", f->option, f->where);
	f->file = f->over = true;
	return 0;
}

int figures_empty(const struct figures *f, struct husk_error *e)
{
	return ftruncate(f->fd, 0) == 0 ? 0 : refuse(f, errno, e);
}

/*
 * Text that is shorter than the one before would leave the end of that behind it: a line about no figure
 * fills it up. OpenMetrics 1.0, metric-descriptor.
 */
static void fill_up(FILE *stream, size_t least)
{
	static const char filler[] = "# HELP husk_figures ", end[] = "# EOF\n";
	const long len = ftell(stream);
	const size_t lacks = len >= 0 && (size_t)len < least ? least - (size_t)len : 0;

	if (lacks == 0 || fseek(stream, -(long)(sizeof end - 1), SEEK_END) == -1)
		return;
	fprintf(stream, "%s%*s\n%s", filler, lacks > sizeof filler ? (int)(lacks - sizeof filler) : 1, ".", end);
}

static int take_metrics(struct figures *f, const struct husk *machine, struct husk_error *e)
{
	const size_t last = f->len;
	FILE *stream = open_memstream(&f->text, &f->len);

	if (stream == NULL)
		return husk_fail_sys(e, ENOMEM, "figures");
	husk_report_write(machine, HUSK_METRICS, stream);
	fill_up(stream, last);
	if (fclose(stream) == 0)
		return 0;
	free(f->text);
	f->text = NULL;
	return husk_fail_sys(e, ENOMEM, "figures");
}

int figures_rewrite(struct figures *f, const struct husk *machine, struct husk_error *e)
{
	ssize_t n;

	if (take_metrics(f, machine, e) == -1)
		return -1;
	n = figures_host_write(f->fd, f->text, f->len);
	if (n != (ssize_t)f->len)
		refuse(f, n == -1 ? errno : ENOSPC, e);
	free(f->text);
	f->text = NULL;
	return n == (ssize_t)f->len ? 0 : -1;
}

int figures_write(struct figures *f, struct husk_error *e)
{
	if (f->text == NULL)
		return 0;
	if (f->file && ftruncate(f->fd, 0) == -1)
		return refuse(f, errno, e);
	if (f->out.settled)
		return answer_to(&f->out, f->text, f->len, f->where, e);
	return answer_with(f->fd, f->text, f->len, f->where, e);
}

void figures_close(struct figures *f)
{
	output_fini(&f->out);
	if (f->own)
		close(f->fd);
	free(f->text);
	*f = (struct figures){.fd = -1};
}
