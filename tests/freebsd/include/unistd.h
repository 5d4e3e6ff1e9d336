/* SPDX-License-Identifier: ISC */
/* unistd.h: what husk and its tests use of FreeBSD's <unistd.h>. */
#ifndef HUSK_FREEBSD_UNISTD_H
#define HUSK_FREEBSD_UNISTD_H

#include <sys/types.h>

#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define R_OK 0x04
#define W_OK 0x02
#define X_OK 0x01
#define F_OK 0
#define SEEK_SET 0
#define SEEK_END 2
#define _SC_PAGESIZE 47

unsigned alarm(unsigned seconds);
int access(const char *path, int mode);
int eaccess(const char *path, int mode);
int fdatasync(int fd);
int faccessat(int dir, const char *path, int mode, int flags);
int chdir(const char *path);
int fchdir(int dir);
int close(int fd);
int close_range(unsigned first, unsigned last, int flags);
int dup(int fd);
int dup2(int fd, int to);
void _exit(int status) __attribute__((__noreturn__));
pid_t fork(void);
int execv(const char *path, char *const args[]);
int ftruncate(int fd, off_t size);
int truncate(const char *path, off_t size);
uid_t geteuid(void);
pid_t getpid(void);
pid_t setsid(void);
int setgroups(int n, const gid_t *groups);
int setresgid(gid_t real, gid_t effective, gid_t saved);
int setresuid(uid_t real, uid_t effective, uid_t saved);
int isatty(int fd);
int link(const char *from, const char *to);
int pause(void);
int pipe(int ends[2]);
int pipe2(int ends[2], int flags);
ssize_t pread(int fd, void *buf, size_t len, off_t offset);
ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset);
off_t lseek(int fd, off_t offset, int whence);
ssize_t read(int fd, void *buf, size_t len);
int rmdir(const char *path);
int symlink(const char *to, const char *path);
long sysconf(int name);
int ttyname_r(int fd, char *name, size_t size);
int unlink(const char *path);
int unlinkat(int dir, const char *path, int flags);
int usleep(useconds_t microseconds);
ssize_t write(int fd, const void *buf, size_t len);

#endif
