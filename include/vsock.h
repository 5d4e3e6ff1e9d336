/* SPDX-License-Identifier: ISC */
/*
 * vsock.h: byte streams between a unikernel and programs of its host.
 *
 * The manifest declares a device of type VSOCK; husk(1), --vsock, says which of the host's sockets
 * are behind its ports. A guest listens on ports of its own, and connects to ports of the host.
 * Self-contained C99; also valid C++.
 *
 * No call waits but those at the end, and solo5_yield(): it returns when a device has a socket that
 * is ready for what it is watched for, or a connection to accept, and then the device is in the
 * ready set. Nothing here ends the guest, whatever the other side does.
 */
#ifndef SOLO5X_VSOCK_H
#define SOLO5X_VSOCK_H

#include "solo5.h"
#include "solo5x.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first four are those of solo5_result_t. */
typedef enum {
	SOLO5X_VSOCK_OK = SOLO5_R_OK,
	SOLO5X_VSOCK_AGAIN,		/* not now: the same call may succeed later */
	SOLO5X_VSOCK_EINVAL,		/* an argument is wrong, or there is no such socket */
	SOLO5X_VSOCK_EUNSPEC,		/* the monitor does not do what it should */
	SOLO5X_VSOCK_ENOTSUP,		/* this monitor has no vsock, or the image does not ask for it */
	SOLO5X_VSOCK_EINUSE,		/* the device is acquired, or the port is listened on */
	SOLO5X_VSOCK_EFULL,		/* as many sockets, or ports, as there can be are in use */
	SOLO5X_VSOCK_EREFUSED,		/* nobody serves the port, or nobody can now */
	SOLO5X_VSOCK_ERESET		/* the other side takes no more */
} solo5x_vsock_result_t;

/* ---- Devices ---- */

#define SOLO5X_VSOCK_SOCKETS_MAX 1023u
#define SOLO5X_VSOCK_PORTS_MAX 32u	/* that can be listened on */
#define SOLO5X_VSOCK_BUFFER_MIN 1024u
#define SOLO5X_VSOCK_BUFFER 65536u	/* a good one, where there is memory */

/*
 * Bytes of memory for so many sockets, each with a buffer of so many bytes. What a device has
 * beyond this makes packets larger and exits rarer, up to 1 MiB each way.
 */
#define SOLO5X_VSOCK_MEMORY(sockets, buffer) \
	(524288u + (size_t)(sockets) * ((size_t)(buffer) + 128u))
/* The least that works. */
#define SOLO5X_VSOCK_MEMORY_MIN(sockets, buffer) \
	(49152u + (size_t)(sockets) * ((size_t)(buffer) + 128u))

struct solo5x_vsock_config {
	void *memory;			/* zero or not; the device's until it is released */
	size_t size;			/* bytes */
	uint32_t sockets;		/* at once, 1 to SOLO5X_VSOCK_SOCKETS_MAX */
	uint32_t buffer;		/* bytes that each can hold until they are read */
};

struct solo5x_vsock_info {
	uint32_t cid;			/* the guest's; the host's is 2 */
};

/*
 * Finds the vsock device that the manifest calls name, and starts it; info may be NULL. ENOTSUP;
 * EINVAL: no such device, or too little memory for it; EINUSE; EUNSPEC.
 */
solo5x_vsock_result_t solo5x_vsock_acquire(const char *name,
					   const struct solo5x_vsock_config *config,
					   solo5_handle_t *handle, struct solo5x_vsock_info *info);

/* Resets all connections; the memory is the application's again. The device can be acquired anew. */
solo5x_vsock_result_t solo5x_vsock_release(solo5_handle_t handle);

/* ---- Connections ---- */

typedef uint64_t solo5x_socket_t;	/* one end of a connection; never 0 */

/*
 * From now on host programs can connect to this port; at most backlog of them wait to be accepted,
 * and take up a socket each. The others are refused.
 */
solo5x_vsock_result_t solo5x_vsock_listen(solo5_handle_t handle, uint32_t port, uint32_t backlog);

