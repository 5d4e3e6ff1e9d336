/* SPDX-License-Identifier: ISC */
/*
 * test_hv_vmm.c: the backend for FreeBSD's vmm, on it or on its stand-in: what is the same on every
 * architecture.
 */
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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../monitor/capsicum_host.h"
#include "../../monitor/sandbox.h"
#include "../../monitor/vmm_abi.h"
#include "../../monitor/vmm_host.h"
#include "bare.h"
#include "vmm_kernels.h"

/* ---- host calls that fail, or end the process, at the nth ---- */

static struct {
	bool armed;
	unsigned seen, at;
	int error;		/* 0: SIGKILL, before the call */
	bool after;		/* SIGKILL after it */
} fault;

/* What a kernel says to all calls of one kind, beside: a path, a sysctl's name, or "create" for that by /dev/vmmctl. */
static struct refusal {
	const char *of;
	int error;
} refusals_of[2];

static bool is_of(const char *of)
{
	for (size_t i = 0; i < 2; i++) {
		if (refusals_of[i].of == NULL || strncmp(of, refusals_of[i].of, strlen(refusals_of[i].of)) != 0)
			continue;
		errno = refusals_of[i].error;
		return true;
	}
	return false;
}

static bool refused(void)
{
	if (!fault.armed || ++fault.seen != fault.at)
		return false;
	if (fault.error == 0 && !fault.after)
		kill(getpid(), SIGKILL);
	errno = fault.error;
	return fault.error != 0;
}

static void die_after(void)
{
	if (fault.armed && fault.seen == fault.at && fault.after)
		kill(getpid(), SIGKILL);
}

int __real_vmm_host_open(const char *path, int flags);
int __wrap_vmm_host_open(const char *path, int flags);
int __real_vmm_host_ioctl(int fd, unsigned long code, void *arg);
int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg);
void *__real_vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new,
			   size_t new_len);
int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new,
			   size_t new_len);

/* The descriptors of /dev/vmmctl and of a machine, if it was made by that. */
static struct opened {
	int n, fds[2];
} opened;

int __wrap_vmm_host_open(const char *path, int flags)
{
	int fd = is_of(path) || refused() ? -1 : __real_vmm_host_open(path, flags);

	if (fd != -1 && opened.n < 2)
		opened.fds[opened.n++] = fd;
	die_after();
	return fd;
}

int __wrap_vmm_host_ioctl(int fd, unsigned long code, void *arg)
{
	bool no = (code == VMMCTL_CREATE && is_of("create")) || refused();
	int rc = no ? -1 : __real_vmm_host_ioctl(fd, code, arg);

	die_after();
	return rc;
}

void *__wrap_vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *view = refused() ? MAP_FAILED
			       : __real_vmm_host_mmap(at, len, prot, flags, fd, offset);

	die_after();
	return view;
}

int __wrap_vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new,
			   size_t new_len)
{
	int rc = is_of(name) || refused() ? -1 : __real_vmm_host_sysctl(name, old, old_len, new, new_len);

	die_after();
	return rc;
}

/* ---- what is there ---- */

static int count(void *ctx, const char *name)
{
	unsigned *n = ctx;

	(void)name;
	(*n)++;
	return 1;
}

static unsigned machines(void)
{
	unsigned n = 0;

	(void)vmm_host_machines(count, &n);
	return n;
}

#define DESCRIPTORS_MAX 1024

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static int set_up(void **state)
{
	static struct bare b;

	*state = &b;
	return bare_make(&b);
}

static int tear_down(void **state)
{
	bare_free(*state);
	return machines() == 0 ? 0 : -1;
}

static void start(struct bare *b)
{
	if (bare_start(b) != 0)
		fail_msg("%s", b->e.message);
}

