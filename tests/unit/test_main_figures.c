/* SPDX-License-Identifier: ISC */
/* test_main_figures.c: figures go to where they were asked for, whole, or the run fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../monitor/main_figures.h"

#define FIGURES "total system_calls 7\n"

static struct {
	bool no_stream, cut;	/* there is no memory for the text, or not for all of it */
	const char *metrics;	/* NULL: none but their end */
} host;

void __wrap_husk_report_write(const struct husk *h, int format, FILE *out);
FILE *__real_open_memstream(char **text, size_t *len);
FILE *__wrap_open_memstream(char **text, size_t *len);
int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);

void __wrap_husk_report_write(const struct husk *h, int format, FILE *out)
{
	assert_null(h);
	if (format == HUSK_METRICS && host.metrics != NULL)
		fputs(host.metrics, out);
	fputs(format == HUSK_JSON ? "{}\n" : format == HUSK_METRICS ? "# EOF\n" : FIGURES, out);
}

FILE *__wrap_open_memstream(char **text, size_t *len)
{
	return host.no_stream ? NULL : __real_open_memstream(text, len);
}

int __wrap_fclose(FILE *f)
{
	int rc = __real_fclose(f);

	return host.cut ? EOF : rc;
}

struct fixture {
	struct figures f;
	struct husk_error e;
	char dir[32], path[64], word[20];
	char text[200];
	int files;		/* descriptors that were open before */
};

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&host, 0, sizeof host);
	memset(&f, 0, sizeof f);
	strcpy(f.dir, "/tmp/figures.XXXXXX");
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof f.path, "%s/file", f.dir);
	f.files = open_descriptors();
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	figures_close(&f->f);
	figures_close(&f->f);
	assert_int_equal(open_descriptors(), f->files);
	unlink(f->path);
	return rmdir(f->dir);
}

static const char *content(struct fixture *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, f->text, sizeof f->text - 1);

	close(fd);
	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static void put(struct fixture *f, const char *text)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *at(struct fixture *f, int fd)
{
	snprintf(f->word, sizeof f->word, "@%d", fd);
	return f->word;
}

