/* SPDX-License-Identifier: ISC */
/* module_dumpcore.c: --dumpcore: what is left of a guest that has failed, as a core file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core_file.h"
#include "freeze.h"
#include "module.h"
#include "sandbox.h"
#include "unwind.h"

#define STATUS_ABORT 255	/* include/solo5.h, SOLO5_EXIT_ABORT: compared before it is cut */
#define FILE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)	/* rules_linux.c */
#define FILE_MODE 0600

struct dumpcore_module {
	const char *where;	/* the directory; NULL: nothing is asked for */
	int dir;		/* -1: not open */
	int pid;
	char *names;		/* of files, NAME_SIZE each; read-only, owned; or MAP_FAILED */
	unsigned asked;		/* how many files were asked for before the end */
	struct core *core;	/* while attached */
	unsigned client;
	bool due;		/* the run has ended in a way that is worth a core */
	struct remains remains;
	struct core_file *file;	/* owned */
};

static const struct option options[] = {
	{.name = "dumpcore", .form = OPTION_VALUE, .value = "DIR",
	 .help = "write a core file to DIR if the guest aborts or is at fault"},
};

/* ---- the directory, and the name ---- */

/* At least a page of any host. Names fill 4 KiB of it (rules_linux.c). */
#define NAMES_ROOM 65536u
#define NAME_SIZE 64u
#define NAMES_MAX (4096u / NAME_SIZE)

static const char *name_of(const struct dumpcore_module *s, unsigned n)
{
	return s->names + n * NAME_SIZE;
}

/*
 * A system call filter that insists on where a name lies insists on the name. The first is Solo5's; the
 * others are for cores that are asked for.
 */
static int seal_names(struct dumpcore_module *s, struct husk_error *e)
{
	s->names = mmap(NULL, NAMES_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->names == MAP_FAILED)
		return husk_fail_sys(e, errno, "dumpcore");
	snprintf(s->names, NAME_SIZE, "core.solo5-hvt.%d", s->pid);
	for (unsigned i = 1; i < NAMES_MAX; i++)
		snprintf(s->names + i * NAME_SIZE, NAME_SIZE, "core.solo5-hvt.%d.%u", s->pid, i);
	return freeze(s->names, NAMES_ROOM, e) == -1 ? husk_wrap(e, "dumpcore") : 0;
}