static void assert_exit(struct bare *b, enum hv_exit_kind kind)
{
	if (bare_run(b) != 0)
		fail_msg("%s", b->e.message);
	if (b->exit.kind != kind)
		fail_msg("exit of kind %s, expected %s, ip 0x%llx", hv_exit_name(b->exit.kind),
			 hv_exit_name(kind), (unsigned long long)bare_ip(b));
}

static void assert_call(struct bare *b, unsigned nr, uint32_t arg)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	uint32_t got;

	assert_exit(b, w->kind == BUS_PIO ? HV_EXIT_PIO : HV_EXIT_MMIO);
	assert_int_equal(b->exit.io.addr, w->base + nr * w->stride);
	assert_int_equal(b->exit.io.width, 4);
	assert_true(b->exit.io.write);
	memcpy(&got, b->exit.io.data, sizeof got);
	assert_int_equal(got, arg);
}

/* ---- exits ---- */

static void a_hypercall_arrives_with_its_argument(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 0x12345678);
	code_hypercall(&b->code, 8, 0xffffffff);
	start(b);
	assert_true(bare_ip(b) == b->first);
	assert_call(b, 2, 0x12345678);
	assert_in_range(bare_ip(b), BARE_TEXT + 1, BARE_TEXT + b->code.n);
	assert_call(b, 8, 0xffffffff);
}

static void memory_is_shared_with_the_guest(void **state)
{
	struct bare *b = *state;
	uint32_t *at = bare_at(b, BARE_MEMORY - 4);

	code_load(&b->code, BARE_MEMORY - 4);
	code_hypercall_loaded(&b->code, 2);
	code_store(&b->code, BARE_MEMORY - 4, 77);
	code_hypercall(&b->code, 2, 0);
	start(b);
	assert_int_equal(*at, 0);
	*at = 55;
	assert_call(b, 2, 55);
	assert_call(b, 2, 0);
	assert_int_equal(*at, 77);
}

static void a_store_behind_memory_is_mmio(void **state)
{
	struct bare *b = *state;

	code_store(&b->code, BARE_HOLE, 0xdeadbeef);
	code_store_16(&b->code, BARE_HOLE + 0x1002, 0x1234);
	code_hypercall(&b->code, 2, 1);
	start(b);
	assert_exit(b, HV_EXIT_MMIO);
	assert_int_equal(b->exit.io.addr, BARE_HOLE);
	assert_int_equal(b->exit.io.width, 4);
	assert_true(b->exit.io.write);
	assert_exit(b, HV_EXIT_MMIO);
	assert_int_equal(b->exit.io.addr, BARE_HOLE + 0x1002);
	assert_int_equal(b->exit.io.width, 2);
	assert_call(b, 2, 1);
}

/* ---- registers ---- */

/* Written back as they were read, nothing is repeated and nothing left out. */
static void registers_read_and_written_change_nothing(void **state)
{
	const struct hv_register_ops *r;
	struct bare *b = *state;
	struct cpu_regs regs;

	code_hypercall(&b->code, 2, 1);
	code_hypercall(&b->code, 2, 2);
	code_hypercall(&b->code, 2, 3);
	start(b);
	r = hv_backend.caps(b->hv)->registers;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_call(b, 2, i);
		assert_int_equal(hv_backend.complete(b->hv, &b->exit, &b->e), 0);
		assert_int_equal(b->exit.kind, HV_EXIT_INTERRUPTED);
		assert_int_equal(r->get(b->hv, &regs, &b->e), 0);
		assert_int_equal(r->set(b->hv, &regs, &b->e), 0);
	}
}

/* ---- protection ---- */

static uint64_t page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static void protect(struct bare *b, uint64_t start_, uint64_t last, unsigned prot)
{
	if (hv_backend.protect(b->hv, start_, last, prot, &b->e) != 0)
		fail_msg("%s", b->e.message);
}

static bool binds_guest(const struct bare *b)
{
	return hv_backend.caps(b->hv)->protects_guest;
}

