/* SPDX-License-Identifier: ISC */
/* test_words.c: every word of --vsock, and what is wrong in those that are none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/vsock/mux.h"
#include "../../../monitor/vsock/words.h"
#include "expect.h"

#define KINDS "there are cid=N, connect=PORT:PATH, listen=PATH, listen=PORT:PATH and uds=PREFIX"
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void assert_word(const char **at, enum vsock_word_key key, int64_t port, int fd,
			const char *path)
{
	struct vsock_word w;
	struct husk_error e = {0};

	if (vsock_words_next(at, &w, &e) != 1)
		fail_msg("%s", e.message);
	assert_int_equal(w.key, key);
	assert_true(w.port == port);
	assert_int_equal(w.fd, fd);
	if (path != NULL) {
		assert_int_equal(w.path_len, strlen(path));
		assert_memory_equal(w.path, path, w.path_len);
	}
}

static void words_come_one_by_one(void **state)
{
	const char *value = "connect=5:/run/a,listen=b,listen=80:./c:d,listen=@7,listen=9:@10,"
			    "uds=/x/u,connect=4294967295:e,connect=0:f=g:h,cid=4294967294,"
			    "listen=x:5,listen=:y";
	const char *at = value;
	struct vsock_word w;
	struct husk_error e = {0};

	(void)state;
	assert_int_equal(vsock_words_check(value, &e), 0);
	assert_word(&at, VSOCK_WORD_CONNECT, 5, -1, "/run/a");
	assert_word(&at, VSOCK_WORD_LISTEN, VSOCK_PORT_BY_COMMAND, -1, "b");
	assert_word(&at, VSOCK_WORD_LISTEN, 80, -1, "./c:d");
	assert_word(&at, VSOCK_WORD_LISTEN, VSOCK_PORT_BY_COMMAND, 7, NULL);
	assert_word(&at, VSOCK_WORD_LISTEN, 9, 10, NULL);
	assert_word(&at, VSOCK_WORD_UDS, VSOCK_PORT_BY_COMMAND, -1, "/x/u");
	assert_word(&at, VSOCK_WORD_CONNECT, UINT32_MAX, -1, "e");
	assert_word(&at, VSOCK_WORD_CONNECT, 0, -1, "f=g:h");
	assert_int_equal(vsock_words_next(&at, &w, &e), 1);
	assert_int_equal(w.cid, 4294967294u);
	assert_word(&at, VSOCK_WORD_LISTEN, VSOCK_PORT_BY_COMMAND, -1, "x:5");
	assert_word(&at, VSOCK_WORD_LISTEN, VSOCK_PORT_BY_COMMAND, -1, ":y");
	assert_int_equal(vsock_words_next(&at, &w, &e), 0);
	assert_int_equal(vsock_words_next(&at, &w, &e), 0);
}

/* V24 for the number */
static void each_mistake_is_named(void **state)
{
	static const struct { const char *value, *message; } cases[] = {
		{"x", "`x': " KINDS},
		{"cid", "`cid': " KINDS},
		{"connect=1:a,b", "`b': " KINDS},
		{"Cid=3", "`Cid=3': " KINDS},
		{",cid=3", "`': " KINDS},
		{"cid=3,,listen=a", "`': " KINDS},
		{"cid=3,", "nothing follows the last comma"},
		{"cid=", "`cid=': CID `' is not a number from 3 to 4294967294"},
		{"cid=0", "`cid=0': CID `0' is not a number from 3 to 4294967294"},
		{"cid=2", "CID `2' is not"},
		{"cid=4294967295", "CID `4294967295' is not"},
		{"cid=4294967298", "CID `4294967298' is not"},
		{"cid=18446744073709551619", "CID `18446744073709551619' is not"},
		{"cid=3x", "CID `3x' is not"},
		{"cid=+3", "CID `+3' is not"},
		{"cid=33333333333333333333333333", "`33333333333333333333333...' is not a number"},
		{"connect=/a", "`connect=/a': a port comes first: connect=PORT:PATH"},
		{"connect=5", "a port comes first"},
		{"connect=", "a port comes first"},
		{"connect=:a", "`connect=:a': port `' is not a number from 0 to 4294967295"},
		{"connect=x:a", "`connect=x:a': port `x' is not a number"},
		{"connect=4294967296:a", "port `4294967296' is not a number"},
		{"connect=-1:a", "port `-1' is not a number"},
		{"connect=5:", "`connect=5:': the path is empty"},
		{"connect=5:@3", "a descriptor (@FD) can only be listened at; a file of that name"},
		{"uds=@3", "a descriptor (@FD) can only be listened at"},
		{"uds=", "`uds=': the path is empty"},
		{"listen=", "`listen=': the path is empty"},
		{"listen=80:", "`listen=80:': the path is empty"},
		{"listen=4294967296:a", "port `4294967296' is not a number"},
		{"listen=@", "`listen=@': descriptor `' is not a number from 0 to 2147483647"},
		{"listen=@x", "descriptor `x' is not a number"},
		{"listen=@2147483648", "descriptor `2147483648' is not a number"},
		{"cid=3,cid=3", "`cid=3': a device has one of these"},
		{"uds=a,cid=4,uds=b", "`uds=b': a device has one of these"},
		{"connect=5:a,connect=6:a,connect=05:b", "`connect=05:b': another word is about the "
		 "same port"},
		{"listen=a,listen=5:a", "`listen=5:a': another word listens there"},
		{"uds=a,listen=a", "`listen=a': another word listens there"},
		{"listen=@3,listen=1:@3", "`listen=1:@3': another word listens there"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct husk_error e = {0};

		if (vsock_words_check(cases[i].value, &e) != -1)
			fail_msg("\"%s\" passes", cases[i].value);
		assert_error(&e, HUSK_E_USAGE, cases[i].message);
	}
}

static void a_long_word_leaves_room_for_the_problem(void **state)
{
	struct husk_error e = {0};
	char value[5000];

	(void)state;
	memset(value, 'x', sizeof value);
	value[sizeof value - 1] = '\0';
	assert_int_equal(vsock_words_check(value, &e), -1);
	assert_error(&e, HUSK_E_USAGE, KINDS);
}

static void a_device_listens_at_so_many_sockets(void **state)
{
	char value[64 * 20] = "uds=u";
	struct husk_error e = {0};

	(void)state;
	for (unsigned i = 1; i < VSOCK_LISTENERS_MAX; i++)
		snprintf(value + strlen(value), sizeof value - strlen(value), ",listen=s%u", i);
	assert_int_equal(vsock_words_check(value, &e), 0);
	strcat(value, ",listen=t");
	assert_int_equal(vsock_words_check(value, &e), -1);
	assert_error(&e, HUSK_E_USAGE, "`listen=t': there are more sockets to listen at than a");
}

static void devices_that_listen_at_the_same_are_found(void **state)
{
	struct vsock_word w;

	(void)state;
	assert_false(vsock_words_share("listen=a,uds=b", "connect=1:a,listen=c,cid=4", &w));
	assert_true(vsock_words_share("cid=3,listen=a,uds=b", "listen=7:b", &w));
	assert_int_equal(w.text_len, 5);
	assert_memory_equal(w.text, "uds=b", 5);
	assert_true(vsock_words_share("listen=@5", "listen=1:@5", &w));
	assert_false(vsock_words_share("listen=@5", "listen=1:@6", &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_one_by_one),
		cmocka_unit_test(each_mistake_is_named),
		cmocka_unit_test(a_long_word_leaves_room_for_the_problem),
		cmocka_unit_test(a_device_listens_at_so_many_sockets),
		cmocka_unit_test(devices_that_listen_at_the_same_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
