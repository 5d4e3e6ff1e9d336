/* SPDX-License-Identifier: ISC */
/* test_report.c: the figures of a run, as text and as JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "hv_fake.h"
#include "image.h"
#include "json_read.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define ARG (HVT_GUEST_MIN_BASE + 0x8000u)
#define NAME_67 "n123456789n123456789n123456789n123456789n123456789n123456789n123456"

/* ---- modules that have something to tell, and one that has nothing ---- */

static int spy_open(void **state, const struct settings *settings, struct manifest *mft,
		    struct husk_error *e)
{
	(void)settings, (void)mft, (void)e;
	*state = NULL;
	return 0;
}

static int spy_attach(void *state, struct core *c, struct husk_error *e)
{
	(void)state, (void)c, (void)e;
	return 0;
}

static void spy_detach(void *state, struct core *c)
{
	(void)state, (void)c;
}

static void spy_close(void *state)
{
	(void)state;
}

static void spy_report(const void *state, module_figure *tell, void *ctx)
{
	(void)state;
	tell(ctx, "first", "things", UINT64_MAX);
	tell(ctx, "first", "system_calls", 1000);
	tell(ctx, "second", "system_calls", 30000);
	tell(ctx, "second", "system_call", 5);
}

static const struct module silent = {
	.name = "silent", .open = spy_open, .attach = spy_attach, .detach = spy_detach,
	.close = spy_close,
}, talking = {
	.name = "talking", .open = spy_open, .attach = spy_attach, .detach = spy_detach,
	.close = spy_close, .report = spy_report,
};

extern const struct module module_core, module_block;
static const struct module *const mods[] = {
	&module_core, &silent, &module_block, &talking, NULL,
};

/* ---- a machine that has run ---- */

struct fixture {
	struct husk *h;
	struct husk_error e;
	struct image image;
	char disk[160];
	int reader;		/* of the console, whose writes are one call each */
	char *text;
	size_t len;
};

static int set_up(void **state)
{
	static const struct image_device disk = {NAME_67, MFT_DEV_BLOCK_BASIC};
	static const uint8_t bytes[512] = {0xf4};
	static struct fixture f;
	struct husk_config config;
	int ends[2];

	f = (struct fixture){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	config = (struct husk_config){.console_fd = ends[0]};
	f.reader = ends[1];
	image_init(&f.image, cpu_elf_machine);
	image_segment(&f.image, HVT_GUEST_MIN_BASE, PF_R | PF_X, bytes, sizeof bytes);
	image_manifest(&f.image, &disk, 1);
	image_abi(&f.image, ELF_ABI_HVT, 2);
	assert_int_equal(truncate(image_save(&f.image), 0x8000), 0);	/* a disk too */
	snprintf(f.disk, sizeof f.disk, "--block-ro:" NAME_67 "=%s", f.image.path);
	f.h = machine_create(&config, &hv_fake_ops, mods, &f.e);
	*state = &f;
	return f.h == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->h->config.console_fd);
	close(f->reader);
	husk_destroy(f->h);
	image_free(&f->image);
	free(f->text);
	return 0;
}

