/* SPDX-License-Identifier: ISC */
/* sandbox_freebsd.c: capsicum(4): what each descriptor is for, and then nothing by name any more. */
#include "sandbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "capsicum_host.h"

const bool sandbox_built_in = true;

/* ---- privileges ---- */

/* In capability mode there is no execve that could give some; so older kernels lose nothing by that. */
int sandbox_limit(const struct sandbox *s, const struct sandbox_request *rq,
		  struct sandbox_layers *l, struct husk_error *e)
{
	(void)s;
	*l = (struct sandbox_layers){0};
	if (rq->change_user && capsicum_change_user(rq->uid, rq->gid) == -1)
		return husk_fail_sys(e, errno, "changing to user %u, group %u: husk must be started "
				     "as root for that", rq->uid, rq->gid);
	l->privileges = capsicum_process(CAPSICUM_NO_NEW_PRIVILEGES) == 0;
	(void)capsicum_process(CAPSICUM_NO_TRACE);
	return 0;
}

/* ---- descriptors ---- */

/* False: some are open, or all. */
static bool close_others(const struct sandbox *s)
{
	bool closed = !s->full;

	for (unsigned i = 0; closed && i < s->n_keep; i++) {
		const unsigned first = (unsigned)s->keep[i] + 1;
		const unsigned last = i + 1 < s->n_keep ? (unsigned)s->keep[i + 1] - 1 : ~0u;

		if (first <= last)
			closed = capsicum_close_range(first, last) == 0;
	}
	return closed;
}

/* A descriptor that comes of another, by accept or openat, has its rights; and needs some of its own. */
static const struct {
	unsigned use;
	uint64_t word[2];
} meaning[] = {
	{SANDBOX_READS, {CAPSICUM_READ, 0}},
	{SANDBOX_WRITES, {CAPSICUM_WRITE, 0}},
	{SANDBOX_WAITS, {0, CAPSICUM_EVENT}},
	{SANDBOX_WATCHES, {0, CAPSICUM_KQUEUE}},
	{SANDBOX_READS_AT, {CAPSICUM_READ | CAPSICUM_SEEK, 0}},
	{SANDBOX_WRITES_AT, {CAPSICUM_WRITE | CAPSICUM_SEEK, 0}},
	{SANDBOX_LOOKS, {CAPSICUM_FSTAT, 0}},
	{SANDBOX_CUTS, {CAPSICUM_WRITE | CAPSICUM_FTRUNCATE, 0}},
	{SANDBOX_LOCKS, {CAPSICUM_FLOCK, 0}},
	{SANDBOX_FLAGS, {CAPSICUM_FCNTL, 0}},
	{SANDBOX_SYNCS, {CAPSICUM_FSYNC, 0}},
	{SANDBOX_ACCEPTS, {CAPSICUM_ACCEPT | CAPSICUM_SHUTDOWN, 0}},
	{SANDBOX_CONNECTS, {CAPSICUM_LOOKUP | CAPSICUM_CONNECTAT, 0}},
	{SANDBOX_REMOVES, {CAPSICUM_LOOKUP | CAPSICUM_FSTAT | CAPSICUM_UNLINKAT, 0}},
	{SANDBOX_MAKES, {CAPSICUM_LOOKUP | CAPSICUM_CREATE | CAPSICUM_WRITE | CAPSICUM_SEEK, 0}},
};

static struct capsicum_rights rights_for(unsigned uses, bool ioctls)
{
	struct capsicum_rights r = {{CAPSICUM_WORD_0, CAPSICUM_WORD_1}};

	for (size_t i = 0; i < sizeof meaning / sizeof meaning[0]; i++) {
		if ((uses & meaning[i].use) == 0)
			continue;
		r.word[0] |= meaning[i].word[0];
		r.word[1] |= meaning[i].word[1];
	}
	r.word[1] |= ioctls ? CAPSICUM_IOCTL : 0;
	return r;
}

static size_t ioctls_of(const struct sandbox *s, int fd, unsigned long codes[SANDBOX_IOCTLS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < s->n_ioctls; i++)
		if (s->ioctls[i].fd == fd)
			codes[n++] = s->ioctls[i].code;
	return n;
}

/* What its starter has limited to less than this keeps what both leave. */
static int limit_rights(int fd, struct capsicum_rights r)
{
	struct capsicum_rights left;

	if (capsicum_limit(fd, &r) == 0)
		return 0;
	if (errno != CAPSICUM_ENOTCAPABLE || capsicum_rights_left(fd, &left) == -1)
		return -1;
	r.word[0] &= left.word[0];
	r.word[1] &= left.word[1];
	return capsicum_limit(fd, &r);
}

/* Closed already, or its ioctls and flags kept from more by who handed it down. */
static bool is_fine(int rc)
{
	return rc == 0 || errno == EBADF || errno == CAPSICUM_ENOTCAPABLE;
}

