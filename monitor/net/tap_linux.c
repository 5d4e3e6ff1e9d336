/* tap_linux.c: TAP interfaces of Linux, by name or by an inherited descriptor. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/filter.h>
#include <linux/if_tun.h>

#include "link.h"
#include "options.h"

#define DEVICE "/dev/net/tun"
#define ADDRESS_SIZE (sizeof ((struct link_facts *)0)->address)
#define PI_SIZE 4u		/* struct tun_pi, in front of frames without IFF_NO_PI */

_Static_assert(TAP_NAME_SIZE == IFNAMSIZ, "an interface name fits");

/* Asks about an interface by name; any kind of socket serves. */
static int ask(struct ifreq *ifr, const char *name, unsigned long request)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, saved;

	*ifr = (struct ifreq){0};
	snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", name);
	rc = fd == -1 ? -1 : ioctl(fd, request, ifr);
	saved = errno;
	if (fd != -1)
		close(fd);
	errno = saved;
	return rc;
}

static unsigned mtu_of(const char *name)
{
	struct ifreq ifr;

	if (name[0] == '\0' || ask(&ifr, name, SIOCGIFMTU) == -1 || ifr.ifr_mtu <= 0)
		return TAP_MTU_DEFAULT;
	return (unsigned)ifr.ifr_mtu;
}

/* Whether the tap behind a descriptor has this hardware address. */
static bool has_address(int fd, const void *address)
{
	struct ifreq ifr = {0};

	return ioctl(fd, SIOCGIFHWADDR, &ifr) == 0 &&
	       memcmp(ifr.ifr_hwaddr.sa_data, address, ADDRESS_SIZE) == 0;
}

/* Of the tap behind a descriptor, which may be of another network namespace than the name. */
static unsigned mtu_inherited(int fd, const char *name)
{
	struct ifreq named;

	if (ask(&named, name, SIOCGIFHWADDR) == -1 || !has_address(fd, named.ifr_hwaddr.sa_data))
		return TAP_MTU_DEFAULT;
	return mtu_of(name);
}

static bool learn_inherited(int fd, const char *name, struct link_facts *facts)
{
	return link_learn(name, facts) && has_address(fd, facts->address);
}

/* Something else in place of a name that a shell would not take for one word. */
static const char *word(const char *name)
{
	const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] != '-' && name[strspn(name, plain)] == '\0' ? name : "NAME";
}

static int attach_failed(const char *name, int sys, struct husk_error *e)
{
	const char *w = word(name);

	husk_fail_sys(e, sys, "Could not attach interface: %s", name);
	switch (sys) {
	case ENODEV:
	case ENXIO:
		return husk_hint(e, "no such interface; make it, as root: ip tuntap add %s mode "
				 "tap user %u && ip link set %s up", w, geteuid(), w);
	case ENETDOWN:
		return husk_hint(e, "it is not up: ip link set %s up", w);
	case EBUSY:
		return husk_hint(e, "busy: used by another process; stop that, or give another "
				 "interface");
	case EPERM:
		return husk_hint(e, "it belongs to another user; make it anew, as root: ip link "
				 "del %s && ip tuntap add %s mode tap user %u && ip link set %s up",
				 w, w, geteuid(), w);
	case EINVAL:
		return husk_hint(e, "it is not a tap interface; give one that `ip tuntap' lists");
	case ENOTTY:
		return husk_hint(e, DEVICE " is something else; make it anew, as root: rm " DEVICE
				 " && mknod -m 666 " DEVICE " c 10 200");
	}
	return -1;
}

static int open_failed(const char *name, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Could not attach interface: %s: " DEVICE, name);
	switch (sys) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return husk_hint(e, "there is no driver, or it is not seen here; as root: modprobe "
				 "tun; a container must be given the device");
	case EACCES:
	case EPERM:
		return husk_hint(e, "it must be open to this user; as root: chmod 666 " DEVICE
				 "; a container must be allowed it");
	}
	return -1;
}

