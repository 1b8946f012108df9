/* SPDX-License-Identifier: ISC */
#include "dm-net/http/condition.h"

#include <string.h>
#include <strings.h>

bool
http_decimal(const uint8_t *p, size_t len, uint64_t *out)
{
	uint64_t n = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)p[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool
http_etag_listed(struct bytes list, const char *etag)
{
	size_t n = strlen(etag), i = 0;

	if (list.len == 1 && list.data[0] == '*')
		return true;
	while (i < list.len) {
		const uint8_t *end;
		size_t len;

		if (is_blank(list.data[i]) || list.data[i] == ',') {
			i++;
			continue;
		}
		if (list.len - i > 2 && memcmp(list.data + i, "W/", 2) == 0)
			i += 2;
		if (list.data[i] != '"' || list.len - i < 2)
			return false;
		end = memchr(list.data + i + 1, '"', list.len - i - 1);
		if (end == NULL)
			return false;
		len = (size_t)(end - (list.data + i)) + 1;
		if (len == n && memcmp(list.data + i, etag, n) == 0)
			return true;
		i += len;
	}
	return false;
}

bool
http_if_range(struct bytes field, const char *etag)
{
	return field.len == strlen(etag) &&
	       memcmp(field.data, etag, field.len) == 0;
}

/* "-n": the last n bytes. */
static enum http_range
range_suffix(uint64_t n, uint64_t size, uint64_t *first, uint64_t *length)
{
	if (n == 0 || size == 0)
		return RANGE_OUTSIDE;
	*length = n < size ? n : size;
	*first = size - *length;
	return RANGE_PART;
}

enum http_range
http_range_parse(
    struct bytes field, uint64_t size, uint64_t *first, uint64_t *length)
{
	const uint8_t *p = field.data, *dash;
	size_t len = field.len, head;
	uint64_t from, to = UINT64_MAX;

	if (len < 7 || strncasecmp((const char *)p, "bytes=", 6) != 0)
		return RANGE_NONE;
	p += 6;
	len -= 6;
	dash = memchr(p, '-', len);
	if (dash == NULL)
		return RANGE_NONE;
	head = (size_t)(dash - p);
	len -= head + 1;
	if (head == 0)
		return http_decimal(dash + 1, len, &to)
			   ? range_suffix(to, size, first, length)
			   : RANGE_NONE;
	if (!http_decimal(p, head, &from) ||
	    (len > 0 && !http_decimal(dash + 1, len, &to)) || to < from)
		return RANGE_NONE;
	if (from >= size)
		return RANGE_OUTSIDE;
	*first = from;
	*length = (to < size ? to + 1 : size) - from;
	return RANGE_PART;
}
