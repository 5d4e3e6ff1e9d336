/* SPDX-License-Identifier: ISC */
/* vmexit.h: results of handlers of exits. */
#ifndef HUSK_VMEXIT_H
#define HUSK_VMEXIT_H

/* The result of a handler of an exit, of a bus access or of a hypercall. */
enum vmexit_result {
	VMEXIT_FAIL = -1,	/* the run ends, and the handler's error says why */
	VMEXIT_RESUME = 0,	/* the guest goes on */
	VMEXIT_HALT = 1,	/* the run ends as the guest asked */
	VMEXIT_RETRY = 2,	/* interrupted by a request to the thread: serve it anew */
};

#endif
