/* SPDX-License-Identifier: ISC */
/* unix_socket.c: calls of Unix sockets, each as this program needs it. */
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_TRIES 100		/* at 10 ms, for another program that is about to replace a file */
#define BUSY_NS 10000000

#define AGAIN_IF_INTERRUPTED(call) \
	({ \
		ssize_t result; \
		do \
			result = (call); \
		while (result == -1 && errno == EINTR); \
		result == -1 ? -errno : result; \
	})

static int new_socket(int type)
{
	const int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd == -1 ? -errno : fd;
}

int unix_socket_connect(const struct unix_place *p, const char *suffix)
{
	const int fd = new_socket(SOCK_STREAM);
	const int rc = fd < 0 ? fd : unix_place_connect(p, suffix, fd);

	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc;
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

/*
 * Whether a program has the socket whose file is there. Asked with a socket of another type, so that
 * a program that listens does not get a connection: it is refused for its type then, and otherwise
 * because there is nobody. 1, 0, or -errno where the host cannot say.
 */
static int is_alive(const struct unix_place *p)
{
	const int fd = new_socket(SOCK_DGRAM);
	const int rc = fd < 0 ? fd : unix_place_connect(p, NULL, fd);

	if (fd < 0)
		return fd;
	close(fd);
	return rc != -ECONNREFUSED;
}

/* 0 if the file may be replaced. */
static int check_stale(const struct unix_place *p)
{
	struct stat st;
	int alive;

	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	alive = is_alive(p);
	return alive < 0 ? alive : alive > 0 ? -EADDRINUSE : 0;
}

/*
 * The directory, locked against programs of this kind that are about to replace a file there too. One
 * that cannot be read is not locked. A descriptor, or -errno.
 */
static int lock_directory(const struct unix_place *p)
{
	const struct timespec pause = {.tv_nsec = BUSY_NS};
	const int fd = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1; i++) {
		const int sys = errno == EWOULDBLOCK ? EBUSY : errno;

		if (sys != EBUSY || i == BUSY_TRIES) {
			close(fd);
			return -sys;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* Takes the place of a file whose program has gone. */
static int replace(const struct unix_place *p, int fd)
{
	const int lock = lock_directory(p);
	int rc = lock < -1 ? lock : check_stale(p);

	if (rc == 0 && unlinkat(p->dir, p->name, 0) == -1)
		rc = -errno;
	if (rc == 0 || rc == -ENOENT)
		rc = unix_place_bind(p, fd);
	if (lock >= 0)
		close(lock);
	return rc;
}

static int listen_failed(const struct unix_place *p, int sys, struct husk_error *e)
{
	if (sys == EEXIST)
		return husk_fail(e, HUSK_E_HOST, "%s: cannot listen: there is a file that is no "
				 "socket: name another path", p->path);
	husk_fail_sys(e, sys, "%s: cannot listen", p->path);
	if (sys == EADDRINUSE)
		return husk_hint(e, "another program has that socket: name another path");
	if (sys == EBUSY)
		return husk_hint(e, "a socket of a monitor that has ended is to be replaced, and "
				 "another program keeps the directory locked");
	if (sys == ENAMETOOLONG)
		return husk_hint(e, "the address of a socket has no room for such a name");
	return -1;
}

/* Listens, and takes note of the file, which is removed again on failure. */
static int begin(struct unix_listener *l, const struct unix_place *p)
{
	struct stat st;

	if (listen(l->fd, SOMAXCONN) == -1 ||
	    fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		const int sys = errno;

		(void)unlinkat(p->dir, p->name, 0);
		return -sys;
	}
	l->place = p;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int unix_listener_open(struct unix_listener *l, const struct unix_place *p, struct husk_error *e)
{
	int rc;

	*l = (struct unix_listener){.fd = new_socket(SOCK_STREAM)};
	rc = l->fd < 0 ? l->fd : unix_place_bind(p, l->fd);
	if (rc == -EADDRINUSE)
		rc = replace(p, l->fd);
	if (rc == 0)
		rc = begin(l, p);
	if (rc == 0)
		return 0;
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct unix_listener){.fd = -1};
	return listen_failed(p, -rc, e);
}

int unix_listener_look(const struct unix_place *p, struct husk_error *e)
{
	int rc = check_stale(p);

	if (rc == -ENOENT || rc == 0)
		rc = faccessat(p->dir, ".", W_OK | X_OK, AT_EACCESS) == -1 ? -errno : 0;
	return rc == 0 ? 0 : listen_failed(p, -rc, e);
}

/* ---- sockets that were handed down ---- */

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == -1 ? -errno : value;
}

static int check_listener(int fd, struct husk_error *e)
{
	const int type = socket_option(fd, SO_TYPE);

	if (type == -EBADF) {
		husk_fail_sys(e, EBADF, "descriptor %d", fd);
		return husk_hint(e, "what starts this program must open it and leave it so");
	}
	if (type != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN) <= 0)
		return husk_fail(e, HUSK_E_USAGE, "descriptor %d is no stream socket that listens",
				 fd);
	return 0;
}

/* Its flags are others' too, who may change them. Returns whether they had to be changed. */
static bool make_nonblocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

int unix_listener_adopt(struct unix_listener *l, int fd, bool look, struct husk_error *e)
{
	*l = (struct unix_listener){.fd = -1};
	if (check_listener(fd, e) == -1)
		return -1;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd == -1)
		return husk_fail_sys(e, errno, "descriptor %d", fd);
	l->made_nonblocking = !look && make_nonblocking(l->fd);
	return 0;
}

int unix_listener_accept(const struct unix_listener *l)
{
	if (l->place == NULL)
		(void)make_nonblocking(l->fd);
	return unix_socket_accept(l->fd);
}

static void remove_file(const struct unix_listener *l)
{
	const struct unix_place *p = l->place;
	struct stat st;

	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		(void)unlinkat(p->dir, p->name, 0);
}

void unix_listener_close(struct unix_listener *l)
{
	if (l->fd == -1)
		return;
	if (l->place != NULL && !l->file_stays)
		remove_file(l);
	if (l->made_nonblocking)
		(void)fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) & ~O_NONBLOCK);
	close(l->fd);
	*l = (struct unix_listener){.fd = -1};
}
