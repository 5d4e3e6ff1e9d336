/* SPDX-License-Identifier: ISC */
/* module_block.c: block devices: --block, and their lives from open to close. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "disk_host.h"
#include "sandbox.h"

#define SECTOR_MIN 512u
#define SECTOR_MAX 32768u	/* the largest power of two in mft_block.block_size */

/* In Solo5's words. */
#define BLOCK_SIZE_RULE "Block size must be a multiple of 2 greater than or equal %u"

static int check_sector_size(const char *value, struct husk_error *e)
{
	unsigned long long n;

	if (option_number(value, SECTOR_MIN, SECTOR_MAX, &n, e) == -1)
		return husk_wrap(e, BLOCK_SIZE_RULE, SECTOR_MIN);
	if ((n & (n - 1)) == 0)
		return 0;
	husk_fail(e, HUSK_E_USAGE, BLOCK_SIZE_RULE, SECTOR_MIN);
	return husk_hint(e, "`%s' is not a power of two", value);
}

static const struct option options[] = {
	{.name = "block", .form = OPTION_DEVICE, .value = "PATH", .attaches = true,
	 .help = "attach a file or block device (or @FD) to NAME"},
	{.name = "block-ro", .form = OPTION_DEVICE, .value = "PATH", .attaches = true,
	 .help = "the same, read-only: the guest's writes fail"},
	{.name = "block-sector-size", .form = OPTION_DEVICE, .value = "BYTES",
	 .check = check_sector_size,
	 .help = "block size of NAME, a power of two from 512 (default) to 32768"},
};
#define N_OPTIONS (sizeof options / sizeof options[0])

static uint16_t sector_size(const struct settings *settings, const char *name)
{
	const struct setting *s = settings_find(settings, "block-sector-size", name);

	return s == NULL ? SECTOR_MIN : (uint16_t)strtoul(s->value, NULL, 10);
}

static int misaligned(const struct disk *d, uint16_t sector, struct husk_error *e)
{
	husk_fail(e, HUSK_E_USAGE, "Backing storage size must be block aligned (%u bytes); it has "
		  "%llu bytes", sector, (unsigned long long)d->capacity);
	return d->is_device ? -1 :
	       husk_hint(e, "`truncate -s %%%u FILE' rounds it up", sector);
}

/* Where transfers are as the guest asks for them, they must be as the device can make them. */
static int too_small(const struct disk *d, uint16_t sector, const char *name, struct husk_error *e)
{
	husk_fail(e, HUSK_E_USAGE, "it transfers multiples of %u bytes only, and the guest would ask "
		  "for blocks of %u bytes", d->sector, sector);
	if (d->sector > SECTOR_MAX)
		return -1;
	return husk_hint(e, "--block-sector-size:%s=%u makes the guest's blocks as large", name,
			 d->sector);
}

static int check_geometry(const struct disk *d, uint16_t sector, const char *name,
			  struct husk_error *e)
{
	if (sector % d->sector != 0)
		return too_small(d, sector, name, e);
	if (d->capacity % sector != 0)
		return misaligned(d, sector, e);
	if (d->capacity < sector)
		return husk_fail(e, HUSK_E_USAGE, "Backing storage must be at least 1 block "
				 "(%u bytes) in size; it is empty: `truncate -s SIZE' makes it "
				 "larger", sector);
	return 0;
}

/* What opening a device takes. */
struct opening {
	struct block_module *module;
	const struct settings *settings;
};

/* Before the disk is opened: otherwise our own lock would be reported as another process's. */
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

	dev->module = o->module;
	if (disk_find(&dev->disk, how->value, strcmp(how->option->name, "block-ro") == 0,
		      e) == -1 ||
	    check_alone(o->module, dev, how->value, e) == -1 ||
	    disk_open(&dev->disk, how->value, e) == -1)
		return husk_wrap_device(e, "device", entry->name);
	if (check_geometry(&dev->disk, sector, entry->name, e) == -1) {
		disk_close(&dev->disk);
		husk_wrap(e, "%s", how->value);
		return husk_wrap_device(e, "device", entry->name);
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

/*
 * Reports every output that is this disk, so that not even the message about it is written there.
 */
static int check_outputs(const struct block_device *dev, const struct module_host *host,
			 struct husk_error *e)
{
	const size_t n = sizeof host->outputs / sizeof host->outputs[0];
	size_t first = n;

	for (size_t i = n; i-- > 0;) {
		if (!disk_is(&dev->disk, host->outputs[i].fd, true))
			continue;
		first = i;
		if (host->output_is_disk != NULL)
			host->output_is_disk(host->output_ctx, host->outputs[i].fd);
	}
	if (first == n)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "device %s: its disk is the file of %s; send one of them "
			 "elsewhere", dev->is.name, host->outputs[first].name);
}

