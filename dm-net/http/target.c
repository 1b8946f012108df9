/* SPDX-License-Identifier: ISC */
#include "dm-net/http/target.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/hex.h"
#include "common/name.h"

/*
 * Decodes percent signs into out, terminated. MALFORMED for a broken escape,
 * BAD_NAME for a zero byte or for more than a name may have.
 */
static enum verdict
percent_decode(struct bytes in, char out[static NAME_LEN_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		int c = in.data[i];

		if (c == '%') {
			int high, low;

			if (in.len - i < 3 ||
			    (high = hex_value(in.data[i + 1])) == -1 ||
			    (low = hex_value(in.data[i + 2])) == -1)
				return VERDICT_MALFORMED;
			c = high << 4 | low;
			i += 2;
		}
		if (c == 0 || n == NAME_LEN_MAX)
			return VERDICT_BAD_NAME;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return VERDICT_OK;
}

static bool
starts_with(struct bytes b, const char *text)
{
	size_t n = strlen(text);

	return b.len >= n && memcmp(b.data, text, n) == 0;
}

/* Splits b at the first c; what follows it goes into rest (empty without). */
static struct bytes
split_at(struct bytes b, int c, struct bytes *rest)
{
	const uint8_t *p = b.len > 0 ? memchr(b.data, c, b.len) : NULL;

	if (p == NULL) {
		*rest = (struct bytes){b.data, 0};
		return b;
	}
	rest->data = p + 1;
	rest->len = b.len - (size_t)(p + 1 - b.data);
	return (struct bytes){b.data, (size_t)(p - b.data)};
}

static enum verdict
parse_query(struct http_target *t, struct bytes query)
{
	bool has_prefix = false;

	while (query.len > 0) {
		struct bytes one = split_at(query, '&', &query), value;
		struct bytes key = split_at(one, '=', &value);
		enum verdict v;

		if (!bytes_is_text(key, "prefix"))
			continue;
		v = percent_decode(value, t->prefix);
		if (v != VERDICT_OK || has_prefix)
			return VERDICT_MALFORMED;
		has_prefix = true;
	}
	return VERDICT_OK;
}

static enum verdict
parse_path(struct http_target *t, struct bytes path, struct bytes query)
{
	static const struct {
		const char *path;
		enum http_route route;
	} routes[] = {
	    {"/files", ROUTE_FILES},
	    {"/peers", ROUTE_PEERS},
	    {"/events", ROUTE_EVENTS},
	    {"/healthz", ROUTE_HEALTHZ},
	    {"/metrics", ROUTE_METRICS},
	};
	enum verdict v;

	if (starts_with(path, "/files/")) {
		struct bytes name = {path.data + 7, path.len - 7};

		v = percent_decode(name, t->name);
		if (v == VERDICT_OK && !name_is_valid(t->name, strlen(t->name)))
			v = VERDICT_BAD_NAME;
		t->route = ROUTE_FILE;
		return v;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (bytes_is_text(path, routes[i].path))
			t->route = routes[i].route;
	return t->route == ROUTE_FILES ? parse_query(t, query) : VERDICT_OK;
}

enum verdict
http_target_parse(struct http_target *t, struct bytes target)
{
	struct bytes path, query, fragment;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < target.len; i++)
		if (target.data[i] <= ' ' || target.data[i] >= 0x7f)
			return VERDICT_MALFORMED;
	if (target.len > 7 &&
	    strncasecmp((const char *)target.data, "http://", 7) == 0) {
		struct bytes rest = {target.data + 7, target.len - 7};
		const uint8_t *slash = memchr(rest.data, '/', rest.len);

		if (slash == NULL || slash == rest.data)
			return VERDICT_MALFORMED;
		t->authority.data = rest.data;
		t->authority.len = (size_t)(slash - rest.data);
		target.data = slash;
		target.len = rest.len - t->authority.len;
	}
	if (target.len == 0 ||
	    (target.data[0] != '/' && !bytes_is_text(target, "*")))
		return VERDICT_MALFORMED;
	path = split_at(target, '#', &fragment);
	if (path.len != target.len)
		return VERDICT_MALFORMED;
	path = split_at(target, '?', &query);
	return parse_path(t, path, query);
}

static bool
is_port(const uint8_t *p, size_t len)
{
	if (len > 5)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isdigit(p[i]))
			return false;
	return true;
}

bool
http_host_parse(struct bytes in, struct bytes *host)
{
	const uint8_t *end;
	size_t left;

	if (in.len == 0)
		return false;
	if (in.data[0] == '[') {
		end = memchr(in.data, ']', in.len);
		if (end == NULL)
			return false;
		host->data = in.data + 1;
		host->len = (size_t)(end - host->data);
		end++;
	} else {
		end = memchr(in.data, ':', in.len);
		if (end == NULL)
			end = in.data + in.len;
		host->data = in.data;
		host->len = (size_t)(end - in.data);
	}
	left = in.len - (size_t)(end - in.data);
	if (host->len == 0)
		return false;
	return left == 0 || (*end == ':' && is_port(end + 1, left - 1));
}
