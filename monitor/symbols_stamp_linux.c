/* SPDX-License-Identifier: ISC */
/*
 * symbols_stamp_linux.c: by the system call fstat itself: C libraries may take another, which also
 * looks at paths, and which the sandbox therefore has not.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "symbols_file.h"

/* Linux uapi/asm/stat.h and asm-generic/stat.h: struct stat of 64-bit machines is the C library's. */
bool symbol_stamp(int fd, struct symbol_stamp *out)
{
	struct stat st;

	if (syscall(SYS_fstat, fd, &st) == -1)
		return false;
	*out = (struct symbol_stamp){st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
	return true;
}
