/* SPDX-License-Identifier: ISC */
/* disks_freebsd.c: what husk's block devices rely on of disks, as md(4) makes them, and of their locks. */
#include "host_freebsd.h"

/* FreeBSD sys/sys/mdioctl.h, struct md_ioctl. */
struct memory_disk {
	uint32_t version, unit, type;
	char *file;
	int64_t size;
	uint32_t sector, options;
	uint64_t base;
	int32_t heads, sectors;
	char *label;
	int32_t pad[96];
};
VMM_ABI_SIZE(struct memory_disk, 448);
VMM_ABI_AT(struct memory_disk, sector, 32);

#define DISK_ATTACH 0xc1c06d00u
#define DISK_DETACH 0xc1c06d01u
#define OPTION_FORCE 0x20

#define DISK_SECTOR 0x40046480u		/* sys/sys/disk.h */
#define DISK_SIZE 0x40086481u
#define DISK_FLUSH 0x20006487u

#define LOCK_SHARED_NOW 5
#define LOCK_ALONE_NOW 6
#define UNLOCK 8
#define FROM_END 2

#define UNIT 91
#define BYTES 1048576

static const char control_node[] = "/dev/mdctl", node_[] = "/dev/md91";
static uint8_t buffer[8192] __attribute__((aligned(4096)));
static long disk;

static long md(uint32_t code_, int64_t size, uint32_t sector, uint32_t options)
{
	struct memory_disk m = {.unit = UNIT, .size = size, .sector = sector, .options = options};
	const long fd = host_open(control_node, HOST_BOTH), rc = host_ioctl(fd, code_, &m);

	(void)host_close(fd);
	return rc;
}

static long read_at(size_t len, int64_t offset)
{
	return call4(CALL_PREAD, disk, (long)buffer, (long)len, (long)offset);
}

static long write_at(size_t len, int64_t offset)
{
	return call4(CALL_PWRITE, disk, (long)buffer, (long)len, (long)offset);
}

static void probe_size(uint32_t sector)
{
	int64_t bytes = 0;
	uint32_t unit = 0;

	fact("disk.size", host_ioctl(disk, DISK_SIZE, &bytes));
	fact("disk.size_bytes", (long)bytes);
	fact("disk.sector", host_ioctl(disk, DISK_SECTOR, &unit));
	fact_is("disk.sector_bytes", unit == sector);
	fact("disk.lseek_end", call3(CALL_LSEEK, disk, 0, FROM_END));
	fact("disk.flush", host_ioctl(disk, DISK_FLUSH, NULL));
	fact_hex("disk.poll", (uint64_t)poll_now(disk, POLL_IN | POLL_OUT));
}

static void probe_transfers(uint32_t sector)
{
	fact_is("disk.read", read_at(sector, 0) == (long)sector);
	fact_is("disk.write", write_at(sector, 0) == (long)sector);
	fact("disk.read_less", read_at(100, 0));
	fact("disk.read_between", read_at(sector, 100));
	fact("disk.write_less", write_at(100, 0));
	fact("disk.read_at_end", read_at(sector, BYTES));
	fact("disk.read_past_end", read_at(sector, BYTES + sector));
	fact_is("disk.read_across_end_is_short", read_at(2 * sector, BYTES - sector) == (long)sector);
	fact("disk.write_at_end", write_at(sector, BYTES));
	fact("disk.write_past_end", write_at(sector, BYTES + sector));
	fact_is("disk.write_across_end_is_short",
		write_at(2 * sector, BYTES - sector) == (long)sector);
	fact("disk.fsync", call1(CALL_FSYNC, disk));
	fact("disk.fdatasync", call1(CALL_FDATASYNC, disk));
	fact("disk.ftruncate", call2(CALL_FTRUNCATE, disk, 0));
}

static void probe_locks(void)
{
	const long other = host_open(node_, HOST_BOTH);

	fact_is("disk.open_again", other >= 0);
	fact("disk.lock", call2(CALL_FLOCK, disk, LOCK_ALONE_NOW));
	fact("disk.lock_other", call2(CALL_FLOCK, other, LOCK_ALONE_NOW));
	fact("disk.lock_other_shared", call2(CALL_FLOCK, other, LOCK_SHARED_NOW));
	fact("disk.lock_again", call2(CALL_FLOCK, disk, LOCK_ALONE_NOW));
	fact("disk.unlock", call2(CALL_FLOCK, disk, UNLOCK));
	fact("disk.lock_other_then", call2(CALL_FLOCK, other, LOCK_SHARED_NOW));
	fact("disk.lock_both_shared", call2(CALL_FLOCK, disk, LOCK_SHARED_NOW));
	fact("disk.lock_upgrade", call2(CALL_FLOCK, disk, LOCK_ALONE_NOW));
	(void)host_close(other);
}

static void probe_detaching(void)
{
	fact("disk.detach_open", md(DISK_DETACH, 0, 0, 0));
	fact("disk.detach_forced", md(DISK_DETACH, 0, 0, OPTION_FORCE));
	fact("disk.gone_read", read_at(4096, 0));
	fact("disk.gone_write", write_at(4096, 0));
	(void)host_close(disk);
	fact("disk.gone_open", host_open(node_, HOST_BOTH));
}

/* The same twice: only the size of a sector differs. */
void probe_disks(void)
{
	for (uint32_t sector = 512; sector <= 4096; sector *= 8) {
		fact("disk.sector_of", (long)sector);
		fact("disk.attach", md(DISK_ATTACH, BYTES, sector, 0));
		disk = host_open(node_, HOST_BOTH);
		fact_is("disk.open", disk >= 0);
		probe_size(sector);
		probe_transfers(sector);
		probe_locks();
		probe_detaching();
	}
}
