/* SPDX-License-Identifier: ISC */
/* test_hv_kvm.c: the KVM backend on a real /dev/kvm: what is the same on every architecture. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../monitor/core.h"
#include "../../monitor/sandbox.h"
#include "bare.h"
#include "hv_fake.h"

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Mappings that belong to a machine: its run page, and its memory's guard areas. */
static unsigned mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[300];
	unsigned n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL)
		n += strstr(line, "kvm") != NULL || strstr(line, " ---p 00000000 00:00 0") != NULL;
	fclose(maps);
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
	return 0;
}

static uint64_t host_page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
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

/* The next exit is this hypercall. */
static void assert_call(struct bare *b, unsigned nr, uint32_t arg)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	uint32_t got;

	assert_exit(b, w->kind == BUS_PIO ? HV_EXIT_PIO : HV_EXIT_MMIO);
	assert_int_equal(b->exit.io.addr, w->base + nr * w->stride);
	assert_int_equal(b->exit.io.width, 4);
	assert_int_equal(b->exit.io.count, 1);
	assert_true(b->exit.io.write);
	memcpy(&got, b->exit.io.data, sizeof got);
	assert_int_equal(got, arg);
}

static void assert_mmio(struct bare *b, uint64_t addr, unsigned width, bool write)
{
	assert_exit(b, HV_EXIT_MMIO);
	assert_int_equal(b->exit.io.addr, addr);
	assert_int_equal(b->exit.io.width, width);
	assert_int_equal(b->exit.io.count, 1);
	assert_int_equal(b->exit.io.write, write);
}

/* ---- exits ---- */

static void a_hypercall_arrives_with_its_argument(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 0x12345678);
	code_hypercall(&b->code, 8, 0xffffffff);
	start(b);
	assert_call(b, 2, 0x12345678);
	assert_call(b, 8, 0xffffffff);
}

static void the_instruction_pointer_is_at_the_exit(void **state)
{
	struct bare *b = *state;
	uint64_t first, second;

	code_hypercall(&b->code, 2, 1);
	first = BARE_TEXT + b->code.n;
	code_hypercall(&b->code, 2, 1);
	second = BARE_TEXT + b->code.n;
	start(b);
	assert_true(bare_ip(b) == b->first);
	assert_call(b, 2, 1);
	assert_in_range(bare_ip(b), BARE_TEXT + 1, first);
	assert_call(b, 2, 1);
	assert_in_range(bare_ip(b), first + 1, second);
}

static void a_store_behind_memory_is_mmio(void **state)
{
	struct bare *b = *state;
	uint32_t value;

	code_store(&b->code, BARE_HOLE, 0xdeadbeef);
	code_store_16(&b->code, BARE_HOLE + 0x1002, 0x1234);
	start(b);
	assert_mmio(b, BARE_HOLE, 4, true);
	memcpy(&value, b->exit.io.data, 4);
	assert_int_equal(value, 0xdeadbeef);
	assert_mmio(b, BARE_HOLE + 0x1002, 2, true);
	assert_memory_equal(b->exit.io.data, "\x34\x12", 2);
}

static void a_load_behind_memory_gets_what_was_filled_in(void **state)
{
	struct bare *b = *state;

	code_load(&b->code, BARE_HOLE + 8);
	code_hypercall_loaded(&b->code, 3);
	start(b);
	assert_mmio(b, BARE_HOLE + 8, 4, false);
	memcpy(b->exit.io.data, "\x01\x02\x03\x04", 4);
	assert_call(b, 3, 0x04030201);
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

/* ---- protection ---- */

static void protect(struct bare *b, uint64_t start, uint64_t last, unsigned prot)
{
	if (hv_backend.protect(b->hv, start, last, prot, &b->e) != 0)
		fail_msg("%s", b->e.message);
}

static void a_store_to_protected_memory_is_a_fault_and_lost(void **state)
{
	struct bare *b = *state;
	uint32_t *at = bare_at(b, BARE_DATA + 8);

	*at = 0x11111111;
	protect(b, BARE_DATA, BARE_DATA + host_page() - 1, MEMORY_R);
	code_store(&b->code, BARE_DATA - 4, 1);
	code_store(&b->code, (uint32_t)(BARE_DATA + host_page()), 1);
	code_load(&b->code, BARE_DATA + 8);
	code_hypercall_loaded(&b->code, 2);
	code_store(&b->code, BARE_DATA + 8, 0x22222222);
	start(b);
	assert_call(b, 2, 0x11111111);
	assert_exit(b, HV_EXIT_FAULT);
	if (b->exit.fault.known)
		assert_true(b->exit.fault.gpa == BARE_DATA + 8);
	assert_int_equal(*at, 0x11111111);
}

static void protected_code_runs(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 3);
	code_store(&b->code, BARE_TEXT, 0);
	start(b);
	protect(b, BARE_TEXT, BARE_TEXT + host_page() - 1, MEMORY_R | MEMORY_X);
	assert_call(b, 2, 3);
	assert_exit(b, HV_EXIT_FAULT);
}

