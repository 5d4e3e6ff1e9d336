/* SPDX-License-Identifier: ISC */
/* test_json.c: what is written is JSON, and says what was meant; read back by json_read.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/json.h"
#include "json_read.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

struct fixture {
	struct json j;
	FILE *out;
	char *text;
	size_t len;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	f.out = open_memstream(&f.text, &f.len);
	*state = &f;
	return f.out == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fclose(f->out);
	free(f->text);
	return 0;
}

/* What has been written, which is JSON. */
static const char *written(struct fixture *f)
{
	const char *fault;

	assert_int_equal(fflush(f->out), 0);
	fault = json_fault(f->text);
	if (fault != NULL)
		fail_msg("not JSON from here: %s", fault);
	return f->text;
}

static void assert_value(struct fixture *f, const char *path, const char *value)
{
	char got[600];

	if (!json_get(written(f), path, got, sizeof got))
		fail_msg("there is no %s in %s", path, f->text);
	assert_string_equal(got, value);
}

/* ---- the reader itself ---- */

static void the_reader_takes_json(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", " { } ", "0", "-0", "12", "-1.5e+10", "1E5", "0.25", "\"\"", "true",
		"false", "null", "[1,2]", "[ 1 , [ ] , {} ]", "{\"a\":1,\"b\":{\"a\":2}}",
		"{ \"a\" : [ { \"b\" : null } ] }\n", "\"\\u00ff\\n\\\\\\\"\\/\"", "\"\xc3\xa9\"",
		"[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (json_fault(texts[i]) != NULL)
			fail_msg("%s: fault at %s", texts[i], json_fault(texts[i]));
}

