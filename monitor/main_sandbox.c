/* SPDX-License-Identifier: ISC */
/* main_sandbox.c: confines husk as its options say, and ends it at a forbidden system call. */
#include "main_sandbox.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main_sandbox_host.h"

/* Set once our own filter is in force. */
static volatile sig_atomic_t confined;

/* ---- the line: only async-signal-safe calls, and of those only ones that the filter allows ---- */

struct line {
	char text[256];
	size_t len;
};

static void append(struct line *l, const char *text)
{
	while (*text != '\0' && l->len < sizeof l->text - 1)
		l->text[l->len++] = *text++;
}

static void append_number(struct line *l, unsigned long n)
{
	char digits[24];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	append(l, digits + at);
}

static void tell(long nr, bool ours)
{
	const char *name = husk_confine_call_name(nr);
	struct line l = {.len = 0};

	append(&l, "husk: ");
	append(&l, ours ? "sandbox: " : "");
	append(&l, "system call ");
	append_number(&l, (unsigned long)nr);
	append(&l, " (");
	append(&l, name != NULL ? name : "unknown");
	append(&l, ours ? ") was refused: a fault in husk, or an attack on it" :
	       ") is forbidden by a filter that this process was started under");
	l.text[l.len++] = '\n';
	(void)!write(STDERR_FILENO, l.text, l.len);
}

/* Once the handler has returned. */
static void act_as_if_uncaught(int number)
{
	const struct sigaction fate = {.sa_handler = SIG_DFL};

	(void)sigaction(number, &fate, NULL);
	(void)raise(number);
}

static void on_refused(int signal, siginfo_t *info, void *context)
{
	const long nr = sandbox_host_call(info);
	const bool ours = confined != 0 && sandbox_host_is_ours(info);
	const int saved = errno;

	if (!sandbox_host_is_refusal(info)) {
		act_as_if_uncaught(signal);
		return;
	}
	if (!ours && sandbox_host_is_optional(nr)) {
		sandbox_host_answer(context, ENOSYS);
		errno = saved;
		return;
	}
	tell(nr, ours);
	_exit(1);
}

void sandbox_catch(void)
{
	struct sigaction refused = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};

	sigfillset(&refused.sa_mask);
	sigdelset(&refused.sa_mask, sandbox_host_signal);
	(void)sigaction(sandbox_host_signal, &refused, NULL);
}

/* ---- options ---- */

int sandbox_check_how(const char *value, struct husk_error *e)
{
	static const char *const words[] = {"on", "require", "kill", "off"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(value, words[i]) == 0)
			return 0;
	return husk_fail(e, HUSK_E_USAGE, "`%s' is none of on, require, kill, off", value);
}

/* UID or UID:GID; without GID the same number. UINT32_MAX would mean no change. */
static int parse_user(const char *value, uint32_t *uid, uint32_t *gid, struct husk_error *e)
{
	const size_t len = strcspn(value, ":");
	char text[24] = "";
	unsigned long long u, g;

	if (len < sizeof text)
		memcpy(text, value, len);
	if (option_number(text, 0, UINT32_MAX - 1, &u, e) == -1 ||
	    option_number(value[len] == ':' ? value + len + 1 : text, 0, UINT32_MAX - 1, &g, e) == -1)
		return husk_fail(e, HUSK_E_USAGE, "`%.60s' is not UID or UID:GID, numbers up to "
				 "4294967294; id -u NAME and id -g NAME print those of a user", value);
	*uid = (uint32_t)u;
	*gid = (uint32_t)g;
	return 0;
}

int sandbox_check_user(const char *value, struct husk_error *e)
{
	uint32_t uid, gid;

	return parse_user(value, &uid, &gid, e);
}

static bool is_how(const struct settings *settings, const char *word)
{
	const struct setting *s = settings_find(settings, "sandbox", NULL);

	return s != NULL && strcmp(s->value, word) == 0;
}

bool sandbox_is_wanted(const struct settings *settings)
{
	return !is_how(settings, "off") || settings_find(settings, "user", NULL) != NULL;
}

int sandbox_enter(struct husk *machine, const struct settings *settings,
		  const struct sandbox_own *own, struct husk_error *e)
{
	const int keep[] = {own->messages, own->figures, own->cut, own->metrics};
	const struct setting *user = settings_find(settings, "user", NULL);
	struct husk_confinement how = {
		.size = sizeof how,
		.require = is_how(settings, "require"), .kill = is_how(settings, "kill"),
		.lone = true, .close_others = true, .keep = keep, .n_keep = sizeof keep / sizeof keep[0],
		.cut_fd = own->cut, .change_user = user != NULL,
	};

	if (is_how(settings, "off"))
		return husk_fail(e, HUSK_E_USAGE, "--user is a part of the sandbox: leave out "
				 "--sandbox=off");
	if (user != NULL && parse_user(user->value, &how.uid, &how.gid, e) == -1)
		return -1;
	sandbox_host_settle_heap();
	if (husk_confine(machine, &how, e) == -1)
		return -1;
	confined = 1;
	return 0;
}

int sandbox_check_host(const struct settings *settings, FILE *out)
{
	return husk_check_confinement(is_how(settings, "require"), out);
}
