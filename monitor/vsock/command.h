/* SPDX-License-Identifier: ISC */
/* command.h: the line by which a host program says which port of the guest it wants. */
#ifndef HUSK_VSOCK_COMMAND_H
#define HUSK_VSOCK_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define VSOCK_COMMAND_MAX 32u		/* bytes of a line, its end included */
#define VSOCK_ANSWER_MAX 16u

/*
 * Looks at the first n bytes, at most VSOCK_COMMAND_MAX, that a client has sent. Returns how many
 * are the line "CONNECT <port>\n", whose port is *port; 0 if its end has not come yet; -1 if it will
 * never be one. As Firecracker reads it: any case, any white space between the words and around
 * them, further words are ignored, the port is decimal and fits 32 bits.
 */
int vsock_command_parse(const char *line, size_t n, uint32_t *port);

/* "OK <port>\n" in answer, which has VSOCK_ANSWER_MAX bytes. Returns its length. */
size_t vsock_command_answer(uint32_t port, char *answer);

#endif
