/* SPDX-License-Identifier: ISC */
/* test_link_linux.c: what route netlink says about an interface, however it says it, or cuts it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After net/if.h, whose names they would define again. */
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "../../../monitor/net/link.h"
#include "own_network.h"

#define DATAGRAM_MAX 40000u

/* ---- a kernel that answers as told: what it says is a list of datagrams ---- */

struct datagram {
	size_t len;		/* as received; may be more than there is, see MSG_TRUNC */
	uint32_t port;		/* who sends it: the kernel is 0 */
	uint8_t bytes[1024];
};

static struct {
	bool fake;
	unsigned seen, fail_at;	/* calls so far, and the one that fails */
	struct datagram datagrams[12];
	size_t n, next;
	size_t asked;		/* bytes of the question */
	struct nlmsghdr question;
	char name[IFNAMSIZ];	/* in it */
} host;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *from,
			socklen_t *size);
ssize_t __wrap_recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *from,
			socklen_t *size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool fails(void)
{
	errno = EIO;
	return ++host.seen == host.fail_at;
}

int __wrap_socket(int domain, int type, int protocol)
{
	assert_true(!host.fake || (domain == AF_NETLINK && (type & SOCK_CLOEXEC) != 0));
	return host.fake && fails() ? -1 : __real_socket(domain, type, protocol);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	if (!host.fake)
		return __real_send(fd, bytes, len, flags);
	host.asked = len;
	memcpy(&host.question, bytes, sizeof host.question);
	memcpy(host.name, (const uint8_t *)bytes + len - IFNAMSIZ, IFNAMSIZ);
	return fails() ? -1 : (ssize_t)len;
}

ssize_t __wrap_recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *from,
			socklen_t *size)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK};
	const struct datagram *d = &host.datagrams[host.next];
	size_t there;

	if (!host.fake)
		return __real_recvfrom(fd, bytes, len, flags, from, size);
	assert_int_equal(flags, MSG_TRUNC | MSG_DONTWAIT);
	if (fails())
		return -1;
	errno = EAGAIN;
	if (host.next == host.n)
		return -1;
	host.next++;
	at.nl_pid = d->port;
	assert_true(*size >= sizeof at);
	memcpy(from, &at, sizeof at);
	*size = sizeof at;
	there = d->len < sizeof d->bytes ? d->len : sizeof d->bytes;
	memcpy(bytes, d->bytes, there < len ? there : len);
	return (ssize_t)d->len;
}

void *__wrap_malloc(size_t size)
{
	return host.fake && fails() ? NULL : __real_malloc(size);
}

/* ---- its messages ---- */

static size_t put_attribute(uint8_t *at, unsigned type, const void *value, size_t size)
{
	struct rtattr a = {.rta_len = (unsigned short)(sizeof a + size),
			   .rta_type = (unsigned short)type};

	memset(at, 0, RTA_ALIGN(a.rta_len));
	memcpy(at, &a, sizeof a);
	if (size > 0)
		memcpy(at + sizeof a, value, size);
	return RTA_ALIGN(a.rta_len);
}

/* What is to be said of the interface; a size of 0 leaves it out. */
struct said {
	const char *kind;	/* NULL: no information about the link */
	uint8_t type, pi, multi;
	uint32_t queues, owner, group, mtu;
	bool without_queues, without_multi, without_pi, without_type, without_data;
	bool without_mtu, without_address;
	uint32_t flags;
};

static size_t put_tun(uint8_t *at, const struct said *s)
{
	size_t n = 0;

	if (!s->without_type)
		n += put_attribute(at + n, IFLA_TUN_TYPE, &s->type, 1);
	if (s->owner != 0)
		n += put_attribute(at + n, IFLA_TUN_OWNER, &s->owner, 4);
	if (s->group != 0)
		n += put_attribute(at + n, IFLA_TUN_GROUP, &s->group, 4);
	if (!s->without_pi)
		n += put_attribute(at + n, IFLA_TUN_PI, &s->pi, 1);
	if (!s->without_multi)
		n += put_attribute(at + n, IFLA_TUN_MULTI_QUEUE, &s->multi, 1);
	if (s->multi != 0 && !s->without_queues)
		n += put_attribute(at + n, IFLA_TUN_NUM_QUEUES, &s->queues, 4);
	return n;
}

