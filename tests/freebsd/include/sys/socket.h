/* SPDX-License-Identifier: ISC */
/* sys/socket.h: what husk and its tests use of FreeBSD's <sys/socket.h>. */
#ifndef HUSK_FREEBSD_SYS_SOCKET_H
#define HUSK_FREEBSD_SYS_SOCKET_H

#include <sys/types.h>

#include <sys/_iovec.h>

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 0x10000000
#define SOCK_NONBLOCK 0x20000000

#define AF_UNIX 1
#define AF_LOCAL AF_UNIX
#define AF_INET 2
#define AF_INET6 28

#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 0x00000002
#define SO_REUSEADDR 0x0004
#define SO_KEEPALIVE 0x0008
#define SO_SNDBUF 0x1001
#define SO_RCVBUF 0x1002
#define SO_TYPE 0x1008
#define SO_DOMAIN 0x1019
#define SCM_RIGHTS 0x01
#define SOMAXCONN 128

#define MSG_PEEK 0x00000002
#define MSG_EOR 0x00000008
#define MSG_TRUNC 0x00000010
#define MSG_WAITALL 0x00000040
#define MSG_DONTWAIT 0x00000080
#define MSG_NOSIGNAL 0x00020000
#define MSG_CMSG_CLOEXEC 0x00040000

#define SHUT_RD 0
#define SHUT_WR 1

struct sockaddr {
	unsigned char sa_len;
	sa_family_t sa_family;
	char sa_data[14];
};

struct sockaddr_storage {
	unsigned char ss_len;
	sa_family_t ss_family;
	char ss_data[126];
} __attribute__((__aligned__(8)));

struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	int msg_iovlen;
	void *msg_control;
	socklen_t msg_controllen;
	int msg_flags;
};

struct cmsghdr {
	socklen_t cmsg_len;
	int cmsg_level, cmsg_type;
};

#define CMSG_LEN(size) (16 + (size))
#define CMSG_SPACE(size) (16 + (((size) + 7) & ~7ul))
#define CMSG_DATA(head) ((unsigned char *)(head) + 16)

int socket(int domain, int type, int protocol);
int socketpair(int domain, int type, int protocol, int fds[2]);
int bind(int fd, const struct sockaddr *at, socklen_t size);
int bindat(int dir, int fd, const struct sockaddr *at, socklen_t size);
int listen(int fd, int backlog);
int connect(int fd, const struct sockaddr *to, socklen_t size);
int connectat(int dir, int fd, const struct sockaddr *to, socklen_t size);
int accept(int fd, struct sockaddr *from, socklen_t *size);
int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags);
int getpeername(int fd, struct sockaddr *name, socklen_t *size);
int getsockname(int fd, struct sockaddr *address, socklen_t *size);
int getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int shutdown(int fd, int how);
ssize_t send(int fd, const void *buf, size_t len, int flags);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t recv(int fd, void *buf, size_t len, int flags);
ssize_t recvmsg(int fd, struct msghdr *message, int flags);

#endif