static void assert_opens(struct fixture *f, const char *where)
{
	if (figures_open(&f->f, "--stats-to", where, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void take(struct fixture *f)
{
	assert_int_equal(figures_take(&f->f, NULL, HUSK_LINES, &f->e), 0);
}

/* As a run and --check see it. */
static void assert_refused(struct fixture *f, const char *where, enum husk_error_class kind,
			   const char *message)
{
	assert_int_equal(figures_open(&f->f, "--stats-to", where, &f->e), -1);
	assert_int_equal(f->e.kind, kind);
	assert_string_equal(f->e.message, message);
	assert_int_equal(figures_check(&f->f, "--stats-to", where, NULL, &f->e), -1);
	assert_int_equal(f->e.kind, kind);
	assert_string_equal(f->e.message, message);
	assert_int_equal(open_descriptors(), f->files);
}

/* ---- places ---- */

static void a_file_keeps_what_it_holds_until_there_is_something_new(void **state)
{
	struct fixture *f = *state;

	put(f, "older figures, which are longer than the new ones");
	assert_opens(f, f->path);
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	assert_int_equal(figures_write(&f->f, &f->e), 0);
	assert_string_equal(content(f), "older figures, which are longer than the new ones");
	take(f);
	assert_int_equal(figures_write(&f->f, &f->e), 0);
	assert_string_equal(content(f), FIGURES);
}

static void a_file_is_made(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(figures_check(&f->f, "--stats-to", f->path, NULL, &f->e), 0);
	figures_close(&f->f);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_opens(f, f->path);
	assert_int_equal(figures_take(&f->f, NULL, HUSK_JSON, &f->e), 0);
	assert_int_equal(figures_write(&f->f, &f->e), 0);
	assert_string_equal(content(f), "{}\n");
}

/* It stays the starter's, its contents and offset too. */
static void an_inherited_descriptor_is_written_to_where_it_stands(void **state)
{
	struct fixture *f = *state;
	int fd;

	put(f, "before ");
	fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(figures_check(&f->f, "--stats-to", at(f, fd), NULL, &f->e), 0);
	figures_close(&f->f);
	assert_opens(f, at(f, fd));
	assert_int_not_equal(f->f.fd, fd);
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	take(f);
	assert_int_equal(figures_write(&f->f, &f->e), 0);
	assert_string_equal(content(f), "before " FIGURES);
	figures_close(&f->f);
	assert_int_equal(write(fd, "after", 5), 5);
	close(fd);
	assert_string_equal(content(f), "before " FIGURES "after");
}

static void nothing_said_means_standard_error(void **state)
{
	struct fixture *f = *state;

	assert_opens(f, NULL);
	assert_int_equal(f->f.fd, STDERR_FILENO);
	assert_false(f->f.own);
	figures_close(&f->f);
	assert_int_not_equal(fcntl(STDERR_FILENO, F_GETFD), -1);
}

static void descriptors_that_will_not_do(void **state)
{
	struct fixture *f = *state;
	int in, path;

	assert_refused(f, "@63", HUSK_E_HOST, "--stats-to=@63: Bad file descriptor");
	assert_int_equal(figures_open(&f->f, "--stats-to", "@", &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_int_equal(figures_open(&f->f, "--stats-to", "@1x", &f->e), -1);
	assert_int_equal(figures_open(&f->f, "--stats-to", "@-1", &f->e), -1);
	assert_int_equal(figures_open(&f->f, "--stats-to", "@99999999999999999999", &f->e), -1);
	put(f, "");
	in = open(f->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(figures_open(&f->f, "--stats-to", at(f, in), &f->e), -1);
	assert_non_null(strstr(f->e.message, "not open for writing"));
	path = open(f->path, O_PATH | O_CLOEXEC);
	assert_int_equal(figures_open(&f->f, "--stats-to", at(f, path), &f->e), -1);
	assert_non_null(strstr(f->e.message, "not open for writing"));
	close(in);
	close(path);
}

static void paths_that_will_not_do(void **state)
{
	struct fixture *f = *state;
	char message[200], below[80];

	assert_refused(f, "/nowhere/file", HUSK_E_HOST,
		       "--stats-to=/nowhere/file: No such file or directory: "
		       "make its directory first, or name a file elsewhere");
	snprintf(message, sizeof message, "--stats-to=%s: Is a directory", f->dir);
	assert_refused(f, f->dir, HUSK_E_HOST, message);
	put(f, "");
	snprintf(below, sizeof below, "%s/below", f->path);
	snprintf(message, sizeof message, "--stats-to=%s: Not a directory", below);
	assert_refused(f, below, HUSK_E_HOST, message);
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	snprintf(message, sizeof message, "--stats-to=%s: %s: nobody reads it", f->path,
		 strerror(ENXIO));
	assert_refused(f, f->path, HUSK_E_HOST, message);
}

/* A path without a slash is of the working directory. */
static void a_place_in_the_working_directory(void **state)
{
	struct fixture *f = *state;
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(f->dir), 0);
	assert_int_equal(figures_check(&f->f, "--stats-to", "file", NULL, &f->e), 0);
	figures_close(&f->f);
	assert_int_equal(access("file", F_OK), -1);
	assert_int_equal(fchdir(back), 0);
	close(back);
}

/* ---- whose file it is ---- */

static void a_file_that_is_locked_is_a_disk(void **state)
{
	struct fixture *f = *state;
	int disk;

	put(f, "disk");
	disk = open(f->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(disk, LOCK_SH), 0);
	assert_opens(f, f->path);
	assert_int_equal(figures_claim(&f->f, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_non_null(strstr(f->e.message, "a disk of this guest, its symbols, another"));
	assert_int_equal(flock(disk, LOCK_UN), 0);
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	assert_int_equal(flock(disk, LOCK_SH | LOCK_NB), -1);
	figures_close(&f->f);
	assert_int_equal(flock(disk, LOCK_EX | LOCK_NB), 0);
	assert_string_equal(content(f), "disk");
	close(disk);
}

/* A lock on what others hold, too, would be theirs. */
static void what_several_may_write_to_is_not_locked(void **state)
{
	struct fixture *f = *state;
	int other = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert_int_not_equal(other, -1);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_opens(f, "/dev/null");
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	assert_int_equal(flock(other, LOCK_UN), 0);
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
}

static void an_inherited_descriptor_is_not_locked(void **state)
{
	struct fixture *f = *state;
	int fd, other;

	put(f, "");
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	other = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_opens(f, at(f, fd));
	assert_int_equal(figures_claim(&f->f, &f->e), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(fd);
	close(other);
}

static void the_file_of_standard_error_is_spared(void **state)
{
	struct fixture *f = *state;
	const int saved = dup(STDERR_FILENO), file = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int rc, handed_down;

	dup2(file, STDERR_FILENO);
	assert_opens(f, f->path);
	rc = figures_spare_image(&f->f, NULL, &f->e);
	figures_close(&f->f);
	assert_opens(f, "@2");
	handed_down = figures_spare_image(&f->f, NULL, &f->e);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
	assert_int_equal(rc, -1);
	assert_int_equal(handed_down, 0);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_non_null(strstr(f->e.message, "is where standard error goes, which would be overwritten"));
}

static void assert_is_image(struct fixture *f, const char *where, const char *image)
{
	char message[200];

	snprintf(message, sizeof message, "--stats-to=%s is the image that is to run; name another "
		 "file", where);
	assert_opens(f, where);
	assert_int_equal(figures_spare_image(&f->f, image, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, message);
	figures_close(&f->f);
	assert_int_equal(figures_check(&f->f, "--stats-to", where, image, &f->e), -1);
	assert_string_equal(f->e.message, message);
	assert_string_equal(content(f), "image");
}

static void the_image_is_spared_by_whatever_name(void **state)
{
	struct fixture *f = *state;
	char other[80];
	int fd;

	put(f, "image");
	snprintf(other, sizeof other, "%s/other", f->dir);
	assert_is_image(f, f->path, f->path);
	assert_int_equal(link(f->path, other), 0);
	assert_is_image(f, other, f->path);
	unlink(other);
	assert_int_equal(symlink("file", other), 0);
	assert_is_image(f, f->path, other);
	unlink(other);
	fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_is_image(f, at(f, fd), f->path);
	close(fd);
}

static void other_files_than_the_image_will_do(void **state)
{
	struct fixture *f = *state;
	char other[80];

	put(f, "");
	snprintf(other, sizeof other, "%s/other", f->dir);
	assert_opens(f, f->path);
	assert_int_equal(figures_spare_image(&f->f, NULL, &f->e), 0);
	assert_int_equal(figures_spare_image(&f->f, other, &f->e), 0);
	assert_int_equal(figures_spare_image(&f->f, f->dir, &f->e), 0);
	figures_close(&f->f);
	assert_opens(f, "/dev/null");
	assert_int_equal(figures_spare_image(&f->f, "/dev/null", &f->e), 0);
}

/* ---- failures ---- */

static void a_full_disk_is_told(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_opens(f, "/dev/full");
	take(f);
	assert_int_equal(figures_write(&f->f, &f->e), -1);
	assert_string_equal(f->e.message, "writing to /dev/full: No space left on device");
	figures_close(&f->f);
	assert_opens(f, at(f, full));
	take(f);
	assert_int_equal(figures_write(&f->f, &f->e), -1);
	assert_int_equal(f->e.sys, ENOSPC);
	close(full);
}

static void metrics_are_written_over_in_place(void **state)
{
	struct fixture *f = *state;

	put(f, "what another run has left");
	assert_int_equal(figures_open(&f->f, "--metrics", f->path, &f->e), 0);
	assert_int_equal(figures_write_over(&f->f, &f->e), 0);
	assert_int_equal(figures_empty(&f->f, &f->e), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(figures_rewrite(&f->f, NULL, &f->e), 0);
		assert_string_equal(content(f), "# EOF\n");
	}
	host.no_stream = true;
	assert_int_equal(figures_rewrite(&f->f, NULL, &f->e), -1);
	assert_int_equal(f->e.sys, ENOMEM);
	host.no_stream = false;
	figures_close(&f->f);
	assert_int_equal(figures_open(&f->f, "--metrics", "/dev/full", &f->e), 0);
	assert_int_equal(figures_write_over(&f->f, &f->e), -1);
	assert_string_equal(f->e.message, "--metrics=/dev/full: only a file can be written over again and "
			    "again; name one");
	assert_int_equal(figures_rewrite(&f->f, NULL, &f->e), -1);
	assert_string_equal(f->e.message, "--metrics=/dev/full: No space left on device");
}

static void shorter_metrics_are_filled_up(void **state)
{
	static const char *const texts[] = {
		"husk_exits_total{kind=\"pio\"} 100000000000000000\n", "husk_exits_total{kind=\"pio\"} 7\n",
		"husk_exits_total{kind=\"pio\"} 10\n",
	};
	struct fixture *f = *state;
	size_t last = 0;

	put(f, "");
	assert_int_equal(figures_open(&f->f, "--metrics", f->path, &f->e), 0);
	assert_int_equal(figures_write_over(&f->f, &f->e), 0);
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *all;

		host.metrics = texts[i];
		assert_int_equal(figures_rewrite(&f->f, NULL, &f->e), 0);
		all = content(f);
		assert_int_equal(strncmp(all, texts[i], strlen(texts[i])), 0);
		assert_true(strlen(all) >= last);
		last = strlen(all);
		assert_ptr_equal(strstr(all, "# EOF\n"), all + last - strlen("# EOF\n"));
		assert_true(strstr(all, "\n\n") == NULL && (i == 0 || strstr(all, "\n# HELP husk_figures ") != NULL));
	}
	host.metrics = NULL;
	figures_close(&f->f);
}

static void there_may_be_no_memory(void **state)
{
	struct fixture *f = *state;

	put(f, "older");
	assert_opens(f, f->path);
	host.no_stream = true;
	assert_int_equal(figures_take(&f->f, NULL, HUSK_LINES, &f->e), -1);
	assert_int_equal(f->e.sys, ENOMEM);
	host.no_stream = false;
	host.cut = true;
	assert_int_equal(figures_take(&f->f, NULL, HUSK_LINES, &f->e), -1);
	assert_int_equal(f->e.sys, ENOMEM);
	assert_int_equal(figures_write(&f->f, &f->e), 0);
	assert_string_equal(content(f), "older");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_keeps_what_it_holds_until_there_is_something_new),
		TEST(a_file_is_made),
		TEST(an_inherited_descriptor_is_written_to_where_it_stands),
		TEST(nothing_said_means_standard_error),
		TEST(descriptors_that_will_not_do),
		TEST(paths_that_will_not_do),
		TEST(a_place_in_the_working_directory),
		TEST(a_file_that_is_locked_is_a_disk),
		TEST(what_several_may_write_to_is_not_locked),
		TEST(an_inherited_descriptor_is_not_locked),
		TEST(the_file_of_standard_error_is_spared),
		TEST(the_image_is_spared_by_whatever_name),
		TEST(other_files_than_the_image_will_do),
		TEST(a_full_disk_is_told),
		TEST(metrics_are_written_over_in_place),
		TEST(shorter_metrics_are_filled_up),
		TEST(there_may_be_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
