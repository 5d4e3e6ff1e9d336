/* SPDX-License-Identifier: ISC */
/* test_tap_name_linux.c: attaching to a tap by its name, and again; and what is said when it fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "../../../monitor/net/tap.h"
#include "../../../monitor/net/tap_linux.h"
#include "tap_host.h"

/* __wrap_socket __wrap_ioctl __wrap_open __wrap_link_learn __wrap_netns_call */
/* __wrap_syscall __wrap_geteuid __wrap_calloc: tap_host.c stands in for them. */

#define NAME_15 "abcdefghijklmno"

struct fixture {
	struct uplink *uplink;	/* what is attached; NULL: nothing */
	struct sealed sealed;
	bool look, header;
	struct husk_error e;
	int files;		/* descriptors that were open before */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	tap_host_reset();
	f.files = tap_host_descriptors();
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
	sealed_free(&f->sealed);
	return tap_host_descriptors() == f->files ? 0 : -1;
}

static int open_it(struct fixture *f, const char *name)
{
	const struct uplink_request rq = {
		.where = name, .look = f->look, .header = f->header, .sealed = &f->sealed,
	};

	sealed_free(&f->sealed);
	return uplink_open(&f->uplink, &rq, &f->e);
}

static void assert_opens(struct fixture *f, const char *name)
{
	if (open_it(f, name) != 0)
		fail_msg("%s", f->e.message);
}

static void assert_refused(struct fixture *f, const char *name, const char *message)
{
	int files = tap_host_descriptors();

	memset(&f->e, 0, sizeof f->e);
	assert_int_equal(open_it(f, name), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	if (strncmp(f->e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
	assert_null(f->uplink);
	assert_int_equal(tap_host_descriptors(), files);
}

static int reattach(const struct fixture *f)
{
	return f->uplink->ops->reattach(f->uplink);
}

/* ---- attaching ---- */

static void a_tap_is_attached_by_name(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->mtu, 1400);
	assert_int_equal(f->uplink->mtu_max, 1400);
	assert_false(f->uplink->mtu_hidden);
	assert_int_equal(tap_host.attached, 1);
	assert_string_equal(tap_host.asked.ifr_name, "tap0");
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI);
	assert_int_equal(tap_host.offloads, 1);
	assert_int_equal(tap_host_descriptors(), f->files + 1);
	detach(f);
	assert_int_equal(tap_host_descriptors(), f->files);
}

static void up_or_running_will_do(void **state)
{
	struct fixture *f = *state;

	tap_host.flags = IFF_UP;
	assert_opens(f, "tap0");
	detach(f);
	tap_host.flags = IFF_RUNNING;
	assert_opens(f, "tap0");
	detach(f);
	tap_host.flags = (short)~(IFF_UP | IFF_RUNNING);
	assert_refused(f, "tap0", "Could not attach interface: tap0: Network is down: "
		       "it is not up: ip link set tap0 up");
	assert_int_equal(f->e.sys, ENETDOWN);
}

static void every_failure_comes_with_its_remedy(void **state)
{
	static const struct { int *where, error; const char *message; } cases[] = {
		{&tap_host.flags_error, ENODEV, "No such device: make it, as root: ip "
		 "tuntap add tap0 mode tap user 1234 && ip link set tap0 up"},
		{&tap_host.flags_error, ENXIO, "No such device or address: make it"},
		{&tap_host.socket_error, EMFILE, "Too many open files: raise the limit of open files, "
		 "ulimit -n"},
		{&tap_host.open_error, ENOENT, "/dev/net/tun: No such file or directory: there is no "
		 "driver, or it is not seen here; as root: modprobe tun; a container must be given"},
		{&tap_host.open_error, ENODEV, "/dev/net/tun: No such device: there is no driver"},
		{&tap_host.open_error, ENXIO, "/dev/net/tun: No such device or address: there is no driver"},
		{&tap_host.open_error, EACCES, "/dev/net/tun: Permission denied: it must be open to this "
		 "user; as root: chmod 666 /dev/net/tun; a container must be allowed it"},
		{&tap_host.open_error, EPERM, "/dev/net/tun: Operation not permitted: it must be open"},
		{&tap_host.open_error, EMFILE, "/dev/net/tun: Too many open files"},
		{&tap_host.attach_error, EBUSY, "Device or resource busy: used by another process; "
		 "stop that, or give another interface"},
		{&tap_host.attach_error, EPERM, "Operation not permitted: it belongs to another user; make "
		 "it anew, as root: ip link del tap0 && ip tuntap add tap0 mode tap user 1234 && ip "
		 "link set tap0 up"},
		{&tap_host.attach_error, ENOTTY, "Inappropriate ioctl for device: /dev/net/tun is something "
		 "else; make it anew, as root: rm /dev/net/tun && mknod -m 666 /dev/net/tun c 10 200"},
		{&tap_host.attach_error, EBADFD, "File descriptor in bad state"},
		{&tap_host.attach_error, ENOMEM, "Cannot allocate memory"},
	};
	struct fixture *f = *state;
	char all[300];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		*cases[i].where = cases[i].error;
		snprintf(all, sizeof all, "Could not attach interface: tap0: %s", cases[i].message);
		assert_refused(f, "tap0", all);
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
		tap_host.flags_error = ENODEV;
		assert_refused(f, bad[i], "");
		assert_non_null(strstr(f->e.message, bad[i]));
		assert_non_null(strstr(f->e.message, "ip tuntap add NAME mode tap user 1234 && ip link "
				       "set NAME up"));
		tap_host.flags_error = 0;
		tap_host.attach_error = EPERM;
		assert_refused(f, bad[i], "");
		assert_non_null(strstr(f->e.message, "ip link del NAME && ip tuntap add NAME mode"));
	}
}

