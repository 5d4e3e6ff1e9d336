/* SPDX-License-Identifier: ISC */
/* test_exits_kvm.c: what the KVM backend makes of the kernel's answers; no /dev/kvm is needed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/hv_kvm.h"
#include "expect.h"

#define RAM 0x200000ull

/* ---- a kernel that answers as it is told ---- */

static struct {
	int open_error;			/* of opening /dev/kvm, 0: opens */
	struct {
		unsigned long request;
		int result, error;	/* the answer if it is not 0 or a new descriptor */
		unsigned times;		/* how often; then the usual answer */
	} special[2];
	unsigned runs;
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, uintptr_t arg);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/kvm") != 0)
		return __real_open(path, flags);
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	errno = host.open_error;
	return host.open_error != 0 ? -1 : __real_open("/dev/null", flags);
}

static int usual_answer(int fd, unsigned long request)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return 12;
	case KVM_CREATE_VM:
	case KVM_CREATE_VCPU:
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	case KVM_GET_VCPU_MMAP_SIZE:
		return 0x3000;
	case KVM_CHECK_EXTENSION:
		return 1;
	case KVM_RUN:
		host.runs++;
		break;
	}
	return 0;
}

/* Of what can be asked for, only doorbells are ever told to be missing. */
static bool is_special(unsigned long request, uintptr_t arg)
{
	return request != KVM_CHECK_EXTENSION || arg == KVM_CAP_IOEVENTFD;
}

int __wrap_ioctl(int fd, unsigned long request, uintptr_t arg)
{
	for (unsigned i = 0; i < 2 && is_special(request, arg); i++)
		if (host.special[i].request == request && host.special[i].times > 0) {
			host.special[i].times--;
			errno = host.special[i].error;
			return host.special[i].result;
		}
	return usual_answer(fd, request);
}

/* The run page is anonymous memory. */
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (fd != -1)
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
	return __real_mmap(addr, len, prot, flags, -1, offset);
}

static void answer(unsigned long request, int result, int error, unsigned times)
{
	unsigned i = host.special[0].times != 0;

	host.special[i].request = request;
	host.special[i].result = result;
	host.special[i].error = error;
	host.special[i].times = times;
}

struct fixture {
	struct hv *hv;
	struct hv_exit exit;
	struct husk_error e;
	int files;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	*state = &f;
	f.files = open_descriptors();
	return hv_backend.create(&f.hv, RAM, &f.e);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hv_backend.destroy(f->hv);
	assert_int_equal(open_descriptors(), f->files);
	return 0;
}

static void run(struct fixture *f, enum hv_exit_kind kind)
{
	memset(&f->exit, 0x55, sizeof f->exit);
	assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), 0);
	assert_int_equal(f->exit.kind, kind);
}

/* ---- exits ---- */

static void exits_without_more_to_say(void **state)
{
	static const struct { uint32_t reason; enum hv_exit_kind kind; } exits[] = {
		{KVM_EXIT_HLT, HV_EXIT_HALT},
		{KVM_EXIT_SHUTDOWN, HV_EXIT_SHUTDOWN},
		{KVM_EXIT_DEBUG, HV_EXIT_DEBUG},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
		f->hv->run->exit_reason = exits[i].reason;
		run(f, exits[i].kind);
	}
}

static void port_exits(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *page = f->hv->run;
	const struct bus_access *a = &f->exit.io;

	page->exit_reason = KVM_EXIT_IO;
	page->io.port = 0xffff;
	page->io.size = 4;
	page->io.count = 0x10000;
	page->io.direction = KVM_EXIT_IO_OUT;
	page->io.data_offset = 0x1000;
	run(f, HV_EXIT_PIO);
	assert_true(a->addr == 0xffff && a->width == 4 && a->count == 0x10000 && a->write);
	assert_ptr_equal(a->data, (uint8_t *)page + 0x1000);
	page->io.direction = KVM_EXIT_IO_IN;
	page->io.size = 1;
	run(f, HV_EXIT_PIO);
	assert_true(a->width == 1 && !a->write);
}

