/* SPDX-License-Identifier: ISC */
/*
 * uplink.h: what a network device is attached to on the host: whole Ethernet frames, in and out.
 *
 * A kind of uplink is a const table of functions. Used by one thread at a time. Frames are passed
 * without FCS and without headers of the uplink's own, which it strips and adds.
 */
#ifndef HUSK_UPLINK_H
#define HUSK_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "../../include/net_abi.h"
#include "error.h"
#include "sandbox.h"
#include "sealed.h"

#define UPLINK_HEADER 14u		/* Ethernet: two addresses and an EtherType */
#define UPLINK_TAGS 8u			/* IEEE 802.1ad: two tags of 4 bytes in front of that type */

#define UPLINK_PARTS 256u

struct uplink;
struct given_net;

enum uplink_result {
	UPLINK_OK,
	UPLINK_AGAIN,		/* nothing to read; no room to write */
	UPLINK_TOO_LONG,	/* the frame read does not fit and is lost */
	UPLINK_NO_FRAME,	/* what was read is no frame, and is lost */
	UPLINK_DOWN,		/* it refuses for now: it is down, or out of memory */
	UPLINK_GONE,		/* it no longer exists: reattach may bring it back */
	UPLINK_ERROR,		/* the frame was refused */
};

struct uplink_ops {
	/* Reads one frame into buffer; *len is its length. Never blocks. */
	enum uplink_result (*read)(struct uplink *u, struct iovec buffer, size_t *len);

	/* Writes one frame. Never blocks. */
	enum uplink_result (*write)(struct uplink *u, struct iovec frame);

	/* Whether a read may succeed although fd is not readable. NULL: no. */
	bool (*buffered)(const struct uplink *u);

	/*
	 * The same for a frame in n parts, at most UPLINK_PARTS, with its header, whose num_buffers is
	 * 0. NULL: this kind has none; and none may be called where header is 0.
	 */
	enum uplink_result (*read_parts)(struct uplink *u, struct net_header *h,
					 const struct iovec *parts, unsigned n, size_t *len);
	enum uplink_result (*write_parts)(struct uplink *u, const struct net_header *h,
					  const struct iovec *parts, unsigned n);

	/*
	 * From now on frames may have what is in this set (enum net_offload), and nothing else; returns
	 * what of it is possible, and was set. NULL: nothing ever is.
	 */
	uint64_t (*offload)(struct uplink *u, uint64_t wanted);

	/*
	 * After UPLINK_GONE: 0 if the uplink works again, else -1. May change fd. NULL: this kind
	 * cannot come back.
	 */
	int (*reattach)(struct uplink *u);

	/*
	 * The sandbox is about to be closed (module.h): names what u needs from now on. NULL: fd is
	 * all.
	 */
	void (*confine)(struct uplink *u, struct sandbox *s);

	/*
	 * Has fd carry 12 bytes of virtio header in front of each frame, and nothing else, until u is
	 * closed; 0 if it does then, else -1. NULL: this kind has none. Before uplink_confine.
	 */
	int (*carry_header)(struct uplink *u);

	/*
	 * Bytes of virtio header that fd carries in front of each frame; -1: not that alone, or not only
	 * that. NULL: fd is no tap, and vhost cannot use it.
	 */
	int (*vhost_header)(const struct uplink *u);

	/* Frees everything, u included, and undoes what opening has changed. */
	void (*close)(struct uplink *u);
};

/* The first member of every kind of uplink; its opener allocates it. */
struct uplink {
	const struct uplink_ops *ops;
	int fd;			/* to wait on: readable when a read may succeed; -1: none */
	unsigned mtu;		/* its own, without the Ethernet header; 0: it has none */
	unsigned mtu_max;	/* that the device may be given; 0: no limit */
	bool privileged;	/* reattach may need CAP_NET_ADMIN, which is there */
	bool mtu_hidden;	/* it has one of its own, which cannot be found out */
	bool tap;		/* of Linux, which vhost can use; also where it is only looked at */
	unsigned header;	/* bytes of virtio header that fd carries in front of a frame; 0: none */
};

struct uplink_request {
	/*
	 * The value of --net: the name of an interface, @N or stream:@N for an inherited
	 * descriptor, @IN,@OUT for two, unix:PATH.
	 */
	const char *where;

	/*
	 * Only finds out whether it can be opened, and changes nothing on the host; the uplink then
	 * carries no frames.
	 */
	bool look;

	bool header;		/* it may have to carry a virtio header: one attached by name then does */

	const struct given_net *given;	/* the program itself, in place of where; NULL: not so */

	struct sealed *sealed;	/* for what reattach needs; must outlive the uplink */
};

/*
 * HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then NULL. A descriptor is duplicated, and its
 * status flags are left as they are.
 */
int uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/* What u needs of privileges from now on. */
void uplink_limit(const struct uplink *u, struct sandbox *s);

/* What u needs once the sandbox is closed. */
void uplink_confine(struct uplink *u, struct sandbox *s);

/* Accepts NULL. */
void uplink_close(struct uplink *u);

/*
 * Whether two values of where mean the same interface or connection; false if that cannot be found
 * out.
 */
bool uplink_same(const char *where, const char *other);

/* ---- for the kinds ---- */

/*
 * A zeroed uplink of size bytes with its head filled in, without a descriptor. NULL: HUSK_E_HOST.
 */
void *uplink_new(size_t size, const struct uplink_ops *ops, struct husk_error *e);

/* Closes the descriptor and frees u: all that most kinds need. */
void uplink_free(struct uplink *u);

/* For look: closes the descriptor; u carries no frames from now on. */
void uplink_look_only(struct uplink *u);

#endif
