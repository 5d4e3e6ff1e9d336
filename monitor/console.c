/* SPDX-License-Identifier: ISC */
/* console.c: writes that wait for a slow reader, but not for one that is gone. */
#include "console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "probe.h"

/* Writes in a row that take nothing although the descriptor polls writable, before a pause. */
#define REFUSALS 8u
#define PAUSE_NS 1000000u

#define PIECE 4096u	/* bytes for a callback at a time */

/* No signal interrupts a write to a file, so after a stop it is written in small pieces. */
#define LAST_CHUNK ((size_t)PIPE_BUF)

uint64_t console_patience(const struct settings *settings)
{
	const struct setting *s = settings_find(settings, "console-patience", NULL);
	uint64_t ns = CLOCK_NEVER;
	struct husk_error ignored;

	if (s != NULL)
		(void)option_time(s->value, &ns, &ignored);
	return ns;
}

void console_init(struct console *c, int fd, struct waiter *w, uint64_t patience_ns)
{
	*c = (struct console){.waiter = w, .patience_ns = patience_ns};
	output_init(&c->out, fd);
}

void console_divert(struct console *c, console_take *take, void *ctx)
{
	c->take = take;
	c->take_ctx = ctx;
}

void console_fini(struct console *c)
{
	output_fini(&c->out);
}

/* The text of one call, and how long to wait for its reader. */
struct text {
	const uint8_t *at;
	size_t left;
	uint64_t deadline;	/* clock.h; 0: not set */
	unsigned refused;	/* writes that took nothing although it polled writable */
};

static void taken(struct console *c, struct text *t, size_t n)
{
	t->at += n;
	t->left -= n;
	t->deadline = 0;
	t->refused = 0;
	c->written += n;
	PROBE1(console, n);
	c->outage = 0;
}

static void lose(struct console *c, struct text *t, int error)
{
	c->lost += t->left;
	t->left = 0;
	c->outages += c->outage == 0;
	c->outage = error;
}

/* The text may be guest memory, which changes. */
static void hand_over(struct console *c, struct text *t)
{
	uint8_t copy[PIECE];
	const size_t n = t->left < sizeof copy ? t->left : sizeof copy;

	memcpy(copy, t->at, n);
	c->take(c->take_ctx, copy, n);
	taken(c, t, n);
}

/*
 * Writes the beginning of the text, or gives all of it up as lost. Returns false if there is no
 * room now.
 */
static bool output_some(struct console *c, struct text *t, size_t most)
{
	ssize_t n = output_write(&c->out, t->at, t->left < most ? t->left : most);

	if (n > 0)
		taken(c, t, (size_t)n);
	else if (n == -1 && errno == EAGAIN)
		return false;
	else if (n == 0 || errno != EINTR)
		lose(c, t, n == 0 ? EIO : errno);
	return true;
}

static bool write_some(struct console *c, struct text *t, size_t most)
{
	if (c->take == NULL)
		return output_some(c, t, most);
	hand_over(c, t);
	return true;
}

/*
 * The limit for this text: none left for a reader that has exceeded it before and taken nothing
 * since.
 */
static uint64_t patience(const struct console *c)
{
	if (c->outage == EAGAIN || c->patience_ns == 0)
		return 0;
	return c->patience_ns == CLOCK_NEVER ? CLOCK_NEVER : clock_deadline(c->patience_ns);
}

/*
 * A descriptor may poll writable and take nothing for ever: without a pause that would be a busy
 * loop.
 */
static enum wait_end pause_before_retry(struct console *c, const struct text *t, struct husk_error *e)
{
	struct pollfd own;
	enum wait_end end = wait_for(c->waiter, &own, 0, clock_deadline(PAUSE_NS), &c->calls, e);

	return end == WAIT_TIMEOUT && clock_now_ns() < t->deadline ? WAIT_READY : end;
}

/*
 * Waits until the next write may succeed, or gives up the text. Posted requests end the wait too.
 */
static void wait_for_room(struct console *c, struct text *t)
{
	struct pollfd fds[2] = {{.fd = c->out.fd, .events = POLLOUT}};
	enum wait_end end = WAIT_TIMEOUT;
	struct husk_error e;

	if (t->deadline == 0)
		t->deadline = patience(c);
	if (t->deadline != 0)
		end = wait_for(c->waiter, fds, 1, t->deadline, &c->calls, &e);
	if (end == WAIT_READY && ++t->refused > REFUSALS)
		end = pause_before_retry(c, t, &e);
	if (end == WAIT_TIMEOUT || end == WAIT_FAILED)
		lose(c, t, end == WAIT_TIMEOUT ? EAGAIN : e.sys);
}

static bool asked(const struct console *c)
{
	return mailbox_has(c->waiter->mailbox, ~0u);
}

size_t console_write(struct console *c, const void *buf, size_t len)
{
	struct text t = {.at = buf, .left = len};

	while (t.left > 0) {
		if (!write_some(c, &t, SIZE_MAX))
			wait_for_room(c, &t);
		if (asked(c))
			break;
	}
	return len - t.left;
}

size_t console_write_last(struct console *c, const void *buf, size_t len)
{
	const uint64_t end = clock_deadline(CONSOLE_GRACE_MS * CLOCK_NS_PER_MS);
	struct text t = {.at = buf, .left = len};
	struct pollfd p = {.fd = c->out.fd, .events = POLLOUT};
	uint64_t now;

	while (t.left > 0 && (now = clock_now_ns()) < end) {
		if (write_some(c, &t, LAST_CHUNK))
			continue;
		c->calls++;
		(void)poll(&p, 1, (int)((end - now) / CLOCK_NS_PER_MS) + 1);
	}
	return len - t.left;
}
