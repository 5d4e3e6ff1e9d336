/* SPDX-License-Identifier: ISC */
/* log.c: the bindings' own messages, and the options that choose among them. */
#include "bindings.h"

#define LINE_LIMIT 320			/* bytes of a message; what follows is cut */

static const char cut_mark[] = "(truncated)\n";

static enum log_level threshold = LOG_INFO;

void log_printf(enum log_level level, const char *fmt, ...)
{
	char line[LINE_LIMIT + sizeof cut_mark];
	size_t length;
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	length = format(line, LINE_LIMIT + 1, fmt, ap);
	va_end(ap);
	if (length > LINE_LIMIT) {
		memcpy(line + LINE_LIMIT, cut_mark, sizeof cut_mark);
		length = LINE_LIMIT + strlen(cut_mark);
	}
	solo5_console_write(line, length);
}

static const struct {
	const char *word;
	enum log_level level;
} options[] = {
	{"--solo5:quiet", LOG_ERROR},
	{"--solo5:error", LOG_ERROR},
	{"--solo5:warn", LOG_WARN},
	{"--solo5:info", LOG_INFO},
	{"--solo5:debug", LOG_DEBUG},
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What follows word at the front of s, NULL if that is not there or goes on. */
static const char *after_word(const char *s, const char *word)
{
	for (; *word != '\0'; word++) {
		if (*s++ != *word)
			return NULL;
	}
	return *s == '\0' || is_space(*s) ? s : NULL;
}

static const char *take_option(const char *s)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const char *rest = after_word(s, options[i].word);

		if (rest == NULL)
			continue;
		threshold = options[i].level;
		return rest;
	}
	return NULL;
}

const char *log_take_options(const char *cmdline)
{
	const char *rest = cmdline;

	do {
		cmdline = rest;
		while (is_space(*cmdline))
			cmdline++;
		rest = take_option(cmdline);
	} while (rest != NULL);
	return cmdline;
}