static void protection_can_be_given_back(void **state)
{
	struct bare *b = *state;

	protect(b, BARE_DATA, BARE_DATA + host_page() - 1, MEMORY_R);
	protect(b, BARE_DATA, BARE_DATA + host_page() - 1, MEMORY_R | MEMORY_W);
	code_store(&b->code, BARE_DATA, 5);
	code_hypercall(&b->code, 2, 0);
	start(b);
	assert_call(b, 2, 0);
	assert_int_equal(*(uint32_t *)bare_at(b, BARE_DATA), 5);
}

static void protection_of_half_a_page_is_refused(void **state)
{
	struct bare *b = *state;

	assert_int_equal(hv_backend.protect(b->hv, BARE_DATA + 8, BARE_DATA + 0xfff, MEMORY_R,
					    &b->e), -1);
	assert_int_equal(b->e.kind, HUSK_E_HOST);
	assert_non_null(strstr(b->e.message, "mprotect of guest memory 0x110008-0x110fff"));
}

/* ---- interruptions ---- */

static void a_kick_before_the_run_ends_it_before_it_begins(void **state)
{
	struct bare *b = *state;

	code_hypercall(&b->code, 2, 1);
	code_hypercall(&b->code, 2, 2);
	start(b);
	hv_backend.kick(b->hv);
	hv_backend.kick(b->hv);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_true(bare_ip(b) == b->first);
	assert_call(b, 2, 1);
	hv_backend.kick(b->hv);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_call(b, 2, 2);
}

static void a_kick_after_a_load_still_completes_it(void **state)
{
	struct bare *b = *state;

	code_load(&b->code, BARE_HOLE);
	code_hypercall_loaded(&b->code, 2);
	start(b);
	assert_mmio(b, BARE_HOLE, 4, false);
	memcpy(b->exit.io.data, "\x05\0\0\0", 4);
	hv_backend.kick(b->hv);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_call(b, 2, 5);
}

static void on_signal(int signal)
{
	(void)signal;
}

struct kicker {
	struct bare *b;
	pthread_t vcpu;
	unsigned after_us;
	bool kick;
};

/* What a thread does that wants the guest to stop; the signal alone serves as well. */
static void *kick(void *ctx)
{
	const struct kicker *k = ctx;

	usleep(k->after_us);
	if (k->kick)
		hv_backend.kick(k->b->hv);
	pthread_kill(k->vcpu, SIGUSR1);
	return NULL;
}

static void interrupt(struct bare *b, bool with_kick, unsigned after_us)
{
	struct kicker k = {b, pthread_self(), after_us, with_kick};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, kick, &k), 0);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	pthread_join(thread, NULL);
}

static void a_kick_during_the_run_ends_it(void **state)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	struct bare *b = *state;

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	code_spin(&b->code);
	start(b);
	interrupt(b, true, 20000);
	assert_true(bare_ip(b) == BARE_TEXT);
}

static void a_signal_during_the_run_ends_it(void **state)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	struct bare *b = *state;

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	code_spin(&b->code);
	start(b);
	interrupt(b, false, 50000);
}

/* Each run ends, whether the kick came before it, at its start or in it. */
static void no_kick_is_lost(void **state)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	struct bare *b = *state;

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	code_spin(&b->code);
	start(b);
	for (unsigned i = 0; i < 200; i++)
		interrupt(b, true, i);
}

static void *kick_alone(void *ctx)
{
	struct kicker *k = ctx;

	usleep(k->after_us);
	hv_backend.kick(k->b->hv);
	return NULL;
}

/* No handler, no signal of the kicker's own: the thread that runs is known. */
static void a_kick_from_another_thread_ends_a_busy_guest(void **state)
{
	struct bare *b = *state;

	code_spin(&b->code);
	start(b);
	assert_int_equal(hv_backend.own(b->hv, &b->e), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct kicker k = {b, pthread_self(), i % 10 == 0 ? 5000 : i, true};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, kick_alone, &k), 0);
		assert_exit(b, HV_EXIT_INTERRUPTED);
		pthread_join(thread, NULL);
	}
	hv_backend.disown(b->hv);
}

