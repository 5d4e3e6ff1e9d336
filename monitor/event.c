/* event.c: ppoll over a small fixed set, and an eventfd to wake it. */
#include "event.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

int events_init(struct events *ev, struct husk_error *e)
{
	*ev = (struct events){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (ev->wake_fd == -1)
		return husk_fail_sys(e, errno, "eventfd");
	ev->fds[0] = (struct pollfd){.fd = ev->wake_fd, .events = POLLIN};
	ev->n = 1;
	return 0;
}

void events_fini(struct events *ev)
{
	if (ev->wake_fd != -1)
		close(ev->wake_fd);
	*ev = (struct events){.wake_fd = -1};
}

static size_t find(const struct events *ev, unsigned bit)
{
	size_t i = 1;

	while (i < ev->n && ev->bits[i] != bit)
		i++;
	return i;
}

int events_add(struct events *ev, int fd, unsigned bit, struct husk_error *e)
{
	if (bit >= EVENTS_MAX || find(ev, bit) < ev->n)
		return husk_fail(e, HUSK_E_HOST, "descriptor %d: bit %u of the ready set is %s", fd,
				 bit, bit >= EVENTS_MAX ? "out of range" : "taken");
	ev->fds[ev->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	ev->bits[ev->n++] = bit;
	return 0;
}

void events_remove(struct events *ev, unsigned bit)
{
	size_t i = find(ev, bit);

	if (i >= ev->n)
		return;
	ev->n--;
	ev->fds[i] = ev->fds[ev->n];
	ev->bits[i] = ev->bits[ev->n];
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Waits once; -1 and EINTR are the caller's. */
static int poll_once(struct events *ev, uint64_t timeout_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / NS_PER_S), .tv_nsec = (long)(timeout_ns % NS_PER_S),
	};

	return ppoll(ev->fds, ev->n, &ts, NULL);
}

static uint64_t collect(struct events *ev, uint64_t *calls)
{
	uint64_t ready = 0, ignored;

	for (size_t i = 1; i < ev->n; i++)
		if (ev->fds[i].revents != 0)
			ready |= 1ull << ev->bits[i];
	if (ev->fds[0].revents != 0) {
		(void)!read(ev->wake_fd, &ignored, sizeof ignored);
		++*calls;
	}
	return ready;
}

int events_wait(struct events *ev, uint64_t timeout_ns, uint64_t *ready, uint64_t *calls,
		struct husk_error *e)
{
	uint64_t start = timeout_ns == 0 ? 0 : now_ns(), left = timeout_ns;
	int n;

	for (;;) {
		++*calls;
		n = poll_once(ev, left);
		if (n != -1)
			break;
		if (errno != EINTR)
			return husk_fail_sys(e, errno, "waiting for devices");
		uint64_t passed = timeout_ns == 0 ? 0 : now_ns() - start;

		left = passed < timeout_ns ? timeout_ns - passed : 0;
	}
	*ready = n == 0 ? 0 : collect(ev, calls);
	return 0;
}

void events_wake(const struct events *ev)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)!write(ev->wake_fd, &one, sizeof one);
	errno = saved;
}
