/* SPDX-License-Identifier: ISC */
/* address.c: reads --net-mac and --net-mtu, or makes a random address. */
#include "address.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "netdev.h"

#define MAC_GROUP 0x01u		/* IEEE 802 48.2: individual/group bit of the first byte */
#define MAC_LOCAL 0x02u		/* universally/locally administered bit */

/* One or two hexadecimal digits; NULL if there are none. */
static const char *parse_byte(const char *at, uint8_t *byte)
{
	char digits[3] = {isxdigit((unsigned char)at[0]) ? at[0] : '\0'};

	if (digits[0] != '\0' && isxdigit((unsigned char)at[1]))
		digits[1] = at[1];
	*byte = (uint8_t)strtoul(digits, NULL, 16);
	return digits[0] == '\0' ? NULL : at + strlen(digits);
}

/* Six bytes with colons between them, and nothing else. */
static int parse_mac(const char *text, uint8_t mac[NET_MAC_SIZE], struct husk_error *e)
{
	const char *at = text;

	for (unsigned i = 0; i < NET_MAC_SIZE && at != NULL; i++) {
		at = parse_byte(at, &mac[i]);
		if (at != NULL && *at++ != (i + 1 < NET_MAC_SIZE ? ':' : '\0'))
			at = NULL;
	}
	if (at == NULL)
		return husk_fail(e, HUSK_E_USAGE, "`%s' is not a MAC address such as "
				 "02:00:00:12:34:56", text);
	if ((mac[0] & MAC_GROUP) != 0)
		return husk_fail(e, HUSK_E_USAGE, "`%s' is a group address; a device's own has an "
				 "even first byte", text);
	return 0;
}

int net_check_mac(const char *value, struct husk_error *e)
{
	uint8_t mac[NET_MAC_SIZE];

	return parse_mac(value, mac, e);
}

static int parse_mtu(const char *value, unsigned long long *mtu, struct husk_error *e)
{
	return option_number(value, NETDEV_MTU_MIN, NETDEV_MTU_MAX, mtu, e);
}

int net_check_mtu(const char *value, struct husk_error *e)
{
	unsigned long long mtu;

	return parse_mtu(value, &mtu, e);
}

/* The same for the same name, in every run: FNV-1a, 64 bits. */
static void make_mac(const char *name, uint8_t mac[NET_MAC_SIZE])
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
	memcpy(mac, &hash, NET_MAC_SIZE);
	mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

int net_choose_mac(const struct settings *settings, const char *name, uint8_t mac[NET_MAC_SIZE],
		   struct husk_error *e)
{
	static const uint8_t zero[NET_MAC_SIZE];
	const struct setting *given = settings_find(settings, "net-mac", name);

	if (given != NULL && parse_mac(given->value, mac, e) == -1)
		return -1;
	if (given != NULL && memcmp(mac, zero, NET_MAC_SIZE) != 0)
		return 0;
	if (settings->steady) {
		make_mac(name, mac);
		return 0;
	}
	if (getrandom(mac, NET_MAC_SIZE, 0) != (ssize_t)NET_MAC_SIZE)
		return husk_fail_sys(e, errno, "random hardware address for %s", name);
	mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
	return 0;
}

int net_choose_mtu(const struct settings *settings, const char *name, unsigned *mtu,
		   struct husk_error *e)
{
	const struct setting *given = settings_find(settings, "net-mtu", name);
	unsigned long long value = 0;

	if (given != NULL && parse_mtu(given->value, &value, e) == -1)
		return -1;
	*mtu = (unsigned)value;
	return 0;
}