static void mmio_exits(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *page = f->hv->run;
	const struct bus_access *a = &f->exit.io;

	page->exit_reason = KVM_EXIT_MMIO;
	page->mmio.phys_addr = RAM;
	page->mmio.len = 8;
	page->mmio.is_write = 1;
	run(f, HV_EXIT_MMIO);
	assert_true(a->addr == RAM && a->width == 8 && a->count == 1 && a->write);
	assert_ptr_equal(a->data, page->mmio.data);
	page->mmio.phys_addr = UINT64_MAX;
	page->mmio.is_write = 0;
	run(f, HV_EXIT_MMIO);
	assert_true(a->addr == UINT64_MAX && !a->write);
}

static void a_store_that_memory_refused_is_a_fault(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *page = f->hv->run;

	page->exit_reason = KVM_EXIT_MMIO;
	page->mmio.phys_addr = RAM - 1;
	page->mmio.len = 4;
	page->mmio.is_write = 1;
	run(f, HV_EXIT_FAULT);
	assert_true(f->exit.fault.known);
	assert_true(f->exit.fault.gpa == RAM - 1);
}

static void a_fault_on_hardware_has_a_place_if_the_kernel_tells_it(void **state)
{
	static const uint64_t where[] = {8, 0x123000, 0x1000};	/* flags, gpa, size */
	struct fixture *f = *state;

	answer(KVM_RUN, -1, EFAULT, 2);
	run(f, HV_EXIT_FAULT);
	assert_false(f->exit.fault.known);
	f->hv->run->exit_reason = 39;
	memcpy(f->hv->run->padding, where, sizeof where);
	run(f, HV_EXIT_FAULT);
	assert_true(f->exit.fault.known);
	assert_true(f->exit.fault.gpa == 0x123000);
}

static void assert_error_exit(struct fixture *f, const char *what, uint64_t code)
{
	run(f, HV_EXIT_ERROR);
	assert_string_equal(f->exit.error.what, what);
	assert_true(f->exit.error.code == code);
}

static void errors_carry_the_kernels_own_number(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *page = f->hv->run;

	page->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	page->internal.suberror = 3;
	assert_error_exit(f, "internal error exit: suberror", 3);
	assert_null(f->exit.error.hint);
	page->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	assert_error_exit(f, "internal error exit: suberror", 1);
	assert_non_null(strstr(f->exit.error.hint, "-mgeneral-regs-only"));
	page->exit_reason = KVM_EXIT_FAIL_ENTRY;
	page->fail_entry.hardware_entry_failure_reason = 0x8000000000000021;
	assert_error_exit(f, "entry failure: hw_entry_failure_reason", 0x8000000000000021);
}

static void an_unknown_reason_is_an_error_with_its_number(void **state)
{
	static const uint32_t reasons[] = {
		KVM_EXIT_UNKNOWN, KVM_EXIT_EXCEPTION, KVM_EXIT_HYPERCALL, KVM_EXIT_SYSTEM_EVENT,
		KVM_EXIT_INTR, 39, 0x7f, UINT32_MAX,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		f->hv->run->exit_reason = reasons[i];
		assert_error_exit(f, "unhandled exit: exit_reason", reasons[i]);
	}
}

/* ---- runs that did not come to an exit ---- */

static void an_interrupted_run_is_over_and_its_kick_with_it(void **state)
{
	struct fixture *f = *state;

	answer(KVM_RUN, -1, EINTR, 1);
	hv_backend.kick(f->hv);
	assert_int_equal(f->hv->run->immediate_exit, 1);
	run(f, HV_EXIT_INTERRUPTED);
	assert_int_equal(f->hv->run->immediate_exit, 0);
	assert_int_equal(host.runs, 0);
}

static void a_run_that_the_kernel_wants_again_is_made_again(void **state)
{
	struct fixture *f = *state;

	answer(KVM_RUN, -1, EAGAIN, 3);
	f->hv->run->exit_reason = KVM_EXIT_HLT;
	run(f, HV_EXIT_HALT);
	assert_int_equal(host.runs, 1);
}

