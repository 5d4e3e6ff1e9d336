/* SPDX-License-Identifier: ISC */
/* host_freebsd.c: the probes' host on FreeBSD: its system calls, without its C library. */
#include "host_freebsd.h"

#define MAP_SHARED_FLAG 1
#define MAP_PRIVATE_FLAG 2
#define MONOTONIC 4
#define SIGNAL_USR1 30
#define SIGNAL_KILL 9
#define MASK_BLOCK 1
#define MASK_UNBLOCK 2
#define STACK_SIZE 16384

void facts_main(void);

static volatile unsigned signals;
static long main_thread;

long call1(long number, long a)
{
	return system_call(number, a, 0, 0, 0, 0, 0);
}

long call2(long number, long a, long b)
{
	return system_call(number, a, b, 0, 0, 0, 0);
}

long call3(long number, long a, long b, long c)
{
	return system_call(number, a, b, c, 0, 0, 0);
}

long call4(long number, long a, long b, long c, long d)
{
	return system_call(number, a, b, c, d, 0, 0);
}

long poll_now(long fd, int events)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} p = {.fd = (int32_t)fd, .events = (int16_t)events};
	const long rc = call3(CALL_POLL, (long)&p, 1, 0);

	return rc < 0 ? rc : p.revents;
}

long host_open(const char *path, int how)
{
	static const int flags[] = {OPEN_READ, OPEN_WRITE, OPEN_BOTH};

	return call3(CALL_OPEN, (long)path, flags[how], 0);
}

long host_close(long fd)
{
	return call1(CALL_CLOSE, fd);
}

long host_ioctl(long fd, uint32_t code_, void *arg)
{
	return call3(CALL_IOCTL, fd, (long)code_, (long)arg);
}

long host_mmap(size_t len, int prot, bool shared, long fd, uint64_t offset)
{
	return system_call(CALL_MMAP, 0, (long)len, prot,
			   shared ? MAP_SHARED_FLAG : MAP_PRIVATE_FLAG, fd, (long)offset);
}

long host_mprotect(void *at, size_t len, int prot)
{
	return call3(CALL_MPROTECT, (long)at, (long)len, prot);
}

long host_sysctl_read(const char *name, void *to, size_t len)
{
	return system_call(CALL_SYSCTLBYNAME, (long)name, (long)text_length(name), (long)to,
			   (long)&len, 0, 0);
}

long host_sysctl_write(const char *name, const char *text, size_t len)
{
	return system_call(CALL_SYSCTLBYNAME, (long)name, (long)text_length(name), 0, 0,
			   (long)text, (long)len);
}

const char *host_error(long error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{1, "EPERM"}, {2, "ENOENT"}, {4, "EINTR"}, {5, "EIO"}, {6, "ENXIO"}, {9, "EBADF"},
		{12, "ENOMEM"}, {13, "EACCES"}, {14, "EFAULT"}, {16, "EBUSY"}, {17, "EEXIST"},
		{19, "ENODEV"}, {22, "EINVAL"}, {25, "ENOTTY"}, {28, "ENOSPC"}, {34, "ERANGE"},
		{35, "EAGAIN"}, {37, "EALREADY"}, {45, "EOPNOTSUPP"}, {55, "ENOBUFS"},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == error)
			return names[i].name;
	return "unknown";
}

void host_print(const char *text, size_t len)
{
	(void)call3(CALL_WRITE, 1, (long)text, (long)len);
}

void host_sleep(unsigned ms)
{
	const int64_t time[2] = {ms / 1000, ms % 1000 * 1000000L};

	(void)call2(CALL_NANOSLEEP, (long)time, 0);
}

uint64_t host_ms(void)
{
	int64_t now[2] = {0, 0};

	(void)call2(CALL_CLOCK_GETTIME, MONOTONIC, (long)now);
	return (uint64_t)now[0] * 1000 + (uint64_t)now[1] / 1000000;
}

/* ---- threads and signals ---- */

struct thread {
	void (*start)(void *arg);
	void *arg;
	void *stack;
	size_t stack_size;
	void *tls;
	size_t tls_size;
	long *child, *parent;
	int flags;
	void *priority;
	void *spare[3];
};
VMM_ABI_SIZE(struct thread, 104);

struct mask {
	uint32_t bits[4];
};

struct action {
	void (*handler)(int number);
	int flags;
	struct mask mask;
};

static struct {
	void (*f)(void *arg);
	void *arg;
} beside;

static struct mask usr1(void)
{
	return (struct mask){{1u << (SIGNAL_USR1 - 1)}};
}

static void begin(void *arg)
{
	(void)arg;
	host_signal_block(true);
	beside.f(beside.arg);
	(void)call1(CALL_THR_EXIT, 0);
}

void host_thread(void (*f)(void *arg), void *arg)
{
	static uint8_t stacks[8][STACK_SIZE] __attribute__((aligned(16)));
	static unsigned next;
	static long ids[2];
	struct thread t = {
		.start = begin, .stack = stacks[next++ % 8], .stack_size = STACK_SIZE,
		.child = &ids[0], .parent = &ids[1],
	};

	beside.f = f;
	beside.arg = arg;
	(void)call2(CALL_THR_NEW, (long)&t, sizeof t);
}

static void handle(int number)
{
	(void)number;
	signals++;
}

void host_signal_ready(void)
{
	const struct action a = {.handler = handle};

	(void)call1(CALL_THR_SELF, (long)&main_thread);
	(void)call3(CALL_SIGACTION, SIGNAL_USR1, (long)&a, 0);
}

void host_signal_block(bool block)
{
	const struct mask set_ = usr1();

	(void)call3(CALL_SIGPROCMASK, block ? MASK_BLOCK : MASK_UNBLOCK, (long)&set_, 0);
}

void host_signal(void)
{
	(void)call2(CALL_THR_KILL, main_thread, SIGNAL_USR1);
}

unsigned host_signals(void)
{
	return signals;
}

/* ---- processes ---- */

long host_process(void (*f)(void))
{
	long child = call1(CALL_FORK, 0);
	int status = -1;

	if (child == 0) {
		f();
		(void)call1(CALL_EXIT, 0);
	}
	(void)system_call(CALL_WAIT4, child, (long)&status, 0, 0, 0, 0);
	return status;
}

void host_die(void)
{
	(void)call2(CALL_KILL, call1(CALL_GETPID, 0), SIGNAL_KILL);
}

long host_setuid(unsigned uid)
{
	return call1(CALL_SETUID, uid);
}

/* Compilers call these of their own accord. */
void *memset(void *to, int byte, size_t len);
void *memcpy(void *restrict to, const void *restrict from, size_t len);

void *memset(void *to, int byte, size_t len)
{
	volatile uint8_t *p = to;

	while (len-- > 0)
		*p++ = (uint8_t)byte;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	const volatile uint8_t *f = from;
	volatile uint8_t *t = to;

	while (len-- > 0)
		*t++ = *f++;
	return to;
}

/* Where the kernel begins: host_freebsd_<architecture>.S has _start. */
void host_begin(void);

void host_begin(void)
{
	facts_main();
	(void)call1(CALL_EXIT, 0);
}
