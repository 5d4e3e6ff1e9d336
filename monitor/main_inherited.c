/* SPDX-License-Identifier: ISC */
/*
 * main_inherited.c: opens placeholders for closed descriptors, and replaces a stack that is too
 * small.
 */
#include "main_inherited.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include "main_placeholder.h"
#include "main_stack.h"

/* The deepest calls take less than a tenth. */
#define STACK_NEEDED ((size_t)256 << 10)

int inherited_descriptors(struct husk_error *e)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};

	if (poll(fds, 3, 0) <= 0)
		return 0;
	for (int i = 0; i < 3; i++)
		if ((fds[i].revents & POLLNVAL) != 0 && placeholder_open() == -1)
			return husk_fail_sys(e, errno, "placeholder for closed descriptor %d", i);
	return 0;
}

/* The call on the other stack, and the contexts to get there and back. */
struct call {
	int (*body)(void *ctx);
	void *ctx;
	int result;
	ucontext_t here, there;
};

/* makecontext(3) passes only arguments of type int. */
static void enter(unsigned high, unsigned low)
{
	struct call *c = (struct call *)((uintptr_t)high << 32 | low);

	c->result = c->body(c->ctx);
}

static int call_on(uint8_t *stack, size_t size, struct call *c, struct husk_error *e)
{
	const uintptr_t self = (uintptr_t)c;

	if (getcontext(&c->there) == -1)
		return husk_fail_sys(e, errno, "a stack of our own");
	c->there.uc_stack.ss_sp = stack;
	c->there.uc_stack.ss_size = size;
	c->there.uc_link = &c->here;
	makecontext(&c->there, (void (*)(void))enter, 2, (unsigned)(self >> 32), (unsigned)self);
	if (swapcontext(&c->here, &c->there) == -1)
		return husk_fail_sys(e, errno, "a stack of our own");
	return c->result;
}

/* From below: a page that stays forbidden, so that who goes too far is told; the stack; the call. */
static uint8_t *make_stack(size_t guard, struct husk_error *e)
{
	uint8_t *all = mmap(NULL, guard + STACK_NEEDED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (all != MAP_FAILED &&
	    mprotect(all + guard, STACK_NEEDED, PROT_READ | PROT_WRITE) == 0)
		return all;
	husk_fail_sys(e, errno, "a stack of our own, where the limit (RLIMIT_STACK) is below "
		      "%zu KiB", STACK_NEEDED >> 10);
	if (all != MAP_FAILED)
		munmap(all, guard + STACK_NEEDED);
	return NULL;
}

static int call_elsewhere(int (*body)(void *ctx), void *ctx, struct husk_error *e)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE), size = guard + STACK_NEEDED;
	uint8_t *all = make_stack(guard, e);
	struct call *c;
	int result;

	if (all == NULL)
		return -1;
	c = (struct call *)(all + size) - 1;
	*c = (struct call){.body = body, .ctx = ctx, .result = -1};
	result = call_on(all + guard, (size_t)((uint8_t *)c - all) - guard, c, e);
	munmap(all, size);
	return result;
}

int inherited_stack(int (*body)(void *ctx), void *ctx, struct husk_error *e)
{
	struct rlimit limit;

	if (stack_is_ample(STACK_NEEDED))
		return body(ctx);
	if (getrlimit(RLIMIT_STACK, &limit) == -1 || (uint64_t)limit.rlim_cur >= STACK_NEEDED)
		return body(ctx);
	return call_elsewhere(body, ctx, e);
}
