/* SPDX-License-Identifier: ISC */
/* test_detour_aarch64.c: steps over load-exclusives and their stores. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../monitor/gdb/detour.h"
#include "../rig.h"

#define AT 0x110000ull

/* As an assembler writes them. */
#define LDAXR_W0_X1 0x885ffc20u
#define LDXP_X0_X2_X1 0xc87f0820u
#define STXR_W9_W0_X1 0x88097c20u
#define STLXP_W9_X0_X2_X1 0xc8298820u
#define CASP_X0_X2 0x48207c22u		/* casp x0, x1, x2, x3, [x1]: no exclusive, */
#define CASPA_X0_X2 0x48607c22u		/* though it has the bit of a load */
#define LDAR_W0_X1 0x88dffc20u		/* nor this */
#define ADD 0x11000400u
#define CBNZ_BACK_4 0x35ffffe9u		/* cbnz w9, . - 4 */
#define CBZ_ON_16 0xb4000080u
#define B_NE_BACK_8 0x54ffffc1u
#define TBZ_ON_20 0x360000a0u
#define B_BACK_16 0x17fffffcu
#define BL 0x94000004u
#define RET 0xd65f03c0u

struct fixture {
	struct rig rig;
	struct gdb_breaks breaks;
	struct gdb_detour detour;
};
static struct fixture fixture;

static int set_up(void **state)
{
	*state = &fixture;
	memset(&fixture, 0, sizeof fixture);
	if (rig_make(&fixture.rig, RIG_MEMORY) == -1)
		return -1;
	fixture.rig.core.memory.host_page = 4096;
	gdb_breaks_init(&fixture.breaks, &fixture.rig.core);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&fixture.rig);
	return 0;
}

static unsigned look(struct fixture *f, const uint32_t *code, size_t n, uint64_t *ends)
{
	memset(rig_at(&f->rig, AT), 0, 256);
	memcpy(rig_at(&f->rig, AT), code, n * sizeof *code);
	return gdb_sequence(&f->breaks, AT, ends);
}
#define LOOK(f, ends, ...) look(f, (const uint32_t[]){__VA_ARGS__}, \
	sizeof (const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t), ends)

static void a_sequence_ends_behind_its_store(void **state)
{
	uint64_t ends[GDB_DETOUR_MAX];

	assert_int_equal(LOOK(*state, ends, LDAXR_W0_X1, ADD, STXR_W9_W0_X1, CBNZ_BACK_4), 1);
	assert_true(ends[0] == AT + 12);
	assert_int_equal(LOOK(*state, ends, LDXP_X0_X2_X1, STLXP_W9_X0_X2_X1), 1);
	assert_true(ends[0] == AT + 8);
	assert_int_equal(LOOK(*state, ends, LDAXR_W0_X1, CASP_X0_X2, STXR_W9_W0_X1), 1);
	assert_true(ends[0] == AT + 12);
}

static void and_wherever_a_branch_leads_out(void **state)
{
	uint64_t ends[GDB_DETOUR_MAX];

	assert_int_equal(LOOK(*state, ends, LDAXR_W0_X1, CBZ_ON_16, TBZ_ON_20, B_NE_BACK_8, B_BACK_16,
			      STXR_W9_W0_X1), 2);
	assert_true(ends[0] == AT + 8 + 20 && ends[1] == AT + 24);
}

static void what_is_none_is_a_plain_step(void **state)
{
	uint64_t ends[GDB_DETOUR_MAX];
	uint32_t many[18] = {LDAXR_W0_X1};

	assert_int_equal(LOOK(*state, ends, ADD, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, STXR_W9_W0_X1, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, CASP_X0_X2, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, CASPA_X0_X2, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, LDAR_W0_X1, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, LDAXR_W0_X1, BL, STXR_W9_W0_X1), 0);
	assert_int_equal(LOOK(*state, ends, LDAXR_W0_X1, RET, STXR_W9_W0_X1), 0);
	many[17] = STXR_W9_W0_X1;
	assert_int_equal(look(*state, many, 18, ends), 0);
	many[16] = STXR_W9_W0_X1;
	assert_int_equal(look(*state, many, 17, ends), 1);
	for (unsigned i = 1; i < 16; i++)
		many[i] = B_BACK_16 - 64;
	assert_int_equal(look(*state, many, 17, ends), 0);
	assert_int_equal(gdb_sequence(&fixture.breaks, RIG_MEMORY - 2, ends), 0);
	assert_int_equal(gdb_sequence(&fixture.breaks, UINT64_MAX, ends), 0);
}

static bool planted(const struct fixture *f, uint64_t addr)
{
	return memcmp(rig_at(&f->rig, addr), cpu_breakpoint, cpu_breakpoint_size) == 0;
}

/* The debugger's own breakpoints: one at the beginning is out of the way meanwhile, one at the end stays. */
static void breakpoints_are_there_for_the_step_only(void **state)
{
	struct fixture *f = *state;
	uint64_t ends[GDB_DETOUR_MAX];
	struct husk_error e;

	assert_int_equal(LOOK(f, ends, LDAXR_W0_X1, STXR_W9_W0_X1, CBNZ_BACK_4), 1);
	assert_int_equal(gdb_soft_add(&f->breaks, AT), GDB_OK);
	assert_true(gdb_detour_begin(&f->detour, &f->breaks, AT));
	assert_true(!planted(f, AT) && planted(f, AT + 8));
	assert_true(gdb_detour_ends_at(&f->detour, AT + 8));
	assert_false(gdb_detour_ends_at(&f->detour, AT));
	assert_int_equal(gdb_detour_end(&f->detour, &f->breaks, &e), 0);
	assert_true(planted(f, AT) && !planted(f, AT + 8));
	assert_int_equal(gdb_detour_end(&f->detour, &f->breaks, &e), 0);
	assert_int_equal(f->breaks.n, 1);

	assert_int_equal(gdb_soft_add(&f->breaks, AT + 8), GDB_OK);
	assert_true(gdb_detour_begin(&f->detour, &f->breaks, AT));
	assert_false(gdb_detour_ends_at(&f->detour, AT + 8));
	assert_int_equal(gdb_detour_end(&f->detour, &f->breaks, &e), 0);
	assert_true(planted(f, AT) && planted(f, AT + 8));
}

static void without_room_it_is_a_plain_step(void **state)
{
	struct fixture *f = *state;
	uint64_t ends[GDB_DETOUR_MAX];

	for (unsigned i = 0; i < GDB_SOFT_MAX; i++)
		assert_int_equal(gdb_soft_add(&f->breaks, 0x120000 + 4 * i), GDB_OK);
	assert_int_equal(LOOK(f, ends, LDAXR_W0_X1, STXR_W9_W0_X1, CBNZ_BACK_4), 1);
	assert_false(gdb_detour_begin(&f->detour, &f->breaks, AT));
	assert_int_equal(f->breaks.n, GDB_SOFT_MAX);
	assert_false(planted(f, AT + 8));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sequence_ends_behind_its_store),
		TEST(and_wherever_a_branch_leads_out),
		TEST(what_is_none_is_a_plain_step),
		TEST(breakpoints_are_there_for_the_step_only),
		TEST(without_room_it_is_a_plain_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