static size_t put_info(uint8_t *at, const struct said *s)
{
	uint8_t data[128];
	size_t n = put_attribute(at, IFLA_INFO_KIND, s->kind, strlen(s->kind) + 1);

	if (!s->without_data)
		n += put_attribute(at + n, IFLA_INFO_DATA | NLA_F_NESTED, data, put_tun(data, s));
	return n;
}

static size_t put_link(uint8_t *at, const struct said *s)
{
	static const uint8_t address[6] = {2, 3, 4, 5, 6, 7};
	struct nlmsghdr head = {.nlmsg_type = RTM_NEWLINK, .nlmsg_seq = 1};
	const struct ifinfomsg link = {.ifi_flags = s->flags};
	uint8_t info[256];
	size_t n = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof link);

	memcpy(at + NLMSG_HDRLEN, &link, sizeof link);
	n += put_attribute(at + n, IFLA_IFNAME, "tap0", 5);
	if (!s->without_mtu)
		n += put_attribute(at + n, IFLA_MTU, &s->mtu, 4);
	if (!s->without_address)
		n += put_attribute(at + n, IFLA_ADDRESS, address, 6);
	if (s->kind != NULL)
		n += put_attribute(at + n, IFLA_LINKINFO, info, put_info(info, s));
	head.nlmsg_len = (uint32_t)n;
	memcpy(at, &head, sizeof head);
	return n;
}

/* A message of another type, without contents but zeros. */
static size_t put_message(uint8_t *at, uint16_t type, uint32_t sequence, size_t len)
{
	const struct nlmsghdr head = {.nlmsg_type = type, .nlmsg_seq = sequence,
				      .nlmsg_len = (uint32_t)len};

	memset(at, 0, NLMSG_ALIGN(len));
	memcpy(at, &head, sizeof head);
	return NLMSG_ALIGN(len);
}

static struct datagram *more(void)
{
	return &host.datagrams[host.n++];
}

static const struct said plain = {
	.kind = "tun", .type = IFF_TAP, .pi = 1, .multi = 1, .queues = 3, .owner = 1000, .group = 44,
	.mtu = 1400, .flags = 0x10000,
};

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	host.fake = true;
	return 0;
}

static void answer(const struct said *s)
{
	struct datagram *d;

	host.n = host.next = 0;
	d = more();
	d->port = 0;
	d->len = put_link(d->bytes, s);
}

static void assert_unknown(void)
{
	struct link_facts facts;

	host.next = 0;
	assert_false(link_learn("tap0", &facts));
}

static enum link_type type_of(const struct said *s)
{
	struct link_facts facts;

	answer(s);
	assert_true(link_learn("tap0", &facts));
	return facts.type;
}

/* ---- answers ---- */

static void everything_about_a_tap_is_read(void **state)
{
	struct link_facts facts;

	(void)state;
	answer(&plain);
	assert_true(link_learn("tap0", &facts));
	assert_string_equal(host.name, "tap0");
	assert_int_equal(host.question.nlmsg_type, RTM_GETLINK);
	assert_int_equal(host.question.nlmsg_len, host.asked);
	assert_memory_equal(facts.address, "\2\3\4\5\6\7", 6);
	assert_int_equal(facts.type, LINK_TAP);
	assert_int_equal(facts.mtu, 1400);
	assert_true(facts.carrier);
	assert_int_equal(facts.pi, 1);
	assert_int_equal(facts.owner, 1000);
	assert_int_equal(facts.group, 44);
	assert_true(facts.multi_queue);
	assert_int_equal(facts.queues, 3);
}

static void what_is_not_said_has_its_default(void **state)
{
	const struct said s = {.kind = "tun", .type = IFF_TUN, .mtu = 1500, .without_address = true};
	struct link_facts facts;

	(void)state;
	answer(&s);
	assert_true(link_learn("tap0", &facts));
	assert_memory_equal(facts.address, "\0\0\0\0\0\0", 6);
	assert_int_equal(facts.type, LINK_TUN);
	assert_false(facts.carrier);
	assert_int_equal(facts.owner, LINK_ANYONE);
	assert_int_equal(facts.group, LINK_ANYONE);
	assert_false(facts.multi_queue);
	assert_int_equal(facts.queues, 0);
}