/* Linux net/core/dev.c, dev_valid_name: names that no interface has. */
static int check_name(const char *name, struct husk_error *e)
{
	bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;

	if (strlen(name) >= IFNAMSIZ) {
		husk_fail_sys(e, ENAMETOOLONG, "Could not attach interface: %.60s%s", name,
			      strlen(name) > 60 ? "..." : "");
		return husk_hint(e, "a name has at most %u characters; give one that `ip link' "
				 "lists", IFNAMSIZ - 1);
	}
	if (!dots && name[strcspn(name, "/: \t\n\v\f\r\xa0")] == '\0')
		return 0;
	husk_fail_sys(e, ENODEV, "Could not attach interface: %s", name);
	return husk_hint(e, "no interface can have that name; give one that `ip link' lists");
}

static int check_up(const char *name, struct husk_error *e)
{
	struct ifreq ifr;

	if (check_name(name, e) == -1)
		return -1;
	if (ask(&ifr, name, SIOCGIFFLAGS) == -1)
		return attach_failed(name, errno, e);
	if ((ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == 0)
		return attach_failed(name, ENETDOWN, e);
	return 0;
}

/*
 * With more queues in use than are ours, each would get some of the frames. The kernel refuses
 * that only for interfaces that were made for one.
 */
static int check_alone(const char *name, unsigned ours)
{
	struct link_facts facts;

	if (!link_learn(name, &facts) || facts.queues <= ours)
		return 0;
	errno = EBUSY;
	return -1;
}

/*
 * Without vnet header, whatever the interface was made with. One that was made for several queues
 * takes only attachments that say so. Of two that come at the same time, none may stay.
 */
static int attach_queue(int fd, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	if (errno != EINVAL || check_alone(name, 0) == -1)
		return -1;
	ifr.ifr_flags |= IFF_MULTI_QUEUE;
	return ioctl(fd, TUNSETIFF, &ifr) == -1 ? -1 : check_alone(name, 1);
}

/* Frames must come as they go over a wire: not too long, and with their checksums. */
static void refuse_offloads(int fd)
{
	(void)ioctl(fd, TUNSETOFFLOAD, 0);
}

/* Returns the descriptor. */
static int attach(const char *name, struct husk_error *e)
{
	int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return open_failed(name, errno, e);
	if (attach_queue(fd, name) == 0) {
		refuse_offloads(fd);
		return fd;
	}
	attach_failed(name, errno, e);
	close(fd);
	return -1;
}

static int open_name(struct tap *t, const char *name, struct husk_error *e)
{
	if (check_up(name, e) == -1)
		return -1;
	snprintf(t->name, sizeof t->name, "%s", name);
	t->fd = attach(name, e);
	if (t->fd == -1)
		return -1;
	t->mtu = mtu_of(name);
	return 0;
}

/*
 * Linux drivers/net/tun.c, TUNGETIFF: one bit says that there is no packet information, or no
 * filter. While there is a filter, one that lets everything pass, it is the former.
 */
static bool pi_by_filter(int fd)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog filter = {1, &all};
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNATTACHFILTER, &filter) == -1 || ioctl(fd, TUNGETIFF, &ifr) == -1)
		ifr.ifr_flags = IFF_NO_PI;
	(void)ioctl(fd, TUNDETACHFILTER, &filter);
	/* Refused, but remembered: TUNGETFILTER tells whoever asks next of no filter. */
	filter.len = 0;
	(void)ioctl(fd, TUNATTACHFILTER, &filter);
	return (ifr.ifr_flags & IFF_NO_PI) == 0;
}

/*
 * Where nothing better is known, a filter is tried out, but never in place of another: rather is
 * the tap taken for one without packet information, as nearly all are.
 */
static bool has_pi(int fd, short flags, const struct link_facts *facts)
{
	struct sock_fprog filter = {0};

	if ((flags & IFF_NO_PI) == 0)
		return true;
	if (facts != NULL)
		return facts->pi != 0;
	return ioctl(fd, TUNGETFILTER, &filter) == 0 && filter.len == 0 && pi_by_filter(fd);
}

/* What an inherited tap puts in front of each frame. Other descriptors put nothing. */
static unsigned prefix_of(int fd, short flags, const struct link_facts *facts)
{
	unsigned prefix = has_pi(fd, flags, facts) ? PI_SIZE : 0;
	int vnet = 0;

	if ((flags & IFF_VNET_HDR) != 0 && ioctl(fd, TUNGETVNETHDRSZ, &vnet) == 0 && vnet > 0)
		prefix += (unsigned)vnet;
	return prefix;
}

