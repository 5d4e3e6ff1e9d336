/* SPDX-License-Identifier: ISC */
/* semaphore.h: what husk and its tests use of FreeBSD's <semaphore.h>. */
#ifndef HUSK_FREEBSD_SEMAPHORE_H
#define HUSK_FREEBSD_SEMAPHORE_H

#include <sys/types.h>

#include <sys/_timespec.h>

typedef struct {
	uint32_t words[4];
} sem_t;

int sem_init(sem_t *sem, int shared, unsigned value);
int sem_destroy(sem_t *sem);
int sem_post(sem_t *sem);
int sem_wait(sem_t *sem);
int sem_trywait(sem_t *sem);
int sem_timedwait(sem_t *sem, const struct timespec *until);

#endif
