/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of block devices, for the sandbox. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>

#include "sandbox_rules.h"

static const struct rule list[] = {
	{.call = "pread64"},
	{.call = "pwrite64"},
	{.call = "pwritev2"},		/* disk_host_writev, disk_host_write_in_place */
	{.call = "fcntl", .checks = {INT_IS(1, F_GETFL)}},	/* where it is not supported */

	/* requests of queues */
	{.call = "preadv2"},		/* disk_host_readv */
	{.call = "fadvise64", .checks = {INT_IS(3, POSIX_FADV_WILLNEED)}},
	{.call = "fdatasync"},
	{.call = "fallocate", .checks = {INT_IS(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)}},
	{.call = "fallocate", .checks = {INT_IS(1, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)}},
	{.call = "ioctl", .checks = {INT_IS(1, BLKDISCARD)}},
	{.call = "ioctl", .checks = {INT_IS(1, BLKZEROOUT)}},

	/* the end */
	{.call = "flock", .checks = {INT_IS(1, LOCK_UN)}},
};

extern const struct rules rules_block;
const struct rules rules_block = {"block", list, sizeof list / sizeof list[0], SANDBOX_DISKS};
