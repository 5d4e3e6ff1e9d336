/* SPDX-License-Identifier: ISC */
/* embed.c: the library's face: structures that grow, and devices that are the program's own. */
#include <stdio.h>
#include <string.h>

#include "../include/husk/husk.h"
#include "../include/mft_abi.h"
#include "given.h"
#include "machine.h"

_Static_assert(HUSK_DEVICE_NAME_SIZE == MFT_NAME_SIZE, "a device's name");

const char *husk_version(void)
{
	return library_version;
}

int machine_take(void *to, size_t size, const void *from, size_t his, size_t size_0)
{
	const uint8_t *bytes = from;

	if (his == 0)
		his = size_0;
	memset(to, 0, size);
	memcpy(to, from, his < size ? his : size);
	for (size_t i = size; i < his; i++)
		if (bytes[i] != 0)
			return -1;
	return 0;
}

/* The option's value is for messages; none that the command line has means this. */
static int attach(struct husk *h, const char *device, const struct given_net *what,
		  struct husk_error *e)
{
	char word[2 * MFT_NAME_SIZE + 20];
	struct given_net *given;
	int n = snprintf(word, sizeof word, "--net:%s=callback:%s", device, device);

	if (strchr(device, ':') != NULL || strchr(device, '=') != NULL || n >= (int)sizeof word)
		return husk_fail(e, HUSK_E_USAGE, "%.80s: this is no name of a device", device);
	given = given_net_new(what, e);
	if (given == NULL)
		return -1;
	if (husk_option(h, word, e) == -1) {
		given_net_free(given);
		return -1;
	}
	h->settings.list[h->settings.n - 1].given = given;
	return 0;
}

int husk_net(struct husk *h, const char *device, const struct husk_net *net, struct husk_error *e)
{
	struct husk_net his;
	struct given_net what;

	if (h->applied)
		return husk_fail(e, HUSK_E_USAGE, "device %.80s: too late, the machine has been loaded",
				 device);
	if (machine_take(&his, sizeof his, net, net->size, sizeof his) == -1)
		return husk_fail(e, HUSK_E_USAGE, "husk_net has fields that this library (%s) does not "
				 "know", husk_version());
	if (his.send == NULL)
		return husk_fail(e, HUSK_E_USAGE, "device %.80s: there is nothing that takes frames",
				 device);
	what = (struct given_net){.send = his.send, .ctx = his.ctx, .mtu = his.mtu};
	return attach(h, device, &what, e);
}

int husk_net_deliver(const struct husk *h, const char *device, const void *frame, size_t len,
		     struct husk_error *e)
{
	const struct setting *s = settings_find(&h->settings, "net", device);

	if (s == NULL || s->given == NULL)
		return husk_fail(e, HUSK_E_USAGE, "device %.80s: it is not the program's", device);
	if (given_net_deliver(s->given, frame, len, e) == -1)
		return husk_wrap_device(e, "device", device);
	return 0;
}
