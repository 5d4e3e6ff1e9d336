/* SPDX-License-Identifier: ISC */
/* sink.c: gathers lines, and writes them in large pieces. */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sink_init(struct sink *s, struct husk_error *e)
{
	*s = (struct sink){.to.out.fd = -1};
	s->buffer = malloc(SINK_SIZE + 2 * SINK_LINE_MAX);
	if (s->buffer == NULL)
		return husk_fail_sys(e, ENOMEM, "output");
	s->line = fmemopen(s->buffer + SINK_SIZE, SINK_LINE_MAX, "w");
	if (s->line == NULL) {
		husk_fail_sys(e, errno, "output");
		sink_fini(s);
		return -1;
	}
	setvbuf(s->line, s->buffer + SINK_SIZE + SINK_LINE_MAX, _IOFBF, SINK_LINE_MAX);
	return 0;
}

void sink_attach(struct sink *s, int fd, struct waiter *w, uint64_t patience_ns, bool at_once)
{
	console_init(&s->to, fd, w, patience_ns);
	s->at_once = at_once;
	s->n = 0;
	s->deadline = 0;
	s->lines = s->dropped = 0;
}

void sink_hurry(struct sink *s, unsigned ms)
{
	s->deadline = ms == 0 ? 0 : clock_deadline(ms * CLOCK_NS_PER_MS);
}

static size_t write_out(struct sink *s)
{
	if (s->n == 0 || (s->deadline != 0 && clock_now_ns() >= s->deadline))
		return 0;
	return s->deadline != 0 ? console_write_last(&s->to, s->buffer, s->n) :
	       console_write(&s->to, s->buffer, s->n);
}

void sink_flush(struct sink *s)
{
	const size_t done = write_out(s);

	s->n -= done;
	memmove(s->buffer, s->buffer + done, s->n);
}

static void add(struct sink *s, const void *line, size_t len)
{
	if (len > SINK_SIZE - s->n)
		sink_flush(s);
	if (len > SINK_SIZE - s->n) {
		s->dropped++;
		return;
	}
	memcpy(s->buffer + s->n, line, len);
	s->n += len;
	if (s->at_once)
		sink_flush(s);
}

void sink_put(struct sink *s)
{
	const long len = ftell(s->line);

	if (len == 0)
		return;
	s->lines++;
	if (fflush(s->line) == 0 && len > 0 && (size_t)len < SINK_LINE_MAX)
		add(s, s->buffer + SINK_SIZE, (size_t)len);
	else
		s->dropped++;
	rewind(s->line);
}

void sink_detach(struct sink *s)
{
	console_fini(&s->to);
}

void sink_fini(struct sink *s)
{
	if (s->line != NULL)
		fclose(s->line);	/* its buffers are in ours */
	s->line = NULL;
	free(s->buffer);
	s->buffer = NULL;
}
