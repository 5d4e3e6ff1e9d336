/* test_tap_linux.c: taps of Linux: what attaching says when it fails, and what frames look like. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "../../../monitor/net/tap.h"
#include "../../../monitor/net/uplink.h"
#include "wire.h"

#define NAME_15 "abcdefghijklmno"

/* ---- a host that answers as told ---- */

static struct {
	bool fake;		/* no interface and no tap is real */
	unsigned seen, fail_at;	/* calls so far, and the one that fails */
	bool from_then_on;
	bool opens_as_root;	/* whatever the rights on the device */
	int socket_error, open_error, flags_error, attach_error, queue_error, get_error;
	short flags;		/* of the interface */
	int mtu, mtu_error;
	short tun_flags;	/* of an inherited tap */
	bool filtered;		/* there is a filter on it; without, the kernel sets IFF_NO_PI */
	unsigned short filter_len;	/* of the last one */
	unsigned filters;	/* how often one was attached */
	int filter_error;
	int netlink;		/* the socket; 0: none */
	bool known;		/* the kernel answers questions about the interface */
	uint8_t pi;
	uint32_t queues[2];	/* in use, at the first question and later */
	bool another;		/* of the same name, in this network namespace */
	size_t cut;		/* bytes that are missing at the end of an answer, */
	bool cut_unsaid;	/* and its header does not say so */
	unsigned questions;
	int vnet, vnet_error;
	unsigned attached;	/* how often TUNSETIFF was asked, and with what the last time */
	struct ifreq asked;
	unsigned offloads;	/* how often offloading was switched off */
	int getfl_error, setfl_error;
	int read_error, write_error;
	size_t moved;		/* what reading or writing moves, SIZE_MAX: all */
	unsigned writes, writevs;
	uint8_t wrote[256];	/* the first bytes of all parts */
} host;

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
ssize_t __real_readv(int fd, const struct iovec *parts, int n);
ssize_t __wrap_readv(int fd, const struct iovec *parts, int n);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_writev(int fd, const struct iovec *parts, int n);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int n);

/* Whether this call fails: with the error given or, if it is the one that fails anyway, with EIO. */
static bool fails(int error)
{
	host.seen++;
	errno = error != 0 ? error : EIO;
	return error != 0 || (host.fail_at != 0 && (host.seen == host.fail_at ||
						    (host.seen > host.fail_at && host.from_then_on)));
}

int __wrap_socket(int domain, int type, int protocol)
{
	int fd;

	if (!host.fake)
		return __real_socket(domain, type, protocol);
	assert_int_not_equal(type & SOCK_CLOEXEC, 0);
	if (fails(host.socket_error))
		return -1;
	fd = __real_socket(domain, type, protocol);
	if (domain == AF_NETLINK)
		host.netlink = fd;
	return fd;
}

/* ---- what route netlink says ---- */

static uint8_t *put_attribute(uint8_t *at, unsigned short type, const void *value, size_t size)
{
	struct rtattr a = {.rta_len = (unsigned short)(sizeof a + size), .rta_type = type};

	memcpy(at, &a, sizeof a);
	if (size > 0)
		memcpy(at + sizeof a, value, size);
	return at + RTA_ALIGN(a.rta_len);
}

static uint8_t *put_tap(uint8_t *at)
{
	static const uint8_t address[6] = {2, 3, 4, 5, 6, 7}, others[6] = {2, 3, 4, 5, 6, 8};
	uint32_t queues = host.queues[host.questions > 0];
	uint8_t data[64], info[128], *end = data;

	memset(data, 0, sizeof data);
	memset(info, 0, sizeof info);
	end = put_attribute(end, IFLA_TUN_TYPE, "\2", 1);
	end = put_attribute(end, IFLA_TUN_PI, &host.pi, 1);
	if (queues > 0)
		end = put_attribute(end, IFLA_TUN_NUM_QUEUES, &queues, sizeof queues);
	end = put_attribute(info, IFLA_INFO_KIND, "tun", 4);
	end = put_attribute(end, IFLA_INFO_DATA, data, sizeof data);
	at = put_attribute(at, IFLA_IFNAME, "given", 6);
	at = put_attribute(at, IFLA_ADDRESS, host.another ? others : address, 6);
	return put_attribute(at, IFLA_LINKINFO, info, (size_t)(end - info));
}

static ssize_t answer_link(uint8_t *bytes, size_t room)
{
	struct nlmsghdr head = {.nlmsg_type = RTM_NEWLINK};
	uint8_t whole[512] = {0}, *end = whole + sizeof head + sizeof(struct ifinfomsg);
	size_t len;

	if (host.known)
		end = put_tap(end);
	else
		head.nlmsg_type = NLMSG_ERROR;
	host.questions++;
	len = (size_t)(end - whole);
	head.nlmsg_len = (uint32_t)(len - (host.cut_unsaid ? 0 : host.cut));
	memcpy(whole, &head, sizeof head);
	len = host.cut < len ? len - host.cut : 0;
	assert_true(len <= room);
	memcpy(bytes, whole, len);
	return (ssize_t)len;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	if (!host.fake || fd != host.netlink)
		return __real_send(fd, bytes, len, flags);
	return fails(0) ? -1 : (ssize_t)len;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
	if (!host.fake || fd != host.netlink)
		return __real_recv(fd, bytes, len, flags);
	return fails(0) ? -1 : answer_link(bytes, len);
}

static int set_iff(const struct ifreq *ifr)
{
	host.attached++;
	host.asked = *ifr;
	return fails((ifr->ifr_flags & IFF_MULTI_QUEUE) != 0 ? host.queue_error :
		     host.attach_error) ? -1 : 0;
}

/* Linux drivers/net/tun.c: what was tried last is remembered, refused or not. */
static int set_filter(const struct sock_fprog *filter)
{
	host.filters += filter->len > 0;
	host.filter_len = filter->len;
	if (filter->len == 0)
		return -1;
	host.filtered = !fails(host.filter_error);
	return host.filtered ? 0 : -1;
}

static int answer(unsigned long request, void *arg)
{
	struct ifreq *ifr = arg;

	switch (request) {
	case SIOCGIFFLAGS:
		ifr->ifr_flags = host.flags;
		return fails(host.flags_error) ? -1 : 0;
	case SIOCGIFMTU:
		assert_int_not_equal(ifr->ifr_name[0], '\0');
		ifr->ifr_mtu = host.mtu;
		return fails(host.mtu_error) ? -1 : 0;
	case TUNSETIFF:
		return set_iff(ifr);
	case TUNSETOFFLOAD:
		assert_null(arg);
		host.offloads++;
		return fails(0) ? -1 : 0;
	case TUNGETIFF:
		*ifr = (struct ifreq){.ifr_name = "given"};
		ifr->ifr_flags = (short)(host.tun_flags | (host.filtered ? 0 : IFF_NOFILTER));
		return fails(host.get_error) ? -1 : 0;
	case TUNATTACHFILTER:
		return set_filter(arg);
	case TUNGETFILTER:
		((struct sock_fprog *)arg)->len = host.filter_len;
		return fails(0) ? -1 : 0;
	case SIOCGIFHWADDR:	/* asked of a name, or of a tap's own descriptor */
		memcpy(ifr->ifr_hwaddr.sa_data, host.another && ifr->ifr_name[0] != '\0' ?
		       "\2\3\4\5\6\10" : "\2\3\4\5\6\7", 6);
		return fails(0) ? -1 : 0;
	case TUNDETACHFILTER:
		host.filtered = false;
		return 0;
	case TUNGETVNETHDRSZ:
		*(int *)arg = host.vnet;
		return fails(host.vnet_error) ? -1 : 0;
	}
	fail_msg("ioctl 0x%lx", request);
	return -1;
}

