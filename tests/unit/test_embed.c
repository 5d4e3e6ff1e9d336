/* SPDX-License-Identifier: ISC */
/*
 * test_embed.c: what a program has of its own in a machine, a network device and a limit of time, takes
 * calls to the host, each of which may fail, once or from then on.
 *
 * A machine gets a callback for its network, a frame to read, and a run that is limited; each time another
 * call fails. Then the library says so, and no descriptor stays behind; of memory, the address sanitizer
 * tells.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "hv_fake.h"
#include "image.h"

static struct {
	bool on;		/* calls are the library's */
	pthread_t main;		/* whose calls count: others come at any time */
	unsigned seen, fail_at, fatal;
	bool from_then_on;
	const char *first;	/* the first that failed */
	int error;		/* errno of the first that the library does not do without */
} host;

static bool fails(const char *name, int error, bool harmless)
{
	if (!host.on || !pthread_equal(host.main, pthread_self()))
		return false;
	host.seen++;
	if (host.fail_at == 0 || host.seen < host.fail_at ||
	    (host.seen > host.fail_at && !host.from_then_on))
		return false;
	if (host.first == NULL)
		host.first = name;
	if (!harmless && host.fatal++ == 0)
		host.error = error;
	errno = error;
	return true;
}

/* ---- calls with errno ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_fcntl(int fd, int command, long arg);
int __wrap_fcntl(int fd, int command, long arg);
int __real_socketpair(int domain, int type, int protocol, int ends[2]);
int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);

void *__wrap_malloc(size_t size)
{
	return fails("malloc", ENOMEM, false) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails("calloc", ENOMEM, false) ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return fails("reallocarray", ENOMEM, false) ? NULL : __real_reallocarray(old, n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails("strdup", ENOMEM, false) ? NULL : __real_strdup(text);
}

int __wrap_fcntl(int fd, int command, long arg)
{
	return command == F_DUPFD_CLOEXEC && fails("fcntl", EMFILE, false) ? -1 :
	       __real_fcntl(fd, command, arg);
}

int __wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
	return fails("socketpair", EMFILE, false) ? -1 : __real_socketpair(domain, type, protocol, ends);
}

/* There is less room then. */
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return fails("setsockopt", EPERM, true) ? -1 : __real_setsockopt(fd, level, name, value, size);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	return fails("send", ENOMEM, false) ? -1 : __real_send(fd, bytes, len, flags);
}

/* ---- calls that return it ---- */

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);
int __real_pthread_attr_init(pthread_attr_t *a);
int __wrap_pthread_attr_init(pthread_attr_t *a);
int __real_pthread_attr_setstacksize(pthread_attr_t *a, size_t size);
int __wrap_pthread_attr_setstacksize(pthread_attr_t *a, size_t size);
int __real_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __real_pthread_condattr_init(pthread_condattr_t *a);
int __wrap_pthread_condattr_init(pthread_condattr_t *a);
int __real_pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock);
int __wrap_pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock);
int __real_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a);
int __wrap_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx)
{
	return fails("pthread_create", EAGAIN, false) ? EAGAIN : __real_pthread_create(t, a, f, ctx);
}

int __wrap_pthread_attr_init(pthread_attr_t *a)
{
	return fails("pthread_attr_init", ENOMEM, false) ? ENOMEM : __real_pthread_attr_init(a);
}

/* The stack is larger then. */
int __wrap_pthread_attr_setstacksize(pthread_attr_t *a, size_t size)
{
	return fails("pthread_attr_setstacksize", EINVAL, true) ? EINVAL :
	       __real_pthread_attr_setstacksize(a, size);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a)
{
	return fails("pthread_mutex_init", EAGAIN, false) ? EAGAIN : __real_pthread_mutex_init(m, a);
}

int __wrap_pthread_condattr_init(pthread_condattr_t *a)
{
	return fails("pthread_condattr_init", ENOMEM, false) ? ENOMEM : __real_pthread_condattr_init(a);
}

int __wrap_pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock)
{
	return fails("pthread_condattr_setclock", EINVAL, false) ? EINVAL :
	       __real_pthread_condattr_setclock(a, clock);
}

int __wrap_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a)
{
	return fails("pthread_cond_init", EAGAIN, false) ? EAGAIN : __real_pthread_cond_init(c, a);
}

/* ---- a guest that sends a frame, reads one and halts ---- */

#define TEXT HVT_GUEST_MIN_BASE
#define DATA (TEXT + 0x1000u)
#define STATUS 9
#define FRAME 60u

struct guest_data {
	struct hvt_net write, read;
	struct hvt_halt halt;
	uint8_t out[FRAME], in[1514];
};
#define AT(member) (DATA + (uint32_t)offsetof(struct guest_data, member))

