/* link_linux.c: asks the kernel about an interface by route netlink. */
#include "link.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/rtnetlink.h>

#define LINK_MAX 16384u		/* bytes that the kernel has to say about an interface */

/* rtnetlink(7): the contents of the attribute of this type in a list of them, if it is there. */
static bool attribute(struct iovec list, unsigned type, struct iovec *contents)
{
	struct rtattr a;

	while (list.iov_len >= sizeof a) {
		memcpy(&a, list.iov_base, sizeof a);
		if (a.rta_len < sizeof a || a.rta_len > list.iov_len)
			return false;
		contents->iov_base = (uint8_t *)list.iov_base + sizeof a;
		contents->iov_len = a.rta_len - sizeof a;
		if ((a.rta_type & NLA_TYPE_MASK) == type)
			return true;
		if (list.iov_len - a.rta_len < RTA_ALIGN(a.rta_len) - a.rta_len)
			return false;
		list.iov_base = (uint8_t *)list.iov_base + RTA_ALIGN(a.rta_len);
		list.iov_len -= RTA_ALIGN(a.rta_len);
	}
	return false;
}

/* Copies one of exactly that size. */
static bool attribute_value(struct iovec list, unsigned type, void *value, size_t size)
{
	struct iovec contents;

	if (!attribute(list, type, &contents) || contents.iov_len != size)
		return false;
	memcpy(value, contents.iov_base, size);
	return true;
}

/* Asks for all that the kernel has to say about an interface; *n bytes of reply. */
static bool ask_link(const char *name, uint8_t reply[LINK_MAX], size_t *n)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct rtattr attribute;
		char name[IFNAMSIZ];
	} rq = {
		.head = {.nlmsg_len = sizeof rq, .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST},
		.attribute = {.rta_len = sizeof rq.attribute + sizeof rq.name,
			      .rta_type = IFLA_IFNAME},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got = -1;

	if (fd == -1)
		return false;
	memcpy(rq.name, name, strlen(name) + 1);
	if (send(fd, &rq, sizeof rq, 0) == (ssize_t)sizeof rq)
		got = recv(fd, reply, LINK_MAX, MSG_TRUNC);
	close(fd);
	*n = (size_t)got;
	return got > 0 && *n <= LINK_MAX;
}

bool link_learn(const char *name, struct link_facts *facts)
{
	uint8_t reply[LINK_MAX];
	struct nlmsghdr head;
	struct iovec list, info, data;
	size_t n, start = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));

	if (!ask_link(name, reply, &n) || n < start)
		return false;
	memcpy(&head, reply, sizeof head);
	if (head.nlmsg_type != RTM_NEWLINK || head.nlmsg_len > n || head.nlmsg_len < start)
		return false;
	list = (struct iovec){reply + start, head.nlmsg_len - start};
	facts->queues = 0;
	if (!attribute(list, IFLA_LINKINFO, &info) || !attribute(info, IFLA_INFO_DATA, &data) ||
	    !attribute_value(list, IFLA_ADDRESS, facts->address, sizeof facts->address) ||
	    !attribute_value(data, IFLA_TUN_PI, &facts->pi, sizeof facts->pi))
		return false;
	(void)attribute_value(data, IFLA_TUN_NUM_QUEUES, &facts->queues, sizeof facts->queues);
	return true;
}
