/* SPDX-License-Identifier: ISC */
/*
 * hostile.c: one hypercall, as well-formed or as hostile as the command line says:
 *
 *   CALL [struct=PLACE] [data=PLACE] [handle=N] [offset=N] [len=N]
 *
 * CALL is a name or a number; struct is where the argument structure lies, data where the
 * buffer, the result or the cookie does. Exits with 0 if the call came back with a good
 * result, with 10 + the result if not, with 9x if the guest itself is at fault.
 */
#include "guest.h"
#include "hypercall.h"

#define HALT_STATUS 42

/* Zeros where the guest cannot write: a valid request of every call, but for handle 0. */
static const uint8_t rodata[512] __attribute__((aligned(64)));
extern const uint8_t text_zeros[512];
__asm__(".pushsection .text\n\t.balign 64\ntext_zeros:\n\t.zero 512\n\t.popsection");

static uint8_t request_space[1024] __attribute__((aligned(64)));
static uint8_t buffer[(64 << 10) + 64] __attribute__((aligned(64)));

struct call {
	const char *name;
	unsigned nr;
	size_t size;	/* of the structure */
	uint64_t len;	/* of the data, if nothing else is asked for */
};

static const struct call calls[] = {
	{"walltime", HVT_HYPERCALL_WALLTIME, sizeof(struct hvt_walltime), 0},
	{"puts", HVT_HYPERCALL_PUTS, sizeof(struct hvt_puts), 16},
	{"poll", HVT_HYPERCALL_POLL, sizeof(struct hvt_poll), 0},
	{"block_write", HVT_HYPERCALL_BLOCK_WRITE, sizeof(struct hvt_block), 512},
	{"block_read", HVT_HYPERCALL_BLOCK_READ, sizeof(struct hvt_block), 512},
	{"net_write", HVT_HYPERCALL_NET_WRITE, sizeof(struct hvt_net), 64},
	{"net_read", HVT_HYPERCALL_NET_READ, sizeof(struct hvt_net), 64},
	{"halt", HVT_HYPERCALL_HALT, sizeof(struct hvt_halt), HVT_HALT_COOKIE_MAX},
};

/* An object of len bytes lies at base - len * part / 2; a base of TOP is the end of memory. */
#define TOP ((const volatile void *)1)

struct place {
	const char *name;
	const volatile void *base;
	unsigned part, plus;
	bool writable;
};

static const struct place places[] = {
	{"null", NULL, 0, 0, false},
	{"tables", (const void *)0x2000, 0, 0, false},
	{"boot", (const void *)HVT_BOOT_INFO_GPA, 0, 0, false},
	{"low", (const void *)0xff000, 0, 0, false},
	{"edge", (const void *)HVT_GUEST_MIN_BASE, 1, 0, false},
	{"rodata", rodata, 0, 0, false},
	{"text", text_zeros, 0, 0, false},
	{"odd", buffer, 0, 1, true},
	{"self", request_space, 0, 0, true},
	{"last", TOP, 2, 0, true},
	{"past", TOP, 2, 1, false},
	{"end", TOP, 0, 0, false},
	{"above", (const void *)0x100000000, 0, 0, false},
	{"wrap", NULL, 1, 0, false},
};

struct request {
	const struct call *call;
	uint64_t at, data, handle, offset, len;
	bool writable, data_writable;
};

static const struct call *find_call(const char **args)
{
	static struct call unknown = {.name = "unknown", .size = 64};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (take_word(args, calls[i].name))
			return &calls[i];
	unknown.nr = (unsigned)take_number(args);
	return &unknown;
}

static const struct place *find_place(const char **args)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (take_word(args, places[i].name))
			return &places[i];
	solo5_exit(98);
}

static uint64_t address(const struct place *p, uint64_t len, uint64_t top)
{
	uint64_t base = p->base == TOP ? top : (uint64_t)(uintptr_t)p->base;

	return base - len * p->part / 2 + p->plus;
}

static bool take_key(const char **args, const char *key)
{
	const char *a = *args;

	while (*key != '\0' && *a == *key)
		a++, key++;
	if (*key != '\0' || *a != '=')
		return false;
	*args = a + 1;
	return true;
}

