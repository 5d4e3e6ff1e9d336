/* SPDX-License-Identifier: ISC */
/* output.c: non-blocking writes, for each kind of descriptor in its way. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CHUNK ((size_t)1 << 20)
#define PIPE_CHUNK ((size_t)64 << 10)

/* Nothing is opened for writing that was not handed down for it. */
static bool take_own(struct output *o)
{
	int fd;

	o->calls++;
	if ((fcntl(o->fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return false;
	}
	o->calls++;
	fd = output_open_again(o->fd);
	if (fd == -1)
		return false;
	*o = (struct output){.fd = fd, .way = OUTPUT_OWN, .own = true, .pipe = o->pipe,
			     .calls = o->calls};
	return true;
}

/*
 * A terminal that polls writable has room for a byte, and a write of more waits until all of it is
 * shown. The master side is a terminal too, but opening it again makes a new pair.
 */
static void init_device(struct output *o, dev_t device)
{
	char path[64];

	o->way = OUTPUT_NOWAIT;
	if (!output_may_be_terminal(device) || !isatty(o->fd))
		return;
	o->way = OUTPUT_ASK;
	if (ptsname_r(o->fd, path, sizeof path) != 0)
		(void)take_own(o);
}

/* A filter of the starter's may forbid to ask what an open descriptor is: then it is for anything. */
void output_init(struct output *o, int fd)
{
	struct stat st = {0};

	*o = (struct output){.fd = fd, .way = OUTPUT_ASK};
	if (fd == -1 || (fstat(fd, &st) == -1 && errno == EBADF))
		o->fd = -1;
	else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		o->way = OUTPUT_FILE;
	else if (S_ISFIFO(st.st_mode))
		o->way = OUTPUT_NOWAIT;
	else if (S_ISSOCK(st.st_mode))
		o->way = OUTPUT_SEND;
	else if (S_ISCHR(st.st_mode))
		init_device(o, st.st_rdev);
	o->pipe = o->fd != -1 && S_ISFIFO(st.st_mode);
	o->file = o->fd != -1 && S_ISREG(st.st_mode);
	if (o->file) {
		o->dev = st.st_dev;
		o->ino = st.st_ino;
	}
	o->calls = 0;
}

bool output_changes_file(const struct output *o, uint64_t dev, uint64_t ino)
{
	return o->file && (uint64_t)o->dev == dev && (uint64_t)o->ino == ino &&
	       (fcntl(o->fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* In this order no call is made for what is no file, as most are. */
bool output_changes(const struct output *o, const char *path)
{
	struct stat its;

	return path != NULL && o->file && stat(path, &its) == 0 &&
	       output_changes_file(o, (uint64_t)its.st_dev, (uint64_t)its.st_ino);
}

void output_settle(struct output *o)
{
	const uint64_t calls = o->calls;

	if (o->fd != -1 && o->pipe && !o->own)
		(void)take_own(o);
	o->calls = calls;
	o->settled = true;
}

void output_fini(struct output *o)
{
	if (o->own)
		close(o->fd);
	o->own = false;
	o->fd = -1;
}

static size_t at_most(size_t len, size_t most)
{
	return len < most ? len : most;
}

/*
 * POSIX promises room for PIPE_BUF bytes in a pipe that polls writable, unless another writer
 * takes it first.
 */
static ssize_t ask(struct output *o, const void *buf, size_t len)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};
	int n;

	o->calls++;
	n = poll(&p, 1, 0);
	if (n == 0)
		errno = EAGAIN;
	if (n <= 0)
		return -1;
	o->calls++;
	return write(o->fd, buf, at_most(len, PIPE_BUF));
}

static ssize_t write_own(struct output *o, const void *buf, size_t len)
{
	o->calls++;
	return write(o->fd, buf, at_most(len, PIPE_CHUNK));
}

/* A FIFO without a reader cannot be opened; with one it can. */
static ssize_t reopen(struct output *o, const void *buf, size_t len)
{
	if (take_own(o))
		return write_own(o, buf, len);
	if (errno == ENXIO)
		errno = EPIPE;
	if (errno == EPIPE || errno == EBADF)
		return -1;
	o->way = OUTPUT_ASK;
	return ask(o, buf, len);
}

/* Opening a device again may have effects, so that not every device is. */
static ssize_t write_nowait(struct output *o, const void *buf, size_t len)
{
	ssize_t n;

	o->calls++;
	n = output_write_nowait(o->fd, buf, at_most(len, PIPE_CHUNK));
	if (n != -1 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
		return n;
	if (o->pipe && !o->settled) {
		o->way = OUTPUT_REOPEN;
		return reopen(o, buf, len);
	}
	o->way = OUTPUT_ASK;
	return ask(o, buf, len);
}

/* ENOBUFS: a socket of datagrams is full, where the host does not say EAGAIN. */
static ssize_t send_some(struct output *o, const void *buf, size_t len)
{
	ssize_t n;

	o->calls++;
	n = send(o->fd, buf, at_most(len, PIPE_BUF), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno == ENOBUFS)
		errno = EAGAIN;
	return n;
}

ssize_t output_write(struct output *o, const void *buf, size_t len)
{
	if (o->fd == -1) {
		errno = EBADF;
		return -1;
	}
	switch (o->way) {
	case OUTPUT_FILE:
		o->calls++;
		return write(o->fd, buf, at_most(len, FILE_CHUNK));
	case OUTPUT_NOWAIT:
		return write_nowait(o, buf, len);
	case OUTPUT_SEND:
		return send_some(o, buf, len);
	case OUTPUT_REOPEN:
		return reopen(o, buf, len);
	case OUTPUT_OWN:
		return write_own(o, buf, len);
	case OUTPUT_ASK:
		break;
	}
	return ask(o, buf, len);
}