static void a_path_is_taken_for_a_sockets(void **state)
{
	static const char *const paths[] = {"a/b", "/run/a.sock", "./passt", "/a/path/longer/than/a/name"};
	struct fixture *f = *state;
	char all[200];

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		snprintf(all, sizeof all, "Could not attach interface: %s: No such device: no interface "
			 "can have that name; a socket is given as unix:PATH", paths[i]);
		assert_refused(f, paths[i], all);
	}
}

static void a_name_that_cannot_be_is_not_asked_for(void **state)
{
	static const char *const bad[] = {"tap 0", " ", "tap0 ", "a:b", ".", "..", "tap0\n",
					  "a\tb"};
	struct fixture *f = *state;
	char all[200];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(all, sizeof all, "Could not attach interface: %s: No such device: no interface "
			 "can have that name; give one that `ip link' lists", bad[i]);
		assert_refused(f, bad[i], all);
		assert_null(strstr(f->e.message, "tuntap"));
	}
	assert_int_equal(tap_host.seen, 0);
}

static void what_is_unknown_is_told_without_a_remedy(void **state)
{
	struct fixture *f = *state;

	tap_host.attach_error = ENOSPC;
	assert_refused(f, "tap0", "");
	assert_string_equal(f->e.message,
			    "Could not attach interface: tap0: No space left on device");
}

static void a_name_has_15_characters_at_most(void **state)
{
	struct fixture *f = *state;
	char longer[2000];

	assert_opens(f, NAME_15);
	assert_string_equal(tap_host.asked.ifr_name, NAME_15);
	detach(f);
	tap_host.seen = 0;
	assert_refused(f, NAME_15 "p", "Could not attach interface: " NAME_15 "p: File name too long: a name has at "
		       "most 15 characters; give one that `ip link' lists");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_refused(f, longer, "Could not attach interface: xxx");
	assert_non_null(strstr(f->e.message, "xxx...: File name too long: a name has at most 15"));
	assert_int_equal(tap_host.seen, 0);
}

static void an_interface_of_several_queues_is_asked_again(void **state)
{
	struct fixture *f = *state;

	tap_host.attach_error = EINVAL;
	tap_host.facts.multi_queue = true;
	assert_opens(f, "tap0");
	assert_int_equal(tap_host.attached, 2);
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	assert_string_equal(tap_host.asked.ifr_name, "tap0");
	detach(f);
	tap_host.queue_error = EINVAL;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Invalid argument: "
		       "it is not a tap interface");
	tap_host.queue_error = EBUSY;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Device or resource "
		       "busy: used by another process");
}