static void what_is_no_tun_is_told_from_what_does_not_say(void **state)
{
	static const char *const others[] = {NULL, "veth", "bridge", "tu", "tunl0", "", "macvtap"};
	struct said s = plain;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		s.kind = others[i];
		assert_int_equal(type_of(&s), LINK_OTHER);
	}
	s = plain;
	s.without_data = true;
	assert_int_equal(type_of(&s), LINK_TUN_OR_TAP);
	s = plain;
	s.without_type = true;
	assert_int_equal(type_of(&s), LINK_TUN_OR_TAP);
	s = plain;
	s.without_pi = true;
	assert_int_equal(type_of(&s), LINK_TUN_OR_TAP);
	s = plain;
	s.without_multi = true;
	assert_int_equal(type_of(&s), LINK_TUN_OR_TAP);
	s = plain;
	s.without_queues = true;
	assert_int_equal(type_of(&s), LINK_TUN_OR_TAP);
	s = plain;
	s.without_mtu = true;
	answer(&s);
	assert_unknown();
}

/* Cut anywhere, with a header that says so, or one that does not: never more than is there. */
static void half_an_answer_says_nothing_wrong(void **state)
{
	struct link_facts facts;
	size_t whole;

	(void)state;
	answer(&plain);
	whole = host.datagrams[0].len;
	for (size_t len = 0; len < whole; len++)
		for (int honest = 0; honest <= 1; honest++) {
			uint32_t said = (uint32_t)len;

			answer(&plain);
			host.datagrams[0].len = len;
			if (honest == 1 && len >= 4)
				memcpy(host.datagrams[0].bytes, &said, 4);
			if (!link_learn("tap0", &facts))
				continue;
			assert_int_equal(honest, 1);
			assert_int_equal(facts.mtu, 1400);
			assert_int_not_equal(facts.type, LINK_TAP);
		}
}

/* Every length in it, wrong in every way: nothing outside the answer is read (the sanitizer looks). */
static void no_length_in_it_is_relied_on(void **state)
{
	static const uint16_t lies[] = {0, 1, 3, 4, 5, 8, 0x7fff, 0x8000, 0xfffe, 0xffff};
	struct link_facts facts;

	(void)state;
	answer(&plain);
	for (size_t at = 0; at + 2 <= host.datagrams[0].len; at += 2)
		for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
			answer(&plain);
			memcpy(host.datagrams[0].bytes + at, &lies[i], 2);
			(void)link_learn("tap0", &facts);
		}
}

static void an_answer_too_long_for_any_buffer_is_none(void **state)
{
	(void)state;
	answer(&plain);
	host.datagrams[0].len = DATAGRAM_MAX;
	assert_unknown();
}

static void an_error_ends_the_question(void **state)
{
	(void)state;
	host.n = 0;
	more()->len = put_message(host.datagrams[0].bytes, NLMSG_ERROR, 1,
				  NLMSG_HDRLEN + sizeof(struct nlmsgerr));
	more()->len = put_link(host.datagrams[1].bytes, &plain);
	assert_unknown();
	assert_int_equal(host.next, 1);
	host.datagrams[0].len = put_message(host.datagrams[0].bytes, NLMSG_DONE, 1, NLMSG_HDRLEN);
	assert_unknown();
}

/* ---- answers among others ---- */

static void what_answers_another_question_is_passed_over(void **state)
{
	static const uint16_t types[] = {RTM_NEWLINK, NLMSG_ERROR, NLMSG_DONE};
	struct link_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		host.n = host.next = 0;
		more()->len = put_message(host.datagrams[0].bytes, types[i], 2, 40);
		more()->len = put_link(host.datagrams[1].bytes, &plain);
		assert_true(link_learn("tap0", &facts));
		assert_int_equal(facts.mtu, 1400);
	}
}

static void only_the_kernel_is_believed(void **state)
{
	struct link_facts facts;
	struct said lie = plain;

	(void)state;
	lie.mtu = 9000;
	answer(&lie);
	host.datagrams[0].port = 4711;
	more()->len = put_link(host.datagrams[1].bytes, &plain);
	assert_true(link_learn("tap0", &facts));
	assert_int_equal(facts.mtu, 1400);
}

