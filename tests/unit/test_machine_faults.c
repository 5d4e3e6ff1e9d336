/* SPDX-License-Identifier: ISC */
/*
 * test_machine_faults.c: any call to the host may fail, once or from then on; nothing is lost.
 *
 * A machine is made, loaded, run and destroyed again and again; each time another call fails.
 * Then either the library says so, or the call is one whose failure the guest's run survives,
 * which is listed here. No descriptor, mapping or block of memory stays behind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "bare.h"
#include "hv_fake.h"
#include "image.h"

enum phase { NOWHERE, CREATE, OPTION, LOAD, RUN, DESTROY };

static struct {
	enum phase phase;	/* NOWHERE: calls are the test's own */
	unsigned seen, fail_at;
	bool from_then_on;
	unsigned failed;	/* calls that did, and those of them that a run does not survive */
	unsigned fatal;
	const char *first;	/* the name of the first that failed */
	int error;		/* errno of the first that was fatal */
	int disk;		/* the descriptor that is one, and the last other one looked at */
	int other;
	int console;		/* a terminal, which the library opens again for itself */
	int mappings;		/* made and not yet undone */
	size_t n_blocks;
	void *blocks[256];	/* of memory, allocated and not yet freed */
} host;

/* ---- which failures a run survives ---- */

/*
 * The console is best effort, disks answer the guest with an error, unlocking is a courtesy, and
 * what a disk is held against is there in all but strange cases.
 */
static const struct { enum phase phase; const char *name; } harmless[] = {
	{LOAD, "optional ioctl"},
	{LOAD, "fstat of the console"},
	{LOAD, "open of the terminal"},
	{LOAD, "flock to unlock"},
	{LOAD, "open of fdinfo"},
	{LOAD, "fcntl for seals"},
	{LOAD, "fcntl of another file"},
	{LOAD, "fstat of another file"},
	{RUN, "poll"},
	{RUN, "write"},
	{RUN, "pread"},
	{RUN, "pwrite"},
	{DESTROY, "flock to unlock"},
};

static bool is_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		if (harmless[i].phase == host.phase && strcmp(harmless[i].name, name) == 0)
			return true;
	return false;
}

/* Counts a call; true if it is to fail. */
static bool fails(const char *name, int error)
{
	if (host.phase == NOWHERE)
		return false;
	host.seen++;
	if (host.fail_at == 0 || host.seen < host.fail_at ||
	    (host.seen > host.fail_at && !host.from_then_on))
		return false;
	if (host.failed++ == 0)
		host.first = name;
	if (!is_harmless(name) && host.fatal++ == 0)
		host.error = error;
	errno = error;
	return true;
}

/* ---- memory ---- */

static void *track(void *p)
{
	if (host.phase == NOWHERE || p == NULL)
		return p;
	for (size_t i = 0; i < host.n_blocks; i++)
		if (host.blocks[i] == p)
			return p;
	assert_true(host.n_blocks < sizeof host.blocks / sizeof host.blocks[0]);
	host.blocks[host.n_blocks++] = p;
	return p;
}

static void untrack(void *p)
{
	for (size_t i = 0; i < host.n_blocks; i++)
		if (host.blocks[i] == p)
			host.blocks[i--] = host.blocks[--host.n_blocks];
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void __real_free(void *p);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size)
{
	return fails("malloc", ENOMEM) ? NULL : track(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails("calloc", ENOMEM) ? NULL : track(__real_calloc(n, size));
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	if (fails("reallocarray", ENOMEM))
		return NULL;
	untrack(old);
	return track(__real_reallocarray(old, n, size));
}

char *__wrap_strdup(const char *text)
{
	return fails("strdup", ENOMEM) ? NULL : track(__real_strdup(text));
}

void __wrap_free(void *p)
{
	untrack(p);
	__real_free(p);
}

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t len);
int __wrap_munmap(void *addr, size_t len);
int __real_mprotect(void *addr, size_t len, int prot);
int __wrap_mprotect(void *addr, size_t len, int prot);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (fails("mmap", ENOMEM))
		return MAP_FAILED;
	host.mappings++;
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_munmap(void *addr, size_t len)
{
	host.mappings--;
	return __real_munmap(addr, len);
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	return fails("mprotect", ENOMEM) ? -1 : __real_mprotect(addr, len, prot);
}

