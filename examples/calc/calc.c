/* SPDX-License-Identifier: ISC */
/*
 * calc.c: works out the words of its command line: numbers, + - * / ^, brackets, functions of <math.h>.
 *
 *	husk-cc --libc -O2 -o calc.hvt calc.c
 *	husk calc.hvt '2 ^ 10 + sqrt(2)'
 *
 * It calculates with floating point, which takes a host with hardware virtualisation (husk-cc(1)).
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE 512
#define DEPTH_MAX 100

struct parser {
	const char *at;
	int depth;
	jmp_buf wrong;			/* where a mistake leads */
	const char *mistake;
};

static const struct {
	const char *name;
	double (*function)(double);
} functions[] = {
	{"sqrt", sqrt}, {"sin", sin}, {"cos", cos}, {"tan", tan}, {"exp", exp}, {"log", log},
	{"floor", floor}, {"ceil", ceil}, {"abs", fabs},
};

static double sum(struct parser *p);

static _Noreturn void wrong(struct parser *p, const char *mistake)
{
	p->mistake = mistake;
	longjmp(p->wrong, 1);
}

static int take(struct parser *p, char c)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
	if (*p->at != c)
		return 0;
	p->at++;
	return 1;
}

static double in_brackets(struct parser *p)
{
	double value;

	if (++p->depth > DEPTH_MAX)
		wrong(p, "too many brackets");
	value = sum(p);
	if (!take(p, ')'))
		wrong(p, "a bracket is not closed");
	p->depth--;
	return value;
}

static double called(struct parser *p)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		size_t length = strlen(functions[i].name);

		if (strncmp(p->at, functions[i].name, length) != 0)
			continue;
		p->at += length;
		if (!take(p, '('))
			wrong(p, "a function needs a bracket");
		return functions[i].function(in_brackets(p));
	}
	wrong(p, "no number");
}

static double number(struct parser *p)
{
	double value;
	char *end;

	if (take(p, '('))
		return in_brackets(p);
	if (isalpha((unsigned char)*p->at))
		return called(p);
	value = strtod(p->at, &end);
	if (end == p->at)
		wrong(p, "no number");
	p->at = end;
	return value;
}

/* To the right first: 2 ^ 3 ^ 2 is 512. */
static double power(struct parser *p)
{
	double base;

	if (++p->depth > DEPTH_MAX)
		wrong(p, "too deep");
	base = take(p, '-') ? -power(p) : number(p);
	if (take(p, '^'))
		base = pow(base, power(p));
	p->depth--;
	return base;
}

static double product(struct parser *p)
{
	double value = power(p);

	for (;;) {
		if (take(p, '*'))
			value *= power(p);
		else if (take(p, '/'))
			value /= power(p);
		else
			return value;
	}
}

static double sum(struct parser *p)
{
	double value = product(p);

	for (;;) {
		if (take(p, '+'))
			value += product(p);
		else if (take(p, '-'))
			value -= product(p);
		else
			return value;
	}
}

/* 0, or -1 behind a message. */
static int calculate(const char *line)
{
	static struct parser p;		/* which longjmp leaves as it is */
	double value;

	p = (struct parser){.at = line};
	if (setjmp(p.wrong) != 0) {
		fprintf(stderr, "calc: %s: column %d of '%s'\n", p.mistake, (int)(p.at - line) + 1, line);
		return -1;
	}
	value = sum(&p);
	if (!take(&p, '\0'))
		wrong(&p, "neither an operator nor the end");
	printf("%.15g\n", value);
	return 0;
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_SIZE] = "";

	for (int i = 1; i < argc; i++) {
		strlcat(line, argv[i], sizeof line);
		if (strlcat(line, " ", sizeof line) >= sizeof line) {
			fprintf(stderr, "calc: more than %d characters\n", LINE_MAX_SIZE - 1);
			return EXIT_FAILURE;
		}
	}
	if (argc < 2) {
		fputs("Usage: husk calc.hvt EXPRESSION, as in '2 ^ 10 + sqrt(2)'\n", stderr);
		return EXIT_FAILURE;
	}
	return calculate(line) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
