/* SPDX-License-Identifier: ISC */
/* test_taps.c: taps of FreeBSD: attaching by name and by descriptor, and frames. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <net/if.h>
#include <net/if_tap.h>
#include <sys/sockio.h>

#include "../../monitor/net/descriptor.h"
#include "../../monitor/net/tap.h"

#define TAP 1000	/* our descriptor of the interface */
#define GIVEN 1001	/* the starter's */
#define SOCKET 1002
#define TYPE_TAP 6
#define TYPE_TUN 23

/* ---- the host: one interface ---- */

static struct {
	bool there, node, broadcast, running, made, user_open;
	int mtu, type, prefix, open_error, access_error, ioctl_error;
	unsigned opens, closes, destroyed, polls;
	int flags;		/* of the last open */
	bool empty;		/* nothing to read: poll says so */
	ssize_t moves;		/* what a transfer returns; -1: error */
	int error;
	uid_t user;
} host;

int __wrap_open(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_eaccess(const char *path, int mode);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int n);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
uid_t __wrap_geteuid(void);

static int fails(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	host.opens++;
	host.flags = flags;
	assert_string_equal(path, "/dev/tap0");
	return fails(host.open_error) == -1 ? -1 : TAP;
}

int __wrap_close(int fd)
{
	host.closes += fd == TAP || fd == GIVEN;
	return fd >= TAP ? 0 : __real_close(fd);
}

int __wrap_socket(int domain, int type, int protocol)
{
	assert_int_equal(domain, AF_LOCAL);
	assert_int_equal(type, SOCK_DGRAM | SOCK_CLOEXEC);
	assert_int_equal(protocol, 0);
	return SOCKET;
}

int __wrap_stat(const char *path, struct stat *st)
{
	assert_string_equal(path, "/dev/tap0");
	*st = (struct stat){.st_mode = S_IFCHR};
	return fails(host.node ? 0 : ENOENT);
}

int __wrap_fstat(int fd, struct stat *st)
{
	assert_int_equal(fd, GIVEN);
	*st = (struct stat){.st_mode = S_IFCHR, .st_ino = 7};
	return 0;
}

int __wrap_eaccess(const char *path, int mode)
{
	assert_string_equal(path, "/dev/tap0");
	assert_int_equal(mode, R_OK | W_OK);
	return fails(host.access_error);
}

int sysctlbyname(const char *name, void *old, size_t *old_len, const void *new, size_t new_len)
{
	assert_string_equal(name, "net.link.tap.user_open");
	assert_int_equal(*old_len, sizeof(int));
	assert_null(new);
	assert_int_equal(new_len, 0);
	*(int *)old = host.user_open;
	return 0;
}

uid_t __wrap_geteuid(void)
{
	return host.user;
}

static int ask_by_name(unsigned long request, struct ifreq *ifr)
{
	if (!host.there || strcmp(ifr->ifr_name, "tap0") != 0)
		return fails(ENXIO);
	if (request == SIOCGIFFLAGS)
		ifr->ifr_flags = (short)((host.broadcast ? IFF_BROADCAST : 0) |
					 (host.running ? IFF_DRV_RUNNING : 0));
	else if (request == SIOCGIFINDEX)
		ifr->ifr_index = host.made && host.opens > 0 ? 9 : 8;
	else if (request == SIOCGIFMTU)
		ifr->ifr_mtu = host.mtu;
	else if (request == SIOCIFDESTROY)
		host.destroyed++;
	else
		fail();
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (fd == SOCKET)
		return ask_by_name(request, arg);
	if (fails(host.ioctl_error) == -1)
		return -1;
	if (request == TAPGIFINFO)
		*(struct tapinfo *)arg = (struct tapinfo){
			.mtu = (unsigned short)host.mtu, .type = (unsigned char)host.type,
		};
	else if (request == TAPGIFNAME)
		strcpy(((struct ifreq *)arg)->ifr_name, "tap0");
	else if (request == TAPGVNETHDR)
		*(int *)arg = host.prefix;
	else if (request == TAPSVNETHDR)
		host.prefix = *(int *)arg;
	else
		fail();
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	host.polls++;
	assert_int_equal(n, 1);
	assert_int_equal(ms, 0);
	fds->revents = host.empty ? fds->events & POLLOUT : fds->events;
	return fds->revents != 0;
}

static ssize_t moved(void)
{
	errno = host.error;
	return host.moves;
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int n)
{
	assert_true(fd == TAP || fd == GIVEN);
	assert_int_equal(n, 2);
	assert_int_equal(iov[1].iov_len, 1);
	return moved();
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	(void)buf, (void)len;
	assert_true(fd == TAP || fd == GIVEN);
	return moved();
}

/* ---- */

