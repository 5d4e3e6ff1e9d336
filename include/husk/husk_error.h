/* SPDX-License-Identifier: ISC */
/*
 * husk_error.h: what a call of the library says when it fails.
 *
 * The caller owns the object; a call that succeeds leaves it as it was.
 */
#ifndef HUSK_HUSK_ERROR_H
#define HUSK_HUSK_ERROR_H

enum husk_error_class {
	HUSK_E_NONE = 0,
	HUSK_E_USAGE,		/* the command line or configuration is wrong */
	HUSK_E_IMAGE,		/* the image is malformed, or not for this monitor */
	HUSK_E_GUEST,		/* the guest did what its ABI forbids */
	HUSK_E_HOST		/* the host or hypervisor refused; errno is in sys */
};

#define HUSK_DEVICE_NAME_SIZE 68	/* bytes of a device's name with its end: mft_abi.h */

struct husk_error {
	enum husk_error_class kind;
	int sys;		/* errno at the point of failure, 0 if none */
	char message[400];	/* one line: the thing, the value, the cause, the remedy */
	char device[HUSK_DEVICE_NAME_SIZE];	/* the guest's device that it is about; "": none */
};

#endif
