/* SPDX-License-Identifier: ISC */
/* descriptor.h: the kind of an inherited descriptor. One file per host implements it. */
#ifndef HUSK_DESCRIPTOR_H
#define HUSK_DESCRIPTOR_H

#include <stdbool.h>

enum descriptor_kind {
	DESCRIPTOR_TAP,
	DESCRIPTOR_TUN,
	DESCRIPTOR_NO_INTERFACE,	/* /dev/net/tun, not attached */
	DESCRIPTOR_DATAGRAMS,		/* a connected socket with message boundaries */
	DESCRIPTOR_STREAM,		/* a connected socket without them */
	DESCRIPTOR_UNCONNECTED,
	DESCRIPTOR_LISTENING,
	DESCRIPTOR_SOCKET,		/* of another kind */
	DESCRIPTOR_PACKET_PIPE,		/* a pipe with them, O_DIRECT */
	DESCRIPTOR_PIPE,
	DESCRIPTOR_FILE,
	DESCRIPTOR_DIRECTORY,
	DESCRIPTOR_DEVICE,		/* of another kind */
	DESCRIPTOR_OTHER,
	DESCRIPTOR_KINDS
};

/* fd is open. Changes nothing. */
enum descriptor_kind descriptor_kind(int fd);

/* What to give instead of a pipe that keeps no frames apart. */
extern const char descriptor_pipe_hint[];

/*
 * Whether a socket of SOCK_SEQPACKET keeps apart only what its sender ends with MSG_EOR, and a read
 * that is too short leaves the rest for the next.
 */
bool descriptor_records_are_marked(void);

/* The MTU of the interface that a socket is bound to; 0 if there is none. */
unsigned descriptor_mtu(int fd);

#endif
