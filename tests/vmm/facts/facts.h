/* SPDX-License-Identifier: ISC */
/*
 * facts.h: probes that ask a vmm what husk's backend relies on, and print one line for each.
 *
 * A line is a name, a blank and what came of it: a number, an error's name, or words. The expected
 * files beside this one hold what real FreeBSD kernels printed. There is no C library on FreeBSD,
 * so nothing here may need one.
 */
#ifndef HUSK_FACTS_H
#define HUSK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm_abi.h"

/* ---- the host: host_freebsd.c or host_linux.c. Minus the host's errno on failure. ---- */

enum { HOST_READ, HOST_WRITE, HOST_BOTH };

long host_open(const char *path, int how);
long host_close(long fd);
long host_ioctl(long fd, uint32_t code, void *arg);
long host_mmap(size_t len, int prot, bool shared, long fd, uint64_t offset);
long host_mprotect(void *at, size_t len, int prot);
long host_sysctl_read(const char *name, void *to, size_t len);
long host_sysctl_write(const char *name, const char *text, size_t len);
const char *host_error(long error);
void host_print(const char *text, size_t len);
void host_sleep(unsigned ms);
uint64_t host_ms(void);
/* Runs f(arg) beside the caller. */
void host_thread(void (*f)(void *arg), void *arg);
/* A signal with an empty handler, to the thread that called host_signal_ready. */
void host_signal_ready(void);
void host_signal_block(bool block);
void host_signal(void);
unsigned host_signals(void);	/* how many were handled */
/* Runs f in another process, which f may end itself; returns its status as wait says it. */
long host_process(void (*f)(void));
void host_die(void);		/* by SIGKILL */
long host_setuid(unsigned uid);

/* ---- print.c ---- */

/* A result: 0 or more as a number, less as an error's name. */
void fact(const char *name, long value);
void fact_hex(const char *name, uint64_t value);
void fact_is(const char *name, bool yes);
/* name and number make one name: "reg.18". */
const char *numbered(const char *name, int number);
size_t text_length(const char *text);

/* ---- machine.c: one machine at a time ---- */

extern long control, node;
extern uint8_t *ram;
extern struct vmm_exit last;

long create(const char *name, uint32_t flags);
long destroy(const char *name);
/* Makes a machine and opens it; node is its descriptor. */
void open_machine(const char *name);
/* The same with memory, active and at the first instruction. */
void full_machine(const char *name);
void close_machine(const char *name);
long alloc(int id, uint64_t len);
long get_segment(int id, uint64_t *len);
long map(uint64_t gpa, int segment, int64_t offset, uint64_t len, int prot, int flags);
long unmap(uint64_t gpa, uint64_t len);
long cpu_call(uint32_t code, int cpu);
long get(int number, uint64_t *value);
uint64_t value_of(int number);
long set(int number, uint64_t value);
long set_capability(int type, int value);
long run(void);
/* Runs until an exit that is neither BOGUS nor REQIDLE. */
long go(void);
/* go() and its lines: code, length, address. */
void show(const char *name);
/* Puts code at the first instruction and the registers there. */
void code(const void *bytes, size_t len);

#define CODE_AT 0x10000u
#define RAM_SIZE 0x400000u
#define READ_ONLY 0x100000u	/* a page that is not writable where the kernel takes rights */
#define HOLE 0x30000000u
#define LITERAL(text) (text), sizeof(text) - 1

/* ---- the probes ---- */

void probe_control(void);
void probe_memory(void);
void probe_vcpu(void);
void probe_kicks(void);
void probe_life(void);

/* What the stand-in does not have, and prints nothing for. */
void probe_taps(void);
void probe_disks(void);

/* The architecture's own: facts_<architecture>.c. */
extern const int pc_register, bogus_exit, suspended_exit, debug_exit;
uint64_t exit_pc(void);
long arch_registers(void);	/* all at the first instruction */
void arch_tables(void);
long arch_run_13(void);			/* the form of VM_RUN that FreeBSD 13 has */
void probe_arch_vcpu(void);
void probe_exits(void);
void code_spin(void);
void code_sleep(void);
bool is_bogus(void);

#endif
