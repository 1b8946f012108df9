/* SPDX-License-Identifier: ISC */
#include "dmctl/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define EXPECTED "expected http://HOST:PORT"

/* The port after a colon, or none. Moves *text past it. */
static bool
parse_port(const char **text, char port[static 6])
{
	unsigned long value = 0;
	size_t n;

	snprintf(port, 6, "80");
	if (**text != ':')
		return true;
	n = strspn(++*text, "0123456789");
	for (size_t i = 0; i < n && value <= 65535; i++)
		value = value * 10 + (unsigned long)((*text)[i] - '0');
	if (value == 0 || value > 65535)
		return false;
	snprintf(port, 6, "%lu", value);
	*text += n;
	return true;
}

/* "[fe80::1%25eth0]" (RFC 6874) is "[fe80::1%eth0]". */
static void
zone_unescape(char *host)
{
	char *zone = strchr(host, '%');

	if (zone != NULL && strncmp(zone, "%25", 3) == 0 && zone[3] != '\0')
		memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
}

/* "name", "127.0.0.1" or "[::1]". Moves *text past it. */
static bool
parse_host(const char **text, struct url *out)
{
	size_t n;

	out->is_ipv6 = **text == '[';
	if (out->is_ipv6)
		n = strspn(++*text, "0123456789abcdefABCDEF:.%" ALNUM);
	else
		n = strspn(*text, ALNUM "-._");
	if (n == 0 || n > URL_HOST_MAX || (out->is_ipv6 && (*text)[n] != ']'))
		return false;
	memcpy(out->host, *text, n);
	out->host[n] = '\0';
	if (out->is_ipv6)
		zone_unescape(out->host);
	*text += n + (out->is_ipv6 ? 1 : 0);
	return true;
}

const char *
url_parse(const char *text, struct url *out)
{
	size_t n;

	memset(out, 0, sizeof(*out));
	if (strncasecmp(text, "https://", 8) == 0)
		return "https is not supported, since uploads are signed: use "
		       "http://HOST:PORT";
	if (strncasecmp(text, "http://", 7) != 0)
		return EXPECTED;
	text += 7;
	if (!parse_host(&text, out))
		return "no valid host name or address: " EXPECTED;
	if (!parse_port(&text, out->port))
		return "the port is not one of 1 to 65535: " EXPECTED;
	n = strspn(text, ALNUM "-._~/");
	if (text[n] != '\0' || (n > 0 && text[0] != '/') || n > URL_PREFIX_MAX)
		return "unexpected text after the port: " EXPECTED;
	while (n > 0 && text[n - 1] == '/')
		n--;
	memcpy(out->prefix, text, n);
	return NULL;
}

static const char *
authority(const struct url *url, size_t host_len, char *out)
{
	snprintf(out, URL_AUTHORITY_MAX, url->is_ipv6 ? "[%.*s]:%s" : "%.*s:%s",
	    (int)host_len, url->host, url->port);
	return out;
}

const char *
url_authority(const struct url *url, char out[static URL_AUTHORITY_MAX])
{
	return authority(url, strlen(url->host), out);
}

const char *
url_host_field(const struct url *url, char out[static URL_AUTHORITY_MAX])
{
	/* only a zone has one */
	return authority(url, strcspn(url->host, "%"), out);
}
