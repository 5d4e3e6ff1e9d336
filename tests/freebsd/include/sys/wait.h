/* SPDX-License-Identifier: ISC */
/* sys/wait.h: what husk and its tests use of FreeBSD's <sys/wait.h>. */
#ifndef HUSK_FREEBSD_SYS_WAIT_H
#define HUSK_FREEBSD_SYS_WAIT_H

#include <sys/types.h>

#define WIFEXITED(status) (((status) & 0177) == 0)
#define WEXITSTATUS(status) ((status) >> 8)
#define WIFSIGNALED(status) (((status) & 0177) != 0177 && ((status) & 0177) != 0)

typedef enum idtype {
	P_PID = 0,
} idtype_t;

pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);

#endif
