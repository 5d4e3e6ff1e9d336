/* SPDX-License-Identifier: ISC */
/* test_main_messages.c: messages wait for nobody and are counted when lost; answers arrive or fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/main_messages.h"
#include "emulated.h"

#define AT_ONCE_MS (MESSAGES_PATIENCE_MS / 2)

static struct {
	int asked;		/* the signal that asks for the end */
	unsigned looks;		/* at that, until it is there; 0: it is as asked says */
	bool close_fails, no_stream;
} host;

int __wrap_signals_asked(void);
int __real_close(int fd);
int __wrap_close(int fd);
FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t calls);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t calls);

int __wrap_signals_asked(void)
{
	if (host.looks != 0 && --host.looks == 0)
		host.asked = 15;
	return host.asked;
}

int __wrap_close(int fd)
{
	int rc = __real_close(fd);

	errno = EDQUOT;
	return host.close_fails ? -1 : rc;
}

FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t calls)
{
	errno = ENOMEM;
	return host.no_stream ? NULL : __real_fopencookie(cookie, mode, calls);
}

struct fixture {
	int ends[2];
	struct messages m;
	struct husk_error e;
	char text[100000];
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&host, 0, sizeof host);
	memset(&f, 0, sizeof f);
	*state = &f;
	messages_init(&f.m, "prog");
	if (pipe2(f.ends, O_CLOEXEC) == -1)
		return -1;
	messages_redirect(&f.m, f.ends[1]);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	messages_fini(&f->m);
	host.close_fails = false;
	close(f->ends[0]);
	close(f->ends[1]);
	return 0;
}

