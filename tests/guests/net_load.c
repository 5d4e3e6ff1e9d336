/* SPDX-License-Identifier: ISC */
/*
 * net_load.c: numbered frames, as many as the command line says, one command after the other:
 *
 *   echo N BURST   takes N frames and sends each back, up to BURST at a time
 *   take N         takes N frames
 *   send N BURST   sends N frames, and looks for input after each BURST
 *   flood BURST    the same without end, says a dot for each DOT of them, and ends with a frame that comes
 *
 * Frames that are not in order or damaged end it with status 2 or 3.
 */
#include "frame.h"
#include "guest.h"
#include "husk_abi.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define BURST_MAX 256u
#define DOT 1024u
#define FOREVER UINT64_MAX

static solo5_handle_t net;
static struct solo5_net_info info;
static uint64_t expected;	/* number of the next frame */

static struct frame *frames[BURST_MAX];
static size_t sizes[BURST_MAX];

static void make_room(uint8_t *heap)
{
	size_t size = (sizeof(struct frame) + info.mtu + 64) & ~(size_t)63;

	for (unsigned i = 0; i < BURST_MAX; i++)
		frames[i] = (struct frame *)(heap + i * size);
}

/* One frame of ours into place i; whether there was one. */
static bool take(unsigned i)
{
	struct frame *f = frames[i];

	do
		if (solo5_net_read(net, f->to, info.mtu + SOLO5_NET_HLEN, &sizes[i]) != SOLO5_R_OK)
			return false;
	while (f->type != FRAME_TYPE);
	if (f->words[0] != expected || sizes[i] != frame_size(expected, info.mtu + FRAME_HEADER))
		solo5_exit(2);
	if (!frame_good(f, expected, sizes[i]))
		solo5_exit(3);
	expected++;
	return true;
}

static void send(unsigned i)
{
	memcpy(frames[i]->from, info.mac_address, SOLO5_NET_ALEN);
	if (solo5_net_write(net, frames[i]->to, sizes[i]) != SOLO5_R_OK)
		solo5_exit(4);
}

static void echo(uint64_t n, unsigned burst)
{
	unsigned got;

	while (n > 0) {
		for (got = 0; got < burst && got < n && take(got); got++)
			memcpy(frames[got]->to, frames[got]->from, SOLO5_NET_ALEN);
		for (unsigned i = 0; i < got; i++)
			send(i);
		if (got == 0)
			solo5_yield(FOREVER, NULL);
		n -= got;
	}
}

static void take_all(uint64_t n)
{
	while (n > 0)
		if (take(0))
			n--;
		else
			solo5_yield(FOREVER, NULL);
}

static void send_all(uint64_t n, unsigned burst)
{
	memset(frames[0]->to, 0xff, SOLO5_NET_ALEN);
	for (uint64_t i = 0; i < n; i++) {
		sizes[0] = frame_size(i, info.mtu + FRAME_HEADER);
		frame_fill(frames[0], i, sizes[0]);
		send(0);
		if (i % burst == burst - 1)
			solo5_yield(0, NULL);
	}
}

/* Whether a frame has come, of whatever number. */
static bool heard(void)
{
	struct frame *f = frames[1];

	while (solo5_net_read(net, f->to, info.mtu + SOLO5_NET_HLEN, &sizes[1]) == SOLO5_R_OK)
		if (f->type == FRAME_TYPE)
			return true;
	return false;
}

static void flood(uint64_t burst)
{
	memset(frames[0]->to, 0xff, SOLO5_NET_ALEN);
	for (uint64_t i = 1;; i++) {
		sizes[0] = frame_size(i, info.mtu + FRAME_HEADER);
		frame_fill(frames[0], i, sizes[0]);
		send(0);
		if (i % DOT == 0)
			say(".");
		if (i % burst != 0)
			continue;
		solo5_yield(0, NULL);
		if (heard())
			return;
	}
}

static unsigned take_burst(const char **args)
{
	uint64_t n = take_number(args);

	return n < 1 ? 1 : n > BURST_MAX ? BURST_MAX : (unsigned)n;
}

static bool obey(const char **args)
{
	uint64_t n;

	if (take_word(args, "echo")) {
		n = take_number(args);
		echo(n, take_burst(args));
	} else if (take_word(args, "take")) {
		take_all(take_number(args));
	} else if (take_word(args, "send")) {
		n = take_number(args);
		send_all(n, take_burst(args));
	} else if (take_word(args, "flood")) {
		n = take_number(args);
		flood(n > 0 ? n : 1);
	} else {
		return false;
	}
	return true;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;

	if (solo5_net_acquire("service0", &net, &info) != SOLO5_R_OK)
		return 1;
	make_room((uint8_t *)si->heap_start);
	say("READY\n");
	while (*args != '\0')
		if (!obey(&args))
			return 97;
	return succeed();
}
