/* SPDX-License-Identifier: ISC */
/*
 * traced.c: says what is wrong with traces, and nothing of those that are right:
 *
 *	traced lines FILE	a line each: when, what with what, = what came of it, how long it took; then the end
 *	traced viewers FILE	JSON of Chrome's trace format; events of a row one after the other
 *
 * Whichever it is, each thing has a name that is known, and a hypercall has its arguments in words.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/json_read.h"

#define ROWS 4
#define SLACK_US 0.002		/* two roundings */

/* Hypercalls; what else is told is bare only where there is nothing to say of it. */
static const char *const calls[] = {
	"walltime", "puts", "poll", "block_write", "block_read", "net_write", "net_read", "halt", "queue", "clock",
	"net_offloads", NULL,
}, *const others[] = {
	"in", "out", "mmio_read", "mmio_write", "fault", "hypervisor_error", "ring", "ring_thread", "net_queues",
	"net_queue", "block_queue", "triple_fault", NULL,
}, *const bare[] = {"walltime", "triple_fault", "fault", "halt", NULL};

static bool among(const char *const *list, const char *name, size_t len)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == len && strncmp(*list, name, len) == 0)
			return true;
	return false;
}

static bool is_known(const char *name, size_t len)
{
	return among(calls, name, len) || among(others, name, len);
}

/* ---- lines ---- */

/* "0.000123 "; NULL if there is none. */
static const char *behind_time(const char *line)
{
	const char *at = line + strspn(line, "0123456789");

	if (at == line || *at != '.' || strspn(at + 1, "0123456789") != 6 || at[7] != ' ')
		return NULL;
	return at + 8;
}

/* Behind the bracket that closes this one, whatever quotes there are. */
static const char *behind_bracket(const char *at)
{
	bool quoted = false;

	for (; *at != '\0'; at++) {
		if (quoted && *at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (*at == ')' && !quoted)
			return at + 1;
	}
	return NULL;
}

/* " = OK, len=3", or nothing; then " <12us>", unless it took no time. */
static bool is_outcome(const char *at)
{
	const size_t len = strlen(at);
	const char *took = strrchr(at, '<');

	if (took != NULL) {
		if (len < 4 || at[len - 1] != '>' || took[-1] != ' ' || !isdigit((unsigned char)took[1]))
			return false;
		if (took - 1 == at)
			return true;
	}
	return *at == '\0' || (strncmp(at, " = ", 3) == 0 && at[3] != '\0' && at[3] != ' ');
}

static const char *fault_of_call(const char *at)
{
	const size_t len = strcspn(at, "(");
	const char *end;

	if (!is_known(at, len))
		return "a name that is not known";
	if (at[len + 1] == ')' && !among(bare, at, len))
		return "nothing is said of it";
	end = behind_bracket(at + len + 1);
	return end == NULL ? "no closing bracket" : is_outcome(end) ? NULL : "no such outcome";
}

static const char *fault_of_line(const char *line, bool last)
{
	const char *at = behind_time(line), *open;

	if (at == NULL)
		return "no time in front";
	open = strchr(at, '(');
	if (open != NULL && strcspn(at, " ") > (size_t)(open - at))
		return last ? "no end behind it" : fault_of_call(at);
	return last ? NULL : "no call, and not the end";
}

static const char *fault_of_lines(char *text, const char **where)
{
	char *more = NULL, *line = strtok_r(text, "\n", &more), *next;
	const char *fault = line == NULL ? "nothing was traced" : NULL;

	for (; line != NULL && fault == NULL; line = next) {
		next = strtok_r(NULL, "\n", &more);
		*where = line;
		fault = fault_of_line(line, next == NULL);
	}
	return fault;
}

/* ---- for viewers ---- */

struct rows {
	double until[ROWS];	/* us; what came last has ended by then */
	unsigned calls, ends;
};

static double number(const char *event, const char *key)
{
	char text[40];

	return json_get(event, key, text, sizeof text) ? atof(text) : -1;
}

static const char *fault_of_interval(const char *event, const char *name, struct rows *r)
{
	const int row = (int)number(event, "tid");
	const double began = number(event, "ts"), took = number(event, "dur");
	char text[200];

	if (row < 1 || row >= ROWS || began < 0 || took < 0)
		return "no row, or no time";
	if (began < r->until[row] - SLACK_US)
		return "it begins before another of its row ends";
	r->until[row] = began + took;
	if (row == 1)
		return strcmp(name, "run") == 0 ? NULL : "the guest's row has what it did not do";
	r->calls++;
	if (!is_known(name, strlen(name)))
		return "a name that is not known";
	if (!json_get(event, "args", text, sizeof text) && !among(bare, name, strlen(name)))
		return "nothing is said of it";
	return NULL;
}

/* Notes are of no length, and the end is one of the guest's row. */
static const char *fault_of_instant(const char *event, const char *name, struct rows *r)
{
	const int row = (int)number(event, "tid");

	r->ends += row == 1;
	return row == 1 || is_known(name, strlen(name)) ? NULL : "a name that is not known";
}

static const char *fault_of_event(const char *event, struct rows *r)
{
	char name[300], phase[4];

	if (!json_get(event, "name", name, sizeof name) || !json_get(event, "ph", phase, sizeof phase))
		return "no name, or no phase";
	switch (phase[0]) {
	case 'X':
		return fault_of_interval(event, name, r);
	case 'i':
		return fault_of_instant(event, name, r);
	case 'M':
		return NULL;
	}
	return "a phase that is none of these";
}

/* An event is on a line of its own, so that all of them need not be read again for each. */
static const char *fault_of_events(char *text, const char **where)
{
	struct rows r = {.calls = 0};
	const char *fault = json_fault(text);
	char *more = NULL;

	*where = fault;
	if (fault != NULL || text[0] != '[')
		return "no JSON array";
	for (char *line = strtok_r(text + 1, "\n", &more); line != NULL && line[0] != ']';
	     line = strtok_r(NULL, "\n", &more)) {
		const size_t len = strlen(line);

		if (len > 0 && line[len - 1] == ',')
			line[len - 1] = '\0';
		*where = line;
		fault = fault_of_event(line, &r);
		if (fault != NULL)
			return fault;
	}
	*where = "all of it";
	return r.calls == 0 ? "no call" : r.ends != 1 ? "not one end" : NULL;
}

/* NULL if it cannot be read. */
static char *contents(const char *path)
{
	FILE *in = fopen(path, "r"), *out;
	char *text = NULL;
	size_t len;
	int c;

	out = in == NULL ? NULL : open_memstream(&text, &len);
	if (out != NULL) {
		while ((c = getc(in)) != EOF)
			putc(c, out);
		fclose(out);
	}
	if (in != NULL)
		fclose(in);
	return text;
}

int main(int argc, char **argv)
{
	const bool lines = argc == 3 && strcmp(argv[1], "lines") == 0;
	const char *fault, *where = "";
	char *text;

	if (argc != 3 || (!lines && strcmp(argv[1], "viewers") != 0)) {
		fputs("usage: traced lines FILE, traced viewers FILE\n", stderr);
		return 2;
	}
	text = contents(argv[2]);
	if (text == NULL) {
		perror(argv[2]);
		return 2;
	}
	fault = lines ? fault_of_lines(text, &where) : fault_of_events(text, &where);
	if (fault != NULL)
		printf("%s: %.200s\n", fault, where);
	free(text);
	return fault != NULL;
}