uid_t __wrap_geteuid(void)
{
	return host.fake ? 1234 : __real_geteuid();
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return host.fake ? answer(request, arg) : __real_ioctl(fd, request, arg);
}

static int open_as_root(const char *path, int flags)
{
	uid_t user = geteuid();
	int fd;

	assert_int_equal(seteuid(0), 0);
	fd = __real_open(path, flags);
	assert_int_equal(seteuid(user), 0);
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	if (!host.fake)
		return host.opens_as_root ? open_as_root(path, flags) : __real_open(path, flags);
	assert_string_equal(path, "/dev/net/tun");
	assert_int_equal(flags, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fails(host.open_error) ? -1 : __real_open("/dev/null", flags);
}

int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

static int wrapped_fcntl(int fd, int command, long arg)
{
	if (!host.fake)
		return __real_fcntl(fd, command, arg);
	switch (command) {
	case F_DUPFD_CLOEXEC:
		return fails(0) ? -1 : __real_fcntl(fd, command, arg);
	case F_GETFL:
		return fails(host.getfl_error) ? -1 : __real_fcntl(fd, command, arg);
	case F_SETFL:
		return fails(host.setfl_error) ? -1 : __real_fcntl(fd, command, arg);
	}
	return __real_fcntl(fd, command, arg);
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return wrapped_fcntl(fd, command, arg);
}

int __wrap_fcntl64(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return wrapped_fcntl(fd, command, arg);
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int n)
{
	errno = host.read_error;
	return host.read_error != 0 ? -1 : __real_readv(fd, parts, n);
}

static size_t gather(const struct iovec *parts, int n)
{
	size_t all = 0;

	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].iov_len; k++, all++)
			if (all < sizeof host.wrote)
				host.wrote[all] = ((const uint8_t *)parts[i].iov_base)[k];
	return host.moved < all ? host.moved : all;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	uint8_t copy[256];
	struct iovec part = {copy, len < sizeof copy ? len : sizeof copy};

	if (!host.fake)
		return __real_write(fd, bytes, len);
	host.writes++;
	errno = host.write_error;
	memcpy(copy, bytes, part.iov_len);
	return host.write_error != 0 ? -1 : (ssize_t)gather(&part, 1);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int n)
{
	if (!host.fake)
		return __real_writev(fd, parts, n);
	host.writevs++;
	errno = host.write_error;
	return host.write_error != 0 ? -1 : (ssize_t)gather(parts, n);
}

/* ---- fixtures ---- */

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += __real_fcntl(fd, F_GETFD) >= 0;
	return n;
}

struct fixture {
	struct uplink *uplink;	/* what is attached; NULL: nothing */
	struct husk_error e;
	struct wire wire;
	int files;		/* descriptors that were open before */
	int peer;		/* of a real tap: a packet socket; -1: none */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.wire.device = f.wire.host = f.peer = -1;
	host.fake = true;
	host.flags = IFF_UP | IFF_RUNNING;
	host.mtu = 1400;
	host.moved = SIZE_MAX;
	host.tun_flags = IFF_TAP | IFF_NO_PI;
	signal(SIGPIPE, SIG_IGN);
	f.files = open_descriptors();
	*state = &f;
	return 0;
}

static void detach(struct fixture *f)
{
	uplink_close(f->uplink);
	f->uplink = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	detach(f);
	wire_free(&f->wire);
	if (f->peer != -1)
		close(f->peer);
	return open_descriptors() == f->files ? 0 : -1;
}

static struct tap *tap_of(const struct fixture *f)
{
	return (struct tap *)f->uplink;
}

static int reattach(const struct fixture *f)
{
	return f->uplink->ops->reattach(f->uplink);
}

static void assert_opens(struct fixture *f, const char *where)
{
	if (uplink_open(&f->uplink, where, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void assert_refused(struct fixture *f, const char *where, enum husk_error_class kind,
			   const char *message)
{
	int files = open_descriptors();

	memset(&f->e, 0, sizeof f->e);
	assert_int_equal(uplink_open(&f->uplink, where, &f->e), -1);
	assert_int_equal(f->e.kind, kind);
	if (strncmp(f->e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
	assert_null(f->uplink);
	assert_int_equal(open_descriptors(), files);
}

/* ---- by name ---- */

static void a_tap_is_attached_by_name(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, "tap0");
	assert_string_equal(tap_of(f)->name, "tap0");
	assert_int_equal(f->uplink->mtu, 1400);
	assert_int_equal(tap_of(f)->prefix, 0);
	assert_non_null(f->uplink->ops->reattach);
	assert_int_equal(host.attached, 1);
	assert_string_equal(host.asked.ifr_name, "tap0");
	assert_int_equal(host.asked.ifr_flags, IFF_TAP | IFF_NO_PI);
	assert_int_equal(host.offloads, 1);
	assert_int_equal(open_descriptors(), f->files + 1);
	detach(f);
	detach(f);
	assert_int_equal(open_descriptors(), f->files);
}

static void up_or_running_will_do(void **state)
{
	struct fixture *f = *state;

	host.flags = IFF_UP;
	assert_opens(f, "tap0");
	detach(f);
	host.flags = IFF_RUNNING;
	assert_opens(f, "tap0");
	detach(f);
	host.flags = (short)~(IFF_UP | IFF_RUNNING);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Network is down: "
		       "it is not up: ip link set tap0 up");
	assert_int_equal(f->e.sys, ENETDOWN);
}

static void every_failure_comes_with_its_remedy(void **state)
{
	static const struct { int *where, error; const char *message; } cases[] = {
		{&host.flags_error, ENODEV, "No such device: no such interface; make it, as root: ip "
		 "tuntap add tap0 mode tap user 1234 && ip link set tap0 up"},
		{&host.flags_error, ENXIO, "No such device or address: no such interface; make it"},
		{&host.socket_error, EMFILE, "Too many open files"},
		{&host.open_error, ENOENT, "/dev/net/tun: No such file or directory: there is no "
		 "driver, or it is not seen here; as root: modprobe tun; a container must be given"},
		{&host.open_error, ENODEV, "/dev/net/tun: No such device: there is no driver"},
		{&host.open_error, ENXIO, "/dev/net/tun: No such device or address: there is no driver"},
		{&host.open_error, EACCES, "/dev/net/tun: Permission denied: it must be open to this "
		 "user; as root: chmod 666 /dev/net/tun; a container must be allowed it"},
		{&host.open_error, EPERM, "/dev/net/tun: Operation not permitted: it must be open"},
		{&host.open_error, EMFILE, "/dev/net/tun: Too many open files"},
		{&host.attach_error, EBUSY, "Device or resource busy: busy: used by another process; "
		 "stop that, or give another interface"},
		{&host.attach_error, EPERM, "Operation not permitted: it belongs to another user; make "
		 "it anew, as root: ip link del tap0 && ip tuntap add tap0 mode tap user 1234 && ip "
		 "link set tap0 up"},
		{&host.attach_error, ENOTTY, "Inappropriate ioctl for device: /dev/net/tun is something "
		 "else; make it anew, as root: rm /dev/net/tun && mknod -m 666 /dev/net/tun c 10 200"},
		{&host.attach_error, EBADFD, "File descriptor in bad state"},
		{&host.attach_error, ENOMEM, "Cannot allocate memory"},
	};
	struct fixture *f = *state;
	char all[300];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		*cases[i].where = cases[i].error;
		snprintf(all, sizeof all, "Could not attach interface: tap0: %s", cases[i].message);
		assert_refused(f, "tap0", HUSK_E_HOST, all);
		assert_int_equal(f->e.sys, cases[i].error);
		*cases[i].where = 0;
	}
}

/* No command that a shell would take apart, or take for more than one. */
static void commands_are_as_good_as_the_name(void **state)
{
	static const char *const bad[] = {"-tap0", "a;b", "tap%d", "a$b", "a'b", "a\"b", "a*", "a\x80"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		host.flags_error = ENODEV;
		assert_refused(f, bad[i], HUSK_E_HOST, "");
		assert_non_null(strstr(f->e.message, bad[i]));
		assert_non_null(strstr(f->e.message, "ip tuntap add NAME mode tap user 1234 && ip link "
				       "set NAME up"));
		host.flags_error = 0;
		host.attach_error = EPERM;
		assert_refused(f, bad[i], HUSK_E_HOST, "");
		assert_non_null(strstr(f->e.message, "ip link del NAME && ip tuntap add NAME mode"));
	}
}

static void a_name_that_cannot_be_is_not_asked_for(void **state)
{
	static const char *const bad[] = {"tap 0", " ", "tap0 ", "a/b", "a:b", ".", "..", "tap0\n",
					  "a\tb"};
	struct fixture *f = *state;
	char all[200];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(all, sizeof all, "Could not attach interface: %s: No such device: no interface "
			 "can have that name; give one that `ip link' lists", bad[i]);
		assert_refused(f, bad[i], HUSK_E_HOST, all);
		assert_null(strstr(f->e.message, "tuntap"));
	}
	assert_int_equal(host.seen, 0);
}

static void what_is_unknown_is_told_without_a_remedy(void **state)
{
	struct fixture *f = *state;

	host.attach_error = ENOSPC;
	assert_refused(f, "tap0", HUSK_E_HOST, "");
	assert_string_equal(f->e.message,
			    "Could not attach interface: tap0: No space left on device");
}

static void a_name_has_15_characters_at_most(void **state)
{
	struct fixture *f = *state;
	char longer[2000];

	assert_opens(f, NAME_15);
	assert_string_equal(tap_of(f)->name, NAME_15);
	assert_string_equal(host.asked.ifr_name, NAME_15);
	detach(f);
	host.seen = 0;
	assert_refused(f, NAME_15 "p", HUSK_E_HOST,
		       "Could not attach interface: " NAME_15 "p: File name too long: a name has at "
		       "most 15 characters; give one that `ip link' lists");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_refused(f, longer, HUSK_E_HOST, "Could not attach interface: xxx");
	assert_non_null(strstr(f->e.message, "xxx...: File name too long: a name has at most 15"));
	assert_int_equal(host.seen, 0);
}

static void an_interface_of_several_queues_is_asked_again(void **state)
{
	struct fixture *f = *state;

	host.attach_error = EINVAL;
	assert_opens(f, "tap0");
	assert_int_equal(host.attached, 2);
	assert_int_equal(host.asked.ifr_flags, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	assert_string_equal(host.asked.ifr_name, "tap0");
	detach(f);
	host.queue_error = EINVAL;
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Invalid argument: "
		       "it is not a tap interface");
	host.queue_error = EBUSY;
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: busy");
}

/* With a queue each, two would get half of the frames each. */
static void an_interface_of_several_queues_has_one_user(void **state)
{
	static const struct { uint32_t before, after; bool refused; unsigned attached; } cases[] = {
		{0, 1, false, 2}, {0, 0, false, 2}, {1, 1, true, 1}, {7, 0, true, 1}, {0, 2, true, 2},
	};
	struct fixture *f = *state;

	host.attach_error = EINVAL;
	host.known = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		host.queues[0] = cases[i].before;
		host.queues[1] = cases[i].after;
		host.questions = host.attached = 0;
		if (cases[i].refused)
			assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: "
				       "Device or resource busy: busy");
		else
			assert_opens(f, "tap0");
		assert_int_equal(host.attached, cases[i].attached);
		detach(f);
	}
}

