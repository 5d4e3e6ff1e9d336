/* SPDX-License-Identifier: ISC */
/* test_module_dumpcore.c: core files: when there is one, what is in it, and what goes wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../monitor/dumpcore/notes.h"
#include "../../../monitor/sandbox.h"
#include "expect.h"
#include "json_read.h"
#include "regs.h"
#include "rig.h"

extern const struct module module_dumpcore;

#define MEMORY (2 * RIG_MEMORY)
#define ARG 0x110000u
#define PC 0x123456u

/* ---- host calls that are made to fail ---- */

static struct {
	unsigned writes, fail_at;	/* the write that fails; 0: none */
	int why;			/* with this error; 0: the disk is full */
	bool cut, no_access;		/* writes take a part only; the directory is not writable */
} host;

ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);
int __real_faccessat(int dir, const char *path, int mode, int flags);
int __wrap_faccessat(int dir, const char *path, int mode, int flags);

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (++host.writes == host.fail_at) {
		errno = host.why == 0 ? ENOSPC : host.why;
		return -1;
	}
	if (host.cut && host.writes % 3 == 1) {
		errno = EINTR;
		return -1;
	}
	return __real_pwrite(fd, buf, host.cut && len > 1000 ? 1000 : len, offset);
}

int __wrap_faccessat(int dir, const char *path, int mode, int flags)
{
	errno = EROFS;
	return host.no_access ? -1 : __real_faccessat(dir, path, mode, flags);
}

/* ---- a guest, and where its core goes ---- */

struct fixture {
	struct rig rig;
	char dir[64], option[96], path[128];
	uint8_t *bytes;
	size_t len;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	memset(&host, 0, sizeof host);
	strcpy(f->dir, "/tmp/husk-core-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/core.solo5-hvt.%d", f->dir, (int)getpid());
	snprintf(f->option, sizeof f->option, "--dumpcore=%s", f->dir);
	assert_int_equal(rig_make(&f->rig, MEMORY), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	memset(&host, 0, sizeof host);
	rig_free(&f->rig);
	unlink(f->path);
	rmdir(f->dir);
	free(f->bytes);
	free(f);
	return 0;
}

static void attach(struct fixture *f)
{
	assert_int_equal(rig_option(&f->rig, &module_dumpcore, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_dumpcore), 0);
	f->rig.core.hv->regs = regs_at(PC, ARG, 0);
}

static void post_mortem(struct fixture *f, bool always)
{
	module_dumpcore.post_mortem(f->rig.state[1], &f->rig.core, always);
}

static enum rig_end halt(struct fixture *f, int status)
{
	const struct hvt_halt rq = {.exit_status = status};

	memcpy(rig_at(&f->rig, ARG), &rq, sizeof rq);
	return rig_call(&f->rig, HVT_HYPERCALL_HALT, ARG);
}

static bool is_there(const struct fixture *f)
{
	struct stat st;

	return stat(f->path, &st) == 0;
}

static void load(struct fixture *f)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	f->len = (size_t)st.st_size;
	f->bytes = malloc(f->len);
	assert_int_equal(read(fd, f->bytes, f->len), f->len);
	close(fd);
}

static void expect_notice(const struct fixture *f, unsigned n, const char *part)
{
	if (n >= f->rig.n_notices || strstr(f->rig.notices[n], part) == NULL)
		fail_msg("notice %u of %u is \"%s\", not \"%s\"", n, f->rig.n_notices,
			 f->rig.notices[n % RIG_NOTICES], part);
}

/* ---- when ---- */

static void an_abort_leaves_a_core_and_no_other_status_does(void **state)
{
	static const int others[] = {0, 1, 7, 254, 256, 511, -1};
	struct fixture *f = *state;

	attach(f);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_int_equal(halt(f, others[i]), RIG_HALTED);
		post_mortem(f, false);
		assert_false(is_there(f));
	}
	assert_int_equal(halt(f, 255), RIG_HALTED);
	assert_false(is_there(f));
	post_mortem(f, false);
	assert_true(is_there(f));
	expect_notice(f, 0, "dumpcore: dumping guest core to: ");
	expect_notice(f, 0, f->path);
	expect_notice(f, 1, "dumpcore: dumped 1 pages of total 1024 pages");
	post_mortem(f, false);
	assert_int_equal(f->rig.n_notices, 2);
}

static int32_t signal_in(const struct fixture *f)
{
	const Elf64_Ehdr *e = (const void *)f->bytes;
	const Elf64_Phdr *p = (const void *)(f->bytes + e->e_phoff);
	int32_t number;

	memcpy(&number, f->bytes + p[0].p_offset + sizeof(Elf64_Nhdr) + 8, sizeof number);
	return number;
}

