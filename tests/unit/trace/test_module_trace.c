/* SPDX-License-Identifier: ISC */
/* test_module_trace.c: what a guest asks for, as lines and for trace viewers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../monitor/clock.h"
#include "../../../monitor/facts.h"
#include "../../../monitor/output_file.h"
#include "json_read.h"
#include "rig.h"
#include "expect.h"

extern const struct module module_trace;

#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define DATA (HVT_GUEST_MIN_BASE + 0x1000u)
#define TEXT_MAX ((size_t)1 << 20)

/* ---- the host ---- */

static unsigned no_memory_in;	/* the allocation that fails, counted from 1; 0: none */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
FILE *__real_fmemopen(void *buf, size_t size, const char *mode);
FILE *__wrap_fmemopen(void *buf, size_t size, const char *mode);

static bool denied(void)
{
	return no_memory_in > 0 && --no_memory_in == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return denied() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return denied() ? NULL : __real_malloc(size);
}

FILE *__wrap_fmemopen(void *buf, size_t size, const char *mode)
{
	if (!denied())
		return __real_fmemopen(buf, size, mode);
	errno = ENOMEM;
	return NULL;
}

/* ---- a guest that is watched ---- */

struct fixture {
	struct rig rig;
	char path[64], disk[64], option[80], block[96];
	char text[TEXT_MAX];
};

static int set_up(void **state)
{
	struct fixture *f = __real_calloc(1, sizeof *f);
	int fd;

	strcpy(f->path, "/tmp/husk-trace-XXXXXX");
	strcpy(f->disk, "/tmp/husk-disk-XXXXXX");
	fd = mkstemp(f->path);
	close(fd);
	fd = mkstemp(f->disk);
	assert_int_equal(ftruncate(fd, 0x4000), 0);
	close(fd);
	assert_int_equal(rig_make(&f->rig, 2 * RIG_MEMORY), 0);
	f->rig.core.console_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	const int console = f->rig.core.console_fd;

	no_memory_in = 0;
	rig_free(&f->rig);
	close(console);
	unlink(f->path);
	unlink(f->disk);
	free(f);
	return 0;
}

/* --trace=FILE, where FILE has this ending. */
static void watch(struct fixture *f, const char *ending)
{
	char made[sizeof f->path];

	strcpy(made, f->path);
	strcat(f->path, ending);
	assert_int_equal(rename(made, f->path), 0);
	snprintf(f->option, sizeof f->option, "--trace=%s", f->path);
	snprintf(f->block, sizeof f->block, "--block:storage=%s", f->disk);
	rig_device(&f->rig, "storage", MFT_DEV_BLOCK_BASIC);
	assert_int_equal(rig_option(&f->rig, &module_block, f->block), 0);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_block), 0);
	assert_int_equal(rig_attach(&f->rig, &module_trace), 0);
}

/* Ends the trace as the end of the program does, and reads it. */
static const char *written(struct fixture *f)
{
	int fd;
	ssize_t n;

	module_detach(&module_trace, f->rig.state[2], &f->rig.core, f->rig.mft);
	fd = open(f->path, O_RDONLY);
	n = read(fd, f->text, sizeof f->text - 1);
	close(fd);
	assert_true(n >= 0);
	f->text[n] = '\0';
	return f->text;
}

/* Without the times: "0.001234 " in front, " <12us>" behind. */
static const char *untimed(struct fixture *f)
{
	char *to = f->text, *from, *next;

	(void)written(f);
	for (from = f->text; *from != '\0'; from = next) {
		char *end = strchr(from, '\n'), *words = strchr(from, ' ') + 1, *took;
		char *const behind = end;

		assert_non_null(end);
		next = end + 1;
		assert_int_equal(words[-8], '.');
		*end = '\0';
		took = strrchr(words, '<');
		if (took != NULL && behind[-1] == '>')
			end = took - 1;
		memmove(to, words, (size_t)(end - words));
		to += end - words;
		*to++ = '\n';
	}
	*to = '\0';
	return f->text;
}

static void put(struct fixture *f, const void *rq, size_t size)
{
	memcpy(rig_at(&f->rig, ARG), rq, size);
}

static enum rig_end puts_at(struct fixture *f, uint64_t data, uint64_t len)
{
	const struct hvt_puts rq = {.data = data, .len = len};

	put(f, &rq, sizeof rq);
	return rig_call(&f->rig, HVT_HYPERCALL_PUTS, ARG);
}

static enum rig_end block(struct fixture *f, unsigned nr, uint64_t handle, uint64_t offset)
{
	const struct hvt_block rq = {.handle = handle, .offset = offset, .data = DATA, .len = 512};