static void load(struct fixture *f)
{
	assert_int_equal(husk_option(f->h, "--mem=2", &f->e), 0);
	assert_int_equal(husk_option(f->h, f->disk, &f->e), 0);
	if (husk_load(f->h, f->image.path, 0, NULL, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void call(struct fixture *f, enum hvt_hypercall nr, const void *rq, size_t len)
{
	struct hv *hv = f->h->core.hv;
	int status;

	memcpy(hv->ram + ARG, rq, len);
	hv_fake_hypercall(hv, nr, ARG);
	(void)husk_run(f->h, &status, &f->e);
}

static void run(struct fixture *f)
{
	const struct hvt_puts puts_rq = {HVT_GUEST_MIN_BASE, 7};
	const struct hvt_block read_rq = {.handle = 1, .data = ARG + 0x1000, .len = 512};
	const struct hvt_poll poll_rq = {0};
	const struct hvt_halt halt_rq = {0};

	call(f, HVT_HYPERCALL_PUTS, &puts_rq, sizeof puts_rq);
	call(f, HVT_HYPERCALL_PUTS, &puts_rq, sizeof puts_rq);
	call(f, HVT_HYPERCALL_BLOCK_READ, &read_rq, sizeof read_rq);
	call(f, HVT_HYPERCALL_POLL, &poll_rq, sizeof poll_rq);
	call(f, HVT_HYPERCALL_HALT, &halt_rq, sizeof halt_rq);
	hv_fake_exit(f->h->core.hv, &(struct hv_exit){.kind = HV_EXIT_SHUTDOWN});
	f->h->ended = false;	/* the script goes on behind the halt */
	assert_int_equal(husk_run(f->h, &(int){0}, &f->e), HUSK_FAILED);
}

/* What the report should say; the wait set's own calls are counted elsewhere. */
static void expect(const struct fixture *f, char *text, size_t size, bool ran)
{
	const uint64_t polls = f->h->core.calls, hypercalls = ran ? 5 : 0, reads = ran;
	const uint64_t total = hypercalls + reads + polls + 2 * reads + reads + 31000;
	const bool ports = cpu_hypercall_window.kind == BUS_PIO;

	assert_int_equal(polls > 0, ran);
	snprintf(text, size,
		 "exits pio %" PRIu64 "\nexits mmio %" PRIu64 "\nexits halt 0\nexits shutdown %" PRIu64 "\n"
		 "exits interrupted 0\nexits debug 0\nexits fault 0\nexits error 0\n"
		 "hypercalls walltime 0\nhypercalls puts %" PRIu64 "\nhypercalls poll %" PRIu64 "\n"
		 "hypercalls block_write 0\nhypercalls block_read %" PRIu64 "\n"
		 "hypercalls halt %" PRIu64 "\npoll system_calls %" PRIu64 "\n"
		 "console bytes %" PRIu64 "\nconsole bytes_dropped 0\n"
		 "console system_calls %" PRIu64 "\nblock:" NAME_67 " reads %" PRIu64 "\n"
		 "block:" NAME_67 " bytes_read %" PRIu64 "\nblock:" NAME_67 " writes 0\n"
		 "block:" NAME_67 " bytes_written 0\nblock:" NAME_67 " errors 0\n"
		 "block:" NAME_67 " system_calls %" PRIu64 "\n"
		 "first things 18446744073709551615\nfirst system_calls 1000\n"
		 "second system_calls 30000\nsecond system_call 5\ntotal system_calls %" PRIu64 "\n",
		 ports ? hypercalls : 0, ports ? 0 : hypercalls, reads, 2 * reads, reads, reads, reads, polls, 14 * reads, 2 * reads,
		 reads, 512 * reads, reads, total);
}

static const char *report(struct fixture *f, int json)
{
	FILE *out;

	free(f->text);
	out = open_memstream(&f->text, &f->len);
	assert_non_null(out);
	husk_report_write(f->h, json, out);
	assert_int_equal(fclose(out), 0);
	return f->text;
}

/* Every line of the text is a member of JSON, and JSON has no others. */
static void assert_same_as_json(struct fixture *f, char *text)
{
	const char *json = report(f, 1), *fault = json_fault(json);
	char *more = NULL, subject[100], name[40], path[160], value[24], got[24];
	size_t members = 0;

	if (fault != NULL)
		fail_msg("not JSON from here: %s", fault);
	for (char *line = strtok_r(text, "\n", &more); line; line = strtok_r(NULL, "\n", &more)) {
		assert_int_equal(sscanf(line, "%99s %39s %23s", subject, name, value), 3);
		snprintf(path, sizeof path, "%s/%s", subject, name);
		assert_true(json_get(json, path, got, sizeof got));
		assert_string_equal(got, value);
		members++;
	}
	for (const char *c = json; (c = strchr(c, ':')) != NULL; c++)
		if (c[-1] == '"' && c[1] != '{')
			members--;
	assert_int_equal(members, 0);
	assert_ptr_equal(strchr(json, '\n'), json + f->len - 1);
}

/* ---- tests ---- */

static void a_run_is_reported_line_by_line(void **state)
{
	struct fixture *f = *state;
	char expected[2000];

	load(f);
	run(f);
	expect(f, expected, sizeof expected, true);
	assert_string_equal(report(f, 0), expected);
}

static void json_says_the_same_as_text(void **state)
{
	struct fixture *f = *state;
	char *text;

	load(f);
	run(f);
	text = strdup(report(f, 0));
	assert_non_null(text);
	assert_same_as_json(f, text);
	free(text);
}

static void a_machine_that_has_not_run_has_figures_too(void **state)
{
	struct fixture *f = *state;
	char expected[2000];

	load(f);
	expect(f, expected, sizeof expected, false);
	assert_string_equal(report(f, 0), expected);
	assert_same_as_json(f, expected);
}

/* OpenMetrics 1.0: a type in front of all that has a name, which come together, and an end. */
static void metrics_are_what_collectors_read(void **state)
{
	static const char *const lines[] = {
		"# TYPE husk_exits counter\n", "husk_exits_total{kind=\"shutdown\"} 1\n",
		"husk_hypercalls_total{name=\"puts\"} 2\n", "# TYPE husk_things counter\n",
		"husk_things_total{of=\"first\"} 18446744073709551615\n",
		"# TYPE husk_bytes_read counter\nhusk_bytes_read_total{of=\"block:" NAME_67 "\"} 512\n",
		"husk_system_calls_total{of=\"second\"} 30000\nhusk_system_calls_total{of=\"total\"}",
		"# TYPE husk_time_seconds counter\nhusk_time_seconds_total{in=\"guest\"} 0.0",
	};
	struct fixture *f = *state;
	const char *text;
	size_t types = 0;

	husk_count_time(f->h);
	load(f);
	run(f);
	text = report(f, HUSK_METRICS);
	for (size_t i = 0; i < COUNT(lines); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("%s is not in %s", lines[i], text);
	for (const char *t = text; (t = strstr(t, "# TYPE husk_system_calls ")) != NULL; t++)
		types++;
	assert_int_equal(types, 1);
	assert_string_equal(text + f->len - 6, "# EOF\n");
}

static void no_figure(void *ctx, const char *subject, const char *name, uint64_t value)
{
	(void)ctx, (void)value;
	fail_msg("%s %s", subject, name);
}

static void a_machine_without_an_image_has_no_figures(void **state)
{
	struct fixture *f = *state;

	husk_report(f->h, no_figure, NULL);
	assert_int_equal(strlen(report(f, 0)), 0);
	assert_string_equal(report(f, 1), "{}\n");
}

struct counted {
	unsigned n;
	const char *last;
};

static void count(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct counted *c = ctx;

	(void)name, (void)value;
	c->n++;
	c->last = subject;
}

static void figures_are_told_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct counted c = {0};

	load(f);
	husk_report(f->h, count, &c);
	assert_int_equal(c.n, 29);
	assert_string_equal(c.last, "total");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_is_reported_line_by_line),
		TEST(json_says_the_same_as_text),
		TEST(a_machine_that_has_not_run_has_figures_too),
		TEST(metrics_are_what_collectors_read),
		TEST(a_machine_without_an_image_has_no_figures),
		TEST(figures_are_told_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