static int open_dir(struct dumpcore_module *s, struct husk_error *e)
{
	s->dir = open(s->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir == -1) {
		husk_fail_sys(e, errno, "dumpcore: cannot open dir `%.150s'", s->where);
		return e->sys == ENOENT ? husk_hint(e, "make it first, or name one that is there") : -1;
	}
	if (faccessat(AT_FDCWD, s->where, W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return husk_fail_sys(e, errno, "dumpcore: dir not writable: `%.150s'", s->where);
}

static void dumpcore_close(void *state)
{
	struct dumpcore_module *s = state;

	if (s->dir != -1)
		close(s->dir);
	if (s->names != MAP_FAILED)
		munmap(s->names, NAMES_ROOM);
	free(s);
}

static int dumpcore_open(void **state, const struct settings *settings, struct manifest *mft,
			 struct husk_error *e)
{
	const struct setting *how = settings_find(settings, "dumpcore", NULL);
	struct dumpcore_module *s = calloc(1, sizeof *s);

	(void)mft;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module dumpcore");
	s->dir = -1;
	s->names = MAP_FAILED;
	if (how != NULL) {
		s->where = how->value;
		s->pid = getpid();
		if (open_dir(s, e) == -1 || seal_names(s, e) == -1) {
			dumpcore_close(s);
			return -1;
		}
	}
	*state = s;
	return 0;
}

/* ---- the end of a run ---- */

/* What a program would have been ended by. */
static int signal_of(const struct core *c, const struct core_ending *how)
{
	if (how->end == CORE_HALTED)
		return SIGABRT;
	if (how->end == CORE_STOPPED)
		return SIGQUIT;
	return c->last.kind == HV_EXIT_FAULT || c->last.kind == HV_EXIT_SHUTDOWN ? SIGSEGV :
	       c->last.kind == HV_EXIT_ERROR ? SIGILL : SIGSYS;
}

static bool is_due(const struct core *c, const struct core_ending *how)
{
	return how->end == CORE_HALTED ? how->status == STATUS_ABORT :
	       how->end == CORE_FAILED &&
	       (how->error->kind == HUSK_E_GUEST || c->last.kind == HV_EXIT_ERROR);
}

static void keep_reason(struct remains *r, const struct core_ending *how)
{
	if (how->end == CORE_FAILED)
		snprintf(r->reason, sizeof r->reason, "%s", how->error->message);
	else if (how->end == CORE_STOPPED)
		snprintf(r->reason, sizeof r->reason, "stopped by signal %d", how->reason);
	else
		snprintf(r->reason, sizeof r->reason, "guest ended with status %d%s", how->status,
			 how->cookie.v != 0 ? ", after an exception" : "");
}

/* Some processors reset their registers at a triple fault: those are not the guest's. */
static bool are_lost(const struct core *c)
{
	uint64_t ip;

	return c->last.kind == HV_EXIT_SHUTDOWN && !c->ops->ip(c->hv, &ip);
}

static void keep_registers(struct remains *r, struct core *c, gpa_t cookie)
{
	const struct hv_register_ops *ops = c->caps->registers;
	struct husk_error ignored;

	r->lost = ops == NULL || are_lost(c) || ops->get(c->hv, &r->regs, &ignored) == -1;
	if (r->lost)
		return;
	(void)unwind_to_trap(&c->memory, cookie, NULL, &r->regs);
	r->has_fp = ops->get_fp != NULL && ops->get_fp(c->hv, &r->fp, &ignored) == 0;
	r->has_system = ops->get_system != NULL && ops->get_system(c->hv, &r->system, &ignored) == 0;
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct dumpcore_module *s = ctx;
	struct core *c = s->core;

	core_settle(c);
	s->remains = (struct remains){.signal = signal_of(c, how), .status = how->status};
	s->due = is_due(c, how);
	keep_reason(&s->remains, how);
	keep_registers(&s->remains, c, how->end == CORE_HALTED ? how->cookie : (gpa_t){0});
}

static const struct core_client client = {.end = on_end};

/* ---- the file ---- */

/* Who hears what becomes of it, beside the user. */
struct listener {
	command_answer *answer;		/* NULL: nobody */
	void *to;
};

static void tell(const struct core *c, const struct listener *l, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(const struct core *c, const struct listener *l, const char *fmt, ...)
{
	char line[sizeof ((struct husk_error *)0)->message];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	core_say(c, "%s", line);
	if (l->answer != NULL)
		l->answer(l->to, line);
}

static void dump(struct dumpcore_module *s, const char *name, const struct remains *r,
		 const struct listener *l)
{
	const struct core *c = s->core;
	struct core_result result;
	struct husk_error e;
	int fd;

	tell(c, l, "dumpcore: dumping guest core to: %.200s/%s", s->where, name);
	fd = openat(s->dir, name, FILE_FLAGS, FILE_MODE);
	if (fd == -1) {
		husk_fail_sys(&e, errno, "dumpcore: %.200s/%s", s->where, name);
		tell(c, l, "%s", e.message);
		return;
	}
	if (core_file_write(s->file, fd, c, r, s->pid, &result, &e) == -1)
		tell(c, l, "dumpcore: %.300s: %llu pages of total %llu pages are in it", e.message,
		     (unsigned long long)result.written, (unsigned long long)result.all);
	else
		tell(c, l, "dumpcore: dumped %llu pages of total %llu pages",
		     (unsigned long long)result.written, (unsigned long long)result.all);
	close(fd);
}

/* Once: a second one would find the file there. */
static void dumpcore_post_mortem(void *state, struct core *c, bool always)
{
	static const struct listener nobody;
	struct dumpcore_module *s = state;

	(void)c;
	if (s->file == NULL || (!s->due && !always))
		return;
	s->due = false;
	dump(s, name_of(s, 0), &s->remains, &nobody);
}

/* The guest goes on: its end has a core of its own. */
static void obey(void *ctx, const char *words, command_answer *answer, void *to)
{
	struct remains r = {.signal = SIGTRAP, .reason = "asked for while the guest was stopped"};
	struct dumpcore_module *s = ctx;

	(void)words;
	if (s->asked == NAMES_MAX - 1) {
		answer(to, "dumpcore: a guest has at most 63 core files");
		return;
	}
	keep_registers(&r, s->core, (gpa_t){0});
	dump(s, name_of(s, ++s->asked), &r, &(struct listener){answer, to});
}

static const struct command command = {"dump", "write a core file, and go on", obey};

/* ---- the machine ---- */

static int dumpcore_attach(void *state, struct core *c, struct husk_error *e)
{
	struct dumpcore_module *s = state;

	if (s->where == NULL)
		return 0;
	if (c->caps->registers == NULL)
		return husk_fail(e, HUSK_E_HOST, "dumpcore: not implemented for this "
				 "backend/architecture: %s does not tell registers", c->ops->title);
	s->core = c;
	s->file = malloc(sizeof *s->file);
	if (s->file == NULL)
		return husk_fail_sys(e, ENOMEM, "dumpcore");
	s->file->zeros = memory_host_zeros();
	if (core_add_client(c, &client, s, &s->client, e) == 0 &&
	    commands_add(&c->commands, &command, s, e) == 0)
		return 0;
	core_remove_client(c, s->client);
	s->client = CORE_NO_CLIENT;
	free(s->file);
	s->file = NULL;
	return -1;
}

static void dumpcore_detach(void *state, struct core *c)
{
	struct dumpcore_module *s = state;

	commands_remove(&c->commands, &command);
	core_remove_client(c, s->client);
	s->client = CORE_NO_CLIENT;
	free(s->file);
	s->file = NULL;
}

static void dumpcore_limit(const void *state, struct sandbox *out)
{
	const struct dumpcore_module *s = state;

	if (s->dir != -1)
		sandbox_will_make(out, s->dir);
}

static void dumpcore_confine(void *state, struct sandbox *out)
{
	struct dumpcore_module *s = state;

	if (s->dir == -1)
		return;
	out->calls |= SANDBOX_REST;
	sandbox_keep(out, s->dir, SANDBOX_MAKES);
	out->values[SANDBOX_MAKE] = (uint64_t)s->dir;
	out->values[SANDBOX_MAKE_NAME] = (uintptr_t)s->names;
}

extern const struct module module_dumpcore;
const struct module module_dumpcore = {
	.name = "dumpcore",
	.options = options,
	.n_options = sizeof options / sizeof options[0],
	.open = dumpcore_open,
	.attach = dumpcore_attach,
	.limit = dumpcore_limit,
	.confine = dumpcore_confine,
	.detach = dumpcore_detach,
	.post_mortem = dumpcore_post_mortem,
	.close = dumpcore_close,
};