/* ---- descriptors ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_fcntl(int fd, int cmd, int arg);
int __wrap_fcntl(int fd, int cmd, int arg);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_open(const char *path, int flags, ...)
{
	bool again = strncmp(path, "/proc/self/fd/", 14) == 0;
	const char *name = again && (flags & O_ACCMODE) == O_WRONLY ? "open of the terminal" :
			   strncmp(path, "/proc/self/fdinfo/", 18) == 0 ? "open of fdinfo" : "open";

	assert_int_equal(flags & O_CREAT, 0);
	return fails(name, EMFILE) ? -1 : __real_open(path, flags);
}

int __wrap_fstat(int fd, struct stat *st)
{
	const char *name = fd == host.console ? "fstat of the console" :
			   fd == host.other ? "fstat of another file" : "fstat";

	host.other = -1;

	return fails(name, EIO) ? -1 : __real_fstat(fd, st);
}

int __wrap_fcntl(int fd, int cmd, int arg)
{
	const char *name = cmd == F_GET_SEALS ? "fcntl for seals" :
			   cmd == F_GETFL && fd != host.disk ? "fcntl of another file" : "fcntl";

	host.other = cmd == F_GETFL && fd != host.disk ? fd : -1;
	return fails(name, EMFILE) ? -1 : __real_fcntl(fd, cmd, arg);
}

int __wrap_flock(int fd, int operation)
{
	const char *name = operation == LOCK_UN ? "flock to unlock" : "flock";

	return fails(name, EIO) ? -1 : __real_flock(fd, operation);
}

int __wrap_eventfd(unsigned count, int flags)
{
	return fails("eventfd", EMFILE) ? -1 : __real_eventfd(count, flags);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	/* Linux virt/kvm/api.rst 4.37: what is turned on where it is there, KVM_ENABLE_CAP. */
	const char *name = _IOC_TYPE(request) == 0xae && _IOC_NR(request) == 0xa3 ? "optional ioctl" :
			   "ioctl";

	return fails(name, ENOTTY) ? -1 : __real_ioctl(fd, request, arg);
}

/* ---- transfers ---- */

ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	return fails("pread", EIO) ? -1 : __real_pread(fd, buf, len, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return fails("pwrite", ENOSPC) ? -1 : __real_pwrite(fd, buf, len, offset);
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	return fails("write", EPIPE) ? -1 : __real_write(fd, buf, len);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	return fails("write", EPIPE) ? -1 : __real_pwritev2(fd, iov, n, offset, flags);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return fails("poll", EIO) ? -1 : __real_poll(fds, n, timeout);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	return fails("ppoll", ENOMEM) ? -1 : __real_ppoll(fds, n, ts, mask);
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += __real_fcntl(fd, F_GETFD, 0) >= 0;
	return n;
}

/* ---- a guest that makes every hypercall of the modules here ---- */

#define TEXT HVT_GUEST_MIN_BASE
#define DATA (TEXT + 0x1000u)
#define STATUS 9

/* The guest's data segment. */
struct guest_data {
	struct hvt_walltime walltime;
	struct hvt_puts puts;
	struct hvt_block write, read, spare;
	struct hvt_poll poll;
	struct hvt_halt halt;
	char buffer[512];
};
#define AT(member) (DATA + (uint32_t)offsetof(struct guest_data, member))

static const struct guest_data guest_data = {
	.puts = {AT(buffer), 5},
	.write = {.handle = 1, .data = AT(buffer), .len = 512},
	.read = {.handle = 1, .data = AT(buffer), .len = 512},
	.spare = {.handle = 2, .data = AT(buffer), .len = 512},
	.halt = {.exit_status = STATUS},
	.buffer = "hello",
};

