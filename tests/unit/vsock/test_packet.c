/* SPDX-License-Identifier: ISC */
/* test_packet.c: headers and payloads, out of chains and into them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../monitor/vsock/packet.c"

#define MAX 65536u

static uint8_t memory[3 * MAX];

static struct vsock_header *header_at(uint8_t *place)
{
	return (struct vsock_header *)(void *)place;
}

/* A header that asks for len bytes, and behind it bytes that are all different from their neighbours. */
static void fill(uint32_t len)
{
	for (size_t i = 0; i < sizeof memory; i++)
		memory[i] = (uint8_t)(i * 13);
	*header_at(memory) = (struct vsock_header){
		.src_cid = 0x0102030405060708, .dst_cid = 0x1112131415161718,
		.src_port = 0x21222324, .dst_port = 0x31323334, .len = len, .type = 0x5152,
		.op = 0x6162, .flags = 0x71727374, .buf_alloc = 0x81828384, .fwd_cnt = 0x91929394,
	};
}

/* V01 */
static void every_field_lies_where_it_should(void **state)
{
	static const uint8_t expected[44] = {
		8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31, 5, 0, 0, 0, 0x52, 0x51, 0x62, 0x61,
		0x74, 0x73, 0x72, 0x71, 0x84, 0x83, 0x82, 0x81, 0x94, 0x93, 0x92, 0x91,
	};
	struct vsock_packet p;
	uint8_t header[44] = {0};

	(void)state;
	assert_int_equal(vsock_packet_init(&p, header, 44, memory, 5), VSOCK_PACKET_OK);
	vsock_packet_set_src_cid(&p, 0x0102030405060708);
	vsock_packet_set_dst_cid(&p, 0x1112131415161718);
	vsock_packet_set_src_port(&p, 0x21222324);
	vsock_packet_set_dst_port(&p, 0x31323334);
	vsock_packet_set_len(&p, 5);
	vsock_packet_set_type(&p, 0x5152);
	vsock_packet_set_op(&p, 0x6162);
	vsock_packet_set_flags(&p, 0x71727374);
	vsock_packet_set_buf_alloc(&p, 0x81828384);
	vsock_packet_set_fwd_cnt(&p, 0x91929394);
	assert_int_equal(vsock_packet_commit(&p), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_size(&p), 49);
	assert_memory_equal(header, expected, 44);
	assert_int_equal(vsock_packet_init(&p, header, 44, NULL, 0), VSOCK_PACKET_OK);
	assert_true(vsock_packet_src_cid(&p) == 0x0102030405060708);
	assert_true(vsock_packet_dst_cid(&p) == 0x1112131415161718);
	assert_int_equal(vsock_packet_src_port(&p), 0x21222324);
	assert_int_equal(vsock_packet_dst_port(&p), 0x31323334);
	assert_int_equal(vsock_packet_len(&p), 5);
	assert_int_equal(vsock_packet_type(&p), 0x5152);
	assert_int_equal(vsock_packet_op(&p), 0x6162);
	assert_int_equal(vsock_packet_flags(&p), 0x71727374);
	assert_true(vsock_packet_buf_alloc(&p) == 0x81828384);
	assert_true(vsock_packet_fwd_cnt(&p) == 0x91929394);
}

/* V02 */
static void flags_are_added_or_replaced(void **state)
{
	struct vsock_packet p;
	uint8_t header[44] = {0};

	(void)state;
	assert_int_equal(vsock_packet_init(&p, header, 44, NULL, 0), VSOCK_PACKET_OK);
	vsock_packet_set_flag(&p, 1);
	vsock_packet_set_flag(&p, 2);
	assert_int_equal(vsock_packet_flags(&p), 3);
	vsock_packet_set_flags(&p, 4);
	assert_int_equal(vsock_packet_flags(&p), 4);
	assert_true(vsock_packet_is_empty(&p));
	vsock_packet_set_len(&p, 1);
	assert_false(vsock_packet_is_empty(&p));
}

