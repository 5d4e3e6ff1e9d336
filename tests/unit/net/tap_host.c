/* SPDX-License-Identifier: ISC */
/* tap_host.c: stands in for the kernel where it is asked about interfaces, and fails when told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../../../monitor/net/netns.h"
#include "tap_host.h"

/* After net/if.h, whose names they would define again. */
#include <linux/filter.h>
#include <linux/if_tun.h>

struct tap_host tap_host;

uid_t __wrap_geteuid(void);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
bool __wrap_link_learn(const char *name, struct link_facts *facts);
bool __wrap_netns_call(int ns, void (*f)(void *ctx), void *ctx);
long __wrap_syscall(long number, ...);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void tap_host_reset(void)
{
	tap_host = (struct tap_host){
		.flags = IFF_UP | IFF_RUNNING, .index = 7, .index_after = 7, .mtu = 1400,
		.known = true, .tun_flags = IFF_TAP | IFF_NO_PI | IFF_PERSIST,
		.facts = {.address = {2, 3, 4, 5, 6, 7}, .mtu = 1400, .type = LINK_TAP,
			  .owner = LINK_ANYONE, .group = LINK_ANYONE},
	};
}

int tap_host_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Whether this call fails: with the error given or, if it is the one that fails anyway, with EIO. */
static bool fails(int error)
{
	struct tap_host *h = &tap_host;

	h->seen++;
	errno = error != 0 ? error : EIO;
	return error != 0 || (h->fail_at != 0 && (h->seen == h->fail_at ||
						  (h->seen > h->fail_at && h->from_then_on)));
}

int __wrap_socket(int domain, int type, int protocol)
{
	assert_int_not_equal(type & SOCK_CLOEXEC, 0);
	if (fails(tap_host.socket_error))
		return -1;
	tap_host.sockets++;
	return __real_socket(domain, type, protocol);
}

/* Linux drivers/net/tun.c: the answer is written over the question once everything is done. */
static int set_iff(struct ifreq *ifr)
{
	tap_host.attached++;
	tap_host.asked = *ifr;
	tap_host.asked_at = ifr;
	if (fails((ifr->ifr_flags & IFF_MULTI_QUEUE) != 0 ? tap_host.queue_error :
		  tap_host.attach_error))
		return -1;
	tap_host.index = tap_host.index_after;
	errno = EFAULT;
	return tap_host.read_only ? -1 : 0;
}

/* The same: what was tried last is remembered, refused or not. */
static int set_filter(const struct sock_fprog *filter)
{
	tap_host.filters += filter->len > 0;
	tap_host.filter_len = filter->len;
	if (filter->len == 0)
		return -1;
	tap_host.filtered = !fails(tap_host.filter_error);
	return tap_host.filtered ? 0 : -1;
}

static int unset_filter(void)
{
	tap_host.filtered = false;
	return 0;
}

/* Of the descriptor's own interface. */
static int answer_tun(unsigned long request, void *arg)
{
	struct ifreq *ifr = arg;

	switch (request) {
	case TUNSETIFF:
		return set_iff(ifr);
	case TUNSETOFFLOAD:
		assert_null(arg);
		tap_host.offloads++;
		return fails(0) ? -1 : 0;
	case TUNGETIFF:
		*ifr = (struct ifreq){.ifr_name = "tap0"};
		ifr->ifr_flags = (short)(tap_host.tun_flags |
					 (tap_host.filtered ? 0 : IFF_NOFILTER));
		return fails(tap_host.get_error) ? -1 : 0;
	case TUNATTACHFILTER:
		return set_filter(arg);
	case TUNGETFILTER:
		((struct sock_fprog *)arg)->len = tap_host.filter_len;
		return fails(0) ? -1 : 0;
	case TUNDETACHFILTER:
		return unset_filter();
	case TUNGETVNETHDRSZ:
		*(int *)arg = tap_host.vnet;
		return fails(tap_host.vnet_error) ? -1 : 0;
	case TUNSETVNETHDRSZ:
		tap_host.vnet_asked_at = arg;
		if (fails(tap_host.vnet_error))
			return -1;
		tap_host.vnet = *(const int *)arg;
		return 0;
	case TUNGETDEVNETNS:
		return fails(0) ? -1 : __real_open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	fail_msg("ioctl 0x%lx", request);
	return -1;
}

/* Whether the interfaces of this namespace have one of the name, and which. */
static bool hidden(void)
{
	return tap_host.elsewhere && !tap_host.entered && !tap_host.another;
}

static void put_address(uint8_t *address, bool of_descriptor)
{
	bool other = !of_descriptor && tap_host.another && !tap_host.entered;

	memcpy(address, other ? "\2\3\4\5\6\10" : "\2\3\4\5\6\7", LINK_ADDRESS_SIZE);
}

/* Of an interface by its name, or of the descriptor's, which is asked for without one. */
static int answer_name(unsigned long request, struct ifreq *ifr)
{
	switch (request) {
	case SIOCGIFFLAGS:
		ifr->ifr_flags = tap_host.flags;
		return fails(tap_host.flags_error) ? -1 : 0;
	case SIOCGIFINDEX:
		ifr->ifr_ifindex = tap_host.index;
		return fails(tap_host.index == -1 ? ENODEV : 0) ? -1 : 0;
	case SIOCGIFMTU:
		assert_int_not_equal(ifr->ifr_name[0], '\0');
		ifr->ifr_mtu = tap_host.mtu;
		return fails(hidden() ? ENODEV : tap_host.mtu_error) ? -1 : 0;
	case SIOCGIFHWADDR:
		put_address((uint8_t *)ifr->ifr_hwaddr.sa_data, ifr->ifr_name[0] == '\0');
		return fails(hidden() && ifr->ifr_name[0] != '\0' ? ENODEV : 0) ? -1 : 0;
	}
	return answer_tun(request, ifr);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return answer_name(request, arg);
}

uid_t __wrap_geteuid(void)
{
	return TAP_HOST_USER;
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/net/tun");
	assert_int_equal(flags, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	tap_host.opens++;
	return fails(tap_host.open_error) ? -1 : __real_open("/dev/null", flags);
}

bool __wrap_link_learn(const char *name, struct link_facts *facts)
{
	(void)name;
	if (fails(0) || !tap_host.known || hidden())
		return false;
	*facts = tap_host.facts;
	put_address(facts->address, false);
	if (tap_host.questions++ > 0)
		facts->queues = tap_host.queues_after;
	return true;
}

bool __wrap_netns_call(int ns, void (*f)(void *ctx), void *ctx)
{
	assert_true(fcntl(ns, F_GETFD) >= 0);
	if (fails(0) || !tap_host.may_enter)
		return false;
	tap_host.entered = true;
	f(ctx);
	tap_host.entered = false;
	return true;
}

long __wrap_syscall(long number, ...)
{
	struct __user_cap_data_struct *sets;
	va_list ap;

	assert_int_equal(number, SYS_capget);
	va_start(ap, number);
	(void)va_arg(ap, void *);
	sets = va_arg(ap, struct __user_cap_data_struct *);
	va_end(ap);
	sets[0].effective = tap_host.capable ? 1u << CAP_NET_ADMIN : 0;
	return fails(0) ? -1 : 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(0) ? NULL :
	       __real_calloc(n, size);
}
