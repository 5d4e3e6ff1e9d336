/* SPDX-License-Identifier: ISC */
/*
 * attacks.c: a guest that owns its monitor attacks FreeBSD, as in machine/test_rehearsal Linux.
 *
 * husk-owned is husk with a hypercall that makes any system call for the guest. Root; $BUILD is the
 * build directory. Numbers are those of FreeBSD's sys/kern/syscalls.master.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16
#define INHERITED 9
#define DESCRIPTORS 12		/* more than such a husk has */

enum call {
	WRITE = 4, PTRACE = 26, KILL = 37, IOCTL = 54, REBOOT = 55, EXECVE = 59, SOCKET = 97, CONNECT = 98,
	BIND = 104, KLDLOAD = 304, NMOUNT = 378, MMAP = 477, THR_KILL2 = 481,
	OPENAT = 499, UNLINKAT = 503, PROCCTL = 544, SYSCTLBYNAME = 570, SHM_OPEN2 = 571,
};

/* ioctls of /dev/vmmctl and of a machine: VMMCTL_CREATE and VMM_ALLOC_SEGMENT of vmm_abi.h */
#define VMMCTL_CREATE "3240646144"
#define VM_ALLOC_MEMSEG "2151183886"

static struct {
	const char *build;
	char husk[512], guest[512], secret[64];
	pid_t victim;
	char output[8192];
	int status;
	unsigned count, failures;
} t;

static void report(const char *name, const char *reason)
{
	t.count++;
	t.failures += reason != NULL;
	printf("%s %u - %s\n", reason == NULL ? "ok" : "not ok", t.count, name);
	if (reason != NULL)
		printf("# %s; status %#x; it said: %s\n", reason, (unsigned)t.status, t.output);
	fflush(stdout);
}

/* ---- one run ---- */

static void run_child(int out, const char *const words[])
{
	const int null = open("/dev/null", O_RDWR);

	if (dup2(null, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(126);
	close(out);
	close(null);
	execv(t.husk, (char *const *)(uintptr_t)words);
	_exit(127);
}

static void take_output(int in)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(in, t.output + len, sizeof t.output - 1 - len)) > 0)
		len += (size_t)n;
	t.output[len] = '\0';
}

static void run(const char *const words[])
{
	int ends[2];
	pid_t pid;

	t.status = -1;
	t.output[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) == -1)
		return;
	pid = fork();
	if (pid == 0)
		run_child(ends[1], words);
	close(ends[1]);
	take_output(ends[0]);
	close(ends[0]);
	(void)waitpid(pid, &t.status, 0);
}

/* The guest's monitor makes the call with these arguments: owner.c. */
static void attack(const char *option, bool in_thread, enum call call, const char *arguments)
{
	char number[16], all[512];
	const char *words[WORDS_MAX] = {t.husk, "--mem=2"};
	unsigned n = 2;

	if (option != NULL)
		words[n++] = option;
	words[n++] = "--";
	words[n++] = t.guest;
	words[n++] = "--solo5:quiet";
	if (in_thread)
		words[n++] = "thread";
	snprintf(number, sizeof number, "%d", (int)call);
	words[n++] = number;
	snprintf(all, sizeof all, "%s", arguments);
	for (char *word = all; word != NULL && n < WORDS_MAX - 1; n++) {
		char *blank = strchr(word, ' ');

		words[n] = word;
		if (blank != NULL)
			*blank++ = '\0';
		word = blank;
	}
	words[n] = NULL;
	run(words);
}

/* ---- what is expected ---- */

static bool exited(int status)
{
	return WIFEXITED(t.status) && WEXITSTATUS(t.status) == status;
}

static bool said(const char *text)
{
	return strstr(t.output, text) != NULL;
}

/* Ended by a line that tells the call, in either thread. */
static void refused(const char *name, enum call call, const char *arguments)
{
	for (int in_thread = 0; in_thread < 2; in_thread++) {
		char line[64], whole[128];

		attack(NULL, in_thread, call, arguments);
		snprintf(line, sizeof line, "husk: sandbox: system call %d", (int)call);
		snprintf(whole, sizeof whole, "%s%s", name, in_thread ? ", from another thread" : "");
		report(whole, !exited(1) ? "the exit status is not 1" :
		       !said(line) || !said("was refused") ? "the call is not told" : NULL);
	}
}

/* It returns as expected; no text: anything but a failure. */
static void returns(const char *name, const char *option, enum call call, const char *arguments,
		    const char *expected)
{
	attack(option, false, call, arguments);
	report(name, !exited(0) ? "the exit status is not 0" :
	       expected == NULL ? (said("returned -") ? "it failed" : NULL) :
	       !said(expected) ? "it returned something else" : NULL);
}

/* On each descriptor that there may be, its number between these arguments: without a right, or
 * closed; and some must be there. */
static void refused_on_all(const char *name, enum call call, const char *before, const char *behind)
{
	const char *wrong = NULL;
	unsigned there = 0;

	for (int fd = 0; fd < DESCRIPTORS && wrong == NULL; fd++) {
		char all[256];

		snprintf(all, sizeof all, "%s%d %s", before, fd, behind);
		attack(NULL, false, call, all);
		there += exited(1) && said("was refused");
		if (!(exited(1) && said("was refused")) && !(exited(0) && said("returned -9\n")))
			wrong = "neither refused nor closed";
	}
	report(name, wrong != NULL ? wrong : there < 4 ? "fewer descriptors are open than expected" : NULL);
}

/* ---- attacks ---- */

static const char *with(const char *format, const char *text)
{
	static char all[256];

	snprintf(all, sizeof all, format, text);
	return all;
}

