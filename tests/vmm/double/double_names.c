/* SPDX-License-Identifier: ISC */
/* double_names.c: the table of machines: a file for each, which outlives processes. */
#include "double.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLASH '\x01'		/* stands for a slash in a file's name */
#define MODE_ON_CLOSE 0640	/* of a machine that goes with its creator's descriptor */

static int directory(void)
{
	static unsigned user;	/* who the process was at first; it may become another */
	static bool known;
	const char *given = getenv("HUSK_VMM_DIR"), *tmp = getenv("TMPDIR");
	char path[400];

	if (!known)
		user = getuid();
	known = true;
	if (given == NULL)
		snprintf(path, sizeof path, "%s/husk-vmm-double-%u", tmp != NULL ? tmp : "/tmp",
			 user);
	else
		snprintf(path, sizeof path, "%s", given);
	/* For all, as a machine can be destroyed by one who was root only when it was made. */
	if (mkdir(path, 0755) == 0)
		(void)chmod(path, 0777);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void encode(char *out, const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		out[i] = name[i] == '/' ? SLASH : name[i];
	out[i] = '\0';
}

static void decode(char *name)
{
	for (; *name != '\0'; name++)
		if (*name == SLASH)
			*name = '/';
}

/* A machine that should have gone with its creator is gone if nobody holds its lock any more. */
static bool orphan(int dir, const char *file)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool dead;

	if (fd == -1)
		return false;
	dead = fstat(fd, &st) == 0 && (st.st_mode & 0777) == MODE_ON_CLOSE &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	if (dead)
		(void)unlinkat(dir, file, 0);
	return dead;
}

static bool exists(int dir, const char *file)
{
	return faccessat(dir, file, F_OK, 0) == 0 && !orphan(dir, file);
}

/* devfs wants a path without blanks and quotes, and a machine cannot be a directory of it. */
static int check(int dir, const char *name)
{
	char part[VMM_NAME_MAX + 1];

	if (name[0] == '\0' || strpbrk(name, " \t\n\v\f\r\"") != NULL || !cpu_name_ok(name) ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return EINVAL;
	encode(part, name);
	for (char *slash = strchr(part, SLASH); slash != NULL; slash = strchr(slash + 1, SLASH)) {
		*slash = '\0';
		if (exists(dir, part))
			return EEXIST;
		*slash = SLASH;
	}
	return exists(dir, part) ? EEXIST : 0;
}

static int make(int dir, const char *name, bool on_close, int *lock)
{
	char file[VMM_NAME_MAX + 1];
	int fd;

	encode(file, name);
	fd = openat(dir, file, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd == -1)
		return errno;
	if (on_close && (flock(fd, LOCK_SH) == -1 || fchmod(fd, MODE_ON_CLOSE) == -1)) {
		int error = errno;

		close(fd);
		(void)unlinkat(dir, file, 0);
		return error;
	}
	if (on_close)
		*lock = fd;
	else
		close(fd);
	return 0;
}

int names_create(const char *name, bool on_close, int *lock)
{
	int dir = directory(), error;

	*lock = -1;
	if (dir == -1)
		return ENXIO;
	error = check(dir, name);
	if (error == 0)
		error = make(dir, name, on_close, lock);
	close(dir);
	return error;
}

int names_destroy(const char *name)
{
	char file[VMM_NAME_MAX + 1];
	int dir = directory(), error;

	encode(file, name);
	error = dir == -1 || file[0] == '\0' || unlinkat(dir, file, 0) == -1 ? EINVAL : 0;
	if (dir != -1)
		close(dir);
	return error;
}

bool names_exist(const char *name)
{
	char file[VMM_NAME_MAX + 1];
	int dir = directory();
	bool there;

	encode(file, name);
	there = dir != -1 && exists(dir, file);
	if (dir != -1)
		close(dir);
	return there;
}

/* Whoever made the directory is root. */
bool names_privileged(void)
{
	struct stat st;
	int dir = directory();
	bool ok;

	if (dir == -1)		/* for want of descriptors, say: the next call finds that too */
		return errno != EACCES;
	ok = fstat(dir, &st) == 0 && st.st_uid == geteuid();
	close(dir);
	return ok;
}

int names_each(int (*each)(void *ctx, const char *name), void *ctx)
{
	int fd = directory(), more = 1;
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL)
		return -1;
	while (more != 0 && (entry = readdir(dir)) != NULL) {
		char name[sizeof entry->d_name];

		if (entry->d_name[0] == '.' || orphan(fd, entry->d_name))
			continue;
		strcpy(name, entry->d_name);
		decode(name);
		more = each(ctx, name);
	}
	closedir(dir);
	return 0;
}
