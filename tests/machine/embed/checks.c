/* SPDX-License-Identifier: ISC */
/*
 * checks.c: checks of the library in a program that embeds it: checks GUESTS, with the folder of images.
 *
 * Sees of husk what is installed: husk.h and libhusk.a.
 */
#include "checks.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *guests;

const char *image_of(const char *guest)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s.hvt", guests, guest);
	return path;
}

static void on_console(void *ctx, const void *text, size_t len)
{
	struct run *r = ctx;

	if (len < sizeof r->console - r->len) {
		memcpy(r->console + r->len, text, len);
		__atomic_store_n(&r->len, r->len + len, __ATOMIC_RELEASE);
	}
}

const char *create(struct run *r)
{
	const struct husk_config config = {
		.size = sizeof config, .console = on_console, .console_ctx = r,
		.attend = r->attend, .attend_ctx = r,
	};

	r->h = husk_create(&config, &r->e);
	if (r->h == NULL || husk_option(r->h, "--mem=8", &r->e) == -1)
		return r->e.message;
	for (int i = 0; i < 3 && r->options[i] != NULL; i++)
		if (husk_option(r->h, r->options[i], &r->e) == -1)
			return r->e.message;
	return NULL;
}

const char *load(struct run *r)
{
	int n = 0;

	while (n < 4 && r->args[n] != NULL)
		n++;
	return husk_load(r->h, image_of(r->guest), n, (char *const *)(const void *)r->args, &r->e) == 0 ?
	       NULL : r->e.message;
}

const char *create_and_load(struct run *r)
{
	const char *wrong = create(r);

	return wrong != NULL ? wrong : load(r);
}

const char *ends(struct run *r, enum husk_end end, int status)
{
	static char text[500];
	enum husk_end got = husk_run(r->h, &r->status, &r->e);

	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	if (got == end && (got == HUSK_FAILED || r->status == status))
		return NULL;
	snprintf(text, sizeof text, "end %d, status %d: %s", got, r->status, r->e.message);
	return text;
}

void wait_for_words(struct run *r)
{
	while (__atomic_load_n(&r->len, __ATOMIC_ACQUIRE) == 0 &&
	       !__atomic_load_n(&r->over, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static int run_all(const struct check *c, int *number)
{
	int bad = 0;

	for (; c->name != NULL; c++) {
		struct run r = {0};
		const char *wrong = c->check(&r);

		printf("%sok %d - %s\n", wrong == NULL ? "" : "not ", ++*number, c->name);
		if (wrong != NULL)
			printf("# %s\n", wrong);
		fflush(stdout);
		bad += wrong != NULL;
		husk_destroy(r.h);
	}
	return bad;
}

int main(int argc, char **argv)
{
	int number = 0, bad;

	if (argc != 2) {
		fprintf(stderr, "usage: checks GUESTS\n");
		return 2;
	}
	guests = argv[1];
	signal(SIGPIPE, SIG_IGN);
	bad = run_all(run_checks, &number) + run_all(device_checks, &number) +
	      run_all(face_checks, &number);
	printf("1..%d\n", number);
	return bad == 0 ? 0 : 1;
}