/* V03 */
static void plain_memory_is_a_packet(void **state)
{
	struct vsock_packet p;
	struct iovec piece[2];
	uint8_t header[45] = {[24] = 3}, data[3] = {1, 2, 3};

	(void)state;
	assert_int_equal(vsock_packet_init(&p, header, 43, data, 3), VSOCK_PACKET_HEADER_SIZE);
	assert_int_equal(vsock_packet_init(&p, header, 45, data, 3), VSOCK_PACKET_HEADER_SIZE);
	assert_int_equal(vsock_packet_init(&p, header, 0, data, 3), VSOCK_PACKET_HEADER_SIZE);
	assert_int_equal(vsock_packet_init(&p, header, 44, NULL, 0), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_payload(&p, 0, 0, piece), 0);
	assert_int_equal(vsock_packet_payload(&p, 0, 1, piece), -1);
	assert_int_equal(vsock_packet_init(&p, header, 44, data, 3), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_payload(&p, 0, 3, piece), 1);
	assert_ptr_equal(piece[0].iov_base, data);
	assert_int_equal(piece[0].iov_len, 3);
	assert_int_equal(vsock_packet_set_header(&p, data, 3), VSOCK_PACKET_HEADER_SIZE);
	header[24] = 1;
	assert_int_equal(vsock_packet_len(&p), 3);
	assert_int_equal(vsock_packet_set_header(&p, header, 44), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_len(&p), 1);
}

/* V04 */
static void a_header_alone_is_a_packet(void **state)
{
	const struct iovec iov = {memory, 44};
	struct vsock_packet p;
	struct iovec piece[1];

	(void)state;
	fill(0);
	assert_int_equal(vsock_packet_parse_tx(&p, &iov, 1, 0, MAX), VSOCK_PACKET_OK);
	assert_true(vsock_packet_is_empty(&p));
	assert_int_equal(vsock_packet_payload(&p, 0, 0, piece), 0);
}