static void faults_leave_cores_with_their_signals(void **state)
{
	static const struct {
		struct hv_exit exit;
		int32_t signal;
	} cases[] = {
		{{.kind = HV_EXIT_FAULT}, SIGSEGV}, {{.kind = HV_EXIT_SHUTDOWN}, SIGSEGV},
		{{.kind = HV_EXIT_ERROR, .error = {.what = "x"}}, SIGILL}, {{.kind = HV_EXIT_HALT}, SIGSYS},
	};
	struct fixture *f = *state;

	attach(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		hv_fake_exit(f->rig.core.hv, &cases[i].exit);
		assert_int_equal(rig_run(&f->rig), RIG_FAILED);
		post_mortem(f, false);
		load(f);
		assert_int_equal(signal_in(f), cases[i].signal);
		free(f->bytes);
		f->bytes = NULL;
		unlink(f->path);
	}
}

static void whoever_asks_has_one_of_a_guest_that_was_stopped(void **state)
{
	struct fixture *f = *state;

	attach(f);
	core_stop(&f->rig.core, SIGQUIT);
	assert_int_equal(rig_run(&f->rig), RIG_STOPPED);
	post_mortem(f, false);
	assert_false(is_there(f));
	post_mortem(f, true);
	load(f);
	assert_int_equal(signal_in(f), SIGQUIT);
}

static void count_answer(void *to, const char *line)
{
	(void)line;
	(*(unsigned *)to)++;
}

/* Cores that are asked for have names of their own, and the end still has its core. */
static void a_command_leaves_a_core_and_the_guest_goes_on(void **state)
{
	struct fixture *f = *state;
	char other[sizeof f->path + 4];
	unsigned lines = 0;
	const char *words;
	const struct command_slot *c;

	attach(f);
	c = commands_find(&f->rig.core.commands, "dump", &words);
	assert_non_null(c);
	for (unsigned i = 1; i < 66; i++) {
		c->is->obey(c->ctx, "", count_answer, &lines);
		snprintf(other, sizeof other, "%s.%u", f->path, i);
		assert_int_equal(unlink(other), i < 64 ? 0 : -1);
	}
	assert_int_equal(lines, 2 * 63 + 2);
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	assert_int_equal(signal_in(f), SIGABRT);
}

/* ---- what is in it ---- */

static void a_core_has_memory_in_its_place_and_holes(void **state)
{
	struct fixture *f = *state;
	const Elf64_Ehdr *e;
	const Elf64_Phdr *p;
	uint64_t end = 0;

	attach(f);
	memset(rig_at(&f->rig, 0), 0x11, 4096);
	memset(rig_at(&f->rig, ARG + 0x20000), 0x22, 3 * 4096);
	*(uint8_t *)rig_at(&f->rig, MEMORY - 1) = 0x33;
	host.cut = true;
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	expect_notice(f, 1, "dumped 6 pages of total 1024 pages");
	e = (const void *)f->bytes;
	p = (const void *)(f->bytes + e->e_phoff);
	assert_memory_equal(e->e_ident, ELFMAG "\2\1\1\0", 8);
	assert_int_equal(e->e_type, ET_CORE);
	assert_int_equal(e->e_machine, cpu_elf_machine);
	assert_int_equal(p[0].p_type, PT_NOTE);
	for (unsigned i = 1; i < e->e_phnum; i++) {
		assert_int_equal(p[i].p_type, PT_LOAD);
		assert_int_equal(p[i].p_vaddr, end);
		assert_int_equal(p[i].p_offset % 4096, 0);
		assert_memory_equal(f->bytes + p[i].p_offset, rig_at(&f->rig, end), p[i].p_filesz);
		end += p[i].p_memsz;
	}
	assert_int_equal(e->e_phnum, 3);
	assert_int_equal(p[1].p_flags, PF_R);
	assert_int_equal(p[2].p_flags, PF_R | PF_W);
	assert_int_equal(end, MEMORY);
}

static void notes_have_registers_and_the_reason(void **state)
{
	static const uint64_t pc = PC;
	struct fixture *f = *state;
	const Elf64_Ehdr *e;
	const Elf64_Phdr *p;

	attach(f);
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	e = (const void *)f->bytes;
	p = (const void *)(f->bytes + e->e_phoff);
	assert_non_null(memmem(f->bytes + p->p_offset, p->p_filesz, &pc, sizeof pc));
	assert_non_null(memmem(f->bytes + p->p_offset, p->p_filesz, "guest ended with status 255", 27));
	assert_non_null(memmem(f->bytes + p->p_offset, p->p_filesz, "\"hypercalls\":{\"walltime\":0", 26));
}

