/* SPDX-License-Identifier: ISC */
/*
 * debug_net.c: a guest that hangs: waits for a frame, without an end, and says how long each is that comes. Until a
 * debugger changes value; its exit status is 7 then.
 */
#include "debug.h"

static solo5_handle_t net;

void hang(void);

__attribute__((noinline)) void hang(void)
{
	static uint8_t frame[2048];
	solo5_handle_set_t ready = 0;
	size_t len;

	solo5_yield(UINT64_MAX, &ready);
	if (ready != UINT64_C(1) << net || solo5_net_read(net, frame, sizeof frame, &len) != SOLO5_R_OK) {
		say("a wait ended without a frame\n");
		return;
	}
	say("frame ");
	say_number(len);
	say("\n");
}

int solo5_app_main(const struct solo5_start_info *si)
{
	struct solo5_net_info info;

	(void)si;
	if (solo5_net_acquire("service0", &net, &info) != SOLO5_R_OK)
		return 1;
	say_address("value", &value);
	say("READY\n");
	while (value == 0)
		hang();
	return 7;
}
