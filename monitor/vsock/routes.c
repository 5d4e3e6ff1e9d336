/* SPDX-License-Identifier: ISC */
/* routes.c: opens what the words of --vsock name. */
#include "routes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "words.h"

/* What is there need not listen yet, but nobody will ever listen at another kind of file. */
static int check_target(const struct unix_place *p, struct husk_error *e)
{
	struct stat st;

	if (fstatat(p->dir, p->name, &st, 0) == 0 && !S_ISSOCK(st.st_mode))
		return husk_fail(e, HUSK_E_HOST, "%s: it is no socket", p->path);
	return 0;
}

static int add_connect(struct vsock_routes *r, const struct vsock_word *w, struct husk_error *e)
{
	struct vsock_route *new = &r->connects[r->n_connects];

	if (unix_place_open(&new->place, w->path, w->path_len, e) == -1)
		return -1;
	new->port = w->port;
	new->listener.fd = -1;
	r->n_connects++;
	return check_target(&new->place, e);
}

static int listen_at(struct vsock_route *new, bool look, struct husk_error *e)
{
	return look ? unix_listener_look(&new->place, e) :
	       unix_listener_open(&new->listener, &new->place, e);
}

static int add_listen(struct vsock_routes *r, const struct vsock_word *w, bool look,
		      struct husk_error *e)
{
	struct vsock_route *new = &r->listens[r->n_listens];

	new->port = w->port;
	new->place.dir = new->listener.fd = -1;
	if (w->fd != -1) {
		r->n_listens++;
		return unix_listener_adopt(&new->listener, w->fd, look, e);
	}
	if (unix_place_open(&new->place, w->path, w->path_len, e) == -1)
		return -1;
	r->n_listens++;
	if (w->key == VSOCK_WORD_UDS)
		r->prefix = &new->place;
	return listen_at(new, look, e);
}

static int add(struct vsock_routes *r, const struct vsock_word *w, bool look, struct husk_error *e)
{
	switch (w->key) {
	case VSOCK_WORD_CID:
		r->cid = w->cid;
		return 0;
	case VSOCK_WORD_CONNECT:
		return add_connect(r, w, e);
	case VSOCK_WORD_LISTEN:
	case VSOCK_WORD_UDS:
		return add_listen(r, w, look, e);
	}
	return -1;
}

static unsigned count_words(const char *value)
{
	unsigned n = 1;

	for (; (value = strchr(value, ',')) != NULL; value++)
		n++;
	return n;
}

int vsock_routes_open(struct vsock_routes *r, const char *value, bool look, struct husk_error *e)
{
	const unsigned room = count_words(value);
	struct vsock_word w;
	int rc;

	*r = (struct vsock_routes){
		.cid = VSOCK_CID_DEFAULT,
		.connects = calloc(room, sizeof *r->connects),
		.listens = calloc(room, sizeof *r->listens),
	};
	if (r->connects == NULL || r->listens == NULL) {
		vsock_routes_close(r);
		return husk_fail_sys(e, ENOMEM, "sockets for vsock");
	}
	while ((rc = vsock_words_next(&value, &w, e)) == 1)
		if (add(r, &w, look, e) == -1) {
			husk_wrap(e, "`%.*s'", w.text_len < 120 ? w.text_len : 120, w.text);
			rc = -1;
			break;
		}
	if (rc == -1)
		vsock_routes_close(r);
	return rc;
}

static void close_all(struct vsock_route *list, unsigned n)
{
	while (n-- > 0) {
		unix_listener_close(&list[n].listener);
		unix_place_close(&list[n].place);
	}
	free(list);
}

void vsock_routes_close(struct vsock_routes *r)
{
	close_all(r->connects, r->n_connects);
	close_all(r->listens, r->n_listens);
	*r = (struct vsock_routes){0};
}

int vsock_routes_connect(const struct vsock_routes *r, uint32_t port)
{
	char suffix[sizeof "_4294967295"];

	for (unsigned i = 0; i < r->n_connects; i++)
		if (r->connects[i].port == port)
			return unix_socket_connect(&r->connects[i].place, NULL);
	if (r->prefix == NULL)
		return -ECONNREFUSED;
	snprintf(suffix, sizeof suffix, "_%u", port);
	return unix_socket_connect(r->prefix, suffix);
}

int vsock_routes_accept(const struct vsock_routes *r, int fd)
{
	for (unsigned i = 0; i < r->n_listens; i++)
		if (r->listens[i].listener.fd == fd)
			return unix_listener_accept(&r->listens[i].listener);
	return -EBADF;
}

void vsock_routes_limit(const struct vsock_routes *r, struct sandbox *s)
{
	for (unsigned i = 0; i < r->n_listens; i++)
		if (r->listens[i].listener.place != NULL)
			sandbox_will_remove(s, r->listens[i].place.dir);
}

static void confine_all(struct vsock_route *list, unsigned n, unsigned uses, struct sandbox *s)
{
	for (unsigned i = 0; i < n; i++) {
		struct unix_listener *l = &list[i].listener;

		sandbox_keep(s, list[i].place.dir, uses);
		sandbox_keep(s, l->fd, SANDBOX_ACCEPTS | SANDBOX_BOTH_WAYS | SANDBOX_FLAGS);
		l->file_stays = l->place != NULL && !sandbox_may_remove(s);
	}
}

/* Where a connection leads cannot be checked, as its address is made when it is needed. */
void vsock_routes_confine(struct vsock_routes *r, struct sandbox *s)
{
	confine_all(r->connects, r->n_connects, SANDBOX_CONNECTS, s);
	confine_all(r->listens, r->n_listens, SANDBOX_REMOVES, s);
	if (r->prefix != NULL)
		sandbox_keep(s, r->prefix->dir, SANDBOX_CONNECTS);
	if (r->n_connects == 0 && r->prefix == NULL)
		return;
	s->values[SANDBOX_FAMILY] = AF_UNIX;
	s->values[SANDBOX_ADDRESS] = sizeof(struct sockaddr_un);
}
