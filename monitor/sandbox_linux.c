/* SPDX-License-Identifier: ISC */
/* sandbox_linux.c: capabilities, landlock, close_range and seccomp. */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_program.h"
#include "sandbox_starter.h"

/* Newer than the headers of some systems; the same on every architecture. */
#define NR_CLOSE_RANGE 436
#define NR_LANDLOCK_CREATE 444
#define NR_LANDLOCK_ADD 445
#define NR_LANDLOCK_RESTRICT 446

const bool sandbox_built_in = true;

static bool is_deadly(const struct sandbox_layers *l, enum sandbox_spare call)
{
	return (l->deadly & 1u << call) != 0;
}

/* ---- privileges: credentials(7), capabilities(7) ---- */

static int change_user(const struct sandbox_request *rq, struct husk_error *e)
{
	if (setgroups(0, NULL) == -1 || setresgid(rq->gid, rq->gid, rq->gid) == -1 ||
	    setresuid(rq->uid, rq->uid, rq->uid) == -1)
		return husk_fail_sys(e, errno, "changing to user %u, group %u: husk must be started "
				     "as root for that", rq->uid, rq->gid);
	return 0;
}

/* All but those in the mask, which are among the first 32. */
static bool drop_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = kept, .permitted = kept},
	};

	return syscall(SYS_capset, &head, left) == 0;
}

/* setresuid has taken them all from who was root. */
static bool drop_privileges(const struct sandbox *s, const struct sandbox_request *rq,
			    struct sandbox_layers *l)
{
	const bool net_admin = s->net_admin && !rq->change_user;

	/* First, as what follows needs it where there is no CAP_SYS_ADMIN. */
	const bool none_to_come = prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == 0;

	if (is_deadly(l, SPARE_CAPSET) || !drop_capabilities(net_admin ? 1u << CAP_NET_ADMIN : 0))
		return false;
	l->net_admin = net_admin;
	return none_to_come;
}

/* ---- landlock(7) ---- */

/* Linux uapi/linux/landlock.h, struct landlock_ruleset_attr, as of ABI 6. */
struct ruleset {
	uint64_t fs, net, scoped;
};

#define LANDLOCK_ABI_KNOWN 6
#define LANDLOCK_VERSION 1ul		/* flag: asks for the ABI */
#define PATH_BENEATH 1ul		/* the type of a rule */
#define WRITE_FILE ((uint64_t)1 << 1)
#define REMOVE_FILE ((uint64_t)1 << 5)
#define MAKE_REG ((uint64_t)1 << 8)

static int landlock_abi(void)
{
	const long abi = syscall(NR_LANDLOCK_CREATE, NULL, 0ul, LANDLOCK_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* Everything that an ABI can deny: rights of files, TCP, and what leaves the domain. */
static int create_ruleset(int abi)
{
	static const uint8_t fs_bits[] = {0, 13, 14, 15, 15, 16, 16};
	const struct ruleset all = {
		.fs = ((uint64_t)1 << fs_bits[abi]) - 1, .net = abi >= 4 ? 3 : 0,
		.scoped = abi >= 6 ? 3 : 0,
	};
	const size_t size = abi >= 6 ? sizeof all : abi >= 4 ? 2 * sizeof all.fs : sizeof all.fs;

	return (int)syscall(NR_LANDLOCK_CREATE, &all, size, 0ul);
}

static void allow(int ruleset, uint64_t rights, int dir)
{
	const struct {
		uint64_t rights;
		int32_t dir;
	} __attribute__((packed)) rule = {rights, dir};

	(void)syscall(NR_LANDLOCK_ADD, ruleset, PATH_BENEATH, &rule, 0ul);
}

/* The only rights that are left: removing files, and making one, in what was named for it. */
static void allow_some(int ruleset, const struct sandbox *s)
{
	for (unsigned i = 0; i < s->n_removes; i++)
		allow(ruleset, REMOVE_FILE, s->removes[i]);
	if (s->makes != -1)
		allow(ruleset, MAKE_REG | WRITE_FILE, s->makes);
}

/* Only a kernel that knows less is asked what it knows. The descriptor is of no further use. */
static int close_files(const struct sandbox *s, bool keep_descriptor)
{
	int abi = LANDLOCK_ABI_KNOWN, fd = create_ruleset(abi), denied;

	if (fd == -1 && (errno == E2BIG || errno == EINVAL)) {
		abi = landlock_abi();
		fd = abi > 0 && abi < LANDLOCK_ABI_KNOWN ? create_ruleset(abi) : -1;
	}
	if (fd == -1)
		return 0;
	allow_some(fd, s);
	denied = (int)syscall(NR_LANDLOCK_RESTRICT, fd, 0ul);
	if (!keep_descriptor)
		close(fd);
	return denied == 0 ? abi : 0;
}

int sandbox_limit(const struct sandbox *s, const struct sandbox_request *rq,
		  struct sandbox_layers *l, struct husk_error *e)
{
	*l = (struct sandbox_layers){.deadly = sandbox_deadly()};
	if (rq->change_user && change_user(rq, e) == -1)
		return -1;
	l->privileges = drop_privileges(s, rq, l);
	(void)prctl(PR_SET_DUMPABLE, 0ul, 0ul, 0ul, 0ul);
	if ((l->deadly & SPARE_LANDLOCK) == 0)
		l->landlock = close_files(s, rq->close_others);	/* closed with the others */
	return 0;
}

/* ---- descriptors: close_range(2), since Linux 5.9 ---- */

/* False: some are open, or all. */
static bool close_others(const struct sandbox *s, const struct sandbox_layers *l)
{
	bool closed = !s->full && !is_deadly(l, SPARE_CLOSE_RANGE);

	for (unsigned i = 0; closed && i < s->n_keep; i++) {
		const unsigned first = (unsigned)s->keep[i] + 1;
		const unsigned last = i + 1 < s->n_keep ? (unsigned)s->keep[i + 1] - 1 : ~0u;

		if (first <= last)
			closed = syscall(NR_CLOSE_RANGE, first, last, 0u) == 0;
	}
	return closed;
}

/* ---- seccomp(2) ---- */

/*
 * Without SPEC_ALLOW Linux before 5.16 slows a filtered thread down by mitigations against code that
 * shares its address space, which a guest does not. Where a starter's filter refuses seccomp(2), the
 * older prctl(2) may be left, for the calling thread alone.
 */
static long set_filter_of_all(const struct sock_fprog *program)
{
	const unsigned long all = SECCOMP_FILTER_FLAG_TSYNC;
	const long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				all | SECCOMP_FILTER_FLAG_SPEC_ALLOW, program);

	if (rc == -1 && errno == EINVAL)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all, program);
	return rc;
}

