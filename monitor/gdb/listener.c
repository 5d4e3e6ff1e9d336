/* SPDX-License-Identifier: ISC */
/* listener.c: opens the socket that a debugger connects to, and removes it. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- options ---- */

#define NOWAIT ",nowait"

static bool is_number(const char *text, size_t len)
{
	return len > 0 && strspn(text, "0123456789") >= len;
}

static int read_port(const char *text, size_t len, uint16_t *port, struct husk_error *e)
{
	unsigned long long n;
	char copy[8];

	snprintf(copy, sizeof copy, "%.*s", (int)(len < 7 ? len : 7), text);
	if (option_number(copy, 0, UINT16_MAX, &n, e) == -1)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

int gdb_port_check(const char *value, struct husk_error *e)
{
	uint16_t port;

	if (is_number(value, strlen(value)) && read_port(value, strlen(value), &port, e) == 0)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "Malformed argument to --gdb-port: `%.20s' is no port "
			 "from 0 to 65535", value);
}

static size_t without_nowait(const char *value, bool *nowait)
{
	const size_t len = strlen(value), end = strlen(NOWAIT);

	*nowait = len >= end && strcmp(value + len - end, NOWAIT) == 0;
	return *nowait ? len - end : len;
}

/* localhost:1234 and its like would be taken for the name of a file, where nobody looks for husk. */
static int read_path(struct gdb_place *p, const char *path, size_t len, struct husk_error *e)
{
	if (memchr(path, '/', len) == NULL &&
	    (memchr(path, ':', len) != NULL || path[0] == '@' || (path[0] >= '0' && path[0] <= '9')))
		return husk_fail(e, HUSK_E_USAGE, "--gdb=%.100s: neither a port of this host nor a path; "
				 "a file of that name is ./%.100s", path, path);
	p->path = path;
	p->path_len = len;
	return 0;
}

int gdb_place_read(struct gdb_place *p, const struct settings *settings, struct husk_error *e)
{
	const struct setting *where = settings_find(settings, "gdb", NULL);
	const struct setting *port = settings_find(settings, "gdb-port", NULL);
	size_t len;

	*p = (struct gdb_place){.wanted = where != NULL, .port = GDB_PORT};
	if (port != NULL && where == NULL)
		return husk_fail(e, HUSK_E_USAGE, "--gdb-port=%s: there is no --gdb", port->value);
	if (where == NULL)
		return 0;
	len = without_nowait(where->value, &p->nowait);
	if (port != NULL && len > 0)
		return husk_fail(e, HUSK_E_USAGE, "--gdb=%s and --gdb-port=%s: give one place",
				 where->value, port->value);
	if (port != NULL)
		return read_port(port->value, strlen(port->value), &p->port, e);
	if (len == 0)
		return 0;
	if (is_number(where->value, len))
		return read_port(where->value, len, &p->port, e) == 0 ? 0 :
		       husk_wrap(e, "--gdb=%s", where->value);
	return read_path(p, where->value, len, e);
}

/* ---- a Unix socket ---- */

static int address_of(const struct gdb_place *p, struct sockaddr_un *address, struct husk_error *e)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (p->path_len >= sizeof address->sun_path)
		return husk_fail(e, HUSK_E_USAGE, "--gdb=%s: a socket's path has at most %zu "
				 "characters", p->path, sizeof address->sun_path - 1);
	memcpy(address->sun_path, p->path, p->path_len);
	return 0;
}

/*
 * Whether nobody has the socket whose file is there. A socket of another type asks, so that a program
 * that listens gets no connection.
 */
static bool is_left_over(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stat st;
	bool dead;

	if (fd == -1)
		return false;
	dead = lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const struct sockaddr *)address, sizeof *address) == -1 &&
	       errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static int bind_to(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (!is_left_over(address) || unlink(address->sun_path) == -1) {
		errno = EADDRINUSE;
		return -1;
	}
	return bind(fd, (const struct sockaddr *)address, sizeof *address);
}

/* The directory is kept, as the file is removed after the sandbox is closed. */
static int note_file(struct gdb_listener *l, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[sizeof ((struct sockaddr_un *)0)->sun_path];
	struct stat st;

	snprintf(dir, sizeof dir, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		 slash == NULL ? "." : path);
	snprintf(l->name, sizeof l->name, "%s", slash == NULL ? path : slash + 1);
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir == -1 || fstatat(l->dir, l->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

/* Nobody can connect before listen, so that there is no moment in which others could. */
static int begin_unix(struct gdb_listener *l, const struct sockaddr_un *address)
{
	/* On Linux the file has its mode from the socket; where it has not, no link is followed. */
	const bool closed = fchmod(l->fd, S_IRUSR | S_IWUSR) == 0;

	if (bind_to(l->fd, address) == -1)
		return -1;
	if ((closed || fchmodat(AT_FDCWD, address->sun_path, S_IRUSR | S_IWUSR,
				AT_SYMLINK_NOFOLLOW) == 0) &&
	    note_file(l, address->sun_path) == 0 && listen(l->fd, 1) == 0)
		return 0;
	(void)unlink(address->sun_path);
	return -1;
}

static int open_unix(struct gdb_listener *l, const struct gdb_place *p, struct husk_error *e)
{
	struct sockaddr_un address;

	if (address_of(p, &address, e) == -1)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd != -1 && begin_unix(l, &address) == 0) {
		snprintf(l->where, sizeof l->where, "%s", address.sun_path);
		return 0;
	}
	husk_fail_sys(e, errno, "--gdb=%s", address.sun_path);
	if (e->sys == ENOENT)
		return husk_hint(e, "make its directory first, or name a socket elsewhere");
	return e->sys != EADDRINUSE ? -1 :
	       husk_hint(e, "somebody listens there, or the file is no socket: name another");
}

/* ---- a port ---- */

static int begin_port(int fd, uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof address;
	const int on = 1;

	/* Connections inherit the last two. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1 ||
	    listen(fd, 1) == -1 || getsockname(fd, (struct sockaddr *)&address, &len) == -1)
		return -1;
	*port = ntohs(address.sin_port);
	return 0;
}

static int open_port(struct gdb_listener *l, const struct gdb_place *p, struct husk_error *e)
{
	uint16_t port = p->port;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd != -1 && begin_port(l->fd, &port) == 0) {
		snprintf(l->where, sizeof l->where, "localhost:%u", port);
		return 0;
	}
	husk_fail_sys(e, errno, "--gdb: port %u", p->port);
	return e->sys != EADDRINUSE ? -1 :
	       husk_hint(e, "somebody listens there: name another, or 0 for one that is free");
}

/* ---- both ---- */

int gdb_listener_open(struct gdb_listener *l, const struct gdb_place *p, struct husk_error *e)
{
	*l = (struct gdb_listener){.fd = -1, .dir = -1};
	if ((p->path != NULL ? open_unix(l, p, e) : open_port(l, p, e)) == 0)
		return 0;
	gdb_listener_close(l);
	return -1;
}

static void remove_file(const struct gdb_listener *l)
{
	struct stat st;

	if (l->name[0] != '\0' && fstatat(l->dir, l->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == l->dev && st.st_ino == l->ino)
		(void)unlinkat(l->dir, l->name, 0);
}

void gdb_listener_close(struct gdb_listener *l)
{
	if (l->fd != -1)
		close(l->fd);
	if (l->dir != -1 && !l->file_stays)
		remove_file(l);
	if (l->dir != -1)
		close(l->dir);
	l->fd = l->dir = -1;
}

int gdb_listener_accept(const struct gdb_listener *l)
{
	return accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