static void the_reader_takes_nothing_else(void **state)
{
	static const char *const texts[] = {
		"", " ", "{", "}", "[", "]", "{]", "[}", "{,}", "[,]", "[1,]", "{\"a\":1,}", "[1 2]",
		"{\"a\"}", "{\"a\":}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "01", "-",
		"+1", "1.", ".5", "1e", "1e+", "0x1", "tru", "True", "nul", "\"", "\"a", "\"\\\"",
		"\"\\x\"", "\"\\u12g4\"", "\"\\u123\"", "\"\n\"", "\"\x01\"", "'a'", "{}{}", "1 1",
		"[1]]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
		"[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (json_fault(texts[i]) == NULL)
			fail_msg("%s was taken", texts[i]);
}

static void the_reader_finds_values(void **state)
{
	static const char text[] =
		"{\"a\":1,\"b\":[10,{\"c\":\"d\\u0041\\n\"},[]],\"\":3,\"ab\":{\"a\":true},\"x\":null}";
	static const struct { const char *path, *value; } cases[] = {
		{"a", "1"}, {"b/0", "10"}, {"b/1/c", "dA\n"}, {"b/2", "[]"}, {"ab/a", "true"},
		{"ab", "{\"a\":true}"}, {"x", "null"}, {"b/1", "{\"c\":\"d\\u0041\\n\"}"},
		{"", text},
	};
	static const char *const missing[] = {"c", "b/3", "b/00", "a/a", "ab/b", "b/1/d", "A"};
	char got[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(json_get(text, cases[i].path, got, sizeof got));
		assert_string_equal(got, cases[i].value);
	}
	for (size_t i = 0; i < COUNT(missing); i++)
		assert_false(json_get(text, missing[i], got, sizeof got));
}

/* ---- the writer ---- */

static void an_empty_object_is_a_line(void **state)
{
	struct fixture *f = *state;

	json_begin(&f->j, f->out);
	json_end(&f->j);
	assert_string_equal(written(f), "{}\n");
}

static void members_are_separated_by_commas(void **state)
{
	struct fixture *f = *state;

	json_begin(&f->j, f->out);
	json_number(&f->j, "a", 1);
	json_string(&f->j, "b", "two");
	json_number(&f->j, "c", 3);
	json_end(&f->j);
	assert_string_equal(written(f), "{\"a\":1,\"b\":\"two\",\"c\":3}\n");
}

static void arrays_and_objects_nest(void **state)
{
	struct fixture *f = *state;

	json_begin(&f->j, f->out);
	json_open(&f->j, "none", '[');
	json_close(&f->j, ']');
	json_open(&f->j, "list", '[');
	for (unsigned i = 0; i < 2; i++) {
		json_open(&f->j, NULL, '{');
		json_number(&f->j, "n", i);
		json_open(&f->j, "deep", '{');
		json_close(&f->j, '}');
		json_close(&f->j, '}');
	}
	json_number(&f->j, NULL, 7);
	json_string(&f->j, NULL, "eight");
	json_close(&f->j, ']');
	json_string(&f->j, "end", "");
	json_end(&f->j);
	assert_string_equal(written(f), "{\"none\":[],\"list\":[{\"n\":0,\"deep\":{}},"
			    "{\"n\":1,\"deep\":{}},7,\"eight\"],\"end\":\"\"}\n");
	assert_value(f, "list/1/n", "1");
	assert_value(f, "list/3", "eight");
	assert_value(f, "end", "");
}

static void numbers_have_64_bits(void **state)
{
	struct fixture *f = *state;

	json_begin(&f->j, f->out);
	json_number(&f->j, "none", 0);
	json_number(&f->j, "most", UINT64_MAX);
	json_number(&f->j, "high", 1ull << 63);
	json_end(&f->j);
	assert_value(f, "none", "0");
	assert_value(f, "most", "18446744073709551615");
	assert_value(f, "high", "9223372036854775808");
}

/* Every byte but NUL, one by one: those above ASCII are no characters by themselves. */
static void any_bytes_make_a_string(void **state)
{
	struct fixture *f = *state;
	char all[256] = "", wanted[256];

	for (unsigned c = 1; c < 256; c++) {
		all[c - 1] = (char)c;
		wanted[c - 1] = c < 0x80 ? (char)c : '?';
	}
	wanted[255] = '\0';
	json_begin(&f->j, f->out);
	json_string(&f->j, "value", all);
	json_string(&f->j, all, "name");
	json_end(&f->j);
	assert_value(f, "value", wanted);
	for (const char *c = written(f); *c != '\n'; c++)
		assert_in_range(*c, ' ', '~');
	assert_int_equal(f->text[f->len - 1], '\n');
	assert_non_null(strstr(f->text, "\":\"name\"}\n"));
}

static void only_what_must_be_is_escaped(void **state)
{
	struct fixture *f = *state;

	json_begin(&f->j, f->out);
	json_string(&f->j, "plain", " !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~");
	json_string(&f->j, "escaped", "\x01\t\n\x1f\"\\\x7f\x80\xff");
	json_end(&f->j);
	assert_string_equal(written(f), "{\"plain\":\" !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~\","
			    "\"escaped\":\"\\u0001\\u0009\\u000a\\u001f\\\"\\\\\\u007f\\ufffd"
			    "\\ufffd\"}\n");
}

/* The first and last of each length, and what is next to them; Unicode 15.0, table 3-7. */
static void utf_8_stays_as_it_is(void **state)
{
	static const struct { const char *text, *written; } cases[] = {
		{"gr\xc3\xbc\xc3\x9f-\xe6\x97\xa5-\xf0\x9f\x98\x80",
		 "gr\xc3\xbc\xc3\x9f-\xe6\x97\xa5-\xf0\x9f\x98\x80"},
		{"\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf"},
		{"\xe0\xa0\x80\xed\x9f\xbf", "\xe0\xa0\x80\xed\x9f\xbf"},
		{"\xee\x80\x80\xef\xbf\xbf", "\xee\x80\x80\xef\xbf\xbf"},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
		{"\xc2\x80\xc2\x9f", "\\u0080\\u009f"},
		{"\xc0\xaf", "\\ufffd\\ufffd"},
		{"\xc1\xbf", "\\ufffd\\ufffd"},
		{"\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd"},
		{"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
		{"\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd"},
		{"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
		{"\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
		{"\xc3", "\\ufffd"}, {"\xe6\x97", "\\ufffd\\ufffd"},
		{"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"},
		{"\xc3(", "\\ufffd("}, {"\xe6\x97z", "\\ufffd\\ufffdz"}, {"\x80""a", "\\ufffd""a"},
	};
	struct fixture *f = *state;
	char key[16], wanted[100];

	json_begin(&f->j, f->out);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(key, sizeof key, "%zu", i);
		json_string(&f->j, key, cases[i].text);
	}
	json_end(&f->j);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(wanted, sizeof wanted, "\"%zu\":\"%s\"", i, cases[i].written);
		if (strstr(written(f), wanted) == NULL)
			fail_msg("%s is not in %s", wanted, f->text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reader_takes_json),
		cmocka_unit_test(the_reader_takes_nothing_else),
		cmocka_unit_test(the_reader_finds_values),
		TEST(an_empty_object_is_a_line),
		TEST(members_are_separated_by_commas),
		TEST(arrays_and_objects_nest),
		TEST(numbers_have_64_bits),
		TEST(any_bytes_make_a_string),
		TEST(only_what_must_be_is_escaped),
		TEST(utf_8_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