static void *run_and_end(void *ctx)
{
	struct bare *b = ctx;

	if (hv_backend.own(b->hv, &b->e) == -1 || bare_run(b) == -1)
		return NULL;
	hv_backend.disown(b->hv);
	return b;
}

/* A thread that kicks again and again meets one that has just ended: the sanitizers would tell. */
static void an_owner_may_end_while_it_is_kicked(void **state)
{
	struct bare *b = *state;

	code_spin(&b->code);
	start(b);
	for (unsigned i = 0; i < 200; i++) {
		pthread_t owner;
		void *ran;

		assert_int_equal(pthread_create(&owner, NULL, run_and_end, b), 0);
		for (unsigned k = 0; k <= i; k++)
			hv_backend.kick(b->hv);
		pthread_join(owner, &ran);
		assert_non_null(ran);
		hv_backend.kick(b->hv);
	}
}

static struct hv *kicked_in_handler;

static void on_signal_kick(int signal)
{
	(void)signal;
	hv_backend.kick(kicked_in_handler);
}

/* Confined, and without another thread: no signal is blocked, and a handler still ends the guest. */
static void an_owner_that_is_alone_ends_its_guest_itself(void **state)
{
	const struct sigaction sa = {.sa_handler = on_signal_kick};
	struct bare *b = *state;
	struct sandbox s;
	sigset_t before, mask;

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	code_spin(&b->code);
	start(b);
	sandbox_init(&s);
	hv_backend.confine(b->hv, &s);
	kicked_in_handler = b->hv;
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
	assert_int_equal(hv_backend.own(b->hv, &b->e), 0);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	assert_memory_equal(&before, &mask, 8);
	for (unsigned i = 0; i < 100; i++)
		interrupt(b, false, i % 10 == 0 ? 5000 : i);
	hv_backend.disown(b->hv);
}

/* ---- completing, and registers ---- */

static void complete(struct bare *b)
{
	assert_int_equal(hv_backend.complete(b->hv, &b->exit, &b->e), 0);
	assert_int_equal(b->exit.kind, HV_EXIT_INTERRUPTED);
}

/* Whatever is left of a kick does not show. */
static void go_on(struct bare *b, unsigned nr, uint32_t arg)
{
	do
		assert_int_equal(bare_run(b), 0);
	while (b->exit.kind == HV_EXIT_INTERRUPTED);
	assert_int_equal(b->exit.io.addr, cpu_hypercall_window.base +
			 nr * cpu_hypercall_window.stride);
	assert_memory_equal(b->exit.io.data, &arg, sizeof arg);
}

static void a_completed_access_is_behind_the_guest_and_the_next_is_not_begun(void **state)
{
	struct bare *b = *state;
	uint64_t second;

	code_hypercall(&b->code, 2, 1);
	second = BARE_TEXT + b->code.n;
	code_hypercall(&b->code, 2, 2);
	start(b);
	assert_call(b, 2, 1);
	complete(b);
	assert_true(bare_ip(b) == second);
	complete(b);
	assert_true(bare_ip(b) == second);
	go_on(b, 2, 2);
}

static void a_completed_load_has_its_value(void **state)
{
	struct bare *b = *state;

	code_load(&b->code, BARE_HOLE);
	code_hypercall_loaded(&b->code, 2);
	start(b);
	assert_mmio(b, BARE_HOLE, 4, false);
	memcpy(b->exit.io.data, "\x05\0\0\0", 4);
	complete(b);
	go_on(b, 2, 5);
}

static void registers_are_read_and_written(void **state)
{
	const struct hv_register_ops *regs;
	struct bare *b = *state;
	struct cpu_regs there, back;

	code_hypercall(&b->code, 2, 1);
	code_hypercall(&b->code, 2, 2);
	start(b);
	regs = hv_backend.caps(b->hv)->registers;
	assert_non_null(regs);
	assert_int_equal(regs->get(b->hv, &there, &b->e), 0);
	assert_call(b, 2, 1);
	complete(b);
	assert_int_equal(regs->set(b->hv, &there, &b->e), 0);
	assert_int_equal(regs->get(b->hv, &back, &b->e), 0);
	assert_memory_equal(&back, &there, sizeof back);
	assert_true(bare_ip(b) == b->first);
	go_on(b, 2, 1);
	go_on(b, 2, 2);
}

/* ---- doorbells ---- */

