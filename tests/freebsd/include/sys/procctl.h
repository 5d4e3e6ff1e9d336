/* SPDX-License-Identifier: ISC */
/* sys/procctl.h: what husk and its tests use of FreeBSD's <sys/procctl.h>. */
#ifndef HUSK_FREEBSD_SYS_PROCCTL_H
#define HUSK_FREEBSD_SYS_PROCCTL_H

#include <sys/types.h>
#include <sys/wait.h>

#define PROC_TRACE_CTL 7
#define PROC_TRACE_CTL_DISABLE 2
#define PROC_TRAPCAP_CTL 9
#define PROC_TRAPCAP_CTL_ENABLE 1

int procctl(idtype_t type, id_t id, int command, void *data);

#endif
