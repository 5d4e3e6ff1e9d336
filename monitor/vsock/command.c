/* SPDX-License-Identifier: ISC */
/* command.c: reads "CONNECT <port>" and says "OK <port>". */
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word before end, and its length; *at moves behind it. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
	const char *word;

	while (*at < end && is_blank(**at))
		++*at;
	word = *at;
	while (*at < end && !is_blank(**at))
		++*at;
	*len = (size_t)(*at - word);
	return word;
}

static bool parse_port(const char *word, size_t len, uint32_t *port)
{
	const size_t sign = len > 0 && word[0] == '+';
	uint64_t value = 0;

	for (size_t i = sign; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		value = 10 * value + (uint64_t)(word[i] - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*port = (uint32_t)value;
	return len > sign;
}

int vsock_command_parse(const char *line, size_t n, uint32_t *port)
{
	const char *end = memchr(line, '\n', n), *at = line, *word;
	size_t len;

	if (end == NULL)
		return n < VSOCK_COMMAND_MAX ? 0 : -1;
	word = next_word(&at, end, &len);
	if (len != 7 || strncasecmp(word, "connect", len) != 0)
		return -1;
	word = next_word(&at, end, &len);
	if (!parse_port(word, len, port))
		return -1;
	return (int)(end + 1 - line);
}

size_t vsock_command_answer(uint32_t port, char *answer)
{
	return (size_t)snprintf(answer, VSOCK_ANSWER_MAX, "OK %u\n", port);
}
