/* SPDX-License-Identifier: ISC */
/* tap_identity_linux.c: finds out whether two names or descriptors mean the same interface. */
#include "tap_linux.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "link.h"
#include "options.h"

int tap_ask(int control, struct ifreq *ifr, const char *name, unsigned long request)
{
	*ifr = (struct ifreq){0};
	snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", name);
	return ioctl(control, request, ifr);
}

int tap_ask_once(struct ifreq *ifr, const char *name, unsigned long request)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, saved;

	rc = fd == -1 ? -1 : tap_ask(fd, ifr, name, request);
	saved = errno;
	if (fd != -1)
		close(fd);
	errno = saved;
	return rc;
}

/*
 * What identifies an uplink: name and address of an interface, however it was opened; the inode of
 * anything else.
 */
struct identity {
	struct ifreq name, address;
	dev_t device;
	ino_t inode;
};

static bool identify_descriptor(const char *number, struct identity *id)
{
	struct husk_error ignored;
	unsigned long long fd;
	struct stat st;

	if (option_number(number, 0, INT_MAX, &fd, &ignored) == -1)
		return false;
	if (ioctl((int)fd, TUNGETIFF, &id->name) == 0)
		return ioctl((int)fd, SIOCGIFHWADDR, &id->address) == 0;
	if (fstat((int)fd, &st) == -1)
		return false;
	id->name = (struct ifreq){0};
	id->device = st.st_dev;
	id->inode = st.st_ino;
	return true;
}

static bool identify(const char *where, struct identity *id)
{
	*id = (struct identity){0};
	if (where[0] == '@')
		return identify_descriptor(where + 1, id);
	snprintf(id->name.ifr_name, sizeof id->name.ifr_name, "%s", where);
	return tap_ask_once(&id->address, where, SIOCGIFHWADDR) == 0;
}

bool tap_same(const char *where, const char *other)
{
	struct identity a, b;

	if (!identify(where, &a) || !identify(other, &b))
		return false;
	return strcmp(a.name.ifr_name, b.name.ifr_name) == 0 &&
	       memcmp(a.address.ifr_hwaddr.sa_data, b.address.ifr_hwaddr.sa_data,
		      LINK_ADDRESS_SIZE) == 0 &&
	       a.device == b.device && a.inode == b.inode;
}
