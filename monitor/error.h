/* SPDX-License-Identifier: ISC */
/*
 * error.h: the error object, which carries a failure to the code that reports it.
 *
 * The caller owns the object; nothing here allocates, prints or exits. A function that can fail
 * takes one as its last parameter, returns -1 and fills it; on success the object is left as it
 * was.
 */
#ifndef HUSK_ERROR_H
#define HUSK_ERROR_H

#include "../include/husk/husk_error.h"

/* Fills e and returns -1, for use as: return husk_fail(e, ...); */
int husk_fail(struct husk_error *e, enum husk_error_class kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3), cold));

/*
 * The same for a host call that failed: keeps sys and appends ": ", its text, and the remedy if it
 * is the same for every call.
 */
int husk_fail_sys(struct husk_error *e, int sys, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3), cold));

/* Puts context and ": " before the message; kind and sys stay. Returns -1. */
int husk_wrap(struct husk_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2), cold));

/* The same for a device of the guest: context is what it is, "block device", and its name. Returns -1. */
int husk_wrap_device(struct husk_error *e, const char *what, const char *name)
	__attribute__((nonnull, cold));

/* Appends ": " and a remedy to the message. Returns -1. */
int husk_hint(struct husk_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2), cold));

#endif