static void nor_does_an_inherited_queue_have_another_beside_it(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.known = true;
	host.tun_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
	host.queues[0] = host.queues[1] = 1;
	assert_opens(f, f->wire.where);
	detach(f);
	host.queues[0] = host.queues[1] = 2;
	assert_refused(f, f->wire.where, HUSK_E_HOST, "Could not attach interface: @");
	assert_int_equal(f->e.sys, EBUSY);
	assert_non_null(strstr(f->e.message, "Device or resource busy: busy"));
}

static void only_what_does_not_fit_is_asked_again(void **state)
{
	struct fixture *f = *state;

	host.attach_error = EBUSY;
	assert_refused(f, "tap0", HUSK_E_HOST, "");
	assert_int_equal(host.attached, 1);
}

static void an_interface_without_a_known_mtu_has_1500(void **state)
{
	static const struct { int mtu, error; unsigned result; } cases[] = {
		{9000, 0, 9000}, {68, 0, 68}, {1, 0, 1}, {65521, 0, 65521}, {0, 0, 1500},
		{-1, 0, 1500}, {9000, ENODEV, 1500},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		host.mtu = cases[i].mtu;
		host.mtu_error = cases[i].error;
		assert_opens(f, "tap0");
		assert_int_equal(f->uplink->mtu, cases[i].result);
		detach(f);
	}
}

/* ---- attaching again ---- */

static void it_is_attached_again_when_it_is_back(void **state)
{
	struct fixture *f = *state;
	int old;

	assert_opens(f, "tap0");
	old = f->uplink->fd;
	host.flags_error = ENODEV;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(f->uplink->fd, old);
	host.flags_error = 0;
	host.flags = 0;
	assert_int_equal(reattach(f), -1);
	host.flags = IFF_UP;
	host.attach_error = EBUSY;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(f->uplink->fd, old);
	assert_int_not_equal(__real_fcntl(old, F_GETFD), -1);
	host.attach_error = 0;
	host.mtu = 9000;
	host.asked = (struct ifreq){0};
	assert_int_equal(reattach(f), 0);
	assert_string_equal(host.asked.ifr_name, "tap0");
	assert_int_not_equal(f->uplink->fd, -1);
	assert_int_equal(f->uplink->mtu, 1400);
	assert_int_equal(open_descriptors(), f->files + 1);
	assert_int_not_equal(__real_fcntl(f->uplink->fd, F_GETFD), -1);
}

static void an_inherited_one_is_never_attached_again(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	assert_opens(f, f->wire.where);
	assert_string_equal(tap_of(f)->name, "given");
	assert_null(f->uplink->ops->reattach);
}

/* ---- by descriptor ---- */

