/* SPDX-License-Identifier: ISC */
#include "common/name.h"

#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/sha256.h"

/* Not isalnum(): a locale must not change what a name is. */
static bool
is_first(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static bool
is_later(char c)
{
	return is_first(c) || c == '.' || c == ':' || c == '-';
}

/* Valid components with single slashes between, at most depth_max of them. */
static bool
is_path(const char *name, size_t len, unsigned depth_max)
{
	unsigned depth = 1;
	bool first = true;

	for (size_t i = 0; i < len; i++) {
		if (first) {
			if (!is_first(name[i]))
				return false;
			first = false;
		} else if (name[i] == '/') {
			if (++depth > depth_max)
				return false;
			first = true;
		} else if (!is_later(name[i])) {
			return false;
		}
	}
	return !first;
}

bool
name_is_valid(const char *name, size_t len)
{
	return len <= NAME_LEN_MAX && is_path(name, len, NAME_DEPTH_MAX);
}

bool
name_pattern_is_valid(const char *pattern, size_t len)
{
	if (len < 2 || memcmp(pattern + len - 2, "/*", 2) != 0)
		return name_is_valid(pattern, len);
	/* the shortest match, with one character for '*', must be valid */
	return len <= NAME_LEN_MAX &&
	       is_path(pattern, len - 2, NAME_DEPTH_MAX - 1);
}

/* True if pattern ends in the component "*". */
static bool
name_pattern_is_wild(const char *pattern)
{
	size_t len = strlen(pattern);

	return len > 0 && pattern[len - 1] == '*';
}

bool
name_matches(const char *pattern, const char *name)
{
	size_t dir;

	if (!name_pattern_is_wild(pattern))
		return strcmp(pattern, name) == 0;
	dir = strlen(pattern) - 1; /* with its slash */
	return strncmp(pattern, name, dir) == 0 && name[dir] != '\0' &&
	       strchr(name + dir, '/') == NULL;
}

int
name_order(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (*a == '\0' || *b == '\0')
		return *a == '\0' ? -1 : 1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

bool
name_is_inside(const char *outer, const char *inner)
{
	size_t len = strlen(outer);

	if (name_pattern_is_wild(outer)) /* its directory, with the slash */
		return strncmp(outer, inner, len - 1) == 0;
	return strncmp(outer, inner, len) == 0 && inner[len] == '/';
}

/* inner needs a directory where outer has, or may have, a file. */
static bool
is_blocked(const char *outer, const char *inner)
{
	if (!name_is_inside(outer, inner))
		return false;
	return !name_pattern_is_wild(outer) ||
	       strchr(inner + strlen(outer) - 1, '/') != NULL;
}

bool
name_patterns_clash(const char *a, const char *b)
{
	return is_blocked(a, b) || is_blocked(b, a);
}

static void
name_hash(const char *text, uint8_t *out, size_t len)
{
	uint8_t digest[32];

	sha256_hash(text, strlen(text), digest);
	memcpy(out, digest, len);
}

void
name_key(const char *name, uint8_t key[static 16])
{
	name_hash(name, key, 16);
}

void
name_interest(const char *pattern, uint8_t hash[static 8])
{
	name_hash(pattern, hash, 8);
}
