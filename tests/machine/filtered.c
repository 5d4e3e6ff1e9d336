/* SPDX-License-Identifier: ISC */
/*
 * filtered.c: runs a command under a system call filter that refuses one call.
 *
 *	filtered HOW CALL -- COMMAND...
 *
 * HOW is trap (SIGSYS), eperm, enosys or e2big; CALL is one of those in the table below.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	long nr;
} calls[] = {
	{"close_range", 436}, {"landlock_create_ruleset", 444}, {"landlock_restrict_self", 446},
	{"seccomp", SYS_seccomp}, {"prctl", SYS_prctl}, {"capset", SYS_capset},
	{"openat", SYS_openat}, {"ioctl", SYS_ioctl}, {"mprotect", SYS_mprotect},
	{"eventfd2", SYS_eventfd2}, {"rt_sigprocmask", SYS_rt_sigprocmask},
	{"pread64", SYS_pread64}, {"madvise", SYS_madvise}, {"mmap", SYS_mmap},
};

static const struct {
	const char *name;
	uint32_t action;
} ways[] = {
	{"trap", SECCOMP_RET_TRAP}, {"eperm", SECCOMP_RET_ERRNO | EPERM},
	{"enosys", SECCOMP_RET_ERRNO | ENOSYS}, {"e2big", SECCOMP_RET_ERRNO | E2BIG},
};

static int refuse(long nr, uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof code / sizeof code[0], code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	for (size_t w = 0; argc > 4 && w < sizeof ways / sizeof ways[0]; w++)
		for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
			if (strcmp(argv[1], ways[w].name) != 0 || strcmp(argv[2], calls[c].name) != 0)
				continue;
			if (refuse(calls[c].nr, ways[w].action) == -1)
				break;
			execv(argv[4], argv + 4);
		}
	fprintf(stderr, "filtered: %s\n", errno != 0 ? strerror(errno) : "unknown word");
	return 77;
}
