/* link.h: what the kernel knows about a network interface, and tells without attaching to it. */
#ifndef HUSK_LINK_H
#define HUSK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_ADDRESS_SIZE 6u

enum link_type {
	LINK_OTHER,		/* no tun or tap */
	LINK_UNSAID,		/* one of both: the kernel does not say which (before Linux 4.17) */
	LINK_TUN,
	LINK_TAP,
};

#define LINK_ANYBODY UINT32_MAX	/* in place of an owner or group */

struct link_facts {
	uint8_t address[LINK_ADDRESS_SIZE];	/* hardware address; zeros: it has none */
	uint32_t mtu;
	bool carrier;		/* something is attached that has not said otherwise */
	enum link_type type;

	/* Of LINK_TUN and LINK_TAP. */
	uint8_t pi;		/* there is packet information in front of frames */
	uint32_t owner, group;	/* who may attach; LINK_ANYBODY */
	bool multi_queue;	/* it was made for several */
	uint32_t queues;	/* in use, of several */
};

/*
 * About the interface of this name, shorter than IFNAMSIZ, in the calling thread's network
 * namespace. False if there is none or the kernel cannot be asked; *facts is then undefined.
 */
bool link_learn(const char *name, struct link_facts *facts);

#endif
