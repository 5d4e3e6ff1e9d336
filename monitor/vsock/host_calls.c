/* SPDX-License-Identifier: ISC */
/* host_calls.c: what host.h asks for, by Unix sockets and the I/O thread; each call is counted. */
#include <sys/socket.h>
#include <unistd.h>

#include "counter.h"
#include "guest.h"
#include "unix_socket.h"

/* The device, one system call of which is about to be made. */
static struct vsock_guest *counted(void *ctx)
{
	struct vsock_guest *g = ctx;

	counter_add(&g->thread_calls, 1);
	return g;
}

static int host_connect(void *ctx, uint32_t port)
{
	const struct vsock_guest *g = counted(ctx);

	return vsock_routes_connect(&g->routes, port);
}

static int host_accept(void *ctx, int listener)
{
	const struct vsock_guest *g = counted(ctx);

	return vsock_routes_accept(&g->routes, listener);
}

static ssize_t host_read(void *ctx, int fd, const struct iovec *iov, int n)
{
	counted(ctx);
	return unix_socket_read(fd, iov, n);
}

static ssize_t host_write(void *ctx, int fd, const struct iovec *iov, int n)
{
	counted(ctx);
	return unix_socket_write(fd, iov, n);
}

static ssize_t host_peek(void *ctx, int fd, void *buf, size_t size)
{
	counted(ctx);
	return unix_socket_peek(fd, buf, size);
}

static void host_shutdown(void *ctx, int fd, int how)
{
	counted(ctx);
	(void)shutdown(fd, how);
}

static void host_close(void *ctx, int fd)
{
	counted(ctx);
	close(fd);
}

static int host_watch(void *ctx, int fd, uint64_t key)
{
	struct vsock_guest *g = counted(ctx);

	return io_thread_watch(&g->module->thread, g->client, fd, key);
}

static int host_watch_writable(void *ctx, int fd, uint64_t key, bool wanted)
{
	struct vsock_guest *g = counted(ctx);

	return io_thread_watch_writable(&g->module->thread, g->client, fd, key, wanted);
}

struct vsock_host guest_host_calls(struct vsock_guest *g)
{
	return (struct vsock_host){
		.connect = host_connect, .accept = host_accept, .read = host_read,
		.write = host_write, .peek = host_peek, .shutdown = host_shutdown,
		.close = host_close, .watch = host_watch, .watch_writable = host_watch_writable,
		.ctx = g,
	};
}