/* With a queue each, two would get half of the frames each. */
static void an_interface_of_several_queues_has_one_user(void **state)
{
	static const struct { uint32_t before, after; bool refused; unsigned attached; } cases[] = {
		{0, 1, false, 2}, {0, 0, false, 2}, {1, 1, true, 1}, {7, 0, true, 1}, {0, 2, true, 2},
	};
	struct fixture *f = *state;

	tap_host.attach_error = EINVAL;
	tap_host.known = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tap_host.facts.queues = cases[i].before;
		tap_host.queues_after = cases[i].after;
		tap_host.questions = tap_host.attached = 0;
		if (cases[i].refused)
			assert_refused(f, "tap0", "Could not attach interface: tap0: "
				       "Device or resource busy: used by another process");
		else
			assert_opens(f, "tap0");
		assert_int_equal(tap_host.attached, cases[i].attached);
		detach(f);
	}
}


/* The kernel has one number for all that it cannot attach. */
static void a_tun_is_told_from_other_interfaces(void **state)
{
	static const enum link_type others[] = {LINK_OTHER, LINK_TUN_OR_TAP, LINK_TAP};
	struct fixture *f = *state;

	for (int look = 0; look <= 1; look++) {
		f->look = look == 1;
		tap_host.facts.type = LINK_TUN;
		tap_host.attach_error = tap_host.queue_error = EINVAL;
		assert_refused(f, "tap0", "Could not attach interface: tap0: Invalid argument: it is a "
			       "tun interface, which carries no Ethernet frames; make it anew, as root: "
			       "ip link del tap0 && ip tuntap add tap0 mode tap user 1234 && ip link "
			       "set tap0 up");
	}
	f->look = false;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		tap_host.facts.type = others[i];
		assert_refused(f, "tap0", "Could not attach interface: tap0: Invalid argument: it is not "
			       "a tap interface; make one, as root: ip tuntap add NAME mode tap user "
			       "1234 && ip link set NAME up");
	}
	tap_host.known = false;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Invalid argument: it is not");
}

static void only_what_does_not_fit_is_asked_again(void **state)
{
	struct fixture *f = *state;

	tap_host.attach_error = EBUSY;
	assert_refused(f, "tap0", "");
	assert_int_equal(tap_host.attached, 1);
}

static void an_interface_whose_mtu_cannot_be_known_says_so(void **state)
{
	static const struct { int mtu, error; unsigned result; } cases[] = {
		{9000, 0, 9000}, {68, 0, 68}, {1, 0, 1}, {65521, 0, 65521}, {0, 0, 0},
		{-1, 0, 0}, {9000, ENODEV, 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tap_host.mtu = cases[i].mtu;
		tap_host.mtu_error = cases[i].error;
		assert_opens(f, "tap0");
		assert_int_equal(f->uplink->mtu, cases[i].result);
		assert_int_equal(f->uplink->mtu_max, cases[i].result);
		assert_int_equal(f->uplink->mtu_hidden, cases[i].result == 0);
		detach(f);
	}
}

/* ---- an interface that the kernel made because there was none ---- */

static void what_was_made_anew_is_not_kept(void **state)
{
	static const struct { bool persists; int after; bool ok; } cases[] = {
		{false, 8, false},	/* made by the kernel for us */
		{false, -1, false},	/* and already renamed, or gone again */
		{true, 8, true},	/* made anew by its owner */
		{false, 7, true},	/* somebody else's, who keeps a queue open */
	};
	struct fixture *f = *state;

	tap_host.capable = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tap_host.index = 7;
		tap_host.index_after = cases[i].after;
		tap_host.tun_flags = cases[i].persists ? IFF_TAP | IFF_PERSIST : IFF_TAP;
		tap_host.offloads = 0;
		if (cases[i].ok)
			assert_opens(f, "tap0");
		else
			assert_refused(f, "tap0", "Could not attach interface: tap0: No such device: make it, "
				       "as root");
		assert_int_equal(tap_host.offloads, cases[i].ok);
		detach(f);
	}
}

/* ---- attaching again ---- */

