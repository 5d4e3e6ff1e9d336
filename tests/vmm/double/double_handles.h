/* SPDX-License-Identifier: ISC */
/* double_handles.h: the stand-in's open descriptors, and what Capsicum has left them; with the lock held. */
#ifndef HUSK_DOUBLE_HANDLES_H
#define HUSK_DOUBLE_HANDLES_H

#include "double.h"

/* An open descriptor of ours; the number is that of a real one, so that nothing else gets it. */
struct handle {
	struct handle *next;
	int fd;
	int access;		/* O_RDONLY, O_WRONLY, O_RDWR */
	bool control;		/* /dev/vmmctl */
	struct machine *machine;	/* NULL: one that another process made */
	int locks[8];		/* that keep machines alive; -1 */
	unsigned long *codes;	/* ioctls that are left; NULL: all */
	size_t n_codes;
	bool limited, no_ioctl;	/* its rights were limited, and CAP_IOCTL is not among them */
};

/* NULL: it is none of ours. */
struct handle *handle_of(int fd);

/* A descriptor, or -1 and errno. */
int handle_open(bool control, struct machine *m, int flags);

/* Frees it, without closing fd; false if it is none of ours. */
bool handle_forget(int fd);

/* Whether one of the machine is open. */
bool handle_has(const struct machine *m);

/* Whether Capsicum has left it this code. */
bool handle_may_ioctl(const struct handle *h, unsigned long code);

/* The first from this number on that handles keep beside themselves; ~0u: none. */
unsigned handle_own_from(unsigned number);

/* The lower of best and fd, if fd is not below number. */
unsigned handle_nearer(unsigned best, int fd, unsigned number);

#endif
