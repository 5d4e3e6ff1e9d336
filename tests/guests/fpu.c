/* SPDX-License-Identifier: ISC */
/* fpu.c: vector and scalar floating point work from the first instruction on. */
#include "guest.h"

typedef float floats __attribute__((vector_size(16)));

static volatile floats input = {2, 5, 3, 8};
static volatile double factor = 1.5;

int solo5_app_main(const struct solo5_start_info *si)
{
	floats v = input;
	double product;

	(void)si;
	v *= v;
	if (v[0] != 4 || v[1] != 25 || v[2] != 9 || v[3] != 64)
		return 1;
	product = factor * 5;
	return product == 7.5 ? succeed() : 2;
}
