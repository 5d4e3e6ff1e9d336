/* SPDX-License-Identifier: ISC */
/* nic.h: lwIP on a network device of husk. Copy it, nic.c, lwipopts.h, arch/ and libc/. */
#ifndef NIC_H
#define NIC_H

#include <stdbool.h>

/*
 * Starts lwIP on the device that the manifest calls name. Words is "ADDRESS[/BITS] [GATEWAY]":
 * what is missing is 10.0.0.2, 24, and the first address of that network. False if there is no
 * such device, or words is something else.
 */
bool nic_start(const char *name, const char *words);

/* Receives frames and runs lwIP's timers, for ever. All further work is done in its callbacks. */
void nic_run(void) __attribute__((noreturn));

void nic_print(const char *text);

#endif