	put(f, &rq, sizeof rq);
	return rig_call(&f->rig, nr, ARG);
}

/* Each run of the rig ends with a line of its own. */
static void expect_lines(struct fixture *f, const char *wanted)
{
	char *end;

	(void)untimed(f);
	while ((end = strstr(f->text, HV_FAKE_OVER "\n")) != NULL)
		memmove(end, end + strlen(HV_FAKE_OVER "\n"),
			strlen(end + strlen(HV_FAKE_OVER "\n")) + 1);
	assert_string_equal(f->text, wanted);
}

static void calls_are_told_in_words(void **state)
{
	struct fixture *f = *state;
	const struct hvt_poll poll = {.timeout_nsecs = 1500000};
	const struct hvt_halt halt = {.exit_status = -3};

	watch(f, ".txt");
	memcpy(rig_at(&f->rig, DATA), "hello\n", 6);
	assert_int_equal(puts_at(f, DATA, 6), RIG_RESUMED);
	assert_int_equal(block(f, HVT_HYPERCALL_BLOCK_WRITE, 1, 512), RIG_RESUMED);
	assert_int_equal(block(f, HVT_HYPERCALL_BLOCK_READ, 1, 0x4000), RIG_RESUMED);
	assert_int_equal(block(f, HVT_HYPERCALL_BLOCK_READ, 7, 0), RIG_RESUMED);
	put(f, &poll, sizeof poll);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG), RIG_RESUMED);
	put(f, &halt, sizeof halt);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_HALT, ARG), RIG_HALTED);
	expect_lines(f,
		"puts(text=\"hello\\n\", len=6)\n"
		"block_write(handle=1 \"storage\", offset=512, data=0x101000, len=512) = OK\n"
		"block_read(handle=1 \"storage\", offset=16384, data=0x101000, len=512) = EINVAL\n"
		"block_read(handle=7, offset=0, data=0x101000, len=512) = EINVAL\n"
		"poll(timeout=1.5ms) = 0\n"
		"halt(status=-3)\n"
		"guest halted, status -3\n");
}

static void a_text_is_quoted_and_cut(void **state)
{
	static const char bytes[] = "\"\\\t\r\n\x01\x7f\xff""0123456789012345678901234567890";
	struct fixture *f = *state;

	watch(f, "");
	memcpy(rig_at(&f->rig, DATA), bytes, sizeof bytes);
	assert_int_equal(puts_at(f, DATA, sizeof bytes - 1), RIG_RESUMED);
	expect_lines(f, "puts(text=\"\\\"\\\\\\t\\r\\n\\x01\\x7f\\xff012345678901234567890123\"..., "
		     "len=39)\n");
}

static void time_is_that_of_the_day(void **state)
{
	struct fixture *f = *state;

	watch(f, "");
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_WALLTIME, ARG), RIG_RESUMED);
	assert_non_null(strstr(untimed(f), "walltime() = 1"));
}

static void what_ends_the_guest_is_told(void **state)
{
	struct fixture *f = *state;
	const struct hv_exit shutdown = {.kind = HV_EXIT_SHUTDOWN};
	const struct hv_exit fault = {.kind = HV_EXIT_FAULT, .fault = {true, 0x100000}};

	watch(f, "");
	assert_int_equal(puts_at(f, 2 * RIG_MEMORY, 1), RIG_FAILED);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_PUTS, 2 * RIG_MEMORY), RIG_FAILED);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_NET_READ, ARG), RIG_FAILED);
	hv_fake_store(f->rig.core.hv, BUS_PIO, 0x9999, 2, 0x1234);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	hv_fake_load(f->rig.core.hv, BUS_MMIO, 1ull << 41, 4);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	hv_fake_exit(f->rig.core.hv, &fault);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	hv_fake_exit(f->rig.core.hv, &shutdown);
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	(void)untimed(f);
	assert_non_null(strstr(f->text, "puts(text=\"\\x00\", len=1) = refused\nInvalid guest access"));
	assert_non_null(strstr(f->text, "puts() = refused\n"));
	assert_non_null(strstr(f->text, "= refused\nInvalid guest hypercall: num=7"));
	assert_non_null(strstr(f->text, "out(port=0x9999, width=2, value=0x1234) = refused\n"));
	assert_non_null(strstr(f->text, "mmio_read(addr=0x20000000000, width=4, value=0x0) = "
			       "refused\n"));
	assert_non_null(strstr(f->text, "fault(addr=0x100000) = refused\n"));
	assert_non_null(strstr(f->text, "triple_fault() = refused\nguest triple fault"));
}

