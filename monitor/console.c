/* console.c: writes that wait a little for a live reader and never for a dead one. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_CHUNK ((size_t)1 << 20)

/*
 * A terminal that polls writable has room for a byte, and a write of more waits until all of it is
 * shown. A description of our own can be told not to wait. Where it cannot be had (no /proc,
 * somebody else's terminal), a terminal that is stopped stops the guest.
 */
static void open_terminal_again(struct console *c)
{
	char path[64];
	int fd;

	/* The master's end counts as a terminal too, but opened again it is another pair. */
	if (!isatty(c->fd) || ptsname_r(c->fd, path, sizeof path) == 0)
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", c->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return;
	c->fd = fd;
	c->own = true;
}

void console_init(struct console *c, int fd, const int *stop)
{
	struct stat st;

	*c = (struct console){.fd = fd, .stop = stop};
	if (fd == -1 || fstat(fd, &st) == -1) {
		c->fd = -1;
		return;
	}
	c->may_block = !S_ISREG(st.st_mode);
	if (S_ISCHR(st.st_mode))
		open_terminal_again(c);
}

void console_fini(struct console *c)
{
	if (c->own)
		close(c->fd);
	c->own = false;
	c->fd = -1;
}

static bool stopped(const struct console *c)
{
	return c->stop != NULL && __atomic_load_n(c->stop, __ATOMIC_RELAXED) != 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* How long to wait for the reader: each time anew, but once in all from a stop on, until *end. */
static int patience_ms(const struct console *c, uint64_t *end)
{
	uint64_t now;

	if (!stopped(c))
		return CONSOLE_PATIENCE_MS;
	now = now_ms();
	if (*end == 0)
		*end = now + CONSOLE_PATIENCE_MS;
	return now < *end ? (int)(*end - now) : 0;
}

/*
 * Whether a write of one chunk will not block. O_NONBLOCK is no way: it would change the
 * descriptor for everybody who shares it, a shell for instance.
 */
static bool writable(struct console *c, uint64_t *end)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	int n;

	if (!c->may_block)
		return true;
	do {
		c->calls++;
		n = poll(&p, 1, c->stalled ? 0 : patience_ms(c, end));
	} while (n == -1 && errno == EINTR);
	c->stalled = n <= 0;
	return !c->stalled;
}

/*
 * POSIX promises room for PIPE_BUF bytes in a pipe that polls writable. A file has room, but takes
 * its time, and no signal interrupts it: who may be asked to stop looks up in between, and who is,
 * at the clock.
 */
static size_t chunk(const struct console *c, size_t len)
{
	const size_t most = c->may_block || stopped(c) ? PIPE_BUF : FILE_CHUNK;

	return len < most ? len : most;
}

void console_write(struct console *c, const void *buf, size_t len)
{
	const uint8_t *at = buf;
	uint64_t end = 0;	/* ms of CLOCK_MONOTONIC; 0: there was no stop */

	while (len > 0 && c->fd != -1 && patience_ms(c, &end) > 0 && writable(c, &end)) {
		ssize_t n = write(c->fd, at, chunk(c, len));

		c->calls++;
		if (n == -1 && errno == EINTR)
			continue;	/* others may have taken the room meanwhile */
		if (n <= 0)
			break;
		at += n;
		len -= (size_t)n;
		c->written += (uint64_t)n;
	}
	c->dropped += len;
}
