/* SPDX-License-Identifier: ISC */
/*
 * main_messages.c: lines on stderr, written with a short limit, and requested output, written in
 * full.
 */
#include "main_messages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "main_signals.h"

/* Interval at which a wait checks for a signal that asks for the end. */
#define SLICE_MS 100

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * How long to wait for the reader from now on. *end: when the wait must end; 0 until a signal asks
 * for the end, which then sets it.
 */
static int wait_limit_ms(long *end)
{
	long left;

	if (*end == 0 && signals_asked() != 0)
		*end = now_ms() + MESSAGES_PATIENCE_MS;
	if (*end == 0)
		return SLICE_MS;
	left = *end - now_ms();
	return left > 0 ? (int)left : 0;
}

/* A descriptor may poll writable and take nothing; then the write is retried a little later. */
static void wait_for_room(const struct output *o, int ms)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	if (poll(&p, 1, ms) > 0)
		(void)poll(NULL, 0, 1);
}

/*
 * Writes all of text, with one call if all of it is taken. Returns 0, or the errno of the failure.
 */
static int write_all(struct output *o, const char *text, size_t len, long end)
{
	while (len > 0) {
		ssize_t n = output_write(o, text, len);
		int ms;

		if (n > 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return n == 0 ? EIO : errno;
		ms = wait_limit_ms(&end);
		if (ms == 0)
			return EAGAIN;
		wait_for_room(o, ms);
	}
	return 0;
}

/* ---- messages ---- */

void messages_init(struct messages *m, const char *program)
{
	*m = (struct messages){.program = program, .out.fd = -1, .to = STDERR_FILENO};
}

void messages_fini(struct messages *m)
{
	output_fini(&m->out);
}

void messages_redirect(struct messages *m, int fd)
{
	output_fini(&m->out);
	m->out.fd = -1;
	m->to = fd;
}

static struct output *output_of(struct messages *m)
{
	if (m->to != -1 && m->out.fd == -1)
		output_init(&m->out, m->to);
	return &m->out;
}

bool messages_overwrite(struct messages *m, const char *path)
{
	return output_changes(output_of(m), path);
}

void messages_settle(struct messages *m)
{
	output_settle(output_of(m));
}

/*
 * Replaces control characters, which would affect a terminal; names and paths are shown as they are
 * otherwise.
 */
static void make_harmless(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

/* Returns the line's length, its end included. */
static size_t make_line(const struct messages *m, const char *text, char *line, size_t room)
{
	int n = snprintf(line, room - 1, "%.64s: %s", m->program, text);
	size_t len = n < 0 ? 0 : (size_t)n < room - 1 ? (size_t)n : room - 2;

	make_harmless(line, len);
	line[len] = '\n';
	return len + 1;
}

void messages_say(struct messages *m, const char *text)
{
	char lines[4 * sizeof ((struct husk_error *)0)->message], lost[64];
	size_t n = 0;

	if (m->to == -1)
		return;
	(void)output_of(m);
	if (m->lost > 0) {
		snprintf(lost, sizeof lost, "%u messages before this one were lost", m->lost);
		n = make_line(m, lost, lines, sizeof lines);
	}
	n += make_line(m, text, lines + n, sizeof lines - n);
	m->stuck = write_all(&m->out, lines, n,
			     now_ms() + (m->stuck ? 0 : MESSAGES_PATIENCE_MS)) != 0;
	m->lost = m->stuck ? m->lost + 1 : 0;
}

void messages_write(struct messages *m, const char *text, size_t len)
{
	if (m->to != -1)
		(void)write_all(output_of(m), text, len, now_ms() + MESSAGES_PATIENCE_MS);
}

/* ---- answers ---- */

static ssize_t on_write(void *cookie, const char *buf, size_t len)
{
	struct answer *a = cookie;

	if (a->failed == 0)
		a->failed = write_all(&a->out, buf, len, 0);
	return a->failed == 0 ? (ssize_t)len : 0;
}

int answer_open(struct answer *a, int fd, struct husk_error *e)
{
	*a = (struct answer){.failed = 0};
	a->stream = fopencookie(a, "w", (cookie_io_functions_t){.write = on_write});
	if (a->stream == NULL)
		return husk_fail_sys(e, ENOMEM, "output");
	(void)setvbuf(a->stream, NULL, _IOLBF, 0);
	output_init(&a->out, fd);
	if (a->out.fd == -1)
		a->failed = EBADF;
	return 0;
}

/* Some errors, of network file systems or quotas, are reported only by close. */
static int close_copy(int fd)
{
	int copy = dup(fd);

	/* None is left for it (FreeBSD: EBADF, if the limit is below fd): all was taken by then. */
	if (copy == -1)
		return errno == EMFILE || errno == EBADF ? 0 : errno;
	return close(copy) == -1 ? errno : 0;
}

static int finish(struct answer *a, const char *what, struct husk_error *e)
{
	if (a->failed == 0)
		a->failed = close_copy(a->out.fd);
	output_fini(&a->out);
	return a->failed == 0 ? 0 : husk_fail_sys(e, a->failed, "writing to %s", what);
}

int answer_close(struct answer *a, const char *what, struct husk_error *e)
{
	(void)fclose(a->stream);
	return finish(a, what, e);
}

int answer_to(struct output *out, const char *text, size_t len, const char *what,
	      struct husk_error *e)
{
	struct answer a = {.out = *out};
	int rc;

	a.failed = a.out.fd == -1 ? EBADF : write_all(&a.out, text, len, 0);
	rc = finish(&a, what, e);
	*out = a.out;
	return rc;
}

int answer_with(int fd, const char *text, size_t len, const char *what, struct husk_error *e)
{
	struct output out;

	output_init(&out, fd);
	return answer_to(&out, text, len, what, e);
}

bool answer_overwrites(int fd, const char *path)
{
	struct output file = {.fd = fd};
	struct stat st;

	if (path == NULL || fstat(fd, &st) == -1)
		return false;
	file.file = S_ISREG(st.st_mode);
	file.dev = st.st_dev;
	file.ino = st.st_ino;
	return output_changes(&file, path);
}
