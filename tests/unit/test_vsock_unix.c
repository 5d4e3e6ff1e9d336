/* SPDX-License-Identifier: ISC */
/* test_vsock_unix.c: Unix sockets of this host, one by one and below the connections of a guest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../monitor/vsock/unix_socket.c"

struct fixture {
	char dir[64], path[96];
	struct unix_listener l;
	struct husk_error e;
};

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.l.fd = -1;
	strcpy(f.dir, "/tmp/husk-unix-XXXXXX");
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof f.path, "%s/s", f.dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unix_listener_close(&f.l);
	(void)unlink(f.path);
	return rmdir(f.dir);
}

static void opens(void)
{
	if (unix_listener_open(&f.l, f.path, &f.e) == -1)
		fail_msg("%s", f.e.message);
}

static void refuses(const char *path, const char *message)
{
	struct unix_listener l;

	assert_int_equal(unix_listener_open(&l, path, &f.e), -1);
	assert_int_equal(f.e.kind, HUSK_E_HOST);
	assert_int_equal(l.fd, -1);
	if (strstr(f.e.message, message) == NULL)
		fail_msg("\"%s\", expected \"%s\"", f.e.message, message);
}

/* A pair of connected descriptors. */
static void meet(int *client, int *server)
{
	opens();
	*client = unix_socket_connect(f.path);
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

/* V53: without an end of the program by SIGPIPE. */
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
	char longest[200];
	int fd;

	(void)state;
	assert_int_equal(unix_socket_connect(f.path), -ENOENT);
	assert_int_equal(unix_socket_connect(""), -ENOENT);
	fd = open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unix_socket_connect(f.path), -ECONNREFUSED);
	memset(longest, 'x', sizeof longest);
	longest[UNIX_SOCKET_PATH_MAX] = '\0';
	assert_int_equal(unix_socket_connect(longest), -ENOENT);
	longest[UNIX_SOCKET_PATH_MAX] = 'x';
	longest[UNIX_SOCKET_PATH_MAX + 1] = '\0';
	assert_int_equal(unix_socket_connect(longest), -ENAMETOOLONG);
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
	assert_int_equal(unix_socket_connect(f.path), -EPROTOTYPE);
	refuses(f.path, "another program listens there");
	close(fd);
}

/* V28: at once, and not when there is room. */
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
	while (n < 8 && (clients[n] = unix_socket_connect(f.path)) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	assert_int_equal(clients[n], -EAGAIN);
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
	refuses(f.path, "another program listens there");
	close(f.l.fd);			/* as a killed program leaves it */
	assert_int_equal(lstat(f.path, &st), 0);
	opens();
	unix_listener_close(&f.l);
	fd = open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	refuses(f.path, "it is no socket");
	assert_int_equal(lstat(f.path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(symlink("nowhere", f.path), 0);
	refuses(f.path, "cannot listen: Address already in use");
}

static void every_refusal_names_the_path(void **state)
{
	char longest[200];

	(void)state;
	refuses("/nonexistent/s", "/nonexistent/s: cannot listen: No such file");
	refuses("", "cannot listen: No such file");
	memset(longest, 'x', sizeof longest);
	longest[UNIX_SOCKET_PATH_MAX + 1] = '\0';
	refuses(longest, "a socket's path has at most 107 bytes");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
