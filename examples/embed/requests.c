/* SPDX-License-Identifier: ISC */
/*
 * requests.c: a machine per request: threads that make, run and destroy machines, one after the other.
 *
 *	cc -pthread -o requests requests.c $(pkg-config --cflags --libs libhusk)
 *	./requests hello.hvt THREADS REQUESTS
 *
 * The image is read once and shared. At the end it says how far memory and open descriptors have grown
 * since a tenth of the requests was served; nothing should have.
 */
#include <dirent.h>
#include <fcntl.h>
#include <husk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 64

struct image {
	const char *name;
	void *bytes;
	size_t len;
};

struct worker {
	const struct image *image;
	pthread_t thread;
	long requests;
	size_t said;		/* bytes on the console */
	struct husk_error error;
	int bad;
};

static void on_console(void *ctx, const void *text, size_t len)
{
	struct worker *w = ctx;

	(void)text;
	w->said += len;
}

static int serve(struct worker *w)
{
	const struct husk_config config = {
		.size = sizeof config, .console = on_console, .console_ctx = w,
	};
	struct husk *h = husk_create(&config, &w->error);
	char word[] = "Hello_Solo5";
	char *const args[] = {word};
	int status = -1;
	int good = h != NULL && husk_option(h, "--mem=2", &w->error) == 0 &&
		   husk_load_bytes(h, w->image->name, w->image->bytes, w->image->len, 1, args,
				   &w->error) == 0 &&
		   husk_run(h, &status, &w->error) == HUSK_HALTED && status == 0;

	husk_destroy(h);
	return good;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;

	for (long i = 0; i < w->requests && !w->bad; i++)
		w->bad = !serve(w);
	return NULL;
}

static int serve_all(const struct image *image, int threads, long requests)
{
	struct worker workers[THREADS_MAX];
	int n = 0, bad = 0;

	for (; n < threads; n++) {
		workers[n] = (struct worker){.image = image, .requests = requests / threads};
		if (pthread_create(&workers[n].thread, NULL, work, &workers[n]) != 0)
			break;
	}
	bad = n < threads;
	for (int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].bad || workers[i].said == 0)
			fprintf(stderr, "requests: %s\n", workers[i].error.message);
		bad |= workers[i].bad || workers[i].said == 0;
	}
	return bad ? -1 : 0;
}

static long descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	long n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

/* KiB of this process that are in memory. */
static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, pages = 0;

	if (f != NULL && fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int read_image(struct image *image)
{
	FILE *f = fopen(image->name, "rb");
	long size = -1;

	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size > 0 && fseek(f, 0, SEEK_SET) == 0)
		image->bytes = malloc((size_t)size);
	if (image->bytes != NULL)
		image->len = fread(image->bytes, 1, (size_t)size, f);
	if (f != NULL)
		fclose(f);
	return image->len > 0 ? 0 : -1;
}

static int measure(const struct image *image, int threads, long requests)
{
	long memory, files;

	if (serve_all(image, threads, requests / 10 + threads) == -1)
		return -1;
	memory = resident();
	files = descriptors();
	if (serve_all(image, threads, requests) == -1)
		return -1;
	printf("%ld requests, memory grew by %ld KiB, descriptors by %ld\n", requests,
	       resident() - memory, descriptors() - files);
	return 0;
}

int main(int argc, char **argv)
{
	struct image image = {.name = argc > 1 ? argv[1] : ""};
	int threads = argc > 3 ? atoi(argv[2]) : 0, rc;
	long requests = argc > 3 ? atol(argv[3]) : 0;

	if (threads < 1 || threads > THREADS_MAX || requests < threads) {
		fprintf(stderr, "usage: requests IMAGE THREADS REQUESTS\n");
		return 1;
	}
	if (read_image(&image) == -1) {
		fprintf(stderr, "requests: %s cannot be read\n", image.name);
		return 1;
	}
	rc = measure(&image, threads, requests);
	free(image.bytes);
	return rc == 0 ? 0 : 1;
}
