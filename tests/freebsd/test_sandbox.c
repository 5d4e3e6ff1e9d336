/* SPDX-License-Identifier: ISC */
/* test_sandbox.c: Capsicum: which descriptor keeps which rights, in which order, and what is said. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capsicum.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "../../monitor/capsicum_host.h"
#include "../../monitor/main_sandbox_host.h"
#include "../../monitor/sandbox.h"

#define FDS 16
#define CALLS 64

/* What was done, a letter each: u, privileges; p, procctl; c, close; i, f, r, limits; E, the mode. */
static struct {
	char done[CALLS + 1];
	unsigned n;
	unsigned fails;			/* the call that fails; 0: none */
	int error;
	cap_rights_t rights[FDS];
	cap_rights_t starter;		/* what __cap_rights_get says */
	unsigned long codes[FDS][SANDBOX_IOCTLS_MAX];
	size_t n_codes[FDS];
	uint32_t fcntls[FDS];
	int commands[8], n_commands;
	int features, date;
} host;

int __wrap_close_range(unsigned first, unsigned last, int flags);
int __wrap_setgroups(int n, const gid_t *groups);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);

static int call(char letter)
{
	assert_true(host.n < CALLS);
	host.done[host.n++] = letter;
	if (host.n != host.fails)
		return 0;
	errno = host.error;
	return -1;
}

int cap_enter(void)
{
	return call('E');
}

int cap_rights_limit(int fd, const cap_rights_t *rights)
{
	assert_in_range(fd, 0, FDS - 1);
	host.rights[fd] = *rights;
	return call('r');
}

int __cap_rights_get(int version, int fd, cap_rights_t *rights)
{
	assert_int_equal(version, 0);
	assert_in_range(fd, 0, FDS - 1);
	*rights = host.starter;
	return call('g');
}

int cap_ioctls_limit(int fd, const unsigned long *codes, size_t n)
{
	assert_in_range(fd, 0, FDS - 1);
	memcpy(host.codes[fd], codes, n * sizeof *codes);
	host.n_codes[fd] = n;
	return call('i');
}

int cap_fcntls_limit(int fd, uint32_t which)
{
	assert_in_range(fd, 0, FDS - 1);
	host.fcntls[fd] = which;
	return call('f');
}

int procctl(idtype_t type, id_t id, int command, void *data)
{
	int value;

	memcpy(&value, data, sizeof value);
	assert_int_equal(type, P_PID);
	assert_int_equal(id, getpid());
	assert_int_equal(value, command == PROC_TRACE_CTL ? PROC_TRACE_CTL_DISABLE : 1);
	host.commands[host.n_commands++] = command;
	return call('p');
}

int sysctlbyname(const char *name, void *old, size_t *old_len, const void *new, size_t new_len)
{
	const bool asks_date = strcmp(name, "kern.osreldate") == 0;
	const int yes = asks_date ? host.date : host.features;

	if (!asks_date)
		assert_memory_equal(name, "kern.features.security_capabilit", 32);
	assert_null(new);
	assert_int_equal(new_len, 0);
	assert_int_equal(*old_len, sizeof yes);
	memcpy(old, &yes, sizeof yes);
	return 0;
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
	assert_true(first <= last);
	assert_int_equal(flags, 0);
	return call('c');
}

int __wrap_setgroups(int n, const gid_t *groups)
{
	assert_int_equal(n, 1);
	assert_int_equal(groups[0], 70);
	return call('u');
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	assert_true(real == 70 && effective == 70 && saved == 70);
	return call('u');
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	assert_true(real == 60 && effective == 60 && saved == 60);
	return call('u');
}

static int setup(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	host.features = 1;
	host.date = 1500068;
	return 0;
}

static void confine(struct sandbox *s, const struct sandbox_request *rq, struct sandbox_layers *l)
{
	struct husk_error e;

	assert_int_equal(sandbox_limit(s, rq, l, &e), 0);
	assert_int_equal(sandbox_close(s, rq, l, &e), 0);
}

static void has_rights(int fd, uint64_t word_0, uint64_t word_1)
{
	assert_int_equal(host.rights[fd].cr_rights[0], CAPRIGHT(0, word_0));
	assert_int_equal(host.rights[fd].cr_rights[1], CAPRIGHT(1, word_1));
}

/* ---- tests ---- */

