/* descriptor.h: what kind of thing an inherited descriptor is. One file per host finds out. */
#ifndef HUSK_DESCRIPTOR_H
#define HUSK_DESCRIPTOR_H

enum descriptor_kind {
	DESCRIPTOR_TAP,
	DESCRIPTOR_TUN,
	DESCRIPTOR_NO_INTERFACE,	/* the device that makes taps, without one */
	DESCRIPTOR_DATAGRAMS,		/* a connected socket that keeps frames apart */
	DESCRIPTOR_STREAM,		/* one that does not */
	DESCRIPTOR_UNCONNECTED,
	DESCRIPTOR_LISTENING,
	DESCRIPTOR_SOCKET,		/* of another kind */
	DESCRIPTOR_PACKET_PIPE,		/* keeps frames apart */
	DESCRIPTOR_PIPE,
	DESCRIPTOR_FILE,
	DESCRIPTOR_DIRECTORY,
	DESCRIPTOR_DEVICE,		/* of another kind */
	DESCRIPTOR_OTHER,
	DESCRIPTOR_KINDS
};

/* Of an open descriptor. Changes nothing. */
enum descriptor_kind descriptor_kind(int fd);

/* The MTU of the interface that a socket is bound to; 0 if there is none. */
unsigned descriptor_mtu(int fd);

#endif
