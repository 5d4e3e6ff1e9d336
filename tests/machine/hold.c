/* SPDX-License-Identifier: ISC */
/*
 * hold.c: runs a command with a file as descriptor 5, and looks whether that is left as it was:
 *
 *   hold HOW FILE COMMAND [ARGUMENT]...
 *
 * HOW is a word of letters: a append, n non-blocking, s synchronous, d direct, r read only, w write
 * only, e locked exclusively, h locked shared, x opened exclusively, c the command has no
 * capabilities, and - for nothing. The exit status is the command's, or 99 if flags, offset or lock
 * have changed, with a line that says so; 98 if it could not be tried.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FD 5
#define OFFSET 1000

enum { NOT_TRIED = 98, CHANGED = 99 };

static bool has(const char *how, char letter)
{
	return strchr(how, letter) != NULL;
}

static int flags_of(const char *how)
{
	return (has(how, 'r') ? O_RDONLY : has(how, 'w') ? O_WRONLY : O_RDWR) |
	       (has(how, 'a') ? O_APPEND : 0) | (has(how, 'n') ? O_NONBLOCK : 0) |
	       (has(how, 's') ? O_SYNC : 0) | (has(how, 'd') ? O_DIRECT : 0) |
	       (has(how, 'x') ? O_EXCL : 0);
}

static int give_up(const char *what)
{
	perror(what);
	return NOT_TRIED;
}

/* Whether somebody else could have the lock. */
static bool is_free(const char *file, int lock)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool rc = fd != -1 && flock(fd, lock | LOCK_NB) == 0;

	close(fd);
	return rc;
}

static int run(char **command, bool without_capabilities)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		for (unsigned long c = 0; without_capabilities && c < 64; c++)
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
		execv(command[0], command);
		_exit(give_up(command[0]));
	}
	if (child == -1 || waitpid(child, &status, 0) == -1)
		return give_up("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int changed(const char *what)
{
	printf("hold: the descriptor's %s is not what it was\n", what);
	return CHANGED;
}

int main(int argc, char **argv)
{
	const char *how = argc > 3 ? argv[1] : "-", *file = argc > 3 ? argv[2] : "";
	int lock = has(how, 'e') ? LOCK_EX : has(how, 'h') ? LOCK_SH : LOCK_UN;
	int fd = open(file, flags_of(how)), flags, status;

	if (fd == -1 || dup2(fd, FD) == -1 || (fd != FD && close(fd) == -1))
		return give_up(file);
	flags = fcntl(FD, F_GETFL);
	if (lseek(FD, OFFSET, SEEK_SET) == -1 || flock(FD, lock) == -1)
		return give_up("lock");
	status = run(argv + 3, has(how, 'c'));
	if (fcntl(FD, F_GETFL) != flags)
		return changed("flags");
	if (lseek(FD, 0, SEEK_CUR) != OFFSET)
		return changed("offset");
	if (is_free(file, LOCK_SH) == (lock == LOCK_EX) ||
	    is_free(file, LOCK_EX) != (lock == LOCK_UN))
		return changed("lock");
	return status;
}