static void a_note_is_an_event(void **state)
{
	struct fixture *f = *state;
	struct facts facts = {.n = 0};

	watch(f, "");
	assert_int_equal(rig_run(&f->rig), RIG_RESUMED);
	facts_number(&facts, "out", 12);
	facts_number(&facts, "in", 3);
	core_note(&f->rig.core, "ring", &facts);
	expect_lines(f, "ring(out=12, in=3)\n");
}

static void keep_answer(void *to, const char *line)
{
	strcpy(to, line);
}

static const char *command(struct fixture *f, const char *text, char *answer)
{
	const char *words;
	const struct command_slot *c = commands_find(&f->rig.core.commands, text, &words);

	assert_non_null(c);
	c->is->obey(c->ctx, words, keep_answer, answer);
	return answer;
}

static void it_pauses_and_goes_on_by_command(void **state)
{
	struct fixture *f = *state;
	struct facts facts = {.n = 0};
	char answer[100];

	watch(f, "");
	memcpy(rig_at(&f->rig, DATA), "123", 3);
	assert_int_equal(puts_at(f, DATA, 1), RIG_RESUMED);
	assert_non_null(strstr(command(f, "trace off", answer), "trace: off"));
	assert_int_equal(puts_at(f, DATA + 1, 1), RIG_RESUMED);
	core_note(&f->rig.core, "ring", &facts);
	assert_non_null(strstr(command(f, "trace", answer), "trace: off"));
	assert_non_null(strstr(command(f, "trace on", answer), "trace: on"));
	assert_int_equal(puts_at(f, DATA + 2, 1), RIG_RESUMED);
	expect_lines(f, "puts(text=\"1\", len=1)\nputs(text=\"3\", len=1)\n");
	assert_int_equal(f->rig.core.commands.n, 0);
}

static void nothing_is_watched_unless_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_trace), 0);
	assert_int_equal(f->rig.core.exit_clients, 0);
	assert_null(f->rig.core.hypercalls.observer);
	assert_int_equal(puts_at(f, DATA, 1), RIG_RESUMED);
	assert_false(f->rig.core.hypercalls.copy.kept);
	assert_true(rig_figure(&f->rig, 1, "trace", "lines") == UINT64_MAX);
}

/* ---- for viewers ---- */

static const char *get(const char *json, const char *path)
{
	static char value[400];

	if (!json_get(json, path, value, sizeof value))
		strcpy(value, "(none)");
	return value;
}

static void json_is_that_of_trace_viewers(void **state)
{
	struct fixture *f = *state;
	const struct hvt_halt halt = {.exit_status = -3};
	const char *json;

	watch(f, ".json");
	memcpy(rig_at(&f->rig, DATA), "a\"\n\0\xff", 5);
	assert_int_equal(puts_at(f, DATA, 5), RIG_RESUMED);
	assert_int_equal(block(f, HVT_HYPERCALL_BLOCK_WRITE, 1, 512), RIG_RESUMED);
	put(f, &halt, sizeof halt);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_HALT, ARG), RIG_HALTED);
	json = written(f);
	assert_null(json_fault(json));
	assert_string_equal(get(json, "0/name"), "thread_name");
	assert_string_equal(get(json, "0/ts"), "0");
	assert_string_equal(get(json, "1/args/name"), "monitor");
	assert_string_equal(get(json, "3/name"), "run");
	assert_string_equal(get(json, "3/tid"), "1");
	assert_string_equal(get(json, "3/args"), "(none)");
	assert_string_equal(get(json, "4/name"), "puts");
	assert_string_equal(get(json, "4/ph"), "X");
	assert_string_equal(get(json, "4/tid"), "2");
	assert_string_equal(get(json, "4/args/text"), "a\"\n??");
	assert_string_equal(get(json, "7/args/device"), "storage");
	assert_string_equal(get(json, "7/args/result"), "OK");
	assert_string_equal(get(json, "10/args/status"), "-3");
	assert_string_equal(get(json, "11/name"), "guest halted, status -3");
	assert_string_equal(get(json, "11/ph"), "i");
	assert_string_equal(get(json, "11/s"), "t");
	assert_string_equal(get(json, "12/name"), "process_name");
}

/* As a kill leaves it: without the end, whole lines. */
static void json_lacks_only_its_end_before_that(void **state)
{
	struct fixture *f = *state;
	ssize_t n;
	int fd;

	watch(f, ".json");
	assert_int_equal(puts_at(f, DATA, 1), RIG_RESUMED);
	fd = open(f->path, O_RDONLY);
	n = read(fd, f->text, sizeof f->text - 1);
	close(fd);
	assert_true(n > 2);
	assert_int_equal(f->text[n - 2], ',');
	strcpy(f->text + n - 2, "]");
	assert_null(json_fault(f->text));
}

