/* SPDX-License-Identifier: ISC */
/* tap_identity_freebsd.c: finds out whether two names or descriptors mean the same interface. */
#include "tap_freebsd.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <net/if_tap.h>

#include "options.h"

/* The name of an interface, or the inode of anything else that has one. */
struct identity {
	struct ifreq name;
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
	if (ioctl((int)fd, TAPGIFNAME, &id->name) == 0)
		return true;
	if (fstat((int)fd, &st) == -1 || st.st_ino == 0)
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
	return true;
}

bool tap_same(const char *where, const char *other)
{
	struct identity a, b;

	return identify(where, &a) && identify(other, &b) &&
	       strcmp(a.name.ifr_name, b.name.ifr_name) == 0 && a.device == b.device &&
	       a.inode == b.inode;
}
