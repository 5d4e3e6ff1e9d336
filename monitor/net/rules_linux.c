/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of network devices, for the sandbox. */
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "sandbox_rules.h"

#define TAP_OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

static const struct rule list[] = {
	/* frames */
	{.call = "readv"},
	{.call = "writev"},
	{.call = "preadv2"},
	{.call = "pwritev2"},
	{.call = "recvfrom", .checks = {NULL_IS(4)}},
	{.call = "recvmsg"},
	{.call = "sendmsg"},
	{.call = "sendto", .checks = {NULL_IS(4)}},

	/* a tap that was deleted and made anew: tap_name_linux.c */
	{.call = "ioctl", .checks = {INT_IS(1, TUNSETIFF), ADDRESS_IN(2, SANDBOX_SEALED)}},
	{.call = "ioctl", .checks = {INT_IS(1, TUNSETIFF), ADDRESS_IN(2, SANDBOX_SEALED_2)}},
	{.call = "ioctl", .checks = {INT_FROM(1, SANDBOX_HEADER), ADDRESS_IN(2, SANDBOX_SEALED)}},
	{.call = "ioctl", .checks = {INT_FROM(1, SANDBOX_HEADER), ADDRESS_IN(2, SANDBOX_SEALED_2)}},
	{.call = "ioctl", .checks = {INT_FROM(1, SANDBOX_OFFLOADS), {2, ~(uint64_t)TAP_OFFLOADS, 0, 0}}},
	{.call = "ioctl", .checks = {INT_FROM(1, SANDBOX_ASK_INDEX)}},
	{.call = "ioctl", .checks = {INT_FROM(1, SANDBOX_ASK_TAP)}},

	/* a connection that was closed: stream.c */
	{.call = "socket", .checks = {
		INT_FROM(0, SANDBOX_FAMILY), INT_IS(1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC),
		INT_IS(2, 0),
	}},
	{.call = "connect", .checks = {ADDRESS_IN(1, SANDBOX_SEALED)}},
	{.call = "connect", .checks = {ADDRESS_IN(1, SANDBOX_SEALED_2)}},
};

extern const struct rules rules_net;
const struct rules rules_net = {"net", list, sizeof list / sizeof list[0], SANDBOX_FRAMES};
