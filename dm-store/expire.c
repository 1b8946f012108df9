/* SPDX-License-Identifier: ISC */
#include "dm-store/expire.h"

#include <string.h>

#include "dm-store/commit.h"
#include "dm-store/store_log.h"

#define SLICE 256    /* names a batch */
#define SLICES_MAX 8 /* a second: what waits longer is not served anyway */

/* Ends within (after, until]. */
struct expire_slice {
	uint64_t until_ns;
	size_t n;
	uint64_t last_ns;
	uint8_t key[SLICE][16];
	uint8_t row[SLICE][EXPIRY_KEY_SIZE];
};

static bool
on_due(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct expire_slice *d = ctx;

	(void)is_damaged; /* nothing is in it but the key */
	if (key_len != EXPIRY_KEY_SIZE)
		return true;
	if (row_get_u64(key) > d->until_ns)
		return false;
	memcpy(d->row[d->n], key, EXPIRY_KEY_SIZE);
	memcpy(d->key[d->n++], key + 8, 16);
	return true;
}

/* True if that was work. */
static bool
winner_key(
    struct store *s, const uint8_t key[static 16], enum winner_state not_this)
{
	struct winner w;

	if (table_winner(s->index, VIEW_BATCH, key, &w) != FOUND ||
	    w.state == not_this || w.state == WINNER_LOST)
		return false;
	if (winner_decide(s, w.name, 0) && not_this == WINNER_HIDDEN)
		store_log_expired(s, w.name);
	return true;
}

/*
 * Settles the names with an end in (after, until] that are not in that state
 * yet, or so many of them as one turn may take. False if that was not all, or
 * the disk is full: again later.
 */
static bool
winner_range(struct store *s, uint64_t after_ns, uint64_t until_ns,
    enum winner_state not_this)
{
	uint8_t from[EXPIRY_KEY_SIZE] = {0};
	struct expire_slice d = {.until_ns = until_ns};
	unsigned slices = 0;
	bool has_worked;

	row_put_u64(from, after_ns + 1);
	do {
		d.n = 0;
		has_worked = false;
		index_walk(s->index, VIEW_BATCH, INDEX_EXPIRY, from,
		    sizeof(from), SLICE, on_due, &d);
		for (size_t i = 0; i < d.n; i++)
			has_worked |= winner_key(s, d.key[i], not_this);
		if (commit_flush(s) == -1)
			return false;
		slices += has_worked;
		if (d.n > 0) {
			/* the next row: a longer key would be, too */
			memcpy(from, d.row[d.n - 1], sizeof(from));
			for (int i = EXPIRY_KEY_SIZE - 1;
			     i >= 0 && ++from[i] == 0; i--)
				;
		}
	} while (d.n == SLICE && slices < SLICES_MAX);
	return d.n < SLICE;
}

void
expire_tick(struct store *s)
{
	bool went_back = clock_check(&s->clock);
	uint64_t now = clock_now_ns(&s->clock);

	if (s->policy == NULL || !clock_is_set(&s->clock))
		return;
	/* to show again what a wrong clock has hidden needs no better one */
	if ((went_back || now < s->expired_until_ns) &&
	    s->expired_until_ns > now) {
		if (winner_range(s, now, s->expired_until_ns, WINNER_SHOWN))
			s->expired_until_ns = now;
		return;
	}
	if (!clock_is_sane(&s->clock))
		return;
	/* from a little before: what came meanwhile with an end just past */
	if (winner_range(s,
		s->expired_until_ns > NS_PER_S ? s->expired_until_ns - NS_PER_S
					       : 0,
		now, WINNER_HIDDEN))
		s->expired_until_ns = now;
}
