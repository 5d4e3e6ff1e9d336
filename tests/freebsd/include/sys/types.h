/* SPDX-License-Identifier: ISC */
/* sys/types.h: what husk and its tests use of FreeBSD's <sys/types.h>. */
#ifndef HUSK_FREEBSD_SYS_TYPES_H
#define HUSK_FREEBSD_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef unsigned u_int;
typedef uint64_t dev_t, ino_t, nlink_t;
typedef int64_t off_t, blkcnt_t, ssize_t, rlim_t;
typedef int32_t blksize_t, pid_t, clockid_t;
typedef int64_t id_t;
typedef uint16_t mode_t;
typedef uint32_t uid_t, gid_t, socklen_t, fflags_t;
typedef uint64_t fsblkcnt_t;
typedef uint8_t sa_family_t;
typedef long time_t, suseconds_t;
typedef unsigned useconds_t;

typedef struct pthread *pthread_t;
typedef struct pthread_attr *pthread_attr_t;
typedef struct pthread_mutex *pthread_mutex_t;
typedef struct pthread_mutex_attr *pthread_mutexattr_t;
typedef struct pthread_cond *pthread_cond_t;
typedef struct pthread_cond_attr *pthread_condattr_t;

#endif