static void a_descriptor_is_duplicated_and_made_not_to_block(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	__real_fcntl(f->wire.device, F_SETFL, __real_fcntl(f->wire.device, F_GETFL) & ~O_NONBLOCK);
	assert_opens(f, f->wire.where);
	assert_null(f->uplink->ops->reattach);
	assert_int_not_equal(f->uplink->fd, f->wire.device);
	assert_int_equal(__real_fcntl(f->uplink->fd, F_GETFD), FD_CLOEXEC);
	assert_int_not_equal(__real_fcntl(f->uplink->fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(host.attached, 0);
	assert_int_equal(host.offloads, 1);
	detach(f);
	assert_int_not_equal(__real_fcntl(f->wire.device, F_GETFD), -1);
}

static void an_inherited_tap_keeps_its_name_and_mtu(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	assert_opens(f, f->wire.where);
	assert_string_equal(tap_of(f)->name, "given");
	assert_int_equal(f->uplink->mtu, 1400);
	detach(f);
	host.mtu_error = ENODEV;		/* of another network namespace */
	assert_opens(f, f->wire.where);
	assert_int_equal(f->uplink->mtu, 1500);
	detach(f);
	host.mtu_error = 0;			/* and this one has an interface of that name */
	host.another = true;
	assert_opens(f, f->wire.where);
	assert_int_equal(f->uplink->mtu, 1500);
}

static void what_is_no_tap_has_1500_and_no_name(void **state)
{
	static const int errors[] = {ENOTTY, EINVAL, EBADFD, EOPNOTSUPP};
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = 0;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		host.get_error = errors[i];
		assert_opens(f, f->wire.where);
		assert_string_equal(tap_of(f)->name, "");
		assert_int_equal(host.offloads, 0);
		assert_int_equal(f->uplink->mtu, 1500);
		assert_int_equal(tap_of(f)->prefix, 0);
		assert_null(f->uplink->ops->reattach);
		detach(f);
	}
}

static void a_descriptor_is_a_number_of_one_that_is_open(void **state)
{
	static const char *const bad[] = {
		"@", "@x", "@-1", "@+1", "@ 1", "@1 ", "@1x", "@0x1", "@2147483648",
		"@4294967297", "@18446744073709551617", "@@1", "@1.0",
	};
	struct fixture *f = *state;
	char text[100];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "Could not attach interface: %s: ", bad[i]);
		assert_refused(f, bad[i], HUSK_E_USAGE, text);
	}
	assert_refused(f, "@60", HUSK_E_HOST, "Could not attach interface: @60: Bad file descriptor: it "
		       "is not open; what starts this program must open it and leave it so");
	assert_refused(f, "@2147483647", HUSK_E_HOST,
		       "Could not attach interface: @2147483647: Bad file descriptor");
	assert_int_equal(f->e.sys, EBADF);
}

static void a_descriptor_whose_flags_cannot_be_had_is_refused(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.getfl_error = EPERM;
	assert_refused(f, f->wire.where, HUSK_E_HOST, "Could not attach interface: @");
	assert_int_equal(f->e.sys, EPERM);
	host.getfl_error = 0;
	host.setfl_error = EBADF;
	assert_refused(f, f->wire.where, HUSK_E_HOST, "Could not attach interface: @");
	assert_int_equal(f->e.sys, EBADF);
}

static void what_a_tap_puts_in_front_of_frames_is_known(void **state)
{
	static const struct { short flags; int vnet, error; unsigned prefix; } cases[] = {
		{IFF_TAP | IFF_NO_PI, 10, 0, 0},
		{IFF_TAP, 10, 0, 4},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 10, 0, 10},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, 0, 12},
		{IFF_TAP | IFF_VNET_HDR, 12, 0, 16},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE, 20, 0, 20},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 0, 0, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, -1, 0, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, EINVAL, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 64, 0, 64},
		{IFF_TAP | IFF_VNET_HDR, 60, 0, 64},
	};
	struct fixture *f = *state;

	wire_make(&f->wire);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		host.tun_flags = cases[i].flags;
		host.vnet = cases[i].vnet;
		host.vnet_error = cases[i].error;
		assert_opens(f, f->wire.where);
		assert_int_equal(tap_of(f)->prefix, cases[i].prefix);
		assert_false(host.filtered);
		assert_int_equal(host.filter_len, 0);
		detach(f);
	}
}

static void a_tap_that_takes_no_filter_tells_the_truth(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = IFF_TAP | IFF_NO_PI;
	host.filter_error = EINVAL;
	assert_opens(f, f->wire.where);
	assert_int_equal(tap_of(f)->prefix, 0);
	detach(f);
	host.filter_error = 0;
	host.filtered = true;
	host.tun_flags = IFF_TAP;
	assert_opens(f, f->wire.where);
	assert_int_equal(tap_of(f)->prefix, 4);
	assert_true(host.filtered);		/* somebody else's */
}

static void no_filter_is_tried_out_where_the_kernel_tells(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.known = true;
	for (host.pi = 0; host.pi <= 1; host.pi++) {
		host.tun_flags = host.pi != 0 ? IFF_TAP : IFF_TAP | IFF_NO_PI;
		for (int filtered = 0; filtered <= 1; filtered++) {
			host.filtered = filtered != 0;
			assert_opens(f, f->wire.where);
			assert_int_equal(tap_of(f)->prefix, 4 * host.pi);
			assert_int_equal(host.filtered, filtered);
			detach(f);
		}
	}
	assert_int_equal(host.filters, 0);
}

static void no_filter_of_others_is_lost(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = IFF_TAP | IFF_NO_PI;
	host.filtered = true;
	host.filter_len = 3;
	assert_opens(f, f->wire.where);
	assert_int_equal(tap_of(f)->prefix, 0);
	assert_true(host.filtered);
	assert_int_equal(host.filters, 0);
}

/* The tap may be of another network namespace, where nobody can be asked about it. */
static void another_interface_of_that_name_is_not_meant(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = IFF_TAP;
	host.known = host.another = true;
	host.queues[0] = host.queues[1] = 2;
	assert_opens(f, f->wire.where);
	assert_int_equal(tap_of(f)->prefix, 4);
	assert_int_equal(host.filters, 1);
}

static void half_an_answer_is_none(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.known = true;
	host.queues[0] = host.queues[1] = 2;
	assert_refused(f, f->wire.where, HUSK_E_HOST, "Could not attach interface: @");
	for (host.cut = 1; host.cut < 200; host.cut++) {
		host.cut_unsaid = host.cut % 2 != 0;
		host.questions = 0;
		assert_opens(f, f->wire.where);
		assert_int_equal(host.questions, 1);
		detach(f);
	}
}

static void more_than_64_bytes_in_front_are_refused(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	host.vnet = 65;
	assert_refused(f, f->wire.where, HUSK_E_USAGE, "Could not attach interface: @");
	assert_non_null(strstr(f->e.message, "its header of 65 bytes is too long; make it 64"));
	host.vnet = INT32_MAX;
	assert_refused(f, f->wire.where, HUSK_E_USAGE, "Could not attach interface: @");
	host.tun_flags = IFF_TAP | IFF_VNET_HDR;
	host.vnet = 61;
	assert_refused(f, f->wire.where, HUSK_E_USAGE, "Could not attach interface: @");
}

static void a_tun_interface_is_no_tap(void **state)
{
	struct fixture *f = *state;

	wire_make(&f->wire);
	host.tun_flags = IFF_TUN | IFF_NO_PI;
	assert_refused(f, f->wire.where, HUSK_E_USAGE, "Could not attach interface: @");
	assert_non_null(strstr(f->e.message, "given is a tun interface, not a tap; make it with"));
}

static void two_ways_to_one_interface_are_seen(void **state)
{
	struct fixture *f = *state;
	char twin[16];
	int fd;

	wire_make(&f->wire);
	fd = dup(f->wire.device);
	snprintf(twin, sizeof twin, "@%d", fd);
	assert_true(uplink_same("tap0", "tap0"));
	assert_true(uplink_same("@60", "@60"));
	assert_false(uplink_same("tap0", "tap1"));
	assert_false(uplink_same("given", "tap0"));
	assert_int_equal(host.seen, 0);
	for (int i = 0; i < 2; i++) {
		assert_true(uplink_same("given", f->wire.where));
		assert_true(uplink_same(f->wire.where, "given"));
		assert_true(uplink_same(f->wire.where, twin));
		assert_false(uplink_same(f->wire.where, "tap0"));
		assert_false(uplink_same(f->wire.where, "@x"));
		host.tun_flags = IFF_TAP;
	}
	host.get_error = ENOTTY;
	assert_true(uplink_same(f->wire.where, twin));
	assert_false(uplink_same(f->wire.where, "given"));
	assert_false(uplink_same(f->wire.where, "@0"));
	assert_false(uplink_same(f->wire.where, "@60"));
	close(fd);
}