static void a_store_to_protected_memory_is_a_fault_and_lost(void **state)
{
	struct bare *b = *state;
	uint32_t *at = bare_at(b, BARE_DATA + 8);

	if (!binds_guest(b))
		skip();
	*at = 0x11111111;
	protect(b, BARE_DATA, BARE_DATA + page() - 1, MEMORY_R);
	code_store(&b->code, BARE_DATA - 4, 1);
	code_store(&b->code, BARE_DATA + page(), 1);
	code_load(&b->code, BARE_DATA + 8);
	code_hypercall_loaded(&b->code, 2);
	code_store(&b->code, BARE_DATA + 8, 0x22222222);
	start(b);
	assert_call(b, 2, 0x11111111);
	assert_exit(b, HV_EXIT_FAULT);
	assert_false(b->exit.fault.known);
	assert_in_range(bare_ip(b), BARE_TEXT + 1, BARE_TEXT + b->code.n);
	assert_int_equal(*at, 0x11111111);
}

static void protection_can_be_given_back(void **state)
{
	struct bare *b = *state;

	protect(b, BARE_DATA, BARE_DATA + 3 * page() - 1, MEMORY_R);
	protect(b, BARE_DATA + page(), BARE_DATA + 2 * page() - 1, MEMORY_R | MEMORY_W);
	code_store(&b->code, BARE_DATA + page(), 5);
	code_hypercall(&b->code, 2, 0);
	code_store(&b->code, BARE_DATA, 5);
	code_hypercall(&b->code, 2, 1);
	start(b);
	assert_call(b, 2, 0);
	assert_int_equal(*(uint32_t *)bare_at(b, BARE_DATA + page()), 5);
	if (!binds_guest(b)) {
		assert_call(b, 2, 1);
		return;
	}
	assert_exit(b, HV_EXIT_FAULT);
	protect(b, BARE_DATA, BARE_DATA + page() - 1, MEMORY_R | MEMORY_W);
	assert_call(b, 2, 1);
}

/* More pieces than the kernel has maps: the largest still bind the guest, the others its tables. */
static void too_many_pieces_cost_the_smallest(void **state)
{
	const uint64_t large = 0x180000;
	struct bare *b = *state;

	if (!binds_guest(b))
		skip();
	protect(b, large, large + 8 * page() - 1, MEMORY_R);
	for (uint64_t i = 0; i < 40; i++)
		protect(b, BARE_DATA + 2 * i * page(), BARE_DATA + (2 * i + 1) * page() - 1,
			MEMORY_R);
	code_hypercall(&b->code, 2, 1);
	code_store(&b->code, large, 1);
	start(b);
	assert_call(b, 2, 1);
	assert_exit(b, HV_EXIT_FAULT);
}

/* ---- kicks ---- */

static void a_kick_before_the_run_ends_it_before_it_begins(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 1);
	hv_backend.kick(b->hv);
	start(b);
	hv_backend.kick(b->hv);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_true(bare_ip(b) == b->first);
	assert_call(b, 2, 1);
}

struct kicker {
	struct bare *b;
	unsigned after_us;
};

static void *kick(void *ctx)
{
	const struct kicker *k = ctx;

	usleep(k->after_us);
	hv_backend.kick(k->b->hv);
	return NULL;
}

/* Whether it comes before a run, at its start or in it. */
static void no_kick_is_lost(void **state)
{
	struct bare *b = *state;

	code_spin(&b->code);
	start(b);
	assert_int_equal(hv_backend.own(b->hv, &b->e), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct kicker k = {b, i * 3};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, kick, &k), 0);
		assert_exit(b, HV_EXIT_INTERRUPTED);
		pthread_join(thread, NULL);
	}
	hv_backend.disown(b->hv);
}

/* ---- life ---- */

