/* SPDX-License-Identifier: ISC */
/* own_network.c: makes interfaces, changes and removes them. */
#include "own_network.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* After net/if.h, whose names they would define again. */
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

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

int own_network_enter(void **state)
{
	int fd;

	(void)state;
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

const char *own_network_denied(void)
{
	return why_not;
}

void own_network_skip_if(const char *reason)
{
	if (reason == NULL)
		return;
	print_message("# %s\n", reason);
	skip();
}

void own_network_need(void)
{
	own_network_skip_if(why_not);
}

static void ask(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ifr->ifr_name, name);
	if (ioctl(fd, request, ifr) != 0)
		fail_msg("%s: request 0x%lx: %s", name, request, strerror(errno));
	close(fd);
}

void own_network_set_up(const char *name, bool up)
{
	struct ifreq ifr = {.ifr_flags = up ? IFF_UP : 0};

	ask(name, SIOCSIFFLAGS, &ifr);
}

void own_network_set_mtu(const char *name, int mtu)
{
	struct ifreq ifr = {.ifr_mtu = mtu};

	ask(name, SIOCSIFMTU, &ifr);
}

int own_network_queue(const char *name, int flags)
{
	struct ifreq ifr = {.ifr_flags = (short)flags};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0)
		fail_msg("TUNSETIFF: %s", strerror(errno));
	return fd;
}

void own_network_tap(const char *name, int flags)
{
	int fd = own_network_queue(name, flags);

	assert_int_equal(ioctl(fd, TUNSETPERSIST, 1), 0);
	close(fd);
	own_network_set_up(name, true);
}

void own_network_remove(const char *name)
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

uint32_t own_network_ethtool(const char *name, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq ifr = {.ifr_data = (char *)&value};

	ask(name, SIOCETHTOOL, &ifr);
	return value.data;
}

unsigned own_network_index(const char *name)
{
	return if_nametoindex(name);
}
