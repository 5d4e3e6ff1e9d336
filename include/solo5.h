/* SPDX-License-Identifier: ISC */
/*
 * solo5.h: what a unikernel may ask of the machine that it runs in.
 *
 * The functions, types and numbers are those of the Solo5 project's interface, so that
 * an application compiles against either. Self-contained C99; also valid C++.
 *
 * A function without a result succeeds or ends the guest. Of the results of the others
 * only SOLO5_R_OK and SOLO5_R_AGAIN can be relied on: what is described as SOLO5_R_EINVAL
 * or SOLO5_R_EUNSPEC here may end the guest on another implementation.
 */
#ifndef SOLO5_H
#define SOLO5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOLO5_NORETURN __attribute__((noreturn))

typedef enum {
	SOLO5_R_OK = 0,
	SOLO5_R_AGAIN,			/* not now: the same call may succeed later */
	SOLO5_R_EINVAL,			/* an argument is wrong */
	SOLO5_R_EUNSPEC			/* it failed, and why is not known here */
} solo5_result_t;

/* ---- Entry and exit ---- */

/* Lives as long as the guest; not to be written to. */
struct solo5_start_info {
	const char *cmdline;		/* what followed the image's name, never NULL */
	uintptr_t heap_start;		/* first byte of memory that is the application's */
	size_t heap_size;		/* bytes; the stack grows down from the end of the heap */
};

/*
 * The application starts here, and supplies it. heap_start and heap_size describe one
 * contiguous, writable, zero-filled region that holds the running stack at its upper end:
 * leave that as much room as the application needs. Returning n is solo5_exit(n).
 */
int solo5_app_main(const struct solo5_start_info *info);

#define SOLO5_EXIT_SUCCESS 0
#define SOLO5_EXIT_FAILURE 1
#define SOLO5_EXIT_ABORT 255		/* 255 and above are not the application's */

/* Ends the guest; the monitor exits with the low eight bits of status. */
void solo5_exit(int status) SOLO5_NORETURN;

/* Ends the guest as failed (SOLO5_EXIT_ABORT); the monitor may keep a core file. */
void solo5_abort(void) SOLO5_NORETURN;

/* ---- Thread-local storage, local-exec model only ---- */

/*
 * Each thread that touches thread-local variables needs a block of solo5_tls_size() bytes
 * that the application allocates, zeroes, and passes to solo5_tls_init(). To run the
 * thread: solo5_set_tls_base(solo5_tls_tp_offset(block)). At start there is no block, and
 * touching a thread-local variable ends the guest.
 */
size_t solo5_tls_size(void);

/* The thread pointer's value (an address, in spite of the name) for this block. */
uintptr_t solo5_tls_tp_offset(uintptr_t block);

/* Fills a zeroed block with the variables' first values. SOLO5_R_EINVAL if block is 0. */
solo5_result_t solo5_tls_init(uintptr_t block);

/* Loads the thread pointer. */
solo5_result_t solo5_set_tls_base(uintptr_t base);

/* ---- Time ---- */

typedef uint64_t solo5_time_t;		/* nanoseconds */

/* Time since some moment in the past; never goes back; may stand still while suspended. */
solo5_time_t solo5_clock_monotonic(void);

/* Time since 1970-01-01 00:00 UTC, as the host has it. */
solo5_time_t solo5_clock_wall(void);

/* ---- Waiting ---- */

typedef uint64_t solo5_handle_t;	/* a device, 0 to 63 */
typedef uint64_t solo5_handle_set_t;	/* bit n stands for handle n */

/*
 * Sleeps until the monotonic clock reaches deadline, or until a network device has input,
 * whichever is first; a deadline in the past only looks. *ready_set becomes the set of
 * devices with input, 0 if there are none; ready_set may be NULL. May return early.
 */
void solo5_yield(solo5_time_t deadline, solo5_handle_set_t *ready_set);

/* ---- Console ---- */

/* Writes to the monitor's standard output as well as it can; never fails. */
void solo5_console_write(const char *buf, size_t size);

/* ---- Network ---- */

#define SOLO5_NET_ALEN 6		/* bytes of an Ethernet address */
#define SOLO5_NET_HLEN 14		/* bytes of an Ethernet header */

struct solo5_net_info {
	uint8_t mac_address[SOLO5_NET_ALEN];
	size_t mtu;			/* bytes, the Ethernet header not counted */
};

/*
 * Finds the network device that the manifest calls name. SOLO5_R_EINVAL if there is none.
 * Portable applications acquire a device once.
 */
solo5_result_t solo5_net_acquire(const char *name, solo5_handle_t *handle,
				 struct solo5_net_info *info);

/*
 * Sends one frame, header included, checksum not; at most mtu + SOLO5_NET_HLEN bytes, and 4 more
 * for each tag of IEEE 802.1Q or 802.1ad, of which there may be two (husk). Never waits.
 * SOLO5_R_OK means handed over: like any network, the host may drop it.
 */
solo5_result_t solo5_net_write(solo5_handle_t handle, const uint8_t *buf, size_t size);

/*
 * Receives one frame; size must be at least mtu + SOLO5_NET_HLEN, and as much more as a tagged
 * frame may have: what does not fit is dropped. *read_size becomes the frame's length. Never
 * waits: SOLO5_R_AGAIN if nothing has arrived.
 */
solo5_result_t solo5_net_read(solo5_handle_t handle, uint8_t *buf, size_t size,
			      size_t *read_size);

/* ---- Block storage ---- */

typedef uint64_t solo5_off_t;		/* bytes */

struct solo5_block_info {
	solo5_off_t capacity;		/* bytes, a multiple of block_size */
	solo5_off_t block_size;		/* bytes */
};

/*
 * Finds the block device that the manifest calls name. SOLO5_R_EINVAL if there is none.
 * Portable applications acquire a device once.
 */
solo5_result_t solo5_block_acquire(const char *name, solo5_handle_t *handle,
				   struct solo5_block_info *info);

/*
 * Write and read wait until it is done, and do all of it or fail. offset is a multiple of
 * the block size, size is one block, and the block lies on the device: anything else is
 * SOLO5_R_EINVAL. A host's failure is SOLO5_R_EUNSPEC. size may also be any number of
 * blocks (husk, under any monitor): a write that fails, or that the host does not survive,
 * may then have written some of them.
 *
 * A written block is in the host's cache, and survives the monitor. Blocks that are read
 * one after the other come from the monitor up to 64 KiB at a time (husk, guests of 4 MiB
 * of heap and more); what the application writes is never held back.
 */
solo5_result_t solo5_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				 size_t size);
solo5_result_t solo5_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf,
				size_t size);

#ifdef __cplusplus
}
#endif

#endif
