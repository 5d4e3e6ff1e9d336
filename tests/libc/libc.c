/* SPDX-License-Identifier: ISC */
/*
 * libc.c: what husk-cc --libc promises, asked of it from inside: integers and text alone, so that it
 * runs on every KVM. Its first argument names the end: return, exit, assert or abort.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <solo5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static int failures;

#define CHECK(cond) \
	((cond) ? (void)0 : (void)(failures++, printf("FAILED %s:%d: %s\n", __FILE__, __LINE__, #cond)))

static bool constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed = true;
}

static void check_stdio(void)
{
	char text[64];
	int a, b;

	CHECK(snprintf(text, sizeof text, "%-5s|%05d|%llx|%" PRIu64, "ab", -42, 0x123456789abcull,
		       UINT64_MAX) == 45);
	CHECK(strcmp(text, "ab   |-0042|123456789abc|18446744073709551615") == 0);
	CHECK(sscanf("17 and 23", "%d and %d", &a, &b) == 2 && a == 17 && b == 23);
	CHECK(getchar() == EOF);
	printf("a line in ");
	printf("two pieces\n");
	fprintf(stderr, "and one for stderr\n");
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void check_stdlib(void)
{
	int list[] = {5, 3, 9, 1}, key = 9;
	char *end;

	qsort(list, 4, sizeof list[0], by_value);
	CHECK(list[0] == 1 && list[3] == 9);
	CHECK(bsearch(&key, list, 4, sizeof list[0], by_value) == &list[3]);
	CHECK(strtol("0x7fz", &end, 0) == 127 && *end == 'z');
	errno = 0;
	CHECK(strtol("99999999999999999999", NULL, 10) == LONG_MAX && errno == ERANGE);
	CHECK(strcmp(strerror(ENOMEM), strerror(EINVAL)) != 0);
	CHECK(toupper('a') == 'A' && isdigit('7'));
}

/* All that there is, and all of it again. */
static size_t fill(void)
{
	static void *blocks[4096];
	size_t n = 0;

	while (n < sizeof blocks / sizeof blocks[0] && (blocks[n] = malloc(65000)) != NULL) {
		memset(blocks[n], (int)n, 65000);
		n++;
	}
	CHECK(n == sizeof blocks / sizeof blocks[0] || errno == ENOMEM);
	for (size_t i = 0; i < n; i++) {
		CHECK(*(unsigned char *)blocks[i] == (unsigned char)i);
		free(blocks[i]);
	}
	return n;
}

static void check_malloc(void)
{
	int *list = calloc(10, sizeof *list);
	size_t first = fill();

	CHECK(list != NULL && list[9] == 0);
	list = realloc(list, 1000 * sizeof *list);
	CHECK(list != NULL && list[9] == 0);
	free(list);
	CHECK(first >= 10 && fill() >= first);
	CHECK(malloc((size_t)1 << 40) == NULL);
}

static void check_time(void)
{
	struct timeval before, after;
	clock_t start = clock();
	time_t now = time(NULL);

	CHECK(gettimeofday(&before, NULL) == 0);
	while (clock() - start < CLOCKS_PER_SEC / 50)
		;
	CHECK(gettimeofday(&after, NULL) == 0);
	/* How the two clocks of a host agree is not ours to say. */
	CHECK(after.tv_sec >= before.tv_sec && after.tv_usec >= 0 && after.tv_usec < 1000000);
	CHECK(now > 1700000000 && before.tv_sec - now <= 1);
	CHECK(solo5_clock_wall() / 1000000000 - (uint64_t)now <= 2);
}

static void check_setjmp(void)
{
	static jmp_buf back;
	static volatile int times;
	int value = setjmp(back);

	CHECK(value == (times == 0 ? 0 : 7));
	if (times++ == 0)
		longjmp(back, 7);
	CHECK(times == 2);
}

static void at_exit(void)
{
	printf("at exit, with no newline");
}

static void check_words(int argc, char **argv)
{
	CHECK(argc >= 2 && argv[argc] == NULL);
	CHECK(argc < 4 || (strcmp(argv[2], "two") == 0 && strcmp(argv[3], "words") == 0));
}

int main(int argc, char **argv)
{
	const char *end = argc > 1 ? argv[1] : "return";

	CHECK(constructed);
	check_words(argc, argv);
	check_stdio();
	check_stdlib();
	check_malloc();
	check_time();
	check_setjmp();
	atexit(at_exit);
	printf("%s\n", failures == 0 ? "SUCCESS" : "FAILURE");
	if (strcmp(end, "exit") == 0)
		exit(failures == 0 ? 17 : 1);
	assert(strcmp(end, "assert") != 0);
	if (strcmp(end, "abort") == 0)
		abort();
	return failures == 0 ? 3 : 1;
}
