/* SPDX-License-Identifier: ISC */
/* call_number_kvm.h: numbers of system calls by their names, as the filter's own table has them. */
#ifndef CALL_NUMBER_KVM_H
#define CALL_NUMBER_KVM_H

/*
 * -1: there is no such call. Remembers names by their address, so that a walk can ask often: only
 * for strings that stay.
 */
long call_number(const char *call);

#endif
