/* SPDX-License-Identifier: ISC */
#include "dm-store/unplaced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/winner.h"

/*
 * A hash table with linear probing. The keys are hashes already (name_key()),
 * of names that a configured signer chose: their first bytes will do.
 */
#define SLOTS_MIN 16 /* a power of two, as all sizes are */

static size_t
home_of(const struct unplaced *u, const uint8_t key[static 16])
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	return (size_t)hash & (u->n_slots - 1);
}

/* Where that key is, or the free slot where it would be. */
static size_t
slot_of(const struct unplaced *u, const uint8_t key[static 16])
{
	size_t i = home_of(u, key);

	while (u->slot[i] != NULL && memcmp(u->slot[i]->key, key, 16) != 0)
		i = (i + 1) & (u->n_slots - 1);
	return i;
}

/* At most half full: a probe finds a free slot soon. */
static void
grow(struct unplaced *u)
{
	struct change **old = u->slot;
	size_t n_old = u->n_slots;

	u->n_slots = n_old != 0 ? 2 * n_old : SLOTS_MIN;
	u->slot = xcalloc(u->n_slots, sizeof(struct change *));
	for (size_t i = 0; i < n_old; i++)
		if (old[i] != NULL)
			u->slot[slot_of(u, old[i]->key)] = old[i];
	free(old);
}

void
unplaced_add(struct store *s, const struct change *ch)
{
	struct unplaced *u = &s->unplaced;
	struct change **slot;

	if (2 * (u->n + 1) > u->n_slots)
		grow(u);
	slot = &u->slot[slot_of(u, ch->key)];
	if (*slot == NULL) {
		*slot = xmalloc(sizeof(**slot));
		u->n++;
	}
	**slot = *ch;
}

const struct change *
unplaced_get(const struct store *s, const uint8_t key[static 16])
{
	const struct unplaced *u = &s->unplaced;

	return u->n > 0 ? u->slot[slot_of(u, key)] : NULL;
}

bool
unplaced_has(const struct store *s, const uint8_t key[static 16])
{
	return unplaced_get(s, key) != NULL;
}

/* The entries after a slot that became free: each must be found from its
 * home. */
static void
close_gap(struct unplaced *u, size_t i)
{
	struct change *moved;

	while (u->slot[i = (i + 1) & (u->n_slots - 1)] != NULL) {
		moved = u->slot[i];
		u->slot[i] = NULL;
		u->slot[slot_of(u, moved->key)] = moved;
	}
}

bool
unplaced_take(struct store *s, const uint8_t key[static 16], struct change *out)
{
	struct unplaced *u = &s->unplaced;
	size_t i;

	if (!unplaced_has(s, key))
		return false;
	i = slot_of(u, key);
	if (out != NULL)
		*out = *u->slot[i];
	free(u->slot[i]);
	u->slot[i] = NULL;
	u->n--;
	close_gap(u, i);
	return true;
}

const struct change *
unplaced_next(struct store *s)
{
	struct unplaced *u = &s->unplaced;

	if (u->n == 0)
		return NULL;
	do
		u->at = (u->at + 1) & (u->n_slots - 1);
	while (u->slot[u->at] == NULL);
	return u->slot[u->at];
}

void
unplaced_clear(struct store *s)
{
	struct unplaced *u = &s->unplaced;

	for (size_t i = 0; i < u->n_slots; i++)
		free(u->slot[i]);
	free(u->slot);
	memset(u, 0, sizeof(*u));
}

const char *
unplaced_remedy(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "files/ and everything in it must belong to store_user, "
		       "who must be able to write it";
	case ENOSPC:
		return "make room in the file system of state_dir";
	case EDQUOT:
		return "raise the quota of store_user, or make room";
	case EROFS:
		return "mount it writable";
	case EXDEV:
	case EBUSY:
		return "state_dir must be one file system: nothing may be "
		       "mounted in it";
	case EISDIR:
	case ENOTDIR:
	case ENOTEMPTY:
		return "move away the file or directory that has this path";
	default:
		return "check the file system of state_dir";
	}
}
