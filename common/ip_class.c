/* SPDX-License-Identifier: ISC */
#include "common/ip_class.h"

#include <string.h>

static enum ip_class
class_of_ip4(const uint8_t *a)
{
	if (a[0] == 127)
		return IP_LOOPBACK;
	if (a[0] == 169 && a[1] == 254)
		return IP_LINK_LOCAL;
	if (a[0] == 10 || (a[0] == 192 && a[1] == 168) ||
	    (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 100 && (a[1] & 0xc0) == 64))
		return IP_PRIVATE;
	return IP_GLOBAL;
}

static enum ip_class
class_of_ip6(const uint8_t *a)
{
	static const uint8_t loopback[16] = {[15] = 1};

	if (memcmp(a, loopback, sizeof(loopback)) == 0)
		return IP_LOOPBACK;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return IP_LINK_LOCAL;
	if ((a[0] & 0xfe) == 0xfc || (a[0] == 0 && a[1] == 0))
		return IP_PRIVATE;
	return IP_GLOBAL;
}

enum ip_class
ip_class(const uint8_t *bytes, size_t len)
{
	return len == 4 ? class_of_ip4(bytes) : class_of_ip6(bytes);
}
