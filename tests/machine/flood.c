/* SPDX-License-Identifier: ISC */
/*
 * flood.c: pings as fast as the answers come, many at a time, until there are so many:
 *
 *   flood ADDRESS COUNT [SIZE [BURST]]
 *
 * SIZE bytes of payload: a number, then de ad be ef again and again from the seventeenth byte
 * on. Answers must be as they ought to be, checksum and all. Whatever gets lost is sent again; it
 * gives up when nothing has come for a while.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 15		/* seconds */
#define LOST_MS 200		/* after that long without an answer, all that is out is lost */
#define STAMP_SIZE 16u
#define SIZE_MAX_PING 65000u

struct flood {
	int fd;
	uint16_t id;
	size_t size, burst;	/* of the payload; under way at most */
	uint64_t sent, lost, answers;
};

static struct {
	struct icmphdr icmp;
	uint8_t payload[65536];
} out;

static uint8_t in[65536 + 64];

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* RFC 1071; right for data of its own byte order. */
static uint16_t checksum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	uint16_t word;

	for (; size >= sizeof word; p += sizeof word, size -= sizeof word) {
		memcpy(&word, p, sizeof word);
		sum += word;
	}
	sum += size > 0 ? *p : 0u;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void fill_payload(size_t size)
{
	static const uint8_t pattern[] = {0xde, 0xad, 0xbe, 0xef};

	for (size_t i = 0; i < size; i++)
		out.payload[i] = pattern[i % sizeof pattern];
}

/* An interface that is down, or a full queue, is a ping that gets lost. */
static void send_one(struct flood *f)
{
	out.icmp = (struct icmphdr){.type = ICMP_ECHO};
	out.icmp.un.echo.id = f->id;
	out.icmp.un.echo.sequence = htons((uint16_t)f->sent);
	if (f->size >= sizeof f->sent)
		memcpy(out.payload, &f->sent, sizeof f->sent);
	out.icmp.checksum = checksum(&out, sizeof out.icmp + f->size);
	f->sent++;
	if (send(f->fd, &out, sizeof out.icmp + f->size, 0) == -1)
		usleep(2000);
}

static int wrong(const char *what)
{
	fprintf(stderr, "flood: an answer with %s\n", what);
	return -1;
}

/* 1 if it is an answer, 0 if something else, -1 if an answer that is wrong. */
static int look_at(const struct flood *f, size_t size)
{
	size_t header = (size_t)(in[0] & 15) * 4;
	struct icmphdr icmp;

	if (size < header + sizeof icmp)
		return 0;
	memcpy(&icmp, in + header, sizeof icmp);
	if (icmp.type != ICMP_ECHOREPLY || icmp.un.echo.id != f->id)
		return 0;
	if (size != header + sizeof icmp + f->size)
		return wrong("another length");
	if (checksum(in + header, size - header) != 0)
		return wrong("a wrong checksum");
	if (f->size > STAMP_SIZE && memcmp(in + header + sizeof icmp + STAMP_SIZE,
					   out.payload + STAMP_SIZE, f->size - STAMP_SIZE) != 0)
		return wrong("another payload");
	return 1;
}

/* 0, or -1 if an answer is wrong. */
static int receive(struct flood *f)
{
	struct pollfd ready = {.fd = f->fd, .events = POLLIN};
	ssize_t n;
	int rc;

	if (poll(&ready, 1, LOST_MS) <= 0) {
		f->lost = f->sent - f->answers;
		return 0;
	}
	n = recv(f->fd, in, sizeof in, MSG_DONTWAIT);
	rc = n <= 0 ? 0 : look_at(f, (size_t)n);
	f->answers += rc == 1;
	return rc == -1 ? -1 : 0;
}

/* Answers that were given up may come all the same. */
static int may_send(const struct flood *f)
{
	return (int64_t)(f->sent - f->lost - f->answers) < (int64_t)f->burst;
}

static int run(struct flood *f, uint64_t count)
{
	double last = seconds();

	while (f->answers < count) {
		uint64_t before = f->answers;

		while (f->sent - f->lost < count && may_send(f))
			send_one(f);
		if (receive(f) == -1)
			return 1;
		if (f->answers != before)
			last = seconds();
		else if (seconds() - last > PATIENCE) {
			fprintf(stderr, "flood: no answer after %llu\n",
				(unsigned long long)f->answers);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct flood f = {.fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), .id = (uint16_t)getpid()};
	struct sockaddr_in to = {.sin_family = AF_INET};
	double start = seconds();
	uint64_t count;

	if (argc < 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: flood ADDRESS COUNT [SIZE [BURST]]\n");
		return 2;
	}
	count = strtoull(argv[2], NULL, 10);
	f.size = argc > 3 ? strtoul(argv[3], NULL, 10) : 56;
	f.burst = argc > 4 ? strtoul(argv[4], NULL, 10) : 16;
	if (f.size > SIZE_MAX_PING || connect(f.fd, (struct sockaddr *)&to, sizeof to) == -1) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fill_payload(f.size);
	if (run(&f, count) != 0)
		return 1;
	printf("%llu answers, %.0f a second, %llu lost\n", (unsigned long long)count,
	       (double)count / (seconds() - start), (unsigned long long)f.lost);
	return 0;
}