static void two_machines_are_strangers(void **state)
{
	struct bare *b = *state;
	static struct bare other;

	assert_int_equal(bare_make(&other), 0);
	code_hypercall(&b->code, 2, 1);
	code_hypercall(&other.code, 3, 1);
	code_hypercall(&b->code, 2, 2);
	start(b);
	start(&other);
	hv_backend.kick(b->hv);
	assert_call(&other, 3, 1);
	bare_free(&other);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_call(b, 2, 1);
	assert_call(b, 2, 2);
}

static void machines_leave_nothing_behind(void **state)
{
	unsigned files = open_descriptors(), n = getenv("HUSK_LONG") != NULL ? 10000 : 100;
	static struct bare b;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(bare_make(&b), 0);
		code_hypercall(&b.code, 2, 1);
		start(&b);
		assert_call(&b, 2, 1);
		bare_free(&b);
	}
	assert_int_equal(open_descriptors(), files);
	assert_int_equal(machines(), 0);
	hv_backend.destroy(NULL);
}

/* Some of them tell one release from another at some calls, and the start goes on. */
static const int errors[] = {EPERM, EIO, ENOMEM, EFAULT, EBUSY, ENXIO, EINVAL, ENOENT, ENOSPC, EACCES};

static void a_start_that_fails_leaves_nothing_behind(void **state)
{
	unsigned files = open_descriptors();

	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		bool failed = true;

		for (unsigned n = 1; failed; n++) {
			struct husk_error e = {0};
			struct hv *hv = NULL;

			assert_in_range(n, 1, 100);
			fault = (typeof(fault)){.armed = true, .at = n, .error = errors[i]};
			failed = hv_backend.create(&hv, BARE_MEMORY, &e) == -1;
			failed = failed || fault.seen >= n;
			fault.armed = false;
			if (hv == NULL) {
				assert_int_equal(e.kind, HUSK_E_HOST);
				assert_true(e.message[0] != '\0');
			}
			hv_backend.destroy(hv);
			assert_int_equal(machines(), 0);
			assert_int_equal(open_descriptors(), files);
		}
	}
}

/* Once more, the host has what it lacked: nothing was left half done. */
static int run_on(struct bare *b)
{
	struct husk_error e;

	if (bare_run(b) == 0)
		return 0;
	e = b->e;
	assert_int_equal(bare_run(b), 0);
	b->e = e;
	return -1;
}

/* All that is done with a machine between its start and its end. A kick may be lost, and no more. */
static int live_through(struct bare *b)
{
	const struct hv_register_ops *r = hv_backend.caps(b->hv)->registers;
	struct cpu_system system;
	struct cpu_regs regs;

	if (bare_start(b) == -1 || hv_backend.own(b->hv, &b->e) == -1 ||
	    hv_backend.protect(b->hv, BARE_DATA, BARE_DATA + page() - 1, MEMORY_R, &b->e) == -1 ||
	    hv_backend.protect(b->hv, BARE_TEXT, BARE_TEXT + page() - 1, MEMORY_R, &b->e) == -1)
		return -1;
	if (run_on(b) == -1 || hv_backend.complete(b->hv, &b->exit, &b->e) == -1 ||
	    r->get(b->hv, &regs, &b->e) == -1 || r->set(b->hv, &regs, &b->e) == -1 ||
	    (r->get_system != NULL && r->get_system(b->hv, &system, &b->e) == -1))
		return -1;
	hv_backend.kick(b->hv);
	if (run_on(b) == -1 || run_on(b) == -1)
		return -1;
	return 0;
}

/* Whether the nth host call was made; *told: that it failed was. */
static bool lives_though_the_nth_call_fails(unsigned n, int error, unsigned *told)
{
	static struct bare b;
	unsigned seen;
	int rc;

	assert_int_equal(bare_make(&b), 0);
	code_load(&b.code, BARE_HOLE);
	for (uint32_t i = 0; i < 8; i++)
		code_hypercall(&b.code, 2, i);
	fault = (typeof(fault)){.armed = true, .at = n, .error = error};
	rc = live_through(&b);
	seen = fault.seen;
	fault.armed = false;
	if (rc == -1) {
		++*told;
		assert_int_equal(b.e.kind, HUSK_E_HOST);
		assert_int_equal(b.e.sys, error);
		assert_non_null(strstr(b.e.message, "VM_"));
	}
	hv_backend.disown(b.hv);
	bare_free(&b);
	return seen >= n;
}

