/* SPDX-License-Identifier: ISC */
/*
 * io_poll.h: waiting for changes of many descriptors; one file per host implements it.
 */
#ifndef HUSK_IO_POLL_H
#define HUSK_IO_POLL_H

#include <stdbool.h>
#include <stdint.h>

#define IO_POLL_BATCH 32	/* events of one wait */

struct io_poll_event {
	uint64_t key;
	unsigned events;	/* enum io_events */
};

/* A descriptor, or -errno. */
int io_poll_open(void);

/* Reports each change of fd once, with its state then. 0 or -errno. */
int io_poll_add(int poll_fd, int fd, uint64_t key);

/*
 * Whether a change of fd, which was added with this key, to writable is told of. Hosts to which that
 * makes no difference go on telling. 0 or -errno.
 */
int io_poll_writable(int poll_fd, int fd, uint64_t key, bool wanted);

/*
 * Waits at most timeout_ns, 0 for not at all, CLOCK_NEVER for as long as it takes. Returns how many
 * events there are, or -errno. A signal is no failure: it returns 0.
 */
int io_poll_wait(int poll_fd, struct io_poll_event events[IO_POLL_BATCH], uint64_t timeout_ns);

#endif
