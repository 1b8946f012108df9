/* SPDX-License-Identifier: ISC */
/*
 * Addresses as people write them in dm.toml(5) to say where to listen. Pure.
 */
#ifndef COMMON_IP_TEXT_H
#define COMMON_IP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define IP_ZONE_SIZE 128 /* alternative names of interfaces are long */

struct ip_text {
	uint8_t len; /* of bytes: 4 or 16; 0: that is no address */
	uint8_t bytes[16];
	char zone[IP_ZONE_SIZE]; /* "" without one; cut if it is longer */
};

/* "192.0.2.1", "fe80::1%eth0" (RFC 4007, 11), "[::1]". */
struct ip_text ip_text_parse(const char *text);

#endif