/* ---- descriptors that frames do not go through ---- */

static void assert_unusable(struct fixture *f, int fd, const char *why)
{
	int flags = __real_fcntl(fd, F_GETFL);
	char where[16];

	assert_int_not_equal(fd, -1);
	snprintf(where, sizeof where, "@%d", fd);
	assert_refused(f, where, HUSK_E_USAGE, "Could not attach interface: @");
	if (strstr(f->e.message, why) == NULL)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, why);
	assert_non_null(strstr(f->e.message, "open "));
	assert_int_equal(__real_fcntl(fd, F_GETFL), flags);
	close(fd);
}

static void what_carries_no_frames_is_refused(void **state)
{
	struct fixture *f = *state;
	FILE *file = tmpfile();

	host.fake = false;
	assert_unusable(f, dup(fileno(file)), "it is a regular file: give a tap, a connected socket");
	fclose(file);
	assert_unusable(f, open("/", O_RDONLY | O_CLOEXEC), "it is a directory");
	assert_unusable(f, open("/dev/null", O_RDWR | O_CLOEXEC), "it is a device that is no tap");
	assert_unusable(f, epoll_create1(EPOLL_CLOEXEC), "it is nothing that carries frames");
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
		assert_unusable(f, socket(AF_UNIX, type | SOCK_CLOEXEC, 0),
				"it is a socket that is not connected");
}

static void what_goes_one_way_only_is_refused(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	host.fake = false;
	assert_int_equal(pipe(ends), 0);
	assert_unusable(f, ends[0], "it is open for reading only: open it for reading and writing");
	assert_unusable(f, ends[1], "it is open for writing only");
}

static void sockets_and_fifos_are_taken(void **state)
{
	static const int types[] = {SOCK_SEQPACKET, SOCK_DGRAM, SOCK_STREAM};
	struct fixture *f = *state;
	char name[] = "/tmp/test_tap.XXXXXX", where[16], path[40];
	int fd;

	host.fake = false;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		wire_make_type(&f->wire, types[i]);
		assert_opens(f, f->wire.where);
		detach(f);
		wire_free(&f->wire);
	}
	assert_non_null(mkdtemp(name));
	snprintf(path, sizeof path, "%s/fifo", name);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	close(fd);
	unlink(path);
	rmdir(name);
}

/* ---- every call may fail ---- */

/* Whether opening survived, with nothing left behind if it did not. */
static bool survives(struct fixture *f, const char *where)
{
	int files = open_descriptors();
	bool ok;

	host.seen = 0;
	ok = uplink_open(&f->uplink, where, &f->e) == 0;
	if (ok)
		detach(f);
	assert_null(f->uplink);
	assert_int_equal(open_descriptors(), files);
	return ok;
}

/* The calls at which opening may fail and go on: a bit for each, counted from the first. */
static void assert_survives(struct fixture *f, const char *where, unsigned calls, unsigned which)
{
	host.fail_at = 0;
	assert_true(survives(f, where));
	assert_int_equal(host.seen, calls);
	for (host.fail_at = 1; host.fail_at <= calls; host.fail_at++) {
		host.from_then_on = false;
		assert_int_equal(survives(f, where), which >> (host.fail_at - 1) & 1);
		host.from_then_on = true;
		survives(f, where);
	}
}

static void whatever_fails_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;

	/* socket, flags, open, attach; offload, socket and mtu may fail */
	assert_survives(f, "tap0", 7, 1 << 4 | 1 << 5 | 1 << 6);
	wire_make(&f->wire);
	host.tun_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	host.vnet = 12;
	/*
	 * dup, getfl; getiff, addresses (3), mtu (2), question (3), filters (2), getiff, vnet size
	 * and offload may fail; setfl
	 */
	assert_survives(f, f->wire.where, 17, 0x3fff << 2);
	host.known = true;
	/* the same, but a question (3) and address instead of filters and getiff */
	assert_survives(f, f->wire.where, 15, 0xfff << 2);
}

static void attaching_again_leaves_the_old_one_whatever_fails(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, "tap0");
	for (host.fail_at = 1; host.fail_at <= 4; host.fail_at++) {
		int old = f->uplink->fd;

		host.seen = 0;
		assert_int_equal(reattach(f), -1);
		assert_int_equal(f->uplink->fd, old);
		assert_int_equal(open_descriptors(), f->files + 1);
	}
	host.seen = 0;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(open_descriptors(), f->files + 1);
}

/* ---- frames ---- */

static const struct { int error; enum uplink_result result; } meanings[] = {
	{EAGAIN, UPLINK_AGAIN}, {EBADFD, UPLINK_GONE}, {ENODEV, UPLINK_GONE}, {EIO, UPLINK_DOWN},
	{ENETDOWN, UPLINK_DOWN}, {ENOBUFS, UPLINK_DOWN}, {ENOMEM, UPLINK_DOWN}, {EINTR, UPLINK_DOWN},
	{EINVAL, UPLINK_ERROR}, {EFAULT, UPLINK_ERROR}, {EMSGSIZE, UPLINK_ERROR}, {EPERM, UPLINK_ERROR},
};
#define MEANINGS (sizeof meanings / sizeof meanings[0])

static enum uplink_result read_frame(struct uplink *u, struct iovec buffer, size_t *len)
{
	return u->ops->read(u, buffer, len);
}

static enum uplink_result write_frame(struct uplink *u, struct iovec frame)
{
	return u->ops->write(u, frame);
}

static struct iovec part(void *bytes, size_t len)
{
	return (struct iovec){bytes, len};
}

/* A tap with that many bytes of its own in front of each frame. */
static void open_wire(struct fixture *f, int prefix)
{
	wire_make(&f->wire);
	host.tun_flags = prefix == 0 ? IFF_TAP | IFF_NO_PI : IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	host.vnet = prefix;
	assert_opens(f, f->wire.where);
	assert_int_equal(tap_of(f)->prefix, prefix);
}

static void each_failure_to_read_has_its_meaning(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[64];
	size_t len = 77;

	open_wire(f, 0);
	for (size_t i = 0; i < MEANINGS; i++) {
		host.read_error = meanings[i].error;
		assert_int_equal(read_frame(f->uplink, part(buffer, 64), &len), meanings[i].result);
	}
	assert_int_equal(len, 77);
}

static void each_failure_to_write_has_its_meaning(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[64] = {0};

	for (int prefix = 0; prefix <= 12; prefix += 12) {
		open_wire(f, prefix);
		for (size_t i = 0; i < MEANINGS; i++) {
			host.write_error = meanings[i].error;
			assert_int_equal(write_frame(f->uplink, part(frame, 64)), meanings[i].result);
		}
		detach(f);
		wire_free(&f->wire);
	}
	assert_int_equal(host.writes, MEANINGS);
	assert_int_equal(host.writevs, MEANINGS);
}

static void what_is_written_in_part_is_an_error(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[64] = {0};

	open_wire(f, 12);
	host.moved = 12 + 63;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_ERROR);
	host.moved = 64;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_ERROR);
	host.moved = 0;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_ERROR);
	host.moved = 12 + 64;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_OK);
	detach(f);
	wire_free(&f->wire);
	open_wire(f, 0);
	host.moved = 63;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_ERROR);
	host.moved = 64;
	assert_int_equal(write_frame(f->uplink, part(frame, 64)), UPLINK_OK);
}

static void what_is_in_front_is_written_as_zeros(void **state)
{
	static const uint8_t zeros[64];
	struct fixture *f = *state;
	uint8_t frame[100];

	open_wire(f, 64);
	wire_fill(frame, sizeof frame, 5);
	assert_int_equal(write_frame(f->uplink, part(frame, sizeof frame)), UPLINK_OK);
	assert_memory_equal(host.wrote, zeros, 64);
	assert_true(wire_matches(host.wrote + 64, sizeof frame, 5));
}

