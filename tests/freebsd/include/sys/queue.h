/* SPDX-License-Identifier: ISC */
/* sys/queue.h: what husk and its tests use of FreeBSD's <sys/queue.h>. */
#ifndef HUSK_FREEBSD_SYS_QUEUE_H
#define HUSK_FREEBSD_SYS_QUEUE_H

#include <stddef.h>

#define TAILQ_HEAD(name, type) \
	struct name { \
		struct type *first, *last; \
	}
#define TAILQ_ENTRY(type) \
	struct { \
		struct type *next, *prev; \
	}

#define TAILQ_INIT(head) ((void)((head)->first = (head)->last = NULL))
#define TAILQ_EMPTY(head) ((head)->first == NULL)
#define TAILQ_FIRST(head) ((head)->first)
#define TAILQ_LAST(head, name) ((head)->last)
#define TAILQ_PREV(at, name, link) ((at)->link.prev)

#define TAILQ_INSERT_HEAD(head, new, link) \
	do { \
		(new)->link.prev = NULL; \
		(new)->link.next = (head)->first; \
		*((head)->first == NULL ? &(head)->last : &(head)->first->link.prev) = (new); \
		(head)->first = (new); \
	} while (0)

#define TAILQ_INSERT_TAIL(head, new, link) \
	do { \
		(new)->link.next = NULL; \
		(new)->link.prev = (head)->last; \
		*((head)->last == NULL ? &(head)->first : &(head)->last->link.next) = (new); \
		(head)->last = (new); \
	} while (0)

#define TAILQ_INSERT_AFTER(head, at, new, link) \
	do { \
		(new)->link.prev = (at); \
		(new)->link.next = (at)->link.next; \
		*((at)->link.next == NULL ? &(head)->last : &(at)->link.next->link.prev) = (new); \
		(at)->link.next = (new); \
	} while (0)

#define TAILQ_REMOVE(head, at, link) \
	do { \
		*((at)->link.next == NULL ? &(head)->last : &(at)->link.next->link.prev) = \
			(at)->link.prev; \
		*((at)->link.prev == NULL ? &(head)->first : &(at)->link.prev->link.next) = \
			(at)->link.next; \
	} while (0)

#endif
