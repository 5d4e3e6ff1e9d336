/* SPDX-License-Identifier: ISC */
/*
 * bindings.h: what the files of the guest's bindings share.
 *
 * The parts are joined into one object, in which all symbols but solo5_*, _start* and __stack_chk_*
 * are made local, so that these names cannot clash with an application's.
 */
#ifndef BINDINGS_H
#define BINDINGS_H

#include <stdarg.h>

#include "../include/hvt_abi.h"
#include "../include/mft_abi.h"
#include "../include/solo5.h"
#include "libc/string.h"

/* ---- start.c ---- */

/* Called once by _start, on the first stack. */
_Noreturn void bindings_start(const struct hvt_boot_info *boot);

/* ---- format.c, log.c ---- */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/*
 * A small vsnprintf: %d %i %u %x %X %p %s %c %%, flags 0 and -, a width, length modifiers
 * l, ll and z. Writes at most size bytes, the terminating NUL included, and returns the
 * length that the whole text has. size may be 0.
 */
size_t format(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* Writes the text to the console in one piece if level is wanted. */
void log_printf(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Applies the --solo5:LEVEL words at the front of the command line and returns the rest, for the
 * application.
 */
const char *log_take_options(const char *cmdline);

/* ---- exit.c ---- */

/* Tells the monitor to end the machine; cookie is NULL or 512 bytes of static storage. */
_Noreturn void machine_halt(int status, const void *cookie);

/* Prints "Solo5: ABORT: FILE:LINE: TEXT" whatever the log level is, and ends the guest. */
_Noreturn void abort_printf(const void *cookie, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define bindings_abort(...) abort_printf(NULL, __FILE__, __LINE__, __VA_ARGS__)

#define bindings_assert(cond) \
	((cond) ? (void)0 : bindings_abort("Assertion `%s' failed", #cond))

/* ---- memory.c ---- */

/* Checks that the image fits, and finds the heap. */
void memory_init(uint64_t mem_size, struct solo5_start_info *info);

/*
 * Takes size bytes, zero-filled and aligned to a page, from the bottom of the heap. NULL if that is
 * too large a part of it.
 */
uint8_t *memory_take(struct solo5_start_info *info, size_t size);

/* Whether so many bytes from an address on are data, heap or stack, or lie between them. */
bool memory_is_data(uint64_t address, size_t size);

void memory_print_map(const struct solo5_start_info *info);

/* ---- clock.c ---- */

void clock_init(uint64_t hz);

/* ---- manifest.c ---- */

void manifest_init(const struct mft_header *manifest);

/* The device of this name and type, NULL if there is none; *handle becomes its index. */
const struct mft_entry *manifest_find(const char *name, uint32_t type, solo5_handle_t *handle);

/* The attached device of this type with this handle, NULL if there is none. */
const struct mft_entry *manifest_get(solo5_handle_t handle, uint32_t type);

/* The largest MTU of the attached network devices, 0 if there are none. */
size_t manifest_max_mtu(void);

/* ---- block.c ---- */

/*
 * Takes memory for reading ahead and for requests, if there is enough of it; heap_size: bytes of the heap
 * before other devices took theirs.
 */
void block_init(struct solo5_start_info *info, size_t heap_size);

/* ---- yield.c ---- */

/* What solo5_yield does for devices whose completions come by queues. */
struct yield_queues {
	/* Takes what has come. Returns the devices that are ready; *served becomes all of them. */
	solo5_handle_set_t (*look)(solo5_handle_set_t *served);
	/* Asks for a call at the next completion. False: one is there already. */
	bool (*arm)(void);
	/* The monitor was asked, or was not as something is ready. NULL: of no interest. */
	void (*looked)(bool asked);
	/* Sends what it does not pay to hold back any longer. NULL: nothing is held back. */
	void (*send_late)(void);
};

/* Of sockets, and of frames; NULL: there are no such devices. */
extern const struct yield_queues *yield_queues, *yield_frames;

/* For calls with which a program may pass time while frames are held back. */
static inline void yield_send_late(void)
{
	if (yield_frames != NULL && yield_frames->send_late != NULL)
		yield_frames->send_late();
}

/* Devices of which the application is not to hear, as what they are ready with is no input. */
extern solo5_handle_set_t yield_ignored;

/* Grows whenever the application gets to know something of the world outside: see read_ahead.h. */
extern uint64_t inputs_seen;

/* ---- ring.c ---- */

/* Uses the network ring if the monitor offers one and there is memory for it; buffers are taken. */
void ring_init(const struct hvt_boot_info *boot, struct solo5_start_info *info);

/* The monitor's needs_kick; without a ring something that is always 1. */
extern const uint32_t *ring_needs_kick;

/*
 * Whether the next frame goes through the ring; if so, the next two serve attached devices. While
 * the monitor asks for kicks, a submission is an exit as a hypercall is, which takes fewer
 * instructions and no copy. Monitors serve what was submitted before a hypercall first.
 */
static inline bool ring_wanted(void)
{
	return __atomic_load_n(ring_needs_kick, __ATOMIC_ACQUIRE) == 0;
}

#define NET_TAGS 8u		/* bytes of two tags, IEEE 802.1ad: frames may be longer by that */

/* Queues a copy of one frame, of at most MTU, header and tags. */
void ring_write(solo5_handle_t handle, const uint8_t *buf, size_t size);

/* Waits for the monitor's answer, not for a frame. */
solo5_result_t ring_read(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size);

/* ---- ssp.c ---- */

/*
 * Arms the stack protector with a mixture of a counter and a random number, which is 0 where there is
 * none. The caller must not itself be protected by it.
 */
void ssp_init(uint64_t ticks, uint64_t random);

#endif