static int check_inherited(const struct tap *t, const char *where, short flags,
			   const struct link_facts *facts, struct husk_error *e)
{
	if ((flags & IFF_TAP) == 0)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: %s is a tun "
				 "interface, not a tap; make it with IFF_TAP", where, t->name);
	if (t->prefix > TAP_PREFIX_MAX)
		return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: its header of "
				 "%u bytes is too long; make it %u at most by TUNSETVNETHDRSZ",
				 where, t->prefix, TAP_PREFIX_MAX);
	if (facts != NULL && facts->queues > 1)
		return attach_failed(where, EBUSY, e);
	return 0;
}

/* Why no frames go through what is no tap, for which TUNGETIFF gave sys; NULL: they may. */
static const char *unusable(int fd, mode_t mode, int sys)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	switch (mode & S_IFMT) {
	case S_IFIFO:
		return NULL;
	case S_IFSOCK:
		return getpeername(fd, (struct sockaddr *)&peer, &size) == -1 &&
		       errno == ENOTCONN ? "a socket that is not connected" : NULL;
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return sys == EBADFD ? DEVICE " without an interface (TUNSETIFF)" :
				       "a device that is no tap";
	}
	return "nothing that carries frames";
}

static int check_usable(int fd, int sys, const char *where, struct husk_error *e)
{
	const char *why;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	why = unusable(fd, st.st_mode, sys);
	return why == NULL ? 0 :
	       husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is %s: give a tap, a "
			 "connected socket or a FIFO, open for reading and writing", where, why);
}

static int check_access(int flags, const char *where, struct husk_error *e)
{
	if ((flags & O_ACCMODE) == O_RDWR)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is open for %s only: "
			 "open it for reading and writing, in a shell N<>PATH", where,
			 (flags & O_ACCMODE) == O_RDONLY ? "reading" : "writing");
}

static int adopt_tap(struct tap *t, const struct ifreq *ifr, const char *where,
		     struct husk_error *e)
{
	struct link_facts facts, *known;

	memcpy(t->name, ifr->ifr_name, sizeof t->name - 1);
	t->mtu = mtu_inherited(t->fd, t->name);
	known = learn_inherited(t->fd, t->name, &facts) ? &facts : NULL;
	t->prefix = prefix_of(t->fd, ifr->ifr_flags, known);
	if (check_inherited(t, where, ifr->ifr_flags, known, e) == -1)
		return -1;
	refuse_offloads(t->fd);
	return 0;
}

