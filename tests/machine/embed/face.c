/* SPDX-License-Identifier: ISC */
/* face.c: images from anywhere, the console, structures of other versions, names of the program's own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"

extern int modules, absent_modules, hv_backend, library_version;

static char word[] = "Hello_Solo5";
static char *const words[] = {word};

/* ---- images ---- */

static const char *said_hello(struct run *r)
{
	const char *wrong = ends(r, HUSK_HALTED, 0);

	if (wrong != NULL)
		return wrong;
	r->console[r->len] = '\0';
	return strstr(r->console, "The guest was told \"Hello_Solo5\".\n") != NULL &&
	       strstr(r->console, "Bindings version") != NULL ? NULL : "the console has another text";
}

static const char *from_path(struct run *r)
{
	*r = (struct run){.guest = "hello", .args = {word}};
	const char *wrong = create_and_load(r);

	return wrong != NULL ? wrong : said_hello(r);
}

static const char *from_descriptor(struct run *r)
{
	const char *wrong = create(r);
	int fd = open(image_of("hello"), O_RDONLY);

	if (wrong != NULL || fd == -1)
		return "no image";
	if (husk_load_fd(r->h, "hello", fd, 1, words, &r->e) == -1)
		return r->e.message;
	close(fd);
	return said_hello(r);
}

static size_t read_hello(unsigned char **bytes)
{
	FILE *f = fopen(image_of("hello"), "rb");
	const size_t room = 4 << 20;
	size_t n = 0;

	*bytes = malloc(room);
	if (f != NULL && *bytes != NULL)
		n = fread(*bytes, 1, room, f);
	if (f != NULL)
		fclose(f);
	return n;
}

struct piped {
	int fd;
	unsigned char *bytes;
	size_t n;
};

static void *feed(void *ctx)
{
	struct piped *p = ctx;
	size_t done = 0;
	ssize_t n = 1;

	for (; done < p->n && n > 0; done += n > 0 ? (size_t)n : 0)
		n = write(p->fd, p->bytes + done, p->n - done);
	close(p->fd);
	return NULL;
}

static const char *from_pipe(struct run *r)
{
	const char *wrong = create(r);
	struct piped p;
	pthread_t thread;
	int ends_of[2], rc;

	p.n = read_hello(&p.bytes);
	if (wrong != NULL || p.n == 0 || pipe(ends_of) == -1)
		return "no image";
	p.fd = ends_of[1];
	if (pthread_create(&thread, NULL, feed, &p) != 0)
		return "no thread";
	rc = husk_load_fd(r->h, "pipe", ends_of[0], 1, words, &r->e);
	close(ends_of[0]);
	pthread_join(thread, NULL);
	free(p.bytes);
	return rc == -1 ? r->e.message : said_hello(r);
}

static const char *from_memory(struct run *r)
{
	const char *wrong = create(r);
	unsigned char *bytes;
	size_t n = read_hello(&bytes);

	if (wrong == NULL && husk_load_bytes(r->h, "hello", bytes, n, 1, words, &r->e) == -1)
		wrong = r->e.message;
	if (wrong == NULL)
		wrong = said_hello(r);
	husk_destroy(r->h);
	r->h = NULL;
	free(bytes);
	return wrong;
}

/* A cut at any place is an error, and reads nothing beyond. */
static const char *from_cut_memory(struct run *r)
{
	unsigned char *bytes, *cut;
	size_t n = read_hello(&bytes);
	const char *wrong = n == 0 ? "no image" : NULL;

	for (size_t len = 0; wrong == NULL && len < n; len += 1 + n / 50) {
		cut = malloc(len + 1);
		wrong = create(r);
		if (wrong == NULL && cut != NULL)
			memcpy(cut, bytes, len);
		if (wrong == NULL && husk_load_bytes(r->h, "cut", cut, len, 1, words, &r->e) == 0 &&
		    len < n / 8)
			wrong = "an eighth of an image was loaded";
		husk_destroy(r->h);
		r->h = NULL;
		free(cut);
	}
	free(bytes);
	return wrong;
}

static const char *from_nowhere(struct run *r)
{
	const char *wrong = create(r);

	if (wrong != NULL)
		return wrong;
	if (husk_load_fd(r->h, "none", -1, 0, NULL, &r->e) == 0 || r->e.kind != HUSK_E_USAGE)
		return "-1 was taken for a descriptor";
	if (husk_load_fd(r->h, "none", 900, 0, NULL, &r->e) == 0 || r->e.sys != EBADF)
		return "what is not open was taken for a descriptor";
	return NULL;
}

/* ---- structures of other versions ---- */

/* A program that is newer: more behind what this library knows. */
struct newer {
	struct husk_config config;
	void *more;
};

static struct husk *create_newer(void *more, struct husk_error *e)
{
	const struct newer n = {.config = {.size = sizeof n, .console_fd = -1}, .more = more};

	return husk_create(&n.config, e);
}

static const char *versions(struct run *r)
{
	struct husk_config small = {.size = offsetof(struct husk_config, notice), .console_fd = -1};

	small.console = (void (*)(void *, const void *, size_t))abort;	/* beyond its size: not there */
	r->h = create_newer(&small, &r->e);
	if (r->h != NULL || r->e.kind != HUSK_E_USAGE)
		return "an unknown field was ignored";
	r->h = create_newer(NULL, &r->e);
	if (r->h == NULL)
		return "an unknown field that is 0 was refused";
	husk_destroy(r->h);
	r->h = husk_create(&small, &r->e);
	if (r->h == NULL || husk_option(r->h, "--mem=8", &r->e) == -1 ||
	    husk_load(r->h, image_of("hello"), 1, words, &r->e) == -1)
		return r->e.message;
	return ends(r, HUSK_HALTED, 0);
}

/* ---- names ---- */

static const char *names(struct run *r)
{
	const char *wrong = from_path(r);

	if (wrong != NULL)
		return wrong;
	return modules == 5 && absent_modules == 6 && hv_backend == 7 && library_version == 8 ? NULL :
	       "the library wrote to the program's variables";
}

static const char *version(struct run *r)
{
	(void)r;
	return strcmp(husk_version(), EMBED_VERSION) == 0 ? NULL : husk_version();
}

CHECKS(face_checks,
	{"an image by its path, and the console as a callback", from_path},
	{"an image behind a descriptor", from_descriptor},
	{"one that comes through a pipe", from_pipe},
	{"one in memory", from_memory},
	{"one in memory that is cut anywhere is refused", from_cut_memory},
	{"what is no descriptor is refused", from_nowhere},
	{"structures of older and newer programs", versions},
	{"the program's own names are its own", names},
	{"the version is that of the file VERSION", version});