/* The thread that the kernel needs before the first run, where there may be no further one. */
static void a_run_that_the_kernel_never_makes_ends_in_a_line(void **state)
{
	struct fixture *f = *state;

	answer(KVM_RUN, -1, EAGAIN, 1000);
	assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, EAGAIN);
	assert_non_null(strstr(f->e.message, "RLIMIT_NPROC"));
	assert_non_null(strstr(f->e.message, "pids.max"));
	assert_in_range(host.special[0].times, 800, 950);
}

static void a_kick_ends_that_too(void **state)
{
	struct fixture *f = *state;

	answer(KVM_RUN, -1, EAGAIN, 1000);
	hv_backend.kick(f->hv);
	run(f, HV_EXIT_INTERRUPTED);
	assert_int_equal(host.special[0].times, 999);
	assert_int_equal(f->hv->run->immediate_exit, 0);
}

/* ---- completing ---- */

static void completing_runs_no_further(void **state)
{
	struct fixture *f = *state;

	f->hv->run->exit_reason = KVM_EXIT_IO;
	answer(KVM_RUN, -1, EINTR, 1);
	assert_int_equal(hv_backend.complete(f->hv, &f->exit, &f->e), 0);
	assert_int_equal(f->exit.kind, HV_EXIT_INTERRUPTED);
	assert_int_equal(f->hv->run->immediate_exit, 1);
	answer(KVM_RUN, -1, EINTR, 1);
	run(f, HV_EXIT_INTERRUPTED);
	assert_int_equal(f->hv->run->immediate_exit, 0);
}

static void completing_may_meet_the_next_exit_of_the_instruction(void **state)
{
	struct fixture *f = *state;

	f->hv->run->exit_reason = KVM_EXIT_IO;
	f->hv->run->io.port = 0x505;
	assert_int_equal(hv_backend.complete(f->hv, &f->exit, &f->e), 0);
	assert_int_equal(f->exit.kind, HV_EXIT_PIO);
	answer(KVM_RUN, -1, EIO, 1);
	assert_int_equal(hv_backend.complete(f->hv, &f->exit, &f->e), -1);
	assert_int_equal(f->e.sys, EIO);
}

/* ---- the thread that runs ---- */

static sigset_t blocked(void)
{
	sigset_t set;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	return set;
}

static void owning_blocks_the_kick_and_gives_the_mask_back(void **state)
{
	struct fixture *f = *state;
	const sigset_t before = blocked();
	sigset_t owned, after;

	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	owned = blocked();
	assert_int_equal(sigismember(&owned, SIGURG), 1);
	hv_backend.disown(f->hv);
	after = blocked();
	for (int signal = 1; signal < 32; signal++)
		assert_int_equal(sigismember(&after, signal), sigismember(&before, signal));
	answer(KVM_SET_SIGNAL_MASK, -1, EINVAL, 1);
	assert_int_equal(hv_backend.own(f->hv, &f->e), -1);
	assert_string_equal(f->e.message, "KVM_SET_SIGNAL_MASK: Invalid argument");
	after = blocked();
	assert_int_equal(sigismember(&after, SIGURG), sigismember(&before, SIGURG));
}

static void *kick_it(void *ctx)
{
	hv_backend.kick(ctx);
	return NULL;
}

/* A kick that comes when the run is over interrupts nothing that comes later. */
static void late_kicks_are_drained(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	sigset_t pending;

	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&thread, NULL, kick_it, f->hv), 0);
		pthread_join(thread, NULL);
		assert_int_equal(sigpending(&pending), 0);
		assert_int_equal(sigismember(&pending, SIGURG), 1);
		if (i == 0) {
			answer(KVM_RUN, -1, EINTR, 1);
			run(f, HV_EXIT_INTERRUPTED);
		} else {
			hv_backend.disown(f->hv);
		}
		assert_int_equal(sigpending(&pending), 0);
		assert_int_equal(sigismember(&pending, SIGURG), 0);
	}
}