/* A fault, rights for which maps do not suffice, on aarch64 a call to firmware: no failures of a run. */
static bool is_translated(int error)
{
	return error == EFAULT || error == ENOSPC || error == EPERM;
}

static void a_live_machine_survives_what_fails_and_tells_it(void **state)
{
	unsigned files = open_descriptors();

	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		unsigned n = 1, told = 0;

		for (; lives_though_the_nth_call_fails(n, errors[i], &told); n++) {
			assert_in_range(n, 1, 200);
			assert_int_equal(machines(), 0);
			assert_int_equal(open_descriptors(), files);
		}
		/* But for a kick, its end, which on a busy host comes more than twice, and a register that an exit misses. */
		assert_in_range(told + (is_translated(errors[i]) ? 16 : 12), n, 200);
		assert_in_range(told, 5, 200);
	}
}

/* The remedy is named where it is known, and only that one. */
static void what_is_missing_is_told_with_its_remedy(void **state)
{
	static const char module[] = "kldload vmm", privilege[] = "in a jail allow.vmm is needed",
			  processor[] = "the firmware has turned that off", rules[] = "unhide vmm";
	static const struct {
		struct refusal refusals[2];
		const char *what, *remedy;
	} cases[] = {
		{{{VMM_CONTROL, ENOENT}, {VMM_SYSCTL_CREATE, ENOENT}}, VMM_SYSCTL_CREATE, module},
		{{{VMM_CONTROL, ENOENT}, {VMM_SYSCTL_CREATE, EPERM}}, VMM_SYSCTL_CREATE, privilege},
		{{{VMM_CONTROL, ENOENT}, {VMM_SYSCTL_CREATE, ENXIO}}, VMM_SYSCTL_CREATE, processor},
		{{{VMM_CONTROL, ENOENT}, {VMM_SYSCTL_CREATE, ENOMEM}}, VMM_SYSCTL_CREATE, NULL},
		{{{VMM_CONTROL, EACCES}}, VMM_CONTROL, privilege},
		{{{VMM_CONTROL, EPERM}}, VMM_CONTROL, privilege},
		{{{"create", EPERM}, {VMM_SYSCTL_CREATE, EPERM}}, NULL, privilege},
		{{{"create", ENOMEM}, {VMM_SYSCTL_CREATE, ENOMEM}}, NULL, NULL},
		{{{VMM_NODES "/", ENOENT}}, VMM_NODES "/husk-", rules},
		{{{VMM_NODES "/", EACCES}}, VMM_NODES "/husk-", privilege},
		{{{VMM_NODES "/", EBUSY}}, VMM_NODES "/husk-", NULL},
	};
	const char *const remedies[] = {module, privilege, processor, rules};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct husk_error e = {0};
		struct hv *hv = NULL;

		memcpy(refusals_of, cases[i].refusals, sizeof refusals_of);
		assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), -1);
		memset(refusals_of, 0, sizeof refusals_of);
		assert_null(hv);
		assert_int_equal(e.kind, HUSK_E_HOST);
		if (cases[i].what != NULL)
			assert_int_equal(strncmp(e.message, cases[i].what, strlen(cases[i].what)), 0);
		for (unsigned k = 0; k < sizeof remedies / sizeof remedies[0]; k++)
			if ((strstr(e.message, remedies[k]) != NULL) != (remedies[k] == cases[i].remedy))
				fail_msg("case %u: %s", i, e.message);
		assert_int_equal(machines(), 0);
	}
}