struct fixture {
	struct uplink *u;
	struct husk_error e;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.there = host.node = host.broadcast = true;
	host.mtu = 1400;
	host.type = TYPE_TAP;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->u != NULL)
		f->u->ops->close(f->u);
	return 0;
}

static int attach(struct fixture *f, const char *name, bool look)
{
	const struct uplink_request rq = {.where = name, .look = look};

	return tap_attach(&f->u, &rq, &f->e);
}

static int adopt(struct fixture *f, bool look)
{
	const struct uplink_request rq = {.where = "@3", .look = look};

	return tap_adopt(&f->u, &rq, GIVEN, &f->e);
}

static void assert_refused(struct fixture *f, const char *name, bool look, int sys,
			   const char *hint)
{
	assert_int_equal(attach(f, name, look), -1);
	assert_null(f->u);
	assert_int_equal(f->e.sys, sys);
	if (strstr(f->e.message, hint) == NULL)
		fail_msg("%s", f->e.message);
	assert_int_equal(host.opens - (host.open_error != 0), host.closes);
}

static void opening_the_node_attaches(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(attach(f, "tap0", false), 0);
	assert_int_equal(f->u->fd, TAP);
	assert_int_equal(host.flags, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(f->u->mtu, 1400);
	assert_int_equal(f->u->mtu_max, 1400);
	assert_null(f->u->ops->reattach);
	tear_down(state);
	f->u = NULL;
	assert_int_equal(host.closes, 1);
}

/* Opening would make an interface, as root. */
static void what_is_not_there_is_not_made(void **state)
{
	host.there = false;
	assert_refused(*state, "tap0", false, ENXIO, "make it, as root: ifconfig tap0 create");
	assert_refused(*state, "guest", false, ENXIO, "ifconfig tap create name guest");
	assert_refused(*state, "a b", true, ENXIO, "ifconfig tap create name NAME");
	assert_int_equal(host.opens, 0);
}

static void what_was_made_by_opening_is_undone(void **state)
{
	host.made = true;
	assert_refused(*state, "tap0", false, ENXIO, "ifconfig tap0 create");
	assert_int_equal(host.opens, 1);
	assert_int_equal(host.destroyed, 1);
}

static void a_tun_is_not_even_opened(void **state)
{
	host.broadcast = false;
	assert_refused(*state, "tap0", false, EPROTOTYPE, "it is a tun interface");
	assert_refused(*state, "tap0", true, EPROTOTYPE, "it is a tun interface");
	assert_int_equal(host.opens, 0);
	host.broadcast = true;
	host.type = TYPE_TUN;
	assert_refused(*state, "tap0", false, EPROTOTYPE, "it is a tun interface");
}

static void each_refusal_has_its_remedy(void **state)
{
	static const struct { int error; const char *hint; } refusals[] = {
		{EBUSY, "used by another process"}, {ENOENT, "it has no node in /dev"},
		{EACCES, "as root: chown 1001 /dev/tap0"}, {EPERM, "net.link.tap.user_open=1"},
	};

	host.user = 1001;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		host.opens = host.closes = 0;
		host.open_error = refusals[i].error;
		assert_refused(*state, "tap0", false, refusals[i].error, refusals[i].hint);
	}
	host.open_error = 0;
	host.opens = host.closes = 0;
	host.ioctl_error = ENOTTY;
	assert_refused(*state, "tap0", false, ENOENT, "so it is no tap");
}

static void names_that_no_interface_has_are_told(void **state)
{
	assert_refused(*state, "", false, ENXIO, "no interface can have that name");
	assert_refused(*state, "..", false, ENXIO, "no interface can have that name");
	assert_refused(*state, "run/sock", false, ENXIO, "a socket is given as unix:PATH");
	assert_refused(*state, "sixteen_is_a_lot", false, ENAMETOOLONG, "at most 15 characters");
	assert_int_equal(host.opens, 0);
}

/* Closing it again would take the interface down, and its addresses away. */
static void looking_opens_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(attach(f, "tap0", true), 0);
	assert_int_equal(f->u->fd, -1);
	assert_int_equal(f->u->mtu, 1400);
	host.running = true;
	tear_down(state);
	f->u = NULL;
	assert_refused(f, "tap0", true, EBUSY, "used by another process");
	host.running = false;
	host.access_error = EACCES;
	assert_refused(f, "tap0", true, EACCES, "chown");
	host.access_error = 0;
	host.user = 1001;
	assert_refused(f, "tap0", true, EPERM, "user_open");
	host.node = false;
	assert_refused(f, "tap0", true, ENOENT, "it has no node in /dev");
	assert_int_equal(host.opens, 0);
}

static void looking_predicts_what_a_user_may(void **state)
{
	host.user = 1001;
	host.user_open = true;
	assert_int_equal(attach(*state, "tap0", true), 0);
}

