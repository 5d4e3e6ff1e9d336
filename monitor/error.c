/* SPDX-License-Identifier: ISC */
/* error.c: fills and extends the error object; texts that do not fit are truncated. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct husk_error *e, const char *fmt, va_list ap)
{
	size_t used = strlen(e->message);

	vsnprintf(e->message + used, sizeof e->message - used, fmt, ap);
}

static void append_text(struct husk_error *e, const char *text)
{
	size_t used = strlen(e->message);

	snprintf(e->message + used, sizeof e->message - used, "%s", text);
}

int husk_fail(struct husk_error *e, enum husk_error_class kind, const char *fmt, ...)
{
	va_list ap;

	*e = (struct husk_error){.kind = kind};
	va_start(ap, fmt);
	append(e, fmt, ap);
	va_end(ap);
	return -1;
}

/* What any call that opens something may come upon. */
static void append_remedy(struct husk_error *e, int sys)
{
	if (sys == EMFILE)
		append_text(e, ": raise the limit of open files, ulimit -n");
	if (sys == ENFILE)
		append_text(e, ": the whole host has too many files open; raise its limit");
}

int husk_fail_sys(struct husk_error *e, int sys, const char *fmt, ...)
{
	va_list ap;

	*e = (struct husk_error){.kind = HUSK_E_HOST, .sys = sys};
	va_start(ap, fmt);
	append(e, fmt, ap);
	va_end(ap);
	append_text(e, ": ");
	append_text(e, strerror(sys));
	append_remedy(e, sys);
	return -1;
}

int husk_wrap(struct husk_error *e, const char *fmt, ...)
{
	char old[sizeof e->message];
	va_list ap;

	memcpy(old, e->message, sizeof old);
	e->message[0] = '\0';
	va_start(ap, fmt);
	append(e, fmt, ap);
	va_end(ap);
	append_text(e, ": ");
	append_text(e, old);
	return -1;
}

int husk_wrap_device(struct husk_error *e, const char *what, const char *name)
{
	snprintf(e->device, sizeof e->device, "%s", name);
	return husk_wrap(e, "%s %s", what, name);
}

int husk_hint(struct husk_error *e, const char *fmt, ...)
{
	va_list ap;

	append_text(e, ": ");
	va_start(ap, fmt);
	append(e, fmt, ap);
	va_end(ap);
	return -1;
}
