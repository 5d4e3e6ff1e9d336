/* link.h: what the kernel knows about a tap interface and no ioctl tells. */
#ifndef HUSK_LINK_H
#define HUSK_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct link_facts {
	uint8_t address[6];	/* hardware address */
	uint8_t pi;		/* there is packet information in front of frames */
	uint32_t queues;	/* in use; 0 if it was made for one alone */
};

/*
 * About the interface of this name, shorter than IFNAMSIZ, in the process's own network namespace.
 * False if there is none, or if the kernel does not tell such things of it (of none before Linux
 * 4.17); *facts is then undefined. What is no tap is for the caller to find out.
 */
bool link_learn(const char *name, struct link_facts *facts);

#endif
