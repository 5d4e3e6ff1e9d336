/* SPDX-License-Identifier: ISC */
/* vsock.c: the calls of include/vsock.h that do not wait. */
#include "../include/husk_abi.h"
#include "bindings.h"
#include "features.h"
#include "queue.h"
#include "vsock_api.h"
#include "vsock_driver.h"

#define BOTH (SOLO5X_VSOCK_SHUT_RECEIVE | SOLO5X_VSOCK_SHUT_SEND)
_Static_assert(SOLO5X_VSOCK_SHUT_RECEIVE == VSOCK_SHUTDOWN_RECEIVE, "one number for one thing");
_Static_assert(SOLO5X_VSOCK_SHUT_SEND == VSOCK_SHUTDOWN_SEND, "one number for one thing");
_Static_assert(SOLO5X_FEATURE_VSOCK == HUSK_FEATURE_VSOCK, "one number for one thing");
_Static_assert(sizeof(struct socket) <= 128, "SOLO5X_VSOCK_MEMORY counts on it");

static struct driver *drivers;

/* What solo5_yield is to look at and nothing else, while a call waits for it. */
static struct {
	const struct socket *socket;
	const struct listener *listener;
	unsigned events;
} focus;

/* ---- names of things ---- */

static bool is_there(void)
{
	return (solo5x_features() & HUSK_FEATURE_VSOCK) != 0;
}

/* Why there is no such device, or no such socket. */
static solo5x_vsock_result_t why_not(void)
{
	return is_there() ? SOLO5X_VSOCK_EINVAL : SOLO5X_VSOCK_ENOTSUP;
}

static struct driver *driver_of(solo5_handle_t handle)
{
	struct driver *d = drivers;

	while (d != NULL && d->handle != handle)
		d = d->next;
	return d;
}

/* A socket's name: device, index, and which use of the object, so that old names name nothing. */
static solo5x_socket_t name_of(const struct driver *d, const struct socket *s)
{
	return (uint64_t)d->handle << 48 | (uint64_t)(s - d->sockets) << 32 | s->generation;
}

static struct socket *socket_of(solo5x_socket_t name, struct driver **d)
{
	const uint32_t index = name >> 32 & 0xffff;
	struct socket *s;

	*d = driver_of(name >> 48);
	if (*d == NULL || index >= (*d)->n_sockets)
		return NULL;
	s = &(*d)->sockets[index];
	return s->owned && s->generation == (uint32_t)name ? s : NULL;
}

/* ---- readiness ---- */

/* Nothing more comes, and what has come is read. */
static bool is_at_end(const struct socket *s)
{
	return s->held == 0 && s->state != SOCKET_CONNECTING && !socket_may_receive(s);
}

static bool is_broken(const struct socket *s)
{
	return s->state != SOCKET_CONNECTING && !socket_may_send(s);
}

static unsigned readiness(const struct driver *d, const struct socket *s)
{
	unsigned events = 0;

	if (s->held > 0 || (is_at_end(s) && !s->end_told))
		events |= SOLO5X_VSOCK_READABLE;
	if (is_broken(s) ? !s->break_told : driver_can_send(d, s))
		events |= SOLO5X_VSOCK_WRITABLE;
	return events;
}

static bool is_ready(struct driver *d)
{
	for (uint32_t i = 0; i < d->n_listeners; i++)
		if (d->listeners[i].waiting > 0)
			return true;
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		const struct socket *s = &d->sockets[i];

		if (!s->owned)
			continue;
		if ((readiness(d, s) & s->watched) != 0)
			return true;
		/* Completions are wanted only where a sender lacks descriptors and nothing else. */
		d->tx_wanted |= (s->watched & SOLO5X_VSOCK_WRITABLE) != 0 && socket_credit(s) > 0;
	}
	return false;
}

static bool has_focus(void)
{
	return focus.socket != NULL || focus.listener != NULL;
}

