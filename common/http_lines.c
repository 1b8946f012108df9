/* SPDX-License-Identifier: ISC */
#include "common/http_lines.h"

#include <string.h>

bool
http_lines_are_strict(const char *head, size_t len)
{
	const char *p = head, *end = head + len, *cr;

	while (p < end) {
		cr = memchr(p, '\r', (size_t)(end - p));
		if (cr == NULL || cr + 1 == end || cr[1] != '\n')
			return false;
		if (memchr(p, '\n', (size_t)(cr - p)) != NULL)
			return false;
		if (*p == ' ' || *p == '\t' || *p == ':')
			return false;
		p = cr + 2;
	}
	return true;
}