static void live(void)
{
	struct bare b;

	if (bare_make(&b) == 0) {
		code_hypercall(&b.code, 2, 1);
		(void)hv_backend.protect(b.hv, BARE_DATA, BARE_DATA + page() - 1, MEMORY_R, &b.e);
		if (bare_start(&b) == 0)
			(void)bare_run(&b);
	}
	bare_free(&b);
}

/* A life in another process, which is killed at the nth host call; false if there were fewer. */
static bool killed_at(unsigned n, bool after)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		fault = (typeof(fault)){.armed = true, .at = n, .after = after};
		live();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status);
}

/* From 16 on nothing is left, and a kernel of which no more is known leaves nothing or much. */
static void assert_leaves(unsigned left)
{
	const char *kernel = getenv("HUSK_VMM_DOUBLE");

	if (strcmp(kernel, VMM_THIS_KERNEL) == 0 && left == 0)
		return;
	if (strncmp(kernel, "16", 2) == 0)
		assert_int_equal(left, 0);
	else
		assert_in_range(left, 10, 200);
}

static void what_a_killed_process_leaves_is_swept_by_the_next_start(void **state)
{
	unsigned left = 0, n = 0;
	struct husk_error e;
	struct hv *hv;

	(void)state;
	while (killed_at(++n, true)) {
		unsigned here = machines();

		left += here;
		assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
		assert_true((hv_backend.caps(hv)->remarks[0] != NULL) == (here > 0));
		assert_int_equal(machines(), 1);
		hv_backend.destroy(hv);
		assert_int_equal(machines(), 0);
	}
	assert_in_range(n, 10, 200);
	assert_leaves(left);
}

static void take(const char *name)
{
	assert_int_equal(__real_vmm_host_sysctl(VMM_SYSCTL_CREATE, NULL, NULL, name, strlen(name)),
			 0);
}

static void release(const char *name)
{
	assert_int_equal(__real_vmm_host_sysctl(VMM_SYSCTL_DESTROY, NULL, NULL, name,
						strlen(name)), 0);
}

static void others_machines_are_let_alone(void **state)
{
	static const char *const names[] = {
		"vm0", "husk", "husk-", "husk-1-0", "husk-0-0", "husk--5-0", "husk-99999999-",
		"husk-99999999-0x", "husk-99999999", "husk-99999999999999999999-0", "husk-+9-1",
	};
	struct husk_error e;
	struct hv *hv;

	(void)state;
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		take(names[i]);
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
	hv_backend.destroy(hv);
	assert_int_equal(machines(), sizeof names / sizeof names[0]);
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		release(names[i]);
}

static void a_name_that_is_taken_is_passed_over(void **state)
{
	char name[40];
	struct husk_error e;
	struct hv *hv;

	(void)state;
	snprintf(name, sizeof name, "husk-%ld-0", (long)getpid());
	take(name);
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY, &e), 0);
	assert_int_equal(machines(), 2);
	hv_backend.destroy(hv);
	release(name);
}

struct findings {
	unsigned bad, features, protection;
};

static void on_finding(void *ctx, bool ok, const char *what, const char *remedy)
{
	struct findings *f = ctx;

	assert_string_equal(remedy, "");
	f->bad += !ok;
	f->features += strstr(what, "processor features") != NULL;
	f->protection += strstr(what, "guests' own tables protect") != NULL;
}

static void a_probe_tells_what_a_machine_lacks(void **state)
{
	unsigned files = open_descriptors();
	struct findings f = {0};
	struct bare *b = *state;

	assert_int_equal(hv_backend.probe(on_finding, &f), 0);
	assert_int_equal(f.bad, 0);
	assert_false(hv_backend.caps(b->hv)->filters_cpuid);
	assert_int_equal(f.features, 1);
	assert_int_equal(f.protection, binds_guest(b) ? 0 : 1);
	assert_int_equal(machines(), 1);
	assert_int_equal(open_descriptors(), files);
}

/* ---- refusals of a run ---- */