static bool focus_is_ready(struct driver *d)
{
	if (focus.listener != NULL)
		return focus.listener->waiting > 0;
	if ((readiness(d, focus.socket) & focus.events) != 0)
		return true;
	if ((focus.events & VSOCK_CONNECTED) != 0)
		return focus.socket->state != SOCKET_CONNECTING;
	d->tx_wanted |= (focus.events & SOLO5X_VSOCK_WRITABLE) != 0 &&
			socket_credit(focus.socket) > 0;
	return false;
}

static bool is_focus_of(const struct driver *d)
{
	const uintptr_t at = focus.socket != NULL ? (uintptr_t)focus.socket :
			     (uintptr_t)focus.listener;

	return focus.socket != NULL ?
	       at - (uintptr_t)d->sockets < d->n_sockets * sizeof d->sockets[0] :
	       at - (uintptr_t)d->listeners < sizeof d->listeners;
}

static solo5_handle_set_t look(solo5_handle_set_t *served)
{
	solo5_handle_set_t ready = 0;

	*served = 0;
	for (struct driver *d = drivers; d != NULL; d = d->next) {
		*served |= 1ull << d->handle;
		driver_progress(d);
		if (has_focus() ? is_focus_of(d) && focus_is_ready(d) : is_ready(d))
			ready |= 1ull << d->handle;
	}
	return ready;
}

static bool arm(void)
{
	bool armed = true;

	for (struct driver *d = drivers; d != NULL; d = d->next)
		armed &= driver_arm(d);
	return armed;
}

static const struct yield_queues vsock_queues = {.look = look, .arm = arm};

void vsock_await(solo5x_socket_t socket, unsigned events, solo5_time_t deadline)
{
	struct driver *d;

	focus.socket = socket_of(socket, &d);
	focus.events = events;
	if (focus.socket != NULL)
		solo5_yield(deadline, NULL);
	focus.socket = NULL;
}

void vsock_await_connection(solo5_handle_t handle, uint32_t port, solo5_time_t deadline)
{
	struct driver *d = driver_of(handle);

	focus.listener = d != NULL ? driver_listener(d, port) : NULL;
	if (focus.listener != NULL)
		solo5_yield(deadline, NULL);
	focus.listener = NULL;
}

/* ---- devices ---- */

static bool is_sensible(const struct solo5x_vsock_config *c)
{
	return c->memory != NULL && c->sockets >= 1 && c->sockets <= SOLO5X_VSOCK_SOCKETS_MAX &&
	       c->buffer >= SOLO5X_VSOCK_BUFFER_MIN && c->buffer <= INT32_MAX;
}

solo5x_vsock_result_t solo5x_vsock_acquire(const char *name,
					   const struct solo5x_vsock_config *config,
					   solo5_handle_t *handle, struct solo5x_vsock_info *info)
{
	struct driver *d;

	if (!is_there())
		return SOLO5X_VSOCK_ENOTSUP;
	if (manifest_find(name, HUSK_DEV_VSOCK, handle) == NULL || !is_sensible(config))
		return SOLO5X_VSOCK_EINVAL;
	if (driver_of(*handle) != NULL)
		return SOLO5X_VSOCK_EINUSE;
	d = driver_create(config, features_queue_size_max());
	if (d == NULL)
		return SOLO5X_VSOCK_EINVAL;
	if (!driver_start(d, *handle))
		return SOLO5X_VSOCK_EUNSPEC;
	d->next = drivers;
	drivers = d;
	yield_queues = &vsock_queues;
	if (info != NULL)
		info->cid = (uint32_t)d->cid;
	return SOLO5X_VSOCK_OK;
}

solo5x_vsock_result_t solo5x_vsock_release(solo5_handle_t handle)
{
	struct driver **at = &drivers, *d = driver_of(handle);

	if (d == NULL)
		return why_not();
	queue_take_back(handle);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	return SOLO5X_VSOCK_OK;
}

/* ---- ports and connections ---- */

