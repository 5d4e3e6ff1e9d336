/* SPDX-License-Identifier: ISC */
/*
 * address.h: the hardware address and the MTU of a device, as the command line says them.
 */
#ifndef HUSK_NET_ADDRESS_H
#define HUSK_NET_ADDRESS_H

#include <stdint.h>

#include "error.h"
#include "options.h"

#define NET_MAC_SIZE 6u

/* Whether the value of --net-mac or --net-mtu is one. HUSK_E_USAGE. */
int net_check_mac(const char *value, struct husk_error *e);
int net_check_mtu(const char *value, struct husk_error *e);

/*
 * What --net-mac says of this device; a random address of its own if it says none, or only zeros;
 * where runs are to be alike, always the same one.
 * HUSK_E_USAGE, HUSK_E_HOST.
 */
int net_choose_mac(const struct settings *settings, const char *name, uint8_t mac[NET_MAC_SIZE],
		   struct husk_error *e);

/* What --net-mtu says of this device; 0: it has what its uplink has. HUSK_E_USAGE. */
int net_choose_mtu(const struct settings *settings, const char *name, unsigned *mtu,
		   struct husk_error *e);

#endif