static void a_run_that_the_kernel_refuses_says_why(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 1);
	start(b);
	fault = (typeof(fault)){.armed = true, .at = 1, .error = EIO};
	while (bare_run(b) == 0 && fault.seen < fault.at)
		fault.seen = 0;
	fault.armed = false;
	assert_non_null(strstr(b->e.message, "VM_"));
	assert_int_equal(b->e.kind, HUSK_E_HOST);
	assert_int_equal(b->e.sys, EIO);
}

static void a_machine_that_somebody_destroyed_says_so(void **state)
{
	struct bare *b = *state;
	char name[40];

	code_hypercall(&b->code, 2, 1);
	start(b);
	snprintf(name, sizeof name, "husk-%ld-0", (long)getpid());
	release(name);
	assert_int_equal(bare_run(b), -1);
	assert_int_equal(b->e.sys, ENXIO);
	assert_non_null(strstr(b->e.message, "somebody destroyed the machine husk-"));
}

/* ---- the sandbox ---- */

static volatile sig_atomic_t refusals;

static void on_refusal(int signal)
{
	(void)signal;
	refusals = refusals + 1;
}

/* Capability mode is for ever, so it is a child's. False: this build or release has none. */
static bool confine(struct bare *b)
{
	const struct sandbox_request rq = {0};
	struct sandbox_layers l;
	struct sandbox s;

	(void)signal(SIGTRAP, on_refusal);
	sandbox_init(&s);
	if (sandbox_limit(&s, &rq, &l, &b->e) == -1)
		return false;
	hv_backend.confine(b->hv, &s);
	return sandbox_close(&s, &rq, &l, &b->e) == 0 && l.rights && l.capability_mode;
}

static bool is_refused(int rc, int error)
{
	const sig_atomic_t before = refusals;

	refusals = 0;
	return rc == -1 && errno == error && before == 1;
}

/* What it has, and everything else of a machine's: the step that went wrong, or 0. */
static int try_refused(int control, int vm)
{
	struct vmm_segment segment = {.len = page()};
	struct vmm_map map = {.len = page(), .prot = VMM_PROT_R};
	struct vmmctl c = {.name = "husk-1-1"};

	if (!is_refused(vmm_host_open(VMM_CONTROL, O_RDWR), CAPSICUM_ECAPMODE))
		return 1;
	if (!is_refused(vmm_host_ioctl(vm, VMM_ALLOC_SEGMENT, &segment), CAPSICUM_ENOTCAPABLE))
		return 2;
	if (!is_refused(vmm_host_ioctl(vm, VMM_MAP, &map), CAPSICUM_ENOTCAPABLE))
		return 3;
	if (!is_refused(vmm_host_ioctl(control, VMMCTL_CREATE, &c), CAPSICUM_ENOTCAPABLE))
		return 4;
	if (!is_refused(vmm_host_mmap(NULL, page(), PROT_READ, MAP_SHARED, vm, 0) == MAP_FAILED ?
			-1 : 0, CAPSICUM_ENOTCAPABLE))
		return 5;
	return 0;
}

/* Protected before, as guests' memory is, so that its maps are made anew by the sandbox. */
static int live_confined(struct bare *b, const struct opened *o)
{
	const struct hv_register_ops *r = hv_backend.caps(b->hv)->registers;
	struct kicker k = {b, 100};
	struct cpu_system system;
	struct cpu_regs regs;
	pthread_t thread;
	int step = 20;

	protect(b, BARE_DATA, BARE_DATA + page() - 1, MEMORY_R);
	if (!confine(b))
		return 10;
	if (bare_run(b) == -1 || bare_run(b) == -1 || hv_backend.own(b->hv, &b->e) == -1 ||
	    pthread_create(&thread, NULL, kick, &k) != 0)
		return 11;
	if (bare_run(b) == -1 || b->exit.kind != HV_EXIT_INTERRUPTED)
		return 12;
	pthread_join(thread, NULL);
	hv_backend.disown(b->hv);
	if (r->get(b->hv, &regs, &b->e) == -1 ||
	    (r->get_system != NULL && r->get_system(b->hv, &system, &b->e) == -1))
		return 15;
	if (refusals != 0)
		return 13;
	step = try_refused(o->fds[0], o->fds[1]);
	bare_free(b);
	return step != 0 || refusals == 0 ? step : 14;
}

