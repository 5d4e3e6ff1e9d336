/* SPDX-License-Identifier: ISC */
/* calls.c: the two hypercalls that read and write disks. */
#include <errno.h>

#include "block.h"
#include "probe.h"

/* The differences between the two hypercalls. */
struct direction {
	const char *verb;
	int (*span)(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		    struct husk_error *e);
	int (*transfer)(const struct disk *d, uint64_t offset, struct iovec span, size_t *moved);
	bool writes;
};

static const struct direction reading = {"reading", memory_sink, disk_read, false};
static const struct direction writing = {"writing", memory_source, disk_write, true};

static bool in_range(const struct disk *d, uint64_t offset, uint64_t len)
{
	return offset < d->capacity && len <= d->capacity - offset;
}

void block_failed(struct block_device *dev, const char *verb, uint64_t offset, int error)
{
	dev->errors++;
	set_device_warn_once(&dev->is, dev->module->core, "block device %s: %s at offset %llu: %s; the "
			     "guest gets an error", dev->is.name, verb, (unsigned long long)offset,
			     error == EROFS ? "it is attached read-only" : disk_error_text(error));
}

void block_account(struct block_device *dev, bool writes, uint64_t len)
{
	*(writes ? &dev->writes : &dev->reads) += 1;
	*(writes ? &dev->bytes_written : &dev->bytes_read) += len;
}

/*
 * Moves the rest of the request in pieces; a request to this thread interrupts it between two of
 * them.
 */
static int transfer(struct block_module *s, struct block_device *dev, struct block_call *r,
		    struct iovec span)
{
	bool tried = false;

	while (r->done < span.iov_len && !(tried && core_wanted(s->core))) {
		const struct iovec rest = {
			(uint8_t *)span.iov_base + r->done, span.iov_len - r->done,
		};
		size_t moved;
		int error = r->dir->transfer(&dev->disk, r->rq.offset + r->done, rest, &moved);

		dev->calls++;
		PROBE3(block, r->rq.offset + r->done, moved, r->dir->writes);
		if (error != 0)
			return error;
		r->done += moved;
		tried = true;
	}
	return 0;
}

/* On VMEXIT_RESUME r->rq.ret is the guest's result. */
static enum vmexit_result serve(struct block_module *s, struct block_call *r,
				struct husk_error *e)
{
	struct block_device *dev = device_set_find(&s->set, r->rq.handle);
	struct iovec span;
	int error;

	r->rq.ret = HVT_EINVAL;
	if (dev == NULL || !in_range(&dev->disk, r->rq.offset, r->rq.len))
		return VMEXIT_RESUME;
	if (r->dir->span(&s->core->memory, (gpa_t){r->rq.data}, r->rq.len, &span, e) == -1) {
		husk_wrap_device(e, "block device", dev->is.name);
		return VMEXIT_FAIL;
	}
	error = r->dir->writes && dev->disk.read_only ? EROFS : transfer(s, dev, r, span);
	if (error == 0 && r->done < r->rq.len)
		return VMEXIT_RETRY;
	r->rq.ret = error == 0 ? HVT_OK : HVT_EUNSPEC;
	if (error == 0)
		block_account(dev, r->dir->writes, r->rq.len);
	else
		block_failed(dev, r->dir->verb, r->rq.offset, error);
	return VMEXIT_RESUME;
}

/* Continues, from its copy, a request that a posting to this thread has interrupted. */
static enum vmexit_result request(struct block_module *s, gpa_t arg, const struct direction *dir,
				  struct husk_error *e)
{
	const struct memory *m = &s->core->memory;
	struct block_call r = s->unfinished;
	enum vmexit_result result;

	s->unfinished.dir = NULL;
	if (r.dir != dir || r.arg.v != arg.v) {
		r = (struct block_call){.dir = dir, .arg = arg};
		if (MEMORY_GET(m, arg, &r.rq, e) == -1)
			return VMEXIT_FAIL;
	}
	result = serve(s, &r, e);
	HYPERCALLS_KEEP(&s->core->hypercalls, &r.rq);
	if (result == VMEXIT_RETRY)
		s->unfinished = r;
	if (result != VMEXIT_RESUME)
		return result;
	return MEMORY_PUT_FIELD(m, arg, struct hvt_block, ret, &r.rq, e) == -1 ? VMEXIT_FAIL :
	       VMEXIT_RESUME;
}

static enum vmexit_result block_write(void *ctx, gpa_t arg, struct husk_error *e)
{
	return request(ctx, arg, &writing, e);
}

static enum vmexit_result block_read(void *ctx, gpa_t arg, struct husk_error *e)
{
	return request(ctx, arg, &reading, e);
}

static void describe_request(const void *ctx, const void *copy, struct facts *f)
{
	const struct block_module *s = ctx;
	const struct hvt_block *rq = copy;
	const struct block_device *dev;

	if (rq == NULL)
		return;
	dev = device_set_find(&s->set, rq->handle);
	facts_device(f, rq->handle, dev == NULL ? NULL : dev->is.name);
	facts_number(f, "offset", rq->offset);
	facts_address(f, "data", rq->data);
	facts_number(f, "len", rq->len);
	facts_result_word(f, rq->ret);
}

const struct module_call block_calls[BLOCK_CALLS] = {
	{HVT_HYPERCALL_BLOCK_WRITE, "block_write", block_write, describe_request},
	{HVT_HYPERCALL_BLOCK_READ, "block_read", block_read, describe_request},
};
