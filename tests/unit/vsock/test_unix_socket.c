/* SPDX-License-Identifier: ISC */
/* test_unix_socket.c: Unix sockets of this host, one by one and below the connections of a guest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../monitor/vsock/unix_socket.c"

#include <sys/un.h>

#include "expect.h"

#define NAME_MAX_HERE (sizeof((struct sockaddr_un *)0)->sun_path - 1)

struct fixture {
	char dir[64], path[96];
	struct unix_place place;
	struct unix_listener l;
	int files;
	struct husk_error e;
};

static struct fixture f;

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);

/* FreeBSD says of an option that is set by its bit, not 1. */
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	const int rc = __real_getsockopt(fd, level, option, value, size);

	if (rc == 0 && option == SO_ACCEPTCONN && *(int *)value != 0)
		*(int *)value = 2;
	return rc;
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.l.fd = -1;
	f.files = open_descriptors();
	strcpy(f.dir, "/tmp/husk-unix-XXXXXX");
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof f.path, "%s/s", f.dir);
	return unix_place_open(&f.place, f.path, strlen(f.path), &f.e);
}

static int tear_down(void **state)
{
	(void)state;
	unix_listener_close(&f.l);
	(void)unlink(f.path);
	unix_place_close(&f.place);
	unix_place_close(&f.place);
	assert_int_equal(open_descriptors(), f.files);
	return rmdir(f.dir);
}

static void opens(void)
{
	if (unix_listener_open(&f.l, &f.place, &f.e) == -1)
		fail_msg("%s", f.e.message);
}