static void assert_frames(struct fixture *f)
{
	static const struct { ssize_t n; int error; enum uplink_result in, out; } cases[] = {
		{60, 0, UPLINK_OK, UPLINK_OK}, {61, 0, UPLINK_TOO_LONG, UPLINK_ERROR},
		{0, 0, UPLINK_NO_FRAME, UPLINK_DOWN}, {-1, EAGAIN, UPLINK_AGAIN, UPLINK_AGAIN},
		{-1, EHOSTDOWN, UPLINK_DOWN, UPLINK_DOWN}, {-1, ENOBUFS, UPLINK_DOWN, UPLINK_DOWN},
		{-1, EINTR, UPLINK_DOWN, UPLINK_DOWN}, {-1, ENXIO, UPLINK_GONE, UPLINK_GONE},
		{-1, EIO, UPLINK_ERROR, UPLINK_ERROR}, {-1, EFAULT, UPLINK_ERROR, UPLINK_ERROR},
	};
	uint8_t frame[60];
	size_t len = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		host.moves = cases[i].n;
		host.error = cases[i].error;
		assert_int_equal(f->u->ops->read(f->u, (struct iovec){frame, 60}, &len),
				 cases[i].in);
		assert_int_equal(f->u->ops->write(f->u, (struct iovec){frame, 60}), cases[i].out);
	}
	assert_int_equal(len, 61);
}

static void each_result_of_a_transfer_has_its_meaning(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(attach(f, "tap0", false), 0);
	assert_frames(f);
	assert_int_equal(host.polls, 0);
}

static void an_inherited_tap_is_asked_before_each_transfer(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60];
	size_t len = 0;

	assert_int_equal(adopt(f, false), 0);
	assert_int_equal(f->u->fd, GIVEN);
	assert_int_equal(f->u->mtu, 1400);
	assert_frames(f);
	assert_int_equal(host.polls, 20);
	host.empty = true;
	host.moves = 60;
	assert_int_equal(f->u->ops->read(f->u, (struct iovec){frame, 60}, &len), UPLINK_AGAIN);
	assert_int_equal(host.prefix, 0);
}

static void a_header_is_taken_away_and_given_back(void **state)
{
	struct fixture *f = *state;

	host.prefix = 12;
	assert_int_equal(adopt(f, false), 0);
	assert_int_equal(host.prefix, 0);
	tear_down(state);
	f->u = NULL;
	assert_int_equal(host.prefix, 12);
	assert_int_equal(adopt(f, true), 0);
	assert_int_equal(host.prefix, 12);
	assert_int_equal(host.closes, 2);
}

static void an_inherited_tun_is_refused(void **state)
{
	struct fixture *f = *state;

	host.type = TYPE_TUN;
	assert_int_equal(adopt(f, false), -1);
	assert_non_null(strstr(f->e.message, "it is a tun interface, not a tap"));
	host.ioctl_error = EPERM;
	assert_int_equal(adopt(f, false), -1);
	assert_int_equal(f->e.sys, EPERM);
	assert_int_equal(host.closes, 2);
}

static void a_descriptor_is_what_its_driver_says(void **state)
{
	(void)state;
	assert_int_equal(descriptor_kind(GIVEN), DESCRIPTOR_TAP);
	host.type = TYPE_TUN;
	assert_int_equal(descriptor_kind(GIVEN), DESCRIPTOR_TUN);
	host.ioctl_error = ENOTTY;
	assert_int_equal(descriptor_kind(GIVEN), DESCRIPTOR_DEVICE);
}

static void an_interface_is_one_under_name_and_number(void **state)
{
	(void)state;
	assert_true(tap_same("tap0", "@1001"));
	assert_false(tap_same("tap1", "@1001"));
	assert_false(tap_same("tap0", "@x"));
	host.ioctl_error = ENOTTY;
	assert_false(tap_same("tap0", "@1001"));
	assert_true(tap_same("@1001", "@1001"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opening_the_node_attaches),
		TEST(what_is_not_there_is_not_made),
		TEST(what_was_made_by_opening_is_undone),
		TEST(a_tun_is_not_even_opened),
		TEST(each_refusal_has_its_remedy),
		TEST(names_that_no_interface_has_are_told),
		TEST(looking_opens_nothing),
		TEST(looking_predicts_what_a_user_may),
		TEST(each_result_of_a_transfer_has_its_meaning),
		TEST(an_inherited_tap_is_asked_before_each_transfer),
		TEST(a_header_is_taken_away_and_given_back),
		TEST(an_inherited_tun_is_refused),
		TEST(a_descriptor_is_what_its_driver_says),
		TEST(an_interface_is_one_under_name_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