static void what_is_in_front_is_not_read(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[100] = {0}, buffer[88];
	size_t len = 0;

	open_wire(f, 12);
	memset(frame, 0xee, 12);
	wire_fill(frame + 12, 88, 9);
	assert_true(wire_send(&f->wire, frame, 100));
	assert_int_equal(read_frame(f->uplink, part(buffer, 88), &len), UPLINK_OK);
	assert_int_equal(len, 88);
	assert_true(wire_matches(buffer, 88, 9));
}

static void a_frame_shorter_than_what_is_in_front_is_none(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[88];
	size_t len = 77;

	open_wire(f, 12);
	assert_true(wire_send(&f->wire, "01234567890", 11));
	assert_true(wire_send(&f->wire, "012345678901", 12));
	assert_int_equal(read_frame(f->uplink, part(buffer, 88), &len), UPLINK_NO_FRAME);
	assert_int_equal(len, 77);
	assert_int_equal(read_frame(f->uplink, part(buffer, 88), &len), UPLINK_OK);
	assert_int_equal(len, 0);
}

static void a_frame_that_fits_exactly_is_read_and_one_byte_more_is_lost(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[200], *buffer = malloc(60);
	size_t len;

	for (int prefix = 0; prefix <= 12; prefix += 12) {
		open_wire(f, prefix);
		for (size_t n = 59; n <= 62; n++) {
			assert_true(wire_send(&f->wire, frame, n + (size_t)prefix));
			assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len),
					 n <= 60 ? UPLINK_OK : UPLINK_TOO_LONG);
			if (n <= 60)
				assert_int_equal(len, n);
		}
		assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_AGAIN);
		detach(f);
		wire_free(&f->wire);
	}
	free(buffer);
}

static void the_end_of_a_socket_is_the_end_of_the_interface(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[60];
	size_t len;

	open_wire(f, 0);
	assert_true(wire_send(&f->wire, "0123456789012345", 16));
	assert_true(wire_send(&f->wire, "", 0));
	assert_true(wire_send(&f->wire, "0123456789012345", 16));
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_OK);
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_NO_FRAME);
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_OK);
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_AGAIN);
	wire_close_host(&f->wire);
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_GONE);
	assert_int_equal(read_frame(f->uplink, part(buffer, 60), &len), UPLINK_GONE);
}

/* ---- real taps, in a network of the test's own ---- */

#define ETHERTYPE 0x88b5	/* IEEE 802: for local experiments */
#define FRAME 100u		/* bytes of most test frames */

#define PATIENCE_MS 10000	/* for what happens soon, even on a busy machine */

static const char *why_not;	/* no real taps: the reason; NULL: there are */

/* Without IPv6 an interface is silent; where that cannot be, what it says is read past. */
static void silence_kernel(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)!write(fd, "1", 1);
	close(fd);
}

/* The program is in a network of its own from here on; it ends with it. */
static int enter_network(void **state)
{
	int fd;

	(void)state;
	memset(&host, 0, sizeof host);
	host.moved = SIZE_MAX;
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		why_not = "no network namespace may be made here";
	else
		silence_kernel();
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd == -1)
		why_not = "there is no /dev/net/tun here";
	else if (ioctl(fd, TUNATTACHFILTER, NULL) != 0 && errno == ENOSYS)
		why_not = "qemu-user does not know TUNATTACHFILTER, nor SIOCETHTOOL";
	if (fd != -1)
		close(fd);
	return 0;
}

static int set_up_real(void **state)
{
	set_up(state);
	host.fake = false;
	return 0;
}

/* cmocka says only that a test was skipped; the reason is here. */
static void skip_if(const char *reason)
{
	if (reason == NULL)
		return;
	print_message("# %s\n", reason);
	skip();
}

static void need_taps(void)
{
	skip_if(why_not);
}

static void ask(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ifr->ifr_name, name);
	if (ioctl(fd, request, ifr) != 0)
		fail_msg("%s: request 0x%lx: %s", name, request, strerror(errno));
	close(fd);
}

static void set_flags(const char *name, bool up)
{
	struct ifreq ifr = {.ifr_flags = up ? IFF_UP : 0};

	ask(name, SIOCSIFFLAGS, &ifr);
}

static void set_mtu(const char *name, int mtu)
{
	struct ifreq ifr = {.ifr_mtu = mtu};

	ask(name, SIOCSIFMTU, &ifr);
}

/* A descriptor attached to a new interface, which goes away with it. */
static int make_queue(const char *name, int flags)
{
	struct ifreq ifr = {.ifr_flags = (short)flags};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0)
		fail_msg("TUNSETIFF: %s", strerror(errno));
	return fd;
}

/* An interface that stays, not attached to anything. */
static void make_tap(const char *name, int flags)
{
	int fd = make_queue(name, flags);

	assert_int_equal(ioctl(fd, TUNSETPERSIST, 1), 0);
	close(fd);
	set_flags(name, true);
}

static void remove_interface(const char *name)
{
	struct { struct nlmsghdr head; struct ifinfomsg info; } rq = {
		.head = {.nlmsg_len = sizeof rq, .nlmsg_type = RTM_DELLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)},
	};
	struct { struct nlmsghdr head; struct nlmsgerr error; } reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_not_equal(rq.info.ifi_index, 0);
	assert_int_equal(send(fd, &rq, sizeof rq, 0), sizeof rq);
	assert_true(recv(fd, &reply, sizeof reply, 0) >= (ssize_t)sizeof reply);
	assert_int_equal(reply.error.error, 0);
	close(fd);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint32_t ethtool(const char *name, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq ifr = {.ifr_data = (char *)&value};

	ask(name, SIOCETHTOOL, &ifr);
	return value.data;
}

/*
 * Linux net/core/link_watch.c: an interface that was just attached drops what is sent to it until
 * the kernel has seen to its carrier, which asking for it completes.
 */
static void await_carrier(const char *name)
{
	long deadline = now_ms() + PATIENCE_MS;

	while (ethtool(name, ETHTOOL_GLINK) == 0) {
		assert_true(now_ms() < deadline);
		usleep(1000);
	}
}

/* The network's side of the interface: sees what the guest sends, and sends it frames. */
static void open_peer(struct fixture *f, const char *name)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = (uint16_t)(ETHERTYPE << 8 | ETHERTYPE >> 8),
		.sll_ifindex = (int)if_nametoindex(name),
	};

	await_carrier(name);
	if (f->peer != -1)
		close(f->peer);
	f->peer = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, at.sll_protocol);
	assert_int_not_equal(f->peer, -1);
	assert_int_equal(bind(f->peer, (struct sockaddr *)&at, sizeof at), 0);
}

static void make_frame(uint8_t *frame, size_t len, uint8_t n)
{
	memset(frame, n, len);
	memset(frame, 0xff, 6);
	frame[6] = 2;
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
}

static bool is_ours(const uint8_t *frame, size_t len)
{
	return len >= 14 && frame[12] == ETHERTYPE >> 8 && frame[13] == (ETHERTYPE & 0xff);
}

/* Reads past what the kernel itself has to say. */
static enum uplink_result read_ours(struct uplink *u, uint8_t *buffer, size_t room, size_t *len)
{
	enum uplink_result r;

	do
		r = read_frame(u, part(buffer, room), len);
	while (r == UPLINK_OK && !is_ours(buffer, *len));
	return r;
}

static void wait_readable(int fd, long deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long left = deadline - now_ms();

	assert_int_equal(poll(&p, 1, left > 0 ? (int)left : 0), 1);
}

