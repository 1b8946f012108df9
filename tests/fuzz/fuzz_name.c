/* SPDX-License-Identifier: ISC */
/* Names and patterns: two of them, separated by the first NUL. */
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What no name may ever do. */
static void
check_name(const char *name, size_t len)
{
	if (!name_is_valid(name, len))
		return;
	if (len == 0 || len > NAME_LEN_MAX || name[0] == '/' ||
	    name[0] == '.' || name[len - 1] == '/' ||
	    memmem(name, len, "/.", 2) != NULL ||
	    memmem(name, len, "//", 2) != NULL ||
	    memchr(name, '\0', len) != NULL ||
	    !name_pattern_is_valid(name, len))
		abort();
}

static void
check_pair(const char *a, const char *b)
{
	if (name_patterns_clash(a, b) != name_patterns_clash(b, a))
		abort();
	if ((name_order(a, b) < 0) != (name_order(b, a) > 0) ||
	    (name_order(a, b) == 0) != (strcmp(a, b) == 0))
		abort();
	if (name_is_valid(b, strlen(b)) && name_matches(a, b) &&
	    (name_patterns_clash(a, b) || name_order(a, b) > 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	size_t first = strnlen(text, len);
	size_t second = first < len ? len - first - 1 : 0;
	char a[NAME_LEN_MAX + 1], b[NAME_LEN_MAX + 1];
	uint8_t key[16];

	check_name(text, first);
	if (first == len || !name_pattern_is_valid(text, first))
		return 0;
	check_name(text + first + 1, second);
	if (!name_pattern_is_valid(text + first + 1, second))
		return 0;
	memcpy(a, text, first);
	a[first] = '\0';
	memcpy(b, text + first + 1, second);
	b[second] = '\0';
	check_pair(a, b);
	name_key(a, key);
	return 0;
}
