/* SPDX-License-Identifier: ISC */
/*
 * guest_net.c: bursts of frames, for net.c at the other end:
 *
 *   receive SIZE BURST ROUNDS   says hello, then answers each BURST frames with one
 *   send SIZE BURST ROUNDS      sends BURST frames, then waits for an answer
 *   answer SIZE BURST ROUNDS    says hello, then answers each frame of each BURST with one
 *
 * It waits by yielding, and reads until there is nothing more. Followed by "idle", it then yields
 * for ever; without any command it ends at once. The floor's is floor_net_guest.c.
 */
#include "../guests/guest.h"
#include "husk_abi.h"
#include "net.h"
#include "solo5.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define FOREVER (~(solo5_time_t)0)

static solo5_handle_t net;
static unsigned char out[NET_SIZE_MAX];
static unsigned char in[NET_MTU + SOLO5_NET_HLEN] __attribute__((aligned(64)));

static void send_burst(unsigned long size, unsigned long burst)
{
	out[NET_MARK_AT] = 0;
	for (unsigned long i = 1; i <= burst; i++) {
		out[NET_MARK_AT] = i == burst;
		if (solo5_net_write(net, out, size) != SOLO5_R_OK)
			solo5_exit(2);
	}
}

/* All that is there; how many were ours. */
static unsigned long drain(void)
{
	unsigned long n = 0;
	size_t size;

	while (solo5_net_read(net, in, sizeof in, &size) == SOLO5_R_OK)
		n += in[NET_TYPE_AT] == NET_TYPE >> 8 &&
		     in[NET_TYPE_AT + 1] == (NET_TYPE & 0xff);
	return n;
}

static void receive(unsigned long n)
{
	unsigned long got = 0;

	while (got < n) {
		solo5_yield(FOREVER, NULL);
		got += drain();
	}
}

/* Each frame as soon as it is there; the last says that it is. */
static void answer(unsigned long size, unsigned long n)
{
	unsigned long got = 0;
	size_t in_size;

	while (got < n) {
		solo5_yield(FOREVER, NULL);
		while (got < n &&
		       solo5_net_read(net, in, sizeof in, &in_size) == SOLO5_R_OK) {
			if (in[NET_TYPE_AT] != NET_TYPE >> 8 ||
			    in[NET_TYPE_AT + 1] != (NET_TYPE & 0xff))
				continue;
			out[NET_MARK_AT] = ++got == n;
			if (solo5_net_write(net, out, size) != SOLO5_R_OK)
				solo5_exit(2);
		}
	}
}

static void fill(const struct solo5_net_info *info)
{
	for (unsigned i = 0; i < SOLO5_NET_ALEN; i++) {
		out[i] = 0xff;
		out[SOLO5_NET_ALEN + i] = info->mac_address[i];
	}
	out[NET_TYPE_AT] = NET_TYPE >> 8;
	out[NET_TYPE_AT + 1] = NET_TYPE & 0xff;
}

static int answers(const char **args)
{
	unsigned long size = take_number(args), burst = take_number(args);
	unsigned long rounds = take_number(args);

	if (size < NET_SIZE_MIN || size > NET_SIZE_MAX)
		return SOLO5_EXIT_FAILURE;
	send_burst(size, 1);
	for (; rounds > 0; rounds--)
		answer(size, burst);
	return SOLO5_EXIT_SUCCESS;
}

static int bursts(const char **args, bool sending)
{
	unsigned long size = take_number(args), burst = take_number(args);
	unsigned long rounds = take_number(args);

	if (size < NET_SIZE_MIN || size > NET_SIZE_MAX)
		return SOLO5_EXIT_FAILURE;
	if (!sending)
		send_burst(size, 1);
	for (; rounds > 0; rounds--) {
		if (sending)
			send_burst(size, burst);
		receive(sending ? 1 : burst);
		if (!sending)
			send_burst(size, 1);
	}
	return SOLO5_EXIT_SUCCESS;
}

int solo5_app_main(const struct solo5_start_info *info)
{
	const char *args = info->cmdline;
	struct solo5_net_info net_info;
	int status = SOLO5_EXIT_SUCCESS;

	if (solo5_net_acquire("net", &net, &net_info) != SOLO5_R_OK)
		return SOLO5_EXIT_FAILURE;
	fill(&net_info);
	if (take_word(&args, "receive"))
		status = bursts(&args, false);
	else if (take_word(&args, "send"))
		status = bursts(&args, true);
	else if (take_word(&args, "answer"))
		status = answers(&args);
	if (take_word(&args, "idle") && status == SOLO5_EXIT_SUCCESS)
		for (;;)
			solo5_yield(FOREVER, NULL);
	return *args == '\0' ? status : SOLO5_EXIT_FAILURE;
}
