/* SPDX-License-Identifier: ISC */
/* format.c: the small printf behind the bindings' messages. */
#include "bindings.h"

struct out {
	char *buf;
	size_t size, length;
};

struct spec {				/* one conversion, parsed */
	bool left, zero;
	size_t width;
	unsigned longs;			/* 0: int; more: 64 bits wide */
	char conversion;
};

static void put(struct out *o, char c)
{
	if (o->length < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void put_many(struct out *o, char c, size_t n)
{
	while (n-- > 0)
		put(o, c);
}

/* prefix goes before the zeros that fill up to the width, but after blanks. */
static void put_field(struct out *o, const struct spec *s, const char *prefix, const char *text,
		      size_t n)
{
	size_t used = n + strlen(prefix);
	size_t pad = s->width > used ? s->width - used : 0;

	if (!s->left && !s->zero)
		put_many(o, ' ', pad);
	while (*prefix != '\0')
		put(o, *prefix++);
	if (!s->left && s->zero)
		put_many(o, '0', pad);
	while (n-- > 0)
		put(o, *text++);
	if (s->left)
		put_many(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *s, const char *prefix, uint64_t value,
		       unsigned base)
{
	const char *digits = s->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[20];			/* of 2^64 - 1 in base 10 */
	size_t at = sizeof text;

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value > 0);
	put_field(o, s, prefix, text + at, sizeof text - at);
}

static void put_signed(struct out *o, const struct spec *s, int64_t value)
{
	if (value < 0)
		put_number(o, s, "-", -(uint64_t)value, 10);
	else
		put_number(o, s, "", (uint64_t)value, 10);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (text == NULL)
		text = "(null)";
	put_field(o, s, "", text, strlen(text));
}

static const char *parse(struct spec *s, const char *at)
{
	*s = (struct spec){0};
	for (; *at == '-' || *at == '0'; at++) {
		s->left |= *at == '-';
		s->zero |= *at == '0';
	}
	for (; *at >= '0' && *at <= '9'; at++)
		s->width = s->width * 10 + (size_t)(*at - '0');
	for (; *at == 'l' || *at == 'z'; at++)
		s->longs++;
	s->conversion = *at;
	return *at == '\0' ? at : at + 1;
}

static const char *convert(struct out *o, const char *at, va_list *ap)
{
	struct spec s;
	char c;

	at = parse(&s, at);
	switch (s.conversion) {
	case 'd':
	case 'i':
		put_signed(o, &s, s.longs > 0 ? va_arg(*ap, int64_t) : va_arg(*ap, int));
		break;
	case 'u':
	case 'x':
	case 'X':
		put_number(o, &s, "", s.longs > 0 ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned),
			s.conversion == 'u' ? 10 : 16);
		break;
	case 'p':
		put_number(o, &s, "0x", (uintptr_t)va_arg(*ap, void *), 16);
		break;
	case 's':
		put_string(o, &s, va_arg(*ap, const char *));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_field(o, &s, "", &c, 1);
		break;
	default:			/* %% and whatever is not known */
		if (s.conversion != '\0')
			put(o, s.conversion);
	}
	return at;
}

size_t format(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {.buf = buf, .size = size};
	va_list args;

	va_copy(args, ap);		/* a parameter of this type may be an array, without & */
	while (*fmt != '\0') {
		if (*fmt == '%')
			fmt = convert(&o, fmt + 1, &args);
		else
			put(&o, *fmt++);
	}
	va_end(args);
	if (size > 0)
		buf[o.length < size ? o.length : size - 1] = '\0';
	return o.length;
}
