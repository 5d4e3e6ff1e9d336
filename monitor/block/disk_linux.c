/* disk_linux.c: how large a block device is, without touching where its readers are. */
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "disk.h"

int disk_device_size(int fd, uint64_t *bytes)
{
	return ioctl(fd, BLKGETSIZE64, bytes);
}
