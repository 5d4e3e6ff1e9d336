/* SPDX-License-Identifier: ISC */
/* rules_vhost_linux.c: requests to vhost, for the sandbox: of queues that come and go. */
#include <linux/vhost.h>

#include "sandbox_rules.h"

#define REQUEST(which, request) \
	{.call = "ioctl", .checks = {INT_FROM(0, which), INT_IS(1, request)}}
#define REQUESTS(which) \
	REQUEST(which, VHOST_SET_VRING_NUM), REQUEST(which, VHOST_SET_VRING_ADDR), \
	REQUEST(which, VHOST_SET_VRING_BASE), REQUEST(which, VHOST_GET_VRING_BASE), \
	REQUEST(which, VHOST_NET_SET_BACKEND), REQUEST(which, VHOST_RESET_OWNER)

static const struct rule list[] = {
	REQUESTS(SANDBOX_VHOST), REQUESTS(SANDBOX_VHOST_2), REQUESTS(SANDBOX_VHOST_3),
	REQUESTS(SANDBOX_VHOST_4),
};

extern const struct rules rules_vhost;
const struct rules rules_vhost = {"vhost", list, sizeof list / sizeof list[0], SANDBOX_VHOSTS};
