/* SPDX-License-Identifier: ISC */
/*
 * moments.c: a table of moments: a signal at each system call of a run, and what comes of it.
 *
 *	moments [stuck=FD] [wire=FD] [most=N] [every=N] [end=N] ends|stays SIGNAL -- COMMAND...
 *
 * Runs COMMAND as often as it makes system calls, with the signal a little later each time: just
 * before the call's instruction, which is where a handler finds the gap between a look and a wait;
 * in the call; and behind it. "ends": each run has to end with status 1 and a line that names the
 * signal, or by the signal itself before there is a handler, or as if nothing was when the guest
 * has ended; and in order, within so many system calls as an end takes. "stays": each run has to end as
 * one that no signal disturbs, with the same output, or by the signal before it is blocked.
 * stuck: that descriptor is a pipe that is full and not read. wire: that one is a socket on which
 * some frames have come, and what is sent is not read. most: calls that are tried, every: one of
 * so many of them, and another one of these for each signal; end: those that an end may take. A signal
 * may be "STOP": that is followed by SIGCONT.
 *
 * Prints what is not as it should be, and how many moments there were, and threads at most; exits
 * with 1, or 0.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* After the C library's, whose names it would define again. */
#include <linux/ptrace.h>

#define HANGS_MS 20000		/* nothing here takes that long unless it hangs */
#define SLEEPS_MS 300		/* a run that sleeps so long, and not for want of a processor, waits for something */
#define THREADS_MAX 8u
#define FRAMES 4		/* that have come when a run begins */
#define FRAME_BYTES 64
#define ROOM 65536

enum when { BEFORE, IN, BEHIND, ASLEEP };
static const char *const when_name[] = {"before", "in", "behind", "asleep after"};