/* Values of FreeBSD 15's sys/capsicum.h, in full, as nothing but the kernel would find a wrong one. */
static void test_each_use_is_a_right(void **state)
{
	static const struct {
		unsigned use;
		uint64_t word[2];
	} expected[] = {
		{0, {0, 0}}, {SANDBOX_READS, {1, 0}}, {SANDBOX_WRITES, {2, 0}},
		{SANDBOX_WAITS, {0, 0x20}}, {SANDBOX_WATCHES, {0, 0x100040}},
		{SANDBOX_READS_AT, {0xd, 0}}, {SANDBOX_WRITES_AT, {0xe, 0}},
		{SANDBOX_LOOKS, {0x80000, 0}}, {SANDBOX_CUTS, {0x202, 0}},
		{SANDBOX_LOCKS, {0x10000, 0}}, {SANDBOX_FLAGS, {0x8000, 0}}, {SANDBOX_SYNCS, {0x100, 0}},
		{SANDBOX_ACCEPTS, {0x4020000000, 0}}, {SANDBOX_CONNECTS, {0x10000000400, 0}},
		{SANDBOX_REMOVES, {0x10080400, 0}}, {SANDBOX_MAKES, {0x44e, 0}},
	};

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		struct sandbox_layers l;
		struct sandbox s;

		setup(state);
		sandbox_init(&s);
		sandbox_keep(&s, 9, expected[i].use);
		confine(&s, &(struct sandbox_request){0}, &l);
		has_rights(9, expected[i].word[0], expected[i].word[1]);
		assert_true(l.rights && l.capability_mode && l.privileges);
	}
	assert_int_equal(SANDBOX_PROGRAM, SANDBOX_READS | SANDBOX_OUTPUT | SANDBOX_WRITES_AT | SANDBOX_LOOKS);
}

static void test_uses_and_ioctls_add_up(void **state)
{
	struct sandbox_layers l;
	struct sandbox s;

	(void)state;
	sandbox_init(&s);
	sandbox_keep(&s, 7, SANDBOX_READS);
	sandbox_keep(&s, 5, SANDBOX_FLAGS);
	sandbox_keep(&s, 7, SANDBOX_WAITS);
	sandbox_allow_ioctl(&s, 7, 0xc0207601);
	sandbox_allow_ioctl(&s, -1, 1);
	sandbox_allow_ioctl(&s, 5, 2);
	sandbox_allow_ioctl(&s, 7, 0x80047462);
	confine(&s, &(struct sandbox_request){0}, &l);
	has_rights(7, 1, 0xa0);
	has_rights(5, 0x8000, 0x80);
	has_rights(1, 0x8000f, 0x20);
	assert_int_equal(host.n_codes[7], 2);
	assert_int_equal(host.codes[7][0], 0xc0207601);
	assert_int_equal(host.codes[7][1], 0x80047462);
	assert_int_equal(host.n_codes[5], 1);
	assert_int_equal(host.n_codes[1], 0);
	assert_int_equal(host.fcntls[5], 0x18);		/* F_GETFL 3, F_SETFL 4 */
	/* privileges and traces; 0, 1, 2; codes before rights, as they need one; traps; the mode */
	assert_string_equal(host.done, "pprrrifrirpE");
	assert_int_equal(host.commands[0], 19);
	assert_int_equal(host.commands[1], PROC_TRACE_CTL);
	assert_int_equal(host.commands[2], PROC_TRAPCAP_CTL);
}

static void test_others_are_closed_and_the_user_changed(void **state)
{
	const struct sandbox_request rq = {
		.close_others = true, .change_user = true, .uid = 60, .gid = 70,
	};
	struct sandbox_layers l;
	struct sandbox s;

	(void)state;
	sandbox_init(&s);
	sandbox_keep(&s, 8, 0);
	confine(&s, &rq, &l);
	assert_string_equal(host.done, "uuuppccrrrrpE");
}

static void test_what_stays_open_is_told(void **state)
{
	const struct sandbox_request rq = {.close_others = true};
	struct sandbox_layers l;
	struct sandbox s;

	for (int crowded = 0; crowded < 2; crowded++) {
		setup(state);
		host.error = ENOSYS;
		host.fails = crowded ? 0 : 3;	/* close_range */
		sandbox_init(&s);
		s.full = crowded;
		confine(&s, &rq, &l);
		assert_true(l.left_open && l.capability_mode);
		assert_int_equal(l.rights, !crowded);
		assert_string_equal(sandbox_lacks(&l), SANDBOX_LEFT_OPEN);
		assert_string_equal(sandbox_lacks_most(&l), SANDBOX_LEFT_OPEN);
	}
}

/* Of an output that the starter has limited to writes, waits and locks, locks go; no other right comes. */
static void test_a_starters_limits_are_narrowed(void **state)
{
	struct sandbox_layers l;
	struct sandbox s;

	(void)state;
	host.error = ENOTCAPABLE;
	host.fails = 4;			/* descriptor 1's rights */
	host.starter = (cap_rights_t){{CAPRIGHT(0, 0x10002), CAPRIGHT(1, 0x20)}};
	sandbox_init(&s);
	confine(&s, &(struct sandbox_request){0}, &l);
	assert_string_equal(host.done, "pprrgrrpE");
	has_rights(1, 0x2, 0x20);
	assert_true(l.rights && l.capability_mode);
}

