/*
 * tap.h: a host network interface from which whole Ethernet frames are read and written.
 *
 * One file per host implements it. Used by one thread at a time. A frame is without FCS and
 * without any header of the tap's own: those are stripped here.
 */
#ifndef HUSK_TAP_H
#define HUSK_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "error.h"

#define TAP_NAME_SIZE 16	/* IFNAMSIZ, with its NUL */
#define TAP_MTU_DEFAULT 1500u
#define TAP_PREFIX_MAX 64u

struct tap {
	int fd;			/* owned; -1 when closed */
	bool inherited;		/* attached by descriptor: cannot be attached again */
	char name[TAP_NAME_SIZE];	/* "" if the descriptor has none */
	unsigned mtu;		/* without the Ethernet header */
	unsigned prefix;	/* bytes of the tap's own in front of each frame */
};

/*
 * Attaches to where: an interface that exists and is up, or @N for an inherited descriptor (which
 * is duplicated and made non-blocking). No capability is needed where the interface belongs to
 * the user. HUSK_E_HOST, HUSK_E_USAGE, with the remedy; on failure *t is as after tap_close.
 */
int tap_open(struct tap *t, const char *where, struct husk_error *e);

/*
 * Whether two of what tap_open takes lead to the same interface or connection; false if either
 * cannot be found out.
 */
bool tap_same(const char *where, const char *other);

/* Accepts a closed tap. */
void tap_close(struct tap *t);

/*
 * After the interface has vanished: attaches to one of the same name. Returns 0, or -1 if it
 * is not (yet) back or was attached by descriptor. Keeps mtu.
 */
int tap_reattach(struct tap *t);

enum tap_result {
	TAP_OK,
	TAP_AGAIN,	/* nothing to read; no room to write */
	TAP_TOO_LONG,	/* the frame read does not fit and is lost */
	TAP_NO_FRAME,	/* what was read is none, and is lost */
	TAP_DOWN,	/* the interface refuses for now: it is down, or out of memory */
	TAP_GONE,	/* the interface no longer exists */
	TAP_ERROR,	/* the frame was refused */
};

/* Reads one frame into buffer; *len is its length. Never blocks; one system call for a frame. */
enum tap_result tap_read(const struct tap *t, struct iovec buffer, size_t *len);

/* Writes one frame. Never blocks; one system call. */
enum tap_result tap_write(const struct tap *t, struct iovec frame);

#endif