static uint64_t rung(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

static int new_bell(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int add(struct bare *b, uint64_t addr, unsigned width, int fd)
{
	b->e = (struct husk_error){0};
	return hv_backend.caps(b->hv)->doorbells->add(b->hv, BUS_MMIO, addr, width, fd, &b->e);
}

static void assert_not_added(struct bare *b, uint64_t addr, unsigned width, int fd, int sys)
{
	assert_int_equal(add(b, addr, width, fd), -1);
	assert_int_equal(b->e.kind, HUSK_E_HOST);
	assert_int_equal(b->e.sys, sys);
	assert_non_null(strstr(b->e.message, "KVM_IOEVENTFD at 0x"));
}

static void a_doorbell_rings_without_an_exit(void **state)
{
	struct bare *b = *state;
	int fd = new_bell();

	assert_int_equal(add(b, BARE_HOLE, 4, fd), 0);
	code_store(&b->code, BARE_HOLE, 0);
	code_store(&b->code, BARE_HOLE, 0xffffffff);
	code_store_16(&b->code, BARE_HOLE, 1);
	code_store(&b->code, BARE_HOLE + 4, 2);
	code_load(&b->code, BARE_HOLE);
	start(b);
	assert_mmio(b, BARE_HOLE, 2, true);
	assert_true(rung(fd) == 2);
	assert_mmio(b, BARE_HOLE + 4, 4, true);
	assert_mmio(b, BARE_HOLE, 4, false);
	assert_true(rung(fd) == 0);
	close(fd);
}

/* What has another value or width is an exit, and rings nothing. */
static void a_doorbell_may_be_for_one_value(void **state)
{
	struct bare *b = *state;
	const struct hv_doorbell_ops *bells = hv_backend.caps(b->hv)->doorbells;
	int one = new_bell(), other = new_bell();

	assert_int_equal(bells->add_value(b->hv, BUS_MMIO, BARE_HOLE, 4, 7, one, &b->e), 0);
	assert_int_equal(bells->add_value(b->hv, BUS_MMIO, BARE_HOLE, 4, 0x80000008, other, &b->e), 0);
	code_store(&b->code, BARE_HOLE, 7);
	code_store(&b->code, BARE_HOLE, 0x80000008);
	code_store(&b->code, BARE_HOLE, 7);
	code_store(&b->code, BARE_HOLE, 8);
	code_store_16(&b->code, BARE_HOLE, 7);
	code_store(&b->code, BARE_HOLE, 7);
	start(b);
	assert_mmio(b, BARE_HOLE, 4, true);
	assert_true(rung(one) == 2);
	assert_true(rung(other) == 1);
	assert_mmio(b, BARE_HOLE, 2, true);
	bells->del_value(b->hv, BUS_MMIO, BARE_HOLE, 4, 0x80000008, one);
	bells->del_value(b->hv, BUS_MMIO, BARE_HOLE, 4, 7, one);
	assert_mmio(b, BARE_HOLE, 4, true);
	assert_true(rung(one) == 0);
	assert_int_equal(bells->add_value(b->hv, BUS_MMIO, BARE_HOLE, 4, 0x80000008, one, &b->e), -1);
	assert_int_equal(b->e.sys, EEXIST);
	assert_non_null(strstr(b->e.message, "value 0x80000008"));
	close(one);
	close(other);
}

static void a_doorbell_is_added_once(void **state)
{
	struct bare *b = *state;
	int fd = new_bell(), other = new_bell();

	assert_int_equal(add(b, BARE_HOLE, 4, fd), 0);
	assert_not_added(b, BARE_HOLE, 4, fd, EEXIST);
	assert_not_added(b, BARE_HOLE, 4, other, EEXIST);
	assert_int_equal(add(b, BARE_HOLE, 2, other), 0);
	code_store(&b->code, BARE_HOLE, 0);
	code_store_16(&b->code, BARE_HOLE, 0);
	code_hypercall(&b->code, 2, 1);
	start(b);
	assert_call(b, 2, 1);
	assert_true(rung(fd) == 1);
	assert_true(rung(other) == 1);
	close(fd);
	close(other);
}

static void a_doorbell_is_removed_by_its_own_descriptor(void **state)
{
	struct bare *b = *state;
	int fd = new_bell(), other = new_bell();

	assert_int_equal(add(b, BARE_HOLE, 4, fd), 0);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_MMIO, BARE_HOLE, 4, other);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_MMIO, BARE_HOLE, 2, fd);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_MMIO, BARE_HOLE + 4, 4, fd);
	code_store(&b->code, BARE_HOLE, 0);
	code_hypercall(&b->code, 2, 1);
	code_store(&b->code, BARE_HOLE, 0);
	start(b);
	assert_call(b, 2, 1);
	assert_true(rung(fd) == 1);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_MMIO, BARE_HOLE, 4, fd);
	hv_backend.caps(b->hv)->doorbells->del(b->hv, BUS_MMIO, BARE_HOLE, 4, fd);
	assert_mmio(b, BARE_HOLE, 4, true);
	assert_true(rung(fd) == 0);
	assert_int_equal(add(b, BARE_HOLE, 4, fd), 0);
	close(fd);
	close(other);
}

