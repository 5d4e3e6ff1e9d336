/* module_block.c: block devices: --block and the two hypercalls that read and write them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device_set.h"
#include "disk.h"
#include "module.h"

#define SECTOR_MIN 512u
#define SECTOR_MAX 32768u	/* the largest power of two in mft_block.block_size */

struct block_device {
	struct set_device is;
	struct disk disk;
	uint64_t reads, writes, bytes_read, bytes_written, errors, calls;
};

struct block_module {
	struct core *core;
	struct device_set set;		/* of struct block_device */
};

/* What the two hypercalls differ in. */
struct direction {
	const char *verb;
	int (*span)(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		    struct husk_error *e);
	int (*transfer)(const struct disk *d, uint64_t offset, struct iovec span, uint64_t *calls);
	bool writes;
};

static const struct direction reading = {"reading", memory_sink, disk_read, false};
static const struct direction writing = {"writing", memory_source, disk_write, true};

static bool in_range(const struct disk *d, uint64_t offset, uint64_t len)
{
	return offset < d->capacity && len <= d->capacity - offset;
}

/* The guest learns EUNSPEC each time, the user the cause once. */
static int refuse(const struct block_module *s, struct block_device *dev, const char *verb,
		  uint64_t offset, int error)
{
	dev->errors++;
	set_device_complain(&dev->is, s->core, "block device %s: %s at offset %llu: %s; the guest gets "
			    "an error", dev->is.name, verb, (unsigned long long)offset,
			    error == ENODATA ? "the file has become shorter" :
			    error == EROFS ? "it is attached read-only" : strerror(error));
	return HVT_EUNSPEC;
}

static void account(struct block_device *dev, const struct direction *dir, uint64_t len)
{
	*(dir->writes ? &dev->writes : &dev->reads) += 1;
	*(dir->writes ? &dev->bytes_written : &dev->bytes_read) += len;
}

/* *ret is the guest's result; -1 ends the guest. */
static int serve(struct block_module *s, const struct hvt_block *rq, const struct direction *dir,
		 int *ret, struct husk_error *e)
{
	struct block_device *dev = device_set_find(&s->set, rq->handle);
	struct iovec span;
	int error;

	*ret = HVT_EINVAL;
	if (dev == NULL || !in_range(&dev->disk, rq->offset, rq->len))
		return 0;
	if (dir->span(&s->core->memory, (gpa_t){rq->data}, rq->len, &span, e) == -1)
		return husk_wrap(e, "block device %s", dev->is.name);
	error = dir->writes && dev->disk.read_only ? EROFS :
		dir->transfer(&dev->disk, rq->offset, span, &dev->calls);
	*ret = error == 0 ? HVT_OK : refuse(s, dev, dir->verb, rq->offset, error);
	if (error == 0)
		account(dev, dir, rq->len);
	return 0;
}

static enum vmexit_result request(struct block_module *s, gpa_t arg, const struct direction *dir,
			       struct husk_error *e)
{
	const struct memory *m = &s->core->memory;
	struct hvt_block rq;
	int ret;

	if (MEMORY_GET(m, arg, &rq, e) == -1 || serve(s, &rq, dir, &ret, e) == -1)
		return VMEXIT_FAIL;
	rq.ret = ret;
	return MEMORY_PUT_FIELD(m, arg, struct hvt_block, ret, &rq, e) == -1 ? VMEXIT_FAIL : VMEXIT_RESUME;
}

static enum vmexit_result block_write(void *ctx, gpa_t arg, struct husk_error *e)
{
	return request(ctx, arg, &writing, e);
}

static enum vmexit_result block_read(void *ctx, gpa_t arg, struct husk_error *e)
{
	return request(ctx, arg, &reading, e);
}

static int check_sector_size(const char *value, struct husk_error *e)
{
	unsigned long long n;

	if (option_number(value, SECTOR_MIN, SECTOR_MAX, &n, e) == -1 || (n & (n - 1)) != 0)
		return husk_fail(e, HUSK_E_USAGE, "Block size must be a multiple of 2 greater than "
				 "or equal %u: a power of two, at most %u; `%s' is not", SECTOR_MIN,
				 SECTOR_MAX, value);
	return 0;
}

static const struct option options[] = {
	{.name = "block", .form = OPTION_DEVICE, .value = "PATH", .attaches = true,
	 .help = "attach a file or block device (or @FD) to NAME"},
	{.name = "block-ro", .form = OPTION_DEVICE, .value = "PATH", .attaches = true,
	 .help = "the same, read-only: the guest's writes fail"},
	{.name = "block-sector-size", .form = OPTION_DEVICE, .value = "BYTES",
	 .check = check_sector_size,
	 .help = "logical block size of NAME, a power of two from 512 (default 512)"},
};
#define N_OPTIONS (sizeof options / sizeof options[0])