static bool limit_one(const struct sandbox *s, unsigned i)
{
	unsigned long codes[SANDBOX_IOCTLS_MAX];
	const size_t n = ioctls_of(s, s->keep[i], codes);
	const struct capsicum_rights r = rights_for(s->uses[i], n > 0);

	if ((n > 0 && !is_fine(capsicum_limit_ioctls(s->keep[i], codes, n))) ||
	    ((s->uses[i] & SANDBOX_FLAGS) != 0 && !is_fine(capsicum_limit_fcntls(s->keep[i]))))
		return false;
	return is_fine(limit_rights(s->keep[i], r));
}

static bool limit_all(const struct sandbox *s)
{
	bool limited = true;

	for (unsigned i = 0; i < s->n_keep; i++)
		limited &= limit_one(s, i);
	return limited;
}

/* ---- capability mode ---- */

/*
 * A call that is refused is a SIGTRAP, which the program's handler tells of; kill: without a handler
 * it is the end. Some C libraries look for translations at the first error text.
 */
static bool enter(const struct sandbox_request *rq)
{
	(void)strerror(EPERM);
	if (rq->kill)
		(void)signal(SIGTRAP, SIG_DFL);
	(void)capsicum_process(CAPSICUM_TRAP);
	return capsicum_enter() == 0;
}

int sandbox_close(struct sandbox *s, const struct sandbox_request *rq, struct sandbox_layers *l,
		  struct husk_error *e)
{
	(void)e;
	l->left_open = rq->close_others && !close_others(s);
	l->rights = limit_all(s) && !s->full;
	l->by_name = s->by_name;
	l->capability_mode = !s->by_name && enter(rq);
	return 0;
}

/* ---- what there is ---- */

void sandbox_probe(struct sandbox_layers *l)
{
	const bool there = capsicum_is_there();

	*l = (struct sandbox_layers){
		.rights = there, .by_name = there && !capsicum_is_recent(),
		.capability_mode = there && capsicum_is_recent(),
	};
}

#define NO_MODE "there is no capability mode: "
#define NO_CAPSICUM "the kernel was built without Capsicum"

/* Nothing that a user of an older release can change, and so is told of each time. */
const char *sandbox_lacks_most(const struct sandbox_layers *l)
{
	if (!l->capability_mode && !l->by_name)
		return NO_MODE NO_CAPSICUM;
	return l->left_open ? SANDBOX_LEFT_OPEN : NULL;
}

const char *sandbox_lacks(const struct sandbox_layers *l)
{
	return l->by_name ? NO_MODE "before FreeBSD 15 no machine could be destroyed in it" :
	       !l->capability_mode ? NO_MODE NO_CAPSICUM :
	       l->left_open ? SANDBOX_LEFT_OPEN :
	       !l->rights ? "descriptors are not limited: " NO_CAPSICUM : NULL;
}

int sandbox_check(const struct sandbox_layers *l, const char *missing, FILE *out)
{
	if (sandbox_lacks(l) == NULL)
		fprintf(out, "ok   sandbox: capsicum, capability mode\n");
	else
		fprintf(out, "%s sandbox: %s\n", missing, sandbox_lacks(l));
	return sandbox_lacks(l) != NULL;
}

void sandbox_report(const struct sandbox_layers *l, sandbox_figure *tell, void *ctx)
{
	tell(ctx, "capability_mode", l->capability_mode);
	tell(ctx, "rights", l->rights);
	tell(ctx, "no_new_privileges", l->privileges);
}

bool sandbox_limits_removal(const struct sandbox_layers *l)
{
	(void)l;
	return true;
}

void sandbox_describe(char *text, size_t size)
{
	snprintf(text, size, "capsicum (capability mode, rights of each descriptor)");
}

/* Calls that a monitor that was taken over would make first: FreeBSD sys/kern/syscalls.master. */
const char *sandbox_name_of(long nr)
{
	static const struct {
		short number;
		char name[14];
	} known[] = {
		{2, "fork"}, {5, "open"}, {10, "unlink"}, {12, "chdir"}, {26, "ptrace"}, {33, "access"},
		{37, "kill"}, {54, "ioctl"}, {59, "execve"}, {92, "fcntl"}, {98, "connect"},
		{104, "bind"}, {106, "listen"}, {128, "rename"}, {133, "sendto"}, {136, "mkdir"},
		{188, "stat"}, {202, "__sysctl"}, {304, "kldload"}, {378, "nmount"}, {475, "pread"},
		{476, "pwrite"}, {477, "mmap"}, {480, "ftruncate"}, {492, "fexecve"}, {499, "openat"},
		{503, "unlinkat"}, {538, "bindat"}, {539, "connectat"}, {544, "procctl"},
		{551, "fstat"}, {552, "fstatat"},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].number == nr)
			return known[i].name;
	return NULL;
}