static void bad_doorbells_are_refused(void **state)
{
	struct bare *b = *state;
	int fd = new_bell(), file = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_not_added(b, BARE_HOLE, 4, -1, EBADF);
	assert_not_added(b, BARE_HOLE, 4, file, EINVAL);
	assert_not_added(b, BARE_HOLE, 3, fd, EINVAL);
	assert_not_added(b, UINT64_MAX - 2, 4, fd, EINVAL);
	close(fd);
	close(file);
}

/* ---- making and freeing ---- */

static void a_size_that_is_not_whole_pages_is_refused(void **state)
{
	struct husk_error e = {0};
	unsigned files = open_descriptors(), maps = mappings();
	struct hv *hv = NULL;

	(void)state;
	assert_int_equal(hv_backend.create(&hv, BARE_MEMORY + 1, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EINVAL);
	assert_non_null(strstr(e.message, "KVM_SET_USER_MEMORY_REGION of 2097153 bytes"));
	assert_null(hv);
	assert_int_equal(open_descriptors(), files);
	assert_int_equal(mappings(), maps);
}

static void fifty_machines_leave_nothing_behind(void **state)
{
	unsigned files = open_descriptors(), maps = mappings();
	static struct bare b;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(bare_make(&b), 0);
		assert_int_equal(open_descriptors(), files + 2);
		code_hypercall(&b.code, 2, 1);
		start(&b);
		assert_call(&b, 2, 1);
		bare_free(&b);
		assert_int_equal(open_descriptors(), files);
	}
	assert_int_equal(mappings(), maps);
	hv_backend.destroy(NULL);
}

static void two_machines_are_strangers(void **state)
{
	struct bare *b = *state;
	static struct bare other;

	assert_int_equal(bare_make(&other), 0);
	code_hypercall(&b->code, 2, 1);
	code_hypercall(&b->code, 2, 2);
	code_hypercall(&other.code, 3, 1);
	code_hypercall(&other.code, 3, 2);
	start(b);
	start(&other);
	assert_call(b, 2, 1);
	assert_call(&other, 3, 1);
	hv_backend.kick(b->hv);
	assert_call(&other, 3, 2);
	bare_free(&other);
	assert_exit(b, HV_EXIT_INTERRUPTED);
	assert_call(b, 2, 2);
}

static void the_counter_has_a_frequency(void **state)
{
	struct bare *b = *state;
	uint64_t hz = 0;

	assert_int_equal(hv_backend.cycle_freq(b->hv, &hz, &b->e), 0);
	assert_in_range(hz, 1000000, 100000000000);
}

struct findings {
	unsigned n, bad, features;
};

static void on_finding(void *ctx, bool ok, const char *what, const char *remedy)
{
	struct findings *f = ctx;

	f->n++;
	f->bad += !ok;
	f->features += strstr(what, "processor features") != NULL;
	assert_true(what[0] != '\0');
	assert_string_equal(remedy, "");
}

static void a_probe_finds_a_host_that_can_run_guests(void **state)
{
	unsigned files = open_descriptors();
	struct bare *b = *state;
	struct findings f = {0};

	assert_int_equal(hv_backend.probe(on_finding, &f), 0);
	assert_int_equal(f.n, 2 + f.features);
	assert_int_equal(f.features, hv_backend.caps(b->hv)->filters_cpuid ? 0 : 1);
	assert_int_equal(f.bad, 0);
	assert_int_equal(open_descriptors(), files);
}

/* ---- the same guest on the fake and on the real backend ---- */

struct log {
	char text[400];
};

static enum vmexit_result record(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct log *log = ctx;
	size_t used = strlen(log->text);

	(void)e;
	snprintf(log->text + used, sizeof log->text - used, "%llx ", (unsigned long long)arg.v);
	return arg.v == 0xdead ? VMEXIT_HALT : VMEXIT_RESUME;
}

