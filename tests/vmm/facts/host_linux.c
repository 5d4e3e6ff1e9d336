/* SPDX-License-Identifier: ISC */
/* host_linux.c: the probes' host on Linux: the stand-in. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm_host.h"

void facts_main(void);

static unsigned signals;
static pthread_t main_thread;

static long result(long rc)
{
	return rc == -1 ? -errno : rc;
}

long host_open(const char *path, int how)
{
	static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR};

	return result(vmm_host_open(path, flags[how]));
}

long host_close(long fd)
{
	return result(vmm_host_close((int)fd));
}

long host_ioctl(long fd, uint32_t code, void *arg)
{
	return result(vmm_host_ioctl((int)fd, code, arg));
}

long host_mmap(size_t len, int prot, bool shared, long fd, uint64_t offset)
{
	void *view = vmm_host_mmap(NULL, len, prot, shared ? MAP_SHARED : MAP_PRIVATE, (int)fd,
				   (off_t)offset);

	return view == MAP_FAILED ? -errno : (long)view;
}

long host_mprotect(void *at, size_t len, int prot)
{
	return result(mprotect(at, len, prot));
}

long host_sysctl_read(const char *name, void *to, size_t len)
{
	return result(vmm_host_sysctl(name, to, &len, NULL, 0));
}

long host_sysctl_write(const char *name, const char *text, size_t len)
{
	return result(vmm_host_sysctl(name, NULL, NULL, text, len));
}

const char *host_error(long error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {EINTR, "EINTR"}, {EIO, "EIO"},
		{ENXIO, "ENXIO"}, {EBADF, "EBADF"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"},
		{EFAULT, "EFAULT"}, {EBUSY, "EBUSY"}, {EEXIST, "EEXIST"}, {ENODEV, "ENODEV"},
		{EINVAL, "EINVAL"}, {ENOTTY, "ENOTTY"}, {ENOSPC, "ENOSPC"}, {ERANGE, "ERANGE"},
		{EAGAIN, "EAGAIN"}, {EALREADY, "EALREADY"}, {EOPNOTSUPP, "EOPNOTSUPP"},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == error)
			return names[i].name;
	return "unknown";
}

void host_print(const char *text, size_t len)
{
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}

void host_sleep(unsigned ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

uint64_t host_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct call {
	void (*f)(void *arg);
	void *arg;
};

static void *begin(void *ctx)
{
	struct call call = *(struct call *)ctx;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	call.f(call.arg);
	return NULL;
}

void host_thread(void (*f)(void *arg), void *arg)
{
	static struct call call;
	pthread_t thread;

	call = (struct call){f, arg};
	if (pthread_create(&thread, NULL, begin, &call) == 0)
		pthread_detach(thread);
}

static void handle(int number)
{
	(void)number;
	__atomic_add_fetch(&signals, 1, __ATOMIC_SEQ_CST);
}

void host_signal_ready(void)
{
	main_thread = pthread_self();
	signal(SIGUSR1, handle);
}

void host_signal_block(bool block)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &usr1, NULL);
}

void host_signal(void)
{
	pthread_kill(main_thread, SIGUSR1);
}

unsigned host_signals(void)
{
	return __atomic_load_n(&signals, __ATOMIC_SEQ_CST);
}

long host_process(void (*f)(void))
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		f();
		_exit(0);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

void host_die(void)
{
	kill(getpid(), SIGKILL);
}

long host_setuid(unsigned uid)
{
	return result(setuid(uid));
}

void probe_taps(void)
{
}

void probe_disks(void)
{
}

int main(void)
{
	facts_main();
	return 0;
}
