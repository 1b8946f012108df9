/* SPDX-License-Identifier: ISC */
/*
 * The distance that an IP address reaches. The class orders a node's own
 * addresses and tells owners of networks apart. Pure.
 */
#ifndef COMMON_IP_CLASS_H
#define COMMON_IP_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum ip_class {
	IP_LOOPBACK,   /* this machine */
	IP_LINK_LOCAL, /* one link: 169.254/16, fe80::/10 */
	IP_PRIVATE,    /* one site: RFC 1918, 6598 and 4193, and ::/16 */
	IP_GLOBAL
};

/* len: 4 or 16. */
enum ip_class ip_class(const uint8_t *bytes, size_t len);

#endif
