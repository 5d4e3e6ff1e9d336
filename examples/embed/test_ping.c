/* SPDX-License-Identifier: ISC */
/*
 * test_ping.c: tests examples/ping by the harness: what it announces and answers, and when.
 *
 *	husk-cc -O2 -mgeneral-regs-only -o ping.hvt ping.c manifest.json
 *	cc -o test_ping test_ping.c harness.c $(pkg-config --cflags --libs libhusk)
 *	./test_ping ping.hvt
 */
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define GUEST_MAC 0x02, 0x00, 0x00, 0x00, 0x00, 0x02
#define OUR_MAC 0x02, 0x00, 0x00, 0x00, 0x00, 0x01
#define GUEST_IP 10, 0, 0, 2
#define OUR_IP 10, 0, 0, 1
#define ARP 0x08, 0x06, 0, 1, 8, 0, 6, 4	/* RFC 826 */

static const uint8_t announcement[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, GUEST_MAC, ARP, 0, 1, GUEST_MAC, GUEST_IP,
	0, 0, 0, 0, 0, 0, GUEST_IP,
};
static const uint8_t who_has[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, OUR_MAC, ARP, 0, 1, OUR_MAC, OUR_IP,
	0, 0, 0, 0, 0, 0, GUEST_IP,
};
static const uint8_t is_at[] = {
	OUR_MAC, GUEST_MAC, ARP, 0, 2, GUEST_MAC, GUEST_IP, OUR_MAC, OUR_IP,
};

/* RFC 791, RFC 792; to and from, with the checksum of ICMP. */
#define ECHO(to, from, source, destination, kind, high, low) { \
	to, from, 0x08, 0x00, 0x45, 0, 0, 32, 0, 7, 0, 0, 64, 1, 0x66, 0xd4, source, destination, \
	kind, 0, high, low, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g', \
}
static const uint8_t question[] = ECHO(GUEST_MAC, OUR_MAC, OUR_IP, GUEST_IP, 8, 0x06, 0xfa);
static const uint8_t answer[] = ECHO(OUR_MAC, GUEST_MAC, GUEST_IP, OUR_IP, 0, 0x0e, 0xfa);

#define MINUTE (60000 * HARNESS_NS_PER_MS)

static const struct harness_frame frames[] = {
	{1 * HARNESS_NS_PER_MS, sizeof who_has, who_has},
	{2 * HARNESS_NS_PER_MS, sizeof question, question},
	{2 * HARNESS_NS_PER_MS, 14, question},		/* cut: not answered */
	{60 * MINUTE, sizeof question, question},
};

/* What is to come back. */
static const struct harness_frame expected[] = {
	{0, sizeof announcement, announcement},
	{1 * HARNESS_NS_PER_MS, sizeof is_at, is_at},
	{2 * HARNESS_NS_PER_MS, sizeof answer, answer},
	{60 * MINUTE, sizeof answer, answer},
};
#define N_EXPECTED (sizeof expected / sizeof expected[0])

static const char console[] = "MAC is 02:00:00:00:00:02\nMTU is 1500\n"
			      "A frame of a kind that is unknown here\n";

static const char *check(const struct harness_record *r, const struct husk_error *e)
{
	if (r->end != HUSK_HALTED || r->status != 0)
		return r->end == HUSK_FAILED ? e->message : "it did not end with status 0";
	if (r->n_sent != N_EXPECTED)
		return "it sent another number of frames";
	for (size_t i = 0; i < N_EXPECTED; i++)
		if (r->sent[i].at != expected[i].at || r->sent[i].len != expected[i].len ||
		    memcmp(r->sent[i].bytes, expected[i].bytes, expected[i].len) != 0)
			return "it sent another frame, or at another time";
	return strcmp(r->console, console) == 0 ? NULL : "it said something else";
}

int main(int argc, char **argv)
{
	static const char *const options[] = {"--mem=4", "--net-mac:service0=02:00:00:00:00:02", NULL};
	char quiet[] = "--solo5:quiet", limit[] = "limit", two[] = "2";
	char *const args[] = {quiet, limit, two};
	const struct harness_script script = {
		.image = argc > 1 ? argv[1] : "ping.hvt", .argc = 3, .args = args, .options = options,
		.device = "service0", .frames = frames, .n_frames = sizeof frames / sizeof frames[0],
	};
	struct harness_record first = {0}, second = {0};
	struct husk_error e = {0};
	const char *wrong = NULL;

	if (harness_run(&script, &first, &e) == -1 || harness_run(&script, &second, &e) == -1)
		wrong = e.message;
	if (wrong == NULL)
		wrong = check(&first, &e);
	if (wrong == NULL)
		wrong = harness_difference(&first, &second);
	if (wrong != NULL)
		printf("wrong: %s\n", wrong);
	else
		puts("an hour of pings, twice the same");
	harness_free(&first);
	harness_free(&second);
	return wrong == NULL ? 0 : 1;
}