/* The kernel may take its time over what was sent, and say something itself meanwhile. */
static enum uplink_result await_ours(struct uplink *u, uint8_t *buffer, size_t room, size_t *len)
{
	long deadline = now_ms() + PATIENCE_MS;
	enum uplink_result r;

	while ((r = read_ours(u, buffer, room, len)) == UPLINK_AGAIN)
		wait_readable(u->fd, deadline);
	return r;
}

/* What the guest sent; what the peer sent itself, it sees too. */
static size_t await_guests(int peer, uint8_t *frame, size_t room)
{
	struct sockaddr_ll from;
	socklen_t size = sizeof from;
	long deadline = now_ms() + PATIENCE_MS;
	ssize_t n;

	do {
		wait_readable(peer, deadline);
		n = recvfrom(peer, frame, room, 0, (struct sockaddr *)&from, &size);
	} while (n == -1 || from.sll_pkttype == PACKET_OUTGOING);
	return (size_t)n;
}

/* Both ways, of many lengths: what arrives is what was sent. */
static void assert_carries(struct fixture *f, size_t most)
{
	static uint8_t sent[65535], got[65535];
	const size_t lengths[] = {14, 15, 60, FRAME, most - 1, most};
	size_t len;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		make_frame(sent, lengths[i], (uint8_t)i);
		assert_int_equal(send(f->peer, sent, lengths[i], 0), lengths[i]);
		assert_int_equal(await_ours(f->uplink, got, sizeof got, &len), UPLINK_OK);
		assert_int_equal(len, lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
		make_frame(sent, lengths[i], (uint8_t)(i + 100));
		assert_int_equal(write_frame(f->uplink, part(sent, lengths[i])), UPLINK_OK);
		assert_int_equal(await_guests(f->peer, got, sizeof got), lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
	}
	assert_int_equal(read_ours(f->uplink, got, sizeof got, &len), UPLINK_AGAIN);
}

/* However the interface was made, frames come as they are. */
static void frames_cross_a_real_tap(void **state)
{
	static const int flags[] = {
		IFF_TAP | IFF_NO_PI, IFF_TAP, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE, IFF_TAP | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	};
	struct fixture *f = *state;

	need_taps();
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		make_tap("tap0", flags[i]);
		assert_opens(f, "tap0");
		open_peer(f, "tap0");
		assert_int_equal(f->uplink->mtu, 1500);
		assert_carries(f, 1514);
		detach(f);
		remove_interface("tap0");
	}
}

static void frames_cross_an_inherited_tap_of_any_kind(void **state)
{
	static const struct { int flags, vnet; unsigned prefix; } kinds[] = {
		{IFF_TAP | IFF_NO_PI, 0, 0},
		{IFF_TAP, 0, 4},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 10, 10},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, 12},
		{IFF_TAP | IFF_VNET_HDR, 12, 16},
	};
	struct fixture *f = *state;
	char where[16];

	need_taps();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		int fd = make_queue("tap0", kinds[i].flags);

		if (kinds[i].vnet != 0)
			assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &kinds[i].vnet), 0);
		set_mtu("tap0", 1400);
		set_flags("tap0", true);
		snprintf(where, sizeof where, "@%d", fd);
		assert_opens(f, where);
		assert_string_equal(tap_of(f)->name, "tap0");
		assert_int_equal(f->uplink->mtu, 1400);
		assert_int_equal(tap_of(f)->prefix, kinds[i].prefix);
		open_peer(f, "tap0");
		assert_carries(f, 1414);
		detach(f);
		close(fd);
	}
}

/* What was asked for before would give the guest unfinished checksums and frames that are too long. */
static void an_inherited_tap_offloads_nothing(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int fd;

	need_taps();
	fd = make_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	assert_int_equal(ioctl(fd, TUNSETOFFLOAD, (long)(TUN_F_CSUM | TUN_F_TSO4)), 0);
	assert_int_not_equal(ethtool("tap0", ETHTOOL_GTXCSUM), 0);
	assert_int_not_equal(ethtool("tap0", ETHTOOL_GTSO), 0);
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	assert_int_equal(ethtool("tap0", ETHTOOL_GTXCSUM), 0);
	assert_int_equal(ethtool("tap0", ETHTOOL_GTSO), 0);
	close(fd);
}

/* What somebody put in front of the guest stays there. */
static void an_inherited_tap_keeps_its_filter(void **state)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {1, &none};
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	char where[16];
	size_t len;

	need_taps();
	make_frame(frame, FRAME, 1);
	for (int pi = 0; pi <= 1; pi++) {
		int fd = make_queue("tap0", pi == 1 ? IFF_TAP : IFF_TAP | IFF_NO_PI);

		assert_int_equal(ioctl(fd, TUNATTACHFILTER, &filter), 0);
		set_flags("tap0", true);
		snprintf(where, sizeof where, "@%d", fd);
		assert_opens(f, where);
		assert_int_equal(tap_of(f)->prefix, 4 * pi);
		open_peer(f, "tap0");
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
		assert_int_equal(read_ours(f->uplink, buffer, FRAME, &len), UPLINK_AGAIN);
		assert_int_equal(ioctl(fd, TUNDETACHFILTER, &filter), 0);
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
		assert_int_equal(await_ours(f->uplink, buffer, FRAME, &len), UPLINK_OK);
		detach(f);
		close(fd);
	}
}

static void a_large_mtu_is_carried(void **state)
{
	struct fixture *f = *state;

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	set_mtu("tap0", 9000);
	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->mtu, 9000);
	open_peer(f, "tap0");
	assert_carries(f, 9014);
	detach(f);
	set_mtu("tap0", 65521);
	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->mtu, 65521);
	remove_interface("tap0");
}

static void a_frame_that_does_not_fit_is_noticed(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	open_peer(f, "tap0");
	make_frame(frame, FRAME, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send(f->peer, frame, FRAME, 0), FRAME);
	assert_int_equal(await_ours(f->uplink, buffer, FRAME - 1, &len), UPLINK_TOO_LONG);
	assert_int_equal(await_ours(f->uplink, buffer, FRAME, &len), UPLINK_OK);
	assert_int_equal(len, FRAME);
	remove_interface("tap0");
}

static void a_frame_without_a_header_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME];

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	make_frame(frame, FRAME, 1);
	assert_int_equal(write_frame(f->uplink, part(frame, 13)), UPLINK_ERROR);
	assert_int_equal(write_frame(f->uplink, part(frame, 0)), UPLINK_ERROR);
	assert_int_equal(write_frame(f->uplink, part(frame, 14)), UPLINK_OK);
	remove_interface("tap0");
}

static void an_interface_that_is_down_drops_and_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	open_peer(f, "tap0");
	set_flags("tap0", false);
	make_frame(frame, FRAME, 1);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_DOWN);
	assert_int_equal(read_ours(f->uplink, buffer, FRAME, &len), UPLINK_AGAIN);
	set_flags("tap0", true);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	remove_interface("tap0");
}

static void an_interface_that_is_removed_is_gone_until_it_is_back(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = {.events = POLLIN};
	uint8_t frame[FRAME], buffer[FRAME];
	size_t len;

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_opens(f, "tap0");
	remove_interface("tap0");
	make_frame(frame, FRAME, 1);
	p.fd = f->uplink->fd;
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_GONE);
	assert_int_equal(read_frame(f->uplink, part(buffer, FRAME), &len), UPLINK_GONE);
	assert_int_equal(reattach(f), -1);
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	set_flags("tap0", false);
	assert_int_equal(reattach(f), -1);
	assert_int_equal(write_frame(f->uplink, part(frame, FRAME)), UPLINK_GONE);
	set_flags("tap0", true);
	assert_int_equal(reattach(f), 0);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	remove_interface("tap0");
}

