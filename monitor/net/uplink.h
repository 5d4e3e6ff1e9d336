/*
 * uplink.h: what a network device is attached to on the host: whole Ethernet frames, in and out.
 *
 * A kind of uplink is a const table of functions. Used by one thread at a time. A frame is without
 * FCS and without any header of the uplink's own: those are stripped and added by it.
 */
#ifndef HUSK_UPLINK_H
#define HUSK_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "error.h"

#define UPLINK_MTU_DEFAULT 1500u	/* where there is nothing to ask */

struct uplink;

enum uplink_result {
	UPLINK_OK,
	UPLINK_AGAIN,		/* nothing to read; no room to write */
	UPLINK_TOO_LONG,	/* the frame read does not fit and is lost */
	UPLINK_NO_FRAME,	/* what was read is none, and is lost */
	UPLINK_DOWN,		/* it refuses for now: it is down, or out of memory */
	UPLINK_GONE,		/* it no longer exists: reattach may bring it back */
	UPLINK_ERROR,		/* the frame was refused */
};

struct uplink_ops {
	/* Reads one frame into buffer; *len is its length. Never blocks. */
	enum uplink_result (*read)(struct uplink *u, struct iovec buffer, size_t *len);

	/* Writes one frame. Never blocks. */
	enum uplink_result (*write)(struct uplink *u, struct iovec frame);

	/*
	 * After UPLINK_GONE: 0 once it is there again, or -1. May change fd, and keeps mtu. NULL:
	 * what is gone stays so.
	 */
	int (*reattach)(struct uplink *u);

	/* Gives back everything, u itself included. */
	void (*close)(struct uplink *u);
};

/* The head of every kind of uplink, which is allocated by its opener. */
struct uplink {
	const struct uplink_ops *ops;
	int fd;			/* to wait on: readable when there may be something to read */
	unsigned mtu;		/* without the Ethernet header */
};

/*
 * Opens where, as the option --net has it: the name of an interface, or @N for an inherited
 * descriptor. HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then NULL.
 */
int uplink_open(struct uplink **u, const char *where, struct husk_error *e);

/* Accepts NULL. */
void uplink_close(struct uplink *u);

/*
 * Whether two of what uplink_open takes lead to the same interface or connection; false if either
 * cannot be found out.
 */
bool uplink_same(const char *where, const char *other);

#endif