static const struct { unsigned nr; uint32_t arg; } calls[] = {
	{2, 0x1000}, {3, 0}, {2, 0xffffffff}, {8, 0x100000}, {3, 0x80000000}, {2, 7}, {3, 7},
	{2, 0xdead}, {2, 0xbeef},
};
#define CALLS (sizeof calls / sizeof calls[0])

static void start_real(struct core *c)
{
	struct cpu_state state;
	struct code code = {.n = 0};
	struct husk_error e;

	for (size_t i = 0; i < CALLS; i++)
		code_hypercall(&code, calls[i].nr, calls[i].arg);
	memcpy(c->memory.base + BARE_TEXT, code.bytes, code.n);
	assert_int_equal(memory_declare(&c->memory, BARE_TEXT, BARE_TEXT + c->memory.host_page - 1,
					MEMORY_R | MEMORY_X, "text", &e), 0);
	assert_int_equal(cpu_boot(&c->memory, &c->gpas, BARE_TEXT, &state, &e), 0);
	assert_int_equal(hv_backend.set_entry(c->hv, &state, &e), 0);
}

static void start_fake(struct core *c)
{
	for (size_t i = 0; i < CALLS; i++)
		hv_fake_hypercall(c->hv, calls[i].nr, calls[i].arg);
}

static void run_logged(const struct hv_ops *ops, void (*begin)(struct core *c), struct log *log,
		       uint64_t *exits)
{
	static struct core c;
	struct husk_error e = {0};
	int reason;

	memset(log, 0, sizeof *log);
	assert_int_equal(core_init(&c, ops, BARE_MEMORY, &e), 0);
	for (int nr = 1; nr < HVT_HYPERCALL_MAX; nr++)
		assert_int_equal(core_register_hypercall(&c, nr, "record", record, log, &e), 0);
	begin(&c);
	core_seal(&c);
	assert_int_equal(core_run(&c, &reason, &e), CORE_HALTED);
	*exits = c.exits[HV_EXIT_PIO] + c.exits[HV_EXIT_MMIO];
	core_fini(&c);
}

static void devices_cannot_tell_the_fake_from_the_real_backend(void **state)
{
	struct log real, fake;
	uint64_t real_exits, fake_exits;

	(void)state;
	run_logged(&hv_backend, start_real, &real, &real_exits);
	run_logged(&hv_fake_ops, start_fake, &fake, &fake_exits);
	assert_string_equal(real.text, "1000 0 ffffffff 100000 80000000 7 7 dead ");
	assert_string_equal(real.text, fake.text);
	assert_true(real_exits == fake_exits);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hypercall_arrives_with_its_argument),
		TEST(the_instruction_pointer_is_at_the_exit),
		TEST(a_store_behind_memory_is_mmio),
		TEST(a_load_behind_memory_gets_what_was_filled_in),
		TEST(memory_is_shared_with_the_guest),
		TEST(a_store_to_protected_memory_is_a_fault_and_lost),
		TEST(protected_code_runs),
		TEST(protection_can_be_given_back),
		TEST(protection_of_half_a_page_is_refused),
		TEST(a_kick_before_the_run_ends_it_before_it_begins),
		TEST(a_kick_after_a_load_still_completes_it),
		TEST(a_kick_during_the_run_ends_it),
		TEST(a_signal_during_the_run_ends_it),
		TEST(no_kick_is_lost),
		TEST(a_kick_from_another_thread_ends_a_busy_guest),
		TEST(an_owner_may_end_while_it_is_kicked),
		TEST(an_owner_that_is_alone_ends_its_guest_itself),
		TEST(a_completed_access_is_behind_the_guest_and_the_next_is_not_begun),
		TEST(a_completed_load_has_its_value),
		TEST(registers_are_read_and_written),
		TEST(a_doorbell_rings_without_an_exit),
		TEST(a_doorbell_may_be_for_one_value),
		TEST(a_doorbell_is_added_once),
		TEST(a_doorbell_is_removed_by_its_own_descriptor),
		TEST(bad_doorbells_are_refused),
		TEST(a_size_that_is_not_whole_pages_is_refused),
		TEST(fifty_machines_leave_nothing_behind),
		TEST(two_machines_are_strangers),
		TEST(the_counter_has_a_frequency),
		TEST(a_probe_finds_a_host_that_can_run_guests),
		TEST(devices_cannot_tell_the_fake_from_the_real_backend),
	};

	if (bare_skip_all())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