static const struct guest_data guest_data = {
	.write = {.handle = 1, .data = AT(out), .len = FRAME},
	.read = {.handle = 1, .data = AT(in), .len = 1514},
	.halt = {.exit_status = STATUS},
	.out = {1, 2, 3},
};

extern const struct module module_core, module_net;
static const struct module *const mods[] = {&module_core, &module_net, NULL};

struct fixture {
	struct image image;
	unsigned sent;		/* frames that the callback was given */
};

static int set_up(void **state)
{
	static const struct image_device device = {"net0", MFT_DEV_NET_BASIC};
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.main = pthread_self();
	*state = &f;
	image_init(&f.image, cpu_elf_machine);
	image_segment(&f.image, TEXT, PF_R | PF_X, "", 1);
	image_segment(&f.image, DATA, PF_R | PF_W, &guest_data, sizeof guest_data);
	image_manifest(&f.image, &device, 1);
	image_abi(&f.image, ELF_ABI_HVT, 2);
	image_save(&f.image);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	image_free(&f->image);
	return 0;
}

static void on_frame(void *ctx, const void *frame, size_t len)
{
	struct fixture *f = ctx;

	if (len == FRAME && memcmp(frame, guest_data.out, FRAME) == 0)
		f->sent++;
}

/* ---- one life of a machine, as far as it gets ---- */

/* The script is the test's own. */
static void write_script(struct husk *h)
{
	host.on = false;
	hv_fake_hypercall(h->core.hv, HVT_HYPERCALL_NET_WRITE, AT(write));
	hv_fake_hypercall(h->core.hv, HVT_HYPERCALL_NET_READ, AT(read));
	hv_fake_hypercall(h->core.hv, HVT_HYPERCALL_HALT, AT(halt));
	host.on = true;
}

static int live(struct fixture *f, struct husk *h, struct husk_error *e)
{
	const struct husk_net net = {.size = sizeof net, .send = on_frame, .ctx = f};
	const unsigned before = f->sent;
	int status = -1;
	enum husk_end end;

	if (husk_option(h, "--mem=2", e) == -1 || husk_option(h, "--no-net-ring", e) == -1 ||
	    husk_net(h, "net0", &net, e) == -1 ||
	    husk_net_deliver(h, "net0", guest_data.out, FRAME, e) == -1 ||
	    husk_load(h, f->image.path, 0, NULL, e) == -1)
		return -1;
	write_script(h);
	end = husk_run_for(h, UINT64_MAX, &status, e);
	if (end == HUSK_FAILED)
		return -1;
	assert_int_equal(end, HUSK_HALTED);
	assert_int_equal(status, STATUS);
	assert_int_equal(f->sent, before + 1);
	return 0;
}

static int one_life(struct fixture *f, struct husk_error *e)
{
	const struct husk_config config = {.size = sizeof config, .console_fd = -1};
	struct husk *h = machine_create(&config, &hv_fake_ops, mods, e);
	int rc;

	assert_non_null(h);
	host.on = true;
	rc = live(f, h, e);
	host.on = false;
	husk_destroy(h);
	return rc;
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += __real_fcntl(fd, F_GETFD, 0) >= 0;
	return n;
}

static void assert_outcome(int rc, const struct husk_error *e)
{
	if (rc == 0 && host.fatal > 0)
		fail_msg("call %u, %s: nobody noticed", host.fail_at, host.first);
	if (rc == 0)
		return;
	if (e->kind != HUSK_E_HOST || e->message[0] == '\0' || e->sys != host.error)
		fail_msg("call %u, %s: class %d, errno %d, \"%s\"", host.fail_at, host.first, e->kind,
			 e->sys, e->message);
}

/* Returns how many calls there are. */
static unsigned fail_every_call(struct fixture *f, bool from_then_on)
{
	const int files = open_descriptors();

	for (unsigned n = 1;; n++) {
		struct husk_error e = {0};
		int rc;

		host.seen = host.fatal = 0;
		host.first = NULL;
		host.fail_at = n;
		host.from_then_on = from_then_on;
		rc = one_life(f, &e);
		assert_outcome(rc, &e);
		assert_int_equal(open_descriptors(), files);
		if (host.seen < n) {
			assert_int_equal(rc, 0);
			return n - 1;
		}
	}
}

/* With fewer, some are no longer seen: 7 for a limit, 6 for a pair of sockets, a duplicate, and memory. */
#define MINIMUM 20

static void every_host_call_may_fail(void **state)
{
	const unsigned n = fail_every_call(*state, false);

	print_message("%u calls\n", n);
	assert_true(n >= MINIMUM);
	assert_int_equal(fail_every_call(*state, true), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_host_call_may_fail, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
