/* uplink.c: from the word of an option to the kind of uplink that it asks for. */
#include "uplink.h"

#include <string.h>

#include "tap.h"

int uplink_open(struct uplink **u, const char *where, struct husk_error *e)
{
	*u = NULL;
	return where[0] == '@' ? tap_adopt(u, where, e) : tap_attach(u, where, e);
}

void uplink_close(struct uplink *u)
{
	if (u != NULL)
		u->ops->close(u);
}

bool uplink_same(const char *where, const char *other)
{
	if (strcmp(where, other) == 0)
		return true;
	return (where[0] == '@' || other[0] == '@') && tap_same(where, other);
}