static const char *taken(struct fixture *f)
{
	ssize_t n;

	assert_int_not_equal(fcntl(f->ends[0], F_SETFL, O_NONBLOCK), -1);
	n = read(f->ends[0], f->text, sizeof f->text - 1);
	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static void fill(struct fixture *f)
{
	static const char page[4096];

	assert_int_not_equal(fcntl(f->ends[1], F_SETFL, O_NONBLOCK), -1);
	while (write(f->ends[1], page, sizeof page) > 0)
		continue;
	assert_int_not_equal(fcntl(f->ends[1], F_SETFL, 0), -1);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- messages ---- */

static void a_message_is_one_harmless_line(void **state)
{
	struct fixture *f = *state;

	messages_say(&f->m, "a\nb\033[31mc\177d \303\274");
	assert_string_equal(taken(f), "prog: a?b?[31mc?d \303\274\n");
	messages_say(&f->m, "");
	assert_string_equal(taken(f), "prog: \n");
}

static void a_message_of_any_length_is_a_line(void **state)
{
	struct fixture *f = *state;
	char text[5000];

	memset(text, 'x', sizeof text);
	for (size_t len = 380; len < sizeof text; len = len < 2000 ? len + 1 : len + 700) {
		const char *got;
		size_t n;

		text[len] = '\0';
		messages_say(&f->m, text);
		text[len] = 'x';
		got = taken(f);
		n = strlen(got);
		assert_memory_equal(got, "prog: xxx", 9);
		assert_true(got[n - 1] == '\n' && strchr(got, '\n') == got + n - 1);
	}
}

static void nobody_is_told_where_there_is_nowhere(void **state)
{
	struct fixture *f = *state;

	messages_redirect(&f->m, -1);
	messages_say(&f->m, "a");
	assert_string_equal(taken(f), "");
	messages_redirect(&f->m, f->ends[1]);
	messages_say(&f->m, "b");
	assert_string_equal(taken(f), "prog: b\n");
}

static void what_is_lost_is_counted(void **state)
{
	struct fixture *f = *state;
	long start;

	fill(f);
	start = now_ms();
	messages_say(&f->m, "first");
	assert_true(now_ms() - start >= MESSAGES_PATIENCE_MS);
	start = now_ms();
	for (int i = 0; i < 20; i++)
		messages_say(&f->m, "more");
	assert_true(now_ms() - start < 20 * AT_ONCE_MS);
	assert_int_equal(f->m.lost, 21);
	(void)taken(f);
	messages_say(&f->m, "heard");
	assert_string_equal(taken(f), "prog: 21 messages before this one were lost\nprog: heard\n");
	messages_say(&f->m, "again");
	assert_string_equal(taken(f), "prog: again\n");
	assert_int_equal(f->m.lost, 0);
}

static void a_closed_place_loses_them(void **state)
{
	struct fixture *f = *state;

	messages_redirect(&f->m, 1000);
	messages_say(&f->m, "a");
	messages_say(&f->m, "b");
	assert_int_equal(f->m.lost, 2);
}

/* ---- answers ---- */

static void an_answer_arrives(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	assert_int_equal(answer_open(&a, f->ends[1], &f->e), 0);
	fputs("one\ntwo", a.stream);
	assert_string_equal(taken(f), "one\n");
	assert_int_equal(answer_close(&a, "there", &f->e), 0);
	assert_string_equal(taken(f), "two");
	assert_int_equal(answer_with(f->ends[1], "three", 5, "there", &f->e), 0);
	assert_string_equal(taken(f), "three");
}

static void assert_fails(struct fixture *f, int fd, const char *message)
{
	struct answer a;

	assert_int_equal(answer_open(&a, fd, &f->e), 0);
	fputs("one\ntwo\nthree", a.stream);
	assert_int_equal(answer_close(&a, "there", &f->e), -1);
	assert_string_equal(f->e.message, message);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(answer_with(fd, "text", 4, "there", &f->e), -1);
	assert_string_equal(f->e.message, message);
}

static void an_answer_that_is_not_taken_fails(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), reader = open("/dev/null", O_RDONLY);
	char message[80];

	if (emulated()) {
		print_message("# an emulator's descriptors are its own too\n");
		skip();
	}
	if (full != -1)		/* Linux has it */
		assert_fails(f, full, "writing to there: No space left on device");
	__real_close(full);
	assert_fails(f, reader, "writing to there: Bad file descriptor");
	__real_close(reader);
	assert_fails(f, 1000, "writing to there: Bad file descriptor");
	host.close_fails = true;
	snprintf(message, sizeof message, "writing to there: %s", strerror(EDQUOT));
	assert_fails(f, f->ends[1], message);
	host.close_fails = false;
	host.no_stream = true;
	assert_int_equal(answer_open(&(struct answer){0}, f->ends[1], &f->e), -1);
	assert_int_equal(f->e.sys, ENOMEM);
}

/* Takes what there is after a while, until there is no more to come. */
static void no_descriptor_need_be_left(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, none;
	int rc;

	if (emulated()) {
		print_message("# an emulator's descriptors are its own too\n");
		skip();
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = answer_with(f->ends[1], "text", 4, "somewhere", &f->e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_string_equal(f->e.message, "");
	assert_int_equal(rc, 0);
	assert_string_equal(taken(f), "text");
}

static void *read_late(void *ctx)
{
	struct fixture *f = ctx;
	const struct timespec pause = {.tv_nsec = 3 * 100000000};
	char *to = f->text;
	ssize_t n;

	nanosleep(&pause, NULL);
	while ((n = read(f->ends[0], to, (size_t)(f->text + sizeof f->text - to))) > 0)
		to += n;
	return to;
}

static void a_slow_reader_is_waited_for(void **state)
{
	static char much[80000];
	struct fixture *f = *state;
	pthread_t reader;
	void *end;

	memset(much, 'x', sizeof much);
	assert_int_equal(pthread_create(&reader, NULL, read_late, f), 0);
	assert_int_equal(answer_with(f->ends[1], much, sizeof much, "there", &f->e), 0);
	__real_close(f->ends[1]);
	assert_int_equal(pthread_join(reader, &end), 0);
	assert_int_equal((char *)end - f->text, sizeof much);
	assert_memory_equal(f->text, much, sizeof much);
	f->ends[1] = dup(f->ends[0]);
}

/* One that comes while the reader is waited for, and one that came before. */
static void a_stop_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	long start = now_ms();

	fill(f);
	host.looks = 3;
	assert_int_equal(answer_with(f->ends[1], "x", 1, "there", &f->e), -1);
	assert_int_equal(f->e.sys, EAGAIN);
	assert_int_equal(host.looks, 0);
	assert_true(now_ms() - start >= 3 * MESSAGES_PATIENCE_MS);
	assert_int_equal(answer_with(f->ends[1], "x", 1, "there", &f->e), -1);
	assert_int_equal(f->e.sys, EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_one_harmless_line),
		TEST(a_message_of_any_length_is_a_line),
		TEST(nobody_is_told_where_there_is_nowhere),
		TEST(what_is_lost_is_counted),
		TEST(a_closed_place_loses_them),
		TEST(an_answer_arrives),
		TEST(an_answer_that_is_not_taken_fails),
		TEST(no_descriptor_need_be_left),
		TEST(a_slow_reader_is_waited_for),
		TEST(a_stop_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