/* One call on the old descriptor, with what it reads where nobody can write. */
static void it_is_attached_again_without_opening_anything(void **state)
{
	struct fixture *f = *state;
	int old;

	assert_opens(f, "tap0");
	assert_int_equal(sealed_protect(&f->sealed, &f->e), 0);
	old = f->uplink->fd;
	tap_host.opens = tap_host.sockets = tap_host.seen = tap_host.offloads = 0;
	tap_host.attach_error = EPERM;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(f->uplink->fd, old);
	tap_host.attach_error = 0;
	tap_host.read_only = true;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host.seen, 3);
	assert_int_equal(tap_host.offloads, 1);
	assert_string_equal(tap_host.asked.ifr_name, "tap0");
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI);
	assert_true((const uint8_t *)tap_host.asked_at >= f->sealed.bytes);
	assert_true((const uint8_t *)(tap_host.asked_at + 1) <= f->sealed.bytes + SEALED_SIZE);
	tap_host.attach_error = EINVAL;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	assert_true((const uint8_t *)(tap_host.asked_at + 1) <= f->sealed.bytes + SEALED_SIZE);
	tap_host.queue_error = EINVAL;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(f->uplink->fd, old);
	assert_int_equal(tap_host.opens + tap_host.sockets, 0);
	assert_int_equal(tap_host_descriptors(), f->files + 1);
}

static void what_is_attached_already_stays_so(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, "tap0");
	tap_host.attach_error = EEXIST;
	assert_int_equal(reattach(f), 0);
}

/* The filter lets pass what lies where the sealed memory begins things. */
static void assert_sealed(const struct fixture *f, const void *at, size_t size)
{
	const uint8_t *first = at;

	assert_true(first >= f->sealed.bytes && first + size <= f->sealed.bytes + SEALED_SIZE);
	assert_int_equal((uintptr_t)at % SEALED_ALIGN, 0);
}

static void a_header_is_asked_for_and_asked_for_again(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	f->header = true;
	assert_opens(f, "tap0");
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	assert_int_equal(tap_host.vnet, 12);
	assert_int_equal(f->uplink->header, 12);
	assert_int_equal(f->uplink->ops->carry_header(f->uplink), 0);
	sandbox_init(&s);
	uplink_confine(f->uplink, &s);
	assert_int_equal(s.values[SANDBOX_HEADER], TUNSETVNETHDRSZ);
	tap_host.vnet = 0;
	tap_host.attach_error = EINVAL;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host.asked.ifr_flags, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	assert_int_equal(tap_host.vnet, 12);
	assert_sealed(f, tap_host.asked_at, sizeof *tap_host.asked_at);
	assert_sealed(f, tap_host.vnet_asked_at, sizeof *tap_host.vnet_asked_at);
	tap_host.vnet_error = EINVAL;
	assert_int_equal(reattach(f), -1);
}

static void without_one_none_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	assert_opens(f, "tap0");
	assert_int_equal(f->uplink->header, 0);
	assert_int_equal(f->uplink->ops->carry_header(f->uplink), -1);
	assert_null(tap_host.vnet_asked_at);
	sandbox_init(&s);
	uplink_confine(f->uplink, &s);
	assert_int_equal(s.values[SANDBOX_HEADER], UINT32_MAX);
}

/* Whoever may make interfaces would have the kernel make one at each attempt. */
static void who_may_make_interfaces_looks_first(void **state)
{
	struct fixture *f = *state;

	tap_host.capable = true;
	assert_opens(f, "tap0");
	assert_int_equal(tap_host_descriptors(), f->files + 2);
	tap_host.opens = tap_host.sockets = tap_host.attached = 0;
	tap_host.index = -1;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(tap_host.attached, 0);
	tap_host.index = tap_host.index_after = 9;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host.attached, 1);
	assert_int_equal(tap_host.opens + tap_host.sockets, 0);
}

static void confine(struct fixture *f, struct sandbox *s, bool capable)
{
	tap_host.capable = true;
	assert_opens(f, "tap0");
	assert_int_equal(tap_host_descriptors(), f->files + 2);
	sandbox_init(s);
	uplink_limit(f->uplink, s);
	assert_true(s->net_admin);
	tap_host.capable = capable;
	uplink_confine(f->uplink, s);
	tap_host.opens = tap_host.sockets = 0;
}

static void confined_without_the_capability_it_only_asks_to_be_attached(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	confine(f, &s, false);
	assert_int_equal(tap_host_descriptors(), f->files + 1);
	assert_int_equal(s.keep[s.n_keep - 1], f->uplink->fd);
	assert_int_equal(s.values[SANDBOX_ASK_INDEX], UINT32_MAX);
	assert_int_equal(reattach(f), 0);
}

static void confined_with_the_capability_it_looks_up_the_name(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	confine(f, &s, true);
	assert_int_equal(tap_host_descriptors(), f->files + 2);
	assert_int_equal(s.n_keep, 5);
	assert_int_equal(s.values[SANDBOX_ASK_INDEX], SIOCGIFINDEX);
	assert_int_equal(s.values[SANDBOX_ASK_TAP], TUNGETIFF);
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host.opens + tap_host.sockets, 0);
}

