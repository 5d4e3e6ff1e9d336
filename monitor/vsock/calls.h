/* SPDX-License-Identifier: ISC */
/*
 * calls.h: when a guest is called that has asked to be.
 *
 * At once, but for bulk data: where a turn has brought a packet's worth of payload or more, and
 * whoever sends it can go on without the guest, more comes before long. The call then waits for that,
 * for no longer than the turn took, so that data is late by no more than the time that its moving
 * took; a call wakes a thread of the host and costs the guest an exit. Where nothing more has come, so
 * many calls are not put off: 1, 3, 7, up to 63.
 *
 * Arithmetic only; the owner calls the guest, and asks again in time.
 */
#ifndef HUSK_VSOCK_CALLS_H
#define HUSK_VSOCK_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#define VSOCK_BULK_MIN 65536u		/* bytes; of fewer the guest is told at once */
#define VSOCK_BULK_MAX (1u << 20)	/* of so many too */
#define VSOCK_CALL_NEVER UINT64_MAX

struct vsock_calls {
	bool asked;			/* the guest has, and was not called since */
	bool urgent;			/* something has come that it is to see now */
	uint32_t bytes, known;		/* of payload since it was last awake; of these, at the last rest */
	uint64_t until;			/* when it is called; while asked and put off */
	uint8_t vain;			/* times in a row that nothing more came, 6 at most */
	uint8_t at_once;		/* so many calls are not put off */
};

/* A packet of so many bytes was made; can_wait: of payload, from a sender that can go on. */
void vsock_calls_packet(struct vsock_calls *c, uint32_t bytes, bool can_wait);

/*
 * What was made is visible to the guest; asks: it wants a call for that; bulk: that is packets for
 * it. True: call it now.
 */
bool vsock_calls_publish(struct vsock_calls *c, bool asks, bool bulk);

/* A turn that began then has left nothing to do. True: call it now; false: at vsock_calls_deadline. */
bool vsock_calls_rest(struct vsock_calls *c, uint64_t began, uint64_t now);

/* When vsock_calls_rest is to be asked again; VSOCK_CALL_NEVER. */
uint64_t vsock_calls_deadline(const struct vsock_calls *c);

#endif
