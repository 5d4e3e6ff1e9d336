/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of socket devices, for the sandbox. */
#include <fcntl.h>
#include <sys/socket.h>

#include "sandbox_rules.h"

static const struct rule list[] = {
	/* bytes of connections */
	{.call = "readv"},
	{.call = "sendmsg"},
	{.call = "recvfrom", .checks = {NULL_IS(4)}},
	{.call = "shutdown"},

	/* a program comes; an inherited socket that listens may have lost O_NONBLOCK */
	{.call = "accept4", .checks = {NULL_IS(1)}},
	{.call = "fcntl", .checks = {INT_IS(1, F_GETFL)}},
	{.call = "fcntl", .checks = {INT_IS(1, F_SETFL)}},

	/* the guest connects: place_linux.c */
	{.call = "socket", .checks = {
		INT_FROM(0, SANDBOX_FAMILY), INT_IS(1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC),
		INT_IS(2, 0),
	}},
	{.call = "connect", .checks = {INT_FROM(2, SANDBOX_ADDRESS)}},

	/* the end: the file of a socket that listens is removed, where landlock limits that */
	{.call = "newfstatat", .checks = {INT_FROM(3, SANDBOX_LSTAT)}},
	{.call = "unlinkat", .checks = {INT_FROM(2, SANDBOX_UNLINK)}},
};

extern const struct rules rules_vsock;
const struct rules rules_vsock = {"vsock", list, sizeof list / sizeof list[0], SANDBOX_REST};
