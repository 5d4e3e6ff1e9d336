/* SPDX-License-Identifier: ISC */
/*
 * hello.c: runs one unikernel within this program, for at most ten seconds, and says how it ended.
 *
 *	cc -o hello hello.c $(pkg-config --cflags --libs libhusk)
 *	./hello hello.hvt ARGUMENT...
 *
 * What the guest prints comes through a callback, so that a program can do with it what it likes.
 */
#include <husk.h>
#include <stdio.h>

static void on_console(void *ctx, const void *text, size_t len)
{
	size_t *written = ctx;

	*written += fwrite(text, 1, len, stdout);
}

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "hello: %s\n", text);
}

static int tell(const struct husk *h, enum husk_end end, int status)
{
	struct husk_ending how = {.size = sizeof how};

	husk_ending(h, &how);
	fflush(stdout);
	if (end == HUSK_HALTED)
		fprintf(stderr, "hello: the guest ended with status %d\n", status);
	if (end == HUSK_TIMED_OUT)
		fprintf(stderr, "hello: ten seconds are over\n");
	if (how.located && how.how != HUSK_HOW_EXIT)
		fprintf(stderr, "hello: it was at 0x%llx%s%s\n", (unsigned long long)how.address,
			how.function[0] == '\0' ? "" : ", in ", how.function);
	return end == HUSK_HALTED ? status : 1;
}

static int run(struct husk *h, int argc, char **argv, struct husk_error *e)
{
	enum husk_end end;
	int status = 0;

	if (husk_option(h, "--mem=64M", e) == -1 || husk_load(h, argv[1], argc - 2, argv + 2, e) == -1)
		return -1;
	end = husk_run_for(h, UINT64_C(10000000000), &status, e);
	return end == HUSK_FAILED ? -1 : tell(h, end, status);
}

int main(int argc, char **argv)
{
	size_t written = 0;
	const struct husk_config config = {
		.size = sizeof config, .console = on_console, .console_ctx = &written,
		.notice = on_notice,
	};
	struct husk_error e = {0};
	struct husk *h;
	int status = -1;

	if (argc < 2) {
		fprintf(stderr, "usage: hello IMAGE [ARGUMENT...]\n");
		return 1;
	}
	h = husk_create(&config, &e);
	if (h != NULL)
		status = run(h, argc, argv, &e);
	if (status == -1)
		fprintf(stderr, "hello: %s\n", e.message);
	husk_destroy(h);
	return status == -1 ? 1 : status & 0xff;
}
