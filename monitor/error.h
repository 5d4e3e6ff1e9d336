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

enum husk_error_class {
	HUSK_E_NONE = 0,
	HUSK_E_USAGE,		/* the command line or configuration is wrong */
	HUSK_E_IMAGE,		/* the image is malformed, or not for this monitor */
	HUSK_E_GUEST,		/* the guest did what its ABI forbids */
	HUSK_E_HOST,		/* the host or hypervisor refused; errno is in sys */
};

struct husk_error {
	enum husk_error_class kind;
	int sys;		/* errno at the point of failure, 0 if none */
	char message[400];	/* one line: the thing, the value, the cause, the remedy */
};

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

/* Appends ": " and a remedy to the message. Returns -1. */
int husk_hint(struct husk_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2), cold));

#endif
