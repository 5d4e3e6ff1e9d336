/* SPDX-License-Identifier: ISC */
/* symbols_stamp_freebsd.c: by fstat. */
#include <sys/stat.h>

#include "symbols_file.h"

bool symbol_stamp(int fd, struct symbol_stamp *out)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return false;
	*out = (struct symbol_stamp){st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
	return true;
}
