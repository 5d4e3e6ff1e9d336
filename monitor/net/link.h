/* SPDX-License-Identifier: ISC */
/* link.h: properties of a network interface, read without attaching to it. */
#ifndef HUSK_LINK_H
#define HUSK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_ADDRESS_SIZE 6u

enum link_type {
	LINK_OTHER,		/* neither tun nor tap */
	LINK_TUN_OR_TAP,	/* tun or tap; Linux before 4.17 does not tell which */
	LINK_TUN,
	LINK_TAP,
};

#define LINK_ANYONE UINT32_MAX	/* as owner or group: no restriction */

struct link_facts {
	uint8_t address[LINK_ADDRESS_SIZE];	/* hardware address; zeros: it has none */
	uint32_t mtu;
	bool carrier;		/* a process is attached and has not switched it off */
	enum link_type type;

	/* Of LINK_TUN and LINK_TAP. */
	uint8_t pi;		/* frames have packet information in front */
	uint32_t owner, group;	/* who may attach; LINK_ANYONE */
	bool multi_queue;	/* it was created with multi_queue */
	uint32_t queues;	/* attached, if multi_queue */
};

/*
 * About the interface of this name, shorter than IFNAMSIZ, in the calling thread's network
 * namespace. False if there is none or the kernel cannot be asked; *facts is then undefined.
 */
bool link_learn(const char *name, struct link_facts *facts);

#endif