/* Ends that; connections that wait to be accepted are reset. EINVAL: nobody listened. */
solo5x_vsock_result_t solo5x_vsock_unlisten(solo5_handle_t handle, uint32_t port);

/* The connection that has waited longest. AGAIN if none has; EINVAL: nobody listens. */
solo5x_vsock_result_t solo5x_vsock_accept(solo5_handle_t handle, uint32_t port,
					  solo5x_socket_t *socket);

/*
 * Asks for a connection to this port of the host. The socket is there at once, and to be closed
 * whatever comes of it. Reading and writing say AGAIN until the host has answered, then EREFUSED if
 * it has refused. EFULL.
 */
solo5x_vsock_result_t solo5x_vsock_connect(solo5_handle_t handle, uint32_t port,
					   solo5x_socket_t *socket);

/*
 * Reads from 1 to size bytes, *n of them; *n is 0 at the end of the stream (and if size is 0). What
 * has come is read before an error is told. AGAIN, EREFUSED, ERESET.
 */
solo5x_vsock_result_t solo5x_vsock_read(solo5x_socket_t socket, void *buf, size_t size, size_t *n);

/*
 * Writes *n bytes, from 1 to size, and does not need them any more. AGAIN: the other side has no
 * room. EREFUSED; ERESET; EINVAL: sending was shut down.
 */
solo5x_vsock_result_t solo5x_vsock_write(solo5x_socket_t socket, const void *buf, size_t size,
					 size_t *n);

#define SOLO5X_VSOCK_SHUT_RECEIVE 1u
#define SOLO5X_VSOCK_SHUT_SEND 2u	/* what was written arrives, and then the end */

/* Ends one direction, or both, for good. AGAIN: not connected yet. EREFUSED, ERESET. */
solo5x_vsock_result_t solo5x_vsock_shutdown(solo5x_socket_t socket, unsigned directions);

/* The application is done with the socket. What was written arrives; what was not read is lost. */
solo5x_vsock_result_t solo5x_vsock_close(solo5x_socket_t socket);

/* ---- Readiness ---- */

#define SOLO5X_VSOCK_READABLE 1u	/* reading would not say AGAIN */
#define SOLO5X_VSOCK_WRITABLE 2u	/* writing would not */

/*
 * What solo5_yield and solo5x_vsock_next look at for this socket; at first SOLO5X_VSOCK_READABLE. An
 * end or error that a call has told is no readiness any more.
 */
solo5x_vsock_result_t solo5x_vsock_watch(solo5x_socket_t socket, unsigned events);

/* What the socket is ready for now, watched or not; 0 if there is no such socket. */
unsigned solo5x_vsock_ready(solo5x_socket_t socket);

/* The next socket, in turn, that is ready for what it is watched for, and for what. AGAIN: none. */
solo5x_vsock_result_t solo5x_vsock_next(solo5_handle_t handle, solo5x_socket_t *socket,
					unsigned *events);

/*
 * ---- Waiting ----
 *
 * For guests that do one thing at a time. These wait in solo5_yield until the monotonic clock
 * reaches deadline, and then say AGAIN; UINT64_MAX is never. While another device has input that
 * nobody takes they use the processor.
 */

solo5x_vsock_result_t solo5x_vsock_accept_wait(solo5_handle_t handle, uint32_t port,
					       solo5_time_t deadline, solo5x_socket_t *socket);

/* Unlike solo5x_vsock_connect, there is a socket only if it is connected. */
solo5x_vsock_result_t solo5x_vsock_connect_wait(solo5_handle_t handle, uint32_t port,
						solo5_time_t deadline, solo5x_socket_t *socket);

/* At least one byte, or the end. */
solo5x_vsock_result_t solo5x_vsock_read_wait(solo5x_socket_t socket, void *buf, size_t size,
					     solo5_time_t deadline, size_t *n);

/* All bytes. Otherwise *n of them were written before what the result tells. */
solo5x_vsock_result_t solo5x_vsock_write_wait(solo5x_socket_t socket, const void *buf, size_t size,
					      solo5_time_t deadline, size_t *n);

#ifdef __cplusplus
}
#endif

#endif