/* V05 */
static void one_buffer_holds_both(void **state)
{
	const struct iovec iov = {memory, 1000};
	struct vsock_packet p;
	struct iovec piece[1];

	(void)state;
	fill(100);
	assert_int_equal(vsock_packet_parse_tx(&p, &iov, 1, 0, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_payload(&p, 0, 100, piece), 1);
	assert_ptr_equal(piece[0].iov_base, memory + 44);
	assert_int_equal(piece[0].iov_len, 100);
	assert_int_equal(vsock_packet_payload(&p, 0, 101, piece), -1);
}

/* V06: the chain is one string of bytes, so what follows a header in its buffer is payload. */
static void bytes_behind_a_header_are_payload(void **state)
{
	const struct iovec iov[] = {{memory, 50}, {memory + 100, 50}};
	struct vsock_packet p;
	struct iovec piece[2];

	(void)state;
	fill(20);
	assert_int_equal(vsock_packet_parse_tx(&p, iov, 2, 0, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_payload(&p, 0, 20, piece), 2);
	assert_ptr_equal(piece[0].iov_base, memory + 44);
	assert_int_equal(piece[0].iov_len, 6);
	assert_ptr_equal(piece[1].iov_base, memory + 100);
	assert_int_equal(piece[1].iov_len, 14);
	assert_int_equal(vsock_packet_payload(&p, 6, 14, piece), 1);
	assert_ptr_equal(piece[0].iov_base, memory + 100);
}

/* V07 */
static void header_and_payload_are_cut_anywhere(void **state)
{
	const struct iovec iov[] = {{memory, 20}, {memory + 20, 24}, {memory + 44, 1},
				    {memory + 45, 65533}, {memory + 45 + 65533, 2}};
	struct vsock_packet p;
	struct iovec piece[5];
	uint8_t all[MAX];

	(void)state;
	fill(MAX);
	assert_int_equal(vsock_packet_parse_tx(&p, iov, 5, 0, MAX), VSOCK_PACKET_OK);
	assert_true(vsock_packet_fwd_cnt(&p) == 0x91929394);
	assert_int_equal(vsock_packet_payload(&p, 0, MAX, piece), 3);
	assert_int_equal(iov_gather(piece, 3, 0, all, MAX), MAX);
	assert_memory_equal(all, memory + 44, MAX);
	for (uint32_t bytes = 1; bytes < 44; bytes++) {
		struct iovec ones[45];

		for (uint32_t i = 0; i < bytes; i++)
			ones[i] = (struct iovec){memory + i, 1};
		ones[bytes] = (struct iovec){memory + bytes, 44 + MAX - bytes};
		assert_int_equal(vsock_packet_parse_tx(&p, ones, bytes + 1, 0, MAX),
				 VSOCK_PACKET_OK);
		assert_memory_equal(&p.header, memory, 44);
	}
}

/* V08, V09, V10, V11 */
static void what_is_no_packet_from_the_guest_is_told(void **state)
{
	static const struct {
		uint32_t bytes, writable, len;
		enum vsock_packet_error error;
	} cases[] = {
		{0, 0, 0, VSOCK_PACKET_EMPTY}, {1, 0, 0, VSOCK_PACKET_SHORT},
		{43, 0, 0, VSOCK_PACKET_SHORT}, {44, 0, 0, VSOCK_PACKET_OK},
		{44 + 65537, 0, 65537, VSOCK_PACKET_LEN_MAX},
		{44 + 65537, 0, UINT32_MAX, VSOCK_PACKET_LEN_MAX},
		{44 + 65536, 0, 65536, VSOCK_PACKET_OK},
		{44 + 99, 0, 100, VSOCK_PACKET_LEN_CHAIN}, {44, 0, 1, VSOCK_PACKET_LEN_CHAIN},
		{44 + 100, 0, 100, VSOCK_PACKET_OK}, {44 + 101, 0, 100, VSOCK_PACKET_OK},
		{0, 1, 0, VSOCK_PACKET_WRITABLE}, {44, 1, 0, VSOCK_PACKET_WRITABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct iovec iov[] = {{memory, cases[i].bytes}, {memory + 2 * MAX, 100}};
		struct vsock_packet p;

		fill(cases[i].len);
		assert_int_equal(vsock_packet_parse_tx(&p, iov, cases[i].bytes > 0,
						       cases[i].writable, MAX), cases[i].error);
		assert_int_equal(p.capacity, cases[i].error == VSOCK_PACKET_OK ?
				 cases[i].len : 0);
	}
}

/* V14, bug 5 */
static void the_header_is_read_once(void **state)
{
	const struct iovec iov = {memory, 1000};
	struct vsock_packet p;
	struct iovec piece[1];

	(void)state;
	fill(100);
	assert_int_equal(vsock_packet_parse_tx(&p, &iov, 1, 0, MAX), VSOCK_PACKET_OK);
	memset(memory, 0xff, 44);
	assert_int_equal(vsock_packet_len(&p), 100);
	assert_int_equal(vsock_packet_op(&p), 0x6162);
	assert_int_equal(vsock_packet_dst_port(&p), 0x31323334);
	assert_int_equal(vsock_packet_payload(&p, 0, 101, piece), -1);
}

/* V15, V16: a buffer for the guest always has room for payload. */
static void a_buffer_for_the_guest_has_room(void **state)
{
	static const struct {
		uint32_t first, second, readable, capacity;
		enum vsock_packet_error error;
	} cases[] = {
		{44 + 10, 0, 0, 10, VSOCK_PACKET_OK}, {44, 10, 0, 10, VSOCK_PACKET_OK},
		{40, 14, 0, 10, VSOCK_PACKET_OK}, {1, 44, 0, 1, VSOCK_PACKET_OK},
		{44, 0, 0, 0, VSOCK_PACKET_NO_ROOM}, {22, 22, 0, 0, VSOCK_PACKET_NO_ROOM},
		{43, 0, 0, 0, VSOCK_PACKET_SHORT}, {0, 0, 0, 0, VSOCK_PACKET_EMPTY},
		{44 + MAX, 1000, 0, MAX, VSOCK_PACKET_OK},
		{100, 0, 1, 0, VSOCK_PACKET_READABLE}, {0, 100, 1, 0, VSOCK_PACKET_READABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct iovec iov[] = {{memory, 1}, {memory, cases[i].first},
					    {memory + 2 * MAX, cases[i].second}};
		const struct iovec *from = &iov[1 - cases[i].readable];
		struct vsock_packet p;

		assert_int_equal(vsock_packet_parse_rx(&p, from, cases[i].readable, 2, MAX),
				 cases[i].error);
		assert_int_equal(p.capacity, cases[i].capacity);
	}
}

/* V17 */
static void commit_overwrites_the_whole_header(void **state)
{
	const struct iovec iov[] = {{memory, 30}, {memory + 100, 14}, {memory + 200, 50}};
	static const uint8_t zeros[44];
	struct vsock_packet p;
	struct iovec piece[3];
	uint8_t header[44];

	(void)state;
	memset(memory, 0xff, sizeof memory);
	assert_int_equal(vsock_packet_parse_rx(&p, iov, 0, 3, MAX), VSOCK_PACKET_OK);
	assert_int_equal(memory[0], 0xff);
	assert_memory_equal(&p.header, zeros, 44);
	assert_int_equal(vsock_packet_payload(&p, 10, 40, piece), 1);
	assert_ptr_equal(piece[0].iov_base, memory + 210);
	vsock_packet_set_len(&p, 50);
	vsock_packet_set_op(&p, VSOCK_OP_RW);
	assert_int_equal(vsock_packet_commit(&p), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_size(&p), 94);
	assert_int_equal(iov_gather(iov, 3, 0, header, 44), 44);
	assert_memory_equal(header, &p.header, 44);
	for (size_t i = 0; i < 300; i++)
		if (i >= 30 && (i < 100 || i >= 114))
			assert_int_equal(memory[i], 0xff);
}

/* V18 */
static void what_has_no_room_is_not_committed(void **state)
{
	const struct iovec iov = {memory, 94};
	struct vsock_packet p;

	(void)state;
	memset(memory, 0xff, 100);
	assert_int_equal(vsock_packet_parse_rx(&p, &iov, 0, 1, MAX), VSOCK_PACKET_OK);
	vsock_packet_set_len(&p, 51);
	assert_int_equal(vsock_packet_commit(&p), VSOCK_PACKET_LEN_CHAIN);
	vsock_packet_set_len(&p, UINT32_MAX);
	assert_int_equal(vsock_packet_commit(&p), VSOCK_PACKET_LEN_CHAIN);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(memory[i], 0xff);
}

static void offset_and_count_stay_in_the_payload(void **state)
{
	const struct iovec iov = {memory, 144};
	struct vsock_packet p;
	struct iovec piece[1];

	(void)state;
	assert_int_equal(vsock_packet_parse_rx(&p, &iov, 0, 1, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_payload(&p, 100, 0, piece), 0);
	assert_int_equal(vsock_packet_payload(&p, 99, 1, piece), 1);
	assert_int_equal(vsock_packet_payload(&p, 99, 2, piece), -1);
	assert_int_equal(vsock_packet_payload(&p, 101, 0, piece), -1);
	assert_int_equal(vsock_packet_payload(&p, 1, UINT32_MAX, piece), -1);
	assert_int_equal(vsock_packet_payload(&p, UINT32_MAX, 1, piece), -1);
}

static void a_packet_is_copied_to_another_however_both_are_cut(void **state)
{
	const struct iovec from_iov[] = {{memory, 10}, {memory + 10, 1000}, {memory + 1010, 734}};
	uint8_t *const there = memory + MAX;
	const struct iovec to_iov[] = {{there, 43}, {there + 43, 2}, {there + 45, 1699}};
	struct vsock_packet from, to;

	(void)state;
	fill(1700);
	assert_int_equal(vsock_packet_parse_tx(&from, from_iov, 3, 0, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_parse_rx(&to, to_iov, 0, 3, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_copy(&from, &to), VSOCK_PACKET_OK);
	assert_memory_equal(there, memory, 1744);
	assert_int_equal(vsock_packet_parse_rx(&to, to_iov, 0, 2, MAX), VSOCK_PACKET_OK);
	assert_int_equal(vsock_packet_copy(&from, &to), VSOCK_PACKET_LEN_CHAIN);
}

static void an_object_is_used_again_and_again(void **state)
{
	struct vsock_packet p;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		const struct iovec iov = {memory, 44 + i};

		fill(i);
		assert_int_equal(vsock_packet_parse_tx(&p, &iov, 1, 0, MAX), VSOCK_PACKET_OK);
		assert_int_equal(vsock_packet_len(&p), i);
		fill(i + 1);
		assert_int_equal(vsock_packet_parse_tx(&p, &iov, 1, 0, MAX),
				 VSOCK_PACKET_LEN_CHAIN);
		assert_int_equal(p.capacity, 0);
	}
}

static void every_error_has_a_text(void **state)
{
	(void)state;
	for (int i = VSOCK_PACKET_OK; i <= VSOCK_PACKET_LEN_CHAIN; i++) {
		const char *text = vsock_packet_error_text((enum vsock_packet_error)i);

		assert_string_not_equal(text, "unknown error");
		for (int j = VSOCK_PACKET_OK; j < i; j++)
			assert_string_not_equal(text, vsock_packet_error_text(
				(enum vsock_packet_error)j));
	}
	assert_string_equal(vsock_packet_error_text((enum vsock_packet_error)99), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_lies_where_it_should),
		cmocka_unit_test(flags_are_added_or_replaced),
		cmocka_unit_test(plain_memory_is_a_packet),
		cmocka_unit_test(a_header_alone_is_a_packet),
		cmocka_unit_test(one_buffer_holds_both),
		cmocka_unit_test(bytes_behind_a_header_are_payload),
		cmocka_unit_test(header_and_payload_are_cut_anywhere),
		cmocka_unit_test(what_is_no_packet_from_the_guest_is_told),
		cmocka_unit_test(the_header_is_read_once),
		cmocka_unit_test(a_buffer_for_the_guest_has_room),
		cmocka_unit_test(commit_overwrites_the_whole_header),
		cmocka_unit_test(what_has_no_room_is_not_committed),
		cmocka_unit_test(offset_and_count_stay_in_the_payload),
		cmocka_unit_test(a_packet_is_copied_to_another_however_both_are_cut),
		cmocka_unit_test(an_object_is_used_again_and_again),
		cmocka_unit_test(every_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
