/* SPDX-License-Identifier: ISC */
/*
 * hv_kvm_points_x86_64.c: whether KVM hits the breakpoints and watchpoints of debug registers.
 *
 * One that emulates instructions, or whose processor is emulated, takes them and may never hit them, and no
 * capability tells. So a machine of its own tries, in the mode of processor that guests run in.
 */
#include <string.h>

#include "hv_kvm.h"
#include "tables.h"

#define MEMORY_SIZE 0x200000u
#define TEXT 0x100000u
#define DATA 0x180000u

/* Intel SDM vol. 2: nop, a store of a byte to DATA, hlt. */
#define STORE 1u		/* where in code the store is */
static const uint8_t code[] = {
	0x90, 0xc6, 0x04, 0x25, DATA & 0xff, DATA >> 8 & 0xff, DATA >> 16, 0, 1, 0xf4,
};

struct trial {
	struct hv *hv;
	struct memory m;
	struct resource_space gpas;
	struct cpu_state start;
};

static int begin(struct trial *t, struct husk_error *e)
{
	const uint64_t last = TEXT + TABLES_PAGE - 1;

	if (hv_backend.create(&t->hv, MEMORY_SIZE, e) == -1)
		return -1;
	memory_init(&t->m, hv_backend.memory(t->hv), MEMORY_SIZE);
	resource_space_init(&t->gpas, 0, MEMORY_SIZE - 1);
	return memory_place(&t->m, TEXT, code, sizeof code, e) == -1 ||
	       memory_declare(&t->m, TEXT, last, MEMORY_R | MEMORY_X, "text", e) == -1 ? -1 :
	       cpu_boot(&t->m, &t->gpas, TEXT, &t->start, e);
}

/* Not hit only if the code has come to its end: what else may happen says nothing of the point. */
static bool is_hit(struct trial *t, const struct hv_point *p)
{
	const struct hv_debug d = {.n = 1, .points = {*p}};
	struct husk_error ignored;
	struct hv_exit exit;

	return hv_backend.set_entry(t->hv, &t->start, &ignored) == -1 ||
	       hv_kvm_debug.set(t->hv, &d, &ignored) == -1 ||
	       hv_backend.run(t->hv, &exit, &ignored) == -1 || exit.kind != HV_EXIT_HALT;
}

void hv_kvm_try_points(bool *exec, bool *watch)
{
	static const struct hv_point at = {HV_POINT_EXEC, TEXT + STORE, 1}, to = {HV_POINT_WRITE, DATA, 1};
	struct husk_error ignored;
	struct trial t = {.hv = NULL};

	*exec = *watch = true;
	if (begin(&t, &ignored) == 0) {
		*exec = is_hit(&t, &at);
		*watch = is_hit(&t, &to);
	}
	hv_backend.destroy(t.hv);
}
