/* SPDX-License-Identifier: ISC */
/* pthread.h: what husk and its tests use of FreeBSD's <pthread.h>. */
#ifndef HUSK_FREEBSD_PTHREAD_H
#define HUSK_FREEBSD_PTHREAD_H

#include <sched.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>

#define PTHREAD_CANCEL_ENABLE 0
#define PTHREAD_CANCEL_DISABLE 1

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *arg),
		   void *arg);
int pthread_join(pthread_t thread, void **result);
int pthread_cancel(pthread_t thread);
int pthread_setcancelstate(int state, int *before);
int pthread_equal(pthread_t a, pthread_t b);
pthread_t pthread_self(void);
int pthread_getcpuclockid(pthread_t thread, clockid_t *clock);
int pthread_kill(pthread_t thread, int signal);
int pthread_attr_init(pthread_attr_t *attr);
int pthread_attr_destroy(pthread_attr_t *attr);
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size);
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int pthread_mutex_destroy(pthread_mutex_t *mutex);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int pthread_cond_destroy(pthread_cond_t *cond);
int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *abstime);
int pthread_condattr_init(pthread_condattr_t *attr);
int pthread_condattr_destroy(pthread_condattr_t *attr);
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock_id);
int pthread_cond_broadcast(pthread_cond_t *cond);

#endif
