/* SPDX-License-Identifier: ISC */
/* link_linux.c: reads the properties of an interface by route netlink. */
#include "link.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#define REPLY_MAX 32768u	/* bytes; more than the kernel sends about one interface */
#define REPLIES_MAX 8		/* datagrams that are read before giving up */
#define SEQUENCE 1u		/* of the one request on this socket */

/* Linux include/uapi/linux/if.h; net/if.h does not have it. */
#define LOWER_UP 0x10000u

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

/* Copies an attribute of exactly that size; without one, value stays as it is. */
static bool attribute_value(struct iovec list, unsigned type, void *value, size_t size)
{
	struct iovec contents;

	if (!attribute(list, type, &contents) || contents.iov_len != size)
		return false;
	memcpy(value, contents.iov_base, size);
	return true;
}

static bool send_question(int fd, const char *name)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct rtattr attribute;
		char name[IFNAMSIZ];
	} rq = {
		.head = {.nlmsg_len = sizeof rq, .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = SEQUENCE},
		.attribute = {.rta_len = sizeof rq.attribute + sizeof rq.name,
			      .rta_type = IFLA_IFNAME},
	};

	memcpy(rq.name, name, strlen(name) + 1);
	return send(fd, &rq, sizeof rq, 0) == (ssize_t)sizeof rq;
}

/* The message at the start of bytes, if it is whole; *next is what follows it. */
static bool first_message(struct iovec bytes, struct nlmsghdr *head, struct iovec *next)
{
	size_t aligned;

	if (bytes.iov_len < sizeof *head)
		return false;
	memcpy(head, bytes.iov_base, sizeof *head);
	if (head->nlmsg_len < sizeof *head || head->nlmsg_len > bytes.iov_len)
		return false;
	aligned = NLMSG_ALIGN((size_t)head->nlmsg_len);
	if (aligned > bytes.iov_len)
		aligned = bytes.iov_len;
	*next = (struct iovec){(uint8_t *)bytes.iov_base + aligned, bytes.iov_len - aligned};
	return true;
}

enum answer { ANSWER_NOT_YET, ANSWER_FOUND, ANSWER_REFUSED };

/* Searches the messages of one datagram for the answer; *answer is the whole message. */
static enum answer find_answer(struct iovec bytes, struct iovec *answer)
{
	struct nlmsghdr head;
	struct iovec next;

	for (; first_message(bytes, &head, &next); bytes = next) {
		if (head.nlmsg_seq != SEQUENCE)
			continue;
		*answer = (struct iovec){bytes.iov_base, head.nlmsg_len};
		if (head.nlmsg_type == RTM_NEWLINK)
			return ANSWER_FOUND;
		if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE)
			return ANSWER_REFUSED;
	}
	return ANSWER_NOT_YET;
}

/* From port 0, the kernel's. It has answered before send returns, so that nothing waits here. */
static ssize_t receive(int fd, uint8_t *reply)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof from;
	ssize_t n = recvfrom(fd, reply, REPLY_MAX, MSG_TRUNC | MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size);

	return n > 0 && size == sizeof from && from.nl_pid != 0 ? 0 : n;
}

static bool ask_link(int fd, const char *name, uint8_t *reply, struct iovec *answer)
{
	if (!send_question(fd, name))
		return false;
	for (int i = 0; i < REPLIES_MAX; i++) {
		ssize_t n = receive(fd, reply);

		if (n == -1 || n > (ssize_t)REPLY_MAX)
			return false;
		switch (find_answer((struct iovec){reply, (size_t)n}, answer)) {
		case ANSWER_FOUND:
			return true;
		case ANSWER_REFUSED:
			return false;
		case ANSWER_NOT_YET:
			break;
		}
	}
	return false;
}

/*
 * Linux drivers/net/tun.c, tun_fill_info. The type stays LINK_TUN_OR_TAP unless the reply is
 * complete.
 */
static void read_tun(struct iovec data, struct link_facts *facts)
{
	uint8_t type, multi;

	facts->type = LINK_TUN_OR_TAP;
	if (!attribute_value(data, IFLA_TUN_TYPE, &type, sizeof type) ||
	    !attribute_value(data, IFLA_TUN_PI, &facts->pi, sizeof facts->pi) ||
	    !attribute_value(data, IFLA_TUN_MULTI_QUEUE, &multi, sizeof multi))
		return;
	facts->multi_queue = multi != 0;
	if (facts->multi_queue && !attribute_value(data, IFLA_TUN_NUM_QUEUES, &facts->queues,
						   sizeof facts->queues))
		return;
	(void)attribute_value(data, IFLA_TUN_OWNER, &facts->owner, sizeof facts->owner);
	(void)attribute_value(data, IFLA_TUN_GROUP, &facts->group, sizeof facts->group);
	facts->type = type == IFF_TAP ? LINK_TAP : LINK_TUN;
}

/* Other kinds, such as veth and bridge, use the same attribute with other contents. */
static bool is_tun(struct iovec info)
{
	struct iovec kind;

	return attribute(info, IFLA_INFO_KIND, &kind) && kind.iov_len >= 3 &&
	       memcmp(kind.iov_base, "tun", 3) == 0 &&
	       (kind.iov_len == 3 || ((const char *)kind.iov_base)[3] == '\0');
}

static bool read_answer(struct iovec answer, struct link_facts *facts)
{
	const size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
	struct iovec list, info, data;
	struct ifinfomsg head;

	if (answer.iov_len < start)
		return false;
	memcpy(&head, (uint8_t *)answer.iov_base + NLMSG_HDRLEN, sizeof head);
	list = (struct iovec){(uint8_t *)answer.iov_base + start, answer.iov_len - start};
	*facts = (struct link_facts){.owner = LINK_ANYONE, .group = LINK_ANYONE,
				     .carrier = (head.ifi_flags & LOWER_UP) != 0};
	if (!attribute_value(list, IFLA_MTU, &facts->mtu, sizeof facts->mtu))
		return false;
	(void)attribute_value(list, IFLA_ADDRESS, facts->address, sizeof facts->address);
	if (!attribute(list, IFLA_LINKINFO, &info) || !is_tun(info))
		return true;
	read_tun(attribute(info, IFLA_INFO_DATA, &data) ? data : (struct iovec){0}, facts);
	return true;
}

bool link_learn(const char *name, struct link_facts *facts)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint8_t *reply = fd == -1 ? NULL : malloc(REPLY_MAX);
	struct iovec answer;
	bool known = reply != NULL && ask_link(fd, name, reply, &answer) &&
		     read_answer(answer, facts);

	free(reply);
	if (fd != -1)
		close(fd);
	return known;
}