static int adopt(struct tap *t, const char *where, struct husk_error *e)
{
	struct ifreq ifr = {0};
	int flags = fcntl(t->fd, F_GETFL), rc;

	if (flags == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	t->mtu = TAP_MTU_DEFAULT;
	rc = ioctl(t->fd, TUNGETIFF, &ifr) == 0 ? adopt_tap(t, &ifr, where, e) :
	     check_usable(t->fd, errno, where, e);
	if (rc == -1 || check_access(flags, where, e) == -1)
		return -1;
	if (fcntl(t->fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	return 0;
}

static int not_inherited(const char *where, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Could not attach interface: %s", where);
	return sys != EBADF ? -1 :
	       husk_hint(e, "it is not open; what starts this program must open it and leave it so");
}

static int open_descriptor(struct tap *t, const char *where, struct husk_error *e)
{
	unsigned long long fd;

	if (option_number(where + 1, 0, INT_MAX, &fd, e) == -1)
		return husk_wrap(e, "Could not attach interface: %s", where);
	t->inherited = true;
	t->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	if (t->fd == -1)
		return not_inherited(where, errno, e);
	return adopt(t, where, e);
}

int tap_open(struct tap *t, const char *where, struct husk_error *e)
{
	*t = (struct tap){.fd = -1};
	if ((where[0] == '@' ? open_descriptor(t, where, e) : open_name(t, where, e)) == 0)
		return 0;
	tap_close(t);
	return -1;
}

/* One interface has one name and address, whichever way it was opened; what is none, an inode. */
struct identity {
	struct ifreq name, address;
	dev_t device;
	ino_t inode;
};

static bool identify_descriptor(const char *number, struct identity *id)
{
	struct husk_error ignored;
	unsigned long long fd;
	struct stat st;

	if (option_number(number, 0, INT_MAX, &fd, &ignored) == -1)
		return false;
	if (ioctl((int)fd, TUNGETIFF, &id->name) == 0)
		return ioctl((int)fd, SIOCGIFHWADDR, &id->address) == 0;
	if (fstat((int)fd, &st) == -1)
		return false;
	id->name = (struct ifreq){0};
	id->device = st.st_dev;
	id->inode = st.st_ino;
	return true;
}

static bool identify(const char *where, struct identity *id)
{
	*id = (struct identity){0};
	if (where[0] == '@')
		return identify_descriptor(where + 1, id);
	snprintf(id->name.ifr_name, sizeof id->name.ifr_name, "%s", where);
	return ask(&id->address, where, SIOCGIFHWADDR) == 0;
}

bool tap_same(const char *where, const char *other)
{
	struct identity a, b;

	if (strcmp(where, other) == 0)
		return true;
	if ((where[0] != '@' && other[0] != '@') || !identify(where, &a) || !identify(other, &b))
		return false;
	return strcmp(a.name.ifr_name, b.name.ifr_name) == 0 &&
	       memcmp(a.address.ifr_hwaddr.sa_data, b.address.ifr_hwaddr.sa_data,
		      ADDRESS_SIZE) == 0 &&
	       a.device == b.device && a.inode == b.inode;
}

void tap_close(struct tap *t)
{
	if (t->fd != -1)
		close(t->fd);
	*t = (struct tap){.fd = -1};
}

int tap_reattach(struct tap *t)
{
	int fd;
	struct husk_error ignored;

	if (t->inherited || check_up(t->name, &ignored) == -1)
		return -1;
	fd = attach(t->name, &ignored);
	if (fd == -1)
		return -1;
	close(t->fd);
	t->fd = fd;
	return 0;
}

/* Linux drivers/net/tun.c: EBADFD once the interface is deleted, EIO while it is down. */
static enum tap_result explain(int sys)
{
	switch (sys) {
	case EAGAIN:
		return TAP_AGAIN;
	case EBADFD:
	case ENODEV:
		return TAP_GONE;
	case EIO:
	case ENETDOWN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return TAP_DOWN;
	}
	return TAP_ERROR;
}

/*
 * Not from a tap: an empty datagram is no frame, a socket whose peer sends no more will never have
 * one, and one whose peer is gone takes none either.
 */
static enum tap_result read_nothing(const struct tap *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) != 1)
		return TAP_NO_FRAME;
	return (p.revents & POLLHUP) != 0 ? TAP_GONE : TAP_ERROR;
}

/*
 * The kernel cuts a frame that does not fit and does not say so; one byte of room behind
 * the caller's shows it.
 */
enum tap_result tap_read(const struct tap *t, struct iovec buffer, size_t *len)
{
	uint8_t prefix[TAP_PREFIX_MAX], excess;
	struct iovec parts[] = {{prefix, t->prefix}, buffer, {&excess, sizeof excess}};
	ssize_t n = readv(t->fd, parts, 3);

	if (n == -1)
		return explain(errno);
	if (n == 0)
		return read_nothing(t);
	if ((size_t)n < t->prefix)
		return TAP_NO_FRAME;
	*len = (size_t)n - t->prefix;
	return *len > buffer.iov_len ? TAP_TOO_LONG : TAP_OK;
}

enum tap_result tap_write(const struct tap *t, struct iovec frame)
{
	uint8_t prefix[TAP_PREFIX_MAX] = {0};
	struct iovec parts[] = {{prefix, t->prefix}, frame};
	ssize_t n = t->prefix == 0 ? write(t->fd, frame.iov_base, frame.iov_len) :
		    writev(t->fd, parts, 2);

	if (n == -1)
		return explain(errno);
	return (size_t)n == frame.iov_len + t->prefix ? TAP_OK : TAP_ERROR;
}