static void what_cannot_be_attached_is_refused_with_its_reason(void **state)
{
	struct fixture *f = *state;
	char where[16];
	int tun;

	need_taps();
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: No such device: no "
		       "such interface");
	assert_refused(f, "tap%d", HUSK_E_HOST, "Could not attach interface: tap%d: No such device");
	set_flags("lo", true);
	assert_refused(f, "lo", HUSK_E_HOST, "Could not attach interface: lo: Invalid argument: it is "
		       "not a tap interface");
	tun = make_queue("tun0", IFF_TUN | IFF_NO_PI);
	set_flags("tun0", true);
	assert_unusable(f, open("/dev/net/tun", O_RDWR | O_CLOEXEC),
			"it is /dev/net/tun without an interface (TUNSETIFF)");
	assert_refused(f, "tun0", HUSK_E_HOST, "Could not attach interface: tun0: Invalid argument");
	snprintf(where, sizeof where, "@%d", tun);
	assert_refused(f, where, HUSK_E_USAGE, "Could not attach interface: @");
	close(tun);
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	set_flags("tap0", false);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Network is down");
	remove_interface("tap0");
}

static void an_interface_is_nobody_elses_while_it_is_attached(void **state)
{
	struct fixture *f = *state;
	struct uplink *first;

	need_taps();
	make_tap("tap0", IFF_TAP | IFF_NO_PI);
	assert_int_equal(uplink_open(&first, "tap0", &f->e), 0);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: busy: used by another process");
	uplink_close(first);
	assert_opens(f, "tap0");
	remove_interface("tap0");
}

/* Not even if it was made for several queues: the kernel would let them share the frames. */
static void an_interface_of_several_queues_is_nobody_elses_either(void **state)
{
	const int flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
	struct fixture *f = *state;
	char where[16];
	int fd, other;

	need_taps();
	make_tap("tap0", flags);
	fd = make_queue("tap0", flags);
	assert_refused(f, "tap0", HUSK_E_HOST, "Could not attach interface: tap0: Device or resource "
		       "busy: busy");
	snprintf(where, sizeof where, "@%d", fd);
	assert_opens(f, where);
	open_peer(f, "tap0");
	assert_carries(f, 1514);
	assert_true(uplink_same(where, "tap0"));
	detach(f);
	other = make_queue("tap0", flags);
	assert_refused(f, where, HUSK_E_HOST, "Could not attach interface: @");
	close(other);
	close(fd);
	assert_opens(f, "tap0");
	remove_interface("tap0");
}

/* An interface that stays, of this user. */
static void make_tap_of(const char *name, uid_t owner)
{
	int fd;

	make_tap(name, IFF_TAP | IFF_NO_PI);
	fd = make_queue(name, IFF_TAP | IFF_NO_PI);
	assert_int_equal(ioctl(fd, TUNSETOWNER, owner), 0);
	close(fd);
}

/* A user namespace may know of no other user. */
static void an_interface_of_the_users_needs_no_capability(void **state)
{
	const uid_t nobody = 65534;
	struct fixture *f = *state;
	int mine, others;

	need_taps();
	if (seteuid(nobody) != 0)
		skip_if("there is no other user in this namespace");
	assert_int_equal(seteuid(0), 0);
	make_tap_of("tap0", nobody);
	make_tap_of("tap1", nobody - 1);
	host.opens_as_root = true;
	assert_int_equal(seteuid(nobody), 0);
	mine = uplink_open(&f->uplink, "tap0", &f->e);
	detach(f);
	others = uplink_open(&f->uplink, "tap1", &f->e);
	assert_int_equal(seteuid(0), 0);
	remove_interface("tap0");
	remove_interface("tap1");
	assert_int_equal(mine, 0);
	assert_int_equal(others, -1);
	assert_non_null(strstr(f->e.message, "tap1: Operation not permitted: it belongs to another"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define REAL(name) cmocka_unit_test_setup_teardown(name, set_up_real, tear_down)

static int test_told(void)
{
	const struct CMUnitTest told[] = {
		TEST(a_tap_is_attached_by_name),
		TEST(up_or_running_will_do),
		TEST(every_failure_comes_with_its_remedy),
		TEST(commands_are_as_good_as_the_name),
		TEST(a_name_that_cannot_be_is_not_asked_for),
		TEST(what_is_unknown_is_told_without_a_remedy),
		TEST(a_name_has_15_characters_at_most),
		TEST(an_interface_of_several_queues_is_asked_again),
		TEST(an_interface_of_several_queues_has_one_user),
		TEST(nor_does_an_inherited_queue_have_another_beside_it),
		TEST(only_what_does_not_fit_is_asked_again),
		TEST(an_interface_without_a_known_mtu_has_1500),
		TEST(it_is_attached_again_when_it_is_back),
		TEST(an_inherited_one_is_never_attached_again),
		TEST(a_descriptor_is_duplicated_and_made_not_to_block),
		TEST(an_inherited_tap_keeps_its_name_and_mtu),
		TEST(what_is_no_tap_has_1500_and_no_name),
		TEST(a_descriptor_is_a_number_of_one_that_is_open),
		TEST(a_descriptor_whose_flags_cannot_be_had_is_refused),
		TEST(what_a_tap_puts_in_front_of_frames_is_known),
		TEST(a_tap_that_takes_no_filter_tells_the_truth),
		TEST(no_filter_is_tried_out_where_the_kernel_tells),
		TEST(no_filter_of_others_is_lost),
		TEST(another_interface_of_that_name_is_not_meant),
		TEST(half_an_answer_is_none),
		TEST(more_than_64_bytes_in_front_are_refused),
		TEST(a_tun_interface_is_no_tap),
		TEST(two_ways_to_one_interface_are_seen),
		TEST(what_carries_no_frames_is_refused),
		TEST(what_goes_one_way_only_is_refused),
		TEST(sockets_and_fifos_are_taken),
		TEST(whatever_fails_leaves_nothing_open),
		TEST(attaching_again_leaves_the_old_one_whatever_fails),
		TEST(each_failure_to_read_has_its_meaning),
		TEST(each_failure_to_write_has_its_meaning),
		TEST(what_is_written_in_part_is_an_error),
		TEST(what_is_in_front_is_written_as_zeros),
		TEST(what_is_in_front_is_not_read),
		TEST(a_frame_shorter_than_what_is_in_front_is_none),
		TEST(a_frame_that_fits_exactly_is_read_and_one_byte_more_is_lost),
		TEST(the_end_of_a_socket_is_the_end_of_the_interface),
	};

	return cmocka_run_group_tests(told, NULL, NULL);
}

static int test_real(void)
{
	const struct CMUnitTest real[] = {
		REAL(frames_cross_a_real_tap),
		REAL(frames_cross_an_inherited_tap_of_any_kind),
		REAL(an_inherited_tap_offloads_nothing),
		REAL(an_inherited_tap_keeps_its_filter),
		REAL(a_large_mtu_is_carried),
		REAL(a_frame_that_does_not_fit_is_noticed),
		REAL(a_frame_without_a_header_is_refused),
		REAL(an_interface_that_is_down_drops_and_comes_back),
		REAL(an_interface_that_is_removed_is_gone_until_it_is_back),
		REAL(what_cannot_be_attached_is_refused_with_its_reason),
		REAL(an_interface_is_nobody_elses_while_it_is_attached),
		REAL(an_interface_of_several_queues_is_nobody_elses_either),
		REAL(an_interface_of_the_users_needs_no_capability),
	};

	return cmocka_run_group_tests(real, enter_network, NULL);
}

int main(void)
{
	int failed = test_told();

	return failed + test_real();
}
