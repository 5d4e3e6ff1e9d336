/* SPDX-License-Identifier: ISC */
/*
 * loop.h: the machine code that husk's guests and the floor's guest share, loop_<machine>.S.
 *
 * It is position independent and keeps its state in registers, so the floor may copy the
 * bytes from bench_blob to bench_blob_end anywhere.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

/* Makes hypercall nr n times, n >= 1, each with the argument structure at gpa. */
void bench_hypercalls(unsigned long nr, unsigned long gpa, unsigned long n);

/* HALT with the argument structure at gpa; does not return. */
void bench_halt(unsigned long gpa);

extern const char bench_blob[], bench_blob_end[];

#endif