static void parse(const char *args, uint64_t top, struct request *rq)
{
	const struct place *where = NULL, *data = NULL;

	*rq = (struct request){.call = find_call(&args), .handle = 1};
	rq->len = rq->call->len;
	while (*args != '\0') {
		if (take_key(&args, "struct"))
			where = find_place(&args);
		else if (take_key(&args, "data"))
			data = find_place(&args);
		else if (take_key(&args, "handle"))
			rq->handle = take_number(&args);
		else if (take_key(&args, "offset"))
			rq->offset = take_number(&args);
		else if (take_key(&args, "len"))
			rq->len = take_number(&args);
		else
			solo5_exit(97);
	}
	rq->at = where ? address(where, rq->call->size, top) : (uintptr_t)request_space;
	rq->writable = where == NULL || where->writable;
	rq->data = data ? address(data, rq->len, top) : (uintptr_t)buffer;
	rq->data_writable = data != NULL && data->writable;
}

/* Structures at odd addresses are the point, so they go out and come in byte by byte. */
static void fill(const struct request *rq)
{
	const struct hvt_puts puts = {rq->data, rq->len};
	const struct hvt_poll poll = {rq->len, ~UINT64_C(0), -1, 0};
	const struct hvt_block block = {rq->handle, rq->offset, rq->data, rq->len, -1, 0};
	const struct hvt_net net = {rq->handle, rq->data, rq->len, -1, 0};
	const struct hvt_halt halt = {rq->data, HALT_STATUS, 0};
	const void *from;

	switch (rq->call->nr) {
	case HVT_HYPERCALL_PUTS: from = &puts; break;
	case HVT_HYPERCALL_POLL: from = &poll; break;
	case HVT_HYPERCALL_BLOCK_WRITE:
	case HVT_HYPERCALL_BLOCK_READ: from = &block; break;
	case HVT_HYPERCALL_NET_WRITE:
	case HVT_HYPERCALL_NET_READ: from = &net; break;
	case HVT_HYPERCALL_HALT: from = &halt; break;
	default: return;
	}
	memcpy((void *)rq->at, from, rq->call->size);
}

static int poll_result(const uint8_t *at)
{
	struct hvt_poll poll;

	memcpy(&poll, at, sizeof poll);
	return poll.ready_set == 0 && poll.ret == 0 ? 0 : 96;
}

static int result(const struct request *rq)
{
	const uint8_t *at = (const uint8_t *)rq->at;
	uint64_t nsecs;
	int32_t ret = 0;

	switch (rq->call->nr) {
	case HVT_HYPERCALL_WALLTIME:
		memcpy(&nsecs, at, sizeof nsecs);
		return nsecs > UINT64_C(1483228800000000000) ? 0 : 95;	/* 2017 */
	case HVT_HYPERCALL_POLL:
		return poll_result(at);
	case HVT_HYPERCALL_BLOCK_WRITE:
	case HVT_HYPERCALL_BLOCK_READ:
		memcpy(&ret, at + offsetof(struct hvt_block, ret), sizeof ret);
		break;
	case HVT_HYPERCALL_NET_WRITE:
	case HVT_HYPERCALL_NET_READ:
		memcpy(&ret, at + offsetof(struct hvt_net, ret), sizeof ret);
		break;
	case HVT_HYPERCALL_HALT:
		return 94;
	}
	return ret == 0 ? 0 : 10 + ret;
}

/* Never returns: the top of memory, where the first frames lie, may be full of hostile data. */
static __attribute__((noinline, noreturn)) void attack(const struct request *rq)
{
	if (rq->data_writable)
		memset((void *)rq->data, 'h', rq->len);
	if (rq->writable)
		fill(rq);
	hypercall(rq->call->nr, rq->at);
	solo5_exit(rq->writable ? result(rq) : 0);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	uint8_t room[16384];	/* between the first frames and those that are in use */
	static struct request rq;

	__asm__ __volatile__("" :: "r"(room) : "memory");
	parse(si->cmdline, si->heap_start + si->heap_size, &rq);
	attack(&rq);
}