static long set_filter(struct sock_filter *code, size_t n, bool refused, bool alone)
{
	const struct sock_fprog program = {(unsigned short)n, code};
	long rc = refused ? -1 : set_filter_of_all(&program);

	if (rc == -1 && alone)
		rc = prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0ul, 0ul);
	return rc;
}

int sandbox_close(struct sandbox *s, const struct sandbox_request *rq, struct sandbox_layers *l,
		  struct husk_error *e)
{
	struct sock_filter code[SANDBOX_LENGTH_MAX];
	size_t n;
	long rc;

	if (s->threads)
		s->values[SANDBOX_PID] = (uint64_t)getpid();
	l->left_open = rq->close_others && !close_others(s, l);
	n = sandbox_fill(sandbox_program_for(s->calls), s->values, rq->kill, code);
	rc = set_filter(code, n, is_deadly(l, SPARE_SECCOMP), !s->threads);
	if (rc > 0)
		return husk_fail(e, HUSK_E_HOST, "thread %ld has a system call filter of its own, so "
				 "that ours cannot be set for all", rc);
	l->seccomp = rc == 0;
	return 0;
}

/* ---- what there is ---- */

/* By seccomp(2), or by prctl(2), which gets as far as to look for a filter where there is none. */
static bool filters_can_be_set(bool refused)
{
	const uint32_t action = SECCOMP_RET_TRAP;

	if (!refused && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0ul, &action) == 0)
		return true;
	return prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, NULL, 0ul, 0ul) == -1 &&
	       errno == EFAULT;
}

void sandbox_probe(struct sandbox_layers *l)
{
	*l = (struct sandbox_layers){
		.deadly = sandbox_deadly(),
		.privileges = prctl(PR_GET_NO_NEW_PRIVS, 0ul, 0ul, 0ul, 0ul) >= 0,
	};
	if ((l->deadly & SPARE_LANDLOCK) == 0)
		l->landlock = landlock_abi();
	/* There is no such descriptor. */
	l->left_open = is_deadly(l, SPARE_CLOSE_RANGE) || syscall(NR_CLOSE_RANGE, ~0u, ~0u, 0u) == -1;
	l->seccomp = filters_can_be_set(is_deadly(l, SPARE_SECCOMP));
}

#define NO_SECCOMP "system calls are not filtered (seccomp): the kernel has no filters, or does not " \
		   "let this process set one"
#define NO_LANDLOCK "files are not closed (landlock): the kernel has none, it is not enabled, or the " \
		    "starter's filter forbids it"

const char *sandbox_lacks_most(const struct sandbox_layers *l)
{
	return !l->seccomp ? NO_SECCOMP : l->left_open ? SANDBOX_LEFT_OPEN : NULL;
}

const char *sandbox_lacks(const struct sandbox_layers *l)
{
	return !l->privileges ? "privileges cannot be dropped (no_new_privs, capset)" :
	       !l->seccomp ? NO_SECCOMP : l->landlock == 0 ? NO_LANDLOCK :
	       l->left_open ? SANDBOX_LEFT_OPEN : NULL;
}

int sandbox_check(const struct sandbox_layers *l, const char *missing, FILE *out)
{
	if (l->seccomp)
		fprintf(out, "ok   sandbox: seccomp\n");
	else
		fprintf(out, "%s sandbox: " NO_SECCOMP "\n", missing);
	if (l->landlock > 0)
		fprintf(out, "ok   sandbox: landlock ABI %d\n", l->landlock);
	else
		fprintf(out, "%s sandbox: " NO_LANDLOCK "\n", missing);
	if (l->left_open)
		fprintf(out, "%s sandbox: " SANDBOX_LEFT_OPEN "\n", missing);
	return !l->seccomp + (l->landlock == 0) + l->left_open;
}

void sandbox_report(const struct sandbox_layers *l, sandbox_figure *tell, void *ctx)
{
	tell(ctx, "seccomp", l->seccomp);
	tell(ctx, "landlock", (uint64_t)l->landlock);
	tell(ctx, "no_privileges", l->privileges && !l->net_admin);
	tell(ctx, "net_admin", l->net_admin);
}

bool sandbox_limits_removal(const struct sandbox_layers *l)
{
	return l->landlock > 0;
}

void sandbox_describe(char *text, size_t size)
{
	snprintf(text, size, "seccomp (%zu system calls), landlock (ABI 1 to %d)",
		 sandbox_program.n_calls, LANDLOCK_ABI_KNOWN);
}

const char *sandbox_name_of(long nr)
{
	return sandbox_call_name(&sandbox_program, nr);
}
