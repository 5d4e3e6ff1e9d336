/* SPDX-License-Identifier: ISC */
/*
 * net_many.c: waits on 63 network devices, service0 and up, one command after the other:
 *
 *   all          waits until each has a frame; then there is one on each, and no more
 *   none MS      nothing becomes ready for so many milliseconds
 *   first N      reads one frame each time that a device is ready, until the first N all had one
 *   sleep MS     ten waits of so long: prints by how many us they were late, least and most
 *
 * Exits with 20 if a device is ready and has no frame, with 3x if a command fails.
 */
#include "guest.h"
#include "husk_abi.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define DEVICES 63u
#define FRAME_MAX (SOLO5_NET_HLEN + 65535u)
#define FOREVER UINT64_MAX
#define MS UINT64_C(1000000)
#define SLEEPS 10

static uint8_t buffer[FRAME_MAX];
static solo5_handle_t handles[DEVICES];
static uint64_t frames[DEVICES];

static bool take(unsigned device)
{
	size_t size;

	if (solo5_net_read(handles[device], buffer, sizeof buffer, &size) != SOLO5_R_OK)
		return false;
	frames[device]++;
	return true;
}

static solo5_handle_set_t everything(void)
{
	solo5_handle_set_t set = 0;

	for (unsigned i = 0; i < DEVICES; i++)
		set |= UINT64_C(1) << handles[i];
	return set;
}

static int all(void)
{
	solo5_handle_set_t ready;

	do
		solo5_yield(FOREVER, &ready);
	while (ready != everything());
	for (unsigned i = 0; i < DEVICES; i++)
		if (!take(i))
			return 20;
	solo5_yield(0, &ready);
	for (unsigned i = 0; i < DEVICES; i++)
		if (take(i))
			return 30;
	return ready == 0 ? 0 : 31;
}

static int none(uint64_t ms)
{
	solo5_handle_set_t ready;

	solo5_yield(solo5_clock_monotonic() + ms * MS, &ready);
	for (unsigned i = 0; i < DEVICES; i++)
		if (take(i))
			return 32;
	return ready == 0 ? 0 : 33;
}

static bool each_had_one(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (frames[i] == 0)
			return false;
	return true;
}

static int first(unsigned n)
{
	solo5_handle_set_t ready;

	memset(frames, 0, sizeof frames);
	while (!each_had_one(n)) {
		solo5_yield(FOREVER, &ready);
		for (unsigned i = 0; i < DEVICES; i++)
			if ((ready >> handles[i] & 1) != 0 && !take(i))
				return 20;
	}
	say_number(frames[0]);
	say(" frames on the first\n");
	return 0;
}

static int sleep_often(uint64_t ms)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (int i = 0; i < SLEEPS; i++) {
		solo5_time_t start = solo5_clock_monotonic(), passed;

		solo5_yield(start + ms * MS, NULL);
		passed = solo5_clock_monotonic() - start;
		if (passed < ms * MS)
			return 34;
		passed -= ms * MS;
		least = passed < least ? passed : least;
		most = passed > most ? passed : most;
	}
	say_number(least / 1000);
	say(" to ");
	say_number(most / 1000);
	say(" us late\n");
	return 0;
}

static bool acquire(unsigned device)
{
	char name[] = "service??";
	struct solo5_net_info info;
	char *digits = &name[7];

	if (device >= 10)
		*digits++ = (char)('0' + device / 10);
	*digits++ = (char)('0' + device % 10);
	*digits = '\0';
	return solo5_net_acquire(name, &handles[device], &info) == SOLO5_R_OK;
}

static int obey(const char **args)
{
	if (take_word(args, "all"))
		return all();
	if (take_word(args, "none"))
		return none(take_number(args));
	if (take_word(args, "first"))
		return first((unsigned)take_number(args));
	if (take_word(args, "sleep"))
		return sleep_often(take_number(args));
	return 97;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	int rc = 0;

	for (unsigned i = 0; i < DEVICES; i++)
		if (!acquire(i))
			return 1;
	say("READY\n");
	while (*args != '\0' && rc == 0)
		rc = obey(&args);
	return rc == 0 ? succeed() : rc;
}
