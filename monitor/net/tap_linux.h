/* tap_linux.h: what the files about taps of Linux share. */
#ifndef HUSK_TAP_LINUX_H
#define HUSK_TAP_LINUX_H

#include <net/if.h>
#include <stdbool.h>

#include "link.h"
#include "tap.h"

#define TAP_DEVICE "/dev/net/tun"
#define TAP_ADDRESS_SIZE (sizeof ((struct link_facts *)0)->address)

/* Asks about an interface by name: an ioctl on a socket of its own. Returns as ioctl does. */
int tap_ask(struct ifreq *ifr, const char *name, unsigned long request);

/* The MTU of the interface, or UPLINK_MTU_DEFAULT. */
unsigned tap_mtu(const char *name);

/* Frames must come as they go over a wire: not too long, and with their checksums. */
void tap_refuse_offloads(int fd);

/* HUSK_E_HOST: why the interface cannot be attached, with the remedy. Returns -1. */
int tap_attach_failed(const char *name, int sys, struct husk_error *e);

/* A closed tap of that kind, or NULL. HUSK_E_HOST. */
struct tap *tap_new(const struct uplink_ops *ops, struct husk_error *e);

/* For tables of functions. */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len);
enum uplink_result tap_write(struct uplink *u, struct iovec frame);
void tap_close(struct uplink *u);

#endif
