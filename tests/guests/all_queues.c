/* SPDX-License-Identifier: ISC */
/*
 * all_queues.c: a network, a disk and sockets, each with its queues:
 *
 *   fair N   answers frames without end; meanwhile the disk serves N requests, and a program of the host
 *            has N answers at port 7: for each of all these there may have been FRAMES_EACH frames
 *   sleep    for ever
 */
#include "guest.h"
#include "husk_abi.h"
#include "vsock.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET | HUSK_FEATURE_BLOCK | HUSK_FEATURE_VSOCK);

#define FRAMES_TURN 32u			/* then something else has its turn */
#define FRAMES_FIRST 256u		/* a flood has begun */
#define FRAMES_EACH 2000u
#define FRAME_MAX 1522u
#define BLOCK 512u
#define PORT 7u
#define SOCKETS 2u
#define FOREVER UINT64_MAX

static solo5_handle_t net, disk, sockets;
static solo5x_socket_t stream;		/* 0: nobody has come */
static uint64_t frames, requests, answers, longest;
static uint64_t request_since, answer_since;	/* of frames */
static bool asked;			/* the disk */
static uint8_t frame[FRAME_MAX], block[BLOCK];
static uint8_t memory[SOLO5X_VSOCK_MEMORY_MIN(SOCKETS, SOLO5X_VSOCK_BUFFER_MIN)];

static int fail(const char *what)
{
	say(what);
	say("\n");
	return SOLO5_EXIT_FAILURE;
}

static void answer_frames(void)
{
	size_t size;

	for (unsigned i = 0; i < FRAMES_TURN; i++) {
		if (solo5_net_read(net, frame, sizeof frame, &size) != SOLO5_R_OK)
			return;
		frames++;
		(void)solo5_net_write(net, frame, size);
	}
}

static void note_wait(uint64_t since)
{
	longest = frames - since > longest ? frames - since : longest;
}

/* Each block is written, and read the next time. */
static bool ask_disk(void)
{
	const struct solo5x_block_request r = {
		.kind = requests % 2 == 0 ? SOLO5X_BLOCK_WRITE : SOLO5X_BLOCK_READ, .buf = block,
		.offset = requests / 2 % 16 * BLOCK, .size = BLOCK,
	};

	memset(block, r.kind == SOLO5X_BLOCK_WRITE ? (int)(requests / 2 & 255) : 0xee, BLOCK);
	request_since = frames;
	asked = solo5x_block_submit(disk, &r, 1) == 1;
	return asked;
}

static bool serve_disk(void)
{
	struct solo5x_block_end end;

	if (!asked && !ask_disk())
		return false;
	if (solo5x_block_reap(disk, &end, 1) == 0)
		return true;
	note_wait(request_since);
	asked = false;
	requests++;
	return end.result == SOLO5_R_OK && block[0] == (requests - 1) / 2 % 256 && block[BLOCK - 1] == block[0];
}

/* Waits for anything; whether the sockets are among it. */
static bool wait(void)
{
	solo5_handle_set_t ready;

	solo5_yield(FOREVER, &ready);
	return (ready >> sockets & 1) != 0;
}

/* A byte is a question. */
static bool serve_stream(void)
{
	uint8_t byte;
	size_t n;

	if (stream == 0) {
		if (solo5x_vsock_accept(sockets, PORT, &stream) != SOLO5X_VSOCK_OK)
			stream = 0;
		answer_since = frames;
		return true;
	}
	switch (solo5x_vsock_read(stream, &byte, 1, &n)) {
	case SOLO5X_VSOCK_OK:
		break;
	case SOLO5X_VSOCK_AGAIN:
		return true;
	default:
		return false;
	}
	if (n == 0)
		return solo5x_vsock_close(stream) == SOLO5X_VSOCK_OK;
	note_wait(answer_since);
	answer_since = frames;
	answers++;
	return solo5x_vsock_write(stream, &byte, 1, &n) == SOLO5X_VSOCK_OK;
}

static void say_line(const char *name, uint64_t n)
{
	say(name);
	say(" ");
	say_number(n);
	say("\n");
}

static int fair(uint64_t n)
{
	uint64_t since = 0;

	while (requests < n || answers < n) {
		const bool asks = wait();

		answer_frames();
		if (frames < FRAMES_FIRST)
			continue;
		since = since == 0 ? frames : since;
		if (requests < n && !serve_disk())
			return fail("the disk does not do what it should");
		if (asks && answers < n && !serve_stream())
			return fail("the stream ends");
		if (frames - since > n * FRAMES_EACH)
			return fail("frames have all the time");
	}
	say_line("frames", frames - since);
	say_line("longest", longest);
	say("FAIR\n");
	return SOLO5_EXIT_SUCCESS;
}

static _Noreturn void sleep(void)
{
	if (stream != 0)
		(void)solo5x_vsock_close(stream);
	for (;;) {
		answer_frames();
		solo5_yield(FOREVER, NULL);
	}
}

static bool acquire(void)
{
	static const struct solo5x_vsock_config config = {
		memory, sizeof memory, SOCKETS, SOLO5X_VSOCK_BUFFER_MIN,
	};
	struct solo5_net_info net_info;
	struct solo5_block_info block_info;

	return solo5_net_acquire("service0", &net, &net_info) == SOLO5_R_OK &&
	       solo5_block_acquire("storage", &disk, &block_info) == SOLO5_R_OK &&
	       block_info.block_size == BLOCK && block_info.capacity >= 16 * BLOCK &&
	       solo5x_vsock_acquire("sockets", &config, &sockets, NULL) == SOLO5X_VSOCK_OK &&
	       solo5x_vsock_listen(sockets, PORT, 1) == SOLO5X_VSOCK_OK;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	int status;

	if (!acquire())
		return fail("devices are missing");
	say("READY\n");
	while (*args != '\0') {
		if (take_word(&args, "sleep"))
			sleep();
		if (!take_word(&args, "fair"))
			return 97;
		status = fair(take_number(&args));
		if (status != SOLO5_EXIT_SUCCESS)
			return status;
	}
	return succeed();
}
