/* SPDX-License-Identifier: ISC */
/* disk_loop.h: a loop of DISK_LOOP_STEPS instructions that writes and reads, DISK_LOOP_ROUNDS times in all. */
#ifndef DISK_LOOP_H
#define DISK_LOOP_H

#include "debug.h"
#include "hvt_abi.h"

#define DISK_LOOP_ROOM 64u	/* between the request for writing and that for reading */
#define DISK_LOOP_ROUNDS 10u
#define DISK_LOOP_STEPS (5u * DISK_LOOP_ROUNDS)

/* Symbols: its first instruction, and the one behind its last. */
extern const char disk_begin[], disk_end[];

#if defined(__x86_64__)
#include "disk_loop_x86_64.h"
#elif defined(__aarch64__)
#include "disk_loop_aarch64.h"
#else
#error "no disk_loop_<architecture>.h for this architecture"
#endif

#endif
