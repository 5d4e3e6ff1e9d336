/* SPDX-License-Identifier: ISC */
/* device_types.c: the table of device types. */
#include "device_types.h"

#include <string.h>

#include "../include/husk_abi.h"

static const struct device_type types[] = {
	{MFT_DEV_BLOCK_BASIC, "BLOCK_BASIC", "block"},
	{MFT_DEV_NET_BASIC, "NET_BASIC", "net"},
	{HUSK_DEV_VSOCK, "VSOCK", "vsock"},
};
#define N_TYPES (sizeof types / sizeof types[0])

const struct device_type *device_type_at(size_t i)
{
	return i < N_TYPES ? &types[i] : NULL;
}

const struct device_type *device_type_of(uint32_t number)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].number == number)
			return &types[i];
	return NULL;
}

const struct device_type *device_type_named(const char *name)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