static void a_confined_guest_runs_and_ends_and_can_do_no_more(void **state)
{
	const bool has_mode = strncmp(getenv("HUSK_VMM_DOUBLE"), "13", 2) != 0;
	int status, step;
	pid_t child;

	(void)state;
	if (!sandbox_built_in)
		skip();
	child = fork();
	if (child == 0) {
		static struct bare b;

		memset(&opened, 0, sizeof opened);
		if (bare_make(&b) == -1)
			_exit(30);
		code_hypercall(&b.code, 2, 1);
		code_hypercall(&b.code, 2, 2);
		code_spin(&b.code);
		step = bare_start(&b) == -1 ? 31 : live_confined(&b, &opened);
		bare_free(&b);
		_exit(step);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != (has_mode ? 0 : 10))
		fail_msg("step %d", WEXITSTATUS(status));
	assert_int_equal(machines(), 0);
}

static int group(const char *personality)
{
	const struct CMUnitTest tests[] = {
#define WITH_MACHINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		WITH_MACHINE(a_hypercall_arrives_with_its_argument),
		WITH_MACHINE(memory_is_shared_with_the_guest),
		WITH_MACHINE(a_store_behind_memory_is_mmio),
		WITH_MACHINE(registers_read_and_written_change_nothing),
		WITH_MACHINE(a_store_to_protected_memory_is_a_fault_and_lost),
		WITH_MACHINE(protection_can_be_given_back),
		WITH_MACHINE(too_many_pieces_cost_the_smallest),
		WITH_MACHINE(a_kick_before_the_run_ends_it_before_it_begins),
		WITH_MACHINE(no_kick_is_lost),
		WITH_MACHINE(two_machines_are_strangers),
		cmocka_unit_test(a_confined_guest_runs_and_ends_and_can_do_no_more),
		WITH_MACHINE(a_probe_tells_what_a_machine_lacks),
		WITH_MACHINE(a_run_that_the_kernel_refuses_says_why),
		WITH_MACHINE(a_machine_that_somebody_destroyed_says_so),
		cmocka_unit_test(machines_leave_nothing_behind),
		cmocka_unit_test(a_start_that_fails_leaves_nothing_behind),
		cmocka_unit_test(a_live_machine_survives_what_fails_and_tells_it),
		cmocka_unit_test(what_is_missing_is_told_with_its_remedy),
		cmocka_unit_test(what_a_killed_process_leaves_is_swept_by_the_next_start),
		cmocka_unit_test(others_machines_are_let_alone),
		cmocka_unit_test(a_name_that_is_taken_is_passed_over),
	};

	return cmocka_run_group_tests_name(personality, tests, NULL, NULL);
}

/* The stand-in is one kernel for the whole life of a process. */
static int in_a_process(const char *personality)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		setenv("HUSK_VMM_DOUBLE", personality, 1);
		setenv("HUSK_VMM_RIP_ONCE", "1", 1);
		exit(group(personality));
	}
	(void)waitpid(child, &status, 0);
	return status;
}

int main(void)
{
	char dir[] = "/tmp/husk-vmm-test.XXXXXX";
	int failed = 0;

	if (bare_skip_all())
		return 0;
	if (mkdtemp(dir) == NULL)
		return 1;
	setenv("HUSK_VMM_DIR", dir, 1);
	for (const char *const *p = vmm_kernels; *p != NULL; p++)
		failed |= in_a_process(*p);
	(void)rmdir(dir);
	return failed != 0;
}
