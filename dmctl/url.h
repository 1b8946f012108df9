/* SPDX-License-Identifier: ISC */
/* http://HOST[:PORT][/PREFIX], as --url takes it. Pure. */
#ifndef DMCTL_URL_H
#define DMCTL_URL_H

#include <stdbool.h>
#include <stddef.h>

#define URL_HOST_MAX 255
#define URL_PREFIX_MAX 255

struct url {
	char host[URL_HOST_MAX + 1]; /* IPv6 without its brackets */
	bool is_ipv6;
	char port[6];			 /* decimal, "80" unless said */
	char prefix[URL_PREFIX_MAX + 1]; /* "" or "/a/b", no slash at the end */
};

/* NULL and *out, or a sentence with the error (a constant). */
const char *url_parse(const char *text, struct url *out);

/* "host:port" as messages show it. */
#define URL_AUTHORITY_MAX (URL_HOST_MAX + 9)
const char *url_authority(
    const struct url *, char out[static URL_AUTHORITY_MAX]);

/* The same for the Host field: a zone means something on this machine only. */
const char *url_host_field(
    const struct url *, char out[static URL_AUTHORITY_MAX]);

#endif
