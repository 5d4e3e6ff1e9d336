/*
 * tap.h: a tap interface of the host as an uplink.
 *
 * Each host has files of its own for it: attaching by name, adopting an inherited descriptor,
 * finding out which interface is meant, and frames.
 */
#ifndef HUSK_TAP_H
#define HUSK_TAP_H

#include "uplink.h"

#define TAP_NAME_SIZE 16	/* IFNAMSIZ, with its NUL */
#define TAP_PREFIX_MAX 64u

struct tap {
	struct uplink uplink;
	char name[TAP_NAME_SIZE];	/* "" if the descriptor has none */
	unsigned prefix;	/* bytes of the tap's own in front of each frame */
};

/*
 * Attaches to an interface that exists and is up. No capability is needed where it belongs to the
 * user. HUSK_E_HOST, with the remedy; *u is then untouched.
 */
int tap_attach(struct uplink **u, const char *name, struct husk_error *e);

/*
 * Duplicates the inherited descriptor of where, which is @N, and makes it non-blocking: a tap, or
 * something else that carries frames. HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then
 * untouched.
 */
int tap_adopt(struct uplink **u, const char *where, struct husk_error *e);

/* As uplink_same, of names and descriptors. */
bool tap_same(const char *where, const char *other);

#endif
