/* SPDX-License-Identifier: ISC */
#include "common/ip_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct ip_text
ip_text_parse(const char *text)
{
	struct ip_text ip = {0};
	char address[INET6_ADDRSTRLEN + 1];
	const bool in_brackets = text[0] == '[';
	const char *end = text + strlen(text), *zone;
	size_t len;

	if (in_brackets && *--end != ']')
		return ip;
	text += in_brackets;
	zone = memchr(text, '%', (size_t)(end - text));
	len = (size_t)((zone != NULL ? zone : end) - text);
	if (len >= sizeof(address))
		return ip;
	memcpy(address, text, len);
	address[len] = '\0';
	if (zone == NULL && !in_brackets &&
	    inet_pton(AF_INET, address, ip.bytes) == 1)
		ip.len = 4;
	else if (inet_pton(AF_INET6, address, ip.bytes) == 1)
		ip.len = 16;
	if (zone != NULL)
		snprintf(ip.zone, sizeof(ip.zone), "%.*s",
		    (int)(end - zone - 1), zone + 1);
	return ip;
}
