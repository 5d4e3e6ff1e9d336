/* SPDX-License-Identifier: ISC */
/* devices.c: network devices that are the program's own: by callback, and by descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"

/* RFC 826: who has 10.0.0.2? Asked by 10.0.0.1. */
static const uint8_t question[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
};

static bool is_answer(const uint8_t *frame, size_t len)
{
	return len == sizeof question && memcmp(frame, question + 6, 6) == 0 && frame[21] == 2 &&
	       frame[31] == 2;
}

static const char *ping(struct run *r, const char *option)
{
	*r = (struct run){.guest = "example-ping", .args = {"--solo5:quiet"}, .options = {option}};
	return create(r);
}

/* ---- by callback ---- */

static void on_frame(void *ctx, const void *frame, size_t len)
{
	struct run *r = ctx;

	if (is_answer(frame, len))
		husk_stop(r->h, 3);
}

static void *ask_soon(void *ctx)
{
	struct run *r = ctx;
	struct husk_error ignored;

	for (int i = 0; i < 1000 && !__atomic_load_n(&r->over, __ATOMIC_ACQUIRE); i++) {
		usleep(20000);
		(void)husk_net_deliver(r->h, "service0", question, sizeof question, &ignored);
	}
	if (!__atomic_load_n(&r->over, __ATOMIC_ACQUIRE))
		husk_stop(r->h, 4);
	return NULL;
}

static const char *callback(struct run *r, const char *option)
{
	const struct husk_net net = {.size = sizeof net, .send = on_frame, .ctx = r};
	const char *wrong = ping(r, option);
	pthread_t thread;

	if (wrong != NULL)
		return wrong;
	if (husk_net(r->h, "service0", &net, &r->e) == -1)
		return r->e.message;
	wrong = load(r);
	if (wrong != NULL)
		return wrong;
	if (pthread_create(&thread, NULL, ask_soon, r) != 0)
		return "no thread";
	wrong = ends(r, HUSK_STOPPED, 3);
	pthread_join(thread, NULL);
	return wrong;
}

static const char *by_callback(struct run *r)
{
	return callback(r, NULL);
}

static const char *by_callback_without_ring(struct run *r)
{
	return callback(r, "--no-net-ring");
}

static const char *refusals(struct run *r)
{
	const struct husk_net net = {.size = sizeof net, .send = on_frame}, none = {0};
	const char *wrong = ping(r, NULL);
	int n = 0;

	if (wrong != NULL)
		return wrong;
	if (husk_net(r->h, "service0", &none, &r->e) == 0 || r->e.kind != HUSK_E_USAGE ||
	    husk_net(r->h, "a:b", &net, &r->e) == 0 || r->e.kind != HUSK_E_USAGE)
		return "what cannot be attached was";
	if (husk_net(r->h, "service0", &net, &r->e) == -1)
		return r->e.message;
	if (husk_net_deliver(r->h, "other", question, sizeof question, &r->e) == 0 ||
	    r->e.kind != HUSK_E_USAGE)
		return "a device that is not there took a frame";
	if (husk_net_deliver(r->h, "service0", question, 13, &r->e) == 0 || r->e.sys != EMSGSIZE)
		return "what is no frame was taken";
	while (n < 100000 && husk_net_deliver(r->h, "service0", question, sizeof question, &r->e) == 0)
		n++;
	return n >= 32 && n < 100000 && r->e.sys == EAGAIN ? NULL : "there was no end, or no room";
}

static const char *nothing_there(struct run *r)
{
	const struct husk_net net = {.size = sizeof net, .send = on_frame};

	*r = (struct run){.guest = "hello"};
	const char *wrong = create(r);

	if (wrong != NULL)
		return wrong;
	if (husk_net(r->h, "service0", &net, &r->e) == -1)
		return r->e.message;
	return load(r) != NULL && r->e.kind == HUSK_E_USAGE ? NULL : "the image has no such device";
}

/* ---- by descriptors: an end of a pair of sockets, or ends of two pipes ---- */

struct wire {
	struct run *r;
	int to, from;		/* the guest */
	int device[2];		/* the guest's: what it reads from, and what it writes to */
};

static void *ask_by_wire(void *ctx)
{
	const struct wire *w = ctx;
	uint8_t frame[2000];
	ssize_t n;

	(void)!write(w->to, question, sizeof question);
	do {
		n = read(w->from, frame, sizeof frame);
	} while (n > 0 && !is_answer(frame, (size_t)n));
	husk_stop(w->r->h, n > 0 ? 3 : 4);
	return NULL;
}

static const char *by_wire(struct run *r, struct wire *w, const char *option)
{
	const char *wrong = ping(r, option);
	pthread_t thread;

	w->r = r;
	if (wrong == NULL)
		wrong = load(r);
	if (wrong == NULL && pthread_create(&thread, NULL, ask_by_wire, w) == 0) {
		wrong = ends(r, HUSK_STOPPED, 3);
		pthread_join(thread, NULL);
	}
	close(w->to);
	close(w->device[0]);
	r->options[0] = NULL;
	return wrong;
}

static const char *by_sockets(struct run *r)
{
	struct wire w;
	char option[40];
	int ends_of[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends_of) == -1)
		return "no pair";
	w.to = w.from = ends_of[0];
	w.device[0] = ends_of[1];
	snprintf(option, sizeof option, "--net:service0=@%d", ends_of[1]);
	return by_wire(r, &w, option);
}

static const char *by_pipes(struct run *r)
{
	struct wire w;
	char option[60];
	int in[2], out[2];
	const char *wrong;

	if (pipe2(in, O_DIRECT) == -1 || pipe2(out, O_DIRECT) == -1)
		return "no pipes";
	w = (struct wire){.to = in[1], .from = out[0], .device = {in[0], out[1]}};
	snprintf(option, sizeof option, "--net:service0=@%d,@%d", in[0], out[1]);
	wrong = by_wire(r, &w, option);
	close(out[0]);
	close(out[1]);
	return wrong;
}

CHECKS(device_checks,
	{"a network device by callback, with the ring", by_callback},
	{"and without", by_callback_without_ring},
	{"what is no device, no frame, or too much, is refused", refusals},
	{"a device that the image does not have", nothing_there},
	{"a network device by a pair of sockets", by_sockets},
	{"and by two pipes, one for each direction", by_pipes});