solo5x_vsock_result_t solo5x_vsock_listen(solo5_handle_t handle, uint32_t port, uint32_t backlog)
{
	struct driver *d = driver_of(handle);

	if (d == NULL || backlog == 0)
		return why_not();
	if (driver_listener(d, port) != NULL)
		return SOLO5X_VSOCK_EINUSE;
	if (d->n_listeners == SOLO5X_VSOCK_PORTS_MAX)
		return SOLO5X_VSOCK_EFULL;
	d->listeners[d->n_listeners++] = (struct listener){.port = port, .backlog = backlog};
	return SOLO5X_VSOCK_OK;
}

static struct socket *first_waiting(struct driver *d, uint32_t port)
{
	struct socket *first = NULL;

	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[i];

		if (s->waits && s->guest_port == port &&
		    (first == NULL || (int32_t)(s->arrival - first->arrival) < 0))
			first = s;
	}
	return first;
}

static void stop_waiting(struct listener *l, struct socket *s)
{
	l->waiting--;
	s->waits = false;
}

solo5x_vsock_result_t solo5x_vsock_unlisten(solo5_handle_t handle, uint32_t port)
{
	struct driver *d = driver_of(handle);
	struct listener *l = d != NULL ? driver_listener(d, port) : NULL;
	struct socket *s;

	if (l == NULL)
		return why_not();
	while ((s = first_waiting(d, port)) != NULL) {
		stop_waiting(l, s);
		socket_reset(s, SOCKET_RESET);
		d->owing = true;
	}
	*l = d->listeners[--d->n_listeners];
	driver_send_owed(d);
	return SOLO5X_VSOCK_OK;
}

solo5x_vsock_result_t solo5x_vsock_accept(solo5_handle_t handle, uint32_t port,
					  solo5x_socket_t *socket)
{
	struct driver *d = driver_of(handle);
	struct listener *l = d != NULL ? driver_listener(d, port) : NULL;
	struct socket *s;

	if (l == NULL)
		return why_not();
	if (l->waiting == 0)
		driver_progress(d);
	if (l->waiting == 0)
		return d->failed ? SOLO5X_VSOCK_EUNSPEC : SOLO5X_VSOCK_AGAIN;
	s = first_waiting(d, port);
	stop_waiting(l, s);
	s->owned = true;
	*socket = name_of(d, s);
	return SOLO5X_VSOCK_OK;
}

solo5x_vsock_result_t solo5x_vsock_connect(solo5_handle_t handle, uint32_t port,
					   solo5x_socket_t *socket)
{
	struct driver *d = driver_of(handle);
	struct socket *s;

	if (d == NULL)
		return why_not();
	driver_progress(d);
	if (d->failed)
		return SOLO5X_VSOCK_EUNSPEC;
	s = driver_new_socket(d, SOCKET_CONNECTING, driver_new_port(d, port), port);
	if (s == NULL)
		return SOLO5X_VSOCK_EFULL;
	s->owned = true;
	s->owes = SOCKET_OWES_REQUEST;
	d->owing = true;
	*socket = name_of(d, s);
	driver_send_owed(d);
	return SOLO5X_VSOCK_OK;
}

static solo5x_vsock_result_t error_of(const struct socket *s)
{
	return s->end == SOCKET_REFUSED ? SOLO5X_VSOCK_EREFUSED : SOLO5X_VSOCK_ERESET;
}

solo5x_vsock_result_t vsock_connected(solo5x_socket_t socket)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL)
		return why_not();
	driver_progress(d);
	if (s->state == SOCKET_CONNECTING)
		return SOLO5X_VSOCK_AGAIN;
	return s->end == SOCKET_REFUSED ? error_of(s) : SOLO5X_VSOCK_OK;
}

/* ---- bytes ---- */

/* Nothing more comes: because it was said so, or because the connection broke? */
static solo5x_vsock_result_t tell_end(struct socket *s)
{
	const bool in_order = s->end == SOCKET_ENDED ||
			      (s->own_shut & VSOCK_SHUTDOWN_RECEIVE) != 0 ||
			      (s->peer_shut & VSOCK_SHUTDOWN_SEND) != 0;

	s->end_told = true;
	s->break_told |= !in_order;
	return in_order ? SOLO5X_VSOCK_OK : error_of(s);
}

