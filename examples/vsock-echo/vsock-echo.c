/* SPDX-License-Identifier: ISC */
/*
 * vsock-echo.c: sends back what comes over a connection, one connection after the other.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o vsock-echo.hvt vsock-echo.c manifest.json
 *     husk --mem=4 --vsock:service=listen=7:echo.sock vsock-echo.hvt
 *     socat - UNIX-CONNECT:echo.sock
 *
 * No network and no root: echo.sock is a Unix socket that husk makes, and removes when it ends. Why
 * -mgeneral-regs-only: see ../ping/ping.c.
 *
 * With the argument "connect" the guest connects to a program of the host instead, and ends with
 * the connection:
 *
 *     socat UNIX-LISTEN:host.sock - &
 *     husk --mem=4 --vsock:service=connect=7:host.sock vsock-echo.hvt connect
 */
#include <solo5.h>
#include <string.h>
#include <vsock.h>

#define PORT 7u				/* RFC 862 */
#define NEVER UINT64_MAX
#define SOCKETS 4u			/* one to serve, and some that wait or end */
#define BUFFER 65536u

static uint8_t memory[SOLO5X_VSOCK_MEMORY(SOCKETS, BUFFER)];
static uint8_t bytes[BUFFER];
static solo5_handle_t device;

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

static int fail(const char *text)
{
	print(text);
	return SOLO5_EXIT_FAILURE;
}

/* Until the other side sends no more, or takes no more. */
static void echo(solo5x_socket_t s)
{
	size_t n, written;

	while (solo5x_vsock_read_wait(s, bytes, sizeof bytes, NEVER, &n) == SOLO5X_VSOCK_OK && n > 0)
		if (solo5x_vsock_write_wait(s, bytes, n, NEVER, &written) != SOLO5X_VSOCK_OK)
			break;
	solo5x_vsock_close(s);
}

static int serve(void)
{
	solo5x_socket_t s;

	if (solo5x_vsock_listen(device, PORT, SOCKETS - 2) != SOLO5X_VSOCK_OK)
		return fail("vsock-echo: cannot listen\n");
	print("Waiting for connections to port 7\n");
	while (solo5x_vsock_accept_wait(device, PORT, NEVER, &s) == SOLO5X_VSOCK_OK)
		echo(s);
	return fail("vsock-echo: the monitor does not do what it should\n");
}

static int call(void)
{
	solo5x_socket_t s;

	if (solo5x_vsock_connect_wait(device, PORT, NEVER, &s) != SOLO5X_VSOCK_OK)
		return fail("vsock-echo: nobody serves port 7 of the host\n");
	print("Connected to port 7 of the host\n");
	echo(s);
	return SOLO5_EXIT_SUCCESS;
}

int solo5_app_main(const struct solo5_start_info *info)
{
	static const struct solo5x_vsock_config config = {memory, sizeof memory, SOCKETS, BUFFER};

	if (solo5x_vsock_acquire("service", &config, &device, NULL) != SOLO5X_VSOCK_OK)
		return fail("vsock-echo: this monitor has no vsock\n");
	if (info->cmdline[0] == '\0')
		return serve();
	if (strlen(info->cmdline) == 7 && memcmp(info->cmdline, "connect", 7) == 0)
		return call();
	print("vsock-echo: the argument is connect or nothing, not: ");
	print(info->cmdline);
	return fail("\n");
}