/* Nothing can be opened then. */
static void confined_what_was_made_anew_is_taken_away_for_good(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	confine(f, &s, true);
	tap_host.tun_flags = IFF_TAP | IFF_NO_PI;
	tap_host.index_after = 8;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(reattach(f), -1);
		assert_int_equal(f->uplink->fd, -1);
		assert_int_equal(tap_host_descriptors(), f->files + 1);
	}
	assert_int_equal(tap_host.opens + tap_host.sockets, 0);
}

static void without_the_capability_none_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	tap_host.capable = false;
	assert_opens(f, "tap0");
	sandbox_init(&s);
	uplink_limit(f->uplink, &s);
	assert_false(s.net_admin);
}

/* It goes with its descriptor; the next attempt has another. */
static void what_was_made_anew_when_attaching_again_is_taken_away(void **state)
{
	struct fixture *f = *state;

	tap_host.capable = true;
	assert_opens(f, "tap0");
	tap_host.tun_flags = IFF_TAP | IFF_NO_PI;
	tap_host.index_after = 8;
	tap_host.opens = 0;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(tap_host.opens, 1);
	assert_int_equal(tap_host_descriptors(), f->files + 2);
	tap_host.tun_flags |= IFF_PERSIST;
	assert_int_equal(reattach(f), 0);
	tap_host.tun_flags = IFF_TAP | IFF_NO_PI;
	tap_host.index = 7;
	tap_host.open_error = EMFILE;
	assert_int_equal(reattach(f), -1);
	assert_int_equal(f->uplink->fd, -1);
	assert_int_equal(tap_host_descriptors(), f->files + 1);
	tap_host.tun_flags |= IFF_PERSIST;
	assert_int_equal(reattach(f), -1);
	tap_host.open_error = 0;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host_descriptors(), f->files + 2);
}

/* ---- only looking ---- */

static void looking_attaches_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[60] = {0};
	size_t len;

	f->look = true;
	for (int capable = 0; capable <= 1; capable++) {
		tap_host.capable = capable == 1;
		assert_opens(f, "tap0");
		assert_int_equal(f->uplink->mtu, 1400);
		assert_int_equal(f->uplink->fd, -1);
		assert_null(f->uplink->ops->reattach);
		assert_int_equal(f->uplink->ops->read(f->uplink, (struct iovec){frame, 60}, &len),
				 UPLINK_AGAIN);
		assert_int_equal(f->uplink->ops->write(f->uplink, (struct iovec){frame, 60}),
				 UPLINK_DOWN);
		assert_int_equal(tap_host_descriptors(), f->files);
		detach(f);
	}
	assert_int_equal(tap_host.attached + tap_host.offloads, 0);
}

static void looking_foresees_what_attaching_would_say(void **state)
{
	struct fixture *f = *state;

	f->look = true;
	tap_host.facts.carrier = true;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Device or resource busy: used "
		       "by another process");
	tap_host.facts.multi_queue = true;
	assert_opens(f, "tap0");
	detach(f);
	tap_host.questions = 0;
	tap_host.facts.queues = 1;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Device or resource busy: used "
		       "by another process");
	tap_host_reset();
	tap_host.facts.type = LINK_OTHER;
	assert_refused(f, "tap0", "Could not attach interface: tap0: Invalid argument: it is not a tap");
	tap_host.facts.type = LINK_TUN_OR_TAP;
	assert_opens(f, "tap0");
	detach(f);
	tap_host.known = false;
	assert_opens(f, "tap0");
	tap_host.open_error = EACCES;
	detach(f);
	assert_refused(f, "tap0", "Could not attach interface: tap0: /dev/net/tun: Permission denied");
	assert_int_equal(tap_host.attached, 0);
}

