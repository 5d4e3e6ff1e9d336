/* SPDX-License-Identifier: ISC */
/*
 * filtered.c: runs a command under a system call filter, as whoever starts husk may set one.
 *
 *	filtered HOW CALL -- COMMAND...			refuses one call
 *	filtered HOW FILE [CALL]... -- COMMAND...	refuses what FILE does not list, and CALLs
 *	filtered calls -- COMMAND...			lists the calls that it makes
 *
 * HOW is trap (SIGSYS), kill, eperm, enosys or e2big. FILE has a slash in its name, and words: NAME;
 * NAME&BITS, allowed if argument 0 has none of these; NAME!VALUE, allowed if it is not that;
 * NAME:HOW, answered so. Names that this architecture does not have are skipped. What lists calls
 * puts "early" before those made before the program's first rt_sigaction.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../monitor/sandbox_program.h"

#define CODE_MAX 4096
#define NUMBERS_MAX 1024

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "filtered: %s: %s\n", what, errno != 0 ? strerror(errno) : "not known");
	exit(77);
}

/* ---- names ---- */

/* -1: there is no such call here. */
static long number_of(const char *name)
{
	for (long nr = 0; nr < (long)sandbox_program.n_names; nr++) {
		const char *known = sandbox_call_name(&sandbox_program, nr);

		if (known != NULL && strcmp(known, name) == 0)
			return nr;
	}
	return -1;
}

static uint32_t action_of(const char *how)
{
	static const struct {
		const char *name;
		uint32_t action;
	} ways[] = {
		{"trap", SECCOMP_RET_TRAP}, {"kill", SECCOMP_RET_KILL_PROCESS},
		{"eperm", SECCOMP_RET_ERRNO | EPERM}, {"enosys", SECCOMP_RET_ERRNO | ENOSYS},
		{"e2big", SECCOMP_RET_ERRNO | E2BIG},
	};

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(how, ways[i].name) == 0)
			return ways[i].action;
	die(how);
}

/* ---- the filter ---- */

struct filter {
	struct sock_filter code[CODE_MAX];
	size_t n;
	uint32_t refusal;
};

static void add(struct filter *f, struct sock_filter i)
{
	if (f->n == CODE_MAX)
		die("too many calls");
	f->code[f->n++] = i;
}

static void answer(struct filter *f, long nr, uint32_t action)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* test: BPF_JSET or BPF_JEQ; what it finds in argument 0 is refused. */
static void allow_unless(struct filter *f, long nr, uint16_t test, uint32_t k)
{
	const uint32_t low = offsetof(struct seccomp_data, args);

	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4));
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low));
	add(f, (struct sock_filter){(uint16_t)(BPF_JMP | test | BPF_K), 1, 0, k});
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, f->refusal));
}

static void add_word(struct filter *f, char *word)
{
	char *sign = word + strcspn(word, "&!:"), kind = *sign;
	const char *more = kind == '\0' ? sign : sign + 1;
	long nr;

	*sign = '\0';
	nr = number_of(word);
	if (nr == -1)
		return;
	if (kind == ':')
		answer(f, nr, action_of(more));
	else if (kind == '\0')
		answer(f, nr, SECCOMP_RET_ALLOW);
	else
		allow_unless(f, nr, kind == '&' ? BPF_JSET : BPF_JEQ, (uint32_t)strtoul(more, NULL, 0));
}

/* The command is to be started in any case. Lines that begin with # are for readers. */
static void add_file(struct filter *f, const char *path)
{
	FILE *in = fopen(path, "r");
	char line[256], *save, *word;

	if (in == NULL)
		die(path);
	answer(f, SYS_execve, SECCOMP_RET_ALLOW);
	while (fgets(line, sizeof line, in) != NULL)
		for (word = strtok_r(line, " \n", &save); word != NULL && line[0] != '#';
		     word = strtok_r(NULL, " \n", &save))
			add_word(f, word);
	fclose(in);
}

/* A call that is refused, and one that has no name here: the table may be older than the call. */
static void refuse(struct filter *f, const char *call)
{
	const long nr = number_of(call);

	if (nr == -1)
		die(call);
	answer(f, nr, f->refusal);
}

static void set(struct filter *f)
{
	const struct sock_fprog program = {(unsigned short)f->n, f->code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		die("setting the filter");
}

/* Returns the index of the command. */
static int make(struct filter *f, int argc, char **argv)
{
	const char *file = strchr(argv[2], '/') != NULL ? argv[2] : NULL;
	int i = file != NULL ? 3 : 2;

	f->refusal = action_of(argv[1]);
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		refuse(f, argv[i]);
	if (file != NULL)
		add_file(f, file);
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
					    file != NULL ? f->refusal : SECCOMP_RET_ALLOW));
	return i + 1;
}

/* ---- the calls that a command makes ---- */

struct calls {
	bool seen[NUMBERS_MAX];
	bool started;		/* the command has been executed */
	bool handles;		/* it has called rt_sigaction */
};

static void note(struct calls *c, uint64_t nr)
{
	const char *name = sandbox_call_name(&sandbox_program, (long)nr);

	c->handles |= nr == SYS_rt_sigaction;
	if (nr >= NUMBERS_MAX || c->seen[nr])
		return;
	c->seen[nr] = true;
	printf("%s%s\n", c->handles ? "" : "early ", name == NULL ? "unknown" : name);
}

/* Returns the signal that the thread is to have when it goes on. */
static int stopped(struct calls *c, pid_t pid, int status)
{
	struct __ptrace_syscall_info info;
	const int signal = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_EXEC)
		c->started = true;
	if (signal == (SIGTRAP | 0x80) && c->started &&
	    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY)
		note(c, info.entry.nr);
	return status >> 16 != 0 || signal == (SIGTRAP | 0x80) || signal == SIGSTOP ? 0 : signal;
}

static int list_calls(char **command)
{
	static struct calls calls;
	int status = 0;
	const pid_t child = fork();
	pid_t pid;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(command[0], command);
		_exit(77);
	}
	if (child == -1 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
		   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) == -1)
		die("tracing");
	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)stopped(&calls, pid, status));
		else if (pid == child)
			break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 77;
}

int main(int argc, char **argv)
{
	static struct filter filter;
	int command;

	if (argc > 3 && strcmp(argv[1], "calls") == 0 && strcmp(argv[2], "--") == 0)
		return list_calls(argv + 3);
	if (argc < 4)
		die("see the head of filtered.c");
	command = make(&filter, argc, argv);
	if (command >= argc)
		die("no command");
	set(&filter);
	execv(argv[command], argv + command);
	die(argv[command]);
}