/* Where Linux's struct elf_prstatus says whether there is a note of vector registers: behind the general ones. */
#define STATUS_REGISTERS 112

/* What the note of Linux's with this type says; NULL if there is none. */
static const uint8_t *find_note(const struct fixture *f, uint32_t type, size_t size)
{
	const Elf64_Ehdr *e = (const void *)f->bytes;
	const Elf64_Phdr *p = (const void *)(f->bytes + e->e_phoff);
	const uint8_t *at = f->bytes + p->p_offset, *end = at + p->p_filesz;

	while (at < end) {
		const Elf64_Nhdr *n = (const void *)at;
		const uint8_t *desc = at + sizeof *n + (n->n_namesz + 3) / 4 * 4;

		if (n->n_type == type && memcmp(n + 1, "CORE", sizeof "CORE") == 0) {
			assert_int_equal(n->n_descsz, size);
			return desc;
		}
		at = desc + (n->n_descsz + 3) / 4 * 4;
	}
	return NULL;
}

/* The core of a guest that has aborted, and what it says of vector registers being there. */
static int32_t abort_and_load(struct fixture *f)
{
	const uint8_t *status;
	int32_t valid;

	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	status = find_note(f, NT_PRSTATUS, STATUS_REGISTERS + notes_registers_size + 8);
	assert_non_null(status);
	memcpy(&valid, status + STATUS_REGISTERS + notes_registers_size, sizeof valid);
	return valid;
}

static void notes_have_vector_registers(void **state)
{
	struct fixture *f = *state;
	uint8_t wanted[NOTES_FP_MAX];
	const uint8_t *note;

	attach(f);
	memset(&f->rig.core.hv->fp, 0x5a, sizeof f->rig.core.hv->fp);
	notes_fp(&f->rig.core.hv->fp, wanted);
	assert_int_equal(abort_and_load(f), 1);
	note = find_note(f, NT_FPREGSET, notes_fp_size);
	assert_non_null(note);
	assert_memory_equal(note, wanted, notes_fp_size);
}

static void a_backend_that_does_not_tell_them_has_no_such_note(void **state)
{
	struct fixture *f = *state;
	struct hv_register_ops registers;
	struct hv_caps caps;

	attach(f);
	caps = *f->rig.core.caps;
	registers = *caps.registers;
	registers.get_fp = NULL;
	caps.registers = &registers;
	f->rig.core.caps = &caps;
	assert_int_equal(abort_and_load(f), 0);
	assert_null(find_note(f, NT_FPREGSET, 0));
}

static const char *note_text(const struct fixture *f)
{
	const char *text = memmem(f->bytes, f->len, "{\"husk\":\"", 9);

	assert_non_null(text);
	return text;
}

static const char *get(const struct fixture *f, const char *path)
{
	static char value[2000];

	return json_get(note_text(f), path, value, sizeof value) ? value : NULL;
}

/* A linker's note in read-only data, and a command line that is longer than what is kept. */
static void notes_name_the_image_and_its_words(void **state)
{
	static const uint32_t note[] = {4, 20, NT_GNU_BUILD_ID, 0x00554e47, 0x03020100};
	const struct hvt_boot_info info = {.cmdline = 0x11000};
	struct fixture *f = *state;

	attach(f);
	assert_int_equal(memory_declare(&f->rig.core.memory, 0x140000, 0x140fff, MEMORY_R, "rodata",
					&f->rig.e), 0);
	memcpy(rig_at(&f->rig, 0x140024), note, sizeof note);
	memcpy(rig_at(&f->rig, HVT_BOOT_INFO_GPA), &info, sizeof info);
	strcpy(rig_at(&f->rig, 0x11000), "set \"colour\"");
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	assert_string_equal(get(f, "build_id"), "0001020300000000000000000000000000000000");
	assert_string_equal(get(f, "command_line"), "set \"colour\"");
	free(f->bytes);
	f->bytes = NULL;
	unlink(f->path);
	memset(rig_at(&f->rig, 0x140000), 0, 0x1000);
	memset(rig_at(&f->rig, 0x11000), 'x', 5000);
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	load(f);
	assert_null(get(f, "build_id"));
	assert_int_equal(strlen(get(f, "command_line")), 1023);
}

/* AMD: what is there after a triple fault are the registers of a reset. */
static void lost_registers_are_not_told(void **state)
{
	static const uint64_t pc = PC;
	struct fixture *f = *state;

	attach(f);
	f->rig.core.hv->ip = 0;
	hv_fake_exit(f->rig.core.hv, &(struct hv_exit){.kind = HV_EXIT_SHUTDOWN});
	assert_int_equal(rig_run(&f->rig), RIG_FAILED);
	post_mortem(f, false);
	load(f);
	assert_null(memmem(f->bytes, 4096, &pc, sizeof pc));
	assert_non_null(memmem(f->bytes, f->len, "\"registers\":\"lost\"", 18));
}

