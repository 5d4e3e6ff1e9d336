/* vmexit.h: what becomes of a vmexit once it has been served. */
#ifndef HUSK_VMEXIT_H
#define HUSK_VMEXIT_H

/* What every handler on the way returns: of an exit, of a bus access, of a hypercall. */
enum vmexit_result {
	VMEXIT_FAIL = -1,	/* the run ends, and the handler's error says why */
	VMEXIT_RESUME = 0,	/* the guest goes on */
	VMEXIT_HALT = 1,	/* the run ends as the guest asked */
	VMEXIT_RETRY = 2,	/* the thread was asked for something before it was done: serve it anew */
};

#endif