/* The file must not be an output of the program, nor the image. */
static int confirm_alone(const struct block_device *dev, const struct module_host *host,
			 struct husk_error *e)
{
	if (check_outputs(dev, host, e) == -1)
		return -1;
	if (!dev->disk.read_only && disk_is(&dev->disk, host->image_fd, false))
		return husk_fail(e, HUSK_E_USAGE, "device %s: its disk is the image that is to "
				 "run; attach a copy, or with --block-ro", dev->is.name);
	return 0;
}

static void tell_caveats(const struct block_device *dev, const struct module_host *host)
{
	char text[200], line[sizeof text + sizeof "block device : " + MFT_NAME_SIZE];

	for (unsigned i = 0; host->notice != NULL && i < DISK_CAVEATS; i++)
		if (disk_caveat(&dev->disk, i, text, sizeof text)) {
			snprintf(line, sizeof line, "block device %s: %s", dev->is.name, text);
			host->notice(host->notice_ctx, line);
		}
}

static int block_confirm(const void *state, const struct module_host *host, struct husk_error *e)
{
	const struct block_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct block_device *dev = device_set_at(&s->set, i);

		if (confirm_alone(dev, host, e) == -1)
			return -1;
		tell_caveats(dev, host);
	}
	return 0;
}

/* The guest may keep what it has read of a disk to which nobody else writes. */
static int block_attach(void *state, struct core *c, struct husk_error *e)
{
	struct block_module *s = state;

	s->core = c;
	for (unsigned i = 0; i < s->set.n; i++) {
		const struct block_device *dev = device_set_at(&s->set, i);

		c->granted |= c->wanted & HUSK_FEATURE_BLOCK;
		if (dev->disk.alone)
			c->block_alone |= UINT64_C(1) << dev->is.handle;
	}
	return block_queues_attach(s, e);
}

static void block_detach(void *state, struct core *c)
{
	(void)c;
	block_queues_detach(state);
}

static void block_confine(void *state, struct sandbox *out)
{
	const struct block_module *s = state;

	if (s->set.n > 0)
		out->calls |= SANDBOX_DISKS;
	for (unsigned i = 0; i < s->set.n; i++) {
		const struct block_device *dev = device_set_at(&s->set, i);

		sandbox_keep(out, dev->disk.fd, SANDBOX_READS_AT | SANDBOX_FLAGS | SANDBOX_LOCKS |
			     (dev->disk.read_only ? 0 : SANDBOX_WRITES_AT) |
			     (s->client == CORE_NO_CLIENT ? 0 : SANDBOX_SYNCS));
		if (dev->disk.is_device && !dev->disk.read_only && s->client != CORE_NO_CLIENT)
			sandbox_allow_ioctl(out, dev->disk.fd, disk_host_discards);
		for (unsigned k = 0; k < DISK_ALIASES; k++)
			sandbox_keep(out, dev->disk.alias[k], 0);
	}
}

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
	if (dev->module->client == CORE_NO_CLIENT)
		return;
	tell(ctx, subject, "doorbells", dev->doorbells);
	tell(ctx, subject, "requests", dev->requests);
	tell(ctx, subject, "refused", dev->refused);
	tell(ctx, subject, "flushes", dev->flushes);
	tell(ctx, subject, "discards", dev->discards);
	tell(ctx, subject, "zeroes", dev->zeroes);
	tell(ctx, subject, "told_ahead", dev->told_ahead);
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
	.calls = block_calls,
	.n_calls = BLOCK_CALLS,
	.open = block_open,
	.confirm = block_confirm,
	.attach = block_attach,
	.confine = block_confine,
	.detach = block_detach,
	.close = block_close,
	.report = block_report,
};
