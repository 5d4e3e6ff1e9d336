/* SPDX-License-Identifier: ISC */
/* fake_host.c: a host whose sockets do what a test says. */
#include "fake_host.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

uint8_t vsock_fake_byte(uint8_t stream, uint64_t n)
{
	return (uint8_t)(n * 7 + n / 251 + stream);
}

struct fake_socket *vsock_fake_socket(struct vsock_fake *f, int fd)
{
	struct fake_socket *s = &f->sockets[(unsigned)(fd - FAKE_FD) % FAKE_SOCKETS];

	f->misused += fd < FAKE_FD || fd >= FAKE_FD + FAKE_SOCKETS || !s->open;
	return s;
}

static int add_socket(struct vsock_fake *f, const struct fake_socket *like)
{
	for (int i = 0; i < FAKE_SOCKETS; i++) {
		struct fake_socket *s = &f->sockets[i];

		if (s->open)
			continue;
		*s = *like;
		s->open = true;
		s->key = 0;
		s->stream = f->next_stream++;
		f->open++;
		f->most_open = f->open > f->most_open ? f->open : f->most_open;
		return FAKE_FD + i;
	}
	return -EMFILE;
}

static int fake_connect(void *ctx, uint32_t port)
{
	static const struct fake_socket server = {.room = UINT64_MAX};
	struct vsock_fake *f = ctx;

	f->connects++;
	f->connected_port = port;
	return f->connect_error != 0 ? -f->connect_error : add_socket(f, &server);
}

static int fake_accept(void *ctx, int listener)
{
	struct vsock_fake *f = ctx;
	int fd;

	f->misused += listener != FAKE_LISTENER;
	if (f->accept_error != 0)
		return -f->accept_error;
	if (f->waiting == 0)
		return -EAGAIN;
	fd = add_socket(f, &f->client);
	f->waiting -= fd >= 0;
	return fd;
}

/* One byte of what the program has to say; -1 at the end of what is there. */
static int next_byte(struct fake_socket *s, bool take)
{
	int byte = -1;

	if (s->text_at < s->n_text) {
		byte = s->text[s->text_at];
		s->text_at += take;
	} else if (s->readable > 0) {
		byte = vsock_fake_byte(s->stream, s->sent);
		s->sent += take;
		s->readable -= take;
	}
	return byte;
}

static ssize_t fake_read(void *ctx, int fd, const struct iovec *iov, int n)
{
	struct fake_socket *s = vsock_fake_socket(ctx, fd);
	struct vsock_fake *f = ctx;
	size_t done = 0;

	f->reads++;
	if (s->read_error != 0)
		return -s->read_error;
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++) {
			int byte = s->most != 0 && done == s->most ? -1 : next_byte(s, true);

			if (byte == -1)
				return done > 0 ? (ssize_t)done : s->ends ? 0 : -EAGAIN;
			((uint8_t *)iov[i].iov_base)[j] = (uint8_t)byte;
			done++;
		}
	return (ssize_t)done;
}

static ssize_t fake_peek(void *ctx, int fd, void *buf, size_t size)
{
	struct fake_socket *s = vsock_fake_socket(ctx, fd), copy = *s;
	struct vsock_fake *f = ctx;
	const struct iovec iov = {buf, size};
	ssize_t n;

	n = fake_read(f, fd, &iov, 1);
	*s = copy;
	return n;
}

static void take_byte(struct fake_socket *s, uint8_t byte)
{
	if (s->got < sizeof s->head)
		s->head[s->got] = byte;
	if (s->got >= s->skip)
		s->wrong |= byte != vsock_fake_byte((uint8_t)~s->stream, s->got - s->skip);
	s->wrong |= s->shut_write;
	s->got++;
	s->room--;
}

static ssize_t fake_write(void *ctx, int fd, const struct iovec *iov, int n)
{
	struct fake_socket *s = vsock_fake_socket(ctx, fd);
	size_t done = 0;

	if (s->write_error != 0 || s->hung_up)
		return -(s->write_error != 0 ? s->write_error : EPIPE);
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++, done++) {
			if (s->room == 0 || (s->most != 0 && done == s->most))
				return done > 0 ? (ssize_t)done : -EAGAIN;
			take_byte(s, ((const uint8_t *)iov[i].iov_base)[j]);
		}
	return (ssize_t)done;
}

static void fake_shutdown(void *ctx, int fd, int how)
{
	struct fake_socket *s = vsock_fake_socket(ctx, fd);

	s->shut_read |= how == SHUT_RD;
	s->shut_write |= how == SHUT_WR;
}

static void fake_close(void *ctx, int fd)
{
	struct vsock_fake *f = ctx;

	vsock_fake_socket(f, fd)->open = false;
	f->open--;
}

static int fake_watch(void *ctx, int fd, uint64_t key)
{
	struct vsock_fake *f = ctx;
	struct fake_socket *s;

	if (f->watch_error != 0)
		return -f->watch_error;
	if (fd == FAKE_LISTENER) {
		f->listener_key = key;
		return 0;
	}
	s = vsock_fake_socket(f, fd);
	s->key = key;
	s->events |= VSOCK_WRITABLE;
	if (s->n_text > 0 || s->readable > 0 || s->ends)
		s->events |= VSOCK_READABLE;
	if (s->hung_up)
		s->events |= VSOCK_HUNG_UP;
	return 0;
}

static int fake_watch_writable(void *ctx, int fd, uint64_t key, bool wanted)
{
	struct vsock_fake *f = ctx;
	struct fake_socket *s = vsock_fake_socket(f, fd);

	f->misused += s->key != key;
	f->writable_calls++;
	if (f->writable_error != 0)
		return -f->writable_error;
	s->untold = !wanted;
	if (wanted && s->room > 0)
		s->events |= VSOCK_WRITABLE;
	return 0;
}

void vsock_fake_init(struct vsock_fake *f, struct vsock_host *host)
{
	memset(f, 0, sizeof *f);
	f->client.room = UINT64_MAX;
	*host = (struct vsock_host){
		.connect = fake_connect, .accept = fake_accept, .read = fake_read,
		.write = fake_write, .peek = fake_peek, .shutdown = fake_shutdown,
		.close = fake_close, .watch = fake_watch,
		.watch_writable = fake_watch_writable, .ctx = f,
	};
}

bool vsock_fake_event(struct vsock_fake *f, uint64_t *key, unsigned *events)
{
	for (unsigned i = 0; i < FAKE_SOCKETS; i++) {
		struct fake_socket *s = &f->sockets[i];

		if (!s->open || s->events == 0)
			continue;
		*key = s->key;
		*events = s->events;
		if (s->ends && (s->events & VSOCK_READABLE) != 0)
			*events |= VSOCK_ENDS;
		s->events = 0;
		return true;
	}
	return false;
}