/* ---- what goes wrong ---- */

static void every_write_may_fail(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	attach(f);
	*(uint8_t *)rig_at(&f->rig, MEMORY - 1) = 1;
	do {
		unlink(f->path);
		f->rig.n_notices = 0;
		host.writes = 0;
		host.fail_at = ++n;
		assert_int_equal(halt(f, 255), RIG_HALTED);
		post_mortem(f, false);
		assert_int_equal(f->rig.n_notices, 2);
	} while (strstr(f->rig.notices[1], "writing: No space left on device: ") != NULL);
	assert_int_equal(n, 2 + 2 + 1);
	expect_notice(f, 1, "dumpcore: dumped");
}

/* A quota, a limit of file sizes, a broken disk. */
static void whatever_fails_a_write_is_told(void **state)
{
	static const int reasons[] = {EDQUOT, EFBIG, EIO};
	struct fixture *f = *state;

	attach(f);
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		unlink(f->path);
		f->rig.n_notices = 0;
		host.writes = 0;
		host.fail_at = 1;
		host.why = reasons[i];
		assert_int_equal(halt(f, 255), RIG_HALTED);
		post_mortem(f, false);
		assert_int_equal(f->rig.n_notices, 2);
		expect_notice(f, 1, strerror(reasons[i]));
	}
}

static void a_file_that_is_there_is_left_alone(void **state)
{
	struct fixture *f = *state;

	attach(f);
	assert_int_equal(symlink("/dev/null", f->path), 0);
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, false);
	assert_int_equal(host.writes, 0);
	assert_int_equal(f->rig.n_notices, 2);
	expect_notice(f, 1, "File exists");
}

static void directories_that_will_not_do_are_refused(void **state)
{
	struct fixture *f = *state;
	const int before = open_descriptors();

	host.no_access = true;
	assert_int_equal(rig_option(&f->rig, &module_dumpcore, f->option), 0);
	assert_int_equal(rig_attach(&f->rig, &module_dumpcore), -1);
	assert_error(&f->rig.e, HUSK_E_HOST, "dumpcore: dir not writable");
	host.no_access = false;
	assert_int_equal(rig_option(&f->rig, &module_dumpcore, "--dumpcore=/dev/null"), 0);
	assert_int_equal(rig_attach(&f->rig, &module_dumpcore), -1);
	assert_error(&f->rig.e, HUSK_E_HOST, "dumpcore: cannot open dir");
	assert_int_equal(open_descriptors(), before);
}

static void only_the_file_itself_can_be_made_later(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	attach(f);
	sandbox_init(&s);
	assert_true(s.values[SANDBOX_MAKE_NAME] == 0);
	module_dumpcore.limit(f->rig.state[1], &s);
	module_dumpcore.confine(f->rig.state[1], &s);
	assert_true(s.makes > 2);
	assert_int_equal(s.values[SANDBOX_MAKE], s.makes);
	assert_string_equal((const char *)(uintptr_t)s.values[SANDBOX_MAKE_NAME],
			    strrchr(f->path, '/') + 1);
	assert_false(is_there(f));
}

static void not_asked_for_it_does_nothing(void **state)
{
	struct fixture *f = *state;
	struct sandbox s;

	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_attach(&f->rig, &module_dumpcore), 0);
	sandbox_init(&s);
	module_dumpcore.limit(f->rig.state[1], &s);
	module_dumpcore.confine(f->rig.state[1], &s);
	assert_int_equal(s.makes, -1);
	assert_int_equal(halt(f, 255), RIG_HALTED);
	post_mortem(f, true);
	assert_int_equal(f->rig.n_notices, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_abort_leaves_a_core_and_no_other_status_does),
		TEST(faults_leave_cores_with_their_signals),
		TEST(whoever_asks_has_one_of_a_guest_that_was_stopped),
		TEST(a_command_leaves_a_core_and_the_guest_goes_on),
		TEST(a_core_has_memory_in_its_place_and_holes),
		TEST(notes_have_registers_and_the_reason),
		TEST(notes_have_vector_registers),
		TEST(a_backend_that_does_not_tell_them_has_no_such_note),
		TEST(notes_name_the_image_and_its_words),
		TEST(lost_registers_are_not_told),
		TEST(every_write_may_fail),
		TEST(whatever_fails_a_write_is_told),
		TEST(a_file_that_is_there_is_left_alone),
		TEST(directories_that_will_not_do_are_refused),
		TEST(only_the_file_itself_can_be_made_later),
		TEST(not_asked_for_it_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
