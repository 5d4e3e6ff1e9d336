/* SPDX-License-Identifier: ISC */
/* sys/event.h: what husk and its tests use of FreeBSD's <sys/event.h>. */
#ifndef HUSK_FREEBSD_SYS_EVENT_H
#define HUSK_FREEBSD_SYS_EVENT_H

#include <sys/types.h>

#include <sys/_timespec.h>

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned fflags;
	int64_t data;
	void *udata;
	uint64_t ext[4];
};

#define EV_SET(event, id, filter_, flags_, fflags_, data_, udata_) \
	(*(event) = (struct kevent){ \
		.ident = (id), .filter = (filter_), .flags = (flags_), .fflags = (fflags_), \
		.data = (data_), .udata = (udata_), \
	})

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int n_changes, struct kevent *events,
	   int n_events, const struct timespec *timeout);

#endif