static const struct name {
	const char *name;
	int number;
} names[] = {
	{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"PIPE", SIGPIPE}, {"TERM", SIGTERM},
	{"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
	{"URG", SIGURG}, {"XFSZ", SIGXFSZ}, {"WINCH", SIGWINCH},
};

static struct {
	int signal;
	bool ends;
	int stuck, wire;	/* descriptors, or -1 */
	long most, every;	/* calls to try */
	unsigned end;		/* calls from a signal to the end, at most */
	char **command;
} job = {.stuck = -1, .wire = -1, .most = 400, .every = 1, .end = 150};

/* One run, and what became of it. */
struct run {
	pid_t pid;
	int out, err;		/* what it wrote, unless that is stuck */
	long calls;		/* entered so far */
	bool sent;		/* the signal */
	bool caught;		/* there was a handler then, or the signal was blocked */
	bool behind;		/* the main thread's next stop may be of before that */
	bool entered;		/* the guest was, after that */
	long call;		/* the number of the one at which it is sent, -1 before it */
	bool slept;		/* it never came so far, and waited for something */
	bool hung;
	unsigned calls_since;	/* the signal */
	bool forced;		/* SIGALRM was set to its default since then: the forced end does */
	unsigned threads;
	pid_t begun[THREADS_MAX];	/* those whose first stop has been seen */
	int status;		/* as wait(2) has it */
	char text[2][ROOM];	/* out, err */
};

static unsigned moments, faults, threads_most, calls_most;

static void fail(const char *what)
{
	fprintf(stderr, "moments: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void on_timer(int signal)
{
	(void)signal;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the command ---- */

static int full_pipe(void)
{
	static const char page[4096];
	int ends[2];

	/* The end to read from stays open, here and in the child. */
	if (pipe(ends) == -1 || fcntl(ends[1], F_SETFL, O_NONBLOCK) == -1)
		fail("pipe");
	while (write(ends[1], page, sizeof page) > 0)
		continue;
	if (fcntl(ends[1], F_SETFL, 0) == -1)
		fail("pipe");
	return ends[1];
}

/* The other end stays open, in the child that is not told of it. */
static int wire(void)
{
	static const char frame[FRAME_BYTES];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == -1)
		fail("socketpair");
	for (int i = 0; i < FRAMES; i++)
		if (send(ends[0], frame, sizeof frame, 0) == -1)
			fail("send");
	return ends[1];
}

static void become(const struct run *r)
{
	int in = open("/dev/null", O_RDONLY);

	if (in == -1 || dup2(in, 0) == -1 || dup2(r->out, 1) == -1 || dup2(r->err, 2) == -1)
		_exit(126);
	for (int s = 1; s < 32; s++)
		(void)signal(s, SIG_DFL);
	if (job.stuck != -1)
		dup2(full_pipe(), job.stuck);
	if (job.wire != -1)
		dup2(wire(), job.wire);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execv(job.command[0], job.command);
	_exit(127);
}

/* The next change of one of them, or of all; -1 when the timer interrupts. */
static pid_t next_change(pid_t which, int *status)
{
	pid_t pid = waitpid(which, status, __WALL);

	if (pid == -1 && errno != EINTR)
		fail("waiting");
	return pid;
}

static void begin(struct run *r)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE;
	int status;
	pid_t pid;

	*r = (struct run){.call = -1, .threads = 1};
	r->out = memfd_create("out", MFD_CLOEXEC);
	r->err = memfd_create("err", MFD_CLOEXEC);
	r->pid = fork();
	if (r->out == -1 || r->err == -1 || r->pid == -1)
		fail("run");
	if (r->pid == 0)
		become(r);
	while ((pid = next_change(r->pid, &status)) == -1)
		continue;
	if (!WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, r->pid, NULL, options) == -1 ||
	    ptrace(PTRACE_SYSCALL, r->pid, NULL, NULL) == -1)
		fail("trace");
}

static void take_text(int fd, char *text)
{
	ssize_t n = pread(fd, text, ROOM - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* ---- a call that is put off: the signal comes between the last instruction and this one ---- */

static void registers(pid_t pid, struct user_regs_struct *regs, bool set)
{
	struct iovec all = {regs, sizeof *regs};

	ptrace(set ? PTRACE_SETREGSET : PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
}

#if defined(__x86_64__)

static void skip_call(pid_t pid)
{
	struct user_regs_struct regs;

	registers(pid, &regs, false);
	regs.orig_rax = ~0ull;
	registers(pid, &regs, true);
}

static void repeat_call(pid_t pid, const struct ptrace_syscall_info *call)
{
	struct user_regs_struct regs;

	registers(pid, &regs, false);
	regs.rip -= 2;
	regs.rax = call->entry.nr;
	registers(pid, &regs, true);
}

#elif defined(__aarch64__)

static void skip_call(pid_t pid)
{
	int nr = -1;
	struct iovec one = {&nr, sizeof nr};

	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &one);
}

static void repeat_call(pid_t pid, const struct ptrace_syscall_info *call)
{
	struct user_regs_struct regs;

	registers(pid, &regs, false);
	regs.pc -= 4;
	regs.regs[0] = call->entry.args[0];
	regs.regs[8] = call->entry.nr;
	registers(pid, &regs, true);
}

#else
#error "which registers hold a system call's number and first argument?"
#endif

/* ---- tracing ---- */

/* Whether a line of /proc/PID/status, a set of signals, has the job's. */
static bool in_set(pid_t pid, const char *line)
{
	char path[64], text[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(text, sizeof text, f) != NULL)
		if (strncmp(text, line, strlen(line)) == 0)
			found = strtoull(text + strlen(line), NULL, 16) >> (job.signal - 1) & 1;
	if (f != NULL)
		fclose(f);
	return found;
}

/* Stopped is the thread whose stop is being looked at. */
static void send_signal(struct run *r, pid_t stopped)
{
	r->behind = stopped != r->pid;
	r->caught = in_set(r->pid, "SigCgt:") || in_set(r->pid, "SigBlk:");
	r->sent = true;
	kill(r->pid, job.signal);
	if (job.signal == SIGSTOP || job.signal == SIGTSTP)
		kill(r->pid, SIGCONT);
}

/* A call after the signal; old: it may have been begun before. */
static void note_call(struct run *r, pid_t pid, const struct ptrace_syscall_info *info, bool old)
{
	r->calls_since++;
	if (!old && info->entry.nr == SYS_ioctl && info->entry.args[1] == KVM_RUN)
		r->entered = true;
	/* The kernel's structure begins with the handler. */
	if (info->entry.nr == SYS_rt_sigaction && info->entry.args[0] == SIGALRM && info->entry.args[1] != 0 &&
	    ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)info->entry.args[1], NULL) == (long)SIG_DFL)
		r->forced = true;
}

/* A stop at a call, going in or coming out. */
static void at_call(struct run *r, pid_t pid, long nth, enum when when)
{
	const bool old = pid == r->pid && r->behind;
	static struct ptrace_syscall_info nth_call;
	static pid_t caller;
	struct ptrace_syscall_info info;

	if (pid == r->pid)
		r->behind = false;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		if (r->sent)
			note_call(r, pid, &info, old);
		if (++r->calls != nth)
			return;
		if (when == ASLEEP) {	/* it asks now and then, or will never come to an end */
			r->slept = true;
			send_signal(r, pid);
			return;
		}
		r->call = (long)info.entry.nr;
		nth_call = info;
		caller = pid;
		if (when == BEFORE)
			skip_call(pid);
		if (when == IN)
			send_signal(r, pid);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && r->call != -1 && !r->sent &&
		   pid == caller) {
		if (when == BEFORE)
			repeat_call(pid, &nth_call);
		send_signal(r, pid);
	}
}

