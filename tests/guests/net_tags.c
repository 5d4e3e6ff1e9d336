/* SPDX-License-Identifier: ISC */
/*
 * net_tags.c: sends every frame of the experimental type back, whatever tags are in front of that,
 * until one has no payload to speak of. What it may not send back ends it with status 2.
 */
#include "frame.h"
#include "guest.h"
#include "husk_abi.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define FRAME_MAX 2048u
#define TAG 4u

static uint8_t frame[FRAME_MAX];

/* Where the type is behind all tags. */
static size_t type_at(size_t len)
{
	size_t at = FRAME_HEADER - 2;

	while (at + TAG + 2 <= len && ((frame[at] == 0x81 && frame[at + 1] == 0) ||
				       (frame[at] == 0x88 && frame[at + 1] == 0xa8)))
		at += TAG;
	return at;
}

int solo5_app_main(const struct solo5_start_info *info)
{
	struct solo5_net_info net_info;
	solo5_handle_set_t ready;
	solo5_handle_t net;
	size_t len, at;

	(void)info;
	if (solo5_net_acquire("service0", &net, &net_info) != SOLO5_R_OK)
		return 1;
	say("READY\n");
	for (;;) {
		while (solo5_net_read(net, frame, sizeof frame, &len) != SOLO5_R_OK)
			solo5_yield(UINT64_MAX, &ready);
		at = type_at(len);
		if (frame[at] != 0x88 || frame[at + 1] != 0xb5)
			continue;
		if (len < FRAME_MIN)
			return succeed();
		memcpy(frame + 6, net_info.mac_address, SOLO5_NET_ALEN);
		if (solo5_net_write(net, frame, len) != SOLO5_R_OK)
			return 2;
	}
}