static const struct { unsigned nr; uint32_t arg; } calls[] = {
	{HVT_HYPERCALL_WALLTIME, AT(walltime)}, {HVT_HYPERCALL_PUTS, AT(puts)},
	{HVT_HYPERCALL_BLOCK_WRITE, AT(write)}, {HVT_HYPERCALL_BLOCK_READ, AT(read)},
	{HVT_HYPERCALL_BLOCK_READ, AT(spare)}, {HVT_HYPERCALL_POLL, AT(poll)},
	{HVT_HYPERCALL_HALT, AT(halt)},
};
#define CALLS (sizeof calls / sizeof calls[0])

extern const struct module module_core, module_block;
static const struct module *const mods[] = {&module_core, &module_block, NULL};

struct fixture {
	const struct hv_ops *ops;
	struct image image;
	int disk;		/* descriptor of the second disk */
	int terminal;		/* the other end of the console */
	char words[3][96];
	unsigned notices;	/* of all lives */
};

static int open_console(struct fixture *f)
{
	char path[64];

	f->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (f->terminal == -1 || grantpt(f->terminal) == -1 || unlockpt(f->terminal) == -1 ||
	    ptsname_r(f->terminal, path, sizeof path) != 0)
		return __real_open("/dev/null", O_WRONLY | O_CLOEXEC);
	return __real_open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int set_up(void **state)
{
	static const struct image_device devices[] = {
		{"one", MFT_DEV_BLOCK_BASIC}, {"two", MFT_DEV_BLOCK_BASIC},
	};
	static struct fixture f;
	struct code code = {.n = 0};

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	*state = &f;
	for (size_t i = 0; i < CALLS; i++)
		code_hypercall(&code, calls[i].nr, calls[i].arg);
	image_init(&f.image, cpu_elf_machine);
	image_segment(&f.image, TEXT, PF_R | PF_X, code.bytes, code.n);
	image_segment(&f.image, DATA, PF_R | PF_W, &guest_data, sizeof guest_data);
	image_manifest(&f.image, devices, 2);
	image_abi(&f.image, ELF_ABI_HVT, 2);
	image_save(&f.image);
	/* A file of whole sectors is a disk to read: the image itself is one. */
	f.disk = memfd_create("disk", MFD_CLOEXEC);
	host.disk = f.disk;
	host.console = open_console(&f);
	if (f.disk == -1 || host.console == -1 || ftruncate(f.disk, 4096) == -1 ||
	    truncate(f.image.path, 0x10000) == -1)
		return -1;
	snprintf(f.words[0], sizeof f.words[0], "--mem=2");
	snprintf(f.words[1], sizeof f.words[1], "--block:one=@%d", f.disk);
	snprintf(f.words[2], sizeof f.words[2], "--block-ro:two=%s", f.image.path);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	image_free(&f->image);
	close(f->disk);
	close(host.console);
	if (f->terminal != -1)
		close(f->terminal);
	return 0;
}

static void on_notice(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	assert_true(text[0] != '\0');
	f->notices++;
}

/* ---- one life of a machine, as far as it gets ---- */

static int configure(struct fixture *f, struct husk *h, struct husk_error *e)
{
	host.phase = OPTION;
	for (size_t i = 0; i < 3; i++)
		if (husk_option(h, f->words[i], e) == -1)
			return -1;
	return 0;
}

static int load(struct fixture *f, struct husk *h, struct husk_error *e)
{
	int before = open_descriptors(), rc;

	host.phase = LOAD;
	rc = husk_load(h, f->image.path, 0, NULL, e);
	if (rc == -1)
		assert_int_equal(open_descriptors(), before);
	return rc;
}

/* The script is the test's own, but its memory is the machine's: what fails is put off. */
static void write_script(struct husk *h)
{
	unsigned fail_at = host.fail_at, seen = host.seen;

	host.fail_at = 0;
	for (size_t i = 0; i < CALLS; i++)
		hv_fake_hypercall(h->core.hv, calls[i].nr, calls[i].arg);
	host.fail_at = fail_at;
	host.seen = seen;
}

static int live(struct fixture *f, struct husk *h, struct husk_error *e)
{
	int status = -1;
	enum husk_end end;

	if (configure(f, h, e) == -1 || load(f, h, e) == -1)
		return -1;
	if (f->ops == &hv_fake_ops)
		write_script(h);
	host.phase = RUN;
	end = husk_run(h, &status, e);
	if (end == HUSK_FAILED)
		return -1;
	assert_int_equal(end, HUSK_HALTED);
	assert_int_equal(status, STATUS);
	return 0;
}

static int one_life(struct fixture *f, struct husk_error *e)
{
	const struct husk_config config = {
		.console_fd = host.console, .notice = on_notice, .notice_ctx = f,
	};
	char seen[100];
	struct husk *h;
	int rc;

	host.phase = CREATE;
	h = machine_create(&config, f->ops, mods, e);
	rc = h == NULL ? -1 : live(f, h, e);
	host.phase = DESTROY;
	husk_destroy(h);
	host.phase = NOWHERE;
	while (read(f->terminal, seen, sizeof seen) > 0)
		;
	return rc;
}

/* ---- the loop ---- */

/* There are at least so many calls; with fewer, some are no longer seen. */
#define MINIMUM_FAKE 42
#define MINIMUM_REAL 56

static void assert_clean(int files)
{
	assert_int_equal(open_descriptors(), files);
	assert_int_equal(host.mappings, 0);
	assert_int_equal(host.n_blocks, 0);
}

static void assert_told(const struct husk_error *e)
{
	if (e->kind != HUSK_E_HOST || e->message[0] == '\0')
		fail_msg("call %u, %s: class %d, \"%s\"", host.fail_at, host.first, e->kind,
			 e->message);
	assert_null(strchr(e->message, '\n'));
	assert_int_equal(e->sys, host.error);
}

/* Returns how many calls there are. */
static unsigned fail_every_call(struct fixture *f, bool from_then_on)
{
	int files = open_descriptors();

	for (unsigned n = 1;; n++) {
		struct husk_error e = {0};
		int rc;

		host.seen = host.failed = host.fatal = 0;
		host.fail_at = n;
		host.from_then_on = from_then_on;
		rc = one_life(f, &e);
		assert_clean(files);
		if (rc == -1)
			assert_told(&e);
		else if (host.fatal > 0)
			fail_msg("call %u, %s: nobody noticed", n, host.first);
		if (host.seen < n) {
			assert_int_equal(rc, 0);
			return n - 1;
		}
	}
}

static void fail_in_every_way(struct fixture *f, const struct hv_ops *ops, unsigned least)
{
	unsigned n;

	f->ops = ops;
	n = fail_every_call(f, false);
	print_message("%u calls\n", n);
	assert_true(n >= least);
	/* One for each transfer of a disk, and a console that fails. */
	assert_int_equal(f->notices, 4);
	assert_int_equal(fail_every_call(f, true), n);
}

static void every_host_call_may_fail_around_a_fake_machine(void **state)
{
	fail_in_every_way(*state, &hv_fake_ops, MINIMUM_FAKE);
}

static void every_host_call_may_fail_around_a_real_machine(void **state)
{
	const char *why = bare_lacks();

	if (why != NULL) {
		print_message("# %s: %s\n", hv_backend.title, why);
		skip();
	}
	fail_in_every_way(*state, &hv_backend, MINIMUM_REAL);
}

static void every_call_of_the_hypervisor_may_fail(void **state)
{
	struct fixture *f = *state;
	int files = open_descriptors();
	unsigned n;

	f->ops = &hv_fake_ops;
	for (n = 1;; n++) {
		struct husk_error e = {0};
		int rc;

		hv_fake_faults = (struct hv_fake_faults){.fail_at = n, .from_then_on = n % 2 == 0};
		rc = one_life(f, &e);
		assert_clean(files);
		if (hv_fake_faults.seen < n) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		host.error = EIO;
		assert_told(&e);
	}
	/* create, protect, cycle_freq, set_entry, own, a run for each call */
	assert_int_equal(n - 1, 5 + CALLS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_host_call_may_fail_around_a_fake_machine),
		TEST(every_host_call_may_fail_around_a_real_machine),
		TEST(every_call_of_the_hypervisor_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