/* Whether it is a new thread's first stop, which the tracer alone is to see. */
static bool begins(struct run *r, pid_t pid)
{
	unsigned i = 0;

	while (i < THREADS_MAX && r->begun[i] != 0 && r->begun[i] != pid)
		i++;
	if (pid == r->pid || i == THREADS_MAX || r->begun[i] == pid)
		return false;
	r->begun[i] = pid;
	return true;
}

/* Goes on after a stop, with the signal that it is about, if it is about one. */
static void resume(struct run *r, pid_t pid, int status, long nth, enum when when)
{
	siginfo_t info;
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		at_call(r, pid, nth, when);
		signal = 0;
	} else if (status >> 16 == PTRACE_EVENT_CLONE) {
		r->threads++;
		signal = 0;
	} else if (status >> 16 != 0 || signal == SIGTRAP) {
		signal = 0;
	} else if (signal == SIGSTOP && begins(r, pid)) {
		signal = 0;
	} else if (ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) == -1) {
		signal = 0;	/* the whole process stands still; SIGCONT is on its way */
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (long)signal);
}

/* proc(5): the state of the thread that has this directory; '?': it is gone. */
static char state_of(pid_t pid, const char *thread)
{
	char path[80], state = '?';
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, thread);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f != NULL)
		fclose(f);
	return state;
}

/* Whether every thread does, so that none is about to make a call, however busy the host is. */
static bool sleeps(pid_t pid)
{
	char path[40];
	struct dirent *d;
	bool all = true;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		all &= d->d_name[0] == '.' || state_of(pid, d->d_name) == 'S';
	if (dir != NULL)
		closedir(dir);
	return dir != NULL && all;
}

/* Runs the command once, with the signal at its nth call; nth 0: without one. */
static void trace(struct run *r, long nth, enum when when)
{
	long seen, awake;

	begin(r);
	for (seen = awake = now_ms();;) {
		int status;
		pid_t pid = next_change(-1, &status);

		if (pid == r->pid && (WIFEXITED(status) || WIFSIGNALED(status))) {
			r->status = status;
			break;
		}
		if (pid > 0) {
			seen = awake = now_ms();
			if (WIFSTOPPED(status))
				resume(r, pid, status, nth, when);
			continue;
		}
		if (!sleeps(r->pid))
			awake = now_ms();
		if (now_ms() - awake > SLEEPS_MS && !r->sent && nth != 0) {
			r->slept = true;
			if (when == ASLEEP)
				send_signal(r, r->pid);
			else
				kill(r->pid, SIGKILL);
			seen = awake = now_ms();
		} else if (now_ms() - seen > HANGS_MS) {
			r->hung = true;
			kill(r->pid, SIGKILL);
		}
	}
	take_text(r->out, r->text[0]);
	take_text(r->err, r->text[1]);
}

/* ---- judging ---- */

