/* SPDX-License-Identifier: ISC */
#include "dm-store/key_order.h"

#include <string.h>

bool
key_order_next(struct key_order *o, const void *key, size_t len)
{
	size_t n;
	int diff;

	if (len > sizeof(o->last))
		len = sizeof(o->last);
	n = len < o->len ? len : o->len;
	diff = memcmp(o->last, key, n);
	if (o->is_set && (diff > 0 || (diff == 0 && len <= o->len)))
		return false;
	memcpy(o->last, key, len);
	o->len = len;
	o->is_set = true;
	return true;
}