/* ---- where it goes ---- */

static void watch_through_a_pipe(struct fixture *f, int ends[2])
{
	static const struct option patience = {.name = "console-patience", .form = OPTION_VALUE};
	const struct option_group group = {"core", &patience, 1};

	assert_int_equal(pipe(ends), 0);
	snprintf(f->option, sizeof f->option, "--trace=@%d", ends[1]);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	assert_int_equal(settings_add(&f->rig.settings, &group, 1, "--console-patience=0",
				      &f->rig.e), 0);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_trace), 0);
}

static void a_reader_that_takes_nothing_costs_lines_not_time(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	watch_through_a_pipe(f, ends);
	for (unsigned i = 0; rig_figure(&f->rig, 1, "trace", "bytes_dropped") <= 1000; i++) {
		assert_in_range(i, 0, 20000);
		assert_int_equal(puts_at(f, DATA, 1), RIG_RESUMED);
	}
	close(ends[0]);
	close(ends[1]);
}

static void fill(int fd)
{
	static const char much[65536];
	const int flags = fcntl(fd, F_GETFL);

	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, much, sizeof much) > 0)
		;
	assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

/* However patient it is: the stop was taken, and ends no wait of what comes then. */
static void a_reader_that_takes_nothing_does_not_put_a_stop_off(void **state)
{
	struct fixture *f = *state;
	const uint64_t start = clock_now_ns();
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	snprintf(f->option, sizeof f->option, "--trace=@%d", ends[1]);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_trace), 0);
	fill(ends[1]);
	core_stop(&f->rig.core, 1);
	assert_int_equal(rig_run(&f->rig), RIG_STOPPED);
	assert_true(clock_now_ns() - start < 1500 * CLOCK_NS_PER_MS);
	close(ends[0]);
	close(ends[1]);
}

/* As many guests may go to one log. */
static void what_cannot_be_a_disk_is_shared(void **state)
{
	struct fixture *f = *state;
	struct output_file one, other;

	assert_int_equal(output_file_open(&one, "--trace", "/dev/null", false, &f->rig.e), 0);
	assert_int_equal(output_file_open(&other, "--trace", "/dev/null", false, &f->rig.e), 0);
	assert_int_equal(output_file_claim(&one, &f->rig.e), 0);
	assert_int_equal(output_file_claim(&other, &f->rig.e), 0);
	output_file_close(&one);
	output_file_close(&other);
}

static void a_reader_that_is_gone_is_told_of(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	watch_through_a_pipe(f, ends);
	close(ends[0]);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(puts_at(f, DATA, 1), RIG_RESUMED);
	assert_true(rig_figure(&f->rig, 1, "trace", "bytes_dropped") > 10);
	assert_non_null(strstr(f->rig.notices[0], "are missing: "));
	close(ends[1]);
}

static void a_file_is_emptied_late_and_is_nobody_elses(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	void *s;
	int fd;

	snprintf(f->option, sizeof f->option, "--trace=%s", f->disk);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	assert_int_equal(module_trace.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), 0);
	assert_int_equal(stat(f->disk, &st), 0);
	assert_int_equal(st.st_size, 0x4000);
	fd = open(f->disk, O_RDONLY);
	assert_int_equal(module_trace.confirm(s, &(struct module_host){.image_fd = fd}, &f->rig.e),
			 -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "is the image that is to run");
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(module_trace.attach(s, &f->rig.core, &f->rig.e), -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "a disk of this guest, its symbols, another");
	assert_int_equal(stat(f->disk, &st), 0);
	assert_int_equal(st.st_size, 0x4000);
	close(fd);
	assert_int_equal(module_trace.attach(s, &f->rig.core, &f->rig.e), 0);
	assert_int_equal(stat(f->disk, &st), 0);
	assert_int_equal(st.st_size, 0);
	module_trace.detach(s, &f->rig.core);
	module_trace.close(s);
}