static uint16_t sector_size(const struct settings *settings, const char *name)
{
	const struct setting *s = settings_find(settings, "block-sector-size", name);

	return s == NULL ? SECTOR_MIN : (uint16_t)strtoul(s->value, NULL, 10);
}

static int check_geometry(const struct disk *d, const char *name, uint16_t sector,
			  struct husk_error *e)
{
	if (d->capacity % sector != 0)
		return husk_fail(e, HUSK_E_USAGE, "%s: Backing storage size must be block aligned "
				 "(%u bytes); it has %llu", name, sector,
				 (unsigned long long)d->capacity);
	if (d->capacity < sector)
		return husk_fail(e, HUSK_E_USAGE, "%s: Backing storage must be at least 1 block "
				 "(%u bytes) in size; it is empty", name, sector);
	return 0;
}

/* What opening a device takes. */
struct opening {
	const struct block_module *module;
	const struct settings *settings;
};

/* Before the lock is taken, which would call it another process's affair, or even hand it over. */
static int check_alone(const struct block_module *s, const struct block_device *dev,
		       const char *where, struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n; i++) {
		const struct block_device *other = device_set_at(&s->set, i);

		if (disk_conflict(&other->disk, &dev->disk))
			return husk_fail(e, HUSK_E_USAGE, "%s: block devices %s and %s would share "
					 "it: give each a file of its own, or attach both with "
					 "--block-ro", where, other->is.name, dev->is.name);
	}
	return 0;
}

static int open_device(void *ctx, void *device, struct mft_entry *entry, struct husk_error *e)
{
	const struct opening *o = ctx;
	struct block_device *dev = device;
	const struct setting *how = settings_attaching(o->settings, options, N_OPTIONS, entry->name);
	uint16_t sector = sector_size(o->settings, entry->name);

	if (disk_open(&dev->disk, how->value, strcmp(how->option->name, "block-ro") == 0,
		      e) == -1)
		return -1;
	if (check_alone(o->module, dev, how->value, e) == -1 ||
	    disk_claim(&dev->disk, how->value, e) == -1 ||
	    check_geometry(&dev->disk, entry->name, sector, e) == -1) {
		disk_close(&dev->disk);
		return -1;
	}
	entry->u.block = (struct mft_block){.capacity = dev->disk.capacity, .block_size = sector};
	return 0;
}

static void close_device(void *device)
{
	struct block_device *dev = device;

	disk_close(&dev->disk);
}

static const struct device_set_ops device_ops = {open_device, close_device};

static void block_close(void *state)
{
	struct block_module *s = state;

	device_set_close(&s->set, &device_ops);
	free(s);
}

static int block_open(void **state, const struct settings *settings, struct manifest *mft,
		      struct husk_error *e)
{
	struct block_module *s = calloc(1, sizeof *s);
	struct opening o = {s, settings};

	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module block");
	if (device_set_open(&s->set, &device_ops, &o, mft, MFT_DEV_BLOCK_BASIC,
			    sizeof(struct block_device), e) == -1) {
		free(s);
		return -1;
	}
	*state = s;
	return 0;
}

static int block_attach(void *state, struct core *c, struct husk_error *e)
{
	struct block_module *s = state;

	(void)e;
	s->core = c;
	return 0;
}

static const struct module_call calls[] = {
	{HVT_HYPERCALL_BLOCK_WRITE, "block_write", block_write},
	{HVT_HYPERCALL_BLOCK_READ, "block_read", block_read},
};

static void report_device(const struct block_device *dev, module_figure *tell, void *ctx)
{
	char subject[SET_SUBJECT_SIZE];

	set_device_subject(&dev->is, "block", subject);
	tell(ctx, subject, "reads", dev->reads);
	tell(ctx, subject, "bytes_read", dev->bytes_read);
	tell(ctx, subject, "writes", dev->writes);
	tell(ctx, subject, "bytes_written", dev->bytes_written);
	tell(ctx, subject, "errors", dev->errors);
	tell(ctx, subject, "system_calls", dev->calls);
}

static void block_report(const void *state, module_figure *tell, void *ctx)
{
	const struct block_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), tell, ctx);
}

extern const struct module module_block;
const struct module module_block = {
	.name = "block",
	.device_type = MFT_DEV_BLOCK_BASIC,
	.options = options,
	.n_options = N_OPTIONS,
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = block_open,
	.attach = block_attach,
	.close = block_close,
	.report = block_report,
};