/* Several messages in one datagram, the answer the last of them; or in several datagrams. */
static void an_answer_in_many_parts_is_found(void **state)
{
	struct link_facts facts;
	struct datagram *d;

	(void)state;
	d = more();
	d->len = put_message(d->bytes, RTM_NEWADDR, 1, 33);
	d->len += put_message(d->bytes + d->len, NLMSG_NOOP, 1, NLMSG_HDRLEN);
	d->len += put_link(d->bytes + d->len, &plain);
	assert_true(link_learn("tap0", &facts));
	assert_int_equal(facts.type, LINK_TAP);
	host.n = host.next = 0;
	for (int i = 0; i < 5; i++)
		more()->len = put_message(host.datagrams[i].bytes, NLMSG_NOOP, 1, NLMSG_HDRLEN);
	more()->len = put_link(host.datagrams[5].bytes, &plain);
	assert_true(link_learn("tap0", &facts));
}

static void a_kernel_that_does_not_answer_is_left_alone(void **state)
{
	(void)state;
	assert_unknown();
	for (int i = 0; i < 12; i++)
		more()->len = put_message(host.datagrams[i].bytes, NLMSG_NOOP, 1, NLMSG_HDRLEN);
	assert_unknown();
	assert_int_equal(host.next, 8);
}

static void whatever_fails_is_an_unknown_interface(void **state)
{
	int next = dup(0);

	(void)state;
	close(next);
	answer(&plain);
	for (host.fail_at = 1; host.fail_at <= 4; host.fail_at++) {	/* socket, memory, send, receive */
		host.seen = 0;
		assert_unknown();
		assert_int_equal(fcntl(next, F_GETFD), -1);
	}
	host.fail_at = 0;
	host.seen = 0;
	answer(&plain);
	assert_true(link_learn("tap0", &(struct link_facts){0}));
	assert_int_equal(host.seen, 4);
	assert_int_equal(fcntl(next, F_GETFD), -1);
}

/* ---- the real kernel ---- */

static void a_real_kernel_is_understood(void **state)
{
	static const struct { int flags; enum link_type type; bool multi; uint8_t pi; } cases[] = {
		{IFF_TAP | IFF_NO_PI, LINK_TAP, false, 0}, {IFF_TAP, LINK_TAP, false, 1},
		{IFF_TUN, LINK_TUN, false, 1}, {IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE, LINK_TAP, true, 0},
	};
	struct link_facts facts;

	(void)state;
	own_network_need();
	host.fake = false;
	assert_false(link_learn("tap0", &facts));
	assert_true(link_learn("lo", &facts));
	assert_int_equal(facts.type, LINK_OTHER);
	assert_int_equal(facts.mtu, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = own_network_queue("tap0", cases[i].flags);

		own_network_set_mtu("tap0", 1300);
		assert_true(link_learn("tap0", &facts));
		assert_int_equal(facts.type, cases[i].type);
		assert_int_equal(facts.mtu, 1300);
		assert_int_equal(facts.pi, cases[i].pi);
		assert_int_equal(facts.multi_queue, cases[i].multi);
		assert_int_equal(facts.queues, cases[i].multi);
		assert_int_equal(facts.owner, LINK_ANYONE);
		close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_about_a_tap_is_read),
		TEST(what_is_not_said_has_its_default),
		TEST(what_is_no_tun_is_told_from_what_does_not_say),
		TEST(half_an_answer_says_nothing_wrong),
		TEST(no_length_in_it_is_relied_on),
		TEST(an_answer_too_long_for_any_buffer_is_none),
		TEST(an_error_ends_the_question),
		TEST(what_answers_another_question_is_passed_over),
		TEST(only_the_kernel_is_believed),
		TEST(an_answer_in_many_parts_is_found),
		TEST(a_kernel_that_does_not_answer_is_left_alone),
		TEST(whatever_fails_is_an_unknown_interface),
		TEST(a_real_kernel_is_understood),
	};

	return cmocka_run_group_tests(tests, own_network_enter, NULL);
}