/* What was closed already is as it should be. */
static void test_failures(void **state)
{
	static const int errors[] = {EBADF, ENOSYS, EINVAL};
	struct sandbox_layers l;
	struct sandbox s;

	for (int i = 0; i < 3; i++) {
		const bool is_fine = errors[i] == EBADF;

		setup(state);
		host.error = errors[i];
		host.fails = 4;		/* descriptor 1's rights */
		sandbox_init(&s);
		confine(&s, &(struct sandbox_request){0}, &l);
		assert_string_equal(host.done, "pprrrpE");
		assert_int_equal(l.rights, is_fine);
		assert_true(l.capability_mode);
		assert_int_equal(sandbox_lacks(&l) == NULL, is_fine);
		assert_null(sandbox_lacks_most(&l));
	}
	setup(state);
	host.error = ENOSYS;
	host.fails = 7;
	sandbox_init(&s);
	confine(&s, &(struct sandbox_request){0}, &l);
	assert_false(l.capability_mode);
	assert_non_null(strstr(sandbox_lacks_most(&l), "there is no capability mode"));
}

/* So that a leftover machine, which keeps all its memory, is no guest's normal end. */
static void test_what_needs_names_stays_outside(void **state)
{
	struct sandbox_layers l;
	struct sandbox s;

	(void)state;
	sandbox_init(&s);
	s.by_name = true;
	confine(&s, &(struct sandbox_request){0}, &l);
	assert_string_equal(host.done, "pprrr");
	assert_true(l.rights && !l.capability_mode);
	assert_non_null(strstr(sandbox_lacks(&l), "before FreeBSD 15"));
	assert_null(sandbox_lacks_most(&l));
}

static void test_a_user_that_cannot_be_had(void **state)
{
	const struct sandbox_request rq = {.change_user = true, .uid = 60, .gid = 70};
	struct sandbox_layers l;
	struct husk_error e;
	struct sandbox s;

	sandbox_init(&s);
	for (unsigned n = 1; n <= 3; n++) {
		setup(state);
		host.error = EPERM;
		host.fails = n;
		assert_int_equal(sandbox_limit(&s, &rq, &l, &e), -1);
		assert_non_null(strstr(e.message, "changing to user 60, group 70"));
		assert_int_equal(host.n, n);
	}
}

static void on_trap(int signal)
{
	(void)signal;
}

static void test_kill_has_no_handler(void **state)
{
	struct sandbox_layers l;
	struct sandbox s;

	(void)state;
	(void)signal(SIGTRAP, on_trap);
	sandbox_init(&s);
	confine(&s, &(struct sandbox_request){0}, &l);
	assert_ptr_equal(signal(SIGTRAP, on_trap), on_trap);
	confine(&s, &(struct sandbox_request){.kill = true}, &l);
	assert_ptr_equal(signal(SIGTRAP, SIG_DFL), SIG_DFL);
}

static void test_what_is_said(void **state)
{
	struct sandbox_layers l;
	char text[300] = "";
	FILE *out;

	(void)state;
	sandbox_probe(&l);
	out = fmemopen(text, sizeof text, "w");
	assert_int_equal(sandbox_check(&l, "note", out), 0);
	host.features = 0;
	sandbox_probe(&l);
	assert_int_equal(sandbox_check(&l, "FAIL", out), 1);
	host.features = 1;
	host.date = 1499999;
	sandbox_probe(&l);
	assert_int_equal(sandbox_check(&l, "note", out), 1);
	fclose(out);
	assert_string_equal(text, "ok   sandbox: capsicum, capability mode\nFAIL sandbox: there is no "
			    "capability mode: the kernel was built without Capsicum\nnote sandbox: "
			    "there is no capability mode: before FreeBSD 15 no machine could be "
			    "destroyed in it\n");
	sandbox_describe(text, sizeof text);
	assert_string_equal(text, "capsicum (capability mode, rights of each descriptor)");
	assert_string_equal(sandbox_name_of(499), "openat");
	assert_null(sandbox_name_of(1));
	assert_true(sandbox_limits_removal(&l));
}

/* siginfo(3) of 15: what comes of a refused call, and of a breakpoint. */
static void test_the_signal(void **state)
{
	union {
		siginfo_t info;
		int words[20];
	} s = {.words = {[0] = SIGTRAP, [1] = ECAPMODE, [2] = 4, [10] = 499}};

	(void)state;
	assert_int_equal(sandbox_host_signal, SIGTRAP);
	assert_true(sandbox_host_is_refusal(&s.info));
	assert_int_equal(sandbox_host_call(&s.info), 499);
	s.words[2] = 1;
	assert_false(sandbox_host_is_refusal(&s.info));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_use_is_a_right, setup),
		cmocka_unit_test_setup(test_uses_and_ioctls_add_up, setup),
		cmocka_unit_test_setup(test_others_are_closed_and_the_user_changed, setup),
		cmocka_unit_test_setup(test_what_stays_open_is_told, setup),
		cmocka_unit_test_setup(test_a_starters_limits_are_narrowed, setup),
		cmocka_unit_test_setup(test_failures, setup),
		cmocka_unit_test_setup(test_what_needs_names_stays_outside, setup),
		cmocka_unit_test_setup(test_a_user_that_cannot_be_had, setup),
		cmocka_unit_test_setup(test_kill_has_no_handler, setup),
		cmocka_unit_test_setup(test_what_is_said, setup),
		cmocka_unit_test_setup(test_the_signal, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
