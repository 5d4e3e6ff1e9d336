/* SPDX-License-Identifier: ISC */
/*
 * harness.h: runs a unikernel by a script of frames, and writes down what it says and sends.
 *
 * Time is made by the script: it stands still while the guest works, and in its waits goes on to the
 * next frame, or to when the guest wants to be woken. So the same script gives the same record, on any
 * host, however slow; what takes an hour of the guest's time takes none of the tester's.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <husk.h>

#define HARNESS_NS_PER_MS UINT64_C(1000000)

struct harness_frame {
	uint64_t at;		/* ns of the guest's time */
	size_t len;
	const void *bytes;
};

struct harness_script {
	const char *image;
	int argc;
	char *const *args;	/* of the guest */
	const char *const *options;	/* of husk, NULL at their end; may be NULL */
	const char *device;	/* of the guest's network; NULL: it has none */
	const struct harness_frame *frames;	/* for the guest, in the order of their times */
	size_t n_frames;
	uint64_t until;		/* when to stop the guest; 0: when it waits and nothing is to come */
	uint64_t patience;	/* ns of the host's time for all of it; 0: 10 s */
};

/* What the guest has sent; the bytes are owned. */
struct harness_sent {
	uint64_t at;
	size_t len;
	uint8_t *bytes;
};

struct harness_record {
	enum husk_end end;	/* HUSK_STOPPED: by the script */
	int status;
	struct husk_ending ending;
	char *console;		/* with a 0 behind it; owned */
	size_t console_len;
	struct harness_sent *sent;	/* owned */
	size_t n_sent;
	bool incomplete;	/* there was no memory for all of it */
};

/*
 * Runs it. 0: the record is the caller's to free, also of a guest that failed, whose reason is in e.
 * -1: it could not be started.
 */
int harness_run(const struct harness_script *script, struct harness_record *record,
		struct husk_error *e);

/* NULL if two records say the same, else what differs first. */
const char *harness_difference(const struct harness_record *a, const struct harness_record *b);

/* Accepts a zeroed record, and the same one twice. */
void harness_free(struct harness_record *record);

#endif
