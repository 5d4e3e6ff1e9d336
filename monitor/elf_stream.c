/* SPDX-License-Identifier: ISC */
/* elf_stream.c: an image that comes through a pipe or a socket, read into memory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../include/hvt_abi.h"
#include "elf_file.h"

#define STOP_CHECK_MS 100		/* between checks for a stop */
#define ROOM_FIRST 0x10000u	/* what a pipe holds */

struct stream {
	const struct elf_stop *stop;
	size_t room;
	bool socket;
};

static int wait_for_more(int fd, const struct elf_stop *stop, struct husk_error *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do {
		if (elf_stopping(stop))
			return elf_stopped(e);
		n = poll(&p, 1, stop == NULL ? -1 : STOP_CHECK_MS);
	} while (n == 0 || (n == -1 && errno == EINTR));
	return n == -1 ? husk_fail_sys(e, errno, "Could not read") : 0;
}

static int make_room(struct elf_image *img, struct stream *s, struct husk_error *e)
{
	size_t room = s->room == 0 ? ROOM_FIRST : 2 * s->room;
	uint8_t *grown;

	if (img->file_size < s->room)
		return 0;
	if (img->file_size >= HVT_MEM_MAX)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "more than %llu MiB come through the "
				 "pipe", HVT_MEM_MAX / MIB);
	grown = realloc(img->owned, room);
	if (grown == NULL)
		return husk_fail_sys(e, ENOMEM, "Could not keep %llu MiB of it",
				     (ull)(img->file_size / MIB));
	img->bytes = img->owned = grown;
	s->room = room;
	return 0;
}

/* Never blocks: another process that shares the socket may have taken what poll has reported. */
static ssize_t read_some(int fd, const struct stream *s, void *to, size_t room)
{
	size_t len = room < MIB ? room : MIB;

	return s->socket ? recv(fd, to, len, MSG_DONTWAIT) : read(fd, to, len);
}

/* 1: more may follow; 0: end of the stream; -1: failed. */
static int take(struct elf_image *img, struct stream *s, struct husk_error *e)
{
	ssize_t n;

	if (make_room(img, s, e) == -1 || wait_for_more(img->fd, s->stop, e) == -1)
		return -1;
	n = read_some(img->fd, s, img->owned + img->file_size, s->room - img->file_size);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n == -1)
		return husk_fail_sys(e, errno, "Could not read");
	img->file_size += (uint64_t)n;
	return n > 0;
}

int elf_read_stream(struct elf_image *img, bool socket, const struct elf_stop *stop,
		    struct husk_error *e)
{
	struct stream s = {.stop = stop, .socket = socket};
	bool known = false;
	int more;

	do {
		more = take(img, &s, e);
		if (more == -1)
			return -1;
		if (!known && (more == 0 || img->file_size >= KIND_LEN)) {
			known = true;
			if (elf_check_kind(img->bytes, (size_t)img->file_size, e) == -1)
				return -1;
		}
	} while (more == 1);
	return 0;
}

/* The descriptor of a path such as /dev/stdin or /dev/fd/3; -1 for other paths. */
static int descriptor_of(const char *path)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	if (strcmp(path, "/dev/stdin") == 0)
		return STDIN_FILENO;
	for (size_t i = 0; i < 2; i++) {
		const char *digits = path + strlen(folders[i]);
		char *end;
		long fd;

		if (strncmp(path, folders[i], strlen(folders[i])) != 0 || *digits < '0' ||
		    *digits > '9')
			continue;
		fd = strtol(digits, &end, 10);
		if (*end == '\0' && fd <= INT_MAX)
			return (int)fd;
	}
	return -1;
}

int elf_open_path(const char *path)
{
	/* Without O_NONBLOCK, opening a named pipe would wait for its other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), saved = errno;

	if (fd != -1 || (saved != ENXIO && saved != EACCES && saved != ENOENT) ||
	    descriptor_of(path) == -1)
		return fd;
	/*
	 * What cannot be opened again, such as a socket or another user's file, is read through the
	 * descriptor itself; so is what has no path on FreeBSD, without fdescfs(4).
	 */
	fd = fcntl(descriptor_of(path), F_DUPFD_CLOEXEC, 0);
	errno = saved;
	return fd;
}