/* What is on its way goes to buf, behind what was kept. Returns how many bytes in all. */
static uint32_t fetch(struct driver *d, struct socket *s, uint8_t *buf, uint32_t size)
{
	uint32_t n = socket_take(s, buf, size);

	if (n < size) {
		d->sink = (struct sink){s, buf + n, size - n};
		d->owing |= s->owes != 0;
		driver_progress(d);
		n = size - d->sink.room;
		d->sink.socket = NULL;
	}
	return n;
}

solo5x_vsock_result_t solo5x_vsock_read(solo5x_socket_t socket, void *buf, size_t size, size_t *n)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL)
		return why_not();
	*n = fetch(d, s, buf, size < UINT32_MAX ? (uint32_t)size : UINT32_MAX);
	if (s->owes != 0) {
		d->owing = true;
		driver_send_owed(d);
	}
	if (*n > 0 || size == 0)
		return SOLO5X_VSOCK_OK;
	return is_at_end(s) ? tell_end(s) : SOLO5X_VSOCK_AGAIN;
}

static solo5x_vsock_result_t tell_break(struct socket *s)
{
	s->break_told = true;
	if (s->state == SOCKET_OPEN && (s->own_shut & VSOCK_SHUTDOWN_SEND) != 0)
		return SOLO5X_VSOCK_EINVAL;
	return error_of(s);
}

solo5x_vsock_result_t solo5x_vsock_write(solo5x_socket_t socket, const void *buf, size_t size,
					 size_t *n)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);
	uint32_t sent;

	if (s == NULL)
		return why_not();
	*n = 0;
	driver_progress(d);
	if (is_broken(s))
		return tell_break(s);
	while (*n < size && (sent = driver_send(d, s, (const uint8_t *)buf + *n, size - *n)) > 0)
		*n += sent;
	return *n > 0 || size == 0 ? SOLO5X_VSOCK_OK : SOLO5X_VSOCK_AGAIN;
}

solo5x_vsock_result_t solo5x_vsock_shutdown(solo5x_socket_t socket, unsigned directions)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL || (directions & ~BOTH) != 0 || directions == 0)
		return why_not();
	driver_progress(d);
	if (s->state == SOCKET_CONNECTING)
		return SOLO5X_VSOCK_AGAIN;
	if (s->state != SOCKET_OPEN)
		return s->end == SOCKET_ENDED ? SOLO5X_VSOCK_OK : error_of(s);
	socket_shut(s, directions);
	d->owing = true;
	driver_send_owed(d);
	return SOLO5X_VSOCK_OK;
}

solo5x_vsock_result_t solo5x_vsock_close(solo5x_socket_t socket)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL)
		return why_not();
	driver_progress(d);
	s->owned = false;
	driver_close(d, s);
	driver_send_owed(d);
	return SOLO5X_VSOCK_OK;
}

/* ---- readiness, asked for ---- */

solo5x_vsock_result_t solo5x_vsock_watch(solo5x_socket_t socket, unsigned events)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL || (events & ~(SOLO5X_VSOCK_READABLE | SOLO5X_VSOCK_WRITABLE)) != 0)
		return why_not();
	s->watched = (uint8_t)events;
	return SOLO5X_VSOCK_OK;
}

unsigned solo5x_vsock_ready(solo5x_socket_t socket)
{
	struct driver *d;
	struct socket *s = socket_of(socket, &d);

	if (s == NULL)
		return 0;
	driver_progress(d);
	return readiness(d, s);
}

solo5x_vsock_result_t solo5x_vsock_next(solo5_handle_t handle, solo5x_socket_t *socket,
					unsigned *events)
{
	struct driver *d = driver_of(handle);

	if (d == NULL)
		return why_not();
	driver_progress(d);
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[d->last_ready = (d->last_ready + 1) % d->n_sockets];

		*events = s->owned ? readiness(d, s) & s->watched : 0;
		if (*events == 0)
			continue;
		*socket = name_of(d, s);
		return SOLO5X_VSOCK_OK;
	}
	return SOLO5X_VSOCK_AGAIN;
}