/* Who hands a descriptor down may have other things written there, but not what is overwritten. */
static void a_descriptor_is_nothing_that_is_overwritten(void **state)
{
	struct fixture *f = *state;
	struct module_host host = {.image_fd = -1};
	void *s;

	for (size_t i = 0; i < sizeof host.outputs / sizeof host.outputs[0]; i++)
		host.outputs[i] = (struct module_output){-1, NULL, true};
	host.outputs[1] = (struct module_output){open(f->disk, O_WRONLY | O_CLOEXEC), "--metrics", false};
	snprintf(f->option, sizeof f->option, "--trace=@%d", host.outputs[1].fd);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	assert_int_equal(module_trace.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), 0);
	assert_int_equal(module_trace.confirm(s, &host, &f->rig.e), 0);
	host.outputs[1].over = true;
	assert_int_equal(module_trace.confirm(s, &host, &f->rig.e), -1);
	assert_error(&f->rig.e, HUSK_E_USAGE, "is where --metrics goes, and each would overwrite the other");
	module_trace.close(s);
	close(host.outputs[1].fd);
}

static void a_look_makes_no_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	void *s;

	unlink(f->path);
	snprintf(f->option, sizeof f->option, "--trace=%s", f->path);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	f->rig.settings.look = true;
	assert_int_equal(module_trace.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), 0);
	assert_int_equal(module_trace.attach(s, &f->rig.core, &f->rig.e), 0);
	module_trace.detach(s, &f->rig.core);
	module_trace.close(s);
	assert_int_equal(stat(f->path, &st), -1);
}

static void expect_refusal(struct fixture *f, const char *option, const char *message)
{
	const bool look = f->rig.settings.look;
	void *s;

	settings_free(&f->rig.settings);
	f->rig.settings.look = look;
	assert_int_equal(rig_option(&f->rig, &module_trace, option), 0);
	assert_int_equal(module_trace.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e), -1);
	if (strstr(f->rig.e.message, message) == NULL)
		fail_msg("%s", f->rig.e.message);
}

static void a_place_that_cannot_be_written_to_is_refused(void **state)
{
	struct fixture *f = *state;

	expect_refusal(f, "--trace=/nonesuch/dir/file", "--trace=/nonesuch/dir/file: No such file or directory: "
		       "make its directory first");
	expect_refusal(f, "--trace=/tmp", "--trace=/tmp: Is a directory");
	expect_refusal(f, "--trace=@x", "--trace=@x: ");
	expect_refusal(f, "--trace=@999", "--trace=@999: Bad file descriptor");
	f->rig.settings.look = true;
	expect_refusal(f, "--trace=/nonesuch/dir/file", "--trace=/nonesuch/dir/file: No such file");
}

static void a_lack_of_memory_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;
	const int before = open_descriptors();
	unsigned n;
	void *s;

	snprintf(f->option, sizeof f->option, "--trace=%s", f->path);
	assert_int_equal(rig_option(&f->rig, &module_trace, f->option), 0);
	for (n = 1;; n++) {
		no_memory_in = n;
		if (module_trace.open(&s, &f->rig.settings, f->rig.mft, &f->rig.e) == 0)
			break;
		assert_int_equal(f->rig.e.kind, HUSK_E_HOST);
		assert_int_equal(open_descriptors(), before);
	}
	no_memory_in = 0;
	assert_in_range(n, 4, 8);
	module_trace.close(s);
}

/* ---- facts ---- */

static void facts_that_find_no_room_are_left_out(void **state)
{
	struct facts f = {.n = 0};

	(void)state;
	for (unsigned i = 0; i < FACTS_MAX + 2; i++)
		facts_number(&f, "n", i);
	assert_int_equal(f.n, FACTS_MAX);
	facts_result_word(&f, 4);
	assert_string_equal(f.result.word, "?");
	facts_result_word(&f, -1);
	assert_string_equal(f.result.word, "?");
	facts_result_word(&f, HVT_EUNSPEC);
	assert_string_equal(f.result.word, "EUNSPEC");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_are_told_in_words),
		TEST(a_text_is_quoted_and_cut),
		TEST(time_is_that_of_the_day),
		TEST(what_ends_the_guest_is_told),
		TEST(a_note_is_an_event),
		TEST(it_pauses_and_goes_on_by_command),
		TEST(nothing_is_watched_unless_asked_for),
		TEST(json_is_that_of_trace_viewers),
		TEST(json_lacks_only_its_end_before_that),
		TEST(a_reader_that_takes_nothing_costs_lines_not_time),
		TEST(a_reader_that_takes_nothing_does_not_put_a_stop_off),
		TEST(what_cannot_be_a_disk_is_shared),
		TEST(a_reader_that_is_gone_is_told_of),
		TEST(a_file_is_emptied_late_and_is_nobody_elses),
		TEST(a_descriptor_is_nothing_that_is_overwritten),
		TEST(a_look_makes_no_file),
		TEST(a_place_that_cannot_be_written_to_is_refused),
		TEST(a_lack_of_memory_leaves_nothing_open),
		TEST(facts_that_find_no_room_are_left_out),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
