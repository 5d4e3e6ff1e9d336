/* SPDX-License-Identifier: ISC */
/* dirent.h: what husk and its tests use of FreeBSD's <dirent.h>. */
#ifndef HUSK_FREEBSD_DIRENT_H
#define HUSK_FREEBSD_DIRENT_H

#include <sys/types.h>

typedef struct dir DIR;

struct dirent {
	ino_t d_fileno;
	off_t d_off;
	uint16_t d_reclen;
	uint8_t d_type, d_pad0;
	uint16_t d_namlen, d_pad1;
	char d_name[256];
};

DIR *opendir(const char *path);
struct dirent *readdir(DIR *dir);
int closedir(DIR *dir);
int scandir(const char *path, struct dirent ***list,
	    int (*select)(const struct dirent *entry),
	    int (*compare)(const struct dirent **a, const struct dirent **b));
int alphasort(const struct dirent **a, const struct dirent **b);

#endif