static void who_owns_it_needs_no_signal(void **state)
{
	struct fixture *f = *state;
	sigset_t pending;

	assert_int_equal(hv_backend.own(f->hv, &f->e), 0);
	hv_backend.kick(f->hv);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGURG), 0);
	assert_int_equal(f->hv->run->immediate_exit, 1);
	hv_backend.disown(f->hv);
}

/* ---- what a machine is made of ---- */

static void what_makes_machines_is_closed_once_one_is_made(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->hv->kvm, -1);
	assert_int_equal(open_descriptors(), f->files + 2);
}

static void string_output_keeps_its_count(void **state)
{
	struct fixture *f = *state;

	f->hv->run->exit_reason = KVM_EXIT_IO;
	f->hv->run->io.port = 0x505;
	f->hv->run->io.size = 4;
	f->hv->run->io.count = 7;
	f->hv->run->io.direction = KVM_EXIT_IO_OUT;
	run(f, HV_EXIT_PIO);
	assert_int_equal(f->exit.io.count, 7);
}

static void a_run_that_the_kernel_refuses_is_an_error(void **state)
{
	static const int errors[] = {EINVAL, EIO, EBADF, ENOMEM};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		answer(KVM_RUN, -1, errors[i], 1);
		assert_int_equal(hv_backend.run(f->hv, &f->exit, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_int_equal(f->e.sys, errors[i]);
		assert_int_equal(strncmp(f->e.message, "KVM_RUN: ", 9), 0);
	}
	assert_int_equal(host.runs, 0);
}

/* ---- making ---- */

struct findings {
	unsigned n, bad;
	char text[4][400];
};

static void on_finding(void *ctx, bool ok, const char *what, const char *remedy)
{
	struct findings *f = ctx;

	snprintf(f->text[f->n++], sizeof f->text[0], "%s%s", what, remedy);
	f->bad += !ok;
}

static void assert_probe(int rc, unsigned bad, const char *first, const char *second)
{
	int files = open_descriptors();
	struct findings f = {0};

	assert_int_equal(hv_backend.probe(on_finding, &f), rc);
	assert_int_equal(f.bad, bad);
	/* Where it has a machine, it may have something to say of what that lacks. */
	assert_int_equal(f.n, second == NULL ? 1 : hv_kvm_filters_cpuid ? 2 : 3);
	if (strcmp(f.text[0], first) != 0)
		fail_msg("\"%s\", expected \"%s\"", f.text[0], first);
	if (second != NULL)
		assert_string_equal(f.text[1], second);
	assert_int_equal(open_descriptors(), files);
}

static void each_way_of_having_no_kvm_has_its_own_words(void **state)
{
	char missing[300];

	(void)state;
	host.open_error = ENOENT;
	snprintf(missing, sizeof missing, "/dev/kvm: No such file or directory: %s; a "
		 "container must be given the device", hv_kvm_missing);
	assert_probe(-1, 1, missing, NULL);
	host.open_error = EACCES;
	assert_probe(-1, 1, "/dev/kvm: Permission denied: join the group that owns it "
		     "(usually kvm), as root: usermod -a -G kvm USER; it counts from the next "
		     "login on", NULL);
	host.open_error = EPERM;
	assert_probe(-1, 1, "/dev/kvm: Operation not permitted: join the group that owns it "
		     "(usually kvm), as root: usermod -a -G kvm USER; it counts from the next "
		     "login on", NULL);
	host.open_error = EMFILE;
	assert_probe(-1, 1, "/dev/kvm: Too many open files: raise the limit of open files, ulimit -n", NULL);
	host.open_error = 0;
	answer(KVM_GET_API_VERSION, 11, 0, 1);
	assert_probe(-1, 1, "/dev/kvm: API version 11, need 12", NULL);
	answer(KVM_GET_API_VERSION, 13, 0, 1);
	assert_probe(-1, 1, "/dev/kvm: API version 13, need 12", NULL);
	answer(KVM_GET_API_VERSION, -1, ENOTTY, 1);
	assert_probe(-1, 1, "/dev/kvm: KVM_GET_API_VERSION: Inappropriate ioctl for device", NULL);
}

static void doorbells_are_optional(void **state)
{
	(void)state;
	assert_probe(0, 0, "/dev/kvm: API version 12, a machine can be made",
		     "doorbells (ioeventfd)");
	answer(KVM_CHECK_EXTENSION, 0, 0, 1);
	assert_probe(0, 0, "/dev/kvm: API version 12, a machine can be made",
		     "no doorbells (ioeventfd); nothing here needs them");
	answer(KVM_CHECK_EXTENSION, -1, EINVAL, 1);
	assert_probe(0, 0, "/dev/kvm: API version 12, a machine can be made",
		     "no doorbells (ioeventfd); nothing here needs them");
}

static void making_a_machine_survives_signals(void **state)
{
	struct fixture *f = *state;

	hv_backend.destroy(f->hv);
	answer(KVM_CREATE_VM, -1, EINTR, 3);
	assert_int_equal(hv_backend.create(&f->hv, RAM, &f->e), 0);
	assert_int_equal(host.special[0].times, 0);
}

static void a_run_page_may_be_no_larger_than_it_must(void **state)
{
	struct fixture *f = *state;

	hv_backend.destroy(f->hv);
	answer(KVM_GET_VCPU_MMAP_SIZE, sizeof(struct kvm_run), 0, 1);
	assert_int_equal(hv_backend.create(&f->hv, RAM, &f->e), 0);
}

static void assert_not_made(struct fixture *f, int sys, const char *message)
{
	struct hv *hv = NULL;
	int files = open_descriptors();

	assert_int_equal(hv_backend.create(&hv, RAM, &f->e), -1);
	assert_null(hv);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, sys);
	if (strncmp(f->e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
	assert_int_equal(open_descriptors(), files);
}

static void what_the_kernel_refuses_is_told_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	answer(KVM_CREATE_VM, -1, ENOMEM, 1);
	assert_not_made(f, ENOMEM, "KVM_CREATE_VM: ");
	answer(KVM_SET_USER_MEMORY_REGION, -1, EEXIST, 1);
	assert_not_made(f, EEXIST, "KVM_SET_USER_MEMORY_REGION of 2097152 bytes: ");
	answer(KVM_GET_VCPU_MMAP_SIZE, -1, EBADF, 1);
	assert_not_made(f, EBADF, "KVM_GET_VCPU_MMAP_SIZE: ");
	answer(KVM_GET_VCPU_MMAP_SIZE, sizeof(struct kvm_run) - 1, 0, 1);
	assert_not_made(f, EINVAL, "KVM_GET_VCPU_MMAP_SIZE: ");
	answer(KVM_CREATE_VCPU, -1, EEXIST, 1);
	assert_not_made(f, EEXIST, "KVM_CREATE_VCPU: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exits_without_more_to_say),
		TEST(port_exits),
		TEST(mmio_exits),
		TEST(a_store_that_memory_refused_is_a_fault),
		TEST(a_fault_on_hardware_has_a_place_if_the_kernel_tells_it),
		TEST(errors_carry_the_kernels_own_number),
		TEST(an_unknown_reason_is_an_error_with_its_number),
		TEST(an_interrupted_run_is_over_and_its_kick_with_it),
		TEST(a_run_that_the_kernel_wants_again_is_made_again),
		TEST(a_run_that_the_kernel_never_makes_ends_in_a_line),
		TEST(a_kick_ends_that_too),
		TEST(completing_runs_no_further),
		TEST(completing_may_meet_the_next_exit_of_the_instruction),
		TEST(owning_blocks_the_kick_and_gives_the_mask_back),
		TEST(late_kicks_are_drained),
		TEST(who_owns_it_needs_no_signal),
		TEST(what_makes_machines_is_closed_once_one_is_made),
		TEST(string_output_keeps_its_count),
		TEST(a_run_that_the_kernel_refuses_is_an_error),
		TEST(each_way_of_having_no_kvm_has_its_own_words),
		TEST(doorbells_are_optional),
		TEST(making_a_machine_survives_signals),
		TEST(a_run_page_may_be_no_larger_than_it_must),
		TEST(what_the_kernel_refuses_is_told_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
