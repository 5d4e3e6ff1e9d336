/* SPDX-License-Identifier: ISC */
/*
 * tap_host.h: a host that answers as told about its network interfaces, and whose calls may fail.
 *
 * A test that uses it names what is replaced, so that the makefile sees it: __wrap_socket
 * __wrap_ioctl __wrap_open __wrap_link_learn __wrap_netns_call __wrap_syscall
 * __wrap_geteuid __wrap_calloc.
 */
#ifndef TAP_HOST_H
#define TAP_HOST_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../../monitor/net/link.h"

#define TAP_HOST_USER 1234u

struct tap_host {
	unsigned seen, fail_at;	/* calls so far, and the one that fails */
	bool from_then_on;
	int socket_error, open_error, flags_error, attach_error, queue_error, get_error;
	short flags;		/* of the interface */
	int index, index_after;	/* before TUNSETIFF and after it; -1: there is none */
	int mtu, mtu_error;
	bool capable;		/* of making interfaces */

	/* By netlink. */
	bool known;		/* it says anything at all */
	struct link_facts facts;
	uint32_t queues_after;	/* at the second question and later */
	unsigned questions;

	/* Of the descriptor's interface. */
	short tun_flags;
	bool filtered;		/* there is a filter on it; without, the kernel sets IFF_NO_PI */
	unsigned short filter_len;	/* of the last one */
	unsigned filters;	/* how often one was attached */
	int filter_error;
	int vnet, vnet_error;
	const int *vnet_asked_at;
	bool elsewhere;		/* it is of another network namespace, */
	bool another;		/* this one has another of that name, */
	bool may_enter;		/* and the other may be entered */
	bool entered;

	unsigned attached;	/* how often TUNSETIFF was asked, and with what the last time */
	struct ifreq asked;
	const struct ifreq *asked_at;
	bool read_only;		/* the answer cannot be written there */
	unsigned offloads;	/* how often offloading was switched off */
	unsigned opens, sockets;
};

extern struct tap_host tap_host;

/* One tap, tap0, of everybody's, which is up, persistent and has an MTU of 1400. */
void tap_host_reset(void);

/* How many descriptors below 64 are open. */
int tap_host_descriptors(void);

#endif
