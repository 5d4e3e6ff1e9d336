/* SPDX-License-Identifier: ISC */
/* floor_net.c: the least that frames can cost with one exit each: one system call, no checks. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_tun.h>

#include "floor.h"
#include "floor_net.h"

int floor_net_open(const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		floor_die("/dev/net/tun");
	strncpy(ifr.ifr_name, name, sizeof ifr.ifr_name - 1);
	floor_ioctl(fd, TUNSETIFF, &ifr, name);
	return fd;
}

void floor_net_write(struct floor *f, uint32_t gpa)
{
	struct hvt_net *n = (struct hvt_net *)(void *)(f->mem + gpa);

	n->ret = HVT_OK;
	if (write(f->net, f->mem + n->data, n->len) < 0)
		floor_die("--net: write");
}

void floor_net_read(struct floor *f, uint32_t gpa)
{
	struct hvt_net *n = (struct hvt_net *)(void *)(f->mem + gpa);
	ssize_t len = read(f->net, f->mem + n->data, n->len);

	if (len < 0 && errno != EAGAIN)
		floor_die("--net: read");
	n->ret = len < 0 ? HVT_AGAIN : HVT_OK;
	n->len = len < 0 ? 0 : (uint64_t)len;
}