static void fault(const struct run *r, long nth, enum when when, const char *what)
{
	faults++;
	printf("%s call %ld (%ld): %s; status 0x%x\n", when_name[when], nth, r->call, what,
	       (unsigned)r->status);
	if (r->text[1][0] != '\0')
		printf("  stderr: %s%s", r->text[1], strchr(r->text[1], '\n') != NULL ? "" : "\n");
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* Of which each run has its own: how long it took, and how many pages the kernel has mapped around those used. */
static bool is_own(const char *line)
{
	return strncmp(line, "time ", 5) == 0 || strncmp(line, "memory resident_bytes ", 22) == 0;
}

/* The next line that other runs have, too. */
static const char *line_of_all(const char *text)
{
	while (is_own(text))
		text += strcspn(text, "\n") + (strchr(text, '\n') != NULL);
	return text;
}

static bool same_text(const char *a, const char *b)
{
	for (a = line_of_all(a), b = line_of_all(b); *a != '\0' && *b != '\0';) {
		const size_t n = strcspn(a, "\n") + (strchr(a, '\n') != NULL);

		if (strncmp(a, b, n) != 0)
			return false;
		a = line_of_all(a + n);
		b = line_of_all(b + n);
	}
	return *a == *b;
}

static bool same(const struct run *a, const struct run *b)
{
	return a->status == b->status && same_text(a->text[0], b->text[0]) &&
	       same_text(a->text[1], b->text[1]);
}

static void judge_end(const struct run *r, const struct run *undisturbed, long nth, enum when when)
{
	char line[64];

	snprintf(line, sizeof line, "Exiting on signal %d\n", job.signal);
	if (undisturbed != NULL && !r->entered && same(r, undisturbed)) {
		return;
	} else if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != 1) {
		fault(r, nth, when, "not status 1");
	} else if (job.stuck != 2 && count(r->text[1], line) != 1) {
		fault(r, nth, when, "not one line that names the signal");
	} else if (r->forced) {
		fault(r, nth, when, "not in order");
	} else if (r->calls_since > job.end) {
		fault(r, nth, when, "too many system calls later");
	}
}

static void judge(const struct run *r, const struct run *undisturbed, long nth, enum when when)
{
	moments++;
	if (threads_most < r->threads)
		threads_most = r->threads;
	if (calls_most < r->calls_since)
		calls_most = r->calls_since;
	if (r->hung)
		fault(r, nth, when, "hangs");
	else if (!r->caught && WIFSIGNALED(r->status) && WTERMSIG(r->status) == job.signal)
		return;
	else if (job.ends)
		judge_end(r, undisturbed, nth, when);
	else if (!same(r, undisturbed))
		fault(r, nth, when, "not as if nothing was");
}

static void try_all(void)
{
	static struct run undisturbed, r;
	const struct run *plain = NULL;

	/* What waits for a signal has no end of its own to compare with; what stays has one, however late. */
	trace(&r, job.ends ? job.most : 0, ASLEEP);
	if (!r.slept && !r.sent) {
		undisturbed = r;
		plain = &undisturbed;
	} else {
		judge(&r, NULL, r.calls, ASLEEP);
	}
	for (long nth = 1 + job.signal % job.every; nth <= job.most; nth += job.every)
		for (enum when when = BEFORE; when <= BEHIND; when++) {
			trace(&r, nth, when);
			if (r.sent)
				judge(&r, plain, nth, when);
			else if (when == BEHIND)
				return;
		}
}

/* Waiting for a child has no limit of its own. */
static void start_timer(void)
{
	const struct timeval often = {.tv_usec = 50000};
	const struct itimerval timer = {often, often};
	const struct sigaction interrupt = {.sa_handler = on_timer};

	if (sigaction(SIGALRM, &interrupt, NULL) == -1 ||
	    setitimer(ITIMER_REAL, &timer, NULL) == -1)
		fail("timer");
}

static int number_of(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	fprintf(stderr, "moments: what signal is %s?\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strchr(argv[i], '=') != NULL; i++)
		if (sscanf(argv[i], "stuck=%d", &job.stuck) != 1 &&
		    sscanf(argv[i], "wire=%d", &job.wire) != 1 &&
		    sscanf(argv[i], "most=%ld", &job.most) != 1 &&
		    sscanf(argv[i], "every=%ld", &job.every) != 1 &&
		    sscanf(argv[i], "end=%u", &job.end) != 1)
			break;
	if (i + 3 >= argc || job.every < 1 || strcmp(argv[i + 2], "--") != 0) {
		fprintf(stderr, "usage: moments [stuck=FD] [wire=FD] [most=N] [every=N] [end=N] "
				"ends|stays SIGNAL -- COMMAND...\n");
		return 2;
	}
	job.ends = strcmp(argv[i], "ends") == 0;
	job.signal = number_of(argv[i + 1]);
	job.command = argv + i + 3;
	start_timer();
	try_all();
	printf("%u moments, %u not as they should be; %u threads, %u system calls after the signal\n",
	       moments, faults, threads_most, calls_most);
	return faults == 0 ? 0 : 1;
}
