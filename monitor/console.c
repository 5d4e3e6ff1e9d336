/* console.c: writes that wait a little for a live reader and never for a dead one. */
#include "console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

void console_init(struct console *c, int fd, const int *stop)
{
	*c = (struct console){.fd = fd, .stop = stop};
}

static bool stopped(const struct console *c)
{
	return c->stop != NULL && __atomic_load_n(c->stop, __ATOMIC_RELAXED) != 0;
}

/* At the first write, so that a guest which says nothing costs nothing. */
static void look(struct console *c)
{
	struct stat st;

	c->calls++;
	if (fstat(c->fd, &st) == -1)
		c->fd = -1;
	else
		c->may_block = !S_ISREG(st.st_mode);
	c->known = true;
}

/*
 * Whether a write of one chunk will not block. O_NONBLOCK is no way: it would change the
 * descriptor for everybody who shares it, a shell for instance.
 */
static bool writable(struct console *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	int n;

	if (!c->may_block)
		return true;
	do {
		c->calls++;
		n = poll(&p, 1, c->stalled ? 0 : CONSOLE_PATIENCE_MS);
	} while (n == -1 && errno == EINTR);
	c->stalled = n <= 0;
	return !c->stalled;
}

/* POSIX promises room for PIPE_BUF bytes in a pipe that polls writable. */
static size_t chunk(const struct console *c, size_t len)
{
	return c->may_block && len > PIPE_BUF ? PIPE_BUF : len;
}

static ssize_t write_chunk(struct console *c, const uint8_t *buf, size_t len)
{
	ssize_t n;

	do {
		c->calls++;
		n = write(c->fd, buf, len);
	} while (n == -1 && errno == EINTR);
	return n;
}

void console_write(struct console *c, const void *buf, size_t len)
{
	const uint8_t *at = buf;

	if (!c->known && c->fd != -1)
		look(c);
	while (len > 0 && c->fd != -1 && !stopped(c) && writable(c)) {
		ssize_t n = write_chunk(c, at, chunk(c, len));

		if (n <= 0)
			break;
		at += n;
		len -= (size_t)n;
		c->written += (uint64_t)n;
	}
	c->dropped += len;
}
