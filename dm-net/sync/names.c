/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/names.h"

/*
 * The hashes that a hello carries serve as the set itself: 8 bytes of sha256
 * of a name of our own configuration. A stranger's name that collides with one
 * (2^64 tries) passes this cheap check and meets dm-store's exact one.
 */
struct names {
	uint8_t (*hashes)[8];
	size_t count, room;
	bool is_sorted;
};

struct names *
names_new(void)
{
	return xcalloc(1, sizeof(struct names));
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	free(n->hashes);
	free(n);
}

void
names_add(struct names *n, const char *pattern)
{
	if (n->count == n->room) {
		n->room = n->room == 0 ? 16 : n->room * 2;
		n->hashes = xrealloc(n->hashes, n->room, 8);
	}
	name_interest(pattern, n->hashes[n->count++]);
	n->is_sorted = false;
}

static int
hash_compare(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

const uint8_t *
names_interests(struct names *n, size_t *count)
{
	size_t kept = 0;

	if (!n->is_sorted && n->count > 0) {
		qsort(n->hashes, n->count, 8, hash_compare);
		for (size_t i = 0; i < n->count; i++) {
			if (kept == 0 ||
			    memcmp(n->hashes[kept - 1], n->hashes[i], 8) != 0)
				memmove(n->hashes[kept++], n->hashes[i], 8);
		}
		n->count = kept;
	}
	n->is_sorted = true;
	*count = n->count;
	return n->count == 0 ? NULL : n->hashes[0];
}

/* name's own hash, and that of the pattern for its last component. */
static int
hashes_of(const char *name, uint8_t hashes[2][8])
{
	char pattern[NAME_LEN_MAX + 3];
	const char *slash = strrchr(name, '/');
	size_t len;

	name_interest(name, hashes[0]);
	if (slash == NULL)
		return 1;
	len = (size_t)(slash - name) + 1;
	if (len > NAME_LEN_MAX)
		return 1;
	memcpy(pattern, name, len);
	pattern[len] = '*';
	pattern[len + 1] = '\0';
	name_interest(pattern, hashes[1]);
	return 2;
}

bool
names_interest_has(const uint8_t *interests, size_t count, const char *name)
{
	uint8_t hashes[2][8];
	int n = hashes_of(name, hashes);

	for (int i = 0; i < n && count > 0; i++) {
		if (bsearch(hashes[i], interests, count, 8, hash_compare) !=
		    NULL)
			return true;
	}
	return false;
}

bool
names_cover(const struct names *n, const char *name)
{
	if (n->count == 0)
		return false;
	return names_interest_has(n->hashes[0], n->count, name);
}
