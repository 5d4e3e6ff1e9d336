/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of core files, for the sandbox. */
#include <fcntl.h>

#include "sandbox_rules.h"

/* madvise(2); the macros depend on the C library */
#define MADV_HUGEPAGE_LINUX 14
#define MADV_NOHUGEPAGE_LINUX 15

/*
 * O_NOFOLLOW and O_LARGEFILE, which some C libraries add, are these bits on x86_64 and, the other way
 * round, on aarch64: either will do, as O_EXCL follows no link. The other flags are the same.
 */
#define NOFOLLOW_LARGEFILE 0500000u
#define FLAGS_ARE(arg, flags) {arg, 0xffffffff & ~NOFOLLOW_LARGEFILE, flags, SANDBOX_CONSTANT}

/* One of the names in the page, module_dumpcore.c: they are 64 bytes apart. */
#define NAME_IN(arg, from) {arg, ~(uint64_t)0xfc0, 0, from}

#define VCPU(request) {INT_FROM(0, SANDBOX_VCPU), INT_IS(1, request)}

/* Their structures are the guest's architecture's, which the building machine's headers may lack. */
#define X86_64_GET_XSAVE 0x9000aea4u
#define X86_64_GET_SREGS 0x8138ae83u

static const struct rule list[] = {
	/* the file: its name lies in a page that cannot be written any more */
	{.call = "openat", .checks = {
		INT_FROM(0, SANDBOX_MAKE), NAME_IN(1, SANDBOX_MAKE_NAME),
		FLAGS_ARE(2, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC), INT_IS(3, 0600),
	}},
	{.call = "pwrite64"},
	{.call = "madvise", .checks = {INT_IS(2, MADV_HUGEPAGE_LINUX)}},
	{.call = "madvise", .checks = {INT_IS(2, MADV_NOHUGEPAGE_LINUX)}},

	/* registers of floating point, and segments */
	{.call = "ioctl", .checks = VCPU(X86_64_GET_XSAVE), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(X86_64_GET_SREGS), .arch = "x86_64"},
};

extern const struct rules rules_dumpcore;
const struct rules rules_dumpcore = {"dumpcore", list, sizeof list / sizeof list[0], SANDBOX_REST};
