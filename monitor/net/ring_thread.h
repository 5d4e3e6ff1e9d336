/*
 * ring_thread.h: who serves the ring when: the vcpu's thread, or for bursts an I/O thread.
 *
 * The vcpu's thread serves a kick itself, on the spot: no other thread could be quicker. When
 * kicks follow each other without a wait in between, it hands the ring over; the I/O thread
 * then watches the ring and no submission needs a kick, until nothing has come for a while.
 * Watching is worth a processor that nobody else wants: an I/O thread that had little to serve
 * before it gave the ring back is left alone for a while. Asleep it costs nothing.
 *
 * Exactly one of the two owns the ring, and with it every network device: the vcpu's thread
 * claims it before it touches either.
 */
#ifndef HUSK_RING_THREAD_H
#define HUSK_RING_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "ring.h"

struct ring_thread {
	struct ring *ring;
	int state;			/* enum ring_owner; atomic */
	int wake_fd;			/* eventfd; -1 without a thread */
	bool running;
	bool deaf;			/* the I/O thread has left early; atomic */
	pthread_t thread;
	uint64_t ticks_per_us;

	/* The owner's. */
	unsigned kicks;			/* since the last wait of the guest */
	unsigned trust;			/* that the guest's bursts are some */
	bool handed;			/* the ring was handed over, and that is not judged yet */
	uint64_t served;		/* entries, since the last handover */
	/* kicks until the next handover; and after the next failure */
	uint64_t shy, shyness;
	uint64_t handovers;
	bool failed;			/* error is set */
	struct husk_error error;

	void (*alarm)(void *ctx);	/* called by the I/O thread once it has failed */
	void *alarm_ctx;
};

/*
 * Starts the I/O thread, which blocks every signal. Where only one processor may be used, or the
 * host denies a thread, there is none, and the vcpu's thread always serves itself. alarm must be
 * able to bring the vcpu's thread out of the guest. ticks_per_us: of cpu_ticks. Returns 0, or the
 * errno of the denial.
 */
int ring_thread_start(struct ring_thread *t, struct ring *ring, uint64_t ticks_per_us,
		      void (*alarm)(void *ctx), void *alarm_ctx);

/* Serves what is left, ends the thread and waits for it. Accepts a stopped one. */
void ring_thread_stop(struct ring_thread *t);

/*
 * On return the calling thread owns the ring. Returns -1 and fills e if the I/O thread failed. What
 * was submitted without a kick stays where it is: drain the ring before the guest goes on.
 */
int ring_thread_claim(struct ring_thread *t, struct husk_error *e);

/* A kick: claims the ring, serves it, and hands it over if kicks come in a row. */
int ring_thread_kick(struct ring_thread *t, struct husk_error *e);

/*
 * Claims the ring and serves what is left in it: before the guest waits, and whenever the machine
 * has to stand still. Afterwards no thread but the caller's touches guest memory or a network
 * device, until the caller passes on a kick or a resume of the guest. Returns -1 and fills e if the
 * I/O thread failed or an entry ends the guest; the ring is the caller's then too. May be called
 * in any state and any number of times.
 */
int ring_thread_drain(struct ring_thread *t, struct husk_error *e);

/*
 * The guest goes on after a wait, and there is something to read: if it has had a burst lately,
 * the ring is handed over before it kicks. The caller has drained it; it may say so once for each
 * device that has something.
 */
void ring_thread_resume(struct ring_thread *t);

#endif
