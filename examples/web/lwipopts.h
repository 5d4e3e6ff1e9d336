/* SPDX-License-Identifier: ISC */
/* lwipopts.h: what of lwIP is built and how much memory it may use; lwip/opt.h has the rest. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

/* One thread: everything happens in nic_run(). */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

/* TCP over IPv4 over Ethernet, and answers to ping. */
#define LWIP_TCP 1
#define LWIP_ICMP 1
#define LWIP_UDP 0
#define LWIP_RAW 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_STATS 0

/* A connection sends at most so much that has not been acknowledged. */
#define TCP_MSS 1460			/* of Ethernet; on narrower links less is used */
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_SND_QUEUELEN 16		/* in so many pieces */

/*
 * Of what nobody has looked at it takes in a request, and more only where that is used as it comes: web.c opens the
 * window then. Linux sends half a window at a time, which reaches this end as one segment if the host joins them.
 */
#define TCP_WND (40 * TCP_MSS)		/* within 16 bits */
#define TCP_WND_REQUEST (2 * TCP_MSS)
#define TCP_WND_UPDATE_THRESHOLD (TCP_MSS / 2)
#define TCP_QUEUE_OOSEQ 0		/* what comes out of order is sent again */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1	/* to be called before the first window is told */

/* A peer that is gone is given up after a minute, not ten. */
#define TCP_MAXRTX 6
#define TCP_SYNMAXRTX 4

/*
 * Milliseconds; RFC 9293 3.4.2 has two minutes. Twice as long lwIP answers no new connection from the
 * port that one has just come from, and clients take ports again before two minutes are over.
 */
#define TCP_MSL 5000

/* So that all connections together cannot run out of memory. */
#define MEM_ALIGNMENT 8
#define MEMP_NUM_TCP_PCB 64
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG (MEMP_NUM_TCP_PCB * TCP_SND_QUEUELEN)
#define MEM_SIZE (MEMP_NUM_TCP_PCB * (TCP_SND_BUF + TCP_SND_QUEUELEN * 64))
#define PBUF_POOL_BUFSIZE 1536
#define PBUF_POOL_SIZE (2 * MEMP_NUM_TCP_PCB + PBUF_POOL_LARGE)
#define PBUF_POOL_LARGE 44		/* a frame of 64 KiB */
#define ARP_TABLE_SIZE 32

/* A sequence number that no connection before has used: the clock of RFC 9293 3.4.1. */
#define LWIP_HOOK_TCP_ISN(...) ((u32_t)(solo5_clock_monotonic() >> 12))

/* The compiler's own copying for small fixed sizes, which -ffreestanding would make calls. */
#define MEMCPY(to, from, size) __builtin_memcpy(to, from, size)
#define SMEMCPY(to, from, size) __builtin_memcpy(to, from, size)

#define LWIP_CHKSUM nic_checksum
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1	/* the host makes some, see nic.c */

#endif