static void looking_knows_whose_an_interface_is(void **state)
{
	static const struct { uint32_t owner, group; bool capable, ok; } cases[] = {
		{LINK_ANYONE, LINK_ANYONE, false, true}, {1234, LINK_ANYONE, false, true},
		{1235, LINK_ANYONE, false, false}, {1235, LINK_ANYONE, true, true},
		{LINK_ANYONE, 4000000000u, false, false}, {1234, 4000000000u, false, false},
		{LINK_ANYONE, 4000000000u, true, true},
	};
	struct fixture *f = *state;

	f->look = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tap_host.facts.owner = cases[i].owner;
		tap_host.facts.group = cases[i].group;
		tap_host.capable = cases[i].capable;
		if (cases[i].ok)
			assert_opens(f, "tap0");
		else
			assert_refused(f, "tap0", "Could not attach interface: tap0: Operation not "
				       "permitted: it belongs to another user");
		detach(f);
	}
	tap_host.capable = false;
	tap_host.facts.owner = LINK_ANYONE;
	tap_host.facts.group = getegid();
	assert_opens(f, "tap0");
}

/* ---- every call may fail ---- */

/* The calls at which opening may fail and go on: a bit for each, counted from the first. */
static void assert_survives(struct fixture *f, unsigned calls, unsigned which)
{
	tap_host.fail_at = 0;
	tap_host.seen = 0;
	assert_opens(f, "tap0");
	detach(f);
	assert_int_equal(tap_host.seen, calls);
	for (unsigned n = 1; n <= 2 * calls; n++) {
		tap_host.seen = 0;
		tap_host.fail_at = (n + 1) / 2;
		tap_host.from_then_on = n % 2 == 0;
		memset(&f->e, 0, sizeof f->e);
		if (open_it(f, "tap0") == 0)
			detach(f);
		else
			assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_null(f->uplink);
		assert_int_equal(tap_host_descriptors(), f->files);
		if (!tap_host.from_then_on)
			assert_int_equal(f->e.kind == HUSK_E_NONE, which >> (n / 2) & 1);
	}
}

static void whatever_fails_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;

	/* memory, socket, flags; mtu and index may fail; open, attach; the rest may */
	tap_host.tun_flags = IFF_TAP | IFF_NO_PI | IFF_PERSIST;
	assert_survives(f, 10, 0x398);
	f->look = true;
	/* memory, socket, flags; mtu may fail; open; the question and capabilities may */
	assert_survives(f, 7, 0x68);
}

static void attaching_again_leaves_the_old_one_whatever_fails(void **state)
{
	struct fixture *f = *state;

	tap_host.capable = true;
	assert_opens(f, "tap0");
	for (tap_host.fail_at = 1; tap_host.fail_at <= 2; tap_host.fail_at++) {
		int old = f->uplink->fd;

		tap_host.seen = 0;
		assert_int_equal(reattach(f), -1);
		assert_int_equal(f->uplink->fd, old);
		assert_int_equal(tap_host_descriptors(), f->files + 2);
	}
	tap_host.seen = 0;
	assert_int_equal(reattach(f), 0);
	assert_int_equal(tap_host_descriptors(), f->files + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tap_is_attached_by_name),
		TEST(up_or_running_will_do),
		TEST(every_failure_comes_with_its_remedy),
		TEST(commands_are_as_good_as_the_name),
		TEST(a_name_that_cannot_be_is_not_asked_for),
		TEST(a_path_is_taken_for_a_sockets),
		TEST(what_is_unknown_is_told_without_a_remedy),
		TEST(a_name_has_15_characters_at_most),
		TEST(an_interface_of_several_queues_is_asked_again),
		TEST(an_interface_of_several_queues_has_one_user),
		TEST(a_tun_is_told_from_other_interfaces),
		TEST(only_what_does_not_fit_is_asked_again),
		TEST(an_interface_whose_mtu_cannot_be_known_says_so),
		TEST(what_was_made_anew_is_not_kept),
		TEST(it_is_attached_again_without_opening_anything),
		TEST(what_is_attached_already_stays_so),
		TEST(a_header_is_asked_for_and_asked_for_again),
		TEST(without_one_none_is_asked_for),
		TEST(who_may_make_interfaces_looks_first),
		TEST(confined_without_the_capability_it_only_asks_to_be_attached),
		TEST(confined_with_the_capability_it_looks_up_the_name),
		TEST(confined_what_was_made_anew_is_taken_away_for_good),
		TEST(without_the_capability_none_is_asked_for),
		TEST(what_was_made_anew_when_attaching_again_is_taken_away),
		TEST(looking_attaches_nothing),
		TEST(looking_foresees_what_attaching_would_say),
		TEST(looking_knows_whose_an_interface_is),
		TEST(whatever_fails_leaves_nothing_open),
		TEST(attaching_again_leaves_the_old_one_whatever_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
