/* SPDX-License-Identifier: ISC */
/* test_husk_abi.c: layouts, numbers and the note of what husk adds to the ABI. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "husk_abi.h"
#include "virtq_abi.h"
#include "vsock_abi.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK);

static void the_note_is_an_elf_note(void **state)
{
	static const uint8_t expected[28] = {
		5, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 'H', 'u', 's', 'k', 0, 0, 0, 0,
		1, 0, 0, 0, 1, 0, 0, 0,
	};

	(void)state;
	assert_int_equal(sizeof husk_image_note, sizeof expected);
	assert_memory_equal(&husk_image_note, expected, sizeof expected);
	assert_int_equal((uintptr_t)&husk_image_note % 4, 0);
	assert_string_equal(HUSK_NOTE_SECTION, ".note.husk");
}

static void the_answer_lies_behind_the_boot_info(void **state)
{
	const uint32_t magic = HUSK_BOOT_INFO_MAGIC;

	(void)state;
	assert_memory_equal(&magic, "Husk", 4);
	assert_int_equal(HUSK_BOOT_INFO_OFFSET, 256);
	assert_true(HUSK_HOST_FEATURE == 1u << 31);
	assert_int_equal(offsetof(struct husk_boot_info, size), 8);
	assert_int_equal(offsetof(struct husk_boot_info, granted), 12);
	assert_int_equal(offsetof(struct husk_boot_info, queue_size_max), 16);
	assert_int_equal(offsetof(struct husk_boot_info, block_alone), 24);
	assert_int_equal(offsetof(struct husk_boot_info, net_direct), 32);
}

static void queues_are_announced_by_a_hypercall_of_husks_own(void **state)
{
	(void)state;
	assert_int_equal(HUSK_HYPERCALL_QUEUE, 64);
	assert_int_equal(HVT_HYPERCALL_PIO_BASE + HUSK_HYPERCALL_QUEUE, 0x540);
	assert_true(HVT_HYPERCALL_MMIO_BASE + HUSK_HYPERCALL_QUEUE * HVT_HYPERCALL_MMIO_STRIDE ==
		    0x100000200ull);
	assert_int_equal(offsetof(struct husk_queue, index), 8);
	assert_int_equal(offsetof(struct husk_queue, size), 12);
	assert_int_equal(offsetof(struct husk_queue, desc), 16);
	assert_int_equal(offsetof(struct husk_queue, avail), 24);
	assert_int_equal(offsetof(struct husk_queue, used), 32);
	assert_int_equal(offsetof(struct husk_queue, ret), 40);
}

static void doorbells_have_a_place_and_a_number_for_each_queue(void **state)
{
	(void)state;
	assert_int_equal(HUSK_DOORBELL_PIO_BASE, 0x700);
	assert_true(HUSK_DOORBELL_MMIO_BASE == 0x100001000ull);
	assert_int_equal(HUSK_QUEUE_NUMBER(1, 0), 16);
	assert_int_equal(HUSK_QUEUE_NUMBER(63, 15), 1023);
	assert_true(VSOCK_QUEUES <= HUSK_QUEUES_MAX);
}

static void a_vsock_device_has_a_type_of_husks_own(void **state)
{
	struct mft_entry e = {.type = HUSK_DEV_VSOCK};

	(void)state;
	assert_int_equal(e.type, 0x0056534b);
	assert_int_equal(sizeof e.u, sizeof(struct husk_vsock_properties));
	assert_int_equal(offsetof(struct husk_vsock_properties, guest_cid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_note_is_an_elf_note),
		cmocka_unit_test(the_answer_lies_behind_the_boot_info),
		cmocka_unit_test(queues_are_announced_by_a_hypercall_of_husks_own),
		cmocka_unit_test(doorbells_have_a_place_and_a_number_for_each_queue),
		cmocka_unit_test(a_vsock_device_has_a_type_of_husks_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