/* Both what would listen and what only looks. */
static void refuses(const struct unix_place *p, const char *message)
{
	struct unix_listener l;

	assert_int_equal(unix_listener_open(&l, p, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, message);
	assert_int_equal(l.fd, -1);
	f.e = (struct husk_error){0};
	assert_int_equal(unix_listener_look(p, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, message);
}

/* To f.dir and a name of so many bytes. */
static int connects(size_t len, char fill)
{
	char path[400];
	struct unix_place p;
	int fd;

	snprintf(path, sizeof path, "%s/", f.dir);
	memset(path + strlen(f.dir) + 1, fill, len);
	path[strlen(f.dir) + 1 + len] = '\0';
	if (unix_place_open(&p, path, strlen(path), &f.e) == -1)
		fail_msg("%s", f.e.message);
	fd = unix_socket_connect(&p, NULL);
	unix_place_close(&p);
	return fd;
}

/* A pair of connected descriptors. */
static void meet(int *client, int *server)
{
	opens();
	*client = unix_socket_connect(&f.place, NULL);
	assert_true(*client >= 0);
	*server = unix_socket_accept(f.l.fd);
	assert_true(*server >= 0);
}

static void a_client_and_a_listener_meet(void **state)
{
	char text[8] = "hello", got[8] = "";
	const struct iovec out = {text, 5}, in = {got, sizeof got};
	int client, server;

	(void)state;
	meet(&client, &server);
	assert_int_equal(unix_socket_accept(f.l.fd), -EAGAIN);
	assert_int_equal(unix_socket_read(server, &in, 1), -EAGAIN);
	assert_int_equal(unix_socket_peek(server, got, 4), -EAGAIN);
	assert_int_equal(unix_socket_write(client, &out, 1), 5);
	assert_int_equal(unix_socket_peek(server, got, 4), 4);
	assert_int_equal(unix_socket_read(server, &in, 1), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(fcntl(server, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(client, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(client);
	assert_int_equal(unix_socket_read(server, &in, 1), 0);
	close(server);
}

/* V53, bug 9: without an end of the program by SIGPIPE. */
static void writing_to_nobody_is_an_error(void **state)
{
	char text[1] = "x";
	const struct iovec out = {text, 1};
	int client, server;

	(void)state;
	meet(&client, &server);
	close(server);
	assert_int_equal(unix_socket_write(client, &out, 1), -EPIPE);
	close(client);
}

/* V27 */
static void where_nobody_listens_there_is_no_connection(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(unix_socket_connect(&f.place, NULL), -ENOENT);
	fd = open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	/* A file that is no socket; FreeBSD says what it is. */
	fd = unix_socket_connect(&f.place, NULL);
	assert_true(fd == -ECONNREFUSED || fd == -ENOTSOCK);
	assert_int_equal(connects(NAME_MAX_HERE - strlen("/proc/self/fd/99/"), 'x'), -ENOENT);
	assert_int_equal(connects(NAME_MAX_HERE + 1, 'x'), -ENAMETOOLONG);
}

static void a_listener_of_another_kind_is_no_stream(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(fd >= 0);
	strcpy(address.sun_path, f.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(unix_socket_connect(&f.place, NULL), -EPROTOTYPE);
	refuses(&f.place, "another program has that socket");
	close(fd);
}

/* V28, bug 12: at once, and not when there is room. */
static void a_full_backlog_is_told(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int clients[8], n = 0;

	(void)state;
	assert_true(fd >= 0);
	strcpy(address.sun_path, f.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	while (n < 8 && (clients[n] = unix_socket_connect(&f.place, NULL)) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	assert_true(clients[n] == -EAGAIN || clients[n] == -ECONNREFUSED);	/* FreeBSD */
	while (n-- > 0)
		close(clients[n]);
	close(fd);
}

static void the_file_goes_with_the_listener(void **state)
{
	struct stat st;

	(void)state;
	opens();
	assert_int_equal(lstat(f.path, &st), 0);
	unix_listener_close(&f.l);
	assert_int_equal(lstat(f.path, &st), -1);
	unix_listener_close(&f.l);
	opens();
	assert_int_equal(unlink(f.path), 0);
	close(open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	unix_listener_close(&f.l);	/* that file is another's */
	assert_int_equal(lstat(f.path, &st), 0);
}

static void a_stale_file_is_replaced_and_nothing_else(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	opens();
	refuses(&f.place, "another program has that socket");
	close(f.l.fd);			/* as a killed program leaves it */
	assert_int_equal(lstat(f.path, &st), 0);
	opens();
	unix_listener_close(&f.l);
	fd = open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	refuses(&f.place, "there is a file that is no socket");
	assert_int_equal(lstat(f.path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(symlink("nowhere", f.path), 0);
	refuses(&f.place, "there is a file that is no socket");
}

/* Nobody is disturbed by the question whether the socket is in use. */
static void who_listens_is_not_asked_by_a_connection(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(unix_listener_look(&f.place, &f.e), 0);
	assert_int_equal(lstat(f.path, &st), -1);
	opens();
	refuses(&f.place, "another program has that socket");
	assert_int_equal(unix_socket_accept(f.l.fd), -EAGAIN);
	close(f.l.fd);
	assert_int_equal(unix_listener_look(&f.place, &f.e), 0);
	assert_int_equal(lstat(f.path, &st), 0);
	f.l.fd = -1;
}

/* A program that has bound its socket, and does not listen yet, has it nevertheless. */
static void a_socket_that_is_about_to_listen_is_not_replaced(void **state)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(unix_place_bind(&f.place, fd), 0);
	refuses(&f.place, "another program has that socket");
	close(fd);
	opens();
}

/* Two that replace the same file do so one after the other. */
static void a_directory_in_which_another_replaces_is_waited_for(void **state)
{
	const int fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	opens();
	close(f.l.fd);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(unix_listener_open(&f.l, &f.place, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, "another program keeps the directory locked");
	close(fd);
	opens();
}

static void every_refusal_names_the_path(void **state)
{
	static const char *const paths[] = {"", "/", "/tmp/", "..", "/tmp/.", "a/"};
	char longest[300];
	struct unix_place p;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_int_equal(unix_place_open(&p, paths[i], strlen(paths[i]), &f.e), -1);
		assert_error(&f.e, HUSK_E_USAGE, "it names a directory, not a socket");
		assert_int_equal(p.dir, -1);
	}
	assert_int_equal(unix_place_open(&p, "/nonexistent/s", 14, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, "/nonexistent/s: its directory: No such file");
	assert_int_equal(unix_place_open(&p, "/dev/null/s", 11, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, "/dev/null/s: its directory: Not a directory");
	snprintf(longest, sizeof longest, "%s/", f.dir);
	memset(longest + strlen(longest), 'x', NAME_MAX_HERE + 1);
	longest[strlen(f.dir) + 1 + NAME_MAX_HERE + 1] = '\0';
	assert_int_equal(unix_place_open(&p, longest, strlen(longest), &f.e), 0);
	assert_int_equal(unix_listener_open(&f.l, &p, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, "the address of a socket has no room for such a name");
	unix_place_close(&p);
}

/* Whatever becomes of the path to it: the directory is open. */
static void a_place_stays_the_same(void **state)
{
	char path[200], deep[200] = "", moved[96];
	struct unix_place p;
	size_t len = 0;
	int fd;

	(void)state;
	snprintf(moved, sizeof moved, "%s/moved", f.dir);
	for (int i = 0; i < 3; i++) {
		len += (size_t)snprintf(deep + len, sizeof deep - len,
					"%s/0123456789012345678901234567890123456789",
					i == 0 ? f.dir : "");
		assert_int_equal(mkdir(deep, 0700), 0);
	}
	assert_true(snprintf(path, sizeof path, "%s/s", deep) > 107);
	assert_int_equal(unix_place_open(&p, path, strlen(path), &f.e), 0);
	if (unix_listener_open(&f.l, &p, &f.e) == -1)
		fail_msg("%s", f.e.message);
	path[strlen(f.dir) + 41] = '\0';
	assert_int_equal(rename(path, moved), 0);
	fd = unix_socket_connect(&p, NULL);
	assert_true(fd >= 0);
	close(fd);
	unix_listener_close(&f.l);
	assert_int_equal(unix_socket_connect(&p, NULL), -ENOENT);
	unix_place_close(&p);
	assert_int_equal(rename(moved, path), 0);
	for (size_t cut = strlen(f.dir) + 123; cut > strlen(f.dir); cut -= 41) {
		deep[cut] = '\0';
		assert_int_equal(rmdir(deep), 0);
	}
}

/* ---- listeners that were handed down ---- */

static int blocking_listener(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(unix_place_bind(&f.place, fd), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void a_listener_that_is_handed_down_never_blocks(void **state)
{
	const int given = blocking_listener();
	int client;

	(void)state;
	assert_int_equal(unix_listener_adopt(&f.l, given, false, &f.e), 0);
	assert_true(f.l.fd != given);
	assert_int_equal(unix_listener_accept(&f.l), -EAGAIN);
	assert_int_equal(fcntl(given, F_SETFL, 0), 0);	/* another program has it too */
	assert_int_equal(unix_listener_accept(&f.l), -EAGAIN);
	client = unix_socket_connect(&f.place, NULL);
	close(unix_listener_accept(&f.l));
	close(client);
	unix_listener_close(&f.l);
	assert_int_equal(fcntl(given, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(faccessat(AT_FDCWD, f.path, F_OK, 0), 0);
	close(given);
}

static void who_only_looks_changes_no_flag(void **state)
{
	const int given = blocking_listener();

	(void)state;
	assert_int_equal(unix_listener_adopt(&f.l, given, true, &f.e), 0);
	assert_int_equal(fcntl(given, F_GETFL) & O_NONBLOCK, 0);
	unix_listener_close(&f.l);
	assert_int_equal(fcntl(given, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(unix_listener_adopt(&f.l, given, false, &f.e), 0);
	unix_listener_close(&f.l);
	assert_int_equal(fcntl(given, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(given);
}

static void what_does_not_listen_is_not_taken(void **state)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int idle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int packets = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(unix_place_bind(&f.place, packets), 0);
	assert_int_equal(listen(packets, 1), 0);
	assert_int_equal(unix_listener_adopt(&f.l, 9999, false, &f.e), -1);
	assert_error(&f.e, HUSK_E_HOST, "descriptor 9999: Bad file descriptor: what starts this");
	assert_int_equal(unix_listener_adopt(&f.l, null, false, &f.e), -1);
	assert_error(&f.e, HUSK_E_USAGE, "is no stream socket that listens");
	assert_int_equal(unix_listener_adopt(&f.l, idle, false, &f.e), -1);
	assert_error(&f.e, HUSK_E_USAGE, "is no stream socket that listens");
	assert_int_equal(unix_listener_adopt(&f.l, packets, false, &f.e), -1);
	assert_error(&f.e, HUSK_E_USAGE, "is no stream socket that listens");
	close(null);
	close(idle);
	close(packets);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_and_a_listener_meet),
		TEST(writing_to_nobody_is_an_error),
		TEST(where_nobody_listens_there_is_no_connection),
		TEST(a_listener_of_another_kind_is_no_stream),
		TEST(a_full_backlog_is_told),
		TEST(the_file_goes_with_the_listener),
		TEST(a_stale_file_is_replaced_and_nothing_else),
		TEST(every_refusal_names_the_path),
		TEST(who_listens_is_not_asked_by_a_connection),
		TEST(a_socket_that_is_about_to_listen_is_not_replaced),
		TEST(a_directory_in_which_another_replaces_is_waited_for),
		TEST(a_place_stays_the_same),
		TEST(a_listener_that_is_handed_down_never_blocks),
		TEST(who_only_looks_changes_no_flag),
		TEST(what_does_not_listen_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