static const char *at_victim(const char *format)
{
	static char all[64];

	snprintf(all, sizeof all, format, (int)t.victim);
	return all;
}

static bool file_is_there(void)
{
	return access(t.secret, F_OK) == 0;
}

static void rehearsal(void)
{
	refused("1 a file is opened", OPENAT, with("-100 :%s 0", t.secret));
	refused("2 vmm's control node is opened", OPENAT, "-100 :/dev/vmmctl 2");
	refused("2 a disk is opened", OPENAT, "-100 :/dev/md0 2");
	refused("3 a name is given to a socket", BIND, "1 :^10^02^16^00^7f^00^00^01 16");
	refused("4 a connection is made", CONNECT, "1 :^10^02^16^00^7f^00^00^01 16");
	refused("5 another process is traced", PTRACE, at_victim("10 %d 0 0"));
	refused("5 this process is made traceable", PROCCTL, "0 0 7 :^01");
	refused("6 another process is killed", KILL, at_victim("%d 9"));
	refused("6 or a thread of it", THR_KILL2, at_victim("%d -1 9"));
	refused_on_all("7 memory of the machine is mapped anew", MMAP, "0 4096 3 1 ", "0");
	refused_on_all("8 another machine is made", IOCTL, "", VMMCTL_CREATE " :x");
	refused_on_all("8 this one gets more memory", IOCTL, "", VM_ALLOC_MEMSEG " :x");
	refused("9 another tap is attached", OPENAT, "-100 :/dev/tap9 2");
	returns("10 an inherited descriptor is written to: it is closed", NULL, WRITE, "9 :owned 5", "returned -9\n");
	refused("11 a program is run", EXECVE, ":/bin/sh 0 0");
	refused("12 a file is removed", UNLINKAT, with("-100 :%s 0", t.secret));
	report("the file is there", file_is_there() ? NULL : "it is gone");
	report("the other process lives", kill(t.victim, 0) == 0 ? NULL : "it does not");
}

/* Of the kernel itself, which root could change. */
static void kernel(void)
{
	refused("13 a module is loaded", KLDLOAD, ":if_bridge");
	refused("13 something is mounted", NMOUNT, ":x 0 0");
	refused("13 the machine is restarted", REBOOT, "0");
	returns("13 machines are destroyed by their sysctl", NULL, SYSCTLBYNAME, ":hw.vmm.destroy 14 0 0 :x 1",
		"returned -1\n");
}

/* SECURITY.md says so: without a filter of calls these are made, and lead nowhere. */
static void allowed(void)
{
	returns("allowed: a socket", NULL, SOCKET, "1 1 0", NULL);
	returns("allowed: executable memory", NULL, MMAP, "0 4096 7 4098 -1 0", NULL);
	returns("allowed: memory with a descriptor", NULL, SHM_OPEN2, "1 2 384 0 0", NULL);
}

/* The same calls by the same guest, to show that they are worth refusing. */
static void unconfined(void)
{
	const char *off = "--sandbox=off";

	returns("with --sandbox=off: a file is opened", off, OPENAT, with("-100 :%s 0", t.secret), NULL);
	returns("with --sandbox=off: another process", off, KILL, at_victim("%d 0"), "returned 0\n");
	returns("with --sandbox=off: the inherited descriptor", off, WRITE, "9 :owned 5", "returned 5\n");
	returns("with --sandbox=off: a file is removed", off, UNLINKAT, with("-100 :%s 0", t.secret), "returned 0\n");
	report("it is gone", file_is_there() ? "it is there" : NULL);
}

/* What husk itself does while it tells of an abort, with functions by name, is none of the calls refused. */
static void aborts(void)
{
	char guest[512];
	const char *const words[] = {t.husk, "--mem=2", "--", guest, "--solo5:quiet", NULL};

	snprintf(guest, sizeof guest, "%s/obj/tests/guests/exception.hvt", t.build);
	run(words);
	report("a guest that aborts is told of", !exited(255) ? "the exit status is not 255" : NULL);
}

static void kills(void)
{
	attack("--sandbox=kill", false, OPENAT, "-100 :/etc 0");
	report("--sandbox=kill: SIGTRAP", WIFSIGNALED(t.status) && (t.status & 0177) == SIGTRAP ? NULL :
	       "it did not die of it");
}

/* ---- preparations ---- */

static bool prepare(void)
{
	int fd;

	t.build = getenv("BUILD");
	if (t.build == NULL)
		return false;
	snprintf(t.husk, sizeof t.husk, "%s/obj/tests/machine/husk-owned", t.build);
	snprintf(t.guest, sizeof t.guest, "%s/obj/tests/guests/owner.hvt", t.build);
	snprintf(t.secret, sizeof t.secret, "/tmp/husk-attacks.%d", (int)getpid());
	fd = open(t.secret, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || dup2(fd, INHERITED) == -1 || (fd != INHERITED && close(fd) == -1))
		return false;
	t.victim = fork();
	for (; t.victim == 0;)
		(void)pause();
	return t.victim != -1;
}

int main(void)
{
	if (access("/dev/vmmctl", W_OK) == -1) {
		printf("1..0 # SKIP no machine can be made in capability mode: root, kldload vmm, FreeBSD 15\n");
		return 0;
	}
	if (!prepare()) {
		printf("Bail out! nothing to attack, or $BUILD is not set: errno %d\n", errno);
		return 1;
	}
	rehearsal();
	kernel();
	allowed();
	kills();
	aborts();
	unconfined();
	(void)kill(t.victim, SIGKILL);
	(void)unlink(t.secret);
	printf("1..%u\n", t.count);
	return t.failures != 0;
}
