/* SPDX-License-Identifier: ISC */
/* unix_socket.c: calls of Unix sockets, each as this program needs it. */
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_IF_INTERRUPTED(call) \
	({ \
		ssize_t result; \
		do \
			result = (call); \
		while (result == -1 && errno == EINTR); \
		result == -1 ? -errno : result; \
	})

static int address_of(const char *path, struct sockaddr_un *address)
{
	const size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len > UNIX_SOCKET_PATH_MAX)
		return -ENAMETOOLONG;
	if (len == 0)
		return -ENOENT;		/* it would be an abstract name of no bytes */
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

static int new_socket(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd == -1 ? -errno : fd;
}

/* -errno of the call before, with fd closed. */
static int give_up(int fd)
{
	const int sys = errno;

	close(fd);
	return -sys;
}

int unix_socket_connect(const char *path)
{
	struct sockaddr_un address;
	const int rc = address_of(path, &address);
	const int fd = rc < 0 ? rc : new_socket();

	if (fd < 0)
		return fd;
	if (AGAIN_IF_INTERRUPTED(connect(fd, (const struct sockaddr *)&address,
					 sizeof address)) < 0)
		return give_up(fd);
	return fd;
}

int unix_socket_accept(int listener)
{
	return (int)AGAIN_IF_INTERRUPTED(accept4(listener, NULL, NULL,
						 SOCK_NONBLOCK | SOCK_CLOEXEC));
}

ssize_t unix_socket_read(int fd, const struct iovec *iov, int n)
{
	return AGAIN_IF_INTERRUPTED(readv(fd, iov, n));
}

ssize_t unix_socket_write(int fd, const struct iovec *iov, int n)
{
	struct msghdr m = {0};

	m.msg_iovlen = (__typeof__(m.msg_iovlen))n;	/* int, or size_t */
	memcpy(&m.msg_iov, &iov, sizeof iov);	/* whose type lacks the const that sendmsg keeps */
	return AGAIN_IF_INTERRUPTED(sendmsg(fd, &m, MSG_NOSIGNAL));
}

ssize_t unix_socket_peek(int fd, void *buf, size_t size)
{
	return AGAIN_IF_INTERRUPTED(recv(fd, buf, size, MSG_PEEK));
}

/* ---- listening ---- */

/* Whether path is the file of a socket at which nobody listens any more. */
static bool is_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = unix_socket_connect(path);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

static int bind_to(int fd, const char *path, const struct sockaddr_un *address)
{
	const struct sockaddr *a = (const struct sockaddr *)address;

	if (bind(fd, a, sizeof *address) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(path))
		return -EADDRINUSE;
	if (unlink(path) == -1 || bind(fd, a, sizeof *address) == -1)
		return -errno;
	return 0;
}

static int listen_failed(const char *path, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "%s: cannot listen", path);
	if (sys == EADDRINUSE)
		husk_hint(e, "another program listens there, or it is no socket: name another path");
	if (sys == ENAMETOOLONG)
		husk_hint(e, "a socket's path has at most %zu bytes", UNIX_SOCKET_PATH_MAX);
	return -1;
}

int unix_listener_open(struct unix_listener *l, const char *path, struct husk_error *e)
{
	struct sockaddr_un address;
	struct stat st;
	int rc = address_of(path, &address);
	const int fd = rc < 0 ? rc : new_socket();

	*l = (struct unix_listener){.fd = -1};
	if (fd < 0)
		return listen_failed(path, -fd, e);
	rc = bind_to(fd, path, &address);
	if (rc < 0) {
		close(fd);
		return listen_failed(path, -rc, e);
	}
	if (listen(fd, SOMAXCONN) == -1 || lstat(path, &st) == -1) {
		rc = give_up(fd);
		(void)unlink(path);
		return listen_failed(path, -rc, e);
	}
	*l = (struct unix_listener){.fd = fd, .path = path, .dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

void unix_listener_close(struct unix_listener *l)
{
	struct stat st;

	if (l->fd == -1)
		return;
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		(void)unlink(l->path);
	close(l->fd);
	*l = (struct unix_listener){.fd = -1};
}
